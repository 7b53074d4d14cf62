"""From a trade's style of numbers to a source of identities, with lifetimes that the purse pays for."""

from dataclasses import dataclass, replace

from spit.worlds.agenda.dice import Dice
from spit.worlds.agenda.economics import Purse
from spit.worlds.agenda.lines import office_line, premium_line
from spit.worlds.agenda.numbers import (
    MakeNumber,
    Maker,
    Numbers,
    PerCall,
    Pool,
    Rotation,
    direct_range,
    draw_routes,
)
from spit.worlds.agenda.population import Population
from spit.worlds.agenda.settings import Operator
from spit.worlds.agenda.switch import Switch
from spit.worlds.agenda.trade import Trade
from spit.worlds.agenda.trunks import Market


@dataclass(frozen=True, slots=True)
class World:
    """What every agent is founded in."""

    dice: Dice
    operator: Operator
    market: Market
    switch: Switch
    population: Population

    def prefixes(self, source: str) -> tuple[str, ...]:
        """Blocks that a trade's numbers come from."""
        plan = self.switch.plan
        return {
            "rented": plan.rented,
            "fixed": plan.fixed,
            "other": plan.other_carriers,
            "mobile": plan.mobile + plan.other_carriers,
            "national": plan.fixed + plan.mobile + plan.other_carriers + plan.rented,
            "foreign": plan.foreign,
            "premium": plan.premium,
        }[source]


def answer_guess(operator: Operator) -> float:
    """What share of strangers' calls an agent of this market expects to be answered."""
    return min(0.6, max(0.1, 0.35 + 0.12 * operator.answer_shift))


def _listed(world: World, number: str, reachable: float, *, premium: bool) -> str:
    """Give the number somebody who answers when it is called back, as often as the trade cares to."""
    lines = world.switch.lines
    if number not in lines and world.dice.chance(reachable):
        channels = world.dice.count((2, 30))
        line = (
            premium_line(number)
            if premium
            else office_line(world.dice, world.operator, number, channels=channels)
        )
        lines[number] = line
    return number


def _number_maker(world: World, trade: Trade) -> MakeNumber:
    """How one fresh number comes about."""
    dice = world.dice
    plan = world.switch.plan
    lines = world.population.lines
    prefixes = world.prefixes(trade.numbers_from)
    kept = dice.pick((2, 3, 3, 4, 5))
    per_area = dice.count((1, 12))
    areas: dict[str, list[str]] = {}

    def local(callee: str) -> str:
        known = areas.setdefault(callee[:-5], [])
        if len(known) < per_area:
            known.append(_listed(world, plan.local_to(dice, callee), trade.callable, premium=False))
        return dice.pick(known)

    def stolen(_callee: str) -> str:
        return lines[dice.index(len(lines))].number

    makers: dict[str, MakeNumber] = {
        "near": lambda callee: plan.neighbour(dice, callee, kept),
        "local": local,
        "victims": stolen,
        "withheld": lambda _callee: "anonymous",
    }
    reachable = 0.0 if trade.style == "fresh" else trade.callable
    premium = trade.numbers_from == "premium"
    return makers.get(
        trade.style, lambda _callee: _listed(world, plan.any_of(dice, prefixes), reachable, premium=premium)
    )


def numbers_for(world: World, trade: Trade, purse: Purse) -> Numbers:
    """The identities of one member of the trade."""
    dice = world.dice
    if trade.style == "stolen":
        # Thieves cannot choose whom they crack, but only an account in use is worth keeping quiet about.
        owner = dice.pick(world.population.busiest)
        while owner.identity is None or not owner.identity.caller.startswith("+"):
            owner = dice.pick(world.population.busiest)
        return Pool(dice, [owner.identity], 1.0, sticky=False)
    make_number = _number_maker(world, trade)
    if trade.style in ("one", "range"):
        number = make_number("")
        first = world.market.server_identity(
            dice, trade.roles, number, owned=dice.chance(dice.between(trade.owned))
        )
        if trade.handset:
            first = replace(first, equipment=world.market.catalogue.handset(dice))
        if trade.style == "one":
            return Pool(dice, [first], 1.0, sticky=False)
        identities = direct_range(
            dice, first, dice.count(trade.range_size), world.prefixes(trade.numbers_from)
        )
        for identity in identities:
            _listed(world, identity.caller, trade.callable, premium=False)
        return Pool(dice, identities, dice.between(trade.main), sticky=trade.audience == "regulars")
    routes = draw_routes(
        dice,
        world.market,
        trade.roles,
        dice.count(trade.trunks),
        dice.count(trade.builds),
        shopping=trade.shopping,
        handset=trade.handset,
    )
    owned = dice.between(trade.owned)
    maker = Maker(dice, routes, make_number, owned)
    if trade.style in ("near", "local", "fresh", "withheld"):
        return PerCall(maker)
    hazard = 0.004 * world.operator.strictness * (1.0 + 20.0 * world.operator.complaint)
    life = (
        dice.scale(trade.life)
        if trade.life is not None
        else purse.calls_per_number(answer_guess(world.operator), hazard)
    )
    return Rotation(dice, maker, life, dice.count(trade.reach), trade.watchful)
