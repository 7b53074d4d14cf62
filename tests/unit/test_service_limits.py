"""Bodies that come late: the timer is set only for those that are waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message, Receive, Scope, Send

from spit.service.limits import BodyLimit
from spit.service.problems import ProblemError

PART: Message = {"type": "http.request", "body": b"part", "more_body": True}
LAST: Message = {"type": "http.request", "body": b"last", "more_body": False}
SCOPE: Scope = {"type": "http", "path": "/", "headers": [], "query_string": b""}


async def answered(
    receive: Receive, app: Callable[[Receive], Awaitable[None]], timeout_s: float
) -> list[Message]:
    """What the client is sent."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def whole(_scope: Scope, limited: Receive, _send: Send) -> None:
        await app(limited)

    await BodyLimit(whole, default=100, limits={}, header_bytes=1000, timeout_s=timeout_s)(
        SCOPE, receive, send
    )
    return sent


@pytest.mark.parametrize("waits", ["not", "a turn", "a while"])
def test_a_body_is_read_however_it_comes(waits: str) -> None:
    coming = iter([PART, PART, LAST])
    read: list[bytes] = []

    async def receive() -> Message:
        if waits == "a turn":
            await asyncio.sleep(0)  # yields None, as a bare yield does
        elif waits == "a while":
            loop = asyncio.get_running_loop()
            arrived = loop.create_future()
            loop.call_soon(arrived.set_result, None)
            await arrived
        return next(coming)

    async def app(limited: Receive) -> None:
        for _ in range(3):
            read.append((await limited())["body"])

    assert asyncio.run(answered(receive, app, timeout_s=60.0)) == []
    assert read == [b"part", b"part", b"last"]


def test_who_waits_for_a_body_is_cancelled_when_its_time_is_over() -> None:
    cancelled: list[bool] = []

    async def receive() -> Message:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return LAST

    async def app(limited: Receive) -> None:
        await limited()

    async def refused() -> None:
        with pytest.raises(ProblemError, match="within 0 s, found 0 bytes") as raised:
            await answered(receive, app, timeout_s=0.0)
        assert raised.value.status == 408

    asyncio.run(refused())
    assert cancelled == [True]


def test_what_goes_wrong_while_reading_is_told() -> None:
    async def receive() -> Message:
        await asyncio.sleep(0)
        raise OSError("the connection is gone")

    async def app(limited: Receive) -> None:
        await limited()

    with pytest.raises(OSError, match="gone"):
        asyncio.run(answered(receive, app, timeout_s=60.0))
