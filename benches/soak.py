"""A soak of `spit serve`: events at 1,000 calls/s and questions beside them, for minutes; is memory flat?

A fixed population calls again and again, so small that everything that is remembered of it has reached its
bound after two minutes: 64 attempts of a caller are looked at (spit/engine/campaigns.py), two seconds apart.
What grows after that has no bound. Finished calls are held for up to a minute and leave at once, and a save
copies the state, so the memory of a minute is the median of its seconds; the slope is that of the minutes.
State, journal and call records are on. Writes results/soak.json and results/soak.md.

    python benches/soak.py --date 2026-01-31 --minutes 10
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from measured import BenchError, machine, machine_line, status_of, write_results

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CALLERS = 2_000
#: Different callees of each caller: so many pairs are remembered in all.
CALLEES_EACH = 3
CALLS_PER_S = 1_000
BATCH_S = 0.25
RING_S, TALK_S = 2.0, 3.0
SCORE_THREADS = 4
SCORES_PER_S = 300
#: Share of the time that is not measured, and at least so many minutes: until the bounds are reached.
WARM_UP, LEAST_WARM_UP_MIN = 0.4, 3.0
#: Minutes that are measured at least, and the slope of memory that is called flat.
LEAST_MEASURED_MIN, FLAT_MIB_PER_MINUTE = 2.0, 1.0
ARROW = "application/vnd.apache.arrow.stream"


class Population:
    """Batches of events of calls that start at a steady rate, with times of the wall clock."""

    def __init__(self) -> None:
        self._made = 0

    def batch(self, now_us: int, count: int) -> pa.RecordBatch:
        """``count`` attempts now, and the answers and ends of as many calls that began earlier."""
        first, self._made = self._made, self._made + count
        numbers = np.arange(first, first + count)
        spread_us = np.arange(count) * int(BATCH_S * 1e6 / count)
        starts_us = now_us - int((RING_S + TALK_S) * 1e6) + spread_us
        parts = [
            self._rows(numbers, "attempt", starts_us, starts_us),
            self._rows(numbers, "answer", starts_us, starts_us + int(RING_S * 1e6)),
            self._rows(numbers, "end", starts_us, starts_us + int((RING_S + TALK_S) * 1e6)),
        ]
        table = pa.Table.from_batches(parts).sort_by("time_us")
        return table.combine_chunks().to_batches()[0]

    def _rows(
        self, numbers: npt.NDArray[np.int64], event: str, starts_us: Any, times_us: Any
    ) -> pa.RecordBatch:
        from spit.records import EVENT_SCHEMA

        n = len(numbers)
        callers = numbers * 7_919 % CALLERS
        callees = callers * CALLEES_EACH + numbers // CALLERS % CALLEES_EACH
        known: dict[str, Any] = {
            "event": [event] * n,
            "time_us": times_us,
            "start_time_us": starts_us,
            "method": ["INVITE"] * n,
            "call_id": [f"{number:x}@198.51.100.7" for number in numbers.tolist()],
            "caller": [f"+4930{number:07d}" for number in callers.tolist()],
            "callee": [f"+4989{number:07d}" for number in callees.tolist()],
            "source_ip": [f"198.51.100.{number % 200}" for number in callers.tolist()],
            "transport": ["udp"] * n,
            "user_agent": ["softphone 1.0"] * n,
            "fingerprint": ["00" * 8] * n,
        }
        if event != "attempt":
            known["setup_time_s"] = [RING_S] * n
            known["pdd_s"] = [0.5] * n
        if event == "end":
            known |= {
                "end_time_us": times_us,
                "outcome": ["answered"] * n,
                "final_status": [200] * n,
                "duration_s": [TALK_S] * n,
                "duration_censored": [False] * n,
                "hangup_by": ["callee"] * n,
            }
        columns = [
            pa.array(known[one.name], one.type) if one.name in known else pa.nulls(n, one.type)
            for one in EVENT_SCHEMA
        ]
        return pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA)


class Load:
    """Sends events and questions until it is told to stop. Late is told, not made up for."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.stop = threading.Event()
        self.calls = 0
        self.late_batches = 0
        self.scores = 0
        self.degraded = 0
        self.mistakes: list[str] = []
        self._latencies_ms: list[list[float]] = [[] for _ in range(SCORE_THREADS)]
        self._threads = [threading.Thread(target=self._guarded, args=(self._send_events,))]
        self._threads += [
            threading.Thread(target=self._guarded, args=(self._ask, index)) for index in range(SCORE_THREADS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(60)

    def quantile_ms(self, share: float) -> float:
        return float(np.quantile(np.concatenate([np.array(one) for one in self._latencies_ms]), share))

    def _guarded(self, body: Any, *arguments: Any) -> None:
        try:
            body(*arguments)
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            if not self.stop.is_set():
                self.mistakes.append(f"{type(error).__name__}: {error}")

    def _send_events(self) -> None:
        population = Population()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        due_s = time.monotonic()
        number = 0
        while not self.stop.is_set():
            number += 1
            batch = population.batch(time.time_ns() // 1_000, int(CALLS_PER_S * BATCH_S))
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            headers = {"Content-Type": ARROW, "X-Spit-Agent": "soak", "X-Spit-Batch": str(number)}
            connection.request("POST", "/v1/events", sink.getvalue().to_pybytes(), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status != 200 or json.loads(text)["accepted"] != batch.num_rows:
                self.mistakes.append(f"events: {answer.status} {text[:200]}")
            self.calls += int(CALLS_PER_S * BATCH_S)
            due_s += BATCH_S
            if due_s < time.monotonic():
                self.late_batches += 1
            self.stop.wait(max(due_s - time.monotonic(), 0.0))

    def _ask(self, index: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        latencies_ms = self._latencies_ms[index]
        pause_s = SCORE_THREADS / SCORES_PER_S
        due_s = time.monotonic()
        number = index
        while not self.stop.is_set():
            number += 104_729
            caller, callee = number % CALLERS, number % (CALLERS * CALLEES_EACH)
            began_s = time.perf_counter()
            connection.request("GET", f"/v1/score?caller=%2B4930{caller:07d}&callee=%2B4989{callee:07d}")
            answer = connection.getresponse()
            found = json.loads(answer.read())
            latencies_ms.append((time.perf_counter() - began_s) * 1e3)
            self.scores += 1
            self.degraded += bool(found["degraded"])
            due_s = max(due_s + pause_s, time.monotonic() - 1.0)
            self.stop.wait(max(due_s - time.monotonic(), 0.0))


def resident_mib(pid: int) -> float:
    """Of another process. Linux."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20


def disk_mib(folder: Path) -> float:
    """What lies in a folder; files that go meanwhile don't count."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total / 2**20


def metric(text: str, name: str) -> int:
    found = re.search(rf"^{re.escape(name)} (\S+)", text, re.MULTILINE)
    if found is None:
        raise BenchError(f"/metrics: expected {name}, found none")
    return int(float(found[1]))


def soak(minutes: float) -> dict[str, Any]:
    """One run."""
    with tempfile.TemporaryDirectory(prefix="spit-soak-") as scratch:
        folder = Path(scratch)
        settings = folder / "spit.toml"
        settings.write_text(
            f'[service]\nport = 0\nstate = "{folder / "state"}"\n'
            f'[records]\ndirectory = "{folder / "records"}"\n'
        )
        command = [sys.executable, "-m", "spit", "serve", "--config", str(settings)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
            try:
                return _measure(process, folder, minutes)
            finally:
                process.kill()


def _measure(process: subprocess.Popen[str], folder: Path, minutes: float) -> dict[str, Any]:
    assert process.stderr is not None  # noqa: S101  for the types
    said = ""
    while "startup complete" not in said:
        line = process.stderr.readline()
        if not line:
            raise BenchError(f"spit serve: expected it to start, found: {said}")
        said += line
    found = re.search(r"Listening on http://127\.0\.0\.1:(\d+)", said)
    if found is None:
        raise BenchError(f"spit serve: expected a port, found: {said}")
    rest: list[str] = []
    reading = threading.Thread(target=lambda: rest.extend(process.stderr or ()))
    reading.start()
    load = Load(int(found[1]))
    load.start()
    began_s = time.monotonic()
    samples: list[tuple[float, float, float]] = []
    while (elapsed_s := time.monotonic() - began_s) < 60 * minutes and not load.mistakes:
        state_mib = disk_mib(folder / "state") if len(samples) % 10 == 0 else samples[-1][2]
        samples.append((elapsed_s, resident_mib(process.pid), state_mib))
        time.sleep(1.0)
    load.join()
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=60)
    connection.request("GET", "/metrics")
    metrics = connection.getresponse().read().decode()
    process.send_signal(signal.SIGTERM)
    status = process.wait(60)
    reading.join(60)
    if load.mistakes or status != 0:
        raise BenchError(f"exit status {status}; {load.mistakes[:3]}; {''.join(rest)[-2000:]}")
    recorded = _recorded(folder / "records")
    if recorded != load.calls:
        raise BenchError(f"call records: expected {load.calls}, found {recorded}")
    times, resident = np.array([one[:2] for one in samples]).T
    by_minute = minute_medians(times, resident)
    first = int(np.ceil(max(times[-1] / 60 * WARM_UP, LEAST_WARM_UP_MIN)))
    slope = float(np.polyfit(np.arange(first, len(by_minute)), by_minute[first:], 1)[0])
    return {
        "minutes": minutes,
        "calls": load.calls,
        "calls_per_s": load.calls / times[-1],
        "late_batches": load.late_batches,
        "scores": load.scores,
        "scores_per_s": load.scores / times[-1],
        "degraded": load.degraded,
        "score_ms": {
            name: load.quantile_ms(q) for name, q in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
        },
        "callers": CALLERS,
        "pairs": CALLERS * CALLEES_EACH,
        "recorded": recorded,
        "syncs": metric(metrics, "spit_journal_syncs_total"),
        "saves": metric(metrics, "spit_state_saves_total"),
        "save_failures": metric(metrics, "spit_state_save_failures_total"),
        "refused": metric(metrics, "spit_journal_events_refused_total"),
        "dropped": metric(metrics, "spit_records_dropped_total"),
        "state_mib_max": max(one[2] for one in samples),
        "first_minute_measured": first,
        "slope_mib_per_minute": slope,
        "flat": abs(slope) <= FLAT_MIB_PER_MINUTE,
        "resident_mib_max": float(resident.max()),
        "resident_mib_by_minute": [round(one, 1) for one in by_minute],
        "resident_mib": [
            [round(float(t), 1), round(float(r), 1)] for t, r in zip(times, resident, strict=True)
        ],
    }


def minute_medians(times_s: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> list[float]:
    """Of each whole minute."""
    minutes = (times_s // 60).astype(np.int64)
    return [float(np.median(values[minutes == minute])) for minute in range(round(times_s[-1] / 60))]


def _recorded(folder: Path) -> int:
    import pyarrow.parquet as pq

    parts = folder.glob("date=*/hour=*/part-*.parquet")
    return sum(int(pq.read_metadata(part).num_rows) for part in parts)


def report(date: str, found: dict[str, Any]) -> str:
    """The page."""
    rows = [
        f"| {minute + 1} | {resident:,.1f} |"
        for minute, resident in enumerate(found["resident_mib_by_minute"])
    ]
    flat = "" if found["flat"] else f", expected at most {FLAT_MIB_PER_MINUTE:g} either way"
    times_ms = ", ".join(f"{ms:.1f}" for ms in found["score_ms"].values())
    cells = {
        "calls accepted": f"{found['calls']:,} ({found['calls_per_s']:,.0f}/s)",
        "batches sent late": f"{found['late_batches']:,}",
        "call records in the files afterwards": f"{found['recorded']:,}",
        "questions": f"{found['scores']:,} ({found['scores_per_s']:,.0f}/s)",
        "questions answered without a score": f"{found['degraded']:,}",
        "time of a question, p50, p99, p99.9 (ms)": times_ms,
        "syncs of the journal": f"{found['syncs']:,}",
        "states saved, failed": f"{found['saves']:,}, {found['save_failures']:,}",
        "events refused, call records dropped": f"{found['refused']:,}, {found['dropped']:,}",
        "state and journal on disk, at most (MiB)": f"{found['state_mib_max']:,.0f}",
        "most memory at one moment (MiB)": f"{found['resident_mib_max']:,.0f}",
        f"**slope of memory after {found['first_minute_measured']} minutes (MiB/min{flat})**": (
            f"**{found['slope_mib_per_minute']:+.2f}**"
        ),
    }
    facts = "\n".join(f"| {name} | {value} |" for name, value in cells.items())
    return "\n".join(
        [
            "# Soak",
            "",
            f"Measured on {date} by benches/soak.py: `spit serve`, one process, with state, journal (synced",
            f"for every request) and call records, for {found['minutes']:g} minutes. {found['callers']:,}",
            f"callers with {found['pairs']:,} pairs call again and again; an attempt, an answer and an end",
            f"each, in numbered batches every {BATCH_S:g} s. The load runs on the same machine.",
            "",
            machine_line(machine()),
            "",
            "| | |",
            "|---|---:|",
            facts,
            "",
            "| Minute | Resident, median (MiB) |",
            "|---:|---:|",
            *rows,
            "",
        ]
    )


def run(minutes: float, date: str, output: Path) -> None:
    """Measure and write the results. Raises BenchError."""
    found = soak(minutes)
    write_results(output, "soak", found, report(date, found))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--date", required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--output", type=Path, default=HERE / "results")
    arguments = parser.parse_args()
    least = LEAST_WARM_UP_MIN + LEAST_MEASURED_MIN
    if arguments.minutes < least:
        parser.error(f"--minutes: expected at least {least:g}, found {arguments.minutes:g}")
    return status_of(lambda: run(arguments.minutes, arguments.date, arguments.output))


if __name__ == "__main__":
    sys.exit(main())
