"""Trunks, their gateways, the equipment behind them, and what they do to headers and identities."""

from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from spit.worlds.border.arrays import Floats, Rng, zipf_weights

# Roles of the peers at the border and how many of each an operator has (least, most).
ROLES: dict[str, tuple[int, int]] = {
    "mobile": (1, 4),
    "fixed": (1, 5),
    "international": (1, 5),
    "wholesale": (2, 7),
    "platform": (2, 5),
    "business": (2, 8),
    "core": (1, 3),  # the operator's own switches: calls that leave
    "access": (1, 2),  # subscribers registered straight over the internet
}
# What sends calls, by where it is found; None stands for equipment that names itself nowhere.
_AGENTS: dict[str, list[str | None]] = {
    "handset": ["iOS/18.1 iPhone", "SM-S921B-SIP", "Pixel-IMS/15", "Xiaomi-IMS", None, None, None],
    "home": ["FRITZ!OS", "Speedport", "Technicolor TG", "Grandstream HT801", "Cisco/SPA112", "Yealink T46U"],
    "office": [
        "Asterisk PBX 18",
        "FPBX-16",
        "3CXPhoneSystem 20",
        "Cisco-CUCM14",
        "Avaya-SM",
        "Mitel MiVB",
        "innovaphone",
    ],
    "engine": [
        "VICIdial",
        "FreeSWITCH-mod_sofia/1.10",
        "Asterisk PBX 20",
        "Genesys SIP Server",
        "Twilio Gateway",
        "sip:provider B2BUA",
    ],
    "carrier": [
        "Sonus SBC",
        "Oracle SBC",
        "Ribbon",
        "OpenSIPS (3.4)",
        "Kamailio 5.8",
        "AudioCodes Mediant",
        None,
        None,
    ],
    "soft": ["Zoiper rv2", "MicroSIP/3.21", "Linphone/5", "Bria 6", "PJSUA v2.14", None],
}
_BEHIND = {
    "mobile": ["handset"],
    "fixed": ["home", "office"],
    "international": ["carrier", "handset", "engine"],
    "wholesale": ["carrier", "engine", "soft"],
    "platform": ["engine", "soft"],
    "business": ["office", "engine"],
    "core": ["handset", "home", "office"],
    "access": ["home", "soft", "office"],
}


@dataclass(frozen=True, slots=True)
class Trunk:
    """One peer; probabilities are per call, times in seconds."""

    role: str
    gateways: list[str]
    loads: Floats
    rewrites: bool
    agent: str | None
    fingerprint: str
    strips: bool
    transports: tuple[str, ...]
    two_legs: float
    loss: float
    failure: float
    challenge: float
    pdd_s: float
    asserts: float
    levels: tuple[float, float, float]  # P(A), P(B), P(C); the rest is unsigned
    checks: float  # P(the border verifies and reports a result)
    equipment: list[int]


@dataclass(frozen=True, slots=True)
class Sender:
    """A caller's place in the network: trunk, equipment and what the originating carrier says of it."""

    trunk: int
    equipment: int
    origid: str
    levels: tuple[float, float, float]
    address: str | None = None
    asserted: str | None = None  # a firm's main number asserted behind every number it shows
    gateway: int | None = None  # small peers reach the border through one gateway


@dataclass(slots=True)
class Network:
    """All trunks and all senders that were made so far."""

    agents: list[str | None]
    shapes: list[str]
    trunks: list[Trunk]
    choices: dict[str, tuple[list[int], Floats]]
    senders: list[Sender] = field(default_factory=list)
    shared: dict[tuple[int, int], int] = field(default_factory=dict)

    def trunk_of(self, rng: Rng, role: str) -> int:
        """Draw a trunk of a role by how much it carries."""
        members, loads = self.choices[role]
        return members[int(rng.choice(len(members), p=loads))]

    def common(self, rng: Rng, role: str) -> int:
        """A sender that many callers share: a carrier's customers with one sort of equipment."""
        trunk = self.trunk_of(rng, role)
        kinds = self.trunks[trunk].equipment
        equipment = kinds[min(int(rng.exponential(len(kinds) / 3.0)), len(kinds) - 1)]
        key = (trunk, equipment)
        if key not in self.shared:
            address = _address(rng) if role == "access" else None
            self.shared[key] = self._add(
                Sender(trunk, equipment, _uuid(rng), self.trunks[trunk].levels, address)
            )
        return self.shared[key]

    def customer(
        self,
        rng: Rng,
        role: str,
        asserted: str | None = None,
        levels: tuple[float, float, float] | None = None,
        equipment: int | None = None,
    ) -> int:
        """A sender of one customer: its own origid and equipment, on a trunk others use as well."""
        trunk = self.trunk_of(rng, role)
        if equipment is None:
            kinds = self.trunks[trunk].equipment
            equipment = kinds[int(rng.integers(0, len(kinds)))]
        gates = len(self.trunks[trunk].gateways)
        gateway = int(rng.integers(0, gates)) if rng.random() < 0.3 else None
        address = _address(rng) if role == "access" else None
        said = levels if levels is not None else self.trunks[trunk].levels
        return self._add(Sender(trunk, equipment, _uuid(rng), said, address, asserted, gateway))

    def _add(self, sender: Sender) -> int:
        self.senders.append(sender)
        return len(self.senders) - 1


