"""What ``spit agent`` and ``spit serve`` share: the sockets of a live capture, opened and given up."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from spit.capture.live import LiveSource, drop_privileges, open_live
from spit.config import AgentConfig, Config


def open_capture(config: Config, *, excluded: Iterable[str], state: bytes | None) -> LiveSource:
    """The sockets of [agent]; needs privileges. ``excluded``: ``ip:port`` of our own connections.

    Raises SpitError.
    """
    agent = config.agent
    live: dict[str, object] = {
        "workers": agent.workers,
        "ring_mib": agent.ring_mib,
        "filter": agent.filter,
        "exclude": sorted(set(excluded)),
        "queue_messages": agent.queue_messages,
    }
    return open_live(
        agent.interface,
        agent.hep,
        decoder=agent.decoder,
        settings=config.core_settings(),
        live=live,
        state=state,
    )


def give_up_privileges(agent: AgentConfig) -> None:
    """Become the user of [agent], where one is named. Raises SpitError."""
    if agent.user:
        drop_privileges(agent.user)


def opened_line(agent: AgentConfig, source: LiveSource) -> str:
    """What is captured."""
    places = [f"interface {name}" for name in agent.interface]
    places += [f"HEP on {address}" for address in source.hep_addresses()]
    return f"capturing: {', '.join(places)}"


def scorer_addresses(urls: Iterable[str]) -> list[str]:
    """``ip:port`` of every address that the scorers have now; a name that does not resolve gives none."""
    found = []
    for url in urls:
        address = urlsplit(url)
        port = address.port or (443 if address.scheme == "https" else 80)
        found += host_addresses(address.hostname or "", port)
    return found


def host_addresses(host: str, port: int) -> list[str]:
    """``ip:port`` of every address of ``host``."""
    with contextlib.suppress(OSError, UnicodeError):
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        ips = dict.fromkeys(str(one[4][0]) for one in answers)
        return [f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}" for ip in ips]
    return []
