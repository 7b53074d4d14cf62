"""Routes into the operator's switch and the identities that call over them.

A trunk decides what the log shows besides the numbers: addresses, headers, losses, a second leg, and
whether a call arrives signed. None of it depends on the caller's intent, only on whom the trunk sells to.
"""

from dataclasses import dataclass

from spit.worlds.agenda.dice import Dice, Span
from spit.worlds.agenda.equipment import Catalogue, Equipment, fingerprint_of
from spit.worlds.agenda.settings import Operator

# Role, share of the drawn trunks, lenience (chance that it signs customers' foreign numbers as A).
_ROLES = (
    ("access", 0.0, 0.0),
    ("mobile", 0.0, 0.0),
    ("peer", 0.25, 0.05),
    ("pbx", 0.2, 0.15),
    ("cpaas", 0.2, 0.3),
    ("wholesale", 0.15, 0.1),
    ("international", 0.12, 0.02),
    ("roaming", 0.08, 0.0),
)


@dataclass(frozen=True, slots=True)
class Trunk:
    """One route. Probabilities are per call; `pdd_s` is the median delay from INVITE to ringing."""

    role: str
    addresses: tuple[str, ...]
    destination: str
    transport: str
    strips_agent: bool
    rewrites: str | None
    two_legs: float
    retransmits: float
    loss: float
    pdd_s: float
    signing: float
    lenient: float
    asserts: float
    challenge: float
    origid: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a call claims to be and how it comes in; `owned` when the signer knows the number is theirs."""

    caller: str
    trunk: Trunk
    equipment: Equipment
    address: str | None
    asserted: str | None
    owned: bool
    origid: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """Every trunk of the operator, by role."""

    by_role: dict[str, tuple[Trunk, ...]]

    def pick(self, dice: Dice, roles: tuple[str, ...]) -> Trunk:
        """A trunk of one of the roles, the first of each role being the busiest."""
        trunks = self.by_role[dice.pick(roles)]
        return trunks[int(len(trunks) * dice.uniform() ** 1.7)]


def address(dice: Dice) -> str:
    """A public-looking IPv4 address."""
    first = dice.pick((5, 31, 46, 62, 77, 80, 91, 109, 145, 178, 185, 193, 212, 217))
    return f"{first}.{dice.index(256)}.{dice.index(256)}.{1 + dice.index(254)}"


def _trunk(dice: Dice, operator: Operator, role: str, lenience: float, borders: list[str]) -> Trunk:
    """One trunk of a role; spans per role below, everything else the same for all."""
    far: Span = (2.0, 5.5) if role in ("international", "roaming", "wholesale") else (0.4, 2.6)
    carrier = role in ("peer", "wholesale", "international", "roaming")
    rewriting = dice.chance(0.6 if carrier else 0.25) and role != "access"
    name = f"{role}-{dice.hexadecimal(8)}"
    base = operator.signing * (0.5 if role in ("international", "roaming") else 1.0)
    signing = dice.between((0.85, 1.0)) if dice.chance(base) else dice.pick((0.0, 0.0, 0.1, 0.4))
    return Trunk(
        role=role,
        addresses=tuple(address(dice) for _ in range(dice.count((1, 6)))),
        destination=dice.pick(borders),
        transport=dice.pick(("udp", "udp", "udp", "tcp", "tls")),
        strips_agent=dice.chance(0.65 if carrier else 0.2),
        rewrites=fingerprint_of(name) if rewriting else None,
        two_legs=dice.pick((0.0, 0.0, 0.05, 0.9, 1.0)),
        retransmits=dice.scale((0.001, 0.06)),
        loss=min(0.15, dice.lognormal(operator.trunk_loss, 0.7)),
        pdd_s=dice.scale(far),
        signing=signing if operator.signing else 0.0,
        lenient=1.0 if dice.chance(lenience) else 0.0,
        asserts=operator.assertion * dice.between((0.2, 1.0)) if carrier else dice.between((0.6, 1.0)),
        challenge=dice.between((0.1, 1.0)) if role == "access" else 0.0,
        origid=dice.uuid(),
    )


def draw_exchange(dice: Dice, operator: Operator) -> Exchange:
    """At least one trunk of each role; the rest by the roles' shares."""
    borders = [
        f"10.{dice.index(250)}.{dice.index(250)}.{5 + dice.index(200)}" for _ in range(dice.count((1, 6)))
    ]
    by_role: dict[str, tuple[Trunk, ...]] = {}
    for role, share, lenience in _ROLES:
        count = max(1, round(operator.trunk_count * share * dice.between((0.5, 1.5))))
        if role in ("access", "mobile"):
            count = dice.count((1, 4))
        by_role[role] = tuple(_trunk(dice, operator, role, lenience, borders) for _ in range(count))
    return Exchange(by_role)


def enrol(
    dice: Dice,
    trunk: Trunk,
    equipment: Equipment,
    caller: str,
    *,
    owned: bool,
    asserted: str | None,
    group: str = "",
) -> Identity:
    """A customer's identity on a trunk; the trunk either asserts a number for this customer or never does."""
    direct = address(dice) if trunk.role == "access" else None
    shown = asserted if dice.chance(trunk.asserts) else None
    # Some originators give one origid to each customer, the rest one to all of them.
    origid = group if group else trunk.origid
    return Identity(caller, trunk, equipment, direct, shown, owned, origid)


@dataclass(frozen=True, slots=True)
class Market:
    """Where numbers, routes and equipment are bought, by honest firms and by campaigns."""

    exchange: Exchange
    catalogue: Catalogue

    def server_identity(self, dice: Dice, roles: tuple[str, ...], caller: str, *, owned: bool) -> Identity:
        """A telephone system behind a trunk of one of the roles."""
        trunk = self.exchange.pick(dice, roles)
        group = dice.uuid() if dice.chance(0.3) else ""
        asserted = None if caller == "anonymous" else caller
        return enrol(
            dice, trunk, self.catalogue.server(dice), caller, owned=owned, asserted=asserted, group=group
        )
