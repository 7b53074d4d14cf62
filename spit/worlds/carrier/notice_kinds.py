"""Automatic messages people asked for, and calls made on behalf of platforms."""

from __future__ import annotations

from collections.abc import Iterator

from spit.worlds.carrier.attempts import Attempt, Label, Style
from spit.worlds.carrier.clock import RHYTHMS
from spit.worlds.carrier.desk import Desk, fixed, rotating
from spit.worlds.carrier.draws import chance, heavy_count, log_uniform, lognormal, pick, uniform
from spit.worlds.carrier.members import member_sizes, vary
from spit.worlds.carrier.society import Society


def medical_reminders(society: Society, calls: int) -> Iterator[Attempt]:
    """Recorded appointment reminders of practices and pharmacies: fixed length, often to voicemail."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 50.0, 200.0)):
        company = pick(rng, society.companies)
        sender = society.origins.hosted_dialler(rng, 0.5) if chance(rng, 0.6) else company.sender
        length = uniform(rng, 18.0, 45.0)
        style = vary(
            rng,
            Style(
                talk_s=length,
                talk_sigma=0.12,
                reject=0.25,
                message=0.95,
                message_s=length,
                expected=0.4,
                caller_ends=0.85,
                redial_missed=0.1,
                redial_s=5000.0,
                returns=2.0,
            ),
            0.12,
        )
        desk = Desk([sender], fixed(company.numbers[0]), style, Label("medical_reminder"))
        times = society.clock.times(rng, RHYTHMS["dialling_day"], size)
        yield from desk.dial(rng, times, society.stale(size, uniform(rng, 0.0, 0.05)))


def notices(society: Society, calls: int) -> Iterator[Attempt]:
    """Bank alerts, airline changes, utility notices: recorded, in waves."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 100.0, 400.0)):
        sender = society.origins.hosted_dialler(rng, uniform(rng, 0.4, 1.0))
        number = society.plan.toll_free(rng)
        society.front(number, sender, 90)
        length = uniform(rng, 10.0, 40.0)
        style = vary(
            rng,
            Style(
                talk_s=length,
                talk_sigma=0.2,
                reject=0.4,
                reject_s=7.0,
                message=0.8,
                message_s=length,
                expected=0.2,
                caller_ends=0.9,
                returns=2.0,
            ),
            0.12,
        )
        desk = Desk([sender], fixed(number), style, Label("notice"))
        callees = society.stale(size, uniform(rng, 0.0, 0.06), uniform(rng, 0.0, 0.4))
        window = society.clock.window(rng, RHYTHMS["shop"], 3600.0 * log_uniform(rng, 0.2, 12.0))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["flat"], size, window), callees)


def one_time_codes(society: Society, calls: int) -> Iterator[Attempt]:
    """Login codes by voice or message: a pool of numbers, strangers all day, a few seconds each."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 150.0, 500.0)):
        owns = uniform(rng, 0.4, 1.0)
        senders = [society.origins.hosted_dialler(rng, owns) for _ in range(heavy_count(rng, 2, 0.7, 1, 8))]
        pool = society.firm_range(heavy_count(rng, 6, 1.0, 1, 100))
        style = vary(
            rng,
            Style(
                talk_s=uniform(rng, 9.0, 18.0),
                talk_sigma=0.25,
                reject=0.05,
                message=0.4,
                message_s=8.0,
                expected=0.88,
                caller_ends=0.7,
                redial_missed=0.3,
                redial_s=40.0,
            ),
            0.15,
        )
        method = "MESSAGE" if chance(rng, 0.5) else "INVITE"
        desk = Desk(senders, rotating(rng, pool), style, Label("one_time_code"), method)
        callees = society.stale(size, uniform(rng, 0.0, 0.04), uniform(rng, 0.0, 0.4))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["worker"], size), callees)


def flash_verifications(society: Society, calls: int) -> Iterator[Attempt]:
    """Apps that prove a number by a missed call: one short ring from a number of a large pool, often a
    foreign one."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 150.0, 400.0)):
        abroad = chance(rng, 0.5)
        sender = (
            society.origins.foreign(rng, "dialler") if abroad else society.origins.hosted_dialler(rng, 0.7)
        )
        count = heavy_count(rng, 40, 1.0, 2, 500)
        pool = [society.plan.foreign(rng) for _ in range(count)] if abroad else society.firm_range(count)
        style = Style(
            talk_s=4.0,
            patience_s=uniform(rng, 1.0, 5.0),
            patience_sigma=0.25,
            message=0.0,
            expected=0.8,
            redial_missed=0.08,
            redial_s=30.0,
            returns=0.3,
        )
        desk = Desk([sender], rotating(rng, pool), style, Label("flash_verification"))
        callees = society.stale(size, uniform(rng, 0.0, 0.03))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["worker"], size), callees)


def text_senders(society: Society, calls: int) -> Iterator[Attempt]:
    """Messages: shops with consent, schools, parcel notices and ordinary people writing to each other."""
    rng = society.rng
    for size in member_sizes(rng, int(calls * 0.5), uniform(rng, 40.0, 250.0)):
        company = pick(rng, society.companies)
        callees = society.stale(size, uniform(rng, 0.0, 0.12))
        desk = Desk(
            [company.sender], fixed(company.numbers[0]), Style(expected=0.6), Label("text_sender"), "MESSAGE"
        )
        window = society.clock.window(rng, RHYTHMS["shop"], 3600.0 * log_uniform(rng, 0.1, 10.0))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["flat"], size, window), callees)
    for size in member_sizes(rng, int(calls * 0.5), 4.0):
        person = pick(rng, society.people)
        if person.line.sender is not None and person.line.contacts:
            desk = Desk(
                [person.line.sender],
                fixed(person.line.number),
                Style(expected=0.9),
                Label("text_sender"),
                "MESSAGE",
            )
            yield from desk.dial(
                rng, society.clock.times(rng, RHYTHMS[person.stage], size), person.line.contacts[:3]
            )


