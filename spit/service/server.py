"""Runs the application: where it may listen, and which clock it goes by."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from spit.config import Config, PolicyConfig, ServiceConfig
from spit.engine.observers import Observers
from spit.errors import ConfigError
from spit.export.prometheus import Sample
from spit.records import Mode
from spit.service.contract import Engine

if TYPE_CHECKING:
    from spit.engine.control_data import ControlData


def wall_time_us() -> int:
    """Epoch µs: attempts are scored at the moment they are asked about."""
    return time.time_ns() // 1_000


def event_time(engine: Engine) -> Callable[[], int]:
    """The engine's latest event time, for an engine that only knows a capture.

    The wall clock would be months past the capture: every decayed sum would read 0 and every caller would be
    unknown. An engine that has seen nothing yet goes by the wall clock.
    """

    def now_us() -> int:
        latest_us = engine.now_us()
        return wall_time_us() if latest_us is None else latest_us

    return now_us


class HttpService:
    """The application on a socket, served from a thread of its own: the main thread has the signals.

    ``listener``: from ``listen``. ``failure``, ``samples``, ``observers``, ``control``: as ``create_app``
    takes them. ``token``: what agents must show, empty for nothing. ``on_end`` is called when it no
    longer serves.
    """

    def __init__(
        self,
        engine: Engine,
        config: Config,
        listener: socket.socket,
        *,
        time_source: Callable[[], int] = wall_time_us,
        failure: Callable[[], str | None] | None = None,
        samples: Callable[[], list[Sample]] | None = None,
        token: str = "",
        on_end: Callable[[], None] = lambda: None,
        observers: Observers | None = None,
        control: ControlData | None = None,
    ) -> None:
        import uvicorn

        from spit.service.app import create_app
        from spit.service.events import AgentKey

        self._key = AgentKey(token)
        self._app = create_app(
            engine,
            config,
            time_source=time_source,
            failure=failure,
            samples=samples,
            key=self._key,
            observers=observers,
            control=control,
        )
        self._listener = listener
        self._on_end = on_end
        # access_log: a line per call attempt is noise; /metrics counts requests.
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app,
                log_level="info",
                access_log=False,
                timeout_graceful_shutdown=config.service.drain_s,
            )
        )
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        # uvicorn does not say where a socket that it was given listens, and port 0 is anybody's guess.
        host, port = self._listener.getsockname()[:2]
        logging.getLogger("uvicorn.error").info(
            "Listening on http://%s:%d", f"[{host}]" if ":" in host else host, port
        )
        self._thread.start()

    def configure(self, policy: PolicyConfig, token: str) -> None:
        """Another mode in degraded answers, another token of agents; from the next request on."""
        self._app.state.scorer.mode = Mode(policy.mode)
        self._key.token = token

    def stop(self, timeout_s: float) -> bool:
        """Take no more requests and finish those that run; whether that was done in time."""
        self._app.state.streams.close()  # they would not end by themselves
        self._server.should_exit = True
        self._thread.join(max(timeout_s, 0.0))
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with self._listener:
                self._server.run(sockets=[self._listener])
        finally:
            self._on_end()


def check_host(service: ServiceConfig) -> None:
    """Raises ConfigError when ``host`` can be reached from elsewhere and that was not asked for."""
    if service.allow_public or _is_loopback(service.host):
        return
    raise ConfigError(
        f"service.host: expected a loopback address such as 127.0.0.1, found {service.host}: the service has "
        "no keys yet; service.allow_public = true listens there all the same"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # another name may resolve to anything, and to something else tomorrow


def listen(service: ServiceConfig) -> socket.socket:
    """The socket, bound here so that a taken port is one clear line and no traceback.

    Raises ConfigError when the host is not a loopback address (``service.allow_public`` lifts that: whoever
    reaches the service can ask) or when it cannot listen there.
    """
    check_host(service)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            service.host, service.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigError(f"service.host: cannot use {service.host}: {error.strerror or error}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # From here on clients wait instead of being refused, until the application is up.
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"service.port: cannot listen on {service.host} port {service.port}: {error.strerror or error}"
        ) from None
    return listener