def _uuid(rng: Rng) -> str:
    return str(UUID(bytes=rng.bytes(16), version=4))


def _address(rng: Rng) -> str:
    # Blocks that stand for access networks; any public address would do.
    first = int(rng.choice([31, 62, 77, 84, 91, 109, 178, 188]))
    return f"{first}.{rng.integers(0, 256)}.{rng.integers(0, 256)}.{rng.integers(1, 255)}"


def _levels(rng: Rng, role: str, signing: float) -> tuple[float, float, float]:
    """Attestation by role: own customers get A, customers of customers B, gateways from abroad C.

    TransNexus' statistics show A on most signed calls, and B and C on what comes through intermediates.
    """
    if rng.random() > signing and role != "core":
        return (0.0, 0.0, 0.0)
    signed = signing * float(rng.beta(4.0, 1.5))
    bias = {
        "mobile": (20, 1, 1),
        "fixed": (15, 2, 1),
        "international": (1, 1, 12),
        "wholesale": (3, 4, 5),
        "platform": (6, 5, 1),
        "business": (8, 6, 1),
        "core": (20, 2, 1),
        "access": (12, 2, 1),
    }[role]
    mix = rng.dirichlet(bias) * signed
    return (float(mix[0]), float(mix[1]), float(mix[2]))


def draw_network(rng: Rng, signing: float) -> Network:
    """Draw the trunks of the operator and the equipment behind each."""
    agents: list[str | None] = []
    shapes: list[str] = []
    by_family: dict[str, list[int]] = {}
    for family, names in _AGENTS.items():
        for name in names:
            # Versions and configurations of one product differ in header order and SDP.
            for _ in range(int(rng.integers(1, 4))):
                by_family.setdefault(family, []).append(len(agents))
                agents.append(name)
                shapes.append(rng.bytes(8).hex())
    trunks: list[Trunk] = []
    choices: dict[str, tuple[list[int], Floats]] = {}
    for role, (least, most) in ROLES.items():
        members = []
        for _ in range(int(rng.integers(least, most + 1))):
            members.append(len(trunks))
            trunks.append(_draw_trunk(rng, role, signing, by_family))
        choices[role] = (members, zipf_weights(len(members), float(rng.uniform(0.2, 1.6))))
    return Network(agents, shapes, trunks, choices)


def _draw_trunk(rng: Rng, role: str, signing: float, by_family: dict[str, list[int]]) -> Trunk:
    net = f"{int(rng.choice([185, 193, 195, 80, 212]))}.{rng.integers(0, 256)}.{rng.integers(0, 256)}"
    if role == "core":
        net = f"10.{rng.integers(0, 256)}.{rng.integers(0, 256)}"
    hosts = rng.permutation(250)[: int(1 + min(rng.geometric(0.35), 11))] + 2
    behind = [e for family in _BEHIND[role] for e in by_family[family]]
    kept = [
        behind[i] for i in rng.permutation(len(behind))[: max(3, int(len(behind) * rng.uniform(0.4, 1.0)))]
    ]
    carriers = _AGENTS["carrier"]
    rewriting = {
        "mobile": 0.6,
        "fixed": 0.4,
        "international": 0.8,
        "wholesale": 0.45,
        "core": 0.2,
        "access": 0.0,
    }
    secure = role in ("platform", "business", "access")
    return Trunk(
        role=role,
        gateways=[f"{net}.{h}" for h in hosts],
        loads=zipf_weights(hosts.size, float(rng.uniform(0.0, 1.2))),
        rewrites=bool(rng.random() < rewriting.get(role, 0.25)),
        agent=carriers[int(rng.integers(0, len(carriers)))],
        fingerprint=rng.bytes(8).hex(),
        strips=bool(rng.random() < 0.35),
        transports=("udp", "tls", "tcp")
        if secure and rng.random() < 0.5
        else (str(rng.choice(["udp", "udp", "tcp"])),),
        two_legs=float(rng.choice([0.0, 0.0, 0.0, 1.0, rng.uniform(0.1, 0.9)])),
        loss=float(np.exp(rng.uniform(np.log(0.001), np.log(0.06)))),
        failure=float(
            np.exp(
                rng.uniform(np.log(0.002), np.log(0.09 if role in ("wholesale", "international") else 0.03))
            )
        ),
        challenge=float(rng.uniform(0.0, 0.02)) if secure else 0.0,
        pdd_s=float(rng.uniform(0.4, 2.5) * (2.0 if role in ("wholesale", "international") else 1.0)),
        asserts=float(rng.choice([0.0, 0.95, 1.0, rng.uniform(0.3, 0.9)])),
        levels=_levels(rng, role, signing),
        checks=float(rng.uniform(0.7, 1.0)) if signing > 0.0 else 0.0,
        equipment=[int(e) for e in kept],
    )
