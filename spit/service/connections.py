"""uvicorn's connections: bounded, because it waits for headers without end, and with a short way through."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from spit.service.plain_questions import LONG_WAY, Outcome, PlainQuestions
from spit.service.scoring import WAITS_SINCE


def http_protocol(header_timeout_s: float, questions: PlainQuestions | None = None) -> type[asyncio.Protocol]:
    """uvicorn's protocol, closing a connection whose headers are not whole after ``header_timeout_s``.

    It counts from the connection, or from the first byte of a later request on it; an idle connection that is
    kept alive has uvicorn's own timeout. ``questions`` answers what needs no HTTP library; without it all
    requests go the long way.
    """
    base: Any = H11Protocol

    class BoundedProtocol(base):  # type: ignore[misc]  # uvicorn gives its classes no types
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self._header_timer: asyncio.TimerHandle | None = None
            self._answered_s = float("-inf")  # by the short way, the last time

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self._await_headers()

        def data_received(self, data: bytes) -> None:
            outcome = LONG_WAY
            if questions is not None:
                outcome = self._short_way(questions, data)
                if outcome.response is not None:
                    self._stop_timer()
                    self.transport.write(outcome.response)
                    self._keep_alive()
                    return
                questions.take()
            super().data_received(data)
            if outcome.waits_since_s is not None and self.cycle is not None:
                self.cycle.scope[WAITS_SINCE] = outcome.waits_since_s
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop_timer()
            else:
                self._await_headers()

        def connection_lost(self, error: Exception | None) -> None:
            self._stop_timer()
            super().connection_lost(error)

        def _short_way(self, questions: PlainQuestions, data: bytes) -> Outcome:
            """The answer to a plain request, where nothing of another one is open."""
            is_late = questions.is_late(self.loop)
            is_idle = self.conn.our_state is h11.IDLE and self.conn.their_state is h11.IDLE
            if not is_idle or self.conn.trailing_data[0]:
                return LONG_WAY
            if self.flow.write_paused or self.transport.is_closing():
                return LONG_WAY
            request = questions.read(data)
            if request is None:
                return LONG_WAY
            server_headers = self.server_state.default_headers
            if is_late:
                return questions.allow(request, server_headers)
            limit = self.limit_concurrency
            if limit is not None and max(len(self.connections), len(self.tasks)) >= limit:
                return LONG_WAY  # which is a 503
            return questions.score(request, self.client, server_headers)

        def _keep_alive(self) -> None:
            """What uvicorn does after each answer, but for a new timer each time: that takes longer."""
            self.server_state.total_requests += 1
            self._answered_s = self.loop.time()
            if self.timeout_keep_alive_task is None:
                self._await_next(self.timeout_keep_alive)

        def timeout_keep_alive_handler(self) -> None:
            left_s = self._answered_s + self.timeout_keep_alive - self.loop.time()
            if left_s > 0.0:
                self._await_next(left_s)
            else:
                super().timeout_keep_alive_handler()

        def _await_next(self, idle_s: float) -> None:
            self.timeout_keep_alive_task = self.loop.call_later(idle_s, self.timeout_keep_alive_handler)

        def _await_headers(self) -> None:
            if self._header_timer is None:
                self._header_timer = self.loop.call_later(header_timeout_s, self._close_unheard)

        def _close_unheard(self) -> None:
            self._header_timer = None
            if not self.transport.is_closing():
                self.transport.close()

        def _stop_timer(self) -> None:
            if self._header_timer is not None:
                self._header_timer.cancel()
                self._header_timer = None

    return BoundedProtocol
