"""Campaigns that live on somebody else's name: victims' numbers, known firms, purchased attestation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from spit.worlds.carrier.attempts import Attempt, Style
from spit.worlds.carrier.campaign import Campaign
from spit.worlds.carrier.desk import Chooser, Desk, fixed, replaced_after, rotating
from spit.worlds.carrier.draws import chance, pick, sample, uniform
from spit.worlds.carrier.members import vary


def victim_spoofer(campaign: Campaign) -> Iterator[Attempt]:
    """Shows numbers of real people, who then get the complaints; the stealthy take a new one for every few
    calls."""
    rng, society = campaign.rng, campaign.society
    style = vary(
        rng,
        Style(
            talk_s=60.0,
            reject=campaign.graded(0.88, 0.8, 0.7),
            message=campaign.graded(0.0, 0.1, 0.3),
            appeal=1.2,
            patience_s=campaign.graded(13.0, 18.0, 24.0),
            returns=2.0,
        ),
    )
    victims = [person.line.number for person in society.victims]
    chooser: Chooser
    if campaign.label.strength == "stealthy":
        chooser = replaced_after(
            rng, lambda _callee: pick(rng, society.people).line.number, campaign.count(3, 3, 2.5)
        )
    else:
        chooser = rotating(rng, victims[: campaign.graded(1, 6, 6)])
    senders = campaign.routes(1, 1, 3)
    for sender in senders:
        sender.owns = 0.0
    yield from Desk(senders, chooser, style, campaign.label).dial(
        rng, campaign.times(), campaign.leads(campaign.calls)
    )


def attestation_shopper(campaign: Campaign) -> Iterator[Attempt]:
    """Buys full attestation: from a reseller that never checks, or by leasing numbers and dropping them after
    use."""
    rng, society = campaign.rng, campaign.society
    style = vary(
        rng,
        Style(
            talk_s=65.0,
            reject=campaign.graded(0.87, 0.8, 0.7),
            message=campaign.graded(0.1, 0.3, 0.5),
            abandon=0.04,
        ),
    )
    if campaign.label.strength == "stealthy":
        pool = campaign.leased(max(6, campaign.calls // campaign.count(12, 12, 12)), 0.7)
        senders = [society.origins.hosted_dialler(rng, 1.0) for _ in range(2)]
        chooser = replaced_after(rng, rotating(rng, pool), 15)
    else:
        senders = [society.origins.cheap_route(rng, True) for _ in range(campaign.graded(1, 3, 3))]
        chooser = replaced_after(rng, lambda _callee: society.plan.remote(rng), campaign.count(60, 10, 10))
        for sender in senders:
            # Full attestation is earned by the asserted number; the displayed one is anybody's.
            sender.pilot = campaign.leased(1, 0.0)[0] if chance(rng, 0.5) else None
    yield from Desk(senders, chooser, style, campaign.label).dial(
        rng, campaign.times(), campaign.leads(campaign.calls)
    )


def impostor(campaign: Campaign) -> Iterator[Attempt]:
    """Shows the number of a known firm or authority: the same number as that firm's own calls."""
    rng, society = campaign.rng, campaign.society
    firms = [company.numbers[0] for company in sample(rng, society.companies, campaign.graded(1, 4, 12))]
    style = vary(
        rng,
        Style(
            talk_s=120.0,
            talk_sigma=1.2,
            reject=campaign.graded(0.85, 0.72, 0.6),
            reject_s=11.0,
            message=campaign.graded(0.3, 0.3, 0.5),
            appeal=1.3,
            caller_ends=0.3,
        ),
    )
    senders = campaign.routes(1, 2, 2)
    for sender in senders:
        sender.owns = 0.0
    rhythm = campaign.graded("flat", "dialling_day", "office")
    yield from Desk(senders, rotating(rng, firms), style, campaign.label).dial(
        rng, campaign.times(rhythm), campaign.leads(campaign.calls)
    )


