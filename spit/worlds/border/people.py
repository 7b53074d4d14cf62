"""Private callers: friends and families, fee avoiders, travellers, newcomers, clubs and crowds."""

import numpy as np

from spit.worlds.border.arrays import pick, split, zipf_weights
from spit.worlds.border.attempts import Manner
from spit.worlds.border.world import World

_RHYTHMS = ("family", "work", "young", "old")


def _private(world: World, kind: str, talk_s: float) -> Manner:
    """How people call people they know."""
    setting = world.setting
    return Manner(
        kind,
        talk_s=talk_s * setting.talk_scale,
        talk_sigma=1.2,
        patience_s=30.0,
        redial=setting.busy_redial,
        redial_after_s=240.0,
        tries=3,
        message_s=float(world.rng.choice([0.0, 15.0])),
        withheld=setting.withheld,
    )


def friends(world: World, calls: int) -> None:
    """Pairs across the border: few strong ties, many weak ones, calls in both directions.

    Degree and tie strength are heavy-tailed (Onnela et al., PNAS 2007); most pairs are reciprocal.
    """
    rng, directory = world.rng, world.directory
    persons = int(calls / max(1.0, world.setting.contacts_mean * 0.7) * world.setting.people_per_call)
    persons = min(max(20, persons), world.own.size)
    chosen = world.own[rng.permutation(world.own.size)[:persons]]
    mean = world.setting.contacts_mean
    degree = 1 + np.minimum(rng.lognormal(np.log(mean) - 0.6, 1.1, persons), 150.0).astype(np.int64)
    owner = np.repeat(chosen, degree)
    rank = np.concatenate([np.arange(1, d + 1) for d in degree])
    ties = rank**-0.85 * rng.lognormal(0.0, 0.7, owner.size)
    ties *= np.repeat(rng.lognormal(0.0, 0.9, persons), degree)
    contact = world.others[rng.integers(0, world.others.size, owner.size)]
    leaving = rng.beta(
        4.0 * world.setting.outbound_share, 4.0 * (1.0 - world.setting.outbound_share), owner.size
    )
    closeness = np.clip(0.75 + 0.3 * rng.random(owner.size), 0.0, 1.0)
    rhythm = np.repeat(rng.choice(len(_RHYTHMS), persons, p=rng.dirichlet((5, 4, 3, 2))), degree)
    pair = rng.choice(owner.size, calls, p=ties / ties.sum())
    out = rng.random(calls) < leaving[pair]
    caller = np.where(out, owner[pair], contact[pair])
    callee = np.where(out, contact[pair], owner[pair])
    for code, name in enumerate(_RHYTHMS):
        mine = np.flatnonzero(rhythm[pair] == code)
        if not mine.size:
            continue
        # A few calls are misdialled; they reach a stranger or nobody.
        names = [directory.number[i] for i in callee[mine]]
        for at in np.flatnonzero(rng.random(mine.size) < 0.3 * world.setting.misdialling).tolist():
            names[at] = names[at][:-1] + str(int(rng.integers(0, 10)))
        world.book.write(
            rng,
            _private(world, "person", {"family": 95.0, "work": 60.0, "young": 75.0, "old": 140.0}[name]),
            world.clock.sample(rng, mine.size, name),
            [directory.number[i] for i in caller[mine]],
            names,
            np.array([directory.sender[i] for i in caller[mine]], dtype=np.int64),
            closeness[pair[mine]],
        )


def acquaintances(world: World, calls: int) -> None:
    """Single calls between people who have no history: classifieds, tradesmen, neighbours."""
    rng, directory = world.rng, world.directory
    out = rng.random(calls) < world.setting.outbound_share
    callers = np.where(
        out,
        world.own[rng.integers(0, world.own.size, calls)],
        world.others[rng.integers(0, world.others.size, calls)],
    )
    valid = 1.0 - world.setting.misdialling
    into, away = world.listed(calls, valid), world.listed(calls, valid, outbound=True)
    # People seen nowhere else in the log: the country has more telephones than the operator's friends.
    fresh = world.plan.national(rng, calls)
    new = ~out & (rng.random(calls) < world.setting.transient)
    manner = _private(world, "acquaintance", 55.0)
    world.book.write(
        rng,
        manner,
        world.clock.sample(rng, calls, "work"),
        [fresh[i] if new[i] else directory.number[j] for i, j in enumerate(callers)],
        [away[i] if o else into[i] for i, o in enumerate(out)],
        np.array([directory.sender[i] for i in callers], dtype=np.int64),
        rng.beta(1.0, 2.0, calls),
    )


