"""The verdict from an engine in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
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

    def assess(self, attempt: pa.RecordBatch | Mapping[str, object], *, observe: bool = False) -> Assessment:
        """Scores exactly one attempt: a batch, or its columns by name; counts it too when ``observe``."""

    def assess_now(self, attempt: Mapping[str, object]) -> Assessment | None:
        """As ``assess`` without observing; None where it had to wait for many events."""


class EngineAsk:
    """Asks an engine: at once while it is free, else in a thread of its own, since it may count a long batch.

    ``settings``: ``Config.core_settings()``. ``time_source``: when attempts are scored, epoch µs.
    ``observe``: attempts are counted too, which always waits its turn in the thread.
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
        self._waited = 0

    async def ask(self, invite: bytes, peer_ip: str, source_ip: str | None) -> Answer:
        """As ``Ask.ask``."""
        loop = asyncio.get_running_loop()
        if self._observe:
            return await loop.run_in_executor(self._thread, self._count, invite, peer_ip, source_ip)
        # Handing it to another thread would take as long as the answer itself.
        attempt = self._read(invite, peer_ip).to_pylist()[0] | {"source_ip": source_ip}
        answer = self._answer(lambda: self._engine.assess_now(attempt))
        if answer is None:
            self._waited += 1
            answer = await loop.run_in_executor(
                self._thread, self._answer, lambda: self._engine.assess(attempt)
            )
        assert answer is not None  # noqa: S101  it has waited
        return answer

    async def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def counters(self) -> dict[str, int]:
        """``asks_waited``: questions that an engine busy with events could not answer at once."""
        return {"asks_waited": self._waited}

    def _count(self, invite: bytes, peer_ip: str, source_ip: str | None) -> Answer:
        attempt = self._read(invite, peer_ip)
        at = EVENT_SCHEMA.get_field_index("source_ip")
        attempt = attempt.set_column(at, EVENT_SCHEMA.field(at), pa.array([source_ip], pa.string()))
        answer = self._answer(lambda: self._engine.assess(attempt, observe=True))
        assert answer is not None  # noqa: S101  it has waited
        return answer

    def _read(self, invite: bytes, peer_ip: str) -> pa.RecordBatch:
        """The attempt as one row, its source being the SBC. Raises UnreadableInviteError.

        Whether the identity that the SBC asserts is believed goes by the SBC's address; the source of the
        call is what the SBC told, never the SBC itself: it would be the busiest caller of all.
        """
        from spit import _core

        try:
            return _core.parse_attempt(
                invite, time_us=self._time_source(), source_ip=peer_ip, settings=self._settings
            )
        except ValueError as error:
            raise UnreadableInviteError(str(error)) from None

    def _answer(self, assess: Callable[[], Assessment | None]) -> Answer | None:
        """Raises AskError."""
        try:
            assessment = assess()
        except Exception as error:
            raise AskError(f"the engine failed: {error!r}") from error
        if assessment is None:
            return None
        action = assessment.action
        return Answer(action.kind, action.sip, add_headers=action.add_headers)
