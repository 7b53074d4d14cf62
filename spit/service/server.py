"""Runs the application: where it may listen, and which clock it goes by."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import time
from collections.abc import Callable

from spit.config import Config, ServiceConfig
from spit.errors import ConfigError
from spit.service.contract import Engine


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


def serve(engine: Engine, config: Config, *, time_source: Callable[[], int] = wall_time_us) -> None:
    """Serve HTTP until a signal ends it.

    Raises ConfigError when the host is not a loopback address (``service.allow_public`` lifts that: the
    service has no keys yet, so whoever reaches it can ask and tell) or when it cannot listen there.
    """
    check_host(config.service)
    listener = _listen(config.service)
    import uvicorn

    from spit.service.app import create_app

    app = create_app(engine, config, time_source=time_source)
    # access_log: a line per call attempt is noise; /metrics counts requests.
    server = uvicorn.Server(uvicorn.Config(app, log_level="info", access_log=False))
    # uvicorn does not say where a socket that it was given listens, and port 0 is anybody's guess.
    host, port = listener.getsockname()[:2]
    logging.getLogger("uvicorn.error").info(
        "Listening on http://%s:%d", f"[{host}]" if ":" in host else host, port
    )
    with listener, contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


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


def _listen(service: ServiceConfig) -> socket.socket:
    """The socket, bound here so that a taken port is one clear line and no traceback."""
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
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"service.port: cannot listen on {service.host} port {service.port}: {error.strerror or error}"
        ) from None
    return listener
