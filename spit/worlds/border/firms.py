"""Firms that call many people they do not know, and the people who call firms."""

import numpy as np

from spit.worlds.border.arrays import pick, split
from spit.worlds.border.attempts import Manner
from spit.worlds.border.dialling import by_agents, in_turn, local_pool, over_senders, rotated
from spit.worlds.border.world import World

_HUMAN = ("office", "selling")


def _levels(world: World) -> tuple[float, float, float] | None:
    """Some centres obtain full attestation for all their numbers, some only what the carrier gives."""
    if world.setting.signing == 0.0 or world.rng.random() < 0.5:
        return None
    full = float(world.rng.uniform(0.3, 0.95)) * world.setting.signing
    return (full, float(world.rng.uniform(0.0, 1.0 - full)), 0.0)


def _centre(
    world: World,
    size: int,
    pool: int,
    quality: tuple[float, float],
    base: tuple[float, float],
    manner: Manner,
    rhythm: str,
    local: bool = False,
) -> None:
    """One firm's outbound calls over its numbers.

    `pool` is how many numbers it shows, `quality` the range of the valid share of its list, `base`
    the range of distinct callees per call, `local` whether it shows numbers near the callee's.
    """
    rng = world.rng
    numbers = world.plan.consecutive(rng, pool) if rng.random() < 0.7 else world.plan.national(rng, pool)
    role = str(rng.choice(["business", "platform", "fixed", "wholesale"], p=[0.35, 0.35, 0.2, 0.1]))
    main = numbers[0] if rng.random() < 0.4 else None
    levels = _levels(world)
    senders = [world.network.customer(rng, role, main, levels) for _ in range(1 + int(rng.random() < 0.25))]
    answers = float(rng.uniform(0.5, 0.98))
    for number in numbers[: 400 if rng.random() < 0.8 else 1]:
        world.directory.add_desk(number, senders[0], False, answers, int(rng.integers(5, 60)), "office")
    begin, end = world.window(rhythm, 3.0, world.clock.hours)
    if rng.random() < 0.5:
        start = world.clock.sample(rng, size, rhythm, begin, end)
    else:
        start = by_agents(
            rng, size, begin, min(end, begin + 9 * 3600.0), 1 + size // int(rng.integers(20, 120))
        )
    people = world.listed(max(1, int(size * rng.uniform(*base))), float(rng.uniform(*quality)))
    callees = pick(rng, people, start.size) if len(people) < 0.8 * size else (people * 2)[: start.size]
    if local:
        shown = local_pool(world, callees, int(rng.integers(1, 12)))
    elif rng.random() < 0.3:
        shown = in_turn(numbers, start, int(rng.integers(1, 40)))
    else:
        shown = rotated(rng, numbers, start.size, evenly=bool(rng.random() < 0.6))
    world.book.write(
        rng,
        manner,
        start,
        shown,
        callees,
        over_senders(rng, senders, start.size),
        float(rng.uniform(0.0, 0.3)),
    )


def service_centres(world: World, calls: int) -> None:
    """Banks, insurers and utilities calling customers, from one number or a handful."""
    rng = world.rng
    for size in split(rng, calls, int(rng.integers(2, 9)), 0.9).tolist():
        manner = Manner(
            "service_centre",
            talk_s=float(rng.uniform(60.0, 300.0)),
            talk_sigma=0.9,
            interest=float(rng.uniform(0.6, 0.95)),
            brief_s=12.0,
            patience_s=float(rng.uniform(18.0, 35.0)),
            redial=float(rng.uniform(0.2, 0.7)),
            tries=4,
            redial_after_s=5400.0,
            message_s=float(rng.choice([0.0, 20.0])),
            appeal=float(rng.uniform(0.8, 1.3)),
            returnable=0.6,
        )
        _centre(world, size, int(np.exp(rng.uniform(0.0, 3.0))), (0.93, 1.0), (0.4, 1.0), manner, "office")


def rotating_centres(world: World, calls: int) -> None:
    """Outsourced centres over hundreds of numbers or local presence, for firms with consent."""
    rng = world.rng
    for size in split(rng, calls, int(rng.integers(2, 8)), 0.9).tolist():
        manner = Manner(
            "rotating_centre",
            talk_s=float(rng.uniform(40.0, 260.0)),
            talk_sigma=1.0,
            interest=float(rng.uniform(0.35, 0.85)),
            brief_s=9.0,
            patience_s=float(rng.uniform(14.0, 30.0)),
            redial=float(rng.uniform(0.0, 0.5)),
            tries=3,
            redial_after_s=7200.0,
            appeal=float(rng.uniform(0.7, 1.1)),
            returnable=0.6,
        )
        pool = max(5, int(size / np.exp(rng.uniform(0.0, 4.0))))
        _centre(world, size, pool, (0.85, 0.99), (0.6, 1.0), manner, "selling", bool(rng.random() < 0.4))


def collectors(world: World, calls: int) -> None:
    """Debt collection: the same debtors again and again, who do not wish to answer."""
    rng = world.rng
    for size in split(rng, calls, int(rng.integers(1, 5)), 0.8).tolist():
        manner = Manner(
            "debt_collection",
            talk_s=float(rng.uniform(60.0, 200.0)),
            talk_sigma=1.0,
            interest=float(rng.uniform(0.3, 0.7)),
            brief_s=8.0,
            patience_s=20.0,
            redial=float(rng.uniform(0.4, 0.85)),
            tries=5,
            redial_after_s=4000.0,
            appeal=float(rng.uniform(0.4, 0.8)),
            message_s=float(rng.choice([0.0, 14.0])),
            returnable=0.2,
            withheld=float(rng.choice([0.0, 0.0, 0.3])),
        )
        _centre(world, size, int(np.exp(rng.uniform(0.0, 4.5))), (0.8, 0.95), (0.2, 0.7), manner, "selling")


