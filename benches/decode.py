"""Measures how fast captures are decoded and calls tracked, beside tshark, sipgrep, sngrep and wc -l.

One run makes its own capture (decode_capture.py), checks that the message counts agree, then measures every
program in turn, several rounds, so that a slow moment of the machine hits all alike. Wall time is the median,
memory the highest peak resident set (wait4). Writes results/decode.json and results/decode.md.

    python benches/decode.py --date 2026-01-31
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measured import BenchError, machine, machine_line, status_of, write_results

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SPIT = [sys.executable, "-m", "spit"]


@dataclass(frozen=True, slots=True)
class Program:
    """A command to measure; ``{capture}`` stands for the file."""

    name: str
    does: str
    command: list[str]
    copies: int = 1  # of the capture that it reads


ONE_CORE = ["taskset", "-c", "0"]
EVENTS = [sys.executable, str(HERE / "events.py"), "{capture}"]
TSHARK = Program(
    "tshark sip,stat",
    "decodes, counts messages by method and status",
    ["tshark", "-q", "-z", "sip,stat", "-o", "sdp.establish_conversation:FALSE", "-r", "{capture}"],
)
PROGRAMS = (
    Program("spit events, one core", "decodes, tracks calls, events as record batches", [*ONE_CORE, *EVENTS]),
    Program("spit events, two cores", "the same", EVENTS),
    Program(
        "spit events, two copies",
        "the same twice at once, each on a core: what a second core can bring here",
        ["sh", "-c", " ".join(f"taskset -c {n} {' '.join(EVENTS)} &" for n in (0, 1)) + " wait"],
        copies=2,
    ),
    Program(
        "spit calls, csv, one core",
        "decodes, tracks calls, writes CSV",
        [*ONE_CORE, *SPIT, "calls", "--format", "csv", "--output", "/dev/null", "{capture}"],
    ),
    Program(
        "spit calls, csv",
        "decodes, tracks calls, writes CSV",
        [*SPIT, "calls", "--format", "csv", "--output", "/dev/null", "{capture}"],
    ),
    Program(
        "spit calls, parquet",
        "decodes, tracks calls, writes Parquet",
        [*SPIT, "calls", "--format", "parquet", "--output", "/dev/null", "{capture}"],
    ),
    Program(
        "spit score, jsonl",
        "decodes, tracks, features, model, verdict per caller, writes JSON lines",
        [*SPIT, "score", "--format", "jsonl", "--output", "/dev/null", "{capture}"],
    ),
    Program(
        "spit messages, csv",
        "decodes, writes a row per message as CSV",
        [*SPIT, "messages", "--format", "csv", "--output", "/dev/null", "{capture}"],
    ),
    TSHARK,
    Program("sipgrep", "finds messages, prints all", ["sipgrep", "-C", "-I", "{capture}"]),
    Program(
        "sipgrep, no match",
        "searches messages, prints none",
        ["sipgrep", "-C", "-I", "{capture}", "matches-no-message"],
    ),
    Program(
        "sngrep",
        "decodes, tracks calls in memory",
        ["sngrep", "-N", "-q", "-F", "-l", "10000000", "-I", "{capture}"],
    ),
    Program("wc -l", "reads every byte: the limit", ["wc", "-l", "{capture}"]),
)
REFERENCE = next(program for program in PROGRAMS if program.name == "spit calls, csv")


def measure(command: list[str]) -> tuple[float, int]:
    """Run the command once, output thrown away: wall seconds and peak resident bytes."""
    started_s = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stderr is not None  # noqa: S101 for mypy: it is a pipe
        complaint = process.stderr.read()
        _, wait_status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(wait_status)
    elapsed_s = time.perf_counter() - started_s
    if process.returncode != 0:
        text = complaint.decode("utf-8", "replace").strip()
        raise BenchError(f"{' '.join(command)}: exit status {process.returncode}: {text}")
    return elapsed_s, usage.ru_maxrss * 1024  # Linux counts in KiB


def check_programs() -> None:
    """Refuse to compare with fewer programs than announced."""
    missing = sorted({p.command[0] for p in PROGRAMS if shutil.which(p.command[0]) is None})
    if missing:
        raise BenchError(f"{', '.join(missing)} not found: install with tools/setup.sh --bench")


def make_capture(path: Path, messages: int, seed: int) -> dict[str, int]:
    """Write the capture in a process of its own; its numbers as decode_capture.py prints them."""
    command = [sys.executable, str(HERE / "decode_capture.py"), str(path)]
    command += ["--messages", str(messages), "--seed", str(seed)]
    numbers: dict[str, int] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return numbers


def count_lines(command: list[str]) -> int:
    """Lines that the command prints, without keeping them."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None  # noqa: S101 for mypy: it is a pipe
        lines = 0
        while block := process.stdout.read(1 << 20):
            lines += block.count(b"\n")
    if process.returncode != 0:
        raise BenchError(f"{' '.join(command)}: exit status {process.returncode}")
    return lines


