"""Subscribers of the operator, the firms among them, and the people elsewhere whom they know."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spit.worlds.agenda.dice import Dice
from spit.worlds.agenda.lines import Line, office_line, person_line
from spit.worlds.agenda.numbering import BLOCK, NumberPlan, draw_plan
from spit.worlds.agenda.settings import Operator
from spit.worlds.agenda.switch import Switch
from spit.worlds.agenda.trunks import Identity, Market, enrol


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody with a line; `lines` are home subscribers, then offices, then people elsewhere.

    `busiest` are the home subscribers who call most, known once their ties are drawn.
    """

    lines: list[Line]
    home: int
    offices: int
    extensions: list[str]
    busiest: list[Line]

    @property
    def numbers(self) -> list[str]:
        """Home numbers, private and firms': what lists of this operator's subscribers are drawn from."""
        return [line.number for line in self.lines[: self.home + self.offices]]


@dataclass(frozen=True, slots=True)
class Ties:
    """Who knows whom: indices of lines, weights of the ties, and the chance that the first is the caller."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    weight: NDArray[np.float64]
    forward: NDArray[np.float64]


def sizes(operator: Operator) -> tuple[int, int]:
    """Private subscribers and offices, from the calls wanted and the calls each makes in the recording."""
    personal = operator.calls * (1.0 - operator.spam_share) * operator.ordinary_share
    home = int(min(20_000, max(300, personal / operator.calls_per_person)))
    return home, max(20, home // 25)


def draw_home_plan(dice: Dice, operator: Operator) -> NumberPlan:
    """Blocks for the subscribers of this operator."""
    home, offices = sizes(operator)
    mobile = int(home * operator.mobile_share)
    return draw_plan(dice, mobile, home - mobile + offices, operator.block_fill)


def private_identity(dice: Dice, operator: Operator, market: Market, line: Line, *, home: bool) -> Identity:
    """How a person's calls arrive: own access, the mobile core, or another carrier's trunk."""
    near = ("mobile",) if line.sort == "mobile" else ("access",)
    roles = near if home else ("peer", "peer", "peer", "wholesale", "international")
    caller = line.number
    if dice.chance(operator.withheld_share):
        caller = "anonymous"
    elif home and dice.chance(operator.sip_name_share):
        caller = (
            f"{dice.pick(('anna', 'ben', 'info', 'home', 'tom', 'm', 'k'))}{dice.index(999)}@voip.example"
        )
    trunk = market.exchange.pick(dice, roles)
    handset = market.catalogue.handset(dice)
    # Resellers elsewhere have their carrier sign, who knows the reseller but not the reseller's customers.
    owned = home or dice.chance(0.8)
    return enrol(dice, trunk, handset, caller, owned=owned, asserted=line.number)


def draw_population(dice: Dice, operator: Operator, market: Market, switch: Switch) -> Population:
    """Give out numbers, draw lines and register them with the switch."""
    plan = switch.plan
    home, offices = sizes(operator)
    mobiles = min(int(home * operator.mobile_share), len(plan.mobile) * BLOCK)
    fixed = min(home - mobiles + offices, len(plan.fixed) * BLOCK)
    given = dice.rng.choice(len(plan.mobile) * BLOCK, mobiles, replace=False)
    wired = dice.rng.choice(len(plan.fixed) * BLOCK, fixed, replace=False)
    cells = [f"{plan.mobile[int(k) // BLOCK]}{int(k) % BLOCK:03d}" for k in given]
    wires = [f"{plan.fixed[int(k) // BLOCK]}{int(k) % BLOCK:03d}" for k in wired]
    lines = [person_line(dice, operator, number, mobile=True) for number in cells]
    lines += [person_line(dice, operator, number, mobile=False) for number in wires[offices:]]
    dice.rng.shuffle(lines)
    home = len(lines)
    for line in lines:
        line.identity = private_identity(dice, operator, market, line, home=True)
    for number in wires[:offices]:
        office = office_line(dice, operator, number, channels=dice.count((1, 60)))
        office.identity = market.server_identity(dice, ("pbx",), number, owned=True)
        lines.append(office)
    for line in lines:
        switch.lines[line.number] = line
    for _ in range(int(home * dice.scale((0.003, 0.04)))):
        dice.pick(lines[home:] if dice.chance(0.5) else lines[:home]).diverts_to = dice.pick(
            lines[:home]
        ).number
    extensions = [str(number) for number in range(100, 100 + dice.count((10, 80)))]
    for extension in extensions:
        switch.lines[extension] = office_line(dice, operator, extension, channels=1)
    return Population(lines, home, offices, extensions, [])


def draw_ties(dice: Dice, operator: Operator, market: Market, switch: Switch, population: Population) -> Ties:
    """Few strong and more weak ties a person, some to firms; people elsewhere are added to the population."""
    rng = dice.rng
    home, offices = population.home, population.offices
    activity = rng.lognormal(0.0, 0.9, home)
    population.busiest.extend(
        population.lines[int(place)] for place in np.argsort(activity)[-max(20, home // 12) :]
    )
    strong = np.repeat(np.arange(home), 1 + rng.poisson(dice.between((1.0, 4.0)), home))
    weak = np.repeat(np.arange(home), rng.poisson(dice.between((3.0, 14.0)), home))
    first = np.concatenate([strong, weak])
    closeness = np.concatenate([rng.lognormal(2.3, 0.8, len(strong)), rng.lognormal(-0.4, 1.0, len(weak))])
    # Friends live near each other in the index: communities without walls.
    second = (first + np.rint(rng.standard_cauchy(len(first)) * 12).astype(np.int64)) % home
    second = np.where(second == first, (first + 1) % home, second)
    fate = rng.random(len(first))
    to_office = fate > 1.0 - dice.between((0.03, 0.2))
    popularity = 1.0 / np.arange(1, offices + 1) ** 0.8
    second[to_office] = home + rng.choice(offices, int(to_office.sum()), p=popularity / popularity.sum())
    abroad = (fate < operator.outside_share) & ~to_office
    known = max(1, int(abroad.sum() * dice.between((0.5, 1.0))))
    base = home + offices
    second[abroad] = base + rng.integers(0, known, int(abroad.sum()))
    plan = switch.plan
    for _ in range(known):
        prefixes = plan.foreign if dice.chance(0.08) else plan.other_carriers
        line = person_line(dice, operator, plan.any_of(dice, prefixes), mobile=dice.chance(0.6))
        line.identity = private_identity(dice, operator, market, line, home=False)
        switch.lines.setdefault(line.number, line)
        population.lines.append(line)
    forward = np.clip(rng.beta(3.0, 3.0, len(first)), 0.05, 0.95)
    forward[to_office] = 0.85
    return Ties(first, second, closeness * activity[first], forward)