def code_fraud(campaign: Campaign) -> Iterator[Attempt]:
    """One-time-code fraud.

    Blatant: codes requested in bulk for numbers of a range that pays per message. Otherwise a machine calls a
    person in a bank's name just when a code arrives, in pairs of calls; the stealthy show the bank's own
    number.
    """
    rng, society = campaign.rng, campaign.society
    if campaign.label.strength == "blatant":
        prefix, free = society.plan.premium(rng)
        first = int(rng.integers(0, 10 ** (free - 1)))
        callees = [
            f"{prefix}{(first + i * int(rng.integers(1, 4))) % 10**free:0{free}d}"
            for i in range(campaign.calls)
        ]
        pool = society.plan.business_range(rng, campaign.count(6, 6, 6))
        yield from Desk(
            campaign.routes(1, 1, 1), rotating(rng, pool), Style(), campaign.label, "MESSAGE"
        ).dial(rng, campaign.times(), callees)
        return
    bank = pick(rng, society.companies).numbers[0]
    chooser = (
        fixed(bank)
        if campaign.label.strength == "stealthy"
        else rotating(rng, [society.plan.toll_free(rng) for _ in range(campaign.count(5, 5, 5))])
    )
    style = vary(
        rng,
        Style(
            talk_s=50.0,
            talk_sigma=0.5,
            reject=campaign.graded(0.7, 0.6, 0.4),
            message=0.0,
            expected=0.1,
            appeal=1.3,
            redial_missed=0.4,
            redial_s=45.0,
            caller_ends=0.7,
        ),
    )
    yield from Desk(campaign.routes(1, 2, 2), chooser, style, campaign.label).dial(
        rng, campaign.times(), campaign.leads(campaign.calls)
    )


def message_spammer(campaign: Campaign) -> Iterator[Attempt]:
    """Text spam: from one number, a rotating pool, or ordinary numbers that each send a few "wrong number"
    openers."""
    rng, society = campaign.rng, campaign.society
    each = campaign.count(300, 30, 5)
    numbers = campaign.leased(max(1, campaign.calls // each), 0.1)
    senders = campaign.routes(1, 2, 2)
    if campaign.label.strength == "stealthy":
        senders = [society.origins.elsewhere(rng) for _ in range(12)]
        numbers = [society.plan.number_in(rng, pick(rng, society.plan.home)) for _ in numbers]
    chooser = replaced_after(rng, rotating(rng, numbers), max(1, each // 2))
    yield from Desk(senders, chooser, Style(), campaign.label, "MESSAGE").dial(
        rng, campaign.times(), campaign.leads(campaign.calls)
    )


def wangiri(campaign: Campaign) -> Iterator[Attempt]:
    """Rings once from a number dear to call back; the stealthy ring longer, from many numbers, at waking
    hours."""
    rng, society = campaign.rng, campaign.society
    prefix, free = society.plan.premium(rng)
    numbers: list[str] = []
    for _ in range(campaign.count(2, 20, 150)):
        number = prefix + "".join(str(int(d)) for d in rng.integers(0, 10, size=free))
        society.directory.person(number, society.network.trunk(rng, "international")).role = "premium"
        numbers.append(number)
    style = Style(
        patience_s=campaign.between((0.8, 2.0), (1.5, 4.0), (4.0, 8.0)),
        patience_sigma=campaign.graded(0.15, 0.3, 0.45),
        message=0.0,
        reject=1.0,
        reject_s=2.0,
        redial_missed=campaign.graded(0.15, 0.05, 0.0),
        redial_s=900.0,
        returns=campaign.between((1.0, 2.0), (1.0, 2.5), (1.5, 3.0)),
    )
    senders = [
        society.origins.foreign(rng, "dialler")
        if chance(rng, 0.7)
        else society.origins.cheap_route(rng, False)
        for _ in range(campaign.graded(1, 2, 4))
    ]
    rhythm = campaign.graded("night", "flat", "shop") if chance(rng, 0.7) else "flat"
    desk = Desk(
        senders, rotating(rng, numbers), replace(style, talk_s=uniform(rng, 1.0, 3.0)), campaign.label
    )
    yield from desk.dial(rng, campaign.times(rhythm), campaign.leads(campaign.calls))
