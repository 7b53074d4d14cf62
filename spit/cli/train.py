"""``spit train``: a model bundle from simulated traffic and worlds, or from an operator's own calls."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from spit.cli.parser import UsageError
from spit.cli.progress import Progress
from spit.cli.report import DONE, FAILED, print_error
from spit.cli.settings import load_settings
from spit.engine.benchmark import read_benchmark

#: ``--beside``: the calls alone.
NOTHING_BESIDE = "none"
SEEDS, TEST_SEEDS, DEMO_SEEDS = range(1001, 1161), range(2001, 2013), range(50, 80)


def run(arguments: argparse.Namespace) -> int:
    """Train, measure, write the bundle with its card and print where it is."""
    output = Path(arguments.output)
    if not (output.name and output.parent.name):
        raise UsageError(f"--output: expected a folder as models/NAME/VERSION, found {arguments.output}")
    if (arguments.calls is None) != (arguments.labels is None):
        raise UsageError("--calls and --labels belong together")
    return _on_simulation(arguments, output) if arguments.calls is None else _on_calls(arguments, output)


def _on_simulation(arguments: argparse.Namespace, output: Path) -> int:
    from spit.engine.training import make_model

    if arguments.with_simulation is not None:
        raise UsageError("--with-simulation belongs to --calls; without it --seeds says what is simulated")
    if arguments.beside is not None:
        raise UsageError("--beside belongs to --calls")
    seeds = arguments.seeds or SEEDS
    test_seeds = arguments.test_seeds or TEST_SEEDS
    overlap = sorted(set(seeds) & set(test_seeds))
    if overlap:
        raise UsageError(f"--test-seeds: expected seeds that are not learned from, found {overlap} in both")
    benchmark = None if arguments.benchmark is None else read_benchmark(Path(arguments.benchmark))
    with Progress(arguments.progress) as progress:
        path = make_model(
            output.parent.parent,
            name=output.parent.name,
            version=output.name,
            seeds=seeds,
            test_seeds=test_seeds,
            demo_seeds=arguments.demo_seeds or DEMO_SEEDS,
            calibration_seeds=arguments.calibration_seeds,
            world_seeds=arguments.world_seeds or (),
            world_calibration_seeds=arguments.world_calibration_seeds or (),
            benchmark=benchmark,
            ablate=arguments.ablate,
            progress=progress.say,
        )
    sys.stdout.write(f"{path}\n")
    return DONE


def _on_calls(arguments: argparse.Namespace, output: Path) -> int:
    for flag in ("seeds", "test_seeds", "demo_seeds", "world_seeds", "world_calibration_seeds"):
        if getattr(arguments, flag) is not None:
            raise UsageError(f"--{flag.replace('_', '-')} belongs to training without --calls")
    from spit.capture.recorded import RecordedCalls
    from spit.engine.call_labels import read_call_labels
    from spit.engine.learned_forests import Beside
    from spit.engine.learning import LearningSettings, train_on_calls
    from spit.model.bundle import resolve_bundle_path

    config = load_settings(arguments.config)
    beside = None
    if arguments.beside != NOTHING_BESIDE:
        named = None if arguments.beside is None else Path(arguments.beside)
        beside = Beside.load(resolve_bundle_path(named))
    labels = read_call_labels(Path(arguments.labels))
    recording = RecordedCalls(arguments.calls, config.core_settings())
    with Progress(arguments.progress) as progress:
        learned = train_on_calls(
            recording,
            labels,
            output.parent.parent,
            name=output.parent.name,
            version=output.name,
            settings=LearningSettings(
                test_share=arguments.test_share,
                test_by_time=arguments.test_by == "time",
                simulation_seeds=tuple(arguments.with_simulation or ()),
                simulation_weight=arguments.simulation_weight,
                beside=beside,
            ),
            policy=config.policy,
            progress=progress.say,
        )
    sys.stderr.write(
        f"{learned.attempts} calls, {learned.labelled} with a label, {learned.unlabelled} without; "
        f"{learned.rows} rows learned from or measured\n"
        f"{learned.budget}\n"
    )
    damages = recording.damages()
    for damage in damages:
        print_error(damage)
    sys.stdout.write(f"{learned.path}\n")
    return FAILED if damages else DONE
