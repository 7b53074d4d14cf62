"""A small HTTP server on a loopback port that answers POSTs as the test says and remembers them."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

#: Status, body and headers; or what writes anything to the connection instead.
Answer = tuple[int, bytes, dict[str, str]] | Callable[[http.server.BaseHTTPRequestHandler], None]


@dataclass
class PostServer:
    """``answer``: for the body of each request, in the server's thread. ``requests``: path, headers, body."""

    answer: Callable[[bytes], Answer]
    url: str = ""
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    connections: int = 0

    def wait_for(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, timeout=30)


@contextmanager
def post_server(answer: Callable[[bytes], Answer], path: str = "/", port: int = 0) -> Iterator[PostServer]:
    """A server that runs until the block ends."""
    state = PostServer(answer)
    with serving(state, path, port):
        yield state


@contextmanager
def serving(state: PostServer, path: str = "/", port: int = 0) -> Iterator[None]:
    """Serve ``state`` until the block ends; its ``url`` has ``path``."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            state.connections += 1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = state.answer(body)
            with state.arrived:
                state.requests.append((self.path, dict(self.headers), body))
                state.arrived.notify_all()
            if callable(answer):
                answer(self)
                return
            status, text, headers = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: object) -> None:
            """Tests are silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}{path}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
