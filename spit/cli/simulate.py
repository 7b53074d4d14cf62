"""``spit simulate``: a labelled capture, or labelled call events, of simulated traffic."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pyarrow import parquet

from spit.cli.output import new_file
from spit.cli.parser import UsageError
from spit.cli.progress import Progress
from spit.cli.report import DONE
from spit.records import EVENT_SCHEMA
from spit.simulate.events import event_batches
from spit.simulate.labels import write_labels
from spit.simulate.pcap import write_capture
from spit.simulate.plan import Plan
from spit.simulate.scenario import scenario
from spit.simulate.spec import CampaignSpec, SimulationSpec
from spit.simulate.traffic import simulate

_DEFAULT_SCENARIO = "demo"


def run(arguments: argparse.Namespace) -> int:
    """Write the capture (or events) and its labels, then say what they hold on standard error."""
    output = Path(arguments.output)
    if output.suffix not in _WRITERS:
        raise UsageError(f"--output: expected NAME.pcap or NAME.parquet, found {arguments.output}")
    labels = output.with_suffix(".labels.csv") if arguments.labels is None else Path(arguments.labels)
    plan = simulate(_spec(arguments))
    with Progress(arguments.progress) as progress:
        with new_file(output) as unfinished:
            _WRITERS[output.suffix](plan, unfinished, progress)
        with new_file(labels) as unfinished:
            write_labels(plan, unfinished)
    spam = int(plan.spam.sum())
    sys.stderr.write(f"{output}: {len(plan)} calls, {spam} of them spam; labels in {labels}\n")
    return DONE


def _spec(arguments: argparse.Namespace) -> SimulationSpec:
    spec = scenario(arguments.scenario or _DEFAULT_SCENARIO, arguments.seed)
    if arguments.hours is not None:
        spec = replace(spec, duration_s=round(arguments.hours * 3600))
    if arguments.callers is not None:
        spec = replace(spec, residential=arguments.callers)
    if arguments.campaign:
        spec = replace(spec, campaigns=tuple(CampaignSpec.parse(text) for text in arguments.campaign))
    return spec


def _write_pcap(plan: Plan, path: Path, progress: Progress) -> None:
    write_capture(plan, path, lambda written: progress.say(f"wrote {written} packets"))


def _write_parquet(plan: Plan, path: Path, progress: Progress) -> None:
    written = 0
    with parquet.ParquetWriter(path, EVENT_SCHEMA, compression="zstd") as writer:
        for batch in event_batches(plan):
            writer.write_batch(batch)
            written += batch.num_rows
            progress.say(f"wrote {written} events")


_WRITERS: dict[str, Callable[[Plan, Path, Progress], None]] = {
    ".pcap": _write_pcap,
    ".parquet": _write_parquet,
}
