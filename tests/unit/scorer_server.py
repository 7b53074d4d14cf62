"""A scorer's ``/v1/events`` on a real socket, which answers what the test says."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa


@dataclass
class ScorerServer:
    """``answers``: what the next requests get, in order; then 200. ``requests``: headers and bodies."""

    url: str = ""
    answers: list[int | Callable[[http.server.BaseHTTPRequestHandler], None]] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    connections: int = 0

    def batch_numbers(self) -> list[int]:
        return [int(headers["X-Spit-Batch"]) for headers, _ in self.requests]

    def call_ids(self) -> list[str]:
        found: list[str] = []
        for _, body in self.requests:
            found += pa.ipc.open_stream(body).read_all()["call_id"].to_pylist()
        return found

    def wait_for(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, timeout=30)


@contextmanager
def scorer_server(port: int = 0) -> Iterator[ScorerServer]:
    """A server that runs until the block ends."""
    state = ScorerServer()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            state.connections += 1

        def do_POST(self) -> None:
            assert self.path == "/v1/events", self.path
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with state.arrived:
                state.requests.append((dict(self.headers), body))
                answer = state.answers.pop(0) if state.answers else 200
                state.arrived.notify_all()
            if callable(answer):
                answer(self)
                return
            text = json.dumps({"accepted": 1} if answer == 200 else {"detail": "no", "status": answer})
            self.send_response(answer)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: object) -> None:
            """Tests are silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def hang_up(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer, after the batch was read."""
    handler.close_connection = True


def answer_garbage(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Not HTTP."""
    handler.wfile.write(b"\x00\xff nonsense\r\n\r\n")
    handler.close_connection = True
