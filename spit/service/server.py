"""Runs the application: where it may listen, and which clock it goes by."""

from __future__ import annotations

import gc
import ipaddress
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from spit.config import Config, PolicyConfig, ServiceConfig
from spit.engine.observers import Observers
from spit.errors import ConfigError
from spit.export.prometheus import Sample
from spit.records import Mode
from spit.service.contract import Engine
from spit.service.keyring import KeyRing
from spit.service.tls import load_certificate, tls_context

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


#: For how long a thread may compute while another waits for the interpreter. Each request gives it up some
#: three times (read, write, wait) and has to get it back from who counts events; Python's own 5 ms are as
#: long as an answer may take in all.
_SWITCH_INTERVAL_S = 0.0001


def prepare_process() -> None:
    """What a process that answers questions sets for itself, once what it goes on from is loaded."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    # Garbage is not looked for again and again among all callers known: that takes as long as many answers.
    gc.collect()
    gc.freeze()


class HttpService:
    """The application on a socket, served from a thread of its own: the main thread has the signals.

    ``listener``: from ``listen``. ``failure``, ``samples``, ``observers``, ``control``: as ``create_app``
    takes them. ``token``: what agents must show, empty for nothing; ``keys``: who may ask, without them
    everybody. ``on_end`` is called when it no longer serves. Raises ConfigError when TLS cannot be set up.
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
        keys: Sequence[KeyRing] = (),
        on_end: Callable[[], None] = lambda: None,
        observers: Observers | None = None,
        control: ControlData | None = None,
    ) -> None:
        import uvicorn

        from spit.service.app import create_app, make_guard
        from spit.service.connections import http_protocol

        self._guard = make_guard(config)
        # Whoever can be reached by others asks for keys, also while a database has none yet.
        self._always_asks = not _is_loopback(config.service.host)
        self._guard.configure(keys, token, always=self._always_asks)
        self._tls = tls_context(config.service)
        self._app = create_app(
            engine,
            config,
            time_source=time_source,
            failure=failure,
            samples=samples,
            guard=self._guard,
            observers=observers,
            control=control,
        )
        self._listener = listener
        self._on_end = on_end
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app,
                http=http_protocol(config.service.header_timeout_s, self._app.state.plain_questions),
                ws="none",
                log_config=None,  # the command that serves says where log lines go
                access_log=False,  # request_log.py writes it, without the telephone numbers
                proxy_headers=False,  # anybody on this machine could claim any address
                server_header=False,
                limit_concurrency=config.service.max_connections,
                timeout_graceful_shutdown=config.service.drain_s,
                ssl_context_factory=None if self._tls is None else self._own_tls,
            )
        )
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._app.state.scorer.warm_up()
        prepare_process()
        # uvicorn does not say where a socket that it was given listens, and port 0 is anybody's guess.
        host, port = self._listener.getsockname()[:2]
        logging.getLogger("uvicorn.error").info(
            "Listening on %s://%s:%d",
            "http" if self._tls is None else "https",
            f"[{host}]" if ":" in host else host,
            port,
        )
        self._thread.start()

    def configure(self, policy: PolicyConfig, token: str, keys: Sequence[KeyRing] = ()) -> None:
        """Another mode in degraded answers, another token of agents, other keys; from the next request on."""
        self._app.state.scorer.mode = Mode(policy.mode)
        self._guard.configure(keys, token, always=self._always_asks)

    def renew_certificate(self, service: ServiceConfig) -> None:
        """Show what the files hold now, from the next connection on. Raises ConfigError and keeps the old."""
        if self._tls is not None:
            load_certificate(self._tls, service)

    def stop(self, timeout_s: float) -> bool:
        """Take no more requests and finish those that run; whether that was done in time."""
        self._app.state.streams.close()  # they would not end by themselves
        self._server.should_exit = True
        self._thread.join(max(timeout_s, 0.0))
        return not self._thread.is_alive()

    def _own_tls(self, _config: object, _default: object) -> ssl.SSLContext:
        assert self._tls is not None  # noqa: S101  it is asked for only where there is one
        return self._tls

    def _run(self) -> None:
        try:
            with self._listener:
                self._server.run(sockets=[self._listener])
        finally:
            self._on_end()


def check_host(service: ServiceConfig, *, has_keys: bool) -> None:
    """Raises ConfigError when ``host`` can be reached from elsewhere, without keys or without being asked."""
    if _is_loopback(service.host):
        return
    if not service.allow_public:
        raise ConfigError(
            f"service.host: expected a loopback address such as 127.0.0.1, found {service.host}: others can "
            "reach it; service.allow_public = true and keys (service.keys_file) listen there"
        )
    if not has_keys:
        raise ConfigError(
            f"service.keys_file: expected a file of API keys, because service.host {service.host} can be "
            "reached by others, found none (service.agent_token_file guards events and feedback only)"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # another name may resolve to anything, and to something else tomorrow


def listen(service: ServiceConfig, *, has_keys: bool = False) -> socket.socket:
    """The socket, bound here so that a taken port is one clear line and no traceback.

    Raises ConfigError when the host is not a loopback address, unless ``service.allow_public`` is set and
    ``has_keys`` (there is a file or a database of keys), or when it cannot listen there.
    """
    check_host(service, has_keys=has_keys)
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