def fee_ringers(world: World, calls: int) -> None:
    """Prepaid people who ring once so that the other side calls back ("beeping", Donner 2007)."""
    rng, directory = world.rng, world.directory
    sizes = split(rng, calls, max(2, calls // int(rng.integers(3, 9))), 1.0)
    manner = Manner(
        "fee_ringer",
        patience_s=float(rng.uniform(2.0, 6.0)),
        patience_sigma=0.5,
        returnable=2.5,
        talk_s=25.0,
        redial=0.2,
        tries=3,
        redial_after_s=90.0,
    )
    for size in sizes[sizes > 0].tolist():
        inbound = rng.random() < 0.75
        side = world.others if inbound else world.own
        me = int(side[rng.integers(0, side.size)])
        circle = world.subscribers(int(1 + rng.geometric(0.35)), outbound=not inbound)
        world.book.write(
            rng,
            manner,
            world.clock.sample(rng, size, "young"),
            directory.number[me],
            pick(rng, circle, size),
            directory.sender[me],
            0.9,
        )


def travellers(world: World, calls: int) -> None:
    """Own and foreign numbers that arrive over roaming and transit gateways; few calls each.

    Domestic numbers on international trunks are what operators block as spoofed, and roamers are why
    they must not block all of them (ECC Report 338; Ofcom 2023).
    """
    rng = world.rng
    people = max(1, int(calls / rng.uniform(1.3, 4.0)))
    home = world.subscribers(people)
    foreign = world.plan.abroad(rng, people)
    who = [home[i] if rng.random() < 0.45 else foreign[i] for i in range(people)]
    routes = [
        world.network.common(rng, "international" if rng.random() < 0.8 else "wholesale") for _ in range(15)
    ]
    sender = rng.choice(np.asarray(routes), people)
    index = rng.choice(people, calls, p=zipf_weights(people, 0.6))
    circle = [world.subscribers(3) for _ in range(people)]
    world.book.write(
        rng,
        _private(world, "traveller", 70.0),
        world.clock.sample(rng, calls, "abroad"),
        [who[i] for i in index],
        [circle[i][int(rng.integers(0, 3))] for i in index],
        sender[index],
        rng.beta(2.0, 2.0, calls),
    )


def newcomers(world: World, calls: int) -> None:
    """New and ported-in subscribers who tell everybody their number: many first contacts within hours."""
    rng = world.rng
    sizes = split(rng, calls, max(1, calls // int(rng.integers(6, 25))), 0.8)
    for size in sizes[sizes > 0].tolist():
        number = (world.plan.national(rng, 1) + world.plan.consecutive(rng, 1, own=True))[
            int(rng.integers(0, 2))
        ]
        begin, end = world.window("family", 0.5, 10.0)
        own = world.plan.is_own(number)
        sender = world.core if own else world.network.common(rng, str(rng.choice(["mobile", "fixed"])))
        circle = world.subscribers(max(1, int(size * rng.uniform(0.6, 1.0))), outbound=own)
        world.book.write(
            rng,
            _private(world, "newcomer", float(rng.uniform(30.0, 150.0))),
            world.clock.sample(rng, size, "family", begin, end),
            number,
            pick(rng, circle, size),
            sender,
            float(rng.uniform(0.1, 0.6)),
        )


def club_trees(world: World, calls: int) -> None:
    """A club calls its members one after another, by a few people: short calls, no history."""
    rng, directory = world.rng, world.directory
    sizes = split(rng, calls, max(1, calls // int(rng.integers(15, 70))), 0.6)
    for size in sizes[sizes > 0].tolist():
        begin, _ = world.window("evening", 0.5, 1.0)
        callers = world.others[rng.integers(0, world.others.size, 1 + size // 12)]
        which = rng.integers(0, callers.size, size)
        manner = Manner(
            "club_tree",
            talk_s=float(rng.uniform(20.0, 90.0)),
            talk_sigma=0.7,
            redial=0.5,
            tries=2,
            redial_after_s=900.0,
            message_s=12.0,
            caller_ends=0.7,
        )
        world.book.write(
            rng,
            manner,
            begin + np.cumsum(rng.lognormal(np.log(100.0), 0.6, size)) / callers.size,
            [directory.number[i] for i in callers[which]],
            world.subscribers(size),
            np.array([directory.sender[i] for i in callers[which]], dtype=np.int64),
            float(rng.uniform(0.3, 0.8)),
        )


def crowds(world: World, calls: int) -> None:
    """Radio contests, ticket sales and outage lines: everybody calls one number and finds it busy."""
    rng, directory = world.rng, world.directory
    for size in split(rng, calls, int(rng.integers(2, 6)), 0.8).tolist():
        outbound = rng.random() < 0.3
        target = world.subscribers(1, outbound=outbound)[0]
        desk = int(world.directory.sender[0])
        directory.add_desk(target, desk, not outbound, 0.97, int(rng.integers(4, 60)), awake="always")
        begin, _ = world.window("work", 0.5, 1.0)
        start = begin + rng.exponential(float(rng.uniform(60.0, 1800.0)), size)
        side = world.own if outbound else world.others
        callers = side[rng.integers(0, side.size, size)]
        manner = Manner(
            "crowd",
            talk_s=float(rng.uniform(15.0, 150.0)),
            talk_sigma=0.6,
            redial=0.8,
            tries=5,
            redial_after_s=float(rng.uniform(6.0, 60.0)),
            caller_ends=0.5,
        )
        world.book.write(
            rng,
            manner,
            start,
            [directory.number[i] for i in callers],
            target,
            np.array([directory.sender[i] for i in callers], dtype=np.int64),
        )
