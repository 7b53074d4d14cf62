"""The verdict from an engine in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import pyarrow as pa

from spit.enforce.redirect.answer import Answer, AskError, UnreadableInviteError
from spit.records import EVENT_SCHEMA, Action


class Assessment(Protocol):
    """What the engine says of one attempt."""

    @property
    def action(self) -> Action: ...


class Engine(Protocol):
    """What is needed of ``spit.engine.engine.Engine``."""

    def assess(self, attempt: pa.RecordBatch, *, observe: bool = False) -> Assessment:
        """Scores a batch of exactly one attempt; counts it too when ``observe``."""


class EngineAsk:
    """Asks an engine in a thread of its own: it may be busy with a batch of events.

    ``settings``: ``Config.core_settings()``. ``time_source``: when attempts are scored, epoch µs.
    """

    def __init__(
        self, engine: Engine, settings: dict[str, object], *, time_source: Callable[[], int], observe: bool
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._time_source = time_source
        self._observe = observe
        # One: the engine scores one attempt at a time, and questions that wait here can be withdrawn.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="redirect-score")

    async def ask(self, invite: bytes, peer_ip: str, source_ip: str | None) -> Answer:
        """As ``Ask.ask``."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self.assess, invite, peer_ip, source_ip)

    async def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def counters(self) -> dict[str, int]:
        """Nothing of its own."""
        return {}

    def assess(self, invite: bytes, peer_ip: str, source_ip: str | None) -> Answer:
        """The answer. Raises AskError."""
        try:
            attempt = read_attempt(
                invite,
                peer_ip,
                source_ip,
                time_us=self._time_source(),
                settings=self._settings,
            )
        except ValueError as error:
            raise UnreadableInviteError(str(error)) from None
        try:
            action = self._engine.assess(attempt, observe=self._observe).action
        except Exception as error:
            raise AskError(f"the engine failed: {error!r}") from error
        return Answer(action.kind, action.sip)


def read_attempt(
    invite: bytes, peer_ip: str, source_ip: str | None, *, time_us: int, settings: dict[str, object]
) -> pa.RecordBatch:
    """The attempt (records.EVENT_SCHEMA, one row). Raises ValueError.

    Whether the identity that the SBC asserts is believed goes by the SBC's address; the source of the call is
    what the SBC told, never the SBC itself: it would be the busiest caller of all.
    """
    from spit import _core

    attempt = _core.parse_attempt(invite, time_us=time_us, source_ip=peer_ip, settings=settings)
    at = EVENT_SCHEMA.get_field_index("source_ip")
    return attempt.set_column(at, EVENT_SCHEMA.field(at), pa.array([source_ip], pa.string()))
