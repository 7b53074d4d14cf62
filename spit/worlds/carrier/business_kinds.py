"""Companies that call people: offices, centres, collectors, pollsters, fund-raisers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from spit.worlds.carrier.attempts import Attempt, Label, Style
from spit.worlds.carrier.clock import RHYTHMS
from spit.worlds.carrier.desk import Desk, fixed, local_presence, rotating
from spit.worlds.carrier.draws import chance, heavy_count, lognormal, pick, uniform
from spit.worlds.carrier.members import member_sizes, vary
from spit.worlds.carrier.society import Society


def offices(society: Society, calls: int) -> Iterator[Attempt]:
    """Employees of small and large firms, each on an extension or all behind one number."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 12.0, 40.0), 1.3):
        company = pick(rng, society.companies)
        style = vary(
            rng,
            Style(
                talk_s=95.0,
                talk_sigma=1.2,
                reject=0.2,
                message=0.55,
                redial_busy=0.3,
                patience_s=26.0,
                expected=0.3,
            ),
        )
        clients = society.customers(max(2, int(size * uniform(rng, 0.2, 0.9))))
        others = [pick(rng, society.desks) for _ in range(max(2, size // 3))]
        society.acquainted(company.numbers, clients, uniform(rng, 0.3, 0.8))
        shown = (
            fixed(company.numbers[0])
            if chance(rng, 0.35)
            else rotating(rng, company.numbers[: max(1, size // 4)])
        )
        desk = Desk([company.sender], shown, style, Label("office"))
        callees = [pick(rng, clients) if chance(rng, 0.6) else pick(rng, others) for _ in range(size)]
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["office"], size), callees)


def service_centres(society: Society, calls: int) -> Iterator[Attempt]:
    """A large firm's agents calling its own customers, all showing one number."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 150.0, 500.0)):
        # Large centres buy least-cost routing: their calls arrive over several trunks.
        senders = [
            society.origins.business(rng, uniform(rng, 0.7, 1.0))
            for _ in range(heavy_count(rng, 1.5, 0.7, 1, 8))
        ]
        number = society.plan.toll_free(rng) if chance(rng, 0.5) else society.firm_range(1)[0]
        society.front(number, senders[0], 60)
        style = vary(
            rng,
            Style(
                talk_s=150.0,
                talk_sigma=1.0,
                reject=0.3,
                abandon=0.02,
                message=0.4,
                expected=0.3,
                appeal=1.1,
                redial_missed=0.2,
                redial_s=7200.0,
                returns=3.0,
            ),
        )
        callees = society.stale(size, uniform(rng, 0.01, 0.06), uniform(rng, 0.0, 0.3))
        desk = Desk(senders, fixed(number), style, Label("service_centre"))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["dialling_day"], size), callees)


def consented_sales(society: Society, calls: int) -> Iterator[Attempt]:
    """Sales to people who asked for an offer: rotating direct-inward-dial numbers, paced by a predictive
    dialler."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 150.0, 450.0)):
        sender = society.origins.hosted_dialler(rng, uniform(rng, 0.6, 1.0))
        pool = society.firm_range(heavy_count(rng, 25, 0.9, 4, 300))
        for number in pool[:: max(1, len(pool) // 20)]:
            society.front(number, sender, 30)
        style = vary(
            rng,
            Style(
                talk_s=110.0,
                talk_sigma=1.2,
                reject=0.55,
                abandon=0.03,
                message=0.15,
                expected=0.12,
                patience_s=22.0,
                redial_missed=0.25,
                redial_s=9000.0,
            ),
        )
        desk = Desk([sender], rotating(rng, pool), style, Label("consented_sales"))
        callees = society.stale(
            int(size * uniform(rng, 0.5, 1.0)) + 1, uniform(rng, 0.02, 0.1), uniform(rng, 0.0, 0.4)
        )
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["dialling_day"], size), callees)


def local_presence_firms(society: Society, calls: int) -> Iterator[Attempt]:
    """Honest firms that show a number of the callee's area: insurers, home services, car dealers' groups."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 100.0, 300.0)):
        sender = society.origins.hosted_dialler(rng, uniform(rng, 0.5, 1.0))
        pool = [
            n
            for area in society.plan.home
            for n in society.plan.business_range(rng, heavy_count(rng, 5, 0.7, 1, 40), area)
        ]
        for number in pool:
            if chance(rng, 0.7):
                society.front(number, sender, 12)
        style = vary(
            rng,
            Style(
                talk_s=120.0,
                reject=0.45,
                abandon=0.015,
                message=0.35,
                expected=0.2,
                appeal=1.5,
                redial_missed=0.15,
                redial_s=10_000.0,
            ),
        )
        desk = Desk([sender], local_presence(rng, pool), style, Label("local_presence_firm"))
        yield from desk.dial(
            rng,
            society.clock.times(rng, RHYTHMS["dialling_day"], size),
            society.stale(size, uniform(rng, 0.01, 0.08)),
        )


def debt_collectors(society: Society, calls: int) -> Iterator[Attempt]:
    """Collectors: the same debtors again and again, who seldom answer and hang up (US rule: 7 calls in 7
    days)."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 100.0, 350.0)):
        sender = society.origins.hosted_dialler(rng, uniform(rng, 0.5, 1.0))
        pool = society.firm_range(heavy_count(rng, 8, 0.9, 1, 80))
        for number in pool:
            society.front(number, sender, 20)
        style = vary(
            rng,
            Style(
                talk_s=70.0,
                talk_sigma=1.3,
                reject=0.75,
                reject_s=11.0,
                abandon=0.03,
                message=0.1,
                expected=0.05,
                appeal=0.8,
            ),
        )
        debtors = society.stale(
            max(5, int(size / uniform(rng, 1.3, 3.0))), uniform(rng, 0.05, 0.25), uniform(rng, 0.0, 0.3)
        )
        desk = Desk([sender], rotating(rng, pool), style, Label("debt_collector"))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["dialling_day"], size), debtors)


def pollsters(society: Society, calls: int) -> Iterator[Attempt]:
    """Random-digit surveys: many unassigned numbers, few who agree, long interviews with those."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 150.0, 500.0)):
        sender = society.origins.hosted_dialler(rng, uniform(rng, 0.7, 1.0))
        pool = society.firm_range(heavy_count(rng, 2, 0.9, 1, 20))
        style = vary(
            rng,
            Style(
                talk_s=500.0,
                talk_sigma=0.7,
                reject=0.85,
                reject_s=14.0,
                message=0.05,
                patience_s=26.0,
                redial_missed=0.2,
                redial_busy=0.3,
                redial_s=12_000.0,
            ),
        )
        screened = uniform(rng, 0.0, 0.8)
        callees = [
            society.random_digits(1)[0]
            if not chance(rng, screened)
            else pick(rng, society.people).line.number
            for _ in range(size)
        ]
        desk = Desk([sender], rotating(rng, pool), style, Label("pollster"))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["evening"], size), callees)


def charities(society: Society, calls: int) -> Iterator[Attempt]:
    """Volunteers or agencies calling former donors, from lists of uneven age."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 60.0, 250.0)):
        sender = (
            society.origins.business(rng, uniform(rng, 0.5, 1.0))
            if chance(rng, 0.5)
            else society.origins.hosted_dialler(rng, 0.8)
        )
        number = society.firm_range(1)[0]
        society.front(number, sender, 6)
        style = vary(
            rng,
            Style(
                talk_s=140.0,
                reject=0.6,
                reject_s=16.0,
                message=0.15,
                expected=0.1,
                redial_missed=0.1,
                redial_s=7000.0,
            ),
        )
        window = society.clock.window(rng, RHYTHMS["evening"], uniform(rng, 2.0, 5.0) * 3600.0)
        desk = Desk([sender], fixed(number), style, Label("charity"))
        callees = society.stale(size, uniform(rng, 0.03, 0.2))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["flat"], size, window), callees)


