"""``spit agent`` with a real ``spit serve``: through a ``kill -9`` of the scorer, each event counts once."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hep_packets import hep3, sip

from spit import _core

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not hasattr(_core, "LiveReader"), reason="this build of the core has no live capture"),
]

ROOT = Path(__file__).parents[2]
SPIT = [sys.executable, "-m", "spit"]
DEADLINE_S = 60
CALLER = "alice@example.org"


@contextmanager
def running(ready: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A program that has said ``ready``, and what it said until then."""
    with subprocess.Popen([*SPIT, *arguments], stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stderr is not None
            said = ""
            while ready not in said:
                line = process.stderr.readline()
                assert line, f"it ended: {said}"
                said += line
            yield process, said
        finally:
            process.kill()


def wait_until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline_s, "what was waited for did not happen"
        pause.wait(0.05)


def ask(port: int, path: str) -> str:
    """The answer to a GET; empty when nobody listens or knows it."""
    from urllib.request import urlopen

    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=DEADLINE_S) as answer:
            return str(answer.read(), "utf-8")
    except OSError:
        return ""


def attempts(port: int) -> int:
    found = ask(port, f"/v1/callers/{CALLER}")
    return int(json.loads(found)["attempts"]) if found else 0


def saves(port: int) -> int:
    found = re.search(r"^spit_state_saves_total (\d+)", ask(port, "/metrics"), re.MULTILINE)
    return int(found[1]) if found else 0


def waiting_batches(spool: Path) -> list[str]:
    kept = {"lock", "next-number", "rejected"}
    return [path.name for path in spool.rglob("*") if path.name not in kept]


def test_a_scorer_that_is_killed_gets_every_event_and_counts_it_once(tmp_path: Path) -> None:
    serve = ["serve", "--state", str(tmp_path / "state"), "--checkpoint-s", "1", "--port"]
    with running("startup complete", *serve, "0") as (first, said):
        found = re.search(r"Listening on http://127\.0\.0\.1:(\d+)", said)
        assert found is not None
        port = int(found[1])
        agent = ["agent", "--hep", "udp:127.0.0.1:0", "--scorer", f"http://127.0.0.1:{port}"]
        with running("capturing: ", *agent, "--spool", str(tmp_path / "spool")) as (capturing, heard):
            collector = re.search(r"HEP on udp:127\.0\.0\.1:(\d+)", heard)
            assert collector is not None, heard
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.connect(("127.0.0.1", int(collector[1])))

                def send(calls: range) -> None:
                    for call in calls:
                        sender.send(hep3(sip(f"call-{call}"), time_s=time.time()))

                send(range(20))
                wait_until(lambda: attempts(port) == 20)
                seen = saves(port)
                # A save that began before may lack them; the one after it holds them.
                wait_until(lambda: saves(port) >= seen + 2)
                first.send_signal(signal.SIGKILL)
                first.wait(DEADLINE_S)
                send(range(20, 50))
                wait_until(lambda: waiting_batches(tmp_path / "spool"))
                with running("startup complete", *serve, str(port)) as (second, _):
                    wait_until(lambda: attempts(port) == 50)
                    capturing.send_signal(signal.SIGTERM)
                    assert capturing.wait(DEADLINE_S) == 0
                    assert attempts(port) == 50
                    second.send_signal(signal.SIGTERM)
                    assert second.wait(DEADLINE_S) == 0
    assert waiting_batches(tmp_path / "spool") == []
