"""Hostile bytes over real sockets: an answer or an end each time, and the next one is served."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from service_client import FRIEND, NOW_US, SPAMMER, TableEngine, with_service

from spit.config import Config
from spit.service.server import HttpService, listen

#: What is waited for comes, or the test fails.
PATIENCE_S = 60.0
GOOD = f"GET /v1/score?caller=%2B{SPAMMER[1:]}&callee=%2B{FRIEND[1:]} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = with_service(Config(), port=0, header_timeout_s=0.1, body_timeout_s=0.1, max_connections=50)
    listener = listen(config.service)
    service = HttpService(TableEngine(config), config, listener, time_source=lambda: NOW_US)
    service.start()
    yield listener.getsockname()[1]
    assert service.stop(30)


def talk(port: int, data: bytes, *, closes: bool = False) -> bytes:
    """Everything that comes back until the service closes, or its first answer when it does not."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        received = b""
        try:
            connection.sendall(data)
            while chunk := connection.recv(65_536):
                received += chunk
                if not closes and b"\r\n\r\n" in received:
                    break
        except ConnectionError:  # closed with bytes of ours unread
            pass
        return received


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        (b"\x00" * 100 + b"\r\n\r\n", {400}),
        (b"INVITE sip:a@b SIP/2.0\r\n\r\n", {400}),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 300 + b"\r\n\r\n", {400}),  # TLS
        (b"GET / HTTP/1.1\r\nHost: a\r\nBad\x00Header: x\r\n\r\n", {400}),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\nInjected: b\r\n\r\n", {400, 404}),
        (b"GET /v1/score HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", {400}),
        (b"POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n", {400}),
        (
            b"POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\n",
            {400, 415, 501},
        ),
        (b"POST /v1/score HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", {400, 415}),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", {414}),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", {431}),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", {400, 0}),
        (b"GET /%00%ff%0d%0aX:y HTTP/1.1\r\nHost: a\r\n\r\n", {404}),
        (b"GET /v1/callers/%00%ff%0d%0a HTTP/1.1\r\nHost: a\r\n\r\n", {404}),
        (b"GET /v1/score?caller=%00&callee=%ff%fe HTTP/1.1\r\nHost: a\r\n\r\n", {200, 422}),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", {200}),
        (b"POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999\r\n\r\n", {413}),
    ],
)
def test_hostile_bytes_get_an_answer_and_the_next_request_is_served(
    data: bytes, statuses: set[int], port: int
) -> None:
    answer = talk(port, data)
    assert status(answer) in statuses, answer[:200]
    assert b"Injected" not in answer
    assert status(talk(port, GOOD)) == 200


@pytest.mark.parametrize("beginning", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "])
def test_headers_that_never_end_are_closed(beginning: bytes, port: int) -> None:
    assert talk(port, beginning, closes=True) == b""
    assert status(talk(port, GOOD)) == 200


def test_a_second_request_that_never_ends_is_closed_too(port: int) -> None:
    answer = talk(port, GOOD + b"GET / HTTP/1.1\r\nX-Slow: ", closes=True)
    assert status(answer) == 200
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_body_that_never_ends_is_a_408(port: int) -> None:
    head = (
        b"POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    )
    answer = talk(port, head, closes=True)
    assert status(answer) == 408
    assert b"expected the whole body within 0.1 s" in answer


def test_more_connections_than_allowed_are_told_so_and_the_service_stays(port: int) -> None:
    held = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) for _ in range(80)]
    try:
        assert status(talk(port, GOOD)) in {200, 503}
    finally:
        for connection in held:
            connection.close()
    # Connections that say nothing are closed by the service too; from then on there is room.
    while status(talk(port, GOOD)) != 200:
        pass


def test_the_answer_does_not_say_what_serves(port: int) -> None:
    answer = talk(port, GOOD).lower()
    assert b"uvicorn" not in answer
    assert b"x-request-id: " in answer