def politicians(society: Society, calls: int) -> Iterator[Attempt]:
    """Campaign offices: recorded messages and volunteers from their own phones, to registered supporters."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 120.0, 400.0)):
        recorded = chance(rng, 0.5)
        sender = society.origins.hosted_dialler(rng, uniform(rng, 0.3, 1.0))
        pool = society.firm_range(heavy_count(rng, 6, 0.9, 1, 60))
        length = uniform(rng, 25.0, 60.0)
        style = Style(
            talk_s=length,
            talk_sigma=0.15,
            reject=0.75,
            reject_s=7.0,
            message=0.9,
            message_s=length,
            expected=0.05,
            caller_ends=0.9,
        )
        if not recorded:
            style = replace(style, talk_s=130.0, talk_sigma=0.9, reject=0.6, message=0.3, caller_ends=0.5)
        window = society.clock.window(rng, RHYTHMS["evening"], uniform(rng, 1.0, 6.0) * 3600.0)
        desk = Desk([sender], local_presence(rng, pool), vary(rng, style, 0.15), Label("politics"))
        callees = society.stale(size, uniform(rng, 0.03, 0.15))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["flat"], size, window), callees)


def recruiters(society: Society, calls: int) -> Iterator[Attempt]:
    """Staffing agents filling shifts: short calls to everyone on the roster until enough have said yes."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 25.0, 90.0)):
        company = pick(rng, society.companies)
        style = vary(
            rng, Style(talk_s=65.0, reject=0.2, message=0.6, expected=0.5, returns=4.0, redial_busy=0.3)
        )
        roster = society.customers(max(5, int(size * uniform(rng, 0.6, 1.0))))
        society.acquainted(company.numbers, roster, 0.5)
        desk = Desk([company.sender], rotating(rng, company.numbers[:3]), style, Label("recruiter"))
        window = society.clock.window(rng, RHYTHMS["early"], lognormal(rng, 9000.0, 0.6))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["flat"], size, window), roster)


