"""Refuses a request body that is larger than its route reads (413), before it is held in memory."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spit.service.problems import ProblemError, problem_response


class BodyLimit:
    """ASGI middleware: ``limits`` maps a path to bytes, every other path gets ``default``."""

    def __init__(self, app: ASGIApp, *, default: int, limits: Mapping[str, int]) -> None:
        self._app = app
        self._default = default
        self._limits = dict(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.get(scope["path"], self._default)
        # A declared length is refused at once; a chunked body is counted as it comes.
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            detail = _detail(limit, f"{int(declared)} bytes")
            await problem_response(413, detail, instance=scope["path"])(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > limit:
                    raise ProblemError(413, _detail(limit, "more"))
            return message

        await self._app(scope, counted, send)


def _detail(limit: int, found: str) -> str:
    return f"expected a body of at most {limit} bytes, found {found}"
