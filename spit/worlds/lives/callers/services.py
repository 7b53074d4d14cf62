"""Firms and offices that people call, and that act on those calls (taxis, shops, clinics)."""

from __future__ import annotations

from dataclasses import dataclass, field

from spit.worlds.lives.answering import FirmLine, Pitch
from spit.worlds.lives.draws import Rng, around, chance, early_heavy, log_between, pick, uniform, weighted
from spit.worlds.lives.equipment import Equipment
from spit.worlds.lives.exchange import Life, World
from spit.worlds.lives.network import Origin
from spit.worlds.lives.population import Subscriber
from spit.worlds.lives.senders import Sender, draw_sender, numbers_for, own_up
from spit.worlds.lives.signalling import Label

# trade: (weight, opens, closes, channels low, channels high, menu share, talk median s)
TRADES: dict[str, tuple[float, float, float, int, int, float, float]] = {
    "shop": (5.0, 8.5, 19.0, 1, 3, 0.05, 60.0),
    "clinic": (3.0, 8.0, 17.0, 1, 4, 0.1, 110.0),
    "restaurant": (2.5, 11.0, 23.0, 1, 2, 0.0, 70.0),
    "hotline": (2.5, 0.0, 24.0, 10, 120, 0.9, 260.0),
    "bank": (1.5, 8.0, 18.0, 5, 60, 0.7, 240.0),
    "taxi": (2.0, 0.0, 24.0, 2, 12, 0.0, 35.0),
    "office": (2.0, 8.0, 16.0, 1, 8, 0.2, 150.0),
    "freephone_balance": (1.0, 0.0, 24.0, 50, 300, 1.0, 25.0),
}


@dataclass(slots=True)
class Firm:
    """A firm with a main number and what it calls out with."""

    trade: str
    line: FirmLine
    sender: Sender
    talk_s: float
    mobiles: list[tuple[str, Equipment]] = field(default_factory=list)

    def main(self) -> Origin:
        """Calling out under the main number."""
        return self.sender.showing(self.line.number)


@dataclass(slots=True)
class Services:
    """All firms by trade; the first of each trade is the most called."""

    firms: dict[str, list[Firm]]

    def choose(self, rng: Rng, trade: str, own: Subscriber) -> Firm:
        """The firm a person calls: mostly the same one for the same person."""
        found = self.firms[trade]
        if chance(rng, 0.7):
            return found[(own.index * 7919) % len(found)]
        return found[early_heavy(rng, len(found), 2.0)]


def open_firms(world: World, calls: int) -> Services:
    """Firms in proportion to the traffic."""
    rng = world.rng
    firms: dict[str, list[Firm]] = {trade: [] for trade in TRADES}
    plenty = max(len(TRADES) * 2, int(calls * uniform(rng, 0.003, 0.012)))
    trades = [trade for trade in TRADES for _ in range(2)]
    while len(trades) < plenty:
        trades.append(weighted(rng, [(trade, row[0]) for trade, row in TRADES.items()]))
    for trade in trades:
        _, opens, closes, low, high, menu, talk = TRADES[trade]
        hosted = chance(rng, world.profile.sip_firm_share)
        kinds = ("sip_provider", "enterprise") if hosted else ("registered",)
        sender = draw_sender(world, "exchange" if chance(rng, 0.7) else "desk", kinds)
        number = numbers_for(world, sender, 1, scattered=True)[0]
        line = FirmLine(
            number,
            log_between(rng, low, high),
            opens + uniform(rng, -0.7, 0.7),
            closes + uniform(rng, -0.7, 0.7),
            uniform(rng, 0.7, 0.99),
            chance(rng, menu),
            around(rng, 6.0, 0.4),
        )
        own_up(world, [number], line)
        firm = Firm(trade, line, sender, talk * around(rng, 1.0, 0.3))
        if trade == "taxi":
            for _ in range(log_between(rng, 4, 60)):
                mobile = world.plan.allocate(rng, "mobile")
                own_up(world, [mobile], FirmLine(mobile, 1, 0.0, 24.0, 0.7))
                firm.mobiles.append((mobile, world.network.catalogue.draw(rng, "handset")))
        firms[trade].append(firm)
    return Services(firms)


def ask(world: World, person: Subscriber, firm: Firm, t: float) -> Life:
    """Call a firm; on busy try again soon; what was agreed may lead to calls in return."""
    rng = world.rng
    pitch = Pitch(firm.talk_s, patience_s=40.0, talk_sigma=0.8, engage=0.95, caller_ends=0.6)
    label = Label("call_to_firm")
    for _ in range(5):
        result = world.place(t, person.origin, firm.line.number, pitch, label)
        if result.talked:
            if firm.trade == "taxi" and firm.mobiles:
                world.live(_ride(world, firm, person, result.end))
            elif firm.trade in ("shop", "office", "clinic", "bank") and chance(rng, 0.15):
                world.live(_firm_calls_back(world, firm, person, result.end))
            return
        if result.course.outcome != "busy" or not chance(rng, 0.75):
            return
        t = result.end + around(rng, 20.0, 1.0)
        yield t


def _ride(world: World, firm: Firm, person: Subscriber, asked_at: float) -> Life:
    """A driver comes: a short call, or one ring, from a mobile the customer never saw."""
    rng = world.rng
    number, equipment = pick(rng, firm.mobiles)
    t = asked_at + around(rng, 540.0, 0.5)
    yield t
    core = pick(rng, world.network.access_pool)
    origin = Origin(number, number, None, core, equipment, world.network.own_origid)
    only_rings = chance(rng, 0.25 + world.profile.flashing)
    pitch = Pitch(
        14.0, patience_s=4.0 if only_rings else 22.0, talk_sigma=0.5, engage=0.98, expected=True, message=0.0
    )
    result = world.place(t, origin, person.number, pitch, Label("taxi_driver"))
    if result.course.outcome != "answered" and not only_rings and chance(rng, 0.5):
        t = result.end + around(rng, 60.0, 0.5)
        yield t
        world.place(t, origin, person.number, pitch, Label("taxi_driver"))


def _firm_calls_back(world: World, firm: Firm, person: Subscriber, asked_at: float) -> Life:
    """The firm returns with an answer within hours."""
    t = asked_at + around(world.rng, 3600.0, 1.0)
    yield t
    if firm.line.opens <= world.clock.hour(t) < firm.line.closes:
        pitch = Pitch(70.0, patience_s=30.0, engage=0.95, message=0.4, expected=True)
        world.place(t, firm.main(), person.number, pitch, Label("firm"))
