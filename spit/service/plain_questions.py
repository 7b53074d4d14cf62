"""Answers plain requests of /v1/score as they are read, with what the route would say.

What a question costs is, for three quarters, HTTP: its parser, a task, layers of middleware. A whole request
of the plainest form needs none of them. Where there is no time for a verdict it is allowed without one;
whatever is unusual about it goes the long way, and nothing of it has been counted by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from starlette.types import Scope

from spit.service.answer_forms import JSON, ScoreAnswer, render
from spit.service.guard import SCORE_PATH, Guard
from spit.service.loop_turn import LoopTurn
from spit.service.metrics import ServiceMetrics
from spit.service.overload import ScoreGate
from spit.service.plain_request import Headers, PlainRequest, read_plain
from spit.service.request_id import HEADER, REQUEST_ID, request_id
from spit.service.score_question import Question, body_question, query_question, read_json, read_options
from spit.service.score_request import ScoreRequestHeaders, read_headers
from spit.service.scoring import Scorer


class Outcome(NamedTuple):
    """``response``: all bytes of it; None: the request goes the long way.

    ``waits_since_s``: when the engine was asked and was busy, by the scorer's timer: there it is waited for,
    and not asked again.
    """

    response: bytes | None = None
    waits_since_s: float | None = None


LONG_WAY = Outcome()


class PlainQuestions:
    """Answers at once what was read at once.

    A request may have waited unread for as long as the last turn of the event loop took; so all that is read
    has to be answered within half of the gate's budget. ``clock``: seconds, monotonic. ``max_header_bytes``,
    ``max_body_bytes``: what is larger is refused elsewhere.
    """

    def __init__(
        self,
        scorer: Scorer,
        gate: ScoreGate,
        guard: Guard,
        metrics: ServiceMetrics,
        *,
        clock: Callable[[], float],
        max_header_bytes: int,
        max_body_bytes: int,
    ) -> None:
        self._scorer = scorer
        self._gate = gate
        self._guard = guard
        self._metrics = metrics
        self._turn = LoopTurn(clock)
        self._most_s = gate.budget_s / 2.0
        self._max_header_bytes = max_header_bytes
        self._max_body_bytes = max_body_bytes

    def is_late(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether there is no time for what is read now; to be asked of all that is read."""
        return self._turn.wait_s(loop) > self._most_s

    def take(self) -> None:
        """What is read now goes the long way."""
        self._turn.take()

    def read(self, data: bytes) -> PlainRequest | None:
        """``data``: all that was read, on a connection where nothing else is open."""
        return read_plain(data, max_header_bytes=self._max_header_bytes, max_body_bytes=self._max_body_bytes)

    def allow(self, request: PlainRequest, server_headers: Headers) -> Outcome:
        """The answer without a verdict, for want of time. ``server_headers``: those of all answers."""
        if not self._guard.lets_pass(request.headers, "score"):
            return LONG_WAY
        answer = self._scorer.open_answer()
        accept = read_headers(request.headers).accept
        response = _response(answer, accept, server_headers, _own_id(request))
        self._gate.shed("overload")
        self._metrics.score_seconds.observe(0.0)
        self._metrics.count_answer(answer)
        self._metrics.count_question(request.method)
        return Outcome(response)

    def score(
        self, request: PlainRequest, client: tuple[str, int] | None, server_headers: Headers
    ) -> Outcome:
        """The answer with a verdict, where it is to be had at once and is a 200.

        ``client``: as ASGI has it; ``server_headers``: those of all answers.
        """
        scope: Scope = {
            "path": SCORE_PATH,
            "headers": request.headers,
            "query_string": request.query,
            "client": client,
        }
        if not (self._guard.admits_at_once(scope) and self._gate.loop_is_in_time()):
            return LONG_WAY
        own_id = _own_id(request)
        outside = REQUEST_ID.set(own_id)
        try:
            headers = read_headers(request.headers)
            question = _question(request, scope, headers)
            if question is None or question.fields.observe:
                return LONG_WAY
            since_s = self._scorer.timer()
            answer = self._scorer.score_now(question)
            if answer is None:
                return Outcome(waits_since_s=since_s)
            response = _response(answer, headers.accept, server_headers, own_id)
        except Exception:  # noqa: BLE001  the long way meets it again and knows what to say
            return LONG_WAY
        finally:
            REQUEST_ID.reset(outside)
        # From here on nothing fails: what is counted is answered.
        self._guard.charge(scope)
        self._scorer.count(answer, since_s)
        self._metrics.count_question(request.method)
        return Outcome(response)


def _question(request: PlainRequest, scope: Scope, headers: ScoreRequestHeaders) -> Question | None:
    """What can be read without waiting; None for other forms. Raises ProblemError."""
    if request.method == "GET":
        return query_question(scope, headers)
    if headers.media_type == JSON:
        return body_question(scope, headers, read_options(scope), read_json(request.body))
    return None


def _own_id(request: PlainRequest) -> str:
    return request_id(next((value for name, value in request.headers if name == HEADER), None))


def _response(answer: ScoreAnswer, accept: str, server_headers: Headers, own_id: str) -> bytes:
    rendered = render(answer, accept)
    headers = (*server_headers, *rendered.raw_headers, (HEADER, own_id.encode("ascii")))
    lines = [b"HTTP/1.1 200 OK", *(name + b": " + value for name, value in headers), b"", rendered.body]
    return b"\r\n".join(lines)
