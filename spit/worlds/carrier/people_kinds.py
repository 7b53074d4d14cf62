"""Ordinary people and the habits of some of them that resemble abuse."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spit.worlds.carrier.attempts import Attempt, Label, Style
from spit.worlds.carrier.clock import RHYTHMS
from spit.worlds.carrier.draws import (
    Rng,
    Weighted,
    chance,
    heavy_count,
    lognormal,
    pick,
    sample,
    split,
    uniform,
)
from spit.worlds.carrier.members import member_sizes, vary
from spit.worlds.carrier.sender import Sender
from spit.worlds.carrier.society import Person, Society

# Medians: teenagers and retired people hold longer conversations than people at work.
_TALK_S = {"worker": 70.0, "parent": 65.0, "teen": 80.0, "retiree": 130.0, "night_worker": 75.0}


def _sender(society: Society, person: Person) -> Sender:
    if person.line.sender is None:
        person.line.sender = society.origins.of_line(society.rng, person.line.trunk)
    return person.line.sender


def _social_style(rng: Rng, stage: str) -> Style:
    return vary(
        rng,
        Style(
            talk_s=_TALK_S[stage],
            talk_sigma=1.25,
            reject=0.25,
            message=0.3,
            patience_s=24.0,
            redial_busy=0.4,
            redial_missed=0.15,
            redial_s=240.0,
            social=True,
        ),
    )


def residents(society: Society, calls: int) -> Iterator[Attempt]:
    """Everyday calls: strong ties first, some companies, now and then a stranger or a wrong number."""
    rng = society.rng
    weights = np.asarray([person.rate for person in society.people])
    counts = rng.multinomial(calls, weights / weights.sum())
    to_firm = uniform(rng, 0.12, 0.3)
    to_stranger = uniform(rng, 0.02, 0.07)
    mistyped = uniform(rng, 0.003, 0.015)
    tie_slope = uniform(rng, 0.9, 1.6)
    firms = Weighted(society.companies, [len(c.numbers) ** 0.7 for c in society.companies])
    label = Label("resident")
    for place in np.flatnonzero(counts):
        person = society.people[int(place)]
        line, sender = person.line, _sender(society, person)
        style = _social_style(rng, person.stage)
        firm_style = Style(
            talk_s=style.talk_s * 1.3,
            patience_s=40.0,
            redial_busy=0.5,
            redial_s=60.0,
            message=0.25,
            reject=0.1,
        )
        ties = (
            Weighted(line.contacts, [(1 + i) ** -tie_slope for i in range(len(line.contacts))])
            if line.contacts
            else None
        )
        for time_s in society.clock.times(rng, RHYTHMS[person.stage], int(counts[place])):
            kind_of_call = rng.random()
            chosen = style
            if ties is None or kind_of_call < to_firm:
                callee, chosen = firms.draw(rng).front.number, firm_style
            elif kind_of_call < to_firm + to_stranger:
                callee = pick(rng, society.people).line.number
            elif kind_of_call < to_firm + to_stranger + mistyped:
                callee = society.plan.neighbour(rng, ties.draw(rng), int(rng.integers(6, 10)))
            else:
                callee = ties.draw(rng)
            if callee != line.number:
                yield Attempt(time_s, sender, line.number, callee, chosen, label, origin=line)


def missed_call_signallers(society: Society, calls: int) -> Iterator[Attempt]:
    """One ring and off means "I have arrived" or "call me back": to a few known people, over and over."""
    rng = society.rng
    abroad = uniform(rng, 0.1, 0.5)
    for size in member_sizes(rng, calls, uniform(rng, 5.0, 14.0)):
        person = pick(rng, society.people)
        sender, number = _sender(society, person), person.line.number
        if chance(rng, abroad):
            sender, number = society.origins.foreign(rng), society.plan.foreign(rng)
        style = Style(
            patience_s=uniform(rng, 2.0, 6.0),
            patience_sigma=0.4,
            talk_s=25.0,
            message=0.0,
            returns=2.0,
            reject=0.1,
        )
        known = person.line.contacts[:6] or society.customers(2)
        for time_s in society.clock.times(rng, RHYTHMS[person.stage], size):
            yield Attempt(
                time_s,
                sender,
                number,
                pick(rng, known),
                style,
                Label("missed_call_signal"),
            )


def errand_bursts(society: Society, calls: int) -> Iterator[Attempt]:
    """Someone looking for a flat, a plumber, a lost dog: dozens of strangers in an hour or two."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 15.0, 40.0)):
        person = pick(rng, society.people)
        style = vary(
            rng, Style(talk_s=60.0, reject=0.3, reject_s=18.0, message=0.5, patience_s=30.0, returns=3.0)
        )
        window = society.clock.window(rng, RHYTHMS["shop"], lognormal(rng, 5400.0, 0.6))
        private = uniform(rng, 0.0, 1.0)
        callees = [
            pick(rng, society.people).line.number if chance(rng, private) else pick(rng, society.desks)
            for _ in range(size)
        ]
        for time_s, callee in zip(
            society.clock.times(rng, RHYTHMS["flat"], size, window), callees, strict=False
        ):
            yield Attempt(
                time_s,
                _sender(society, person),
                person.line.number,
                callee,
                style,
                Label("errand_burst"),
                origin=person.line,
            )


