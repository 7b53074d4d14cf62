"""``kill -9`` of ``spit serve``: what was acknowledged before the last save is there, the rest is said."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
CALLER = "+12025550199"
DEADLINE_S = 60


class Serving:
    """A running ``spit serve`` and what it has said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = ""
        assert process.stderr is not None
        while "startup complete" not in self.said:
            line = process.stderr.readline()
            assert line, f"it ended before it listened: {self.said}"
            self.said += line
        found = re.search(r"Listening on http://127\.0\.0\.1:(\d+)", self.said)
        assert found is not None
        self._port = int(found[1])

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=DEADLINE_S)
        try:
            content = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, json.dumps(body), {**content, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def send(self, number: int) -> object:
        event: dict[str, object] = {
            "event": "attempt",
            "time": 1_700_000_000 + number,
            "call_id": f"c{number}",
            "caller": CALLER,
        }
        numbering = {"X-Spit-Agent": "edge", "X-Spit-Batch": str(number)}
        status, text = self.ask("POST", "/v1/events", [event], **numbering)
        assert status == 200, text
        return json.loads(text)

    def attempts(self) -> int:
        status, text = self.ask("GET", f"/v1/callers/{CALLER}")
        return int(json.loads(text)["attempts"]) if status == 200 else 0

    def saves(self) -> int:
        found = re.search(r"^spit_state_saves_total (\d+)", self.ask("GET", "/metrics")[1], re.MULTILINE)
        assert found is not None
        return int(found[1])


@contextmanager
def serving(*flags: str) -> Iterator[Serving]:
    command = [sys.executable, "-m", "spit", "serve", "--port", "0", *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield Serving(process)
        finally:
            process.kill()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline_s, "what was waited for did not happen"
        pause.wait(0.05)


def test_after_kill_9_what_was_saved_is_there_and_what_is_lost_is_said(tmp_path: Path) -> None:
    flags = ["--state", str(tmp_path), "--checkpoint-s", "1"]
    with serving(*flags) as first:
        assert first.send(1) == {"accepted": 1}
        seen = first.saves()
        # A save that began before the batch may still count; the one after it holds the batch.
        wait_until(lambda: first.saves() >= seen + 2)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(DEADLINE_S)
    with serving(*flags) as second:
        restored = re.search(
            r"state restored: 1 callers, 1 events, saved \S+ \(\d+ s ago\); up to (\d+) s of captured "
            r"traffic before the stop were not saved",
            second.said,
        )
        assert restored is not None, second.said
        assert 1 <= int(restored[1]) <= DEADLINE_S
        assert second.attempts() == 1
        assert second.send(1) == {"accepted": 0, "duplicate": True}
        assert second.send(2) == {"accepted": 1}
        second.process.send_signal(signal.SIGTERM)
        assert second.process.wait(DEADLINE_S) == 0
    with serving(*flags) as third:
        assert "when it stopped: nothing before that is missing" in third.said
        assert third.attempts() == 2


def test_a_kill_while_a_state_is_written_leaves_the_one_before(tmp_path: Path) -> None:
    flags = ["--state", str(tmp_path), "--checkpoint-s", "1"]
    with serving(*flags) as first:
        first.send(1)
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(DEADLINE_S) == 0
    # What a kill leaves in the middle of a save: a snapshot that CURRENT does not name yet.
    unfinished = tmp_path / "snapshot-999"
    unfinished.mkdir()
    (unfinished / "evidence.arrow").write_bytes(b"half")
    with serving(*flags) as second:
        assert second.attempts() == 1
        wait_until(lambda: not unfinished.exists())
