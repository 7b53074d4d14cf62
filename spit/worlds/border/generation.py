"""Share the calls out among kinds and campaigns, and make the log."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from spit.worlds.border import attacks, firms, machines, people, platforms, selling
from spit.worlds.border.campaigns import STRENGTHS, Campaign, Script
from spit.worlds.border.exchange import Exchange
from spit.worlds.border.wire import to_frame
from spit.worlds.border.world import World, draw_world

Source = Callable[[World, int], None]

# Mean shares of what is not friends calling friends; every operator draws its own around them.
_OTHERS: list[tuple[Source, float]] = [
    (people.fee_ringers, 0.03),
    (people.travellers, 0.05),
    (people.newcomers, 0.03),
    (people.club_trees, 0.02),
    (people.crowds, 0.03),
    (platforms.wholesale, 0.14),
    (platforms.calling_cards, 0.05),
    (platforms.app_calls, 0.06),
    (platforms.sip_users, 0.01),
    (platforms.houses, 0.04),
    (platforms.offices, 0.13),
    (platforms.forwarding, 0.015),
    (firms.service_centres, 0.06),
    (firms.rotating_centres, 0.07),
    (firms.collectors, 0.03),
    (firms.surveys, 0.025),
    (firms.appeals, 0.03),
    (firms.reminders, 0.03),
    (firms.deliveries, 0.05),
    (firms.customers, 0.1),
    (machines.alerts, 0.03),
    (machines.spoken_codes, 0.03),
    (machines.messages, 0.03),
    (machines.alarms, 0.025),
    (machines.probes, 0.015),
    (machines.misconfigured, 0.02),
]
# How often each sort of campaign runs, and how large it is relative to others.
_SCRIPTS: list[tuple[str, Script, float, float]] = [
    ("telemarketer", selling.telemarketer, 1.0, 1.0),
    ("robot_rotation", selling.robot_rotation, 2.0, 1.2),
    ("neighbour", selling.neighbours, 2.0, 1.0),
    ("burner", selling.burners, 2.0, 1.0),
    ("snowshoe", selling.snowshoe, 2.0, 1.2),
    ("low_and_slow", selling.low_and_slow, 1.0, 0.4),
    ("scam_centre", selling.scam_centre, 1.0, 0.8),
    ("voice_agent", selling.voice_agents, 1.0, 0.9),
    ("attestation_shopping", selling.attestation_shopping, 0.8, 0.8),
    ("spoofed_victim", selling.spoofed_victims, 1.0, 0.8),
    ("compromised", selling.compromised, 1.0, 0.4),
    ("wangiri", attacks.wangiri, 1.2, 1.0),
    ("sequential", attacks.sequential, 0.8, 0.8),
    ("random_digits", attacks.random_digits, 0.8, 0.8),
    ("flood", attacks.flood, 0.6, 0.7),
    ("scanner", attacks.scanner, 0.6, 0.4),
    ("message_spam", attacks.message_spam, 0.6, 0.6),
    ("harvest", attacks.harvest, 0.8, 0.8),
    ("code_theft", attacks.code_theft, 0.8, 0.5),
]
_FOLLOWING = 1.2  # redials and return calls per planned call, over most operators


def generate(seed: int, calls: int = 60_000, hours: float = 30.0) -> pd.DataFrame:
    """Simulate one operator's border; one row a call, sorted by `start_us`.

    The same arguments always give the same table. `hours` is the length of the log; the table has
    `calls` rows unless the operator's follow-up calls fall short of what was planned for.
    """
    world = draw_world(seed, calls, hours)
    planned = int(calls / world.setting.seen_share / _FOLLOWING * 1.1)
    spam = int(planned * world.setting.spam_share * 1.15)  # campaigns redial less than people
    _legitimate(world, planned - spam)
    _campaigns(world, spam)
    return to_frame(world, Exchange(world).run(), calls)


def _legitimate(world: World, calls: int) -> None:
    rng = world.rng
    private = int(calls * world.setting.people_share)
    strangers = int(private * world.setting.strangers_share)
    people.friends(world, private - strangers)
    people.acquaintances(world, strangers)
    weights = np.array([share for _, share in _OTHERS]) * rng.lognormal(0.0, 0.8, len(_OTHERS))
    weights[0] *= world.setting.fee_ringing
    weights[5] *= rng.lognormal(0.0, 0.8)  # how much transit there is differs most of all
    for (source, _), size in zip(
        _OTHERS, rng.multinomial(calls - private, weights / weights.sum()), strict=True
    ):
        if size > 0:
            source(world, int(size))


def _campaigns(world: World, calls: int) -> None:
    """Run several campaigns of each strength; careful ones are smaller on average."""
    rng = world.rng
    count = int(np.clip(calls / rng.uniform(130.0, 330.0), 9, 90))
    often = np.array([weight for _, _, weight, _ in _SCRIPTS]) * rng.lognormal(0.0, 0.4, len(_SCRIPTS))
    chosen = rng.choice(len(_SCRIPTS), count, p=often / often.sum())
    levels = np.concatenate(
        [np.tile(np.arange(3), 3), rng.choice(3, max(0, count - 9), p=[0.3, 0.35, 0.35])]
    )[:count]
    scale = np.array([_SCRIPTS[i][3] for i in chosen]) * np.array([1.3, 1.0, 0.75])[levels]
    scale = scale * rng.lognormal(0.0, 0.8, count)
    share = np.minimum(scale / scale.sum(), 0.12)  # no single firm is most of the spam
    sizes = np.maximum((calls * share / share.sum()).astype(int), 8)
    for number, (script, level, size) in enumerate(zip(chosen, levels, sizes, strict=True)):
        kind, run, _, _ = _SCRIPTS[script]
        strength = STRENGTHS[int(level)]
        run(Campaign(world, kind, strength, f"{kind}-{strength}-{number}", int(size)))
