"""``spit score``: a verdict per caller, or per call, of captures."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from spit.capture.files import CaptureFiles
from spit.cli.comparison import Comparison
from spit.cli.detector import build_engine
from spit.cli.formats import RowWriter, open_writer
from spit.cli.labels import Labels, callers_of_calls, read_labels
from spit.cli.output import choose_format, open_target
from spit.cli.progress import Progress
from spit.cli.rows import report_reading, terminal_width
from spit.cli.settings import load_settings
from spit.cli.table import TableWriter
from spit.cli.verdicts import CALLER_SCHEMA, caller_rows, reasons_in_words
from spit.engine.engine import Engine
from spit.engine.scored import SCORED_CALL_SCHEMA
from spit.records import EventKind, Label

_CALLER_COLUMNS = (
    "caller", "label", "score", "action", "attempts", "flagged_at_attempt", "first_seen", "last_seen",
)  # fmt: skip
_COMPARED = ("call_id", "caller", "label", "flagged_at_attempt")
_CALL_COLUMNS = ("time", "caller", "callee", "label", "score", "action", "attempts", "call_id")


def run(arguments: argparse.Namespace) -> int:
    """Score ``arguments.captures`` and return the exit status."""
    format_ = choose_format(arguments.format, arguments.output)
    config = load_settings(arguments.config, {"model.path": arguments.model})
    # Before the long work: a mistake in the labels is told at once.
    labels = None if arguments.labels is None else read_labels(Path(arguments.labels))
    engine = build_engine(config)
    capture = CaptureFiles(arguments.captures, config.core_settings())
    callers_known = CallersOfCalls(labels)
    by_call = arguments.by == "call"
    schema = SCORED_CALL_SCHEMA if by_call else CALLER_SCHEMA
    verdicts = _call_verdicts if by_call else _caller_verdicts
    counts: Counter[str] = Counter()
    with open_target(arguments.output) as stream, Progress(arguments.progress) as progress:
        writer = _open_rows(format_, stream, schema, arguments)
        kept: list[pa.RecordBatch] = []
        for rows in verdicts(engine, capture, progress, callers_known):
            progress.wipe()
            counts.update(rows.column("label").to_pylist())
            if labels is not None:
                kept.append(rows.select([name for name in _COMPARED if name in rows.schema.names]))
            shown = rows if format_ != "table" or arguments.all else _flagged(rows)
            writer.write(shown)
        writer.close()
        summary = _summary(counts, "call" if by_call else "caller", arguments.all)
        if labels is not None:
            summary += ["", *_compare(labels, callers_known, kept, by_call=by_call).lines()]
        if format_ == "table":
            stream.write(("\n" + "\n".join(summary) + "\n").encode())
        elif labels is not None:
            sys.stderr.write("\n".join(summary) + "\n")
    return report_reading(arguments, capture)


class CallersOfCalls:
    """Remembers who placed the labelled calls; nothing where labels are absent or name callers."""

    def __init__(self, labels: Labels | None) -> None:
        self._wanted = labels.by_key.keys() if labels is not None and labels.key == "call_id" else None
        self.caller_of: dict[str, str] = {}

    def note(self, events: pa.RecordBatch) -> None:
        """Take the attempts of a batch (records.EVENT_SCHEMA)."""
        if self._wanted is None:
            return
        attempts = events.filter(pc.equal(events.column("event"), EventKind.ATTEMPT.value))
        call_ids, callers = attempts.column("call_id").to_pylist(), attempts.column("caller").to_pylist()
        for call_id, caller in zip(call_ids, callers, strict=True):
            if caller is not None and call_id in self._wanted:
                self.caller_of.setdefault(call_id, caller)


def _caller_verdicts(
    engine: Engine, capture: CaptureFiles, progress: Progress, known: CallersOfCalls
) -> Iterator[pa.RecordBatch]:
    for events in capture.events():
        engine.observe(events)
        known.note(events)
        progress.read(*capture.progress())
    yield caller_rows(engine.callers())


def _call_verdicts(
    engine: Engine, capture: CaptureFiles, progress: Progress, known: CallersOfCalls
) -> Iterator[pa.RecordBatch]:
    for events in capture.events():
        rows = engine.observe(events).to_calls()
        known.note(events)
        progress.read(*capture.progress())
        if rows.num_rows:
            yield rows


def _open_rows(format_: str, stream: BinaryIO, schema: pa.Schema, arguments: argparse.Namespace) -> RowWriter:
    if format_ != "table":
        return open_writer(format_, stream, schema)
    columns = _CALL_COLUMNS if arguments.by == "call" else _CALLER_COLUMNS
    return TableWriter(stream, schema, columns, terminal_width(arguments.output), notes=reasons_in_words)


def _flagged(rows: pa.RecordBatch) -> pa.RecordBatch:
    return rows.filter(pc.not_equal(rows.column("label"), Label.LEGIT.value))


def _summary(counts: Counter[str], unit: str, all_shown: bool) -> list[str]:
    spam, suspect, legit = (counts[label.value] for label in (Label.SPAM, Label.SUSPECT, Label.LEGIT))
    hidden = "" if all_shown or not legit else " (not shown; --all shows them)"
    return [f"{counts.total()} {unit}s: {spam} spam, {suspect} suspect, {legit} legit{hidden}."]


def _compare(
    labels: Labels, known: CallersOfCalls, kept: list[pa.RecordBatch], *, by_call: bool
) -> Comparison:
    """Per call where calls were scored and the labels name calls, else per caller's truth."""
    key = "caller"
    if labels.key == "call_id":
        if by_call:
            key = "call_id"
        else:
            labels = callers_of_calls(labels, known.caller_of)
    comparison = Comparison("calls" if by_call else "callers")
    for rows in kept:
        columns = [rows.column(name).to_pylist() for name in (key, "label", "flagged_at_attempt")]
        for value, label, flagged_at in zip(*columns, strict=True):
            comparison.add(labels.by_key.get(value), label, None if by_call else flagged_at)
    return comparison
