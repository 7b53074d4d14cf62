"""Allows attempts as soon as they are read while more come than can be answered in time.

What a question costs is, for three quarters, HTTP: a service that first parses it and then says that there is
no time hardly saves any. So whole requests of /v1/score of the plainest form are answered as bytes; whatever
is unusual about one goes the long way.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from spit.service.answer_forms import ScoreAnswer, choose_form, render
from spit.service.guard import SCORE_PATH, Guard
from spit.service.metrics import ServiceMetrics
from spit.service.overload import ScoreGate
from spit.service.request_id import HEADER, request_id
from spit.service.score_request import read_headers

Headers = Sequence[tuple[bytes, bytes]]

#: Requests read in a turn of the event loop from which on the next turn is watched from its beginning.
_SEVERAL = 8
#: An answer's time until it has been measured, and the weight of the latest measurement in the mean.
_FIRST_ANSWER_S, _WEIGHT = 0.0003, 0.1
_REQUEST_LINE = re.compile(rb"(GET|POST) ([!-~]+) HTTP/1\.1")
_HEADER_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([ -~\t]*)")  # nothing that is tried twice
#: They change what follows on the connection.
_UNUSUAL = frozenset({b"connection", b"expect", b"te", b"trailer", b"transfer-encoding", b"upgrade"})
_DIGITS = re.compile(rb"[0-9]{1,9}")


class LoopTurn:
    """How long what is read in the present turn of an event loop will wait. ``clock``: seconds, monotonic.

    In a turn what was read in the last one is answered, and what came meanwhile is read. Only turns after one
    that took several requests are watched from their beginning; of others the answers are not seen.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began_s: float | None = None
        self._taken = 0
        self._answered = 0  # in this turn, before anything was read
        self._answer_s = _FIRST_ANSWER_S

    def wait_s(self, loop: asyncio.AbstractEventLoop) -> float:
        """A request is being read: the turn so far, and the answers to what was taken in it before."""
        now_s = self._clock()
        if self._began_s is None:
            self._began_s = now_s
            loop.call_soon(self._begin, loop)
        elapsed_s = now_s - self._began_s
        if self._answered:
            self._answer_s += _WEIGHT * (elapsed_s / self._answered - self._answer_s)
            self._answered = 0
        return elapsed_s + self._taken * self._answer_s

    def take(self) -> None:
        """It will be answered in the next turn."""
        self._taken += 1

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._began_s, self._answered = None, 0
        if self._taken >= _SEVERAL:
            self._began_s, self._answered = self._clock(), self._taken
            loop.call_soon(self._begin, loop)
        self._taken = 0


class PlainRequest(NamedTuple):
    """A whole request of /v1/score that asks nothing of the connection."""

    method: str
    headers: Headers  # names in lower case


class Shedder:
    """Answers requests without a verdict where they would wait too long for one.

    A request may have waited unread for as long as the last turn took; so it may wait for half of the gate's
    budget from when it is read. ``open_answer``: what is answered without a verdict. ``clock``: seconds,
    monotonic. ``max_header_bytes``, ``max_body_bytes``: what is larger is refused elsewhere.
    """

    def __init__(
        self,
        gate: ScoreGate,
        guard: Guard,
        metrics: ServiceMetrics,
        open_answer: Callable[[], ScoreAnswer],
        *,
        clock: Callable[[], float],
        max_header_bytes: int,
        max_body_bytes: int,
    ) -> None:
        self._gate = gate
        self._guard = guard
        self._metrics = metrics
        self._open_answer = open_answer
        self._turn = LoopTurn(clock)
        self._most_s = gate.budget_s / 2.0
        self._max_header_bytes = max_header_bytes
        self._max_body_bytes = max_body_bytes

    def is_late(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether there is no time for what is read now."""
        return self._turn.wait_s(loop) > self._most_s

    def take(self) -> None:
        """What is read now goes the long way."""
        self._turn.take()

    def answer(self, data: bytes, server_headers: Headers) -> bytes | None:
        """The HTTP response that allows the attempt; None where the request has to go the long way.

        ``data``: all that was read, on a connection where nothing else is open. ``server_headers``: those of
        all answers.
        """
        request = read_plain(
            data, max_header_bytes=self._max_header_bytes, max_body_bytes=self._max_body_bytes
        )
        if request is None or not self._guard.lets_pass(request.headers, "score"):
            return None
        self._gate.shed("overload")
        self._metrics.requests.labels(SCORE_PATH, request.method, "200").inc()
        self._metrics.score_seconds.observe(0.0)
        answer = self._open_answer()
        self._metrics.count_answer(answer)
        response = render(answer, choose_form(read_headers(request.headers).accept))
        given = next((value for name, value in request.headers if name == HEADER), None)
        headers = (*server_headers, *response.raw_headers, (HEADER, request_id(given).encode("ascii")))
        lines = [b"HTTP/1.1 200 OK", *(name + b": " + value for name, value in headers), b"", response.body]
        return b"\r\n".join(lines)


def read_plain(data: bytes, *, max_header_bytes: int, max_body_bytes: int) -> PlainRequest | None:
    """``data`` as one whole request of /v1/score; None when it is another, more or less than one, or unusual.

    Stricter than HTTP/1.1 (RFC 9112) on purpose: nobody else reads what is taken here.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    if not end or len(head) > max_header_bytes or len(body) > max_body_bytes:
        return None
    first, *lines = head.split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None or line[2].partition(b"?")[0] != SCORE_PATH.encode():
        return None
    headers: list[tuple[bytes, bytes]] = []
    for text in lines:
        header = _HEADER_LINE.fullmatch(text)
        if header is None:
            return None
        headers.append((header[1].lower(), header[2].strip(b" \t")))
    hosts, lengths = (
        [value for name, value in headers if name == one] for one in (b"host", b"content-length")
    )
    if len(hosts) != 1 or len(lengths) > 1 or any(name in _UNUSUAL for name, _ in headers):
        return None
    length = lengths[0] if lengths else b"0"
    if _DIGITS.fullmatch(length) is None or int(length) != len(body):
        return None
    return PlainRequest(line[1].decode("ascii"), headers)
