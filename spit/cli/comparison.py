"""An evaluation for people: spam found and missed, legitimate wrongly flagged, by campaign and kind."""

from __future__ import annotations

from dataclasses import dataclass

from spit.engine.callers import LABELS
from spit.engine.challenger import Comparison
from spit.engine.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class _Group:
    """Callers of one campaign or kind; ``before``: median calls of a flagged caller before it was flagged."""

    name: str
    callers: int
    flagged: int
    suspect: int
    before: float | None

    @property
    def passed(self) -> int:
        return self.callers - self.flagged - self.suspect


def comparison_lines(evaluation: Evaluation) -> list[str]:
    """The comparison as lines of text, totals last."""
    spam, ham = _groups(evaluation, "spam"), _groups(evaluation, "ham")
    width = max(len("legitimate kind"), *(len(group.name) for group in [*spam, *ham]))
    lines = ["Comparison with the labels, by caller"]
    if spam:
        lines += ["", f"{'spam campaign':{width}}  callers    found  suspect  missed  calls before (median)"]
        for group in spam:
            before = "" if group.before is None else f"  {group.before:>12.0f}"
            lines.append(_counts(group, width) + before)
    if ham:
        lines += ["", f"{'legitimate kind':{width}}  callers  flagged  suspect  passed"]
        lines += [_counts(group, width) for group in ham]
    text = (
        f"Found {_sum(spam, 'flagged')} of {_sum(spam, 'callers')} spam callers, "
        f"missed {_sum(spam, 'passed')}, suspect {_sum(spam, 'suspect')}. "
        f"Wrongly flagged {_sum(ham, 'flagged')} of {_sum(ham, 'callers')} legitimate callers, "
        f"suspect {_sum(ham, 'suspect')}."
    )
    without = evaluation.overall["calls_without_label"]
    return [*lines, "", text + (f" {without} calls have no label." if without else "")]


def challenger_lines(compared: Comparison) -> list[str]:
    """How two models compare, as lines of text."""
    lines = [
        f"Challenger {compared.challenger} beside {compared.champion}: {compared.agreed} of "
        f"{compared.attempts} calls get the same label; {compared.only_champion} are "
        f"spam only to {compared.champion}, {compared.only_challenger} only to {compared.challenger}."
    ]
    for i, row in enumerate(compared.labels):
        lines += [
            f"{LABELS[i].value} becomes {LABELS[j].value}: {count} calls."
            for j, count in enumerate(row)
            if count and i != j
        ]
    return lines


def _groups(evaluation: Evaluation, label: str) -> list[_Group]:
    groups = []
    for row in evaluation.groups.to_dict("records"):
        if row["label"] != label:
            continue
        at_least_suspect = round(row["callers_suspect_ratio"] * row["callers"])
        before = row["calls_before_detection_median"]
        groups.append(
            _Group(
                name=row["group"],
                callers=row["callers"],
                flagged=row["callers_flagged"],
                suspect=at_least_suspect - row["callers_flagged"],
                # pandas turns a missing number into NaN, the only value that differs from itself
                before=None if before is None or before != before else float(before),
            )
        )
    return groups


def _counts(group: _Group, width: int) -> str:
    return (
        f"{group.name:{width}}  {group.callers:>7}  {group.flagged:>7}  {group.suspect:>7}  {group.passed:>6}"
    )


def _sum(groups: list[_Group], what: str) -> int:
    return sum(getattr(group, what) for group in groups)
