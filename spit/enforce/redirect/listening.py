"""The sockets that the redirect server listens on, bound before anything else is begun."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from spit.errors import ConfigError

#: Room for a burst while a garbage collection or another process holds this one up.
_RECEIVE_BUFFER_BYTES = 4 * 2**20
_TRIES = 10


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound socket."""

    transport: Literal["udp", "tcp"]
    socket: socket.socket

    @property
    def address(self) -> str:
        """``udp:127.0.0.1:5080``."""
        host, port = self.socket.getsockname()[:2]
        return f"{self.transport}:[{host}]:{port}" if ":" in host else f"{self.transport}:{host}:{port}"


def listen(addresses: Sequence[str]) -> list[Listener]:
    """Sockets on ``HOST:PORT`` (UDP and TCP), ``udp:HOST:PORT`` or ``tcp:HOST:PORT``; port 0 is a free one.

    Raises ConfigError when one cannot be had; no socket stays open then.
    """
    found: list[Listener] = []
    try:
        for address in addresses:
            found += _listen_on(address)
    except BaseException:
        for listener in found:
            listener.socket.close()
        raise
    return found


def _listen_on(address: str) -> list[Listener]:
    named = re.fullmatch(r"(?:(udp|tcp):)?(.+):(\d+)", address)
    if named is None:
        raise ConfigError(f"redirect.listen: expected udp:HOST:PORT, found {address!r}")
    transport, host, port = named[1], named[2].removeprefix("[").removesuffix("]"), int(named[3])
    try:
        if transport == "udp":
            return [_bind("udp", host, port)]
        if transport == "tcp":
            return [_bind("tcp", host, port)]
        return _bind_both(host, port)
    except OSError as error:
        raise ConfigError(f"redirect.listen: cannot listen on {address}: {error.strerror or error}") from None


def _bind_both(host: str, port: int) -> list[Listener]:
    """UDP and TCP on one port; a free one is looked for until both have it."""
    for _ in range(_TRIES if port == 0 else 1):
        stream = _bind("tcp", host, port)
        try:
            return [_bind("udp", host, stream.socket.getsockname()[1]), stream]
        except OSError:
            stream.socket.close()
            if port != 0:
                raise
    raise OSError("no port is free for both UDP and TCP")


def _bind(transport: Literal["udp", "tcp"], host: str, port: int) -> Listener:
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    family, _, _, _, address = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)[0]
    bound = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if transport == "udp":
            with suppress(OSError):
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        if transport == "tcp":
            bound.listen(128)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return Listener(transport, bound)
