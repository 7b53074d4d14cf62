"""``spit train``: a model bundle from simulated traffic."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from spit.cli.parser import UsageError
from spit.cli.progress import Progress
from spit.cli.report import DONE
from spit.engine.training import train_on_simulation, write_model


def run(arguments: argparse.Namespace) -> int:
    """Train, write the bundle and print what was measured as JSON."""
    output = Path(arguments.output)
    if not (output.name and output.parent.name):
        raise UsageError(f"--output: expected a folder as models/NAME/VERSION, found {arguments.output}")
    overlap = sorted(set(arguments.seeds) & set(arguments.test_seeds))
    if overlap:
        raise UsageError(f"--test-seeds: expected seeds that are not learned from, found {overlap} in both")
    with Progress(arguments.progress) as progress:
        trained = train_on_simulation(arguments.seeds, arguments.test_seeds, progress=progress.say)
    path = write_model(trained, output.parent.parent, name=output.parent.name, version=output.name)
    sys.stdout.write(json.dumps(trained.metrics, indent=2) + "\n")
    sys.stderr.write(f"wrote {path}\n")
    return DONE
