"""Campaigns that do not sell: one-ring fraud, diallers, floods, scans, harvests, stolen codes, messages."""

import numpy as np

from spit.worlds.border.arrays import pick
from spit.worlds.border.attempts import Manner
from spit.worlds.border.campaigns import Campaign
from spit.worlds.border.dialling import rotated
from spit.worlds.border.numbering import COSTLY


def wangiri(campaign: Campaign) -> None:
    """One ring from a costly number, so that the callee calls back and pays.

    GSMA and Europol describe bursts at night or noon from ranges of small countries; later variants show
    national service or mobile numbers and ring a little longer.
    """
    world, rng, plan = campaign.world, campaign.world.rng, campaign.world.plan
    start = campaign.pace(campaign.calls, str(rng.choice(["flat", "family", "work"])), 0.5, 10.0)
    count = max(1, int(start.size / campaign.between((15.0, 120.0), (4.0, 30.0), (1.0, 6.0))))
    if rng.random() < [0.9, 0.65, 0.35][campaign.level]:
        numbers = plan.abroad(rng, count, [COSTLY[int(i)] for i in rng.integers(0, len(COSTLY), 2)])
    else:
        numbers = plan.national(rng, count)
    senders = campaign.senders(1, 3, ("international", "international", "wholesale"))
    for number in numbers:
        world.directory.add_desk(number, senders[0], False, 0.98, 1000, "always")
    manner = Manner(
        campaign.kind,
        patience_s=campaign.between((1.0, 2.5), (1.8, 5.0), (3.0, 9.0)),
        patience_sigma=0.25,
        interest=0.0,
        brief_s=1.5,
        caller_ends=1.0,
        returnable=campaign.between((0.8, 1.6), (0.8, 1.6), (0.8, 1.6)),
    )
    quality = campaign.between((0.5, 0.85), (0.7, 0.95), (0.85, 0.99))
    campaign.dial(
        manner, start, rotated(rng, numbers, start.size, True), world.listed(start.size, quality), senders
    )


def sequential(campaign: Campaign) -> None:
    """Every number of a block in order, or with gaps and shuffled within stretches by the careful."""
    world, rng = campaign.world, campaign.world.rng
    start = campaign.pace(campaign.calls, "selling", 1.0, 12.0)
    stretch = max(1, int(campaign.between((1.0, 1.5), (5.0, 60.0), (100.0, 1000.0))))
    stride = int(rng.integers(1, 2 + 4 * campaign.level))
    blocks = 1 + int(rng.integers(0, 3 + 4 * campaign.level))
    each = int(start.size / blocks * (1.0 if campaign.level == 0 else 1.0 / world.setting.density)) + 1
    callees: list[str] = []
    for _ in range(blocks):
        run = world.plan.consecutive(rng, each * stride, own=True)[::stride]
        for at in range(0, len(run), stretch):
            part = run[at : at + stretch]
            callees += [part[i] for i in rng.permutation(len(part))]
    if campaign.level > 0:  # number lookups are cheap: dead numbers are skipped, the order stays
        wasted = campaign.between((1.0, 1.0), (0.3, 1.0), (0.02, 0.3))
        callees = [n for n in callees if n in world.directory.index or rng.random() < wasted]
        start = np.sort(rng.choice(start, len(callees), replace=len(callees) > start.size))
    calls = min(start.size, len(callees))
    _dialled(campaign, start[:calls], callees[:calls])


def random_digits(campaign: Campaign) -> None:
    """Random numbers of the operator's blocks; the careful drop those a lookup shows as unassigned."""
    world, rng = campaign.world, campaign.world.rng
    start = campaign.pace(campaign.calls, "selling", 1.0, 12.0)
    callees = world.plan.from_blocks(rng, start.size, world.plan.own_blocks)
    checked = campaign.between((0.0, 0.05), (0.2, 0.6), (0.6, 0.95))
    valid = world.subscribers(start.size)
    callees = [
        valid[i] if n not in world.directory.index and rng.random() < checked else n
        for i, n in enumerate(callees)
    ]
    _dialled(campaign, start, callees)


