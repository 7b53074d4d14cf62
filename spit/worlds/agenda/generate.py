"""One seed, one operator: draw it, found its agents, run its switch, hand over its log."""

import numpy as np
import pandas as pd

from spit.worlds.agenda.attempt import Purpose
from spit.worlds.agenda.campaigns import KINDS, STRENGTHS, campaign_trade, relative_size
from spit.worlds.agenda.clock import Clock
from spit.worlds.agenda.crowds import CALLER_IN, REDIALLER, plan_rush, plan_trees
from spit.worlds.agenda.dice import Dice
from spit.worlds.agenda.enterprise import found, member_quotas
from spit.worlds.agenda.equipment import draw_catalogue
from spit.worlds.agenda.honest import SECTORS, TRADES
from spit.worlds.agenda.people import Returns, plan_newcomers, plan_ordinary, plan_travellers
from spit.worlds.agenda.population import draw_home_plan, draw_population, draw_ties
from spit.worlds.agenda.records import table
from spit.worlds.agenda.settings import draw_operator
from spit.worlds.agenda.styles import World
from spit.worlds.agenda.switch import Switch
from spit.worlds.agenda.trunks import Market, draw_exchange

# Kinds that are not trades, with their share of the traffic that is not ordinary.
_PEOPLE = {"traveller": 0.9, "newcomer": 0.9, "rush": 0.6, "hotline": 0.5, "tree": 0.4}
# Agents stop early when the recording or their working day ends: plan more than is kept.
_SURPLUS = 1.12


def _campaigns(world: World, total: int) -> None:
    """Several campaigns of each strength; a few large ones, many small ones."""
    dice = world.dice
    # A short recording still meets many campaigns, each with few of its calls.
    count = int(min(44.0, max(3.0, min(16.0, total / 10), total / 300 * dice.between((0.7, 1.4)))))
    strengths = [STRENGTHS[place % 3] for place in range(count)]
    absent = set(dice.rng.choice(len(KINDS), dice.index(5), replace=False).tolist())
    present = [kind for place, kind in enumerate(KINDS) if place not in absent]
    kinds = [present[int(place)] for place in dice.rng.permutation(len(present))]
    kinds += [dice.pick(present) for _ in range(max(0, count - len(kinds)))]
    shares = dice.shares(count, 1.2)
    # Kinds beyond the count fall away: a small recording holds fewer campaigns than there are kinds.
    chosen = list(zip(kinds, strengths, strict=False))
    weighted = [
        share * relative_size(kind, strength) for share, (kind, strength) in zip(shares, chosen, strict=True)
    ]
    for number, (kind, strength) in enumerate(chosen):
        quota = max(8, round(total * weighted[number] / sum(weighted)))
        purpose = Purpose(kind, True, strength, f"{kind}-{number:02d}")
        found(world, campaign_trade(dice, kind, strength), purpose, quota)


def _businesses(world: World, total: int) -> dict[str, int]:
    """Found the honest firms; returns the calls left for each kind of people's traffic."""
    dice = world.dice
    weights = {trade.kind: trade.weight for trade in TRADES} | _PEOPLE
    drawn = {kind: weight * dice.lognormal(1.0, 0.8) for kind, weight in weights.items()}
    for sector in SECTORS:
        # Some operators live from transit, some from machines, some from call centres.
        emphasis = dice.lognormal(1.0, 1.0)
        for trade in sector:
            drawn[trade.kind] *= emphasis
    for kind in drawn:
        if dice.chance(0.07):
            drawn[kind] = 0.0
    scale = total / sum(drawn.values())
    for trade in TRADES:
        calls = round(drawn[trade.kind] * scale)
        if calls:
            for quota in member_quotas(dice, calls, trade.firms):
                found(world, trade, Purpose(trade.kind), quota)
    return {kind: round(drawn[kind] * scale) for kind in _PEOPLE}


def generate(seed: int, calls: int = 60_000, hours: float = 30.0) -> pd.DataFrame:
    """Traffic of the operator that the seed draws: about `calls` rows over `hours`, sorted by start."""
    dice = Dice(np.random.default_rng(seed))
    operator = draw_operator(dice, calls, hours)
    clock = Clock(operator)
    market = Market(draw_exchange(dice, operator), draw_catalogue(dice))
    plan = draw_home_plan(dice, operator)
    switch = Switch(dice, operator, clock, plan)
    switch.missed = Returns(switch, operator, market)
    population = draw_population(dice, operator, market, switch)
    ties = draw_ties(dice, operator, market, switch, population)
    world = World(dice, operator, market, switch, population)
    spam = calls * operator.spam_share
    honest = calls - spam
    people = _businesses(world, round(honest * (1.0 - operator.ordinary_share) * _SURPLUS))
    _campaigns(world, round(spam * _SURPLUS))
    plan_travellers(dice, operator, market, switch, population, people["traveller"])
    plan_newcomers(dice, operator, market, switch, population, people["newcomer"])
    plan_rush(world, REDIALLER, people["rush"])
    plan_rush(world, CALLER_IN, people["hotline"])
    plan_trees(world, people["tree"])
    # Calls to other carriers are not logged everywhere: half of those between here and elsewhere.
    seen = 1.0 if operator.outgoing_seen else 1.0 - 0.5 * operator.outside_share
    ordinary = round(honest * operator.ordinary_share * _SURPLUS / seen)
    plan_ordinary(dice, operator, clock, switch, population, ties, ordinary)
    switch.run()
    return table(dice, operator, switch.rows)