def check_agreement(capture: Path, numbers: dict[str, int]) -> dict[str, int]:
    """What each program counts; raises BenchError when one disagrees with what was written."""
    statistic = subprocess.run(
        [part.format(capture=capture) for part in TSHARK.command], check=True, capture_output=True
    ).stdout.decode()
    found = re.search(r"Number of SIP messages: (\d+)", statistic)
    if found is None:
        raise BenchError("tshark -z sip,stat printed no number of SIP messages")
    counts = {
        "messages_written": numbers["messages"],
        "messages_tshark": int(found[1]),
        "messages_spit": count_lines([*SPIT, "messages", "--format", "jsonl", str(capture)]),
        "calls_written": numbers["calls"],
        "calls_spit": count_lines([*SPIT, "calls", "--format", "jsonl", str(capture)]),
    }
    if not counts["messages_written"] == counts["messages_tshark"] == counts["messages_spit"]:
        raise BenchError(f"the message counts disagree: {counts}")
    if counts["calls_written"] != counts["calls_spit"]:
        raise BenchError(f"the call counts disagree: {counts}")
    return counts


def versions() -> dict[str, str]:
    """The first line with a version number that each program prints."""
    answers = {"python": platform.python_version()}
    for name, command in (
        ("spit", [*SPIT, "--version"]),
        ("rustc", ["rustc", "--version"]),
        ("tshark", ["tshark", "--version"]),
        ("sipgrep", ["sipgrep", "-V"]),
        ("sngrep", ["sngrep", "-V"]),
    ):
        run = subprocess.run(command, capture_output=True, check=False, cwd=ROOT)
        text = (run.stdout + run.stderr).decode("utf-8", "replace")
        lines = [line for line in text.splitlines() if re.search(r"\d+\.\d+", line)]
        answers[name] = lines[0].strip() if lines else "unknown"
    return answers


def run_rounds(capture: Path, rounds: int, messages: int) -> list[dict[str, Any]]:
    """Every program once per round; one result per program, in the order of PROGRAMS."""
    times_s: dict[str, list[float]] = {p.name: [] for p in PROGRAMS}
    peaks: dict[str, int] = {p.name: 0 for p in PROGRAMS}
    for round_ in range(1, rounds + 1):
        for program in PROGRAMS:
            elapsed_s, peak = measure([part.format(capture=capture) for part in program.command])
            times_s[program.name].append(elapsed_s)
            peaks[program.name] = max(peaks[program.name], peak)
            print(f"round {round_} of {rounds}: {program.name} {elapsed_s:.2f} s", file=sys.stderr)
    reference_s = statistics.median(times_s[REFERENCE.name])
    results = []
    for program in PROGRAMS:
        median_s = statistics.median(times_s[program.name])
        command = [part.replace(sys.executable, "python").replace(f"{ROOT}/", "") for part in program.command]
        results.append(
            {
                "name": program.name,
                "does": program.does,
                "command": " ".join(command).format(capture="FILE"),
                "runs_s": [round(t, 3) for t in times_s[program.name]],
                "median_s": round(median_s, 3),
                "messages_per_s": round(program.copies * messages / median_s),
                "peak_rss_mib": round(peaks[program.name] / 2**20, 1),
                "time_ratio": round(median_s / reference_s, 2),
            }
        )
    return results


def as_markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    host, capture = report["machine"], report["capture"]
    lines = [
        "# Decoding captures",
        "",
        f"Measured on {report['date']} by `make bench` (benches/decode.py), {report['rounds']} alternating "
        "rounds, median wall time, highest peak resident set.",
        "",
        machine_line(host),
        "",
        f"Capture: {capture['messages']:,} SIP messages of {capture['calls']:,} simulated calls over UDP, "
        f"{capture['bytes'] / 1e6:.0f} MB, {capture['mean_packet_bytes']} bytes a packet, in the page cache. "
        "tshark and spit agree on the number of messages.",
        "",
        f"Time ratio: wall time divided by that of `{REFERENCE.name}`; above 1 is slower than spit. "
        "The programs do not do the same work: read the second column. Memory has a floor of about 16 MiB: "
        "the measuring process that starts them.",
        "",
        "| Program | Does | Wall time (s) | Messages/s | Peak memory (MiB) | Time ratio |",
        "|---|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {r['name']} | {r['does']} | {r['median_s']:.2f} | {r['messages_per_s']:,} "
        f"| {r['peak_rss_mib']:.0f} | {r['time_ratio']:.2f} |"
        for r in report["results"]
    ]
    lines += ["", "Commands:", "", "```"]
    lines += [r["command"] for r in report["results"]]
    lines += ["```", "", "Versions:", ""]
    lines += [f"- {name}: {version}" for name, version in report["versions"].items()]
    return "\n".join(lines) + "\n"


def run(arguments: argparse.Namespace) -> None:
    """Make the capture, check, measure, write the results."""
    check_programs()
    compileall.compile_dir(ROOT / "spit", quiet=1)  # as pip does when it installs a wheel
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    capture = (folder / "decode.pcap").resolve()
    print(f"writing {capture}", file=sys.stderr)
    numbers = make_capture(capture, arguments.messages, arguments.seed)
    counts = check_agreement(capture, numbers)
    report: dict[str, Any] = {
        "date": arguments.date,
        "machine": machine(),
        "versions": versions(),
        "capture": {
            **numbers,
            "seed": arguments.seed,
            # Less the pcap headers: 24 bytes a file, 16 a packet.
            "mean_packet_bytes": round((numbers["bytes"] - 24) / numbers["messages"] - 16),
        },
        "counts": counts,
        "rounds": arguments.rounds,
        "results": run_rounds(capture, arguments.rounds, numbers["messages"]),
    }
    write_results(arguments.results, "decode", report, as_markdown(report))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--date", required=True, help="of the measurement, as 2026-01-31")
    parser.add_argument("--messages", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench", help="for the capture")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    return status_of(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