def _dialled(
    campaign: Campaign, start: np.ndarray[tuple[int], np.dtype[np.float64]], callees: list[str]
) -> None:
    rng, plan = campaign.world.rng, campaign.world.plan
    count = max(1, int(start.size / campaign.between((50.0, 500.0), (8.0, 60.0), (1.0, 12.0))))
    numbers = plan.national(rng, count) if rng.random() < 0.7 else plan.consecutive(rng, count)
    manner = Manner(
        campaign.kind,
        patience_s=float(rng.uniform(12.0, 30.0)),
        patience_sigma=float(rng.uniform(0.1, 0.4)),
        interest=campaign.between((0.03, 0.15), (0.06, 0.25), (0.12, 0.45)),
        talk_s=float(rng.uniform(20.0, 150.0)),
        talk_sigma=0.6,
        brief_s=campaign.between((3.0, 8.0), (4.0, 10.0), (7.0, 15.0)),
        appeal=0.85,
        message_s=float(rng.choice([0.0, 20.0])),
    )
    campaign.dial(manner, start, rotated(rng, numbers, start.size, True), callees, campaign.senders(1, 3))


def flood(campaign: Campaign) -> None:
    """Telephony denial of service: one callee's lines kept busy from few or very many numbers."""
    world, rng = campaign.world, campaign.world.rng
    calls = min(campaign.calls, int(campaign.between((300.0, 1500.0), (120.0, 600.0), (50.0, 250.0))))
    begin, end = world.window("work", *[(0.2, 1.5), (0.5, 4.0), (2.0, 12.0)][campaign.level])
    start = np.sort(rng.uniform(begin, end, calls))
    victim = world.subscribers(1)[0]
    if rng.random() < 0.6:
        world.directory.add_desk(victim, world.core, True, 0.95, int(rng.integers(2, 20)), "always")
    count = max(1, int(calls / campaign.between((10.0, 200.0), (2.0, 20.0), (1.0, 3.0))))
    numbers = world.plan.national(rng, count)
    manner = Manner(
        campaign.kind,
        interest=campaign.between((0.1, 0.9), (0.3, 0.9), (0.5, 0.9)),
        talk_s=float(rng.uniform(8.0, 90.0)),
        talk_sigma=0.7,
        brief_s=5.0,
        patience_s=40.0,
        redial=float(rng.uniform(0.3, 0.9)),
        tries=3,
        redial_after_s=20.0,
        returnable=0.2,
        withheld=float(rng.choice([0.0, 0.0, 0.0, 0.5])),
    )
    campaign.dial(
        manner, start, rotated(rng, numbers, calls, True), victim, campaign.senders(1, 2 + 3 * campaign.level)
    )


