"""What would be different under another policy or model: recorded calls, replayed under both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spit.engine.call_labels import UNLABELLED, CallLabels
from spit.engine.callers import LABELS
from spit.engine.engine import Engine
from spit.engine.scored import REASONS_TYPE, Scored
from spit.records import ActionKind, Reason, Verdict

Mask = npt.NDArray[np.bool_]

#: Actions that keep a call from its callee. The others change how it arrives.
BLOCKING = frozenset({ActionKind.REJECT, ActionKind.DROP})
NEWLY_BLOCKED, NEWLY_PASSED = "newly_blocked", "newly_passed"
#: Callers held with an example each; beyond, only the counts go on.
MAX_CALLERS = 200_000

#: One row per affected caller and change. ``wrong``: labelled legitimate; null without labels.
WHAT_IF_SCHEMA = pa.schema(
    [
        pa.field("change", pa.string()),
        pa.field("caller", pa.string()),
        pa.field("calls", pa.int64()),
        pa.field("action_now", pa.string()),
        pa.field("action_then", pa.string()),
        pa.field("label_now", pa.string()),
        pa.field("label_then", pa.string()),
        pa.field("score", pa.float64()),  # the highest, of the side that blocks
        pa.field("expected_wrong", pa.float64()),  # sum of 1 - probability over the calls
        pa.field("wrong", pa.int64()),
        pa.field("example_call_id", pa.string()),
        pa.field("reasons", REASONS_TYPE),
    ]
)


@dataclass(slots=True)
class WhatIfTotals:
    """Counts of calls. ``labels``: (label now, label then). ``expected_wrong``: estimated legitimate calls
    among the newly blocked, from the calibrated probability of each attempt; ``wrong_*``: among labelled
    ones.
    """

    calls: int = 0
    unchanged: int = 0
    newly_blocked: int = 0
    newly_passed: int = 0
    blocked_now: int = 0
    blocked_then: int = 0
    treated_otherwise: int = 0
    expected_wrong_now: float = 0.0
    expected_wrong_then: float = 0.0
    labelled: int = 0
    wrong_now: int = 0
    wrong_then: int = 0
    spam_passed_now: int = 0
    spam_passed_then: int = 0
    callers_not_listed: int = 0
    labels: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(slots=True)
class _Affected:
    caller: str | None
    change: str
    call_id: str
    action_now: str
    action_then: str
    label_now: str
    label_then: str
    score: float
    reasons: tuple[Reason, ...]
    calls: int = 0
    expected_wrong: float = 0.0
    wrong: int = 0


class WhatIf:
    """Replays events through two fresh engines: ``now`` as it is, ``then`` as it would be.

    What enforcing would do is compared, whatever the mode. Exempt calls, emergency numbers and lists count as
    in operation.
    """

    def __init__(self, now: Engine, then: Engine, labels: CallLabels | None = None) -> None:
        self._now = now
        self._then = then
        self._labels = labels
        self._affected: dict[tuple[str, str], _Affected] = {}
        self.totals = WhatIfTotals()

    def replay(self, events: Iterable[pa.RecordBatch], progress: Callable[[int], None] | None = None) -> None:
        """Compare every attempt of ``events`` (records.EVENT_SCHEMA, in time order)."""
        for batch in events:
            self._compare(self._now.observe(batch), self._then.observe(batch))
            if progress is not None:
                progress(self.totals.calls)

    def rows(self) -> pa.RecordBatch:
        """The affected callers (WHAT_IF_SCHEMA): newly blocked before newly passed, most calls first."""
        found = sorted(
            self._affected.values(), key=lambda one: (one.change, -one.calls, one.caller or "", one.call_id)
        )
        return pa.RecordBatch.from_pylist(
            [
                {
                    "change": one.change,
                    "caller": one.caller,
                    "calls": one.calls,
                    "action_now": one.action_now,
                    "action_then": one.action_then,
                    "label_now": one.label_now,
                    "label_then": one.label_then,
                    "score": one.score,
                    "expected_wrong": one.expected_wrong,
                    "wrong": None if self._labels is None else one.wrong,
                    "example_call_id": one.call_id,
                    "reasons": [
                        {"symbol": r.symbol, "weight": r.weight, "text": r.text} for r in one.reasons
                    ],
                }
                for one in found
            ],
            schema=WHAT_IF_SCHEMA,
        )

    def _compare(self, now: Scored, then: Scored) -> None:
        if len(now) == 0:
            return
        attempts = now.events
        did, would = (actions(scored, attempts) for scored in (now, then))
        blocked, blocks = is_blocking(did), is_blocking(would)
        totals = self.totals
        totals.calls += len(now)
        totals.newly_blocked += int((blocks & ~blocked).sum())
        totals.newly_passed += int((blocked & ~blocks).sum())
        totals.blocked_now += int(blocked.sum())
        totals.blocked_then += int(blocks.sum())
        same = np.asarray(did == would)
        totals.unchanged += int(same.sum())
        totals.treated_otherwise += int((~same & (blocked == blocks)).sum())
        # The model that is proposed is the one whose calibration is asked.
        wrong = 1.0 - then.probability
        totals.expected_wrong_now += float(wrong[blocked].sum())
        totals.expected_wrong_then += float(wrong[blocks].sum())
        pairs, counts = np.unique(
            np.stack([now.label_rank, then.label_rank], axis=1), axis=0, return_counts=True
        )
        for (before, after), count in zip(pairs.tolist(), counts.tolist(), strict=True):
            key = (LABELS[before].value, LABELS[after].value)
            totals.labels[key] = totals.labels.get(key, 0) + count
        ham = self._count_labels(attempts, blocked, blocks)
        for change, rows, blocking in (
            (NEWLY_BLOCKED, np.flatnonzero(blocks & ~blocked), then),
            (NEWLY_PASSED, np.flatnonzero(blocked & ~blocks), now),
        ):
            self._note(change, rows, blocking, attempts, (did, would), (now, then), (wrong, ham))

    def _count_labels(self, attempts: pa.RecordBatch, blocked: Mask, blocks: Mask) -> Mask:
        if self._labels is None:
            return np.zeros(attempts.num_rows, np.bool_)
        label, _ = self._labels.find(attempts)
        ham: Mask = label == 0
        spam = label == 1
        totals = self.totals
        totals.labelled += int((label != UNLABELLED).sum())
        totals.wrong_now += int((ham & blocked).sum())
        totals.wrong_then += int((ham & blocks).sum())
        totals.spam_passed_now += int((spam & ~blocked).sum())
        totals.spam_passed_then += int((spam & ~blocks).sum())
        return ham

    def _note(
        self,
        change: str,
        rows: npt.NDArray[np.int64],
        blocking: Scored,
        attempts: pa.RecordBatch,
        acted: tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]],
        scored: tuple[Scored, Scored],
        weights: tuple[npt.NDArray[np.float64], Mask],
    ) -> None:
        taken = pa.array(rows)
        callers = attempts["caller"].take(taken).to_pylist()
        call_ids = attempts["call_id"].take(taken).to_pylist()
        fresh: list[tuple[_Affected, int]] = []
        for row, caller, call_id in zip(rows.tolist(), callers, call_ids, strict=True):
            key = (change, caller or "")
            one = self._affected.get(key)
            if one is None:
                if len(self._affected) >= MAX_CALLERS:
                    self.totals.callers_not_listed += 1
                    continue
                label_now, label_then = (LABELS[int(side.label_rank[row])].value for side in scored)
                action_now, action_then = (str(side[row]) for side in acted)
                one = _Affected(
                    caller, change, call_id, action_now, action_then, label_now, label_then, 0.0, ()
                )
                self._affected[key] = one
                fresh.append((one, row))
            one.calls += 1
            one.score = max(one.score, float(blocking.score[row]))
            one.expected_wrong += float(weights[0][row])
            one.wrong += int(weights[1][row])
        for (one, _), reasons in zip(fresh, blocking.reasons([row for _, row in fresh]), strict=True):
            one.reasons = reasons


def actions(scored: Scored, attempts: pa.RecordBatch) -> npt.NDArray[np.object_]:
    """What enforcing would do with each attempt, as ActionKind values."""
    labels = pa.array([label.value for label in LABELS]).take(pa.array(scored.label_rank))
    found: npt.NDArray[np.object_] = scored.policy.would(attempts["caller"], labels).to_numpy(
        zero_copy_only=False
    )
    found = found.copy()
    # Exemptions belong to single calls: asked one by one where anything would be done at all.
    for row in np.flatnonzero(found != ActionKind.ALLOW.value).tolist():
        callee, exemption = attempts["callee"][row].as_py(), attempts["exemption"][row].as_py()
        caller, label = attempts["caller"][row].as_py(), LABELS[int(scored.label_rank[row])]
        verdict = Verdict(caller, float(scored.score[row]), label, (), scored.model, 1)
        found[row] = scored.policy.decide(verdict, callee=callee, exemption=exemption).would.value
    return found


def is_blocking(found: npt.NDArray[np.object_]) -> Mask:
    """Whether each action keeps the call from its callee."""
    kinds = pa.array([kind.value for kind in BLOCKING])
    blocking: Mask = pc.is_in(pa.array(found, pa.string()), value_set=kinds).to_numpy(zero_copy_only=False)
    return blocking


def totals_lines(totals: WhatIfTotals) -> list[str]:
    """The totals in words."""

    def share(count: int) -> str:
        return f"{count} ({count / totals.calls:.2%})" if totals.calls else str(count)

    lines = [
        f"{totals.calls} calls: {share(totals.newly_blocked)} newly blocked, "
        f"{share(totals.newly_passed)} newly passed, {share(totals.treated_otherwise)} treated otherwise, "
        f"{share(totals.unchanged)} unchanged.",
        f"Blocked now {share(totals.blocked_now)}, then {share(totals.blocked_then)}.",
        f"Estimated legitimate calls among the blocked (by the model's probabilities): now "
        f"{totals.expected_wrong_now:.1f}, then {totals.expected_wrong_then:.1f}.",
    ]
    if totals.labelled:
        lines.append(
            f"Of {totals.labelled} labelled calls: wrongly blocked now {totals.wrong_now}, "
            f"then {totals.wrong_then}; "
            f"spam passed now {totals.spam_passed_now}, then {totals.spam_passed_then}."
        )
    changed = {key: count for key, count in totals.labels.items() if key[0] != key[1]}
    lines += [f"Label {now} becomes {then}: {count} calls." for (now, then), count in sorted(changed.items())]
    if totals.callers_not_listed:
        lines.append(f"{totals.callers_not_listed} calls of further callers are counted and not listed.")
    return lines
