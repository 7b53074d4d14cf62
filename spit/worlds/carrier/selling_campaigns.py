"""Campaigns that want to talk, or to be heard: sales, recordings, agents human and artificial."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from spit.worlds.carrier.attempts import Attempt, Label, Style
from spit.worlds.carrier.campaign import Campaign
from spit.worlds.carrier.clock import RHYTHMS
from spit.worlds.carrier.desk import Desk, fixed, local_presence, replaced_after, rotating
from spit.worlds.carrier.draws import chance, heavy_count, log_uniform, lognormal, pick, sample, uniform
from spit.worlds.carrier.members import vary
from spit.worlds.carrier.numbering import npa


def _recorded(campaign: Campaign) -> Style:
    """A recording: its length bounds the call, most listeners leave in the first seconds."""
    length = uniform(campaign.rng, 18.0, 50.0)
    return vary(
        campaign.rng,
        Style(
            talk_s=length,
            talk_sigma=0.25,
            reject=campaign.graded(0.88, 0.82, 0.75),
            reject_s=6.0,
            message=campaign.graded(0.15, 0.4, 0.7),
            message_s=length * 0.8,
            patience_s=campaign.graded(20.0, 24.0, 28.0),
            caller_ends=0.85,
            redial_busy=0.05,
            redial_missed=0.02,
        ),
        0.15,
    )


def telemarketer(campaign: Campaign) -> Iterator[Attempt]:
    """Unasked-for sales by people on a predictive dialler; the stealthy have local numbers that can be called
    back."""
    rng = campaign.rng
    style = vary(
        rng,
        Style(
            talk_s=80.0,
            talk_sigma=1.1,
            reject=campaign.graded(0.85, 0.75, 0.68),
            reject_s=campaign.graded(8.0, 10.0, 13.0),
            abandon=campaign.graded(0.12, 0.06, 0.03),
            message=campaign.graded(0.0, 0.08, 0.25),
            patience_s=campaign.graded(16.0, 21.0, 25.0),
            appeal=campaign.graded(0.9, 1.0, 1.3),
            redial_missed=campaign.graded(0.1, 0.1, 0.15),
            redial_s=8000.0,
        ),
    )
    pool = campaign.leased(campaign.count(1.5, 8, 40), campaign.graded(0.1, 0.4, 0.8))
    chooser = local_presence(rng, pool) if campaign.label.strength == "stealthy" else rotating(rng, pool)
    desk = Desk(campaign.routes(1, 1, 2), chooser, style, campaign.label)
    yield from desk.dial(rng, campaign.times(), campaign.leads(campaign.calls))


def robocaller(campaign: Campaign) -> Iterator[Attempt]:
    """Recordings with rotating numbers, down to one call a number."""
    rng, plan = campaign.rng, campaign.society.plan
    invented = campaign.graded(0.7, 0.5, 0.3)

    def supply(callee: str) -> str:
        if chance(rng, invented):
            return plan.remote(rng)
        return plan.number_in(rng, npa(callee) or pick(rng, plan.home))

    chooser = replaced_after(rng, supply, campaign.count(80, 8, 1.2))
    desk = Desk(campaign.routes(1, 2, 4), chooser, _recorded(campaign), campaign.label)
    yield from desk.dial(rng, campaign.times(), campaign.leads(campaign.calls))


def neighbour_spoofer(campaign: Campaign) -> Iterator[Attempt]:
    """Shows a number like the callee's own: the same exchange, or with more care some living number of the
    area."""
    rng, society = campaign.rng, campaign.society
    same_exchange = campaign.between((0.9, 1.0), (0.4, 0.8), (0.0, 0.2))
    local = [person.line.number for person in society.people if npa(person.line.number) in society.plan.home]

    def neighbour(callee: str) -> str:
        if chance(rng, same_exchange) and npa(callee):
            return society.plan.neighbour(rng, callee, 6)
        if campaign.label.strength == "stealthy":
            return pick(rng, local)
        return society.plan.number_in(rng, npa(callee) or pick(rng, society.plan.home))

    style = replace(_recorded(campaign), appeal=1.5)
    desk = Desk(campaign.routes(1, 2, 3), neighbour, style, campaign.label)
    yield from desk.dial(rng, campaign.times(), campaign.leads(campaign.calls))


def burner_phones(campaign: Campaign) -> Iterator[Attempt]:
    """Prepaid mobiles, rightly attested by their carrier: each calls strangers until it is thrown away."""
    rng, society = campaign.rng, campaign.society
    style = vary(
        rng,
        Style(
            talk_s=90.0,
            reject=campaign.graded(0.85, 0.75, 0.65),
            message=campaign.graded(0.0, 0.05, 0.2),
            patience_s=campaign.graded(15.0, 20.0, 26.0),
            redial_missed=0.05,
        ),
    )
    each = campaign.count(150, 40, 12)
    low, high = campaign.window
    for _ in range(max(1, campaign.calls // each)):
        number = society.plan.number_in(rng, pick(rng, society.plan.home))
        line = society.directory.person(
            number, society.network.trunk(rng, "peer", "peer", "peer", "wholesale")
        )
        line.answers_unknown, line.answers_known = 0.1, 0.1
        line.sender = society.origins.of_line(rng, line.trunk)
        span = min(
            high - low,
            each * log_uniform(rng, *campaign.graded((15.0, 40.0), (50.0, 200.0), (400.0, 2400.0))),
        )
        start = uniform(rng, low, high - span)
        times = society.clock.times(rng, RHYTHMS["dialling_day"], each, (start, start + span))
        for time_s, callee in zip(times, campaign.leads(each), strict=False):
            yield Attempt(time_s, line.sender, number, callee, style, campaign.label, origin=line)


def snowshoe(campaign: Campaign) -> Iterator[Attempt]:
    """One campaign in thin layers over many trunks, providers and numbers."""
    rng = campaign.rng
    pool = campaign.leased(
        max(4, int(campaign.calls / campaign.between((20, 60), (6, 15), (1.5, 4)))),
        campaign.graded(0.0, 0.2, 0.5),
    )
    style = (
        replace(_recorded(campaign), abandon=0.03)
        if chance(rng, 0.5)
        else vary(rng, Style(talk_s=70.0, reject=0.78, abandon=0.04, message=0.1))
    )
    desk = Desk(campaign.routes(6, 12, 24), rotating(rng, pool), style, campaign.label)
    yield from desk.dial(rng, campaign.times(), campaign.leads(campaign.calls))


def low_and_slow(campaign: Campaign) -> Iterator[Attempt]:
    """Ordinary lines that each make a person's number of calls a day, all to strangers."""
    rng, society = campaign.rng, campaign.society
    each = campaign.count(90, 45, 18)
    style = vary(
        rng,
        Style(
            talk_s=campaign.graded(60.0, 80.0, 110.0),
            reject=campaign.graded(0.8, 0.72, 0.6),
            message=campaign.graded(0.0, 0.15, 0.35),
            redial_missed=campaign.graded(0.0, 0.05, 0.15),
            redial_s=4000.0,
        ),
    )
    for _ in range(max(1, campaign.calls // each)):
        number = society.plan.number_in(rng, pick(rng, society.plan.home))
        sender = (
            society.origins.registered(rng, pick(rng, ("ata", "soft", "desk", "pbx")))
            if chance(rng, 0.6)
            else society.origins.business(rng, 1.0)
        )
        line = society.front(number, sender, 1)
        yield from Desk([sender], fixed(line.number), style, campaign.label).dial(
            rng, campaign.times(count=each), campaign.leads(each)
        )


def scam_centre(campaign: Campaign) -> Iterator[Attempt]:
    """Human agents with a story: nearly all hang up, the few who believe are kept for long and called
    again."""
    rng = campaign.rng
    style = vary(
        rng,
        Style(
            talk_s=200.0,
            talk_sigma=1.3,
            reject=campaign.graded(0.85, 0.8, 0.72),
            reject_s=campaign.graded(10.0, 13.0, 18.0),
            abandon=campaign.graded(0.08, 0.04, 0.01),
            message=campaign.graded(0.05, 0.2, 0.4),
            redial_missed=0.1,
            redial_s=5000.0,
        ),
    )
    pool = campaign.leased(campaign.count(2, 12, 60), campaign.graded(0.3, 0.6, 0.8))
    senders = campaign.routes(1, 2, 3)
    first = int(campaign.calls * campaign.between((0.95, 1.0), (0.85, 0.95), (0.7, 0.9)))
    leads = campaign.leads(first)
    yield from Desk(senders, rotating(rng, pool), style, campaign.label).dial(
        rng, campaign.times(count=first), leads
    )
    believers = sample(rng, leads, max(1, (campaign.calls - first) // 4))
    deep = replace(style, expected=0.85, talk_s=600.0)
    yield from Desk(senders, fixed(pool[0]), deep, campaign.label).dial(
        rng, campaign.times(count=campaign.calls - first), believers
    )


def ai_agents(campaign: Campaign) -> Iterator[Attempt]:
    """Voice agents that talk naturally at no cost: long conversations, many at once, patient with
    voicemail."""
    rng = campaign.rng
    style = vary(
        rng,
        Style(
            talk_s=campaign.graded(70.0, 110.0, 160.0),
            talk_sigma=0.8,
            reject=campaign.graded(0.65, 0.5, 0.4),
            reject_s=campaign.graded(12.0, 18.0, 25.0),
            message=campaign.graded(0.3, 0.6, 0.75),
            message_s=20.0,
            appeal=1.2,
            caller_ends=0.35,
        ),
    )
    pool = campaign.leased(campaign.count(2, 15, 50), campaign.graded(0.2, 0.7, 0.9))
    desk = Desk(campaign.routes(1, 1, 3), local_presence(rng, pool), style, campaign.label)
    yield from desk.dial(rng, campaign.times(), campaign.leads(campaign.calls))


def voicemail_dropper(campaign: Campaign) -> Iterator[Attempt]:
    """Reaches the mailbox without ringing: a short call occupies the line while a second one is sent to
    voicemail."""
    rng = campaign.rng
    length = uniform(rng, 20.0, 40.0)
    opener = Style(
        patience_s=campaign.graded(2.0, 3.0, 4.0),
        patience_sigma=0.2,
        message=0.0,
        reject=1.0,
        reject_s=2.5,
        redial_missed=0.0,
    )
    drop = Style(
        talk_s=length,
        talk_sigma=0.1,
        reject=0.9,
        reject_s=4.0,
        message=0.97,
        message_s=length,
        caller_ends=1.0,
        redial_missed=0.0,
    )
    chooser = replaced_after(
        rng, rotating(rng, campaign.leased(campaign.count(2, 20, 80), 0.7)), campaign.graded(50, 10, 2)
    )
    senders = campaign.routes(1, 2, 3)
    paired = campaign.between((0.8, 1.0), (0.4, 0.8), (0.0, 0.2))
    pairs = int(campaign.calls / (1.0 + paired))
    for time_s, callee in zip(campaign.times(count=pairs), campaign.leads(pairs), strict=False):
        sender = pick(rng, senders)
        if chance(rng, paired):
            yield Attempt(time_s, sender, chooser(callee), callee, opener, campaign.label)
        yield Attempt(
            time_s + lognormal(rng, 1.2, 0.3), sender, chooser(callee), callee, drop, campaign.label
        )


def compromised_subscriber(campaign: Campaign) -> Iterator[Attempt]:
    """A stolen account: the owner's calls go on, the thief's start in the middle of the span.

    Blatant thieves pump calls into premium ranges; stealthier ones sell to strangers under the owner's good
    name.
    """
    rng, society = campaign.rng, campaign.society
    low, high = campaign.window
    start = low + uniform(rng, 0.2, 0.6) * (high - low)
    accounts = max(1, campaign.calls // campaign.count(400, 120, 40))
    for _ in range(accounts):
        company = pick(rng, society.companies)
        size = max(1, campaign.calls // accounts)
        if campaign.label.strength == "blatant":
            prefix, free = society.plan.premium(rng)
            ranges = [
                prefix + str(int(rng.integers(10 ** (free - 1), 10**free)))
                for _ in range(heavy_count(rng, 15, 0.7, 2, 200))
            ]
            for number in ranges:
                society.directory.person(number, society.network.trunk(rng, "international")).role = "premium"
            callees, style = ranges, Style(talk_s=200.0, redial_busy=0.8, redial_s=10.0)
        else:
            callees, style = campaign.leads(size), vary(rng, _recorded(campaign))
        begin = min(high - 60.0, start + uniform(rng, 0.0, 3600.0))
        times = society.clock.times(
            rng, RHYTHMS["flat" if campaign.label.strength == "blatant" else "office"], size, (begin, high)
        )
        shown = rotating(rng, company.numbers[:3])
        own = society.clock.times(rng, RHYTHMS["office"], heavy_count(rng, 12, 0.8, 2, 80))
        clients = society.customers(6)
        society.acquainted(company.numbers, clients, 0.7)
        yield from Desk([company.sender], shown, Style(expected=0.3), Label("office")).dial(rng, own, clients)
        yield from Desk([company.sender], shown, style, campaign.label).dial(rng, times, callees)