def school_notices(society: Society, calls: int) -> Iterator[Attempt]:
    """A closed school tells every parent within minutes, and tries again where nobody answered."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 120.0, 500.0), 0.7):
        company = pick(rng, society.companies)
        sender = society.origins.hosted_dialler(rng, uniform(rng, 0.2, 1.0))
        length = uniform(rng, 20.0, 50.0)
        style = Style(
            talk_s=length,
            talk_sigma=0.15,
            reject=0.1,
            message=0.95,
            message_s=length,
            expected=0.7,
            caller_ends=0.7,
            redial_missed=0.3,
            redial_busy=0.8,
            redial_s=400.0,
            returns=3.0,
        )
        parents = society.stale(size, uniform(rng, 0.01, 0.08))
        window = society.clock.window(rng, RHYTHMS["early"], lognormal(rng, 900.0, 0.6))
        desk = Desk([sender], fixed(company.numbers[0]), style, Label("school_notice"))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["flat"], size, window), parents)


def emergency_alerts(society: Society, calls: int) -> Iterator[Attempt]:
    """A county warns an area: every number of a few exchanges in order, at any hour, assigned or not."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 200.0, 600.0), 0.6):
        sender = society.origins.hosted_dialler(rng, uniform(rng, 0.2, 1.0))
        number = society.firm_range(1)[0]
        society.front(number, sender, 12)
        length = uniform(rng, 25.0, 60.0)
        style = Style(
            talk_s=length,
            talk_sigma=0.15,
            reject=0.3,
            message=0.9,
            message_s=length,
            expected=0.05,
            appeal=1.4,
            caller_ends=0.8,
            redial_busy=0.9,
            redial_missed=0.4,
            redial_s=200.0,
            returns=4.0,
        )
        block = pick(rng, society.plan.blocks)
        dense = chance(rng, 0.5)
        step = 1 if dense else int(rng.integers(2, 5))
        first = int(rng.integers(0, 1000))
        callees = [f"+1{block.prefix}{(first + step * i) % 1000:03d}" for i in range(size)]
        if not dense:
            # A geographic list knows the assigned numbers.
            callees = [n for n in callees if society.directory.find(n) is not None]
        start = society.clock.moment(rng, RHYTHMS["flat"])
        window = (start, min(society.clock.span_s, start + lognormal(rng, 700.0, 0.5)))
        desk = Desk([sender], fixed(number), style, Label("emergency_alert"))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["flat"], len(callees), window), callees)


def couriers(society: Society, calls: int) -> Iterator[Attempt]:
    """Drivers at the door: first contacts all day, seconds of talk, own mobile numbers."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 15.0, 50.0), 0.6):
        person = pick(rng, society.people)
        if person.line.sender is None:
            continue
        style = vary(
            rng,
            Style(
                talk_s=18.0,
                talk_sigma=0.7,
                reject=0.1,
                reject_s=6.0,
                message=0.15,
                message_s=9.0,
                patience_s=18.0,
                expected=0.45,
                redial_missed=0.4,
                redial_s=40.0,
                returns=2.5,
            ),
        )
        callees = society.customers(size)
        for time_s, callee in zip(
            society.clock.times(rng, RHYTHMS["shop"], len(callees)), callees, strict=False
        ):
            yield Attempt(
                time_s,
                person.line.sender,
                person.line.number,
                callee,
                style,
                Label("courier"),
                origin=person.line,
            )


def ride_platforms(society: Society, calls: int) -> Iterator[Attempt]:
    """Taxi and delivery platforms that join driver and customer behind a pool of numbers, each used by
    many."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 150.0, 400.0), 0.6):
        sender = society.origins.hosted_dialler(rng, uniform(rng, 0.5, 1.0))
        pool = society.firm_range(heavy_count(rng, 80, 1.0, 3, 600))
        style = vary(
            rng,
            Style(
                talk_s=22.0,
                talk_sigma=0.8,
                reject=0.1,
                message=0.1,
                patience_s=20.0,
                expected=0.7,
                redial_missed=0.4,
                redial_s=30.0,
                returns=1.5,
            ),
        )
        desk = Desk([sender], rotating(rng, pool), style, Label("ride_platform"))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["teen"], size), society.customers(size))


def inmate_services(society: Society, calls: int) -> Iterator[Attempt]:
    """Prison telephones: one number for many callers, a recorded offer that many refuse, a hard limit of
    minutes."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 60.0, 200.0)):
        sender = society.origins.hosted_dialler(rng, 0.8)
        number = society.firm_range(1)[0]
        limit = pick(rng, (600.0, 900.0, 1200.0))
        style = Style(
            talk_s=limit * 0.9,
            talk_sigma=0.35,
            reject=0.6,
            reject_s=14.0,
            message=0.0,
            expected=0.45,
            redial_missed=0.5,
            redial_busy=0.5,
            redial_s=200.0,
            tries=5,
            returns=0.3,
        )
        families = society.customers(max(5, int(size * uniform(rng, 0.25, 0.6))))
        desk = Desk([sender], fixed(number), style, Label("inmate_service"))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["evening"], size), families)
