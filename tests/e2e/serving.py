"""A ``spit serve`` of its own, asked over HTTP."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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
        return self.metric("spit_state_saves_total")

    def metric(self, name: str) -> int:
        found = re.search(rf"^{name} (\d+)", self.ask("GET", "/metrics")[1], re.MULTILINE)
        assert found is not None, name
        return int(found[1])

    def engine_counter(self, name: str) -> int:
        text = self.ask("GET", "/metrics")[1]
        found = re.search(rf'^spit_engine_counter{{name="{name}"}} (\d+)', text, re.MULTILINE)
        assert found is not None, name
        return int(found[1])


@contextmanager
def serving(*flags: str, before: tuple[str, ...] = (), cwd: Path = ROOT) -> Iterator[Serving]:
    """``before``: words of the command line before the program, such as a shell that sets limits."""
    command = [*before, sys.executable, "-m", "spit", "serve", "--port", "0", *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=cwd) as process:
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
