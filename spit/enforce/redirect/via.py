"""The topmost Via: which transaction a request belongs to, and where its responses go."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from spit.enforce.redirect.grammar import parameters

DEFAULT_PORT = 5060
MAGIC_COOKIE = "z9hg4bk"

# No two runs of white space stand side by side in it: hostile values take time linear in their length.
_VIA = re.compile(
    r"(?P<name>[^\s/]+)\s*/\s*(?P<version>[^\s/]+)\s*/\s*(?P<transport>[^\s/;,]+)\s+"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s;:,\[\]]+)(?:\s*:\s*(?P<port>\d{1,5}))?\s*(?P<parameters>;.*)?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Via:
    """One Via value. ``host``: as written, IPv6 in brackets; ``branch``: empty where there is none."""

    sent_protocol: str
    host: str
    port: int | None
    parameters: tuple[tuple[str, str | None], ...]

    @classmethod
    def parse(cls, value: str) -> Via | None:
        """None when it is no Via value."""
        found = _VIA.fullmatch(value.strip())
        if found is None or (found["port"] and not 0 < int(found["port"]) < 65536):
            return None
        return cls(
            sent_protocol=f"{found['name']}/{found['version']}/{found['transport']}",
            host=found["host"],
            port=int(found["port"]) if found["port"] else None,
            parameters=tuple(parameters(found["parameters"] or "")),
        )

    def parameter(self, name: str) -> str | None:
        """The value of a parameter, empty for one without a value; None where it is missing."""
        return next((value or "" for key, value in self.parameters if key == name), None)

    @property
    def branch(self) -> str:
        """The transaction identifier; empty where there is none."""
        return self.parameter("branch") or ""

    @property
    def sent_by(self) -> tuple[str, int]:
        """Host in lower case and port, the default one where none is written."""
        return self.host.lower(), self.port or DEFAULT_PORT

    def as_received(self, ip: str, port: int) -> str:
        """The value as it stands in the response (RFC 3261 section 18.2.1, RFC 3581 section 4)."""
        wants_rport = self.parameter("rport") is not None
        kept = [pair for pair in self.parameters if pair[0] not in ("received", "rport")]
        if wants_rport:
            kept += [("received", ip), ("rport", str(port))]
        elif not _same_address(self.host, ip):
            kept.append(("received", ip))
        sent_by = self.host if self.port is None else f"{self.host}:{self.port}"
        text = "".join(f";{name}" if value is None else f";{name}={value}" for name, value in kept)
        return f"{self.sent_protocol} {sent_by}{text}"

    def response_address(self, ip: str, port: int) -> tuple[str, int]:
        """Where a response goes over an unreliable transport (RFC 3261 section 18.2.2, RFC 3581 section 4).

        ``ip``, ``port``: where the request came from. maddr is for the caller to judge: it names anybody.
        """
        return ip, port if self.parameter("rport") is not None else self.port or DEFAULT_PORT

    def multicast_address(self) -> tuple[str, int] | None:
        """The address that maddr asks responses to go to; None without one that is an IP address."""
        named = self.parameter("maddr")
        if named is None:
            return None
        try:
            address = ipaddress.ip_address(named.strip("[]"))
        except ValueError:
            return None
        return str(address), self.port or DEFAULT_PORT


def _same_address(host: str, ip: str) -> bool:
    if host == ip:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")) == ipaddress.ip_address(ip)
    except ValueError:
        return False  # a name: received is added
