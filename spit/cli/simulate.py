"""``spit simulate``: a labelled capture, call events or, of a world, call records of simulated traffic."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
from pyarrow import parquet

from spit.cli.output import new_file
from spit.cli.parser import UsageError
from spit.cli.progress import Progress
from spit.cli.report import DONE
from spit.records import EVENT_SCHEMA
from spit.simulate.events import event_batches
from spit.simulate.labels import write_label_rows, write_labels
from spit.simulate.pcap import write_capture
from spit.simulate.plan import Plan
from spit.simulate.scenario import scenario
from spit.simulate.spec import CampaignSpec, SimulationSpec
from spit.simulate.traffic import simulate

_DEFAULT_SCENARIO = "demo"


def run(arguments: argparse.Namespace) -> int:
    """Write the capture (events, records) and its labels, then say what they hold on standard error."""
    output = Path(arguments.output)
    if output.suffix not in _WRITERS:
        raise UsageError(f"--output: expected NAME.pcap or NAME.parquet, found {arguments.output}")
    labels = output.with_suffix(".labels.csv") if arguments.labels is None else Path(arguments.labels)
    if arguments.world is not None:
        return _run_world(arguments, output, labels)
    if arguments.calls is not None:
        raise UsageError("--calls belongs to --world; of a scenario, --hours says how much there is")
    plan = simulate(_spec(arguments))
    with Progress(arguments.progress) as progress:
        with new_file(output) as unfinished:
            _WRITERS[output.suffix](plan, unfinished, progress)
        with new_file(labels) as unfinished:
            write_labels(plan, unfinished)
    _say(output, labels, len(plan), int(plan.spam.sum()))
    return DONE


def _run_world(arguments: argparse.Namespace, output: Path, labels: Path) -> int:
    from spit.worlds.records import to_labels, to_records
    from spit.worlds.traffic import CALLS, HOURS, generate

    if output.suffix != ".parquet":
        raise UsageError(
            f"--world: a world makes call records, not packets: expected NAME.parquet, found {output}"
        )
    for flag in ("scenario", "callers", "campaign"):
        if getattr(arguments, flag):
            raise UsageError(f"--{flag} belongs to simulated traffic without --world: a world draws its own")
    if arguments.seed is None:
        raise UsageError("--world: expected --seed N: every seed of a world is another operator")
    with Progress(arguments.progress) as progress:
        progress.say(f"generating the world {arguments.world}, seed {arguments.seed}")
        frame = generate(arguments.world, arguments.seed, arguments.calls or CALLS, arguments.hours or HOURS)
        with new_file(output) as unfinished:
            parquet.write_table(to_records(frame), unfinished, compression="zstd")
        truth = to_labels(frame)
        with new_file(labels) as unfinished:
            write_label_rows(truth, unfinished)
    _say(output, labels, truth.num_rows, pc.sum(pc.equal(truth["label"], "spam")).as_py() or 0)
    return DONE


def _say(output: Path, labels: Path, calls: int, spam: int) -> None:
    sys.stderr.write(f"{output}: {calls} calls, {spam} of them spam; labels in {labels}\n")


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
