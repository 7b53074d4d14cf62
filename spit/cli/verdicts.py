"""The reasons of a verdict in words."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def reasons_in_words(rows: pa.RecordBatch) -> list[list[str]]:
    """The reasons of each row as lines: the words, symbol and weight, then what would have let it pass."""
    return [[_in_words(reason) for reason in reasons or []] for reasons in rows.column("reasons").to_pylist()]


def campaign_in_words(rows: pa.RecordBatch) -> list[list[str]]:
    """What ties each campaign's callers, some of them, then the reasons of the worst."""
    return [
        [
            *row["ties"],
            f"callers such as {', '.join(row['caller_examples'])}",
            *map(_in_words, row["reasons"]),
        ]
        for row in rows.to_pylist()
    ]


def _in_words(reason: dict[str, Any]) -> str:
    counterfactual = reason.get("counterfactual")
    words = f"{reason['text']} ({reason['symbol']} {reason['weight']:+.1f})"
    return words if counterfactual is None else f"{words} {counterfactual}"
