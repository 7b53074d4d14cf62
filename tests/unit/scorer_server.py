"""A scorer's ``/v1/events`` on a real socket, which answers what the test says."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa
from post_server import Answer, PostServer, serving


class ScorerServer(PostServer):
    """``answers``: what the next requests get, in order; then 200."""

    def __init__(self) -> None:
        super().__init__(self._next)
        self.answers: list[int | Callable[[http.server.BaseHTTPRequestHandler], None]] = []
        self._lock = threading.Lock()

    def batch_numbers(self) -> list[int]:
        return [int(headers["X-Spit-Batch"]) for _, headers, _ in self.requests]

    def call_ids(self) -> list[str]:
        found: list[str] = []
        for path, _, body in self.requests:
            assert path == "/v1/events", path
            found += pa.ipc.open_stream(body).read_all()["call_id"].to_pylist()
        return found

    def _next(self, _body: bytes) -> Answer:
        with self._lock:
            answer = self.answers.pop(0) if self.answers else 200
        if callable(answer):
            return answer
        text = json.dumps({"accepted": 1} if answer == 200 else {"detail": "no", "status": answer})
        return answer, text.encode(), {}


@contextmanager
def scorer_server(port: int = 0) -> Iterator[ScorerServer]:
    """A server that runs until the block ends."""
    state = ScorerServer()
    with serving(state, path="", port=port):
        yield state


def hang_up(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer, after the batch was read."""
    handler.close_connection = True


def answer_garbage(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Not HTTP."""
    handler.wfile.write(b"\x00\xff nonsense\r\n\r\n")
    handler.close_connection = True
