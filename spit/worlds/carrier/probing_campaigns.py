"""Campaigns that look for targets or exhaust one: range diallers, silent probes, scanners, denial of
service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from spit.worlds.carrier.attempts import Attempt, Style
from spit.worlds.carrier.campaign import Campaign
from spit.worlds.carrier.desk import Chooser, Desk, replaced_after, rotating
from spit.worlds.carrier.draws import chance, lognormal, pick, sample, uniform
from spit.worlds.carrier.members import vary
from spit.worlds.carrier.numbering import npa
from spit.worlds.carrier.sender import Sender


def _pitch(campaign: Campaign) -> Style:
    return vary(
        campaign.rng,
        Style(
            talk_s=45.0,
            reject=campaign.graded(0.88, 0.82, 0.74),
            reject_s=8.0,
            message=campaign.graded(0.0, 0.15, 0.4),
            abandon=0.06,
            patience_s=campaign.graded(15.0, 20.0, 25.0),
        ),
    )


def sequential_dialler(campaign: Campaign) -> Iterator[Attempt]:
    """Works through blocks in order; with more care in steps, over several blocks at once, or in shuffled
    order."""
    rng, blocks = campaign.rng, campaign.society.plan.blocks
    width = campaign.graded(1, 4, 12)
    chosen = sample(rng, blocks, width)
    step = campaign.graded(1, int(rng.integers(2, 8)), 1)
    callees: list[str] = []
    each = campaign.graded(1, 1, 2) * campaign.calls // len(chosen) + 1
    for place in range(each):
        for block in chosen:
            callees.append(f"+1{block.prefix}{place * step % 1000:03d}")
    if campaign.label.strength == "stealthy":
        # Numbers of a range that a look-up service reports as working, shuffled.
        callees = [callees[int(i)] for i in rng.permutation(len(callees))]
        callees = [n for n in callees if campaign.society.directory.find(n) is not None or chance(rng, 0.15)]
    chooser = campaign.shown(campaign.count(1, 6, 50), campaign.graded(0.0, 0.2, 0.5))
    times = campaign.times(count=min(campaign.calls, len(callees)))
    yield from Desk(campaign.routes(1, 1, 3), chooser, _pitch(campaign), campaign.label).dial(
        rng, times, callees
    )


def random_dialler(campaign: Campaign) -> Iterator[Attempt]:
    """Random numbers of living exchanges; better ones drop most of the unassigned beforehand."""
    rng, society = campaign.rng, campaign.society
    screened = campaign.between((0.0, 0.1), (0.2, 0.6), (0.7, 0.92))
    callees = [
        pick(rng, society.people).line.number if chance(rng, screened) else society.random_digits(1)[0]
        for _ in range(campaign.calls)
    ]
    chooser = campaign.shown(campaign.count(1, 8, 60), campaign.graded(0.0, 0.3, 0.6))
    yield from Desk(campaign.routes(1, 2, 3), chooser, _pitch(campaign), campaign.label).dial(
        rng, campaign.times(), callees
    )


def harvester(campaign: Campaign) -> Iterator[Attempt]:
    """Verifies that a number lives: silence, or with more care a plausible wrong number, and never a second
    call."""
    rng, society = campaign.rng, campaign.society
    silent = campaign.between((0.95, 1.0), (0.7, 0.95), (0.05, 0.4))
    style = Style(
        abandon=silent,
        reject=0.8,
        reject_s=campaign.between((2.0, 3.0), (3.0, 6.0), (6.0, 10.0)),
        talk_s=10.0,
        talk_sigma=0.5,
        message=0.0,
        patience_s=campaign.between((4.0, 9.0), (8.0, 18.0), (16.0, 26.0)),
        redial_busy=0.3,
        redial_missed=campaign.graded(0.2, 0.1, 0.05),
        redial_s=6000.0,
        caller_ends=0.8,
    )
    callees = (
        society.random_digits(campaign.calls)
        if campaign.label.strength == "blatant"
        else campaign.leads(campaign.calls)
    )
    plan = society.plan

    def local(callee: str) -> str:
        return plan.number_in(rng, npa(callee) or pick(rng, plan.home))

    chooser: Chooser = replaced_after(rng, local, campaign.count(200, 25, 4))
    yield from Desk(campaign.routes(1, 2, 4), chooser, style, campaign.label).dial(
        rng, campaign.times(), callees
    )


def scanner(campaign: Campaign) -> Iterator[Attempt]:
    """Tries extensions and prefixes until something answers; the slow ones look like a phone set up
    wrongly."""
    rng, society = campaign.rng, campaign.society
    senders: list[Sender] = []
    for _ in range(campaign.count(1, 4, 15)):
        sender = society.origins.registered(rng, campaign.graded("tool", "tool", "pbx"))
        sender.owns = 0.0
        senders.append(sender)
    extensions = campaign.between((0.8, 1.0), (0.4, 0.8), (0.0, 0.3))
    prefix, free = society.plan.premium(rng)
    for place, time_s in enumerate(campaign.times("flat")):
        sender = senders[place % len(senders)]
        extension = (
            f"{100 + place % 9_000}"
            if campaign.label.strength == "blatant"
            else f"{int(rng.integers(100, 10_000))}"
        )
        if chance(rng, extensions):
            callee = f"{extension}@{society.network.host}"
        else:
            callee = prefix + "".join(str(int(d)) for d in rng.integers(0, 10, size=free))
        number = (
            f"{extension}@{sender.source_ip}"
            if chance(rng, campaign.graded(0.9, 0.5, 0.1))
            else pick(rng, society.companies).numbers[0]
        )
        verdict = pick(
            rng, (("unauthorized", 401), ("unauthorized", 403), ("unauthorized", 407), ("not_found", 404))
        )
        yield Attempt(time_s, sender, number, callee, Style(), campaign.label, verdict=verdict)


def denial_of_service(campaign: Campaign) -> Iterator[Attempt]:
    """Occupies the lines of a clinic or firm; the stealthy bring a crowd of different, living numbers that
    talk."""
    rng, society = campaign.rng, campaign.society
    targets = [company.front.number for company in sample(rng, society.companies, campaign.graded(1, 1, 2))]
    for number in targets:
        line = society.directory.find(number)
        if line is not None:
            line.role, line.forwards_to = "queue", None
            line.capacity = max(line.capacity, int(rng.integers(2, 12)))
    style = Style(
        talk_s=campaign.between((5.0, 20.0), (20.0, 90.0), (40.0, 180.0)),
        talk_sigma=campaign.graded(0.2, 0.6, 1.0),
        redial_busy=campaign.graded(0.9, 0.6, 0.4),
        redial_s=campaign.between((1.0, 5.0), (5.0, 30.0), (30.0, 180.0)),
        tries=campaign.graded(60, 12, 4),
    )
    plan = society.plan
    supply = campaign.graded(plan.remote, plan.random_local, plan.random_local)
    per_number = campaign.count(120, 10, 1.5)
    chooser = replaced_after(rng, lambda _callee: supply(rng), per_number)
    # Redials are calls of the campaign too.
    first = max(5, int(campaign.calls * campaign.graded(0.25, 0.5, 0.7)))
    low, high = campaign.window
    length = min(high - low, lognormal(rng, campaign.graded(1800.0, 5400.0, 14_400.0), 0.5))
    burst = replace(campaign, window=(low, low + length))
    desk = Desk(campaign.routes(1, 3, 8), chooser, style, campaign.label)
    yield from desk.dial(rng, burst.times("flat", first), targets)


def dispersed_probe(campaign: Campaign) -> Iterator[Attempt]:
    """Looks for fax and modem lines: short machine calls at night or, with care, over the day and many
    numbers."""
    rng, society = campaign.rng, campaign.society
    style = Style(
        patience_s=campaign.between((8.0, 12.0), (10.0, 18.0), (15.0, 25.0)),
        reject=0.97,
        reject_s=uniform(rng, 3.0, 8.0),
        message=0.0,
        talk_s=20.0,
    )
    mixed = [
        pick(rng, society.desks) if chance(rng, 0.6) else society.random_digits(1)[0]
        for _ in range(campaign.calls)
    ]
    pool = campaign.leased(campaign.count(1, 8, 50), 0.2)
    desk = Desk(campaign.routes(1, 2, 3), rotating(rng, pool), style, campaign.label)
    yield from desk.dial(rng, campaign.times(campaign.graded("night", "flat", "office")), mixed)