def trade_suppliers(society: Society, calls: int) -> Iterator[Attempt]:
    """Representatives working through an old directory of firms: many numbers gone, switchboards,
    secretaries."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 40.0, 160.0)):
        company = pick(rng, society.companies)
        style = vary(
            rng,
            Style(
                talk_s=110.0,
                reject=0.5,
                reject_s=20.0,
                message=0.4,
                redial_busy=0.4,
                redial_missed=0.1,
                redial_s=3000.0,
            ),
        )
        dead = uniform(rng, 0.08, 0.4)
        firms = society.workers(size)
        callees = [
            pick(rng, society.people).line.number
            if chance(rng, 0.1)
            else society.stale(1, 1.0)[0]
            if chance(rng, dead)
            else n
            for n in firms
        ]
        desk = Desk([company.sender], rotating(rng, company.numbers[:4]), style, Label("trade_supplier"))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["office"], size), callees)


def ai_receptionists(society: Society, calls: int) -> Iterator[Attempt]:
    """Honest voice agents of clinics, garages and restaurants: confirm bookings in a natural dialogue."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 40.0, 150.0)):
        company = pick(rng, society.companies)
        sender = society.origins.hosted_dialler(rng, uniform(rng, 0.3, 1.0))
        style = vary(
            rng,
            Style(
                talk_s=55.0,
                talk_sigma=0.5,
                reject=0.3,
                message=0.8,
                message_s=18.0,
                expected=0.4,
                caller_ends=0.8,
            ),
        )
        desk = Desk([sender], fixed(company.numbers[0]), style, Label("ai_receptionist"))
        yield from desk.dial(rng, society.clock.times(rng, RHYTHMS["office"], size), society.customers(size))
