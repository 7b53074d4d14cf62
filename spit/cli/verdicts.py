"""The reasons of a verdict in words."""

from __future__ import annotations

import pyarrow as pa


def reasons_in_words(rows: pa.RecordBatch) -> list[list[str]]:
    """The reasons of each row as lines: the words, then symbol and weight."""
    return [
        [f"{reason['text']} ({reason['symbol']} {reason['weight']:+.1f})" for reason in reasons or []]
        for reasons in rows.column("reasons").to_pylist()
    ]
