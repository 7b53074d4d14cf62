"""Refuses what is too large (413, 414, 431) before it is held in memory, and what comes too slowly (408)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spit.service.problems import ProblemError, problem_response

_Result = TypeVar("_Result")


class BodyLimit:
    """ASGI middleware: ``limits`` maps a path to bytes, every other path gets ``default``.

    ``header_bytes``: of all header names and values, and of path and query. ``timeout_s``: within which a
    body must be there.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        default: int,
        limits: Mapping[str, int],
        header_bytes: int,
        timeout_s: float,
    ) -> None:
        self._app = app
        self._default = default
        self._limits = dict(limits)
        self._header_bytes = header_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if (found := _size_problem(scope, self._header_bytes)) is not None:
            status, detail = found
            await problem_response(status, detail, instance="")(scope, receive, send)
            return
        limit = self._limits.get(scope["path"], self._default)
        # A declared length is refused at once; a chunked body is counted as it comes.
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            detail = _detail(limit, f"{int(declared)} bytes")
            await problem_response(413, detail, instance=scope["path"])(scope, receive, send)
            return
        read = 0
        is_whole = False
        has_begun = False
        until_s: float | None = None
        refusal: ProblemError | None = None

        async def counted() -> Message:
            nonlocal read, is_whole, until_s, refusal
            if is_whole:  # a disconnection may take as long as it likes
                return await receive()
            begun = _Begun(receive())
            if begun.has_ended:
                message = begun.result
            else:
                if until_s is None:
                    until_s = asyncio.get_running_loop().time() + self._timeout_s
                try:
                    async with asyncio.timeout_at(until_s):
                        message = await begun
                except TimeoutError:
                    detail = f"expected the whole body within {self._timeout_s:g} s, found {read} bytes"
                    refusal = ProblemError(408, detail, headers={"Connection": "close"})
                    raise refusal from None
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                is_whole = not message.get("more_body", False)
                if read > limit:
                    refusal = ProblemError(413, _detail(limit, "more"))
                    raise refusal
            return message

        async def watched(message: Message) -> None:
            nonlocal has_begun
            # Frameworks make a 400 of whatever goes wrong while they read a body.
            if refusal is None or has_begun:
                has_begun = True
                await send(message)

        await self._app(scope, counted, watched)
        if refusal is not None and not has_begun:
            answer = problem_response(
                refusal.status, refusal.detail, instance=scope["path"], headers=refusal.headers
            )
            await answer(scope, receive, send)


class _Begun(Generic[_Result]):
    """Something awaited that has run up to its first wait, or to its end.

    Most bodies come with their headers, and a timer takes longer than all the rest that is done here: it is
    set only for those that have to be waited for.
    """

    result: _Result

    def __init__(self, work: Awaitable[_Result]) -> None:
        self._steps = work.__await__()
        try:
            self._waits_for = self._steps.send(None)
            self.has_ended = False
        except StopIteration as ended:
            self.has_ended, self.result = True, ended.value

    def __await__(self) -> Generator[Any, Any, _Result]:
        step = self._waits_for
        while True:
            try:
                sent = yield step
            except BaseException as error:  # noqa: BLE001  a cancellation too is told to who waits
                advance = partial(self._steps.throw, error)
            else:
                advance = partial(self._steps.send, sent)
            try:
                step = advance()
            except StopIteration as ended:
                result: _Result = ended.value
                return result


def _detail(limit: int, found: str) -> str:
    return f"expected a body of at most {limit} bytes, found {found}"


def _size_problem(scope: Scope, limit: int) -> tuple[int, str] | None:
    target = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
    if target > limit:
        return 414, f"expected a path and query of at most {limit} bytes, found {target}"
    size = sum(len(name) + len(value) for name, value in scope["headers"])
    return (431, f"expected headers of at most {limit} bytes, found {size}") if size > limit else None
