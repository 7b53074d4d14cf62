"""``spit score``: a verdict per caller, per call or per campaign of captures."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from spit.capture.files import Captures
from spit.cli.captures import open_captures
from spit.cli.detector import build_engine, load_challenger
from spit.cli.formats import RowWriter, open_writer
from spit.cli.lines import report_reading
from spit.cli.output import choose_format, open_target
from spit.cli.parser import UsageError
from spit.cli.progress import Progress
from spit.cli.rows import terminal_width
from spit.cli.settings import load_settings
from spit.cli.table import TableWriter
from spit.cli.verdicts import campaign_in_words, reasons_in_words
from spit.config import Config
from spit.engine.campaign_rows import CAMPAIGN_SCHEMA
from spit.engine.engine import Engine
from spit.engine.replaying import observe_beside
from spit.engine.scored import SCORED_CALL_SCHEMA, Scored
from spit.engine.summaries import CALLER_SCHEMA
from spit.errors import InputError
from spit.policy.policy import Policy
from spit.records import Label

if TYPE_CHECKING:
    from spit.engine.challenger import Challenger

_CALLER_COLUMNS = (
    "caller", "label", "score", "action", "attempts", "flagged_at_attempt", "first_seen", "last_seen",
)  # fmt: skip
#: Reading, folding and counting want the interpreter for moments between work in Rust: in the usual 5 ms of
#: waiting for it thousands of events are folded.
_SWITCH_INTERVAL_S = 0.0002
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


def run(arguments: argparse.Namespace) -> int:
    """Score ``arguments.captures`` and return the exit status."""
    novelty = arguments.detector == "novelty"
    for flag, bundle in (("--model", arguments.model), ("--challenger", arguments.challenger)):
        if novelty and bundle is not None:
            raise UsageError(
                f"{flag}: expected none beside --detector novelty, which learns from the captures"
            )
    format_ = choose_format(arguments.format, arguments.output)
    config = load_settings(
        arguments.config, {"model.path": arguments.model, "model.challenger": arguments.challenger}
    )
    # Before the long work: a mistake in the labels is told at once.
    labels = None
    if arguments.labels is not None:
        # Imports what only evaluation needs, which takes a while.
        from spit.engine.evaluation import read_labels

        labels = read_labels(Path(arguments.labels))
    else:
        _leave_pandas_out()
    capture = open_captures(arguments, config.core_settings())
    capture.read_ahead()
    challenger = None if novelty else load_challenger(config)
    with open_target(arguments.output) as stream, Progress(arguments.progress) as progress:
        rows = _Rows(stream, format_, arguments)
        engine, events = _detector(config, capture, novelty=novelty, challenger=challenger)
        observed = _observed if "-" in arguments.captures else observe_beside
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        scored = observed(engine, _reported(events, capture, progress))
        if arguments.by == "call":
            scored = rows.written(scored, progress)
        comparison = _consume(scored, labels)
        if challenger is not None:
            from spit.cli.comparison import challenger_lines

            comparison += ["", *challenger_lines(challenger.comparison())]
        progress.wipe()
        if arguments.by == "caller":
            rows.write(engine.caller_rows())
        elif arguments.by == "campaign":
            rows.write(engine.campaign_rows())
        rows.close()
        if format_ == "table":
            text = "\n".join(["", rows.summary(), *(["", *comparison] if comparison else [])])
            stream.write(f"{text}\n".encode("utf-8", "backslashreplace"))
        elif comparison:
            sys.stderr.write("\n".join(comparison) + "\n")
    return report_reading(arguments, capture)


def _detector(
    config: Config, capture: Captures, *, novelty: bool, challenger: Challenger | None
) -> tuple[Engine, Iterator[pa.RecordBatch]]:
    """The engine, and the events that it has to see."""
    if novelty:
        from spit.engine.novelty import learn_novelty

        model, events = learn_novelty(capture.events(scored=True))
        return Engine(model, Policy(config.policy)), events
    return build_engine(config, () if challenger is None else (challenger,)), capture.events(scored=True)


class _WithoutPandas:
    """Finds no pandas."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("left out", name=fullname)


def _leave_pandas_out() -> None:
    """pyarrow imports pandas, where it is installed, with the first array that is made: a tenth of a second.

    Once told that there is none, in making an array and in reading one, it does not ask again. Nothing here
    makes a DataFrame.
    """
    finder = _WithoutPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0]).to_numpy()
    finally:
        sys.meta_path.remove(finder)


def _observed(engine: Engine, batches: Iterator[pa.RecordBatch]) -> Iterator[Scored]:
    return (engine.observe(events) for events in batches)


def _reported(
    batches: Iterator[pa.RecordBatch], capture: Captures, progress: Progress
) -> Iterator[pa.RecordBatch]:
    """The batches as they are read, and how far reading is."""
    for events in batches:
        progress.read(*capture.progress())
        yield events


def _consume(scored: Iterator[Scored], labels: pa.Table | None) -> list[str]:
    """Score to the end; the comparison with the labels as lines, none without labels."""
    first = next(scored, None)
    if labels is None or first is None:
        deque(scored, maxlen=0)
        return [] if labels is None else ["Comparison with the labels: the capture holds no call."]
    from spit.cli.comparison import comparison_lines
    from spit.engine.evaluation import CAPTURE_NOTE, Measurement

    measurement = Measurement()
    measurement.add(itertools.chain([first], scored), labels)
    try:
        evaluation = measurement.result(CAPTURE_NOTE)
    except InputError:
        return ["Comparison with the labels: no call of the capture is in the labels."]
    return comparison_lines(evaluation)


class _Rows:
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
