"""Crowds: many people after one prize, and chains of people who pass on news."""

from dataclasses import replace

from spit.worlds.agenda.attempt import Purpose
from spit.worlds.agenda.people import Wish, private_talk
from spit.worlds.agenda.styles import World

REDIALLER = Purpose("ticket_redial")
CALLER_IN = Purpose("hotline_crowd")
TREE = Purpose("phone_tree")


def _owner(world: World) -> Wish:
    """Any home subscriber's wish; the callee is their own number until one is set."""
    dice = world.dice
    population = world.population
    line = population.lines[dice.index(population.home)]
    while line.identity is None:
        line = population.lines[dice.index(population.home)]
    talk = private_talk(dice, world.operator, friend=False)
    return Wish(CALLER_IN, line.identity, line.number, False, 1, dice.lognormal(45.0, 0.4), talk, 0.5)


def plan_rush(world: World, purpose: Purpose, count: int) -> None:
    """Tickets, a radio prize or an outage: the prize is worth many redials within minutes or hours.

    The office called has few channels: most callers hear a busy tone and try again while it seems worth it.
    """
    dice = world.dice
    operator = world.operator
    population = world.population
    insists = purpose is REDIALLER
    planned = 0
    while planned < count:
        offices = [population.lines[population.home + dice.index(population.offices)] for _ in range(6)]
        # What many want is mostly behind few channels, or nobody would have to insist.
        office = min(offices, key=lambda line: line.capacity)
        begin = dice.uniform() * operator.horizon_s * 0.9
        length = dice.scale((300.0, 3600.0)) if insists else dice.scale((1800.0, 14_400.0))
        crowd = min(count - planned, dice.count((20, 600)))
        reached = 0
        while reached < crowd:
            wish = _owner(world)
            wish.purpose = purpose
            wish.callee = office.number
            wish.tries = dice.count((2, 25)) if insists else dice.count((1, 3))
            world.switch.schedule(begin + dice.exponential(length / 3.0), wish)
            # Only those who hear a busy tone come back; about a third of the tries are used.
            reached += max(1, wish.tries // 3)
        planned += reached


def plan_trees(world: World, count: int) -> None:
    """Clubs and classes: one calls three, each of whom calls three more, mostly acquaintances."""
    dice = world.dice
    planned = 0
    while planned < count:
        frontier = [(dice.uniform() * world.operator.horizon_s, _owner(world))]
        branch = dice.count((2, 8))
        size = min(count - planned, dice.count((10, 90)))
        placed = 0
        while frontier and placed < size:
            begin, root = frontier.pop(0)
            moment = begin
            for _ in range(branch):
                moment += dice.exponential(110.0)
                member = _owner(world)
                talk = replace(root.talk, engage=0.95, stay_s=35.0, spread=0.6)
                wish = replace(
                    root, purpose=TREE, callee=member.callee, friend=dice.chance(0.7), tries=2, talk=talk
                )
                world.switch.schedule(moment, wish)
                placed += 1
                frontier.append((moment + dice.exponential(900.0), member))
        planned += max(placed, 1)
