"""Gives each request an id, echoes it, and writes one log line per request where that is wanted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spit.service.guard import OPEN_PATHS, SCORE_PATH, principal_name
from spit.service.request_id import HEADER, REQUEST_ID, request_id

#: ``others``: all but what comes by the second, attempts and the questions of monitoring.
AccessLog = Literal["none", "others", "all"]
_FREQUENT = OPEN_PATHS | {SCORE_PATH, "/metrics"}

_log = logging.getLogger("spit.access")


class RequestLog:
    """ASGI middleware. ``timer``: seconds of a clock that never goes back.

    A line names the route, never the path: paths hold telephone numbers, queries hold more of them.
    """

    def __init__(self, app: ASGIApp, *, access: AccessLog, timer: Callable[[], float]) -> None:
        self._app = app
        self._access = access
        self._timer = timer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == HEADER), None)
        own = request_id(given)
        REQUEST_ID.set(own)
        echoed = (HEADER, own.encode("ascii"))
        status = 500  # what the client sees when nothing was sent
        is_logged = self._access == "all" or (self._access == "others" and scope["path"] not in _FREQUENT)
        started_s = self._timer() if is_logged else 0.0

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), echoed]
            await send(message)

        try:
            await self._app(scope, receive, with_id)
        finally:
            if is_logged:
                self._write(scope, status, (self._timer() - started_s) * 1e3)

    def _write(self, scope: Scope, status: int, took_ms: float) -> None:
        fields = {
            "method": scope["method"],
            "route": getattr(scope.get("route"), "path_format", "unmatched"),
            "status": status,
            "duration_ms": round(took_ms, 3),
            "key": principal_name(scope),
            "peer": (scope.get("client") or ("",))[0],
        }
        words = " ".join(f"{name}={value}" for name, value in fields.items() if value != "")
        _log.info("request %s", words, extra={"fields": fields})
