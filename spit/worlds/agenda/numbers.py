"""Which number and route an agent shows: owned, rotated, rented near the callee, made up or stolen."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from spit.worlds.agenda.attempt import Result
from spit.worlds.agenda.dice import Dice
from spit.worlds.agenda.equipment import Equipment
from spit.worlds.agenda.trunks import Identity, Market, Trunk, address

MakeNumber = Callable[[str], str]


class Numbers(Protocol):
    """A source of caller identities that may learn from what became of calls."""

    def next(self, callee: str) -> Identity: ...

    def learn(self, identity: Identity, result: Result) -> None: ...


class Offer(NamedTuple):
    """One route on sale; `address` is the sender's own where it registers directly."""

    trunk: Trunk
    equipment: Equipment
    origid: str
    address: str | None


@dataclass(slots=True)
class Routes:
    """Trunks that an agent buys from; a shopper goes where its calls are answered most."""

    dice: Dice
    offers: list[Offer]
    shopping: bool
    tried: dict[str, tuple[float, float]] = field(default_factory=dict)

    def choose(self) -> Offer:
        """A route: the best known nine times out of ten for a shopper, any for the others."""
        if not self.shopping or self.dice.chance(0.15):
            return self.dice.pick(self.offers)
        return max(self.offers, key=self._rate)

    def _rate(self, offer: Offer) -> float:
        answered, placed = self.tried.get(offer.trunk.origid, (1.0, 2.0))
        return answered / placed

    def learn(self, identity: Identity, result: Result) -> None:
        """Count answers of the route, and talks that earn something."""
        answered, placed = self.tried.get(identity.trunk.origid, (1.0, 2.0))
        self.tried[identity.trunk.origid] = (
            answered + 0.5 * (result.human + result.engaged),
            placed + 1.0,
        )


def draw_routes(
    dice: Dice,
    market: Market,
    roles: tuple[str, ...],
    count: int,
    builds: int,
    *,
    shopping: bool,
    handset: bool,
) -> Routes:
    """Routes over `count` trunks with `builds` different pieces of equipment, every one of both in use."""
    sender = market.catalogue.handset if handset else market.catalogue.server
    trunks = [market.exchange.pick(dice, roles) for _ in range(count)]
    groups = [dice.uuid() if dice.chance(0.3) else trunk.origid for trunk in trunks]
    offers = []
    for place in range(max(count, builds)):
        trunk = trunks[place % count]
        own = address(dice) if trunk.role == "access" else None
        offers.append(Offer(trunk, sender(dice), groups[place % count], own))
    return Routes(dice, offers, shopping)


@dataclass(slots=True)
class Maker:
    """Makes identities: a number from a style, a route from the agent's routes."""

    dice: Dice
    routes: Routes
    number: MakeNumber
    owned: float

    def make(self, callee: str) -> Identity:
        """A fresh identity for a call to the callee."""
        trunk, equipment, origid, own = self.routes.choose()
        caller = self.number(callee)
        asserted = caller if caller != "anonymous" and self.dice.chance(trunk.asserts) else None
        return Identity(caller, trunk, equipment, own, asserted, self.dice.chance(self.owned), origid)


@dataclass(slots=True)
class Pool:
    """Numbers kept for good: one main number or a range of extensions.

    A sticky range shows each callee one number, that of the colleague who knows them.
    """

    dice: Dice
    identities: list[Identity]
    main: float
    sticky: bool
    colleagues: dict[str, Identity] = field(default_factory=dict)

    def next(self, callee: str) -> Identity:
        """The main number, or one of the range."""
        if len(self.identities) == 1 or self.dice.chance(self.main):
            return self.identities[0]
        drawn = self.dice.pick(self.identities)
        return self.colleagues.setdefault(callee, drawn) if self.sticky else drawn

    def learn(self, identity: Identity, result: Result) -> None:
        """Owned numbers are kept whatever happens."""


@dataclass(slots=True)
class Rotation:
    """Several numbers in use at once; each is dropped when worn out or, by the watchful, when refused."""

    dice: Dice
    maker: Maker
    life: float
    width: int
    watchful: bool
    left: dict[str, list[float]] = field(default_factory=dict)
    active: list[Identity] = field(default_factory=list)

    def next(self, callee: str) -> Identity:
        """A number with life left, a fresh one where none is."""
        if len(self.active) < self.width:
            return self._fresh(callee)
        slot = self.dice.index(len(self.active))
        identity = self.active[slot]
        account = self.left[identity.caller]
        if account[0] < 1.0:
            del self.active[slot], self.left[identity.caller]
            return self._fresh(callee)
        account[0] -= 1.0
        return identity

    def _fresh(self, callee: str) -> Identity:
        identity = self.maker.make(callee)
        if identity.caller in self.left:
            return identity
        # Life in calls is geometric about its optimum: agents do not know the optimum exactly.
        life = 1.0 if self.life <= 1.0 else 1.0 + self.dice.exponential(self.life - 1.0)
        self.left[identity.caller] = [life - 1.0, 0.0]
        self.active.append(identity)
        return identity

    def learn(self, identity: Identity, result: Result) -> None:
        """A watchful agent retires a number after a run of refusals."""
        self.maker.routes.learn(identity, result)
        account = self.left.get(identity.caller)
        if account is None:
            return
        refused = result.outcome in ("unwanted", "declined")
        account[1] = account[1] + 1.0 if refused else max(0.0, account[1] - 0.3)
        if self.watchful and account[1] >= 2.0:
            account[0] = 0.0


@dataclass(slots=True)
class PerCall:
    """Another number every call; nothing is remembered but the route."""

    maker: Maker

    def next(self, callee: str) -> Identity:
        """A number for this callee only."""
        return self.maker.make(callee)

    def learn(self, identity: Identity, result: Result) -> None:
        """Only routes can be judged."""
        self.maker.routes.learn(identity, result)


def direct_range(dice: Dice, first: Identity, count: int, prefixes: tuple[str, ...]) -> list[Identity]:
    """Consecutive direct-inward-dial numbers behind one telephone system, the main number first."""
    prefix = dice.pick(prefixes)
    start = dice.index(1000)
    callers = [f"{prefix}{(start + step) % 1000:03d}" for step in range(min(count, 1000))]
    main = callers[0] if dice.chance(0.5) else None
    return [
        replace(first, caller=caller, asserted=None if first.asserted is None else main or caller)
        for caller in callers
    ]
