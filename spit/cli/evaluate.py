"""``spit evaluate``: what a model finds, and whom it flags wrongly, on labelled traffic."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from spit.capture.files import CaptureFiles
from spit.cli.detector import build_engine, load_model
from spit.cli.output import new_file
from spit.cli.parser import UsageError
from spit.cli.progress import Progress
from spit.cli.report import DONE, FAILED, print_error
from spit.cli.settings import load_settings
from spit.config import Config
from spit.engine.benchmark import read_benchmark
from spit.engine.benchmark_report import to_json, to_markdown
from spit.engine.benchmark_run import run_benchmark
from spit.engine.evaluation import (
    CAPTURE_NOTE,
    Evaluation,
    Measurement,
    evaluate_on_simulation,
    read_labels,
)
from spit.engine.scored import Scored
from spit.engine.training import default_settings
from spit.engine.training_traffic import training_spec
from spit.errors import InputError
from spit.model.bundle import resolve_bundle_path
from spit.policy.policy import Policy
from spit.simulate.scenario import scenario


def run(arguments: argparse.Namespace) -> int:
    """Print the measurements as a table, and write them as JSON where ``--output`` asks for it."""
    asked = [arguments.captures, arguments.seeds, arguments.benchmark]
    if sum(map(bool, asked)) != 1:
        raise UsageError("expected one of: captures with --labels, --seeds, --benchmark")
    if bool(arguments.captures) != (arguments.labels is not None):
        raise UsageError("--labels belongs to captures, and captures need it")
    config = load_settings(arguments.config, {"model.path": arguments.model})
    if arguments.benchmark is not None:
        return _benchmark(config, arguments)
    damages: list[str] = []
    with Progress(arguments.progress) as progress:
        if arguments.seeds:
            evaluation = _simulated(config, arguments, progress)
        else:
            evaluation, damages = _captured(config, arguments, progress)
    sys.stdout.write(evaluation.to_text())
    if arguments.output is not None:
        with new_file(Path(arguments.output)) as unfinished:
            unfinished.write_text(evaluation.to_json() + "\n")
    for damage in damages:
        print_error(damage)
    return FAILED if damages else DONE


def _benchmark(config: Config, arguments: argparse.Namespace) -> int:
    benchmark = read_benchmark(Path(arguments.benchmark))
    path = resolve_bundle_path(Path(config.model.path) if config.model.path else None)
    with Progress(arguments.progress) as progress:
        result = run_benchmark(
            benchmark,
            path,
            Policy(config.policy),
            arguments.parts,
            settings=default_settings(),
            progress=progress.say,
        )
    document = to_json(result)
    sys.stdout.write(document if arguments.format == "json" else to_markdown(result))
    if arguments.output is not None:
        with new_file(Path(arguments.output)) as unfinished:
            unfinished.write_text(document)
    return DONE


def _simulated(config: Config, arguments: argparse.Namespace, progress: Progress) -> Evaluation:
    """A fresh engine for each seed: its callers are other people."""
    if arguments.scenario == "training":
        specs = [training_spec(seed) for seed in arguments.seeds]
    else:
        specs = [scenario(arguments.scenario, seed) for seed in arguments.seeds]
    return evaluate_on_simulation(load_model(config), Policy(config.policy), specs, progress=progress.say)


def _captured(
    config: Config, arguments: argparse.Namespace, progress: Progress
) -> tuple[Evaluation, list[str]]:
    labels = read_labels(Path(arguments.labels))
    engine = build_engine(config)
    capture = CaptureFiles(arguments.captures, config.core_settings())

    def observed() -> Iterator[Scored]:
        for events in capture.events():
            yield engine.observe(events)
            progress.read(*capture.progress())

    scored = observed()
    first = next(scored, None)
    if first is None:
        raise InputError("; ".join(["nothing to evaluate: the captures hold no call", *capture.damages()]))
    measurement = Measurement()
    measurement.add(itertools.chain([first], scored), labels)
    return measurement.result(CAPTURE_NOTE), capture.damages()
