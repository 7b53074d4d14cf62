"""The rows of ``spit score`` per caller, and the reasons in words."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from spit.engine.engine import CallerSummary
from spit.engine.scored import REASONS_TYPE

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
    ]
)


def caller_rows(callers: Sequence[CallerSummary]) -> pa.RecordBatch:
    """One row per caller (CALLER_SCHEMA), in the order given."""
    columns = {
        "caller": [c.caller for c in callers],
        "label": [c.label.value for c in callers],
        "score": [c.score for c in callers],
        "action": [c.action.value for c in callers],
        "reasons": [
            [{"symbol": r.symbol, "weight": r.weight, "text": r.text} for r in c.reasons] for c in callers
        ],
        "attempts": [c.attempts for c in callers],
        "flagged_at_attempt": [c.flagged_at_attempt for c in callers],
        "first_seen": [c.first_seen for c in callers],
        "last_seen": [c.last_seen for c in callers],
        "source_ips": [list(c.source_ips) for c in callers],
        "model": [c.model for c in callers],
    }
    return pa.RecordBatch.from_pydict(columns, schema=CALLER_SCHEMA)


def reasons_in_words(rows: pa.RecordBatch) -> list[list[str]]:
    """The reasons of each row as lines: the words, then symbol and weight."""
    return [
        [f"{reason['text']} ({reason['symbol']} {reason['weight']:+.1f})" for reason in reasons or []]
        for reasons in rows.column("reasons").to_pylist()
    ]