def new_subscribers(society: Society, calls: int) -> Iterator[Attempt]:
    """A number in its first hours tells everyone it exists; nobody has it in their contacts yet."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 8.0, 25.0)):
        number = society.plan.number_in(rng, pick(rng, society.plan.home))
        trunk = None if chance(rng, 0.5) else society.network.trunk(rng, "peer")
        line = society.directory.person(number, trunk)
        line.sender = society.origins.of_line(rng, trunk)
        friends = [
            pick(rng, society.people).line.number for _ in range(max(2, int(size * uniform(rng, 0.4, 1.0))))
        ]
        style = vary(rng, Style(talk_s=55.0, reject=0.15, message=0.5, returns=2.0, redial_missed=0.2))
        start = uniform(rng, 0.0, society.clock.span_s * 0.8)
        for time_s in society.clock.times(rng, RHYTHMS["worker"], size, (start, society.clock.span_s)):
            yield Attempt(
                time_s, line.sender, number, pick(rng, friends), style, Label("new_subscriber"), origin=line
            )


def travellers(society: Society, calls: int) -> Iterator[Attempt]:
    """Roamers: domestic numbers that arrive from abroad, unsigned or with gateway attestation."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 3.0, 8.0)):
        person = pick(rng, society.people)
        abroad = society.origins.foreign(rng)
        style = _social_style(rng, person.stage)
        for time_s in society.clock.times(rng, RHYTHMS["flat"], size):
            callee = (
                pick(rng, person.line.contacts)
                if person.line.contacts and chance(rng, 0.7)
                else pick(rng, society.desks)
            )
            yield Attempt(
                time_s, abroad, person.line.number, callee, style, Label("traveller"), origin=person.line
            )


def foreign_family(society: Society, calls: int) -> Iterator[Attempt]:
    """Relatives and business partners in other countries."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 2.0, 5.0), 1.2):
        sender = society.origins.foreign(rng)
        number = society.plan.foreign(rng)
        line = society.directory.person(number, sender.trunk)
        line.sender = sender
        for _ in range(heavy_count(rng, 1.5, 0.7, 1, 8)):
            society.acquaint(line, pick(rng, society.people).line, 0.6)
        style = vary(
            rng,
            Style(
                talk_s=150.0,
                talk_sigma=1.4,
                reject=0.3,
                message=0.1,
                redial_missed=0.35,
                redial_busy=0.4,
                social=True,
            ),
        )
        for time_s in society.clock.times(rng, RHYTHMS["flat"], size):
            yield Attempt(
                time_s, sender, number, pick(rng, line.contacts), style, Label("foreign_family"), origin=line
            )


def withheld_professionals(society: Society, calls: int) -> Iterator[Attempt]:
    """Doctors, counsellors, shelters and courts that never show a number."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 10.0, 35.0)):
        company = pick(rng, society.companies)
        sender = society.origins.business(rng, 1.0)
        sender.withheld = True
        style = vary(rng, Style(talk_s=180.0, reject=0.15, expected=0.6, message=0.25, redial_missed=0.3))
        clients = society.customers(max(2, int(size * uniform(rng, 0.4, 0.95))))
        for time_s in society.clock.times(rng, RHYTHMS["office"], size):
            yield Attempt(
                time_s, sender, company.numbers[0], pick(rng, clients), style, Label("withheld_professional")
            )


def internet_users(society: Society, calls: int) -> Iterator[Attempt]:
    """Hobbyists and small collaboration services whose identity is a SIP address."""
    rng = society.rng
    hosts = [
        f"{name}.example.{top}"
        for name, top in (("sip", "net"), ("voice", "org"), ("pbx", "com"), ("meet", "io"))
    ]
    everyone: list[str] = []
    for size in member_sizes(rng, calls, uniform(rng, 3.0, 10.0)):
        sender = society.origins.registered(rng, pick(rng, ("soft", "soft", "desk", "pbx")))
        host = sender.source_ip if chance(rng, 0.25) else pick(rng, hosts)
        address = f"{pick(rng, ('u', 'user', ''))}{int(rng.integers(100, 99_999))}@{host}"
        society.directory.person(address, None)
        everyone.append(address)
        friends = [p.line.number for p in sample(rng, society.people, heavy_count(rng, 2.0, 0.8, 1, 12))]
        friends += sample(rng, everyone, 2)
        style = vary(rng, Style(talk_s=140.0, reject=0.2, expected=0.7))
        for time_s in society.clock.times(rng, RHYTHMS["evening"], size):
            callee = pick(rng, friends)
            if callee != address:
                yield Attempt(time_s, sender, address, callee, style, Label("internet_user"))


def voicemail_checks(society: Society, calls: int) -> Iterator[Attempt]:
    """Calls to the own mailbox: the same short code from many, each a short call."""
    rng = society.rng
    access = pick(rng, ("*98", "*86", "121"))
    society.front(access, society.companies[0].sender, 9).role = "menu"
    style = Style(talk_s=uniform(rng, 20.0, 50.0), talk_sigma=0.8, caller_ends=0.9)
    for size in split(rng, 2 * calls, max(1, calls), 0.7):
        person = pick(rng, society.people)
        if person.line.trunk is not None:
            continue
        for time_s in society.clock.times(rng, RHYTHMS[person.stage], size):
            yield Attempt(
                time_s,
                _sender(society, person),
                person.line.number,
                access,
                style,
                Label("voicemail_check"),
                origin=person.line,
            )


def spoof_victims(society: Society, calls: int) -> Iterator[Attempt]:
    """People whose numbers a campaign shows, making their own calls while they are called back for the
    campaign's."""
    rng = society.rng
    for person in society.victims:
        size = max(1, round(lognormal(rng, calls / len(society.victims), 0.7)))
        style = _social_style(rng, person.stage)
        for time_s in society.clock.times(rng, RHYTHMS[person.stage], size):
            callee = pick(rng, person.line.contacts) if person.line.contacts else pick(rng, society.desks)
            yield Attempt(
                time_s,
                _sender(society, person),
                person.line.number,
                callee,
                style,
                Label("spoof_victim"),
                origin=person.line,
            )
