"""Traffic whose numbers show no history although it is honest: wholesale, cards, apps, hotels, PBXs."""

import numpy as np

from spit.worlds.border.arrays import Floats, pick, split, zipf_weights
from spit.worlds.border.attempts import Manner
from spit.worlds.border.dialling import in_turn, over_senders, rotated
from spit.worlds.border.world import World


def wholesale(world: World, calls: int) -> None:
    """International and resold calls: nearly every caller is seen once, numbers are sometimes mangled."""
    rng = world.rng
    routes = int(rng.integers(2, 7))
    for size in split(rng, calls, routes, 0.9).tolist():
        sender = world.network.customer(rng, "wholesale" if rng.random() < 0.6 else "international")
        foreign = rng.random() < 0.7
        countries = [world.plan.foreign[int(rng.integers(0, len(world.plan.foreign)))]] if foreign else None
        repeat = float(rng.uniform(1.0, 1.8))
        people = max(1, int(size / repeat))
        numbers = world.plan.abroad(rng, people, countries) if foreign else world.plan.national(rng, people)
        if rng.random() < 0.3:  # some routes lose the number and put one of their own in its place
            spare = world.plan.consecutive(rng, int(rng.integers(5, 300)))
            numbers = [n if rng.random() < 0.6 else spare[i % len(spare)] for i, n in enumerate(numbers)]
        manner = Manner(
            "wholesale",
            talk_s=float(rng.uniform(40.0, 260.0)),
            talk_sigma=1.3,
            redial=0.5,
            tries=3,
            redial_after_s=90.0,
            appeal=float(rng.uniform(0.7, 1.1)),
            withheld=float(rng.beta(1.0, 8.0)),
        )
        world.book.write(
            rng,
            manner,
            world.clock.sample(rng, size, str(rng.choice(["abroad", "flat", "work", "evening"]))),
            pick(rng, numbers, size),
            world.listed(size, float(rng.uniform(0.85, 1.0))),
            sender,
            rng.beta(1.2, 1.2, size),
        )


def calling_cards(world: World, calls: int) -> None:
    """Migrants' calling cards: very many people behind a few access numbers, or none shown at all."""
    rng = world.rng
    for size in split(rng, calls, int(rng.integers(1, 5)), 0.8).tolist():
        pool = world.plan.consecutive(rng, int(np.exp(rng.uniform(0.0, 6.0))))
        senders = [world.network.customer(rng, "wholesale") for _ in range(int(rng.integers(1, 4)))]
        manner = Manner(
            "calling_card",
            talk_s=float(rng.uniform(90.0, 500.0)),
            talk_sigma=1.1,
            redial=0.6,
            tries=4,
            redial_after_s=60.0,
            withheld=float(rng.choice([0.0, 0.0, 0.4])),
            limit_s=float(rng.choice([1800, 3600, 7200])),
            returnable=0.5,
        )
        family = world.subscribers(max(1, int(size / rng.uniform(1.0, 4.0))))
        world.book.write(
            rng,
            manner,
            world.clock.sample(rng, size, str(rng.choice(["abroad", "evening"]))),
            rotated(rng, pool, size, evenly=bool(rng.random() < 0.7)),
            pick(rng, family, size),
            over_senders(rng, senders, size),
            float(rng.uniform(0.4, 0.9)),
        )


def app_calls(world: World, calls: int) -> None:
    """App-to-phone and masked numbers (rides, deliveries, markets): a number is lent for one errand."""
    rng = world.rng
    for size in split(rng, calls, int(rng.integers(2, 6)), 0.8).tolist():
        pool = world.plan.national(rng, max(2, int(size * rng.uniform(0.2, 1.5))))
        sender = world.network.customer(rng, "platform")
        start = world.clock.sample(rng, size, str(rng.choice(["shift", "evening", "family"])))
        each = int(rng.integers(1, 4))
        manner = Manner(
            "app_call",
            talk_s=float(rng.uniform(18.0, 120.0)),
            talk_sigma=0.9,
            redial=0.6,
            tries=3,
            redial_after_s=45.0,
            patience_s=float(rng.uniform(15.0, 30.0)),
            appeal=float(rng.uniform(1.0, 1.5)),
            caller_ends=0.55,
            interest=float(rng.uniform(0.88, 1.0)),
        )
        world.book.write(
            rng, manner, start, in_turn(pool, start, each), world.subscribers(size), sender, 0.15
        )


