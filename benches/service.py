"""Measures how fast single questions are answered: `/v1/score` beside a constant of the same application.

One worker that knows 100,000 callers (service_app.py); wrk asks for both in turn, several rounds, so that a
slow moment of the machine hits both alike; a share is the median of the rounds' shares, of those in which
every answer was a verdict. The constant goes through HTTP library, middleware and route. Plain questions do
not (docs/decisions/0027), so they are also asked with a header that sends them that way: that share
compares like with like. Latency is that of an open loop (service_load.py), at half of the measured rate, at
1,000 questions a second while events of 1,000 calls a second arrive, and at rising rates until calls are
allowed without a verdict. The server has a core of its own, wrk and the senders have the other. Takes some
seven minutes and writes results/service.json and results/service.md.

    python benches/service.py --date 2026-01-31
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measured import BenchError, machine, machine_line, status_of, write_results

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
#: Makes a question anything but plain, and asks for nothing. The constant has it too: like with like.
UNUSUAL = "TE: trailers"
#: What is asked for, by name: the path and a header line.
CONSTANT, SCORE, LONG_WAY = "constant", "score", "score_long_way"
WAYS = {CONSTANT: ("/constant", UNUSUAL), SCORE: ("/v1/score", ""), LONG_WAY: ("/v1/score", UNUSUAL)}
METHODS = ("GET", "POST")
LEAST_SHARE, LONGEST_P99_MS = 0.7, 5.0
CONNECTIONS = 16
PORT = 8123
#: Of what wrk measured: the rates at which it is looked for shedding.
RATES = (0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0)
#: Share of questions without a verdict from which on it sheds, and that a round of wrk may have.
SHEDDING, MOST_DEGRADED = 0.01, 0.001
#: Share of the time of all processors that the hypervisor may take within a round of questions.
MOST_STOLEN = 0.001
#: Rounds of 1,000 questions a second, without and with events, and seconds of each: the events last so long.
QUESTION_ROUNDS, QUESTION_ROUND_S = 9, 4.0


def on_core(core: int, *command: str) -> list[str]:
    return ["taskset", "-c", str(core), *command]


def run(command: list[str]) -> str:
    """What a program wrote. Raises BenchError."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


@contextlib.contextmanager
def served(folder: Path) -> Iterator[int]:
    """The application on a core of its own; its process id."""
    command = on_core(
        0, sys.executable, str(HERE / "service_app.py"), "serve", str(folder), "--port", str(PORT)
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        try:
            deadline_s = time.monotonic() + 120.0
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT), 1.0):
                    break
                if process.poll() is not None or time.monotonic() > deadline_s:
                    raise BenchError("the application did not start")
                time.sleep(0.2)
            yield process.pid
        finally:
            process.terminate()


def cpu_s(pid: int) -> float:
    """Processor time of a process so far. Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def degraded() -> int:
    """Questions that the server has answered without a verdict so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=60) as answer:
        found = re.search(r"^spit_degraded_total (\S+)", answer.read().decode(), re.MULTILINE)
    if found is None:
        raise BenchError("/metrics: expected spit_degraded_total, found none")
    return int(float(found[1]))


def wrk(folder: Path, pid: int, method: str, way: str, seconds: int, offset: int) -> dict[str, float]:
    """Requests a second that wrk got, the server's processor time for each, the share without a verdict."""
    path, header = WAYS[way]
    script = [str(HERE / "service.lua"), f"http://127.0.0.1:{PORT}", "--", str(folder / "questions.tsv")]
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "-s",
        *script,
        path,
        method,
        str(offset),
        header,
    ]
    before, before_s = degraded(), cpu_s(pid)
    said = run(on_core(1, *command))
    used_s, without = cpu_s(pid) - before_s, degraded() - before
    if "Non-2xx" in said or "Socket errors" in said:
        raise BenchError(f"{' '.join(command)}: {said}")
    rate, count = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"(\d+) requests in", said)
    if rate is None or count is None:
        raise BenchError(f"{' '.join(command)}: {said}")
    answered = max(int(count[1]), 1)
    return {"per_s": float(rate[1]), "cpu_us": used_s / answered * 1e6, "degraded": without / answered}


def throughput(folder: Path, pid: int, rounds: int, seconds: int) -> list[dict[str, Any]]:
    """For each method: requests a second of all ways, and what share of the constant a score has."""
    for method in METHODS:  # nothing is measured that is done for the first time
        for way in WAYS:
            wrk(folder, pid, method, way, 1, 0)
    found: dict[str, list[dict[str, dict[str, float]]]] = {method: [] for method in METHODS}
    for number in range(rounds):
        for method in METHODS:
            ways = list(WAYS) if number % 2 else list(WAYS)[::-1]
            found[method].append({way: wrk(folder, pid, method, way, seconds, number * 3000) for way in ways})
            print(method, found[method][-1], file=sys.stderr)
    result = []
    for method, all_parts in found.items():
        # An answer without a verdict costs less: a round with such answers says nothing.
        parts = [part for part in all_parts if all(one["degraded"] <= MOST_DEGRADED for one in part.values())]
        if not parts:
            raise BenchError(f"{method}: every round had answers without a verdict: the machine is not quiet")
        row: dict[str, Any] = {"method": method, "rounds_left_out": len(all_parts) - len(parts)}
        for way in WAYS:
            shares = [part[way]["per_s"] / part[CONSTANT]["per_s"] for part in parts]
            row[way] = {
                **{
                    what: statistics.median(part[way][what] for part in parts) for what in ("per_s", "cpu_us")
                },
                "share": statistics.median(shares),
                "shares": shares,
            }
        result.append(row)
    return result


