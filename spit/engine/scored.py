"""What ``Engine.observe`` answers: the scored attempts of a batch, in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from spit.engine.callers import F32, F64, I8, I64, LABELS, SPAM_RANK, SUSPECT_RANK
from spit.model.campaign_evidence import TIES
from spit.model.context import context_reasons
from spit.model.evidence import Mask
from spit.model.evidence_state import Decision, join_decisions
from spit.policy.policy import Policy
from spit.records import Label, Reason, Verdict

#: Reasons of rows of features; the second argument is ``margins`` of the same rows.
Explain = Callable[[F32, F64], list[tuple[Reason, ...]]]

REASONS_TYPE = pa.list_(
    pa.struct(
        [
            pa.field("symbol", pa.string()),
            pa.field("weight", pa.float64()),
            pa.field("text", pa.string()),
            pa.field("counterfactual", pa.string()),
        ]
    )
)

#: ``spit score --by call``: what was known at each attempt.
SCORED_CALL_SCHEMA = pa.schema(
    [
        pa.field("call_id", pa.string()),
        pa.field("time", pa.float64()),
        pa.field("caller", pa.string()),
        pa.field("callee", pa.string()),
        pa.field("label", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("action", pa.string()),
        pa.field("reasons", REASONS_TYPE),
        pa.field("attempts", pa.int64()),
        pa.field("flagged_at_attempt", pa.int64()),
        pa.field("first_seen", pa.float64()),
        pa.field("last_seen", pa.float64()),
        pa.field("source_ips", pa.list_(pa.string())),
        pa.field("model", pa.string()),
        pa.field("call_ids", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True, slots=True)
class AttemptContext:
    """What lies in no feature of the n attempts, in their order.

    ``decision``: what the score was made of; ``is_victim``: the number is abused by others; ``levels``: how
    far the budget of wrong blocks was overspent; ``call_ids``: by position, the caller's labelled attempts so
    far.
    """

    decision: Decision
    is_victim: Mask
    levels: I64
    call_ids: dict[int, tuple[str, ...]]

    def reasons(self, row: int) -> tuple[Reason, ...]:
        """Those of one attempt."""
        return context_reasons(
            TIES[self.decision.tie[row]] if self.decision.fits_campaign[row] else None,
            float(self.decision.shift[row]),
            is_victim=bool(self.is_victim[row]),
        )


@dataclass(frozen=True, slots=True)
class Scored:
    """The n attempts of a batch. ``rows``: their rows in the batch; the other arrays are in the same order.

    ``probability``: the attempt alone; ``score``: its caller's evidence with this attempt (what the label is
    made from); ``attempts``: the caller's attempts so far, this one included; ``flagged_at_attempt``: 0 where
    the caller was not spam so far. ``context``: what else was known; None where it was not kept.
    """

    batch: pa.RecordBatch  # all events of the batch, records.EVENT_SCHEMA
    rows: I64
    values: F32
    probability: F64
    score: F64
    label_rank: I8
    attempts: I64
    flagged_at_attempt: I64
    first_seen_us: I64
    model: str
    policy: Policy
    explain: Explain
    context: AttemptContext | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def events(self) -> pa.RecordBatch:
        """The attempt rows of the batch. Picked when asked for: most who score need no more of them."""
        return self.batch.take(pa.array(self.rows))

    def labels(self) -> list[Label]:
        """The label of each attempt."""
        return [LABELS[rank] for rank in self.label_rank.tolist()]

    def reasons(self, at: Sequence[int] | I64 | None = None) -> list[tuple[Reason, ...]]:
        """Reasons of the attempts at these positions (all when None); none for those labelled legit.

        Computed here and not in ``observe``: explaining costs as much as scoring a dozen attempts.
        """
        positions = np.arange(len(self)) if at is None else np.asarray(at, dtype=np.int64)
        result: list[tuple[Reason, ...]] = [()] * len(positions)
        labelled = np.flatnonzero(self.label_rank[positions] >= SUSPECT_RANK)
        rows = positions[labelled]
        to_pass = margins(self.policy, self.score[rows], self.label_rank[rows])
        for i, row, reasons in zip(
            labelled.tolist(), rows.tolist(), self.explain(self.values[rows], to_pass), strict=True
        ):
            result[i] = reasons if self.context is None else (*self.context.reasons(row), *reasons)
        return result

    def to_calls(self) -> pa.RecordBatch:
        """The rows of ``spit score --by call`` (SCORED_CALL_SCHEMA)."""
        labels, reasons, events = self.labels(), self.reasons(), self.events
        call_ids = {} if self.context is None else self.context.call_ids
        levels = [0] * len(self) if self.context is None else self.context.levels.tolist()
        callers = events["caller"].to_pylist()
        callees = events["callee"].to_pylist()
        exemptions = events["exemption"].to_pylist()
        scores, attempts = self.score.tolist(), self.attempts.tolist()
        verdicts = (
            Verdict(*columns, self.model, attempts[i], call_ids.get(i, ()))
            for i, columns in enumerate(zip(callers, scores, labels, reasons, strict=True))
        )
        actions = [
            self.policy.decide(verdict, callee=callee, exemption=exemption, level=level).would.value
            for verdict, callee, exemption, level in zip(verdicts, callees, exemptions, levels, strict=True)
        ]
        time_s = events["start_time_us"].to_numpy() / 1e6
        columns = {
            "call_id": events["call_id"],
            "time": pa.array(time_s),
            "caller": events["caller"],
            "callee": events["callee"],
            "label": pa.array([label.value for label in labels], pa.string()),
            "score": pa.array(self.score),
            "action": pa.array(actions, pa.string()),
            "reasons": pa.array(
                [[reason_row(reason) for reason in row] for row in reasons],
                REASONS_TYPE,
            ),
            "attempts": pa.array(self.attempts),
            "flagged_at_attempt": pa.array(self.flagged_at_attempt, mask=self.flagged_at_attempt == 0),
            "first_seen": pa.array(self.first_seen_us / 1e6),
            "last_seen": pa.array(time_s),
            "source_ips": pa.array(
                [[] if ip is None else [ip] for ip in events["source_ip"].to_pylist()],
                pa.list_(pa.string()),
            ),
            "call_ids": pa.array(
                [list(call_ids.get(i, ())) for i in range(len(self))], pa.list_(pa.string())
            ),
            "model": pa.array([self.model] * len(self), pa.string()),
        }
        return pa.RecordBatch.from_arrays(
            [columns[name] for name in SCORED_CALL_SCHEMA.names], schema=SCORED_CALL_SCHEMA
        )


def reason_row(reason: Reason) -> dict[str, Any]:
    """A reason as a row of REASONS_TYPE."""
    return asdict(reason)


def margins(policy: Policy, scores: F64, ranks: I8) -> F64:
    """float64[n]: by how much the log-odds must fall for the label below; 0 for legit."""
    spam, suspect = _log_odds(np.array([policy.spam_threshold, policy.suspect_threshold]))
    threshold = np.where(ranks == SPAM_RANK, spam, suspect)
    return np.where(ranks >= SUSPECT_RANK, np.maximum(_log_odds(scores) - threshold, 0.0), 0.0)


def _log_odds(scores: F64) -> F64:
    clipped = np.clip(scores, 1e-12, 1.0 - 1e-12)
    return np.asarray(np.log(clipped) - np.log1p(-clipped), dtype=np.float64)


def concatenate(parts: list[Scored]) -> Scored:
    """One answer for the chunks of one batch; ``parts`` must be of the same batch and not be empty."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    return Scored(
        batch=first.batch,
        rows=joined("rows"),
        values=joined("values"),
        probability=joined("probability"),
        score=joined("score"),
        label_rank=joined("label_rank"),
        attempts=joined("attempts"),
        flagged_at_attempt=joined("flagged_at_attempt"),
        first_seen_us=joined("first_seen_us"),
        model=first.model,
        policy=first.policy,
        explain=first.explain,
        context=_join([part.context for part in parts]),
    )


def _join(parts: list[AttemptContext | None]) -> AttemptContext | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    offsets = np.cumsum([0, *(len(part.levels) for part in known)]).tolist()
    return AttemptContext(
        decision=join_decisions([part.decision for part in known]),
        is_victim=np.concatenate([part.is_victim for part in known]),
        levels=np.concatenate([part.levels for part in known]),
        call_ids={
            offset + row: names
            for offset, part in zip(offsets[:-1], known, strict=True)
            for row, names in part.call_ids.items()
        },
    )
