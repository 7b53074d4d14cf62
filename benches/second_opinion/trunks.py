"""The 16 trunks at which the traffic arrives, each with a transport, formats and habits of its own."""

from __future__ import annotations

import bisect
import struct
from dataclasses import dataclass, field

import numpy as np

from .draws import Draws

TRUNKS = 16
_SBC_USER_AGENTS = (
    "Oracle SBC", "SBC-5400 V10.1", "M800B/v.7.40A", "Kamailio (5.7.3)", "Metaswitch", "Huawei SoftX3000",
    "OpenSIPS (3.4.2)", "Cirpack/v4.71",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HeaderNames:
    """How a trunk writes the header fields that have a compact form (RFC 3261 section 7.3.3)."""

    via: str
    from_: str
    to: str
    call_id: str
    contact: str
    content_type: str
    content_length: str
    supported: str
    identity: str


FULL = HeaderNames(
    "Via",
    "From",
    "To",
    "Call-ID",
    "Contact",
    "Content-Type",
    "Content-Length",
    "Supported",
    "Identity",
)
COMPACT = HeaderNames("v", "f", "t", "i", "m", "c", "l", "k", "y")
LOWER = HeaderNames(
    "via",
    "from",
    "to",
    "call-id",
    "contact",
    "content-type",
    "content-length",
    "supported",
    "identity",
)


@dataclass(slots=True)
class Connection:
    """Two hosts and what is between them in the capture. Direction 0 is from a to b, 1 from b to a.

    ``ethernet``: Ethernet header with VLAN tags, by direction. ``doubled``: the mirror doubles some frames.
    """

    ethernet: tuple[bytes, bytes]
    ipv6: bool
    tcp: bool
    addresses: tuple[bytes, bytes]
    ports: tuple[int, int]
    doubled: bool
    sequence: list[int]
    ip_id: list[int]
    opened: bool = False


@dataclass(slots=True)
class Peer:
    """A host of the carrier: ``host`` as in a URI, ``address`` as text."""

    host: str
    port: int
    connection: Connection
    address: str


@dataclass(slots=True)
class Trunk:
    """One trunk. Shares are from 0 to 1.

    ``number_format``, ``callee_format``: of the caller's and the callee's number: ``plus``, ``nat0``
    (national, 0 in front), ``intl00``, ``tel`` (tel URI), ``noplus``. ``challenge``: 401, 407 or 0 for none.
    ``legs``: what the own SBC does: ``none`` (one leg is seen), ``proxy`` (the same Call-ID on the second
    leg), or a B2BUA whose second Call-ID is tied by Session-ID, by X-Orig-Call-ID or by nothing.
    ``attestation``: shares of the levels A, B and C (RFC 8588). ``max_forwards_first``: it comes before From.
    """

    index: int
    tcp: bool
    ipv6: bool
    headers: HeaderNames
    number_format: str
    challenge: int
    legs: str
    asserts_identity: bool
    signs_identity: bool
    max_forwards_first: bool
    callee_format: str
    user_agent: str | None
    call_id_style: str
    session_timer: bool
    diverts: bool
    early_media: float
    codec: int
    gives_reason: bool
    attestation: tuple[float, float, float]
    host: str
    address: str
    port: int
    peers: list[Peer]
    domain: str | None
    media: list[str]
    via_rport: bool
    origin_ids: list[str]
    core: str
    sbc_inside: str
    inside: Connection = field(repr=False)

    @property
    def forks(self) -> bool:
        return self.index == 3

    @property
    def reliable_provisional(self) -> bool:
        """100rel with PRACK (RFC 3262)."""
        return self.index == 6


class Trunks:
    """All trunks. ``international``: those at which foreign carriers hand over, among other traffic."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self.all = _make_trunks(draws)
        weights = np.cumsum([1 / (1 + index) ** 0.55 for index in range(TRUNKS)])
        self._cumulative: list[float] = (weights / weights[-1]).tolist()
        self.international = self.sample(5)

    def any(self) -> Trunk:
        """A trunk, the first ones more often."""
        return self.all[bisect.bisect(self._cumulative, self._draws.random())]

    def sample(self, count: int) -> list[Trunk]:
        """So many different trunks, the first ones more often."""
        found: list[Trunk] = []
        while len(found) < count:
            trunk = self.any()
            if not any(trunk is other for other in found):
                found.append(trunk)
        return found


def _make_trunks(draws: Draws) -> list[Trunk]:
    """Dealt rather than drawn: each seed has the same number of trunks of every property."""
    tcp = draws.shuffled([False] * 11 + [True] * 5)
    ipv6 = draws.shuffled([True] * 3 + [False] * 13)
    vlans = draws.shuffled([0] * 8 + [1] * 6 + [2] * 2)
    headers = draws.shuffled([COMPACT] * 4 + [LOWER] * 1 + [FULL] * 11)
    formats = draws.shuffled(["plus"] * 5 + ["nat0"] * 4 + ["intl00"] * 3 + ["tel"] * 2 + ["noplus"] * 2)
    challenges = draws.shuffled([407] * 3 + [401] + [0] * 12)
    legs = draws.shuffled(["none"] * 8 + ["proxy"] * 4 + ["b2b-sid", "b2b-xcid", "b2b-none", "b2b-sid"])
    asserts = draws.shuffled([True] * 8 + [False] * 8)
    signs = draws.shuffled([True] * 4 + [False] * 12)
    own_agents = draws.shuffled([True] * 9 + [False] * 7)
    max_forwards_first = draws.shuffled([False] * 8 + [True] * 8)
    return [
        _make_trunk(
            draws,
            index,
            vlans[index],
            own_agents[index],
            tcp=tcp[index],
            ipv6=ipv6[index],
            headers=headers[index],
            number_format=formats[index],
            challenge=challenges[index],
            legs=legs[index],
            asserts_identity=asserts[index],
            signs_identity=signs[index],
            max_forwards_first=max_forwards_first[index],
        )
        for index in range(TRUNKS)
    ]


def _make_trunk(
    draws: Draws,
    index: int,
    vlan_tags: int,
    own_agent: bool,
    *,
    tcp: bool,
    ipv6: bool,
    headers: HeaderNames,
    number_format: str,
    challenge: int,
    legs: str,
    asserts_identity: bool,
    signs_identity: bool,
    max_forwards_first: bool,
) -> Trunk:
    callee_format = number_format if draws.random() < 0.75 else "plus"
    user_agent = draws.choice(_SBC_USER_AGENTS) if own_agent else None
    call_id_style = draws.choice(["uuid", "hexhost", "dec", "b64"])
    session_timer, diverts = draws.random() < 0.5, draws.random() < 0.5
    early_media, codec, gives_reason = (
        draws.choice([0.1, 0.3, 0.6]),
        draws.randint(0, 4),
        draws.random() < 0.1,
    )
    attestation = draws.choice([(0.6, 0.25, 0.15), (0.35, 0.4, 0.25), (0.15, 0.35, 0.5)])
    vlan = [draws.randint(2, 4000) for _ in range(3)]  # as many draws for every trunk
    vlan = [[], vlan[:1], vlan[1:]][vlan_tags]
    doubled = draws.random() < 0.12
    port = draws.choice([5060, 5060, 5060, 5070, 5080])
    if ipv6:
        address, packed = _ipv6(0x100 + index, 1)
        host = f"[{address}]"
    else:
        address = host = f"192.0.2.{10 + index}"
        packed = _ipv4(address)
    peers = []
    for number in range(draws.choice([1, 2, 2, 3, 6])):
        if ipv6:
            peer_address, peer_packed = _ipv6(0x200 + index, 0x10 + number)
            peer_host = f"[{peer_address}]"
        else:
            networks = ["198.51.100", "203.0.113", f"10.{20 + index}.{draws.randint(0, 9)}"]
            peer_address = peer_host = f"{draws.choice(networks)}.{draws.randint(2, 250)}"
            peer_packed = _ipv4(peer_address)
        source_port = draws.randint(20000, 60000) if tcp else 5060
        connection = _connect(
            draws, (peer_packed, packed), (source_port, port), ipv6=ipv6, tcp=tcp, vlan=vlan, doubled=doubled
        )
        peers.append(Peer(peer_host, 5060, connection, peer_address))
    domain = f"carrier{index + 1}.example.net" if draws.choice([0, 0, 1]) else None
    media_networks = ["198.51.100", "203.0.113", f"10.200.{index}"]
    media = [f"{draws.choice(media_networks)}.{draws.randint(2, 250)}" for _ in range(4)]
    draws.random()  # of no use any more; without it all traffic of a seed would change
    via_rport = draws.random() < 0.6
    origin_ids = [_origin_id(draws) for _ in range(2)]
    inside_tcp = index % 7 == 5
    core, sbc_inside = f"10.0.{draws.randint(0, 3)}.{5 + index}", f"10.0.4.{5 + index}"
    inside_port = draws.randint(20000, 60000) if inside_tcp else 5060
    inside = _connect(
        draws,
        (_ipv4(sbc_inside), _ipv4(core)),
        (inside_port, 5060),
        ipv6=False,
        tcp=inside_tcp,
        vlan=[300] if index % 3 == 0 else [],
        doubled=False,
    )
    return Trunk(
        index=index,
        tcp=tcp,
        ipv6=ipv6,
        headers=headers,
        number_format=number_format,
        challenge=challenge,
        legs=legs,
        asserts_identity=asserts_identity,
        signs_identity=signs_identity,
        max_forwards_first=max_forwards_first,
        callee_format=callee_format,
        user_agent=user_agent,
        call_id_style=call_id_style,
        session_timer=session_timer,
        diverts=diverts,
        early_media=early_media,
        codec=codec,
        gives_reason=gives_reason,
        attestation=attestation,
        host=host,
        address=address,
        port=port,
        peers=peers,
        domain=domain,
        media=media,
        via_rport=via_rport,
        origin_ids=origin_ids,
        core=core,
        sbc_inside=sbc_inside,
        inside=inside,
    )


def _connect(
    draws: Draws,
    addresses: tuple[bytes, bytes],
    ports: tuple[int, int],
    *,
    ipv6: bool,
    tcp: bool,
    vlan: list[int],
    doubled: bool,
) -> Connection:
    first, second = _mac(draws), _mac(draws)
    # Of two tags the outer one is a service tag (IEEE 802.1ad).
    outer = 0x88A8 if len(vlan) == 2 else 0x8100
    tags = b"".join(struct.pack("!HH", outer if i == 0 else 0x8100, tag) for i, tag in enumerate(vlan))
    ether_type = b"\x86\xdd" if ipv6 else b"\x08\x00"
    return Connection(
        ethernet=(second + first + tags + ether_type, first + second + tags + ether_type),
        ipv6=ipv6,
        tcp=tcp,
        addresses=addresses,
        ports=ports,
        doubled=doubled,
        sequence=[draws.getrandbits(32), draws.getrandbits(32)],
        ip_id=[draws.getrandbits(16), draws.getrandbits(16)],
    )


def _mac(draws: Draws) -> bytes:
    return b"\x02" + draws.getrandbits(40).to_bytes(5, "big")


def _ipv4(text: str) -> bytes:
    return bytes(int(part) for part in text.split("."))


def _ipv6(network: int, host: int) -> tuple[str, bytes]:
    packed = b"\x20\x01\x0d\xb8" + struct.pack("!H", network) + bytes(8) + struct.pack("!H", host)
    return f"2001:db8:{network:x}::{host:x}", packed


def _origin_id(draws: Draws) -> str:
    """The origid claim of a passport, a UUID (RFC 8588)."""
    parts = [draws.hex_digits(8), draws.hex_digits(4), draws.hex_digits(3), draws.hex_digits(3)]
    return f"{parts[0]}-{parts[1]}-4{parts[2]}-a{parts[3]}-{draws.hex_digits(12)}"
