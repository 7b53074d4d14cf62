"""Puts a world together and runs it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spit.worlds.lives.answering import PersonLine
from spit.worlds.lives.callers.everyday import settle
from spit.worlds.lives.campaigns.launch import launch_campaigns
from spit.worlds.lives.clock import draw_clock
from spit.worlds.lives.draws import digits, uniform
from spit.worlds.lives.equipment import draw_catalogue
from spit.worlds.lives.exchange import World
from spit.worlds.lives.network import draw_network
from spit.worlds.lives.numbering import NumberPlan
from spit.worlds.lives.population import draw_population
from spit.worlds.lives.profile import draw_profile
from spit.worlds.lives.signalling import Log


def generate(seed: int, calls: int = 60_000, hours: float = 30.0) -> pd.DataFrame:
    """About so many calls over so many hours of one operator; one row a call, in order of time."""
    rng = np.random.default_rng(seed)
    profile = draw_profile(rng)
    clock = draw_clock(rng, hours, profile.country.utc_offset_h)
    plan = NumberPlan(profile.country, f"sip.op{digits(rng, 3)}.example")
    network = draw_network(rng, profile, draw_catalogue(rng))
    population = draw_population(rng, profile, plan, network, calls)
    world = World(rng, clock, profile, plan, network, population, Log(rng, network, clock.start_us))
    for person in population.people:
        world.parties[person.number] = PersonLine(person)
    spam = int(calls * profile.spam_share * uniform(rng, 0.97, 1.03))
    settle(world, calls - spam)
    launch_campaigns(world, spam)
    world.run()
    return world.log.table()
