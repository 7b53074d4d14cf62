"""Trunks, gateways and senders: where a call enters and what the network says about its caller."""

from __future__ import annotations

from dataclasses import dataclass, field

from spit.worlds.lives.draws import (
    Rng,
    below,
    chance,
    early_heavy,
    identifier,
    log_uniform,
    pick,
    uniform,
    weighted,
)
from spit.worlds.lives.equipment import Catalogue, Equipment
from spit.worlds.lives.profile import Profile

TRUNK_KINDS: tuple[tuple[str, float], ...] = (
    ("national", 3.0),
    ("transit", 3.0),
    ("sip_provider", 4.0),
    ("enterprise", 2.0),
)


def address(rng: Rng) -> str:
    """A public-looking IPv4 address."""
    first = pick(
        rng, (31, 37, 41, 46, 62, 77, 80, 85, 91, 102, 103, 105, 109, 154, 176, 185, 193, 196, 197, 212)
    )
    return f"{first}.{below(rng, 256)}.{below(rng, 256)}.{1 + below(rng, 254)}"


@dataclass(slots=True)
class Trunk:
    """One interconnection; every share is a probability per call and every time is in seconds."""

    name: str
    kind: str
    gateways: list[str]
    gateway_skew: float
    transport: str
    agent: str | None
    strips_agent: bool
    fingerprint: str | None
    signer: str
    origid_per_customer: bool
    origid: str
    asserts: float
    failure: float
    retransmission: float
    two_legged: float
    post_dial_s: float
    post_dial_sigma: float
    early_media: float
    challenge_failure: float


@dataclass(slots=True)
class Origin:
    """The calling side of one call.

    presented is what the callee sees; identity is what the network knows of the line behind it.
    entitled means that the originating provider can vouch for the right to the presented number.
    """

    presented: str
    identity: str
    trunk: Trunk | None
    source: str
    equipment: Equipment
    customer: str
    entitled: bool = True
    known_customer: bool = True
    withheld: bool = False
    passport_number: str | None = None


@dataclass(slots=True)
class Network:
    """The operator's trunks and addresses."""

    profile: Profile
    catalogue: Catalogue
    trunks: list[Trunk]
    own_cores: list[str]
    own_origid: str
    access_pool: list[str]
    far_ends: list[str] = field(default_factory=list)

    def of_kind(self, *kinds: str) -> list[Trunk]:
        """Trunks of the given kinds (never empty: any trunk where none fits)."""
        return [trunk for trunk in self.trunks if trunk.kind in kinds] or self.trunks

    def some(self, rng: Rng, *kinds: str) -> Trunk:
        """A trunk of the given kinds; the first ones carry the most traffic."""
        found = self.of_kind(*kinds)
        return found[early_heavy(rng, len(found), 1.6)]


def _draw_trunk(rng: Rng, profile: Profile, catalogue: Catalogue, index: int, kind: str) -> Trunk:
    border = catalogue.draw(rng, "border")
    signs = chance(
        rng, profile.signing * {"national": 1.1, "transit": 0.6, "sip_provider": 1.0, "enterprise": 0.7}[kind]
    )
    signer = "none"
    if signs:
        # Gateways sign what they pass on with C; some providers put A on everything they sell.
        signer = weighted(
            rng, [("by_right", 5.0), ("lax", 2.0), ("gateway", 6.0 if kind == "transit" else 1.0)]
        )
    rewrites = chance(rng, {"national": 0.7, "transit": 0.75, "sip_provider": 0.35, "enterprise": 0.3}[kind])
    shows_agent = chance(rng, 0.5)
    return Trunk(
        name=f"{kind}-{index}",
        kind=kind,
        gateways=[address(rng) for _ in range(1 + below(rng, 5))],
        gateway_skew=uniform(rng, 1.0, 2.5),
        transport=weighted(rng, [("udp", 7.0), ("tcp", 2.0), ("tls", 2.0)]),
        agent=border.agent if rewrites and shows_agent else None,
        strips_agent=rewrites or chance(rng, 0.35),
        fingerprint=border.fingerprint if rewrites else None,
        signer=signer,
        origid_per_customer=chance(rng, 0.5),
        origid=identifier(rng),
        asserts={
            "national": uniform(rng, 0.7, 1.0),
            "transit": uniform(rng, 0.0, 0.6),
            "sip_provider": uniform(rng, 0.3, 1.0),
            "enterprise": uniform(rng, 0.2, 1.0),
        }[kind],
        failure=log_uniform(rng, 0.002, 0.05) * (2.5 if kind == "transit" else 1.0),
        retransmission=log_uniform(rng, 0.003, 0.15),
        two_legged=weighted(rng, [(0.0, 6.0), (1.0, 2.0), (uniform(rng, 0.05, 0.6), 2.0)]),
        post_dial_s=log_uniform(rng, 0.4, 2.2) * (2.0 if kind == "transit" else 1.0),
        post_dial_sigma=uniform(rng, 0.25, 0.7),
        early_media=uniform(rng, 0.0, 0.25),
        challenge_failure=log_uniform(rng, 0.0002, 0.006),
    )


def draw_network(rng: Rng, profile: Profile, catalogue: Catalogue) -> Network:
    """All interconnections of the operator, at least one of each kind."""
    kinds = [kind for kind, _ in TRUNK_KINDS]
    while len(kinds) < profile.trunk_count:
        kinds.append(weighted(rng, TRUNK_KINDS))
    trunks = [_draw_trunk(rng, profile, catalogue, i, kind) for i, kind in enumerate(kinds)]
    return Network(
        profile=profile,
        catalogue=catalogue,
        trunks=trunks,
        own_cores=[address(rng) for _ in range(1 + below(rng, 4))],
        own_origid=identifier(rng),
        access_pool=[f"100.{64 + below(rng, 60)}.{below(rng, 256)}.{1 + below(rng, 254)}" for _ in range(40)],
        far_ends=[address(rng) for _ in range(3 + below(rng, 8))],
    )
