"""``spit train``: a model bundle from simulated traffic."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from spit.cli.parser import UsageError
from spit.cli.progress import Progress
from spit.cli.report import DONE
from spit.engine.benchmark import read_benchmark
from spit.engine.training import make_model


def run(arguments: argparse.Namespace) -> int:
    """Train, measure, write the bundle with its card and print where it is."""
    output = Path(arguments.output)
    if not (output.name and output.parent.name):
        raise UsageError(f"--output: expected a folder as models/NAME/VERSION, found {arguments.output}")
    overlap = sorted(set(arguments.seeds) & set(arguments.test_seeds))
    if overlap:
        raise UsageError(f"--test-seeds: expected seeds that are not learned from, found {overlap} in both")
    benchmark = None if arguments.benchmark is None else read_benchmark(Path(arguments.benchmark))
    with Progress(arguments.progress) as progress:
        path = make_model(
            output.parent.parent,
            name=output.parent.name,
            version=output.name,
            seeds=arguments.seeds,
            test_seeds=arguments.test_seeds,
            demo_seeds=arguments.demo_seeds,
            benchmark=benchmark,
            ablate=arguments.ablate,
            progress=progress.say,
        )
    sys.stdout.write(f"{path}\n")
    return DONE
