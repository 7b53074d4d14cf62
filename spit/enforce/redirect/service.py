"""The redirect server in a thread of its own, as a command or ``spit serve`` runs it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from spit.config import RedirectConfig
from spit.enforce.redirect.answer import Ask
from spit.enforce.redirect.circuit import Circuit
from spit.enforce.redirect.listening import Listener
from spit.enforce.redirect.profile import CONTACT_EXPECTED, ResponseMap, is_contact, load_profile
from spit.enforce.redirect.scorer import ScorerAsk
from spit.enforce.redirect.server import Channel, Limits, RedirectServer
from spit.enforce.redirect.user_agent_server import UserAgentServer
from spit.errors import ConfigError

_log = logging.getLogger("spit.redirect")


class RedirectService:
    """Serves ``listeners`` from a thread. ``on_end`` is called when it no longer does."""

    def __init__(
        self,
        config: RedirectConfig,
        responses: ResponseMap,
        ask: Ask,
        listeners: Sequence[Listener],
        *,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        core: UserAgentServer[Channel] = UserAgentServer(
            responses,
            peers=config.peers,
            tag_key=secrets.token_bytes(32),
            max_transactions=config.max_transactions,
            source_header=config.source_header,
        )
        limits = Limits(
            budget_s=config.budget_ms / 1000,
            max_connections=config.max_connections,
            idle_s=float(config.idle_s),
        )
        self._server = RedirectServer(core, ask, limits, clock=time.monotonic)
        self._listeners = listeners
        self._on_end = on_end
        self._drain_s = float(config.drain_s)
        self._drained = False
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="redirect", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        for listener in self._listeners:
            _log.info("SIP redirect on %s", listener.address)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Answer what was asked, wait for ACKs, close; whether that was done in time."""
        self._drain_s = max(timeout_s, 0.0)
        if self._thread.is_alive():
            with suppress(RuntimeError):  # it has ended meanwhile
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(self._drain_s + 1.0)
        return self._drained

    def counters(self) -> dict[str, int]:
        """By name (docs/counters.md)."""
        return self._server.counters()

    def levels(self) -> dict[str, int]:
        """By name (docs/counters.md)."""
        return self._server.levels()

    def _run(self) -> None:
        try:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(self._serve())
        except Exception:  # noqa: BLE001  whatever it was, on_end has to be told
            _log.exception("the redirect server has ended")
        finally:
            self._loop.close()
            self._on_end()

    async def _serve(self) -> None:
        await self._server.start(self._listeners)
        await self._stop.wait()
        self._drained = await self._server.drain(self._drain_s)


def read_responses(config: RedirectConfig) -> ResponseMap:
    """The response map that the settings name. Raises ConfigError."""
    if not is_contact(config.contact):
        raise ConfigError(f"redirect.contact: expected {CONTACT_EXPECTED}, found {config.contact!r}")
    return load_profile(config.profile, contact=config.contact)


def scorer_ask(config: RedirectConfig, token: str) -> ScorerAsk:
    """Asks the scorer that the settings name, with ``token`` where it is not empty."""
    return ScorerAsk(
        config.scorer,
        token=token,
        observe=config.observe,
        circuit=Circuit(failures=config.circuit_failures, bypass_s=float(config.circuit_bypass_s)),
        clock=time.monotonic,
    )
