"""Allows attempts as soon as they are read while more come than can be answered in time.

What a question costs is, for three quarters, HTTP: a service that first parses it and then says that there is
no time hardly saves any. So whole requests of /v1/score of the plainest form are answered as bytes; whatever
is unusual about one goes the long way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from spit.service.answer_forms import ScoreAnswer, choose_form, render
from spit.service.guard import SCORE_PATH, Guard
from spit.service.loop_turn import LoopTurn
from spit.service.metrics import ServiceMetrics
from spit.service.overload import ScoreGate
from spit.service.plain_request import Headers, read_plain
from spit.service.request_id import HEADER, request_id
from spit.service.score_request import read_headers


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
