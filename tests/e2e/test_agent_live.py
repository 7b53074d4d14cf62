"""``spit agent`` on real interfaces and sockets: what is replayed or sent comes out as call events."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spit import _core
from spit.capture.files import CaptureFiles

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
CAPTURE = "captures/wangiri.pcap"
SPIT = [sys.executable, "-m", "spit"]
DEADLINE_S = 60
INVITE = (
    b"INVITE sip:+4930123456@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
    b"From: <sip:+12025550199@example.org>;tag=a\r\nTo: <sip:+4930123456@example.net>\r\n"
    b"Call-ID: %s\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)

needs_live = pytest.mark.skipif(
    not hasattr(_core, "LiveReader"), reason="this build of the core has no live capture"
)
needs_feed = pytest.mark.skipif(not hasattr(_core, "Feed"), reason="this build of the core has no Feed")


def wait_until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline_s, "what was waited for did not happen"
        pause.wait(0.05)


@pytest.fixture
def veth() -> Iterator[tuple[str, str]]:
    """A pair of interfaces: what is sent into one comes out of the other."""
    name = f"sp{os.getpid() % 100_000}"
    pair = (f"{name}a", f"{name}b")
    made = subprocess.run(
        ["ip", "link", "add", pair[0], "type", "veth", "peer", "name", pair[1]],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip(f"interfaces cannot be made here: {made.stderr.strip()}")
    try:
        for one in pair:
            subprocess.run(["ip", "link", "set", one, "up"], check=True)
        yield pair
    finally:
        subprocess.run(["ip", "link", "del", pair[0]], check=True)


class Agent:
    """A running ``spit agent``, its log, and the events that it wrote."""

    def __init__(self, process: subprocess.Popen[str], output: Path) -> None:
        self.process = process
        self.said = ""
        self._output = output
        self.read_until("capturing: ")

    def read_until(self, words: str) -> None:
        assert self.process.stderr is not None
        while words not in self.said:
            line = self.process.stderr.readline()
            assert line, f"it ended: {self.said}"
            self.said += line

    def events(self) -> list[dict[str, object]]:
        lines = self._output.read_text().splitlines(keepends=True) if self._output.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def end(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stderr is not None
        self.said += self.process.stderr.read()
        assert self.process.wait(DEADLINE_S) == 0, self.said
        return self.said


@contextmanager
def agent(tmp_path: Path, *flags: str) -> Iterator[Agent]:
    output = tmp_path / "events.jsonl"
    command = [*SPIT, "agent", "--output", str(output), *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield Agent(process, output)
        finally:
            process.kill()


def counted(said: str) -> dict[str, int]:
    (line,) = re.findall(r"ended: (.*)", said)
    return {name: int(count) for name, count in (pair.split("=") for pair in line.split())}


@pytest.mark.parametrize(
    "decoder", [pytest.param("native", marks=needs_live), pytest.param("scapy", marks=needs_feed)]
)
def test_what_is_replayed_into_an_interface_is_seen(
    tmp_path: Path, veth: tuple[str, str], decoder: str
) -> None:
    capture = CaptureFiles([str(ROOT / CAPTURE)])
    expected = Counter(kind for batch in capture.events() for kind in batch["event"].to_pylist())
    with agent(tmp_path, "--interface", veth[1], "--decoder", decoder) as running:
        sent = subprocess.run(
            [*SPIT, "replay", CAPTURE, "--interface", veth[0], "--speed", "max"],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert re.match(r"sent 501 packets, \d+ bytes in ", sent.stdout), sent
        # One call has no end in the capture: open calls are no ends.
        wait_until(lambda: len(running.events()) >= expected.total() - 1)
        counts = counted(running.end())
    found = Counter(str(event["event"]) for event in running.events())
    # Where the capture stops, files give open calls as ended; live capture saves them.
    assert (found["attempt"], found["answer"]) == (expected["attempt"], expected["answer"])
    assert 0 < found["end"] <= expected["end"]
    assert {name: count for name, count in counts.items() if name.endswith("_dropped")} == {}
    assert counts["messages"] == capture.counters()["messages"]


@needs_live
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_hep_is_collected(tmp_path: Path, transport: str) -> None:
    with agent(tmp_path, "--hep", "127.0.0.1:0") as running:
        found = re.search(rf"HEP on {transport}:127\.0\.0\.1:(\d+)", running.said)
        assert found is not None, running.said
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as sender:
            sender.connect(("127.0.0.1", int(found[1])))
            for number in range(3):
                sender.sendall(hep3(INVITE % f"hep-{number}".encode()))
            wait_until(lambda: len(running.events()) == 3)
        running.end()
    assert [event["call_id"] for event in running.events()] == ["hep-0", "hep-1", "hep-2"]
    assert {event["source_ip"] for event in running.events()} == {"192.0.2.7"}


def hep3(payload: bytes) -> bytes:
    """HEP version 3 with the chunks that every sender writes."""
    now_s, now_us = divmod(time.time_ns() // 1_000, 1_000_000)
    chunks = [
        (1, b"\x02"), (2, b"\x11"), (3, socket.inet_aton("192.0.2.7")), (4, socket.inet_aton("192.0.2.8")),
        (7, struct.pack("!H", 5060)), (8, struct.pack("!H", 5060)), (9, struct.pack("!I", now_s)),
        (10, struct.pack("!I", now_us)), (11, b"\x01"), (12, struct.pack("!I", 7)), (15, payload),
    ]  # fmt: skip
    body = b"".join(struct.pack("!HHH", 0, kind, 6 + len(value)) + value for kind, value in chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


@needs_live
def test_an_interface_that_is_not_there_is_one_line() -> None:
    run = subprocess.run(
        [*SPIT, "agent", "--interface", "nosuchif"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert run.returncode == 1
    assert re.fullmatch(r"spit: .*nosuchif.*\n", run.stderr), run.stderr


@needs_live
def test_without_privileges_it_says_which_are_missing() -> None:
    if os.geteuid() != 0:
        pytest.skip("takes root to give privileges up")
    run = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", *SPIT, "agent", "--interface", "lo"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if "setpriv" in run.stderr or ("Permission denied" in run.stderr and "lo" not in run.stderr):
        pytest.skip(f"another user cannot start Python here: {run.stderr.strip()[:200]}")
    assert run.returncode == 1
    assert "CAP_NET_RAW" in run.stderr
    assert run.stderr.count("\n") == 1
