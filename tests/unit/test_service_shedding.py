"""When attempts are allowed as soon as they are read, and which requests are plain enough for that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spit.service.shedding import LoopTurn, PlainRequest, read_plain


class Turns:
    """An event loop of which the test makes the turns, and its clock."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self._soon: list[tuple[Callable[..., None], tuple[Any, ...]]] = []

    def call_soon(self, call: Callable[..., None], *arguments: Any) -> None:
        self._soon.append((call, arguments))

    def next(self) -> None:
        soon, self._soon = self._soon, []
        for call, arguments in soon:
            call(*arguments)

    @property
    def is_idle(self) -> bool:
        return not self._soon


class Reading:
    """Requests read in turns; ``read`` says how long each is expected to wait."""

    def __init__(self) -> None:
        self.turns = Turns()
        self._turn = LoopTurn(lambda: self.turns.now_s)

    def read(self, count: int, *, takes_s: float = 0.0) -> float:
        for _ in range(count):
            wait_s = self._turn.wait_s(cast(asyncio.AbstractEventLoop, self.turns))
            self._turn.take()
            self.turns.now_s += takes_s
        return wait_s


def test_what_is_read_waits_for_what_was_read_before_it() -> None:
    reading = Reading()
    assert reading.read(1) == 0.0
    few, many = reading.read(10), reading.read(90)
    assert 0.0 < few < many
    assert many == pytest.approx(100 / 10 * few)


def test_the_answers_of_a_turn_count_and_say_how_long_the_next_ones_take() -> None:
    reading = Reading()
    for _ in range(100):
        reading.read(20)
        reading.turns.next()
        reading.turns.now_s += 0.2  # 20 answers
        assert reading.read(1) == pytest.approx(0.2)
        assert reading.read(1) >= 0.2
        reading.turns.next()
        reading.turns.next()
    reading.turns.now_s += 10.0
    assert reading.read(1) == 0.0
    assert reading.read(1) == pytest.approx(0.01, rel=0.01)


def test_reading_takes_time_too() -> None:
    assert Reading().read(11, takes_s=0.001) >= 0.010


@pytest.mark.parametrize("count", [1, 100])
def test_a_loop_that_slept_was_not_slow(count: int) -> None:
    reading = Reading()
    reading.read(count)
    reading.turns.next()
    reading.turns.next()
    assert reading.turns.is_idle  # nothing keeps it awake
    reading.turns.now_s += 100.0
    assert reading.read(1) == 0.0


def plain(data: bytes) -> PlainRequest | None:
    return read_plain(data, max_header_bytes=200, max_body_bytes=20)


GET = b"GET /v1/score?caller=1&callee=2 HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /v1/score HTTP/1.1\r\nHost: a\r\ncontent-length: 2\r\n\r\n{}"


def test_whole_questions_are_plain() -> None:
    assert plain(GET) == PlainRequest("GET", [(b"host", b"a")])
    assert plain(POST) == PlainRequest("POST", [(b"host", b"a"), (b"content-length", b"2")])
    spaced = GET.replace(b"Host: a", b"Host:\t a \r\nX-Request-Id:")
    assert plain(spaced) == PlainRequest("GET", [(b"host", b"a"), (b"x-request-id", b"")])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GET[:-1],
        GET + b"G",
        GET + GET,
        POST[:-1],
        POST + b" ",
        GET.replace(b"GET", b"PUT"),
        GET.replace(b"/v1/score", b"/v1/scores"),
        GET.replace(b"/v1/score", b"/v1//score"),
        GET.replace(b"/v1/score", b"http://a/v1/score"),
        GET.replace(b"HTTP/1.1", b"HTTP/1.0"),
        GET.replace(b"GET ", b"GET  "),
        GET.replace(b"=1", b"=\xff"),
        GET.replace(b"Host: a", b"X: a"),
        GET.replace(b"Host: a", b"Host: a\r\nHost: b"),
        GET.replace(b"Host: a", b"Host : a"),
        GET.replace(b"Host: a", b"Host: a\r\n folded"),
        GET.replace(b"Host: a", b"Host: a\nX: b"),
        GET.replace(b"Host: a", b"Host: a\x00"),
        GET.replace(b"Host: a", b"Host: a\r\nX: " + b"x" * 200),
        POST.replace(b"length: 2", b"length: 2\r\nContent-Length: 2"),
        POST.replace(b"length: 2", b"length: +2"),
        POST.replace(b"length: 2", b"length: 2, 2"),
        POST.replace(b"length: 2", b"length:"),
        POST.replace(b"length: 2\r\n\r\n{}", b"length: 21\r\n\r\n" + b"x" * 21),
        *(
            POST.replace(b"Host: a", b"Host: a\r\n" + header)
            for header in (
                b"Connection: close",
                b"Transfer-Encoding: chunked",
                b"expect: 100-continue",
                b"Upgrade: websocket",
            )
        ),
    ],
)
def test_what_is_unusual_goes_the_long_way(data: bytes) -> None:
    assert plain(data) is None


def test_a_header_of_blanks_is_read_in_one_pass() -> None:
    """Tried at each blank, this would take hours, and nobody else would be answered meanwhile."""
    value = b"a" + b" " * 1_000_000 + b"b"
    data = GET.replace(b"Host: a", b"Host: a\r\nX: " + value)
    found = read_plain(data, max_header_bytes=2_000_000, max_body_bytes=0)
    assert found is not None
    assert found.headers[1] == (b"x", value)


PIECES = st.sampled_from(
    [
        *(
            b"GET ",
            b"POST ",
            b"/v1/score",
            b"?a=%00",
            b" HTTP/1.1",
            b"\r\n",
            b"\n",
            b"\r",
            b"Host: a",
            b"Host:",
        ),
        *(
            b" ",
            b"\t",
            b"Content-Length: 2",
            b"content-length: 02",
            b"Content-Length: 3",
            b"Content-Length: 0",
        ),
        *(b":", b"X-Y: z", b"X Y: z", b"{}", b"\x00", b"\xff", b"Accept: text/plain"),
    ]
)
HEADS = st.tuples(
    st.sampled_from([b"GET /v1/score HTTP/1.1\r\n", b"POST /v1/score?x HTTP/1.1\r\nHost: a\r\n"]),
    st.lists(PIECES, max_size=6).map(b"".join),
    st.sampled_from([b"\r\n\r\n", b"\r\nHost: a\r\n\r\n", b"\r\n\r\n{}"]),
).map(b"".join)


@given(data=HEADS | st.lists(PIECES, max_size=12).map(b"".join))
def test_what_is_plain_is_the_same_to_the_library(data: bytes) -> None:
    request = plain(data)
    if request is None:
        return
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    assert event.method == request.method.encode()
    assert event.target.partition(b"?")[0] == b"/v1/score"
    assert [(name, value.strip()) for name, value in event.headers] == list(request.headers)
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert body == data.partition(b"\r\n\r\n")[2]
    assert connection.trailing_data == (b"", False)
