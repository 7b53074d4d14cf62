"""Trunks, the providers behind them, and what each does to signalling and caller identity."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import NamedTuple

from spit.worlds.drawn.draws import Range, Rng, chance, heavy, pick, span
from spit.worlds.drawn.equipment import Device, device

# Least number of trunks of each role; a few more are drawn. ``ready`` and ``careless`` are the chance that a
# provider there signs where signing is deployed, and the share of numbers it vouches for without knowledge.
# TransNexus' monthly counts (2022-2024) find robocalls mostly among B and C calls, yet a few per cent of A
# calls, too.
_ROLES: dict[str, tuple[int, float, Range]] = {
    "peer": (3, 0.95, (0.0, 0.06)),
    "enterprise": (2, 0.85, (0.02, 0.3)),
    "cloud": (2, 0.9, (0.05, 0.5)),
    "wholesale": (3, 0.65, (0.05, 0.5)),
    "foreign": (2, 0.2, (0.0, 0.1)),
}


@dataclass(frozen=True)
class Provider:
    """An originating carrier or reseller; all but ``groups`` are shares of calls.

    ``signs`` of its calls carry a signature: level A for an own number with chance ``knows``, for any other
    with chance ``careless``, else B with chance ``partial``, else C; ``broken`` of the signatures do not
    verify.
    """

    groups: tuple[str, ...]
    signs: float
    knows: float
    careless: float
    partial: float
    broken: float


@dataclass(frozen=True)
class Trunk:
    """A route and its habits: ``pdd_s`` is a median in seconds, the other floats are shares of calls."""

    role: str
    gateways: tuple[str, ...]
    transport: str
    border: Device
    rewrites: bool
    keeps_agent: float
    asserts: float
    passes_identity: float
    reports: float
    fails: float
    challenges: float
    retransmits: float
    two_legs: float
    pdd_s: float
    no_answer_status: int
    providers: tuple[Provider, ...]


class Path(NamedTuple):
    """How a call enters: over a trunk, or by registration (no trunk) from the caller's own address."""

    trunk: Trunk | None
    provider: Provider | None
    group: str
    source_ip: str
    transport: str
    device: Device


class Identity(NamedTuple):
    """What the network says about the caller; every field may be absent."""

    asserted_identity: str | None
    attestation: str | None
    origid: str | None
    verstat: str | None
    passport_orig: str | None


def address(rng: Rng) -> str:
    """A public-looking IPv4 address."""
    a, b, c, d = rng.integers((11, 0, 0, 1), (127, 256, 256, 255)).tolist()
    return f"{a}.{b}.{c}.{d}"


def identifier(rng: Rng) -> str:
    """An origination identifier."""
    return str(uuid.UUID(bytes=rng.bytes(16), version=4))


def _provider(rng: Rng, role: str, deployed: float) -> Provider:
    _, ready, careless = _ROLES[role]
    signs = chance(rng, min(1.0, ready * deployed * 1.1))
    return Provider(
        groups=tuple(identifier(rng) for _ in range(heavy(rng, 2, 0.9, 1, 15))),
        signs=span(rng, (0.75, 1.0)) if signs else span(rng, (0.0, 0.12)),
        knows=span(rng, (0.3, 0.99)),
        careless=span(rng, careless),
        partial=span(rng, (0.1, 0.9)),
        broken=span(rng, (0.0, 0.06)),
    )


def _trunk(rng: Rng, role: str, deployed: float) -> Trunk:
    many = role in ("peer", "wholesale")
    return Trunk(
        role=role,
        gateways=tuple(address(rng) for _ in range(heavy(rng, 3 if many else 1.5, 0.6, 1, 12))),
        transport=pick(rng, ("udp", "udp", "udp", "tcp", "tls")),
        border=device(rng, "border" if chance(rng, 0.7) else "cloud"),
        rewrites=chance(rng, {"peer": 0.6, "wholesale": 0.5, "foreign": 0.7}.get(role, 0.25)),
        keeps_agent=span(rng, (0.0, 1.0)),
        asserts=span(rng, (0.1, 1.0)),
        passes_identity=span(rng, (0.4, 1.0)),
        reports=span(rng, (0.2, 1.0)) if deployed > 0.1 else 0.0,
        fails=span(rng, (0.003, 0.08)),
        challenges=span(rng, (0.0005, 0.015)),
        retransmits=span(rng, (0.003, 0.12)),
        two_legs=span(rng, (0.0, 0.3)) if chance(rng, 0.5) else 0.0,
        pdd_s=span(rng, (1.5, 5.0) if role == "foreign" else (0.4, 3.0)),
        no_answer_status=pick(rng, (480, 480, 408, 487)),
        providers=tuple(
            _provider(rng, role, deployed) for _ in range(heavy(rng, 4 if many else 2, 0.7, 1, 14))
        ),
    )


class Network:
    """The operator's trunks and its treatment of its own subscribers."""

    def __init__(self, rng: Rng, deployed: float) -> None:
        self.trunks = {
            role: [_trunk(rng, role, deployed) for _ in range(least + int(rng.integers(0, 4)))]
            for role, (least, _, _) in _ROLES.items()
        }
        self.core = [address(rng) for _ in range(int(rng.integers(1, 5)))]
        self.own_trunk_fails = span(rng, (0.002, 0.03))
        self.own_pdd_s = span(rng, (0.3, 1.8))
        self.own_agent = span(rng, (0.3, 1.0))
        self.own_asserts = span(rng, (0.5, 1.0))
        self._own = Provider(
            (identifier(rng), identifier(rng)), span(rng, (0, 1)) * deployed, 0.97, 0.03, 0.8, 0.01
        )

    def path(self, rng: Rng, role: str, equipment: Device, trunk: Trunk | None = None) -> Path:
        """A way over a trunk of a role (or over the given one) through one provider and customer group."""
        # A few trunks of each role carry most of its traffic.
        choice = self.trunks[role]
        trunk = trunk or choice[min(len(choice) - 1, int(rng.exponential(1.2)))]
        provider = trunk.providers[min(len(trunk.providers) - 1, int(rng.exponential(1.5)))]
        gateway = pick(rng, trunk.gateways)
        return Path(trunk, provider, pick(rng, provider.groups), gateway, trunk.transport, equipment)

    def registered(self, rng: Rng, equipment: Device) -> Path:
        """A subscriber's own registration."""
        transport = pick(rng, ("udp", "udp", "tcp", "tls"))
        return Path(None, self._own, pick(rng, self._own.groups), address(rng), transport, equipment)

    def identify(self, rng: Rng, path: Path, number: str, owned: bool, withheld: bool) -> Identity:
        """What the network asserts and signs about a call."""
        trunk, provider = path.trunk, path.provider
        asserts = trunk.asserts if trunk is not None else self.own_asserts
        # Withheld numbers are asserted between trusting networks only.
        asserted = number if chance(rng, asserts * (0.6 if withheld else 1.0)) else None
        reports = trunk.reports if trunk is not None else 0.5
        passes = trunk.passes_identity if trunk is not None else 1.0
        if provider is None or not chance(rng, provider.signs * passes):
            verstat = "No-TN-Validation" if chance(rng, reports) else None
            return Identity(asserted, None, None, verstat, None)
        if chance(rng, provider.knows if owned else provider.careless):
            level = "A"
        else:
            level = "B" if chance(rng, provider.partial) else "C"
        verstat = None
        if chance(rng, reports):
            verstat = "TN-Validation-Failed" if chance(rng, provider.broken) else "TN-Validation-Passed"
        orig = None if withheld and chance(rng, 0.5) else number
        return Identity(asserted, level, path.group, verstat, orig)
