"""Measures how long training takes and how much memory it needs, by the number of calls.

Each size runs in a process of its own: simulate, fold, thin, fit, convert. Memory is the peak resident set.
Writes results/training.json and results/training.md.

    python benches/training.py --date 2026-01-31 --calls 125000 500000 5000000
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from measured import machine

HERE = Path(__file__).resolve().parent
#: Measured nowhere else: what is trained here is thrown away.
FIRST_SEED = 7001


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
        "threads": int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)),
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "onnx_bytes": len(trained.onnx),
    }


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
    if largest["calls"] < 5_000_000:
        factor = 5_000_000 / largest["calls"]
        minutes = factor * largest["processor_seconds"] / 60.0
        gib = factor * largest["peak_memory_mib"] / 1024.0  # the interpreter, too: an upper bound
        lines += [
            f"Extrapolated in proportion, not measured: 5 million calls of this traffic take about "
            f"{minutes:.0f} minutes of one core and at most {gib:.1f} GiB on this machine.",
            "",
        ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--date", help="the day of the run, for the results")
    parser.add_argument("--calls", type=int, nargs="+", default=[125_000, 500_000, 5_000_000])
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder to write to")
    parser.add_argument("--child", action="store_true", help="train once here and print what it took")
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(train_once(arguments.calls[0])))
        return 0
    if arguments.date is None:
        parser.error("expected --date")
    runs = []
    for calls in sorted(arguments.calls):
        print(f"training on {calls} calls", file=sys.stderr)
        done = subprocess.run(
            [sys.executable, __file__, "--child", "--calls", str(calls)], stdout=subprocess.PIPE, check=True
        )
        runs.append(json.loads(done.stdout))
    document = {"run": {"date": arguments.date, "machine": machine()}, "runs": runs}
    (arguments.output / "training.json").write_text(json.dumps(document, indent=1) + "\n")
    (arguments.output / "training.md").write_text(markdown(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
