"""Measures memory for each live call and each tracked caller, and how long saving the state holds others up.

Each number comes from a process of its own. Writes results/memory.json and results/memory.md.

    python benches/memory.py --date 2026-01-31
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from measured import BenchError, machine, machine_line, status_of, write_results

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BATCH_CALLERS = 8_192
#: Every caller calls one of these: pairs are counted, and what a crowd of callees takes is not.
CALLEES = 10_000
CALL_LIMIT_BYTES, CALLER_LIMIT_BYTES = 400, 1024


def resident_bytes() -> int:
    """What the process holds in memory. Linux."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def calls(start: int, count: int) -> pa.RecordBatch:
    """An attempt and its end for each of ``count`` new callers."""
    from spit.records import EVENT_SCHEMA

    number = np.arange(start, start + count)
    text = pc.utf8_lpad(pa.array(number).cast(pa.string()), 8, "0")
    callee = pc.utf8_lpad(pa.array(number % CALLEES).cast(pa.string()), 8, "0")
    attempt_us = 1_700_000_000_000_000 + number * 3_000
    known = {
        "start_time_us": pa.array(attempt_us),
        "call_id": pc.binary_join_element_wise(text, "198.51.100.10", "@"),
        "caller": pc.binary_join_element_wise("+4930", text, ""),
        "callee": pc.binary_join_element_wise("+4989", callee, ""),
        "caller_uri": pc.binary_join_element_wise("sip:+4930", text, "@example.net", ""),
    }
    constants = {
        "method": "INVITE",
        "source_ip": "198.51.100.10",
        "fingerprint": "00" * 8,
        "transport": "udp",
    }
    ended = {"outcome": "answered", "final_status": 200, "duration_s": 60.0, "hangup_by": "caller"}
    ended |= {"duration_censored": False, "auth_challenged": False, "retransmissions": 0, "legs": 1}
    batches = []
    for kind, time_us, told in (("attempt", attempt_us, {}), ("end", attempt_us + 2_000, ended)):
        columns = {**known, "time_us": pa.array(time_us)}
        if kind == "end":
            columns["end_time_us"] = pa.array(time_us)
        for name, value in {**constants, **told, "event": kind, "transport": "udp"}.items():
            columns[name] = pa.repeat(pa.scalar(value), count)
        arrays = [
            columns[field.name].cast(field.type) if field.name in columns else pa.nulls(count, field.type)
            for field in EVENT_SCHEMA
        ]
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=EVENT_SCHEMA))
    both = pa.Table.from_batches(batches)
    return both.sort_by("time_us").combine_chunks().to_batches()[0]


def measure_features(callers: int) -> dict[str, Any]:
    """Bytes that each caller adds to the feature table."""
    from spit.features.table import FeatureTable

    table = FeatureTable(max_keys=callers)
    return grow(callers, table.observe)


def measure_engine(callers: int) -> dict[str, Any]:
    """Bytes that each caller adds to the engine: features, evidence and summary; and a save of the state."""
    from spit.cli.detector import load_model
    from spit.config import Config
    from spit.engine.engine import Engine
    from spit.policy.policy import Policy

    config = Config()
    engine = Engine(load_model(config), Policy(config.policy), max_callers=callers)
    result = grow(callers, engine.observe)
    waits_s: list[float] = []
    saving = threading.Event()
    question = calls(callers - 1, 1).slice(0, 1)
    engine.assess(question)

    def ask() -> None:
        while not saving.is_set():
            begin_s = time.perf_counter()
            engine.assess(question)
            waits_s.append(time.perf_counter() - begin_s)

    asker = threading.Thread(target=ask)
    with tempfile.TemporaryDirectory() as folder:
        asker.start()
        begin_s = time.perf_counter()
        engine.save(Path(folder))
        save_s = time.perf_counter() - begin_s
        saving.set()
        asker.join()
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return {**result, "save_s": save_s, "state_bytes": size, "longest_wait_s": max(waits_s)}


def grow(callers: int, observe: Any) -> dict[str, Any]:
    """Bytes of memory a caller, warmed up first."""
    observe(calls(0, BATCH_CALLERS))
    gc.collect()
    before = resident_bytes()
    for start in range(BATCH_CALLERS, callers, BATCH_CALLERS):
        observe(calls(start, min(BATCH_CALLERS, callers - start)))
    gc.collect()
    return {"callers": callers, "bytes": (resident_bytes() - before) / (callers - BATCH_CALLERS)}


def live_call_bytes(count: int) -> float:
    """What the core's example measures. Raises BenchError."""
    command = ["cargo", "run", "--release", "--locked", "-q", "-p", "spit-core", "--example", "memory"]
    run = subprocess.run([*command, "--", str(count)], capture_output=True, text=True, cwd=ROOT, check=False)
    found = re.search(r"(\d+) bytes a call", run.stdout)
    if run.returncode != 0 or found is None:
        raise BenchError(f"{' '.join(command)}: {run.stderr.strip() or run.stdout.strip()}")
    return float(found[1])


def in_a_process(what: str, callers: int) -> dict[str, Any]:
    """One measurement in a process that has done nothing else."""
    command = [sys.executable, __file__, "--date", "-", "--only", what, "--callers", str(callers)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if run.returncode != 0:
        raise BenchError(run.stderr.strip())
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def as_markdown(report: dict[str, Any]) -> str:
    """The page of the results."""
    engine = report["engine"]
    lines = [
        "# Memory",
        "",
        f"Measured on {report['date']} by `make bench-memory` (benches/memory.py).",
        "",
        machine_line(report["machine"]),
        "",
        "| For | Number | Bytes each | Limit |",
        "|---|---:|---:|---:|",
        f"| a live call | {report['calls']:,} | {report['call_bytes']:.0f} | {CALL_LIMIT_BYTES} |",
        f"| a caller's features | {report['features']['callers']:,} | {report['features']['bytes']:.0f} "
        f"| {CALLER_LIMIT_BYTES} |",
        f"| a caller in the engine: features, evidence, summary | {engine['callers']:,} "
        f"| {engine['bytes']:.0f} | |",
        "",
        f"Saving the state of {engine['callers']:,} callers took {engine['save_s']:.1f} s and "
        f"{engine['state_bytes'] / 1e6:,.0f} MB; a question asked all the while waited "
        f"{engine['longest_wait_s'] * 1e3:.0f} ms at most.",
    ]
    return "\n".join(lines) + "\n"


def run(arguments: argparse.Namespace) -> None:
    """Measure and write the results."""
    report = {
        "date": arguments.date,
        "machine": machine(),
        "calls": arguments.callers,
        "call_bytes": live_call_bytes(arguments.callers),
        "features": in_a_process("features", arguments.callers),
        "engine": in_a_process("engine", arguments.callers),
    }
    write_results(arguments.results, "memory", report, as_markdown(report))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--date", required=True, help="of the measurement, as 2026-01-31")
    parser.add_argument("--callers", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["features", "engine"], help="print one measurement as JSON")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    arguments = parser.parse_args()
    if arguments.only is None:
        return status_of(lambda: run(arguments))
    measure = measure_features if arguments.only == "features" else measure_engine
    return status_of(lambda: print(json.dumps(measure(arguments.callers))))


if __name__ == "__main__":
    sys.exit(main())