def stolen_and_all() -> tuple[int, int]:
    """Ticks that the hypervisor gave to others while this machine wanted to run, and all ticks. Linux."""
    ticks = [int(tick) for tick in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return ticks[7], sum(ticks)


def questions(
    folder: Path,
    rate: float,
    seconds: float,
    method: str,
    calls_per_s: float = 0.0,
    first_call: int = 0,
) -> dict[str, Any]:
    """Questions at ``rate`` while events of ``calls_per_s`` calls a second arrive."""
    before = stolen_and_all()
    command = [sys.executable, str(HERE / "service_load.py"), str(folder), "--port", str(PORT)]
    command += ["--rate", f"{rate:g}", "--seconds", f"{seconds:g}", "--method", method]
    command += ["--calls-per-s", f"{calls_per_s:g}", "--first-call", str(first_call)]
    found: dict[str, Any] = json.loads(run(on_core(1, *command)))
    stolen, all_ticks = (now - then for now, then in zip(stolen_and_all(), before, strict=True))
    found["stolen"] = stolen / max(all_ticks, 1)
    print(found, file=sys.stderr)
    return found


def in_rounds(folder: Path, rounds: int, seconds: float) -> dict[str, dict[str, Any]]:
    """1,000 questions a second, in turn without and with events of 1,000 calls a second.

    Of all rounds, those in which the hypervisor took the machine away are left out, if others are left: a
    round that stood still for 30 ms says nothing of the service. The criterion does not look at latencies.
    """
    names = ("1,000 a second", "beside events")
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number in range(rounds):
        first_call = round(number * 1000 * (seconds + 2.0))
        found[names[0]].append(questions(folder, 1000.0, seconds, "GET"))
        found[names[1]].append(questions(folder, 1000.0, seconds, "GET", 1000.0, first_call))
    result = {}
    for name, parts in found.items():
        quiet = [part for part in parts if part["stolen"] <= MOST_STOLEN]
        middle = sorted(quiet or parts, key=lambda part: part["p99_ms"])[len(quiet or parts) // 2]
        result[name] = {**middle, "rounds": parts, "quiet_rounds": len(quiet)}
    return result


def as_markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    host, facts = report["machine"], report["facts"]
    lines = [
        "# Single questions",
        "",
        f"Measured on {report['date']} by benches/service.py: one worker that knows {facts['callers']:,} "
        f"callers ({facts['events']:,} events counted); {facts['questions']:,} questions, the calls that "
        f"come next in the same simulation, of {facts['questions_callers']:,} callers, "
        f"{facts['questions_callers_known']:,} of them known before. Server on one core, clients on the "
        "other.",
        "",
        machine_line(host),
        "",
        f"## Requests a second, beside a constant (expected: at least {LEAST_SHARE:.0%})",
        "",
        "The constant goes through HTTP library, middleware and route. Plain questions are answered before "
        "all that, so their share can exceed 100 %; the same questions with a header that sends them the "
        f"long way (`{UNUSUAL}`, as the constant has it) compare like with like. Both have to reach the "
        "share.",
        "",
        "| Method | Asked | Requests/s | Share of the constant | Rounds | Processor (µs a request) |",
        "|---|---|---:|---:|---|---:|",
    ]
    for row in report["throughput"]:
        for way, words in (
            (CONSTANT, "constant"),
            (SCORE, "`/v1/score`, plain"),
            (LONG_WAY, "`/v1/score`, the long way"),
        ):
            found = row[way]
            rounds = "" if way == CONSTANT else ", ".join(f"{share:.0%}" for share in found["shares"])
            share = "" if way == CONSTANT else f"{found['share']:.0%}"
            lines.append(
                f"| {row['method']} | {words} | {found['per_s']:,.0f} | {share} | {rounds} "
                f"| {found['cpu_us']:.0f} |"
            )
    left_out = sum(row["rounds_left_out"] for row in report["throughput"])
    lines += [
        "",
        f"{_met(report['met']['share'])} Rounds left out, with calls allowed without a verdict: {left_out}.",
        "",
        "`" + report["commands"]["wrk"] + "`",
        "",
        "## Latency from the moment that a question was due",
        "",
        "| Questions | Asked (1/s) | Answered (1/s) | p50 (ms) | p90 | p99 | p99.9 | longest | Degraded |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in report["latency"].items():
        lines.append(
            f"| {name} | {row['asked_per_s']:,.0f} | {row['answered_per_s']:,.0f} | {row['p50_ms']:.2f} "
            f"| {row['p90_ms']:.2f} | {row['p99_ms']:.2f} | {row['p99_9_ms']:.2f} | {row['longest_ms']:.1f} "
            f"| {row['degraded'] / row['questions']:.1%} |"
        )
    beside = report["latency"]["beside events"]
    events = beside["events"]
    lines += [
        "",
        f"`{report['commands']['questions']}`",
        "",
        f"The last two rows are the middle ones, by p99, of the quiet rounds of {QUESTION_ROUND_S:g} s: in "
        f"them the hypervisor took at most {MOST_STOLEN:.1%} of the processors' time. All rounds, in turn:",
        "",
        "| Round | Taken | p99 (ms) | longest | Beside events: taken | p99 (ms) | longest |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    all_rounds = [report["latency"][name]["rounds"] for name in ("1,000 a second", "beside events")]
    for number, parts in enumerate(zip(*all_rounds, strict=True), start=1):
        cells = (f"{p['stolen']:.1%} | {p['p99_ms']:.2f} | {p['longest_ms']:.1f}" for p in parts)
        lines.append(f"| {number} | {' | '.join(cells)} |")
    lines += [
        "",
        f"Beside events: {events['calls_per_s']:,.0f} calls a second ({events['events_per_s']:,.0f} events) "
        f"as Arrow batches, ten a second; a batch was accepted after {events['batch_median_ms']:.0f} ms "
        f"(median), {events['batch_longest_ms']:.0f} ms (longest). Expected there: p99 at most "
        f"{LONGEST_P99_MS:g} ms. {_met(report['met']['p99'])} Quiet rounds: {beside['quiet_rounds']} of "
        f"{len(beside['rounds'])}.",
        "",
        "## When it sheds",
        "",
        "Beyond what can be answered in time, calls are allowed without a verdict (`degraded`). The load "
        "does not wait for answers: the latency holds what a question waited in a socket before it was "
        "read, and what the client was late in sending it, which is no fault of the service.",
        "",
        "| Asked (1/s) | Answered (1/s) | p50 (ms) | p99 (ms) | longest (ms) | Degraded | Sent late (ms) |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['asked_per_s']:,.0f} | {row['answered_per_s']:,.0f} | {row['p50_ms']:.2f} "
        f"| {row['p99_ms']:.2f} | {row['longest_ms']:.1f} | {row['degraded'] / row['questions']:.1%} "
        f"| {row['late_ms']:.1f} |"
        for row in report["rising"]
    ]
    sheds = report["sheds_from_per_s"]
    lines += [
        "",
        f"Of {SHEDDING:.0%} of the questions and more from {sheds:,.0f} a second on."
        if sheds is not None
        else f"At none of these rates of {SHEDDING:.0%} of the questions.",
    ]
    return "\n".join(lines) + "\n"


def _met(is_met: bool) -> str:
    return "Met." if is_met else "**Missed.**"


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    missing = [name for name in ("wrk", "taskset") if shutil.which(name) is None]
    if missing:
        raise BenchError(f"{', '.join(missing)} not found: install with tools/setup.sh --bench")
    folder: Path = arguments.folder.resolve()
    if not (folder / "facts.json").exists():
        run([sys.executable, str(HERE / "service_app.py"), "make", str(folder)])
    with served(folder) as pid:
        rates = throughput(folder, pid, arguments.rounds, arguments.seconds)
        most = {row["method"]: row[SCORE]["per_s"] for row in rates}
        latency = {
            f"half load, {method}": questions(folder, most[method] / 2.0, 2.0 * arguments.seconds, method)
            for method in METHODS
        }
        latency |= in_rounds(folder, QUESTION_ROUNDS, QUESTION_ROUND_S)
        rising = [questions(folder, times * most["GET"], 0.6 * arguments.seconds, "GET") for times in RATES]
    script = f"-s benches/service.lua http://127.0.0.1:{PORT} -- .bench/service/questions.tsv"
    return {
        "date": arguments.date,
        "machine": machine(),
        "facts": json.loads((folder / "facts.json").read_text()),
        "commands": {
            "wrk": f"wrk -t1 -c{CONNECTIONS} -d{arguments.seconds}s {script} PATH METHOD OFFSET HEADER",
            "questions": "python benches/service_load.py .bench/service --rate RATE",
        },
        "throughput": rates,
        "latency": latency,
        "rising": rising,
        "sheds_from_per_s": next(
            (row["asked_per_s"] for row in rising if row["degraded"] >= SHEDDING * row["questions"]), None
        ),
        "met": {
            "share": all(row[way]["share"] >= LEAST_SHARE for row in rates for way in (SCORE, LONG_WAY)),
            "p99": latency["beside events"]["p99_ms"] <= LONGEST_P99_MS
            and latency["beside events"]["quiet_rounds"] > 0,
        },
    }


def run_once(arguments: argparse.Namespace) -> None:
    """Measure and write the results. Raises BenchError."""
    report = measure(arguments)
    write_results(arguments.results, "service", report, as_markdown(report))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--date", required=True, help="of the measurement, as 2026-01-31")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=5, help="of each round")
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench/service", help="for the saved state")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    return status_of(lambda: run_once(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
