"""A scorer's port on which the test says every byte of the answer."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

#: Instead of an answer: the connection stays open and silent.
HANG = None


@dataclass
class FakeScorer:
    """``answers``: what the next requests get, in order; then ``allow``. ``requests``: their bytes."""

    port: int
    answers: list[bytes | None]
    requests: list[bytes] = field(default_factory=list)


def http_json(value: object, status: int = 200) -> bytes:
    """An HTTP response with a JSON body."""
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


ALLOW = http_json({"action": "allow", "sip": None})


@contextmanager
def fake_scorer(answers: Sequence[bytes | None]) -> Iterator[FakeScorer]:
    """A server that runs until the block ends; every connection takes one request."""
    listener = socket.create_server(("127.0.0.1", 0))
    state = FakeScorer(listener.getsockname()[1], list(answers))
    open_connections: list[socket.socket] = []

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            request = read_request(connection)
            if not request:
                return
            state.requests.append(request)
            reply = state.answers.pop(0) if state.answers else ALLOW
            if reply is HANG:
                return  # closed at the end
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_connections.append(connection)
                threading.Thread(target=answer, args=[connection], daemon=True).start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield state
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for connection in open_connections:
            connection.close()


def read_request(connection: socket.socket) -> bytes:
    """One request with its body; empty when the peer has closed before."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    announced = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    while len(body) < (int(announced[1]) if announced else 0):
        more = connection.recv(65536)
        if not more:
            return b""
        body += more
    return head + b"\r\n\r\n" + body
