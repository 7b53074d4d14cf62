"""Campaigns that want to talk or be listened to: sellers, robots, voice agents, scam centres."""

import numpy as np

from spit.worlds.border.attempts import Manner
from spit.worlds.border.campaigns import Campaign
from spit.worlds.border.dialling import in_turn, local_pool, near_callees, over_senders, rotated


def _pitch(campaign: Campaign, human: bool) -> Manner:
    """How a pitch goes: most who pick up hang up within seconds, a few stay.

    NCSU's honeypot studies (Prasad et al., USENIX Security 2020 and 2023) find recorded messages of 20 to
    60 s and short stays; people who stay with an agent talk for minutes.
    """
    rng = campaign.world.rng
    talk = rng.uniform(60.0, 260.0) if human else rng.uniform(18.0, 55.0)
    return Manner(
        campaign.kind,
        patience_s=campaign.between((12.0, 24.0), (15.0, 32.0), (18.0, 36.0)),
        patience_sigma=0.15 if not human and rng.random() < 0.5 else 0.4,
        appeal=campaign.between((0.6, 0.9), (0.65, 1.0), (0.8, 1.1)),
        interest=campaign.between((0.03, 0.18), (0.08, 0.35), (0.2, 0.6)),
        talk_s=float(talk),
        talk_sigma=0.9 if human else float(rng.uniform(0.2, 0.6)),
        brief_s=campaign.between((3.5, 8.0), (4.5, 11.0), (7.0, 16.0)),
        message_s=float(rng.choice([0.0, 0.0, rng.uniform(15.0, 40.0)])),
        caller_ends=float(rng.uniform(0.1, 0.6)),
        redial=campaign.between((0.0, 0.3), (0.0, 0.35), (0.0, 0.5)),
        redial_after_s=float(rng.uniform(1200.0, 9000.0)),
        tries=int(rng.integers(1, 4)),
        withheld=float(rng.choice([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, rng.uniform(0.1, 1.0)])),
        returnable=float(rng.uniform(0.5, 1.3)),
    )


def _quality(campaign: Campaign) -> float:
    return campaign.between((0.4, 0.85), (0.6, 0.94), (0.82, 0.99))


def _numbers(campaign: Campaign, count: int) -> list[str]:
    """Numbers a campaign shows: a rented range, scattered ones, foreign ones, or of the operator itself."""
    plan, rng = campaign.world.plan, campaign.world.rng
    drawn = rng.random()
    if drawn < 0.25:
        return plan.consecutive(rng, count)
    if drawn < 0.35:
        return plan.abroad(rng, count)
    if drawn < 0.45:
        return plan.from_blocks(rng, count, plan.own_blocks)
    return plan.national(rng, count)


def telemarketer(campaign: Campaign) -> None:
    """Agents who sell from a few numbers."""
    world, rng = campaign.world, campaign.world.rng
    start = campaign.pace(campaign.calls, "selling", 3.0, 20.0)
    pool = max(1, int(start.size / campaign.between((60.0, 400.0), (15.0, 120.0), (5.0, 40.0))))
    outbound = campaign.outbound()
    senders = campaign.senders(1, 2, ("core",) if outbound else ())
    numbers = world.plan.consecutive(rng, pool, own=True) if outbound else _numbers(campaign, pool)
    for number in numbers:  # they can be called back; that is half of the business
        world.directory.add_desk(number, senders[0], outbound, 0.7, 10, "office")
    callees = world.listed(start.size, _quality(campaign), outbound)
    campaign.dial(_pitch(campaign, True), start, rotated(rng, numbers, start.size, True), callees, senders)


def robot_rotation(campaign: Campaign) -> None:
    """Recorded messages with numbers drawn anew, down to one call a number."""
    world, rng = campaign.world, campaign.world.rng
    start = campaign.pace(campaign.calls, "selling", 1.0, 16.0)
    per = campaign.between((1.0, 12.0), (1.0, 6.0), (1.0, 1.8))
    numbers = _numbers(campaign, max(1, int(start.size / per)))
    callees = world.listed(start.size, _quality(campaign))
    shown = numbers[: start.size] if len(numbers) >= start.size else rotated(rng, numbers, start.size, True)
    campaign.dial(_pitch(campaign, False), start, shown, callees, campaign.senders(1, 4))


