"""Measures how long training takes and how much memory it needs, by the number of calls.

Each size runs in a process of its own: simulate, fold, thin, fit, convert. Memory is the peak resident set.
Then `spit train` as an operator runs it, on the recorded calls of one simulated network and their labels.
Writes results/training.json and results/training.md.

    python benches/training.py --date 2026-01-31 --calls 125000 500000 5000000
    python benches/training.py --date 2026-01-31 --only recorded
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measured import BenchError, machine, status_of

HERE = Path(__file__).resolve().parent
#: Measured nowhere else: what is trained here is thrown away.
FIRST_SEED, RECORDED_SEED = 7001, 9001
#: Residential callers and hours of the recorded network: five million calls.
CALLERS, HOURS = 213_000, 48.0


def train_once(calls: int) -> dict[str, Any]:
    """Train on at least so many calls in this very process, and say what it took."""
    from spit.engine.training import default_settings
    from spit.engine.training_traffic import LabelledEvents, training_spec
    from spit.features.table import FeatureTable
    from spit.model.train import TrainingRows, join_rows, train

    settings = default_settings()
    spent_s = {"simulate": 0.0, "fold": 0.0}
    parts: list[TrainingRows] = []
    seen = 0
    for seed in itertools.count(FIRST_SEED):
        if seen >= calls:
            break
        began_s = time.monotonic()
        part = LabelledEvents.simulated(training_spec(seed))
        simulated_s = time.monotonic()
        parts.append(part.rows(settings.max_rows_per_caller))
        spent_s["simulate"] += simulated_s - began_s
        spent_s["fold"] += time.monotonic() - simulated_s
        seen += part.labels.num_rows
        del part
    seeds = len(parts)
    began_s = time.monotonic()
    rows = join_rows(parts.pop(0) for _ in range(seeds))
    trained = train(rows, names=FeatureTable.names, test_seeds=(), settings=settings)
    spent_s["fit"] = time.monotonic() - began_s
    return {
        "calls": seen,
        "seeds": seeds,
        "rows": len(rows),
        "features": len(FeatureTable.names),
        "seconds": {step: round(s, 1) for step, s in spent_s.items()},
        "processor_seconds": round(time.process_time(), 1),
        "threads": threads(),
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "onnx_bytes": len(trained.onnx),
    }


def recorded(callers: int, hours: float) -> dict[str, Any]:
    """What `spit train --calls` takes on the traffic of a network with so many residential callers."""
    spit = [sys.executable, "-m", "spit"]
    with tempfile.TemporaryDirectory() as folder:
        calls, labels = Path(folder) / "calls.parquet", Path(folder) / "calls.labels.csv"
        simulate = [
            "simulate",
            "--scenario",
            "training",
            "--seed",
            str(RECORDED_SEED),
            "--hours",
            f"{hours:g}",
        ]
        subprocess.run([*spit, *simulate, "--callers", str(callers), "--output", str(calls)], check=True)
        train = ["train", "--calls", str(calls), "--labels", str(labels), "--output", f"{folder}/model/1"]
        began_s = time.monotonic()
        with subprocess.Popen([*spit, *train]) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        took_s = time.monotonic() - began_s
        if process.returncode != 0:
            raise BenchError(f"{' '.join(train)}: exit status {process.returncode}")
        trained_on = json.loads((Path(folder) / "model/1/bundle.json").read_text())["trained_on"]
        with labels.open() as lines:
            count = sum(1 for _ in lines) - 1
        return {
            "calls": count,
            "callers": callers,
            "hours": hours,
            "rows": trained_on["rows"],
            "seconds": round(took_s, 1),
            "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
            "threads": threads(),
            "peak_memory_mib": round(usage.ru_maxrss / 1024),
            "file_mib": round(calls.stat().st_size / 2**20),
        }


def threads() -> int:
    """How many the trees may use."""
    return int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))


def markdown(document: dict[str, Any]) -> str:
    """The table that people read."""
    run, runs = document["run"], document["runs"]
    largest = runs[-1]
    per_row_kib = largest["peak_memory_mib"] * 1024 / largest["rows"]
    lines = [
        "# Training: time and memory",
        "",
        f"Made by `make bench-training` on {run['date']}, {run['machine']['cores']} cores of "
        f"{run['machine']['cpu']}, {largest['threads']} thread(s) for the trees. Every size has its own "
        "process; memory is its peak resident set. Processor time is what compares: other work may have "
        "shared the machine.",
        "",
        "| calls | seeds | rows kept | simulate, s | fold, s | fit and convert, s | processor time, s | "
        "peak memory, MiB |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {r['calls']} | {r['seeds']} | {r['rows']} | {r['seconds']['simulate']} "
            f"| {r['seconds']['fold']} | {r['seconds']['fit']} | {r['processor_seconds']} "
            f"| {r['peak_memory_mib']} |"
            for r in runs
        ),
        "",
        f"{largest['features']} features; at most 60 rows of a caller are kept. Making rows takes time in "
        "proportion to calls, memory in proportion to rows kept; fitting takes both in proportion to rows. "
        f"The largest run needed {per_row_kib:.1f} KiB a row, all included.",
        "",
    ]
    if (own := document.get("recorded")) is not None:
        rows = ", ".join(f"{count} to {what}" for what, count in own["rows"].items())
        lines += [
            "## An operator's own calls",
            "",
            f"`spit train --calls calls.parquet --labels labels.csv` on {own['calls']} calls of a simulated "
            f"network ({own['callers']} residential callers, {own['hours']:g} hours, all calls labelled, "
            f"{own['file_mib']} MiB of Parquet): {own['seconds'] / 60.0:.1f} minutes, "
            f"{own['processor_seconds'] / 60.0:.1f} of processor time with {own['threads']} thread(s), "
            f"{own['peak_memory_mib']} MiB at the peak. Rows: {rows}.",
            "",
        ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--date", help="the day of the run, for the results")
    parser.add_argument("--calls", type=int, nargs="+", default=[125_000, 500_000, 5_000_000])
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder to write to")
    parser.add_argument("--only", choices=["recorded"], help="measure only this anew")
    parser.add_argument("--child", action="store_true", help="train once here and print what it took")
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(train_once(arguments.calls[0])))
        return 0
    if arguments.date is None:
        parser.error("expected --date")
    return status_of(lambda: write(arguments))


def write(arguments: argparse.Namespace) -> None:
    """Measure what was asked for, keep the rest of the results. Raises BenchError."""
    path = arguments.output / "training.json"
    document: dict[str, Any] = json.loads(path.read_text()) if arguments.only else {}
    if arguments.only != "recorded":
        runs = []
        for calls in sorted(arguments.calls):
            print(f"training on {calls} calls", file=sys.stderr)
            child = [sys.executable, __file__, "--child", "--calls", str(calls)]
            runs.append(json.loads(subprocess.run(child, stdout=subprocess.PIPE, check=True).stdout))
        document |= {"run": {"date": arguments.date, "machine": machine()}, "runs": runs}
    document["recorded"] = {"date": arguments.date, **recorded(CALLERS, HOURS)}
    path.write_text(json.dumps(document, indent=1) + "\n")
    (arguments.output / "training.md").write_text(markdown(document))


if __name__ == "__main__":
    sys.exit(main())
