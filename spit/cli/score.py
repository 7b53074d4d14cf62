"""``spit score``: a verdict per caller, per call or per campaign of captures."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from spit.capture.files import Captures
from spit.cli.captures import open_captures
from spit.cli.lines import report_reading
from spit.cli.output import choose_format, open_target
from spit.cli.parser import UsageError
from spit.cli.progress import Progress
from spit.cli.settings import load_settings
from spit.config import Config
from spit.errors import InputError

if TYPE_CHECKING:
    # Imported by the functions that need it, while the captures are being read: a third of a second.
    from spit.engine.challenger import Challenger
    from spit.engine.engine import Engine
    from spit.engine.scored import Scored

#: Batches that are read while the model is: bounds what waits in memory.
_BATCHES_BEFORE = 4
#: Reading, folding and counting want the interpreter for moments between work in Rust: in the usual 5 ms of
#: waiting for it thousands of events are folded.
_SWITCH_INTERVAL_S = 0.0002


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
    with open_target(arguments.output) as stream, Progress(arguments.progress) as progress:
        piped = "-" in arguments.captures
        engine, challenger, events = _detector(config, capture, piped=piped, novelty=novelty)
        from spit.cli.score_rows import ScoreRows
        from spit.engine.replaying import observe_beside

        rows = ScoreRows(stream, format_, arguments)
        observed = _observed if piped else observe_beside
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
    config: Config, capture: Captures, *, piped: bool, novelty: bool
) -> tuple[Engine, Challenger | None, Iterator[pa.RecordBatch]]:
    """The engine with its challenger, and the events that it has to see.

    The model is read beside the first of them, but for a pipe: somebody may wait for its error.
    """
    events = capture.events(scored=True)
    if novelty:
        from spit.engine.engine import Engine
        from spit.engine.novelty import learn_novelty
        from spit.policy.policy import Policy

        model, events = learn_novelty(events)
        return Engine(model, Policy(config.policy)), None, events
    if piped:
        return *_engine(config), events
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="spit-model") as other:
        building = other.submit(_engine, config)
        events = _begun(events, building)
        return *building.result(), events


def _engine(config: Config) -> tuple[Engine, Challenger | None]:
    """Raises ModelError. Imports what scores, which takes longer than the model."""
    from spit.cli.detector import build_engine, load_challenger

    challenger = load_challenger(config)
    return build_engine(config, () if challenger is None else (challenger,)), challenger


def _begun(events: Iterator[pa.RecordBatch], beside: Future[Any]) -> Iterator[pa.RecordBatch]:
    """The same batches, the first of them read while ``beside`` has not ended."""
    first: list[pa.RecordBatch] = []
    while len(first) < _BATCHES_BEFORE and not beside.done():
        batch = next(events, None)
        if batch is None:
            break
        first.append(batch)
    return itertools.chain(first, events)


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
