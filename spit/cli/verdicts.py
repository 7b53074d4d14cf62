"""The reasons of a verdict in words."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def reasons_in_words(rows: pa.RecordBatch) -> list[list[str]]:
    """The reasons of each row as lines: the words, symbol and weight, then what would have let it pass."""
    return [[_in_words(reason) for reason in reasons or []] for reasons in rows.column("reasons").to_pylist()]


def _in_words(reason: dict[str, Any]) -> str:
    counterfactual = reason.get("counterfactual")
    words = f"{reason['text']} ({reason['symbol']} {reason['weight']:+.1f})"
    return words if counterfactual is None else f"{words} {counterfactual}"
