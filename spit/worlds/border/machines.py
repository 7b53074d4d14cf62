"""Calls made by machines and by mistake: alerts, codes, alarms, probes, misconfigured equipment."""

import numpy as np

from spit.worlds.border.arrays import pick, split
from spit.worlds.border.attempts import Manner
from spit.worlds.border.dialling import in_bursts, over_senders, rotated
from spit.worlds.border.world import World


def alerts(world: World, calls: int) -> None:
    """Schools, utilities, banks and authorities telling many people the same within minutes."""
    rng = world.rng
    for size in split(rng, calls, int(rng.integers(2, 8)), 0.8).tolist():
        numbers = world.plan.consecutive(rng, int(np.exp(rng.uniform(0.0, 4.0))))
        sender = world.network.customer(rng, str(rng.choice(["platform", "business"])), numbers[0])
        world.directory.add_desk(numbers[0], sender, False, 0.9, 30, "always")
        begin, end = world.window("work", 0.5, 6.0)
        start = in_bursts(
            rng, size, begin, end, int(rng.integers(1, 4)), float(np.exp(rng.uniform(-2.5, 2.0)))
        )
        manner = Manner(
            "alert",
            talk_s=float(rng.uniform(15.0, 45.0)),
            talk_sigma=0.2,
            interest=float(rng.uniform(0.7, 0.95)),
            brief_s=6.0,
            patience_s=float(rng.uniform(20.0, 40.0)),
            redial=0.5,
            tries=3,
            redial_after_s=600.0,
            message_s=float(rng.uniform(15.0, 35.0)),
            caller_ends=0.85,
            returnable=0.7,
            appeal=float(rng.uniform(0.8, 1.2)),
        )
        world.book.write(
            rng,
            manner,
            start,
            rotated(rng, numbers, size, True),
            world.listed(size, float(rng.uniform(0.8, 0.99))),
            sender,
            0.2,
        )


def spoken_codes(world: World, calls: int) -> None:
    """One-time codes read out by a machine: a number per call, a few seconds, asked for by the callee."""
    rng = world.rng
    for size in split(rng, calls, int(rng.integers(1, 5)), 0.8).tolist():
        count = int(np.exp(rng.uniform(0.0, 7.0)))
        numbers = world.plan.national(rng, count) if rng.random() < 0.6 else world.plan.abroad(rng, count)
        senders = [
            world.network.customer(rng, str(rng.choice(["platform", "wholesale", "international"])))
            for _ in range(int(rng.integers(1, 4)))
        ]
        manner = Manner(
            "spoken_code",
            talk_s=float(rng.uniform(12.0, 28.0)),
            talk_sigma=0.3,
            interest=0.9,
            brief_s=7.0,
            appeal=float(rng.uniform(1.2, 1.8)),
            redial=0.3,
            tries=2,
            redial_after_s=40.0,
            patience_s=25.0,
            message_s=15.0,
            caller_ends=0.6,
            returnable=0.2,
        )
        world.book.write(
            rng,
            manner,
            world.clock.sample(rng, size, "family"),
            pick(rng, numbers, size),
            world.subscribers(size),
            over_senders(rng, senders, size),
            0.3,
        )


