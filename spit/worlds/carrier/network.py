"""Trunks, the providers behind them and how each treats signalling."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from spit.worlds.carrier.draws import Rng, chance, heavy_count, log_uniform, lognormal, pick, sample, uniform
from spit.worlds.carrier.equipment import Catalogue, Device

# The least number of each role among the sixteen trunks; the rest are drawn.
_ROLE_FLOOR = {"peer": 3, "wholesale": 2, "enterprise": 2, "dialler": 2, "international": 1, "tandem": 1}
_TRUNKS = 16


@dataclass(frozen=True)
class Provider:
    """A carrier or reseller that originates calls behind a trunk.

    ``signs`` is the share of its calls it signs. ``knows`` is the chance it can vouch for a number its
    customer does own (A), ``careless`` that it vouches (A) for one it never checked; otherwise it gives B
    with chance ``partial``, else C. ``broken`` is the share of its signatures that do not verify.
    """

    groups: tuple[str, ...]
    signs: float
    knows: float
    careless: float
    partial: float
    broken: float


@dataclass(frozen=True)
class Trunk:
    """A route to another network and its signalling habits; times in seconds, the rest shares of calls."""

    name: str
    role: str
    gateways: tuple[str, ...]
    transport: str
    border: Device
    rewrites: bool
    keeps_agent: float
    keeps_identity: float
    resigns: float
    reports_verification: float
    asserts: float
    fails: float
    retransmits: float
    two_legs: float
    pdd_s: float
    no_answer_status: int
    challenges: float
    providers: tuple[Provider, ...]


def _address(rng: Rng) -> str:
    """A public-looking address; first octets of North American allocations."""
    first = pick(
        rng,
        (12, 23, 24, 50, 63, 64, 66, 67, 68, 69, 72, 74, 96, 98, 104, 107, 142, 184, 198, 199, 204, 206, 216),
    )
    return f"{first}.{int(rng.integers(1, 255))}.{int(rng.integers(0, 256))}.{int(rng.integers(1, 255))}"


def _identifier(rng: Rng) -> str:
    return str(uuid.UUID(bytes=rng.bytes(16), version=4))


def draw_provider(rng: Rng, role: str, deployment: float) -> Provider:
    """A provider of a role.

    Large carriers sign nearly all; resellers are uneven. Published monthly counts of signed calls find
    robocalls mostly among B and C and rarely among A (TransNexus 2022-2023: 3 % of A, 20-27 % of B, 16-38 %
    of C calls).
    """
    ready = {
        "peer": 0.95,
        "enterprise": 0.9,
        "dialler": 0.85,
        "wholesale": 0.7,
        "international": 0.3,
        "tandem": 0.35,
    }
    signs = chance(rng, min(1.0, ready[role] * deployment))
    slack = {
        "peer": 0.02,
        "enterprise": 0.1,
        "dialler": 0.25,
        "wholesale": 0.2,
        "international": 0.03,
        "tandem": 0.05,
    }
    return Provider(
        groups=tuple(_identifier(rng) for _ in range(heavy_count(rng, 2, 0.8, 1, 12))),
        signs=uniform(rng, 0.8, 1.0) if signs else uniform(rng, 0.0, 0.15),
        knows=uniform(rng, 0.75, 0.99) if role in ("peer", "enterprise") else uniform(rng, 0.25, 0.9),
        careless=min(1.0, lognormal(rng, slack[role], 0.9)),
        partial=uniform(rng, 0.4, 0.9) if role != "international" else uniform(rng, 0.0, 0.2),
        broken=min(0.3, log_uniform(rng, 0.002, 0.08)),
    )


class Network:
    """The operator's own core and its sixteen trunks."""

    def __init__(self, rng: Rng, catalogue: Catalogue) -> None:
        self.host = f"{pick(rng, ('sip', 'voip', 'sbc', 'edge'))}.carrier.example"
        # Share of providers that sign, relative to what their size suggests.
        self.deployment = uniform(rng, 0.55, 1.08)
        self.core = tuple(_address(rng) for _ in range(2 + int(rng.integers(0, 3))))
        self.own = Provider(
            groups=(_identifier(rng),),
            signs=uniform(rng, 0.9, 1.0),
            knows=uniform(rng, 0.95, 1.0),
            careless=0.0,
            partial=0.9,
            broken=0.001,
        )
        # Own subscribers' calls are signed after this point of observation in some operators.
        self.own_signed_here = chance(rng, 0.5)
        self.own_failure = log_uniform(rng, 0.001, 0.01)
        self.own_pdd_s = uniform(rng, 0.4, 1.8)
        roles = [role for role, count in _ROLE_FLOOR.items() for _ in range(count)]
        roles += [pick(rng, tuple(_ROLE_FLOOR)) for _ in range(_TRUNKS - len(roles))]
        self.trunks = tuple(
            self._draw_trunk(rng, catalogue, f"{role}-{i}", role) for i, role in enumerate(roles)
        )
        self._by_role = {role: [t for t in self.trunks if t.role == role] for role in _ROLE_FLOOR}

    def _draw_trunk(self, rng: Rng, catalogue: Catalogue, name: str, role: str) -> Trunk:
        base = _address(rng).rsplit(".", 1)[0]
        hosts = sample(rng, range(1, 255), heavy_count(rng, 3, 0.6, 1, 10))
        rewrites = chance(
            rng, {"peer": 0.8, "wholesale": 0.7, "tandem": 1.0, "international": 0.7}.get(role, 0.3)
        )
        tandem = role == "tandem"
        resellers = (
            heavy_count(rng, 4, 0.6, 2, 12) if role in ("wholesale", "dialler", "international") else 2
        )
        return Trunk(
            name=name,
            role=role,
            gateways=tuple(f"{base}.{host}" for host in hosts),
            transport="tls" if chance(rng, 0.2) else pick(rng, ("udp", "udp", "tcp")),
            border=catalogue.draw(rng, "sbc"),
            rewrites=rewrites,
            keeps_agent=0.0 if rewrites and chance(rng, 0.7) else uniform(rng, 0.4, 1.0),
            # A tandem with a TDM hop drops the Identity header.
            keeps_identity=uniform(rng, 0.0, 0.1) if tandem else uniform(rng, 0.75, 1.0),
            resigns=uniform(rng, 0.3, 0.95)
            if role in ("wholesale", "international") and chance(rng, 0.5)
            else 0.0,
            reports_verification=1.0 if chance(rng, 0.7) else uniform(rng, 0.0, 0.6),
            asserts=uniform(rng, 0.85, 1.0) if chance(rng, 0.7) else uniform(rng, 0.0, 0.4),
            fails=min(
                0.08, log_uniform(rng, 0.002, 0.03) * (2.5 if role in ("international", "wholesale") else 1.0)
            ),
            retransmits=log_uniform(rng, 0.002, 0.08),
            two_legs=uniform(rng, 0.6, 1.0) if chance(rng, 0.2) else uniform(rng, 0.0, 0.05),
            pdd_s=uniform(rng, 2.5, 6.0) if role in ("international", "tandem") else uniform(rng, 0.7, 3.0),
            no_answer_status=pick(rng, (480, 480, 408)),
            challenges=uniform(rng, 0.0, 0.01) if role in ("enterprise", "dialler") else 0.0,
            providers=tuple(draw_provider(rng, role, self.deployment) for _ in range(resellers)),
        )

    def trunk(self, rng: Rng, *roles: str) -> Trunk:
        """A trunk of one of the given roles (repeat a role to weight it)."""
        return pick(rng, self._by_role[pick(rng, roles)])


def subscriber_address(rng: Rng) -> str:
    """The address of customer premises."""
    return _address(rng)