def neighbours(campaign: Campaign) -> None:
    """Numbers next door to each callee; the careful rent local numbers and use them more than once."""
    world, rng = campaign.world, campaign.world.rng
    start = campaign.pace(campaign.calls, "selling", 1.0, 16.0)
    callees = world.listed(start.size, _quality(campaign))
    if campaign.level == 2 and rng.random() < 0.6:
        shown = local_pool(world, callees, int(rng.integers(2, 30)))
    else:
        tails = [[2, 3, 4], [3, 4, 5], [4, 5, 6]][campaign.level]
        shown = near_callees(rng, callees, tails[: int(rng.integers(1, 4))])
    manner = _pitch(campaign, bool(rng.random() < 0.4))
    campaign.dial(manner, start, shown, callees, campaign.senders(1, 4))


def burners(campaign: Campaign) -> None:
    """Numbers bought, used for a handful of calls until they are labelled, and dropped."""
    world, rng = campaign.world, campaign.world.rng
    start = campaign.pace(campaign.calls, str(rng.choice(["selling", "shift"])), 2.0, 24.0)
    each = max(1, int(campaign.between((20.0, 120.0), (6.0, 40.0), (2.0, 12.0))))
    numbers = _numbers(campaign, start.size // each + 1)
    callees = world.listed(start.size, _quality(campaign))
    human = bool(rng.random() < 0.5)
    roles = ("mobile", "mobile", "platform") if rng.random() < 0.4 else ()
    campaign.dial(
        _pitch(campaign, human), start, in_turn(numbers, start, each), callees, campaign.senders(1, 5, roles)
    )


def snowshoe(campaign: Campaign) -> None:
    """Many numbers over many trunks and equipments, each carrying little."""
    world, rng = campaign.world, campaign.world.rng
    start = campaign.pace(campaign.calls, "selling", 4.0, 26.0)
    per = campaign.between((4.0, 20.0), (2.0, 8.0), (1.0, 4.0))
    numbers = [n for _ in range(4) for n in _numbers(campaign, max(1, int(start.size / per / 4)))]
    senders = campaign.senders(*[(3, 7), (5, 14), (8, 25)][campaign.level])
    home = over_senders(rng, senders, len(numbers), 3.0)
    chosen = rng.integers(0, len(numbers), start.size)
    callees = world.listed(start.size, _quality(campaign))
    manner = campaign.manner(_pitch(campaign, bool(rng.random() < 0.6)))
    world.book.write(rng, manner, start, [numbers[i] for i in chosen], callees, home[chosen])


def low_and_slow(campaign: Campaign) -> None:
    """A few calls an hour per number all day long, never a peak."""
    world, rng = campaign.world, campaign.world.rng
    calls = min(campaign.calls, int(campaign.between((200.0, 600.0), (80.0, 300.0), (30.0, 150.0))))
    start = np.sort(world.clock.sample(rng, calls, "work"))
    numbers = _numbers(
        campaign, max(1, int(calls / campaign.between((20.0, 60.0), (10.0, 30.0), (4.0, 15.0))))
    )
    callees = world.listed(calls, _quality(campaign))
    senders = campaign.senders(1, 4, ("mobile", "fixed", "business", "platform"))
    campaign.dial(_pitch(campaign, True), start, rotated(rng, numbers, calls, True), callees, senders)


def scam_centre(campaign: Campaign) -> None:
    """Agents abroad who pose as bank, police or support and keep the few they catch for very long."""
    world, rng = campaign.world, campaign.world.rng
    start = campaign.pace(campaign.calls, str(rng.choice(["office", "selling", "work"])), 3.0, 12.0)
    institutions = world.plan.national(rng, int(rng.integers(1, 6)))
    pool = max(1, int(start.size / campaign.between((20.0, 150.0), (5.0, 50.0), (1.0, 15.0))))
    shown = rotated(rng, institutions if rng.random() < 0.35 else _numbers(campaign, pool), start.size, True)
    manner = Manner(
        campaign.kind,
        talk_s=float(rng.uniform(200.0, 1100.0)),
        talk_sigma=1.1,
        interest=campaign.between((0.02, 0.1), (0.05, 0.2), (0.12, 0.35)),
        brief_s=campaign.between((6.0, 14.0), (9.0, 25.0), (15.0, 45.0)),
        patience_s=float(rng.uniform(16.0, 35.0)),
        redial=float(rng.uniform(0.1, 0.5)),
        tries=3,
        redial_after_s=900.0,
        appeal=campaign.between((0.6, 0.9), (0.7, 1.0), (0.8, 1.1)),
        caller_ends=0.3,
    )
    callees = world.listed(start.size, _quality(campaign))
    campaign.dial(
        manner, start, shown, callees, campaign.senders(1, 3, ("wholesale", "international", "platform"))
    )


def voice_agents(campaign: Campaign) -> None:
    """Synthetic voices that converse: longer stays, unlimited concurrency, even at busy hours."""
    world, rng = campaign.world, campaign.world.rng
    start = campaign.pace(campaign.calls, "selling", 2.0, 12.0)
    pool = max(1, int(start.size / campaign.between((20.0, 200.0), (3.0, 30.0), (1.0, 6.0))))
    manner = Manner(
        campaign.kind,
        talk_s=float(rng.uniform(70.0, 280.0)),
        talk_sigma=float(rng.uniform(0.5, 0.9)),
        interest=campaign.between((0.15, 0.35), (0.25, 0.5), (0.4, 0.75)),
        brief_s=campaign.between((7.0, 13.0), (9.0, 18.0), (11.0, 22.0)),
        patience_s=float(rng.uniform(16.0, 32.0)),
        appeal=campaign.between((0.6, 0.9), (0.7, 1.0), (0.8, 1.1)),
        message_s=float(rng.choice([0.0, 18.0])),
        redial=float(rng.uniform(0.0, 0.5)),
        tries=2,
        redial_after_s=3600.0,
        caller_ends=0.45,
    )
    callees = world.listed(start.size, _quality(campaign))
    near = campaign.level > 0 and rng.random() < 0.4
    shown = (
        local_pool(world, callees, int(rng.integers(1, 15)))
        if near
        else rotated(rng, _numbers(campaign, pool), start.size, True)
    )
    campaign.dial(manner, start, shown, callees, campaign.senders(1, 3))


def attestation_shopping(campaign: Campaign) -> None:
    """Calls moved from provider to provider until one signs them A or B for whatever number is shown."""
    world, rng = campaign.world, campaign.world.rng
    start = campaign.pace(campaign.calls, "selling", 3.0, 20.0)
    stages = int(rng.integers(2, 6))
    signing = world.setting.signing
    senders = []
    for stage in range(stages):
        full = signing * (stage + 1) / stages * float(rng.uniform(0.4, 1.0))
        levels = (full, (1.0 - full) * signing * 0.5, 0.0)
        senders.append(
            world.network.customer(rng, str(rng.choice(["wholesale", "platform", "business"])), levels=levels)
        )
    route = np.asarray(senders)[
        np.minimum((np.arange(start.size) * stages) // max(1, start.size), stages - 1)
    ]
    per = campaign.between((10.0, 60.0), (3.0, 20.0), (1.0, 6.0))
    shown = rotated(rng, _numbers(campaign, max(1, int(start.size / per))), start.size, True)
    callees = world.listed(start.size, _quality(campaign))
    world.book.write(rng, campaign.manner(_pitch(campaign, False)), start, shown, callees, route)


def spoofed_victims(campaign: Campaign) -> None:
    """Numbers of real people are shown; they go on calling as themselves and are called back in anger."""
    world, rng = campaign.world, campaign.world.rng
    start = campaign.pace(campaign.calls, "selling", 1.0, 14.0)
    count = max(1, int(start.size / campaign.between((80.0, 400.0), (10.0, 80.0), (1.0, 8.0))))
    victims = world.subscribers(count, outbound=bool(rng.random() < 0.6))
    callees = world.listed(start.size, _quality(campaign))
    campaign.dial(
        _pitch(campaign, bool(rng.random() < 0.3)),
        start,
        rotated(rng, victims, start.size, True),
        callees,
        campaign.senders(1, 3),
    )


def compromised(campaign: Campaign) -> None:
    """A subscriber or PBX with an honest history whose account is taken over: same route, other calls."""
    world, rng, directory = campaign.world, campaign.world.rng, campaign.world.directory
    own = rng.random() < 0.4
    side = world.own if own else world.others
    count = 1 + int(rng.geometric(0.5))
    start = campaign.pace(campaign.calls, str(rng.choice(["selling", "flat"])), 1.0, 8.0)
    lines = side[rng.integers(0, side.size, count)]
    which = rng.integers(0, count, start.size)
    friends = world.subscribers(8, outbound=bool(own))
    history = int(rng.integers(4, 20))
    for line in lines.tolist():
        world.book.write(
            rng,
            Manner("person", talk_s=80.0 * world.setting.talk_scale),
            world.clock.sample(rng, history, "family", 0.0, max(3600.0, float(start.min()))),
            directory.number[line],
            [friends[int(i)] for i in rng.integers(0, 8, history)],
            directory.sender[line],
            0.9,
        )
    manner = campaign.manner(_pitch(campaign, bool(rng.random() < 0.3)))
    routes = np.array([directory.sender[i] for i in lines], dtype=np.int64)
    world.book.write(
        rng,
        manner,
        start,
        [directory.number[i] for i in lines[which]],
        world.listed(start.size, _quality(campaign), bool(own)),
        routes[which],
    )
