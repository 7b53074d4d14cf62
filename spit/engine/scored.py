"""What ``Engine.observe`` answers: the scored attempts of a batch, in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from spit.engine.callers import F32, F64, I8, I64, LABELS, SUSPECT_RANK
from spit.policy.policy import Policy
from spit.records import Label, Reason, Verdict

Explain = Callable[[F32], list[tuple[Reason, ...]]]

REASONS_TYPE = pa.list_(
    pa.struct(
        [pa.field("symbol", pa.string()), pa.field("weight", pa.float64()), pa.field("text", pa.string())]
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
    ]
)


@dataclass(frozen=True, slots=True)
class Scored:
    """The n attempts of a batch. ``rows``: their rows in the batch; the other arrays are in the same order.

    ``probability``: the attempt alone; ``score``: its caller's evidence with this attempt (what the label is
    made from); ``attempts``: the caller's attempts so far, this one included; ``flagged_at_attempt``: 0 where
    the caller was not spam so far.
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
        for i, reasons in zip(labelled, self.explain(self.values[positions[labelled]]), strict=True):
            result[i] = reasons
        return result

    def to_calls(self) -> pa.RecordBatch:
        """The rows of ``spit score --by call`` (SCORED_CALL_SCHEMA)."""
        labels, reasons, events = self.labels(), self.reasons(), self.events
        callers = events["caller"].to_pylist()
        callees = events["callee"].to_pylist()
        exemptions = events["exemption"].to_pylist()
        scores, attempts = self.score.tolist(), self.attempts.tolist()
        verdicts = (
            Verdict(*columns, self.model, attempts[i])
            for i, columns in enumerate(zip(callers, scores, labels, reasons, strict=True))
        )
        actions = [
            self.policy.decide(verdict, callee=callee, exemption=exemption).would.value
            for verdict, callee, exemption in zip(verdicts, callees, exemptions, strict=True)
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
                [[{"symbol": r.symbol, "weight": r.weight, "text": r.text} for r in row] for row in reasons],
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
            "model": pa.array([self.model] * len(self), pa.string()),
        }
        return pa.RecordBatch.from_arrays(
            [columns[name] for name in SCORED_CALL_SCHEMA.names], schema=SCORED_CALL_SCHEMA
        )


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
    )
