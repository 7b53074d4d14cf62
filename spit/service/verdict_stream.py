"""GET /v1/verdicts/stream: changes of verdict as server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from starlette.types import Receive, Scope, Send

from spit.config import VerdictsConfig
from spit.enforce.feed import VerdictFeed
from spit.enforce.verdicts import CallerVerdict
from spit.export.prometheus import Sample
from spit.service.openapi import problems
from spit.service.problems import ProblemError
from spit.service.scopes import requires
from spit.service.verdicts import Actions, Labels, WouldActions, is_chosen

EVENT_STREAM = "text/event-stream"
#: Changes looked at and written at once; what a client does not read waits in the feed, not here.
_BATCH = 100
#: What a client that was cut off waits before it comes again.
_RETRY_MS = 3_000
_HEARTBEAT = b":\n\n"
_END = {"type": "http.response.body", "body": b"", "more_body": False}
#: At the end of the service a client that reads nothing is not waited for.
_LAST_S = 1.0

_log = logging.getLogger("spit.service")


class VerdictStreams:
    """The clients of the stream: at most ``max_streams``, and none once it is closed. A listener of the feed.

    The feed's threads only set a flag and wake the event loop; the clients read the feed themselves.
    """

    def __init__(self, feed: VerdictFeed, config: VerdictsConfig) -> None:
        self.feed = feed
        self.heartbeat_s = config.heartbeat_s
        self._max = config.max_streams
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clients: set[asyncio.Event] = set()
        self._is_waking = False
        self.closed = False
        self._counts = {"refused": 0, "dropped": 0, "gaps": 0}
        feed.listen(self)

    def changed(self, _verdict: CallerVerdict) -> None:
        """Let the clients look."""
        self._wake()

    def renewed(self, verdict: CallerVerdict) -> None:
        """Nothing changed."""

    def close(self) -> None:
        """End all streams soon, and refuse new ones."""
        self.closed = True
        self._wake()

    def admit(self) -> asyncio.Event:
        """The flag of a new client, which ``leave`` takes back. Raises ProblemError (429, 503)."""
        with self._lock:
            if self.closed or len(self._clients) >= self._max:
                self._counts["refused"] += 1
                if self.closed:
                    raise ProblemError(503, "the service is ending")
                raise ProblemError(429, f"expected at most {self._max} clients of the stream, found one more")
            self._loop = asyncio.get_running_loop()
            flag = asyncio.Event()
            self._clients.add(flag)
            return flag

    def leave(self, flag: asyncio.Event) -> None:
        """The client is gone."""
        with self._lock:
            self._clients.discard(flag)

    def count(self, name: str) -> None:
        """Count what happened to a client."""
        with self._lock:
            self._counts[name] += 1

    def samples(self) -> list[Sample]:
        """For /metrics."""
        with self._lock:
            counts, clients = dict(self._counts), len(self._clients)
        return [
            Sample("spit_verdict_streams", "gauge", "clients that read the verdict stream now", clients),
            *(
                Sample(f"spit_verdict_streams_{name}_total", "counter", MEANINGS[name], count)
                for name, count in counts.items()
            ),
        ]

    def _wake(self) -> None:
        with self._lock:
            loop = self._loop
            if loop is None or self._is_waking or not self._clients:
                return
            self._is_waking = True
            try:
                loop.call_soon_threadsafe(self._woken)
            except RuntimeError:  # the loop has ended, and its clients with it
                self._is_waking = False

    def _woken(self) -> None:
        with self._lock:
            self._is_waking = False
            clients = list(self._clients)
        for flag in clients:
            flag.set()


#: As docs/counters.md tells them.
MEANINGS = {
    "refused": "clients refused because `verdicts.max_streams` read already, or the service was ending",
    "dropped": "clients cut off because they read so slowly that what came next had left the history",
    "gaps": "clients that came back later than the history reaches, and were told how much is lost",
}


class StreamResponse(Response):
    """The stream of one client, from the change after ``after`` on."""

    def __init__(
        self,
        streams: VerdictStreams,
        *,
        after: int | None,
        is_chosen: Callable[[CallerVerdict], bool],
    ) -> None:
        super().__init__(media_type=EVENT_STREAM)
        self._streams = streams
        self._after = after
        self._is_chosen = is_chosen
        self._flag = streams.admit()

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        try:
            headers = [
                (b"content-type", b"text/event-stream; charset=utf-8"),
                (b"cache-control", b"no-store"),
                (b"x-accel-buffering", b"no"),  # a proxy that collects answers would collect for ever
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            gone = asyncio.ensure_future(_until_gone(receive))
            try:
                await self._stream(send, gone)
            finally:
                gone.cancel()
        finally:
            self._streams.leave(self._flag)

    async def _stream(self, send: Send, gone: asyncio.Future[None]) -> None:
        streams, feed = self._streams, self._streams.feed
        begin, at = self._begin()
        text = begin
        while not gone.done():
            if text:
                if not await self._write(send, gone, text, at):
                    return
                text = b""
            if streams.closed:
                await asyncio.wait_for(send(_END), _LAST_S)
                return
            self._flag.clear()
            changes, lost = feed.after(at, _BATCH)
            if lost:
                self._drop()
                return
            if changes:
                at = changes[-1].sequence
                text = b"".join(_event(change) for change in changes if self._is_chosen(change))
                continue
            await _any(gone, self._flag, streams.heartbeat_s)
            if not self._flag.is_set():
                text = _HEARTBEAT

    def _begin(self) -> tuple[bytes, int]:
        """What the client is told first, and the change after which it goes on."""
        origin, first, last = self._streams.feed.range()
        retry = f"retry: {_RETRY_MS}\n\n".encode()
        after = self._after
        if after is None:
            return retry, last
        if first - 1 <= after <= last:
            return retry, after
        # A number of this run tells how many are lost; another was given by an earlier one, or by nobody.
        lost = first - 1 - after if origin - 1 <= after < first else None
        self._streams.count("gaps")
        gap = json.dumps({"after": after, "next": first, "lost": lost})
        return retry + f"event: gap\ndata: {gap}\n\n".encode(), first - 1

    async def _write(self, send: Send, gone: asyncio.Future[None], text: bytes, at: int) -> bool:
        """Whether the client took it: not when it went, or when it is too slow to be waited for."""
        streams = self._streams
        writing = asyncio.ensure_future(send({"type": "http.response.body", "body": text, "more_body": True}))
        try:
            while not writing.done():
                self._flag.clear()
                _, first, _ = streams.feed.range()
                if first > at + 1:
                    self._drop()
                    return False
                if gone.done() or streams.closed:
                    return False
                await _any(gone, self._flag, streams.heartbeat_s, writing)
            await writing
            return True
        finally:
            writing.cancel()

    def _drop(self) -> None:
        self._streams.count("dropped")
        _log.warning("a client of the verdict stream was cut off: it reads too slowly")


def stream_router(streams: VerdictStreams) -> APIRouter:
    """The route."""
    router = APIRouter(tags=["verdicts"], dependencies=requires("read"))

    @router.get(
        "/v1/verdicts/stream",
        response_class=Response,
        responses={
            200: {
                "description": "events `verdict` with a change as JSON, and `gap` where some are lost",
                "content": {EVENT_STREAM: {"schema": {"type": "string"}}},
            },
            **problems(422, 503),
            429: {**problems(429)[429], "description": "too many clients read the stream"},
        },
        operation_id="verdict_stream",
    )
    async def stream(
        label: Labels = [],  # noqa: B006  FastAPI copies it
        action: Actions = [],  # noqa: B006
        would_action: WouldActions = [],  # noqa: B006
        last_event_id: Annotated[
            str, Header(pattern=r"^[0-9]{0,15}$", description="go on after this change")
        ] = "",
    ) -> Response:
        """Changes of verdict as they come, for as long as the client reads; server-sent events."""

        def chosen(verdict: CallerVerdict) -> bool:
            return is_chosen(verdict, label, action, would_action)

        after = int(last_event_id) if last_event_id else None
        return StreamResponse(streams, after=after, is_chosen=chosen)

    return router


def _event(change: CallerVerdict) -> bytes:
    return f"id: {change.sequence}\nevent: verdict\ndata: {change.to_json()}\n\n".encode()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _any(
    gone: asyncio.Future[None],
    flag: asyncio.Event,
    timeout_s: float,
    writing: asyncio.Future[None] | None = None,
) -> None:
    """Until the client is gone, the flag is set, what is written is written, or the time is over."""
    waiting = asyncio.ensure_future(flag.wait())
    try:
        others: set[asyncio.Future[Any]] = {gone, waiting, *([] if writing is None else [writing])}
        await asyncio.wait(others, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
