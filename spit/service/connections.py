"""uvicorn's connections, bounded: it waits for headers without end, and reads all that comes."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from spit.service.shedding import Shedder


def http_protocol(header_timeout_s: float, shedder: Shedder | None = None) -> type[asyncio.Protocol]:
    """uvicorn's protocol, closing a connection whose headers are not whole after ``header_timeout_s``.

    It counts from the connection, or from the first byte of a later request on it; an idle connection that is
    kept alive has uvicorn's own timeout. ``shedder`` answers what there is no time for.
    """
    base: Any = H11Protocol

    class BoundedProtocol(base):  # type: ignore[misc]  # uvicorn gives its classes no types
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self._header_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self._await_headers()

        def data_received(self, data: bytes) -> None:
            if shedder is not None:
                if shedder.is_late(self.loop) and self._shed(shedder, data):
                    return
                shedder.take()
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop_timer()
            else:
                self._await_headers()

        def connection_lost(self, error: Exception | None) -> None:
            self._stop_timer()
            super().connection_lost(error)

        def _shed(self, shedder: Shedder, data: bytes) -> bool:
            """Answer a request without a verdict, where nothing of another one is open."""
            states = {self.conn.our_state, self.conn.their_state}
            if states != {h11.IDLE} or self.conn.trailing_data[0] or self.flow.write_paused:
                return False
            answer = shedder.answer(data, self.server_state.default_headers)
            if answer is None:
                return False
            self._stop_timer()
            self.transport.write(answer)
            # What it does after each answer: it sets the timer of idle connections.
            self.on_response_complete()
            return True

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
