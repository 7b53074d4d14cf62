"""``spit evaluate``: what a model finds, and whom it flags wrongly, on labelled traffic."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from spit.capture.files import BATCH_ROWS, CaptureFiles
from spit.cli.detector import build_engine
from spit.cli.output import new_file
from spit.cli.parser import UsageError
from spit.cli.progress import Progress
from spit.cli.report import DONE, FAILED, print_error
from spit.cli.settings import load_settings
from spit.config import Config
from spit.engine.engine import Engine
from spit.engine.evaluation import CAPTURE_NOTE, SIMULATED_NOTE, Evaluation, Measurement, read_labels
from spit.engine.scored import Scored
from spit.errors import InputError
from spit.simulate.events import to_events
from spit.simulate.labels import to_labels
from spit.simulate.scenario import scenario
from spit.simulate.traffic import simulate


def run(arguments: argparse.Namespace) -> int:
    """Print the measurements as a table, and write them as JSON where ``--output`` asks for it."""
    if bool(arguments.captures) == bool(arguments.seeds):
        raise UsageError("expected either captures with --labels, or --seeds")
    if bool(arguments.captures) != (arguments.labels is not None):
        raise UsageError("--labels belongs to captures, and captures need it")
    config = load_settings(arguments.config, {"model.path": arguments.model})
    damages: list[str] = []
    with Progress(arguments.progress) as progress:
        if arguments.seeds:
            evaluation = _simulated(config, arguments.seeds, progress)
        else:
            evaluation, damages = _captured(config, arguments, progress)
    sys.stdout.write(evaluation.to_text())
    if arguments.output is not None:
        with new_file(Path(arguments.output)) as unfinished:
            unfinished.write_text(evaluation.to_json() + "\n")
    for damage in damages:
        print_error(damage)
    return FAILED if damages else DONE


def _simulated(config: Config, seeds: Sequence[int], progress: Progress) -> Evaluation:
    """A fresh engine for each seed: its callers are other people."""
    measurement = Measurement()
    for at, seed in enumerate(seeds):
        plan = simulate(scenario("training", seed))
        events = to_events(plan)
        parts = (events.slice(start, BATCH_ROWS) for start in range(0, events.num_rows, BATCH_ROWS))
        measurement.add(_observed(build_engine(config), parts), to_labels(plan), source=f"seed {seed}")
        progress.say(f"seed {seed} ({at + 1} of {len(seeds)})")
    return measurement.result(SIMULATED_NOTE)


def _captured(
    config: Config, arguments: argparse.Namespace, progress: Progress
) -> tuple[Evaluation, list[str]]:
    labels = read_labels(Path(arguments.labels))
    capture = CaptureFiles(arguments.captures, config.core_settings())

    def batches() -> Iterator[pa.RecordBatch]:
        for events in capture.events():
            yield events
            progress.read(*capture.progress())

    scored = list(_observed(build_engine(config), batches()))
    if not scored:
        raise InputError("; ".join(["nothing to evaluate: the captures hold no call", *capture.damages()]))
    measurement = Measurement()
    measurement.add(scored, labels)
    return measurement.result(CAPTURE_NOTE), capture.damages()


def _observed(engine: Engine, batches: Iterator[pa.RecordBatch]) -> Iterator[Scored]:
    return (engine.observe(events) for events in batches)
