"""Verdicts beside labels: spam found and missed, legitimate wrongly flagged, by campaign and kind."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field

from spit.cli.labels import Truth


@dataclass(slots=True)
class _Group:
    spam: bool
    labels: Counter[str] = field(default_factory=Counter)
    flagged_at: list[int] = field(default_factory=list)


class Comparison:
    """Counts verdicts by the truth. ``unit``: what one verdict is about, in the plural: callers or calls."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._groups: dict[Truth, _Group] = {}
        self._unlabelled = 0

    def add(self, truth: Truth | None, label: str, flagged_at_attempt: int | None) -> None:
        """One verdict: ``label`` is spam, suspect or legit. ``truth`` None: the labels do not name it."""
        if truth is None:
            self._unlabelled += 1
            return
        group = self._groups.setdefault(truth, _Group(truth.spam))
        group.labels[label] += 1
        if label == "spam" and flagged_at_attempt is not None:
            group.flagged_at.append(flagged_at_attempt)

    def lines(self) -> list[str]:
        """The comparison as text: spam by campaign, legitimate by kind, totals."""
        if not self._groups:
            return [f"Comparison with the labels: none of the {self._unit} is in the labels."]
        names = [truth.campaign or "(none named)" for truth in self._groups]
        width = max(len("legitimate kind"), *(len(name) for name in names))
        lines = ["Comparison with the labels", ""]
        spam = self._of(True)
        if spam:
            lines.append(
                f"{'spam campaign':{width}}  {self._unit:>7}  {'found':>6}  {'suspect':>7}  {'missed':>6}"
                + ("  found at attempt (median)" if any(group.flagged_at for _, group in spam) else "")
            )
            for name, group in spam:
                at = f"  {statistics.median(group.flagged_at):9.0f}" if group.flagged_at else ""
                lines.append(self._row(name, width, group) + at)
            lines.append("")
        ham = self._of(False)
        if ham:
            lines.append(
                f"{'legitimate kind':{width}}  {self._unit:>7}  {'flagged':>6}  {'suspect':>7}  {'passed':>6}"
            )
            lines += [self._row(name, width, group) for name, group in ham]
            lines.append("")
        return [*lines, self._total(spam, ham)]

    def _of(self, spam: bool) -> list[tuple[str, _Group]]:
        chosen = [
            (truth.campaign or "(none named)", g) for truth, g in self._groups.items() if g.spam is spam
        ]
        return sorted(chosen, key=lambda entry: entry[0])

    @staticmethod
    def _row(name: str, width: int, group: _Group) -> str:
        counts = group.labels
        return (
            f"{name:{width}}  {counts.total():>7}  {counts['spam']:>6}  {counts['suspect']:>7}  "
            f"{counts['legit']:>6}"
        )

    def _total(self, spam: list[tuple[str, _Group]], ham: list[tuple[str, _Group]]) -> str:
        def count(groups: list[tuple[str, _Group]], label: str | None = None) -> int:
            return sum(g.labels.total() if label is None else g.labels[label] for _, g in groups)

        text = (
            f"Found {count(spam, 'spam')} of {count(spam)} spam {self._unit}, missed {count(spam, 'legit')} "
            f"({count(spam, 'suspect')} suspect). "
            f"Wrongly flagged {count(ham, 'spam')} of {count(ham)} legitimate {self._unit} "
            f"({count(ham, 'suspect')} suspect)."
        )
        return text + (f" {self._unlabelled} {self._unit} have no label." if self._unlabelled else "")