def scanner(campaign: Campaign) -> None:
    """Search for open PBXs and weak passwords: extensions, exit codes, registrations."""
    world, rng = campaign.world, campaign.world.rng
    calls = min(campaign.calls, int(campaign.between((200.0, 900.0), (80.0, 400.0), (25.0, 120.0))))
    start = np.sort(campaign.pace(calls, "flat", *[(0.1, 1.0), (1.0, 6.0), (6.0, 24.0)][campaign.level]))
    names = [
        f"{int(n)}@voip{int(n) % 5 + 1}.example.net" for n in rng.integers(100, 99999, max(1, calls // 20))
    ]
    shown = names if rng.random() < 0.5 else world.plan.national(rng, max(1, calls // 15))
    extensions = [str(int(n)) for n in rng.integers(100, 9999, calls)]
    abroad = ["00" + n[1:] for n in world.plan.abroad(rng, calls)]
    callees = [extensions[i] if rng.random() < 0.6 else abroad[i] for i in range(calls)]
    if rng.random() < 0.4:
        host = f"voip{int(rng.integers(1, 6))}.example.net"
        callees = [f"{name}@{host}" for name in extensions]
    if campaign.level == 2:
        callees = world.plan.consecutive(rng, calls, own=True)
    forced = (("unauthorized", float(rng.uniform(0.3, 0.7))), ("not_found", 0.2), ("failed", 0.05))
    manner = Manner(campaign.kind, forced=forced, interest=0.0, brief_s=2.0, patience_s=4.0, caller_ends=1.0)
    roles = ("access", "access", "platform", "business")
    campaign.dial(
        manner, start, pick(rng, shown, start.size), callees, campaign.senders(1, 1 + campaign.level, roles)
    )


def message_spam(campaign: Campaign) -> None:
    """Links and offers by SIP MESSAGE."""
    world, rng = campaign.world, campaign.world.rng
    start = campaign.pace(campaign.calls, "family", 0.5, 14.0)
    count = max(1, int(start.size / campaign.between((50.0, 500.0), (6.0, 60.0), (1.0, 12.0))))
    quality = campaign.between((0.4, 0.8), (0.6, 0.93), (0.85, 0.99))
    numbers = world.plan.national(rng, count)
    callees = world.listed(start.size, quality)
    shown = rotated(rng, numbers, start.size, True)
    campaign.dial(Manner(campaign.kind, method="MESSAGE"), start, shown, callees, campaign.senders(1, 3))


def harvest(campaign: Campaign) -> None:
    """Silent calls that only find out who answers: hung up by the caller as soon as somebody does."""
    world, rng = campaign.world, campaign.world.rng
    start = campaign.pace(campaign.calls, "work", 1.0, 20.0)
    count = max(1, int(start.size / campaign.between((30.0, 300.0), (4.0, 40.0), (1.0, 8.0))))
    callees = world.listed(start.size, campaign.between((0.3, 0.7), (0.5, 0.85), (0.75, 0.95)))
    manner = Manner(
        campaign.kind,
        interest=campaign.between((0.85, 1.0), (0.8, 1.0), (0.6, 0.95)),
        talk_s=campaign.between((0.8, 2.5), (1.5, 4.0), (3.0, 9.0)),
        talk_sigma=0.35,
        brief_s=4.0,
        caller_ends=0.85,
        patience_s=campaign.between((6.0, 14.0), (9.0, 20.0), (15.0, 30.0)),
    )
    shown = rotated(rng, world.plan.national(rng, count), start.size, True)
    campaign.dial(manner, start, shown, callees, campaign.senders(1, 4))


def code_theft(campaign: Campaign) -> None:
    """A robot asks for the one-time code that the thief has just caused to be sent; hits come in pairs."""
    world, rng = campaign.world, campaign.world.rng
    calls = max(2, campaign.calls // 2)
    first = campaign.pace(calls, "family", 1.0, 16.0)
    callees = world.listed(first.size, campaign.between((0.7, 0.95), (0.85, 0.98), (0.95, 1.0)))
    again = rng.random(first.size) < rng.uniform(0.4, 1.0)
    start = np.concatenate([first, first[again] + rng.lognormal(np.log(70.0), 0.5, int(again.sum()))])
    called = callees + [callees[i] for i in np.flatnonzero(again)]
    per = campaign.between((8.0, 80.0), (2.0, 15.0), (1.0, 3.0))
    numbers = world.plan.national(rng, max(1, int(start.size / per)))
    manner = Manner(
        campaign.kind,
        interest=campaign.between((0.1, 0.3), (0.2, 0.45), (0.35, 0.7)),
        talk_s=float(rng.uniform(25.0, 70.0)),
        talk_sigma=0.5,
        brief_s=8.0,
        appeal=float(rng.uniform(0.8, 1.3)),
        patience_s=26.0,
        redial=0.4,
        tries=2,
        redial_after_s=60.0,
    )
    shown = rotated(rng, numbers, start.size, True)
    campaign.dial(manner, start, shown, called, campaign.senders(1, 3, ("platform", "platform", "wholesale")))
