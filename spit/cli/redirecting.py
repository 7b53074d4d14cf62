"""The SIP redirect server beside ``spit serve``: one engine answers over HTTP and over SIP."""

from __future__ import annotations

import logging
from collections.abc import Callable

from spit.config import Config
from spit.enforce.redirect.engine_ask import Engine, EngineAsk
from spit.enforce.redirect.listening import listen
from spit.enforce.redirect.service import RedirectService, read_responses
from spit.engine.redirect_metrics import redirect_samples
from spit.errors import ConfigError
from spit.export.prometheus import Sample

_log = logging.getLogger("spit.serve")


class Redirecting:
    """Its sockets are bound here, and served from ``start`` on. Raises ConfigError."""

    def __init__(self, config: Config) -> None:
        self._config = config
        if not config.redirect.profile:
            raise ConfigError(
                "redirect.profile: expected the name of a profile, because redirect.listen is set, found none"
            )
        self._responses = read_responses(config.redirect)
        self._listeners = listen(config.redirect.listen)
        self._service: RedirectService | None = None

    def start(self, engine: Engine, *, time_source: Callable[[], int], on_end: Callable[[], None]) -> None:
        """Begin to answer; as ``RedirectService`` and ``EngineAsk`` take them."""
        redirect = self._config.redirect
        ask = EngineAsk(
            engine, self._config.core_settings(), time_source=time_source, observe=redirect.observe
        )
        self._service = RedirectService(redirect, self._responses, ask, self._listeners, on_end=on_end)
        self._service.start()

    def samples(self) -> list[Sample]:
        """For /metrics."""
        if self._service is None:
            return []
        return redirect_samples(self._service.counters(), self._service.levels())

    def counters(self) -> dict[str, int]:
        """By name (docs/counters.md)."""
        return {} if self._service is None else self._service.counters()

    def stop(self, timeout_s: float) -> None:
        """Answer what was asked, wait for ACKs, close."""
        if self._service is not None and not self._service.stop(timeout_s):
            _log.warning("not every call asked about over SIP had its answer acknowledged in time")


def open_redirect(config: Config) -> Redirecting | None:
    """None unless ``redirect.listen`` is set and asks no other scorer: that configures ``spit redirect``."""
    if not config.redirect.listen or config.redirect.scorer:
        return None
    return Redirecting(config)