def messages(world: World, calls: int) -> None:
    """SIP MESSAGE: codes, notices and chats between people."""
    rng, directory = world.rng, world.directory
    notices = int(calls * rng.uniform(0.4, 0.9))
    for size in split(rng, notices, int(rng.integers(2, 6)), 0.8).tolist():
        numbers = world.plan.consecutive(rng, int(np.exp(rng.uniform(0.0, 3.0))))
        sender = world.network.customer(rng, "platform")
        manner = Manner("message_notice", method="MESSAGE")
        world.book.write(
            rng,
            manner,
            world.clock.sample(rng, size, "family"),
            pick(rng, numbers, size),
            world.listed(size, float(rng.uniform(0.9, 1.0))),
            sender,
            0.3,
        )
    rest = calls - notices
    pairs = max(1, rest // 5)
    a, b = (
        world.own[rng.integers(0, world.own.size, pairs)],
        world.others[rng.integers(0, world.others.size, pairs)],
    )
    which, back = rng.integers(0, pairs, rest), rng.random(rest) < 0.5
    caller, callee = np.where(back, b[which], a[which]), np.where(back, a[which], b[which])
    world.book.write(
        rng,
        Manner("message_chat", method="MESSAGE"),
        world.clock.sample(rng, rest, "young"),
        [directory.number[i] for i in caller],
        [directory.number[i] for i in callee],
        np.array([directory.sender[i] for i in caller], dtype=np.int64),
        0.95,
    )


def alarms(world: World, calls: int) -> None:
    """Alarm panels, lifts, meters and care pendants reporting to a receiving centre at fixed intervals."""
    rng, directory = world.rng, world.directory
    for size in split(rng, calls, int(rng.integers(1, 5)), 0.6).tolist():
        leaving = rng.random() < 0.4
        centre = (world.plan.national(rng, 1) if leaving else world.plan.consecutive(rng, 1, own=True))[0]
        directory.add_desk(centre, world.core, not leaving, 0.97, int(rng.integers(2, 30)), "always")
        interval = float(rng.choice([3600.0, 6 * 3600.0, 86400.0]))
        per = max(1, int(world.clock.seconds / interval))
        devices = max(1, size // per)
        numbers = world.plan.consecutive(rng, devices, own=leaving)
        phase = rng.uniform(0.0, interval, devices)
        start = (phase[:, None] + interval * np.arange(per)[None, :]).ravel() + rng.normal(
            0.0, 4.0, devices * per
        )
        sender = world.core if leaving else world.network.customer(rng, str(rng.choice(["mobile", "fixed"])))
        manner = Manner(
            "alarm",
            talk_s=float(rng.uniform(6.0, 40.0)),
            talk_sigma=0.35,
            redial=0.9,
            tries=5,
            redial_after_s=30.0,
            caller_ends=0.9,
        )
        world.book.write(rng, manner, start, np.repeat(numbers, per).tolist(), centre, sender, 0.5)


def probes(world: World, calls: int) -> None:
    """Carriers' quality probes and test calls: runs of numbers, one ring or a few seconds, at all hours."""
    rng = world.rng
    for size in split(rng, calls, int(rng.integers(1, 4)), 0.5).tolist():
        numbers = world.plan.consecutive(rng, int(rng.integers(1, 60)))
        sender = world.network.customer(rng, str(rng.choice(["wholesale", "international", "fixed"])))
        targets = world.plan.consecutive(rng, int(rng.integers(3, 60)), own=True)
        for number in targets[:: int(rng.integers(1, 4))]:
            world.directory.add_desk(number, world.core, True, 0.98, 10, "always")
        manner = Manner(
            "probe",
            talk_s=float(rng.uniform(3.0, 40.0)),
            talk_sigma=0.15,
            caller_ends=0.98,
            patience_s=float(rng.choice([3.0, 12.0, 40.0])),
        )
        start = np.sort(rng.uniform(0.0, world.clock.seconds, size))
        callees = [targets[i % len(targets)] for i in range(size)]
        world.book.write(rng, manner, start, pick(rng, numbers, size), callees, sender)


def misconfigured(world: World, calls: int) -> None:
    """PBXs and faxes that dial wrong prefixes or one dead number over and over, and expired registrations."""
    rng = world.rng
    for size in split(rng, calls, max(2, calls // 40), 0.9).tolist():
        number = world.plan.consecutive(rng, 1)[0]
        sender = world.network.customer(rng, str(rng.choice(["business", "fixed", "access"])))
        begin, end = world.window("shift", 0.5, 20.0)
        start = np.sort(rng.uniform(begin, end, size))
        case = rng.random()
        if case < 0.15:  # an exit code dialled twice or an international prefix left in place
            callees = ["00" + n[1:] for n in pick(rng, world.plan.abroad(rng, 5), size)]
            manner = Manner("misconfigured")
        elif case < 0.35:
            callees = pick(rng, world.unassigned(int(rng.integers(1, 6))), size)
            manner = Manner("misconfigured")
        elif case < 0.6:
            callees = [n[-int(rng.integers(3, 8)) :] for n in world.subscribers(size)]
            manner = Manner("misconfigured")
        elif case < 0.8:
            callees = pick(rng, world.subscribers(3), size)
            manner = Manner("misconfigured", forced=(("unauthorized", 0.85), ("failed", 0.1)))
        else:  # a fax that calls voice lines: silence, and the callee hangs up
            callees = pick(rng, world.subscribers(4), size)
            manner = Manner(
                "misconfigured", interest=0.0, brief_s=8.0, redial=0.8, tries=4, redial_after_s=180.0
            )
        world.book.write(rng, manner, start, number, callees, sender)
