"""What ``spit score`` prints: rows of callers, calls or campaigns, counted by label."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from spit.cli.formats import RowWriter, open_writer
from spit.cli.progress import Progress
from spit.cli.rows import terminal_width
from spit.cli.table import TableWriter
from spit.cli.verdicts import campaign_in_words, reasons_in_words
from spit.engine.campaign_rows import CAMPAIGN_SCHEMA
from spit.engine.scored import SCORED_CALL_SCHEMA, Scored
from spit.engine.summaries import CALLER_SCHEMA
from spit.records import Label

_CALLER_COLUMNS = (
    "caller", "label", "score", "action", "attempts", "flagged_at_attempt", "first_seen", "last_seen",
)  # fmt: skip
_CALL_COLUMNS = ("time", "caller", "callee", "label", "score", "action", "attempts", "call_id")
_CAMPAIGN_COLUMNS = (
    "campaign", "label", "score", "callers", "attempts", "flagged_at_attempt", "first_seen", "last_seen",
)  # fmt: skip
_ROWS = {
    "caller": (CALLER_SCHEMA, _CALLER_COLUMNS),
    "call": (SCORED_CALL_SCHEMA, _CALL_COLUMNS),
    "campaign": (CAMPAIGN_SCHEMA, _CAMPAIGN_COLUMNS),
}
_NOTES = {"caller": reasons_in_words, "call": reasons_in_words, "campaign": campaign_in_words}


class ScoreRows:
    """The rows of this run on their way out, counted by label. A table leaves legit ones out unless --all."""

    def __init__(self, stream: BinaryIO, format_: str, arguments: argparse.Namespace) -> None:
        self._all = format_ != "table" or arguments.all
        self._unit = arguments.by
        self._counts: Counter[str] = Counter()
        schema, columns = _ROWS[arguments.by]
        self._writer: RowWriter
        if format_ == "table":
            width = terminal_width(arguments.output)
            self._writer = TableWriter(stream, schema, columns, width, notes=_NOTES[arguments.by])
        else:
            self._writer = open_writer(format_, stream, schema)

    def write(self, rows: pa.RecordBatch) -> None:
        labels = rows.column("label")
        for count in pc.value_counts(labels).to_pylist():
            self._counts[count["values"]] += count["counts"]
        if not self._all:
            rows = rows.filter(pc.not_equal(labels, Label.LEGIT.value))
        if rows.num_rows:
            self._writer.write(rows)

    def written(self, scored: Iterator[Scored], progress: Progress) -> Iterator[Scored]:
        """Pass each batch on once its rows are written."""
        for part in scored:
            progress.wipe()
            self.write(part.to_calls())
            yield part

    def close(self) -> None:
        self._writer.close()

    def summary(self) -> str:
        """How many of each label."""
        spam, suspect, legit = (
            self._counts[label.value] for label in (Label.SPAM, Label.SUSPECT, Label.LEGIT)
        )
        hidden = "" if self._all or not legit else " (not shown; --all shows them)"
        return f"{self._counts.total()} {self._unit}s: {spam} spam, {suspect} suspect, {legit} legit{hidden}."
