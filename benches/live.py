"""Measures live capture: packets over a veth pair at rising rates, seen and lost by `spit agent` and tcpdump.

Needs root: it makes two network namespaces of its own and removes them. At each rate both receivers get the
same packets, one after the other. Writes results/live.json and results/live.md.

    python benches/live.py --date 2026-01-31
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from decode import make_capture
from measured import BenchError, machine, machine_line, status_of, write_results

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SENDER, RECEIVER = "spit-bench-send", "spit-bench-recv"
OUT, IN = "spitb0", "spitb1"
RATES_PPS = (20_000, 50_000, 100_000, 200_000, 400_000, 0)  # 0: as fast as it goes
#: What the agent's exit summary calls the ways to lose a packet or message.
DROPS = ("kernel_dropped", "ring_dropped", "queue_dropped")


def sh(*command: str, check: bool = True) -> str:
    """The command's output. Raises BenchError when it fails."""
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and run.returncode != 0:
        raise BenchError(f"{' '.join(command)}: {run.stderr.strip()}")
    return run.stdout + run.stderr


@contextmanager
def namespaces() -> Iterator[None]:
    """Two namespaces joined by a veth pair."""
    for name in (SENDER, RECEIVER):
        sh("ip", "netns", "del", name, check=False)
        sh("ip", "netns", "add", name)
    try:
        sh("ip", "link", "add", OUT, "netns", SENDER, "type", "veth", "peer", "name", IN, "netns", RECEIVER)
        for name, link in ((SENDER, OUT), (RECEIVER, IN)):
            sh("ip", "netns", "exec", name, "ip", "link", "set", link, "up")
        yield
    finally:
        for name in (SENDER, RECEIVER):
            sh("ip", "netns", "del", name, check=False)


def send(capture: Path, rate_pps: int) -> tuple[int, float]:
    """Packets sent, and the rate that was reached."""
    pace = ["--topspeed"] if rate_pps == 0 else [f"--pps={rate_pps}"]
    said = sh(
        "ip", "netns", "exec", SENDER, "tcpreplay", "--preload-pcap", *pace, f"--intf1={OUT}", str(capture)
    )
    packets = re.search(r"Successful packets:\s+(\d+)", said)
    rate = re.search(r"([\d.]+) pps", said)
    if packets is None or rate is None:
        raise BenchError(f"tcpreplay said neither packets nor rate: {said}")
    return int(packets[1]), float(rate[1])


@contextmanager
def receiver(command: list[str], ready: str) -> Iterator[subprocess.Popen[str]]:
    """The command in the receiving namespace, once it has said that it is ready."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        ["ip", "netns", "exec", RECEIVER, *command],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=environment,
        cwd=ROOT,
    ) as process:
        assert process.stderr is not None  # noqa: S101 for mypy: it is a pipe
        said = ""
        for line in process.stderr:
            said += line
            if ready in line:
                break
        else:
            raise BenchError(f"{' '.join(command)}: {said}")
        try:
            yield process
        finally:
            process.kill()


def agent(capture: Path, rate_pps: int) -> dict[str, Any]:
    """What `spit agent` saw and lost."""
    command = [sys.executable, "-m", "spit", "agent", "--interface", IN, "--output", "/dev/null"]
    with receiver(command, IN) as process:
        packets, pps = send(capture, rate_pps)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=120)
        if process.returncode != 0:
            raise BenchError(f"spit agent: exit status {process.returncode}: {said}")
    counters = {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", said.strip().splitlines()[-1])}
    return {
        "sent": packets,
        "pps": round(pps),
        "seen": counters.get("messages", 0),
        "drops": {name: counters.get(name, 0) for name in DROPS},
    }


def tcpdump(capture: Path, rate_pps: int) -> dict[str, Any]:
    """What tcpdump saw and lost, writing nowhere."""
    command = ["tcpdump", "-i", IN, "-n", "-Z", "root", "-B", "65536", "--immediate-mode", "-w", "/dev/null"]
    with receiver(command, "listening on") as process:
        packets, pps = send(capture, rate_pps)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    seen = re.search(r"(\d+) packets captured", said)
    dropped = re.search(r"(\d+) packets dropped by kernel", said)
    if seen is None or dropped is None:
        raise BenchError(f"tcpdump said neither captured nor dropped: {said}")
    return {
        "sent": packets,
        "pps": round(pps),
        "seen": int(seen[1]),
        "drops": {"kernel_dropped": int(dropped[1])},
    }


def as_markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    host = report["machine"]
    lines = [
        "# Live capture",
        "",
        f"Measured on {report['date']} by benches/live.py: {report['capture']['messages']:,} SIP messages, a "
        "packet each, over a veth pair between two network namespaces, sent by tcpreplay from memory. Sender "
        "and receiver share the machine's cores.",
        "",
        machine_line(host),
        "",
        "| Asked for (packets/s) | Receiver | Sent | Reached (packets/s) | Seen | Lost | Counted as |",
        "|---:|---|---:|---:|---:|---:|---|",
    ]
    for row in report["results"]:
        asked = f"{row['rate_pps']:,}" if row["rate_pps"] else "as fast as it goes"
        for name in ("spit agent", "tcpdump"):
            r = row[name]
            drops = ", ".join(f"{kind} {count:,}" for kind, count in r["drops"].items() if count) or "nothing"
            lines.append(
                f"| {asked} | {name} | {r['sent']:,} | {r['pps']:,} | {r['seen']:,} "
                f"| {r['sent'] - r['seen']:,} | {drops} |"
            )
    return "\n".join(lines) + "\n"


def run(arguments: argparse.Namespace) -> None:
    """Make the capture, send it at each rate to each receiver, write the results."""
    missing = [name for name in ("ip", "tcpreplay", "tcpdump") if shutil.which(name) is None]
    if missing:
        raise BenchError(f"{', '.join(missing)} not found: install with tools/setup.sh --bench")
    if os.geteuid() != 0:
        raise BenchError("expected root, to make network namespaces")
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    capture = (folder / "live.pcap").resolve()
    numbers = make_capture(capture, arguments.messages, arguments.seed)
    results = []
    with namespaces():
        for rate_pps in RATES_PPS:
            row = {
                "rate_pps": rate_pps,
                "spit agent": agent(capture, rate_pps),
                "tcpdump": tcpdump(capture, rate_pps),
            }
            print(row, file=sys.stderr)
            results.append(row)
    report = {"date": arguments.date, "machine": machine(), "capture": numbers, "results": results}
    write_results(arguments.results, "live", report, as_markdown(report))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--date", required=True, help="of the measurement, as 2026-01-31")
    parser.add_argument("--messages", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench", help="for the capture")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    return status_of(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