def sip_users(world: World, calls: int) -> None:
    """Own internet telephone users who have an address instead of a number."""
    rng, directory = world.rng, world.directory
    drawn = rng.integers(100, 999999, max(2, calls // 4)).tolist()
    users = list(dict.fromkeys(f"{'u' if n % 2 else ''}{n}@voip{n % 5 + 1}.example.net" for n in drawn))
    routes = np.array([world.network.customer(rng, "access") for _ in users], dtype=np.int64)
    directory.add_people(rng, world.setting, users, True, routes)
    who = rng.choice(len(users), calls, p=zipf_weights(len(users), 0.7))
    called = rng.random(calls) < 0.4
    others = world.others[rng.integers(0, world.others.size, calls)]
    partners = [directory.number[i] for i in others]
    manner = Manner("sip_user", talk_s=90.0 * world.setting.talk_scale, redial=0.4, tries=2)
    world.book.write(
        rng,
        manner,
        world.clock.sample(rng, calls, "young"),
        [partners[i] if called[i] else users[u] for i, u in enumerate(who)],
        [users[u] if called[i] else partners[i] for i, u in enumerate(who)],
        np.where(called, [directory.sender[i] for i in others], routes[who]),
        rng.beta(2.0, 1.5, calls),
    )


def houses(world: World, calls: int) -> None:
    """Hotels, hospitals, campuses and prisons: one number, or a range of rooms, used by many people."""
    rng = world.rng
    for size in split(rng, calls, int(rng.integers(3, 12)), 0.9).tolist():
        rooms = world.plan.consecutive(rng, int(np.exp(rng.uniform(0.0, 5.5))))
        main = rooms[0]
        sender = world.network.customer(rng, str(rng.choice(["business", "fixed"])), asserted=main)
        world.directory.add_desk(main, sender, False, 0.95, 30, awake="always")
        shown = [main] if rng.random() < 0.4 else rooms
        manner = Manner(
            "house",
            talk_s=float(rng.uniform(40.0, 200.0)),
            talk_sigma=1.1,
            redial=0.4,
            tries=2,
            message_s=12.0,
        )
        world.book.write(
            rng,
            manner,
            world.clock.sample(rng, size, str(rng.choice(["family", "shift", "evening"]))),
            pick(rng, shown, size),
            world.subscribers(size),
            sender,
            rng.beta(1.5, 1.5, size),
        )


def offices(world: World, calls: int) -> None:
    """Enterprises with many direct-inward-dial numbers: each employee's is seen a few times at most."""
    rng = world.rng
    for size in split(rng, calls, max(2, calls // int(rng.integers(60, 260))), 1.2).tolist():
        if not size:
            continue
        leaving = rng.random() < 0.3
        staff = world.plan.consecutive(
            rng, max(1, int(size / np.exp(rng.uniform(-0.5, 2.5)))), own=bool(leaving)
        )
        sender = (
            world.network.common(rng, "core")
            if leaving
            else world.network.customer(
                rng, str(rng.choice(["business", "fixed"])), asserted=str(rng.choice([staff[0], ""])) or None
            )
        )
        for number in staff[:40]:
            world.directory.add_desk(number, sender, bool(leaving), 0.8, 2, returns=0.4, mailbox_s=20.0)
        partners = world.listed(max(1, int(size * rng.uniform(0.2, 0.9))), 0.995, outbound=bool(leaving))
        manner = Manner(
            "office",
            talk_s=float(rng.uniform(50.0, 170.0)),
            talk_sigma=1.1,
            message_s=18.0,
            redial=0.4,
            tries=2,
            redial_after_s=900.0,
            appeal=1.1,
        )
        weights: Floats = zipf_weights(len(partners), 0.7)
        world.book.write(
            rng,
            manner,
            world.clock.sample(rng, size, "office"),
            rotated(rng, staff, size, evenly=False),
            [partners[i] for i in rng.choice(len(partners), size, p=weights)],
            sender,
            rng.beta(1.5, 1.5, size),
        )


def forwarding(world: World, calls: int) -> None:
    """Calls forwarded back over the border: the caller's number on a stranger's trunk."""
    rng = world.rng
    forwarders = world.subscribers(max(1, calls // 6), outbound=True)
    homes = world.subscribers(len(forwarders))
    which = rng.choice(len(forwarders), calls, p=zipf_weights(len(forwarders), 0.8))
    routes = [world.network.common(rng, str(rng.choice(["mobile", "fixed", "platform"]))) for _ in forwarders]
    callers = world.plan.national(rng, max(1, int(calls * 0.7))) + world.subscribers(max(1, int(calls * 0.2)))
    manner = Manner("forwarded", talk_s=80.0, redial=0.3, tries=2, message_s=15.0)
    world.book.write(
        rng,
        manner,
        world.clock.sample(rng, calls, "work"),
        pick(rng, callers, calls),
        [homes[i] for i in which],
        np.array([routes[i] for i in which], dtype=np.int64),
        rng.beta(1.0, 1.0, calls),
        [forwarders[i] for i in which],
    )