def surveys(world: World, calls: int) -> None:
    """Opinion polls by random-digit dialling: many numbers nobody has, refusals, few long interviews.

    Pew and AAPOR report response rates of 1 to 9 % of dialled numbers.
    """
    rng = world.rng
    for size in split(rng, calls, int(rng.integers(1, 4)), 0.7).tolist():
        manner = Manner(
            "survey",
            talk_s=float(rng.uniform(240.0, 800.0)),
            talk_sigma=0.5,
            interest=float(rng.uniform(0.06, 0.3)),
            brief_s=14.0,
            patience_s=float(rng.uniform(20.0, 36.0)),
            redial=0.3,
            tries=3,
            redial_after_s=9000.0,
            appeal=0.85,
            returnable=0.5,
        )
        _centre(world, size, int(np.exp(rng.uniform(0.0, 3.5))), (0.35, 0.8), (1.0, 1.0), manner, "selling")


def appeals(world: World, calls: int) -> None:
    """Charities and parties calling people who gave consent, partly from old lists."""
    rng = world.rng
    for size in split(rng, calls, int(rng.integers(1, 5)), 0.7).tolist():
        manner = Manner(
            "charity_politics",
            talk_s=float(rng.uniform(50.0, 220.0)),
            talk_sigma=0.9,
            interest=float(rng.uniform(0.2, 0.6)),
            brief_s=10.0,
            patience_s=float(rng.uniform(16.0, 30.0)),
            redial=0.2,
            tries=2,
            redial_after_s=7200.0,
            message_s=float(rng.choice([0.0, 25.0])),
            appeal=0.9,
            returnable=0.6,
        )
        _centre(
            world,
            size,
            int(np.exp(rng.uniform(0.0, 4.0))),
            (0.7, 0.95),
            (0.9, 1.0),
            manner,
            "selling",
            bool(rng.random() < 0.25),
        )


def reminders(world: World, calls: int) -> None:
    """Practices reminding patients: machine or receptionist, each callee once or twice."""
    rng = world.rng
    for size in split(rng, calls, max(2, calls // 60), 0.8).tolist():
        spoken = rng.random() < 0.4
        manner = Manner(
            "reminder",
            talk_s=35.0 if spoken else float(rng.uniform(14.0, 30.0)),
            talk_sigma=0.6 if spoken else 0.25,
            interest=float(rng.uniform(0.8, 0.97)),
            brief_s=6.0,
            patience_s=28.0,
            redial=0.5,
            tries=3,
            redial_after_s=2400.0,
            message_s=float(rng.uniform(10.0, 30.0)),
            appeal=1.2,
            caller_ends=0.75,
        )
        _centre(
            world,
            size,
            1 if spoken else int(np.exp(rng.uniform(0.0, 5.0))),
            (0.94, 1.0),
            (0.9, 1.0),
            manner,
            "office",
        )


def deliveries(world: World, calls: int) -> None:
    """Couriers, taxis and tradesmen at the door: strangers, short calls, ringing briefly."""
    rng, directory = world.rng, world.directory
    for size in split(rng, calls, max(2, calls // int(rng.integers(8, 50))), 0.8).tolist():
        if not size:
            continue
        me = int(world.others[rng.integers(0, world.others.size)])
        begin, end = world.window("shift", 2.0, 9.0)
        manner = Manner(
            "delivery",
            talk_s=float(rng.uniform(10.0, 35.0)),
            talk_sigma=0.7,
            patience_s=float(rng.uniform(8.0, 25.0)),
            redial=0.5,
            tries=3,
            redial_after_s=60.0,
            appeal=1.25,
            returnable=1.5,
            caller_ends=0.6,
        )
        world.book.write(
            rng,
            manner,
            rng.uniform(begin, end, size),
            directory.number[me],
            world.listed(size, 0.98),
            directory.sender[me],
            0.15,
        )


def customers(world: World, calls: int) -> None:
    """People calling hotlines, shops, doctors and authorities, in and out, with queues and menus."""
    rng, directory = world.rng, world.directory
    for size in split(rng, calls, max(3, calls // 80), 1.2).tolist():
        leaving = rng.random() < 0.5
        desk = (world.plan.national(rng, 1) if leaving else world.plan.consecutive(rng, 1, own=True))[0]
        hotline = rng.random() < 0.5
        directory.add_desk(
            desk,
            world.core,
            not leaving,
            float(rng.uniform(0.6, 0.98)),
            int(rng.integers(20, 200) if hotline else rng.integers(1, 6)),
            awake="always" if hotline and rng.random() < 0.5 else "office",
            mailbox_s=25.0 if rng.random() < 0.3 else np.inf,
        )
        side = world.own if leaving else world.others
        who = side[rng.integers(0, side.size, size)]
        manner = Manner(
            "customer",
            talk_s=float(rng.uniform(50.0, 420.0)),
            talk_sigma=1.0,
            redial=0.6,
            tries=4,
            redial_after_s=150.0,
            caller_ends=0.6,
            patience_s=45.0,
            message_s=10.0,
        )
        world.book.write(
            rng,
            manner,
            world.clock.sample(rng, size, str(rng.choice(_HUMAN))),
            [directory.number[i] for i in who],
            desk,
            np.array([directory.sender[i] for i in who], dtype=np.int64),
            0.3,
        )
