"""The callers seen, one row each: how ``spit score`` and the service show them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spit.engine.callers import LABELS, CallerColumns
from spit.engine.scored import REASONS_TYPE, Explain, margins, reason_row
from spit.policy.policy import Policy
from spit.records import ActionKind, Label, Reason

#: ``spit score --by caller``, in this order (the contract of the command line). Times in epoch seconds.
CALLER_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("caller", pa.string()),
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
class CallerSummary:
    """One caller, over everything seen. Times in epoch seconds.

    ``label`` and ``score`` are the highest reached, ``reasons`` those of the attempt that reached it,
    ``action`` what enforcing would do, ``call_ids`` the first attempts that were labelled.
    """

    caller: str
    label: Label
    score: float
    action: ActionKind
    reasons: tuple[Reason, ...]
    attempts: int
    flagged_at_attempt: int | None
    first_seen: float
    last_seen: float
    source_ips: tuple[str, ...]
    call_ids: tuple[str, ...]
    model: str


def caller_rows(
    held: CallerColumns,
    *,
    policy: Policy,
    explain: Explain,
    model: str,
    level: int = 0,
    time_us: int | None = None,
) -> pa.RecordBatch:
    """One row per caller (CALLER_SCHEMA), the highest score first.

    ``level``, ``time_us``: as for ``Policy.would``.

    Only what was labelled is explained, and becomes objects: of a million callers nearly all are legit.
    """
    n = len(held.callers)
    ranked = pa.record_batch([pa.array(held.score), held.callers], names=["score", "caller"])
    order = pc.sort_indices(ranked, [("score", "descending"), ("caller", "ascending")])
    at = order.to_numpy()
    place = np.empty(n, np.int64)
    place[at] = np.arange(n)
    labelled = place[held.values_at]
    by_place = np.argsort(labelled)
    callers = held.callers.take(order)
    labels = pa.array([label.value for label in LABELS]).take(pa.array(held.label[at]))
    flagged = held.flagged_at_attempt[at]
    to_pass = margins(policy, held.score[held.values_at], held.label[held.values_at])
    columns = {
        "caller": callers,
        "label": labels,
        "score": pa.array(held.score[at]),
        "action": policy.would(callers, labels, level=level, time_us=time_us),
        "reasons": _reasons(explain(held.values[by_place], to_pass[by_place]), labelled[by_place], n),
        "attempts": pa.array(held.attempts[at]),
        "flagged_at_attempt": pa.array(flagged, mask=flagged == 0),
        "first_seen": pa.array(held.first_seen_us[at] / 1e6),
        "last_seen": pa.array(held.last_seen_us[at] / 1e6),
        "source_ips": held.source_ips.take(order),
        "call_ids": held.call_ids.take(order),
        "model": pa.repeat(model, n),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in CALLER_SCHEMA.names], schema=CALLER_SCHEMA)


def summaries(rows: pa.RecordBatch) -> list[CallerSummary]:
    """The rows of ``caller_rows`` as objects."""
    return [
        CallerSummary(
            **row
            | {
                "label": Label(row["label"]),
                "action": ActionKind(row["action"]),
                "reasons": tuple(Reason(**reason) for reason in row["reasons"]),
                "source_ips": tuple(row["source_ips"]),
                "call_ids": tuple(row["call_ids"]),
            }
        )
        for row in rows.to_pylist()
    ]


def _reasons(found: list[tuple[Reason, ...]], places: np.ndarray, n: int) -> pa.ListArray:
    """A list for each of ``n`` rows: those found at ``places``, empty ones elsewhere."""
    lengths = np.zeros(n, np.int64)
    lengths[places] = [len(reasons) for reasons in found]
    flat = [reason_row(reason) for row in found for reason in row]
    offsets = pa.array(np.r_[0, np.cumsum(lengths)], pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(flat, REASONS_TYPE.value_type))
