"""Many callers at one number, and one message passed along a chain of people."""

from __future__ import annotations

from collections.abc import Iterator

from spit.worlds.carrier.attempts import Attempt, Label, Style
from spit.worlds.carrier.clock import RHYTHMS
from spit.worlds.carrier.draws import heavy_count, lognormal, pick, uniform
from spit.worlds.carrier.lines import Line
from spit.worlds.carrier.members import member_sizes, vary
from spit.worlds.carrier.society import Person, Society


def _hotline(society: Society, capacity: int, hold_s: float) -> Line:
    company = pick(society.rng, society.companies)
    number = society.plan.business_range(society.rng, 1)[0]
    return society.directory.add(
        Line(
            number=number,
            role="queue",
            trunk=company.sender.trunk,
            address=company.sender.source_ip,
            capacity=capacity,
            hold_s=hold_s,
        )
    )


def _rush(
    society: Society, label: Label, size: int, capacity: int, length_s: float, style: Style, rhythm: str
) -> Iterator[Attempt]:
    """People calling one line within a while, most in the first part of it."""
    rng = society.rng
    hotline = _hotline(society, capacity, uniform(rng, 5.0, 90.0))
    start = society.clock.moment(rng, RHYTHMS[rhythm])
    for _ in range(size):
        person: Person = pick(rng, society.people)
        if person.line.sender is None:
            continue
        time_s = start + lognormal(rng, length_s, 0.9)
        yield Attempt(
            time_s, person.line.sender, person.line.number, hotline.number, style, label, origin=person.line
        )


def radio_contests(society: Society, calls: int) -> Iterator[Attempt]:
    """The ninth caller wins: busy, redial, busy, within minutes."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 150.0, 500.0)):
        style = Style(
            talk_s=15.0,
            talk_sigma=0.5,
            redial_busy=uniform(rng, 0.6, 0.93),
            redial_s=uniform(rng, 3.0, 12.0),
            tries=40,
            caller_ends=0.2,
        )
        # Redials multiply the first calls.
        callers = max(10, int(size * (1.0 - style.redial_busy) * 1.3))
        yield from _rush(
            society,
            Label("radio_contest"),
            callers,
            heavy_count(rng, 3, 0.7, 1, 10),
            uniform(rng, 40.0, 200.0),
            style,
            "shop",
        )


def ticket_sales(society: Society, calls: int) -> Iterator[Attempt]:
    """Tickets, vaccination slots, outages: long queues and redialling at one number for hours."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 150.0, 600.0)):
        style = Style(
            talk_s=uniform(rng, 60.0, 240.0),
            talk_sigma=0.8,
            redial_busy=uniform(rng, 0.4, 0.8),
            redial_s=uniform(rng, 20.0, 120.0),
            tries=15,
        )
        callers = max(10, int(size * 0.7))
        yield from _rush(
            society,
            Label("ticket_sale"),
            callers,
            heavy_count(rng, 6, 0.8, 1, 80),
            uniform(rng, 600.0, 5400.0),
            style,
            "office",
        )


def conference_bridges(society: Society, calls: int) -> Iterator[Attempt]:
    """Meetings: many dial the same bridge around the full hour and stay."""
    rng = society.rng
    bridge = _hotline(society, 2000, 0.0)
    bridge.role = "menu"
    for size in member_sizes(rng, calls, uniform(rng, 4.0, 10.0), 0.6):
        moment = society.clock.moment(rng, RHYTHMS["office"])
        start = moment - moment % 1800.0
        style = Style(talk_s=uniform(rng, 1200.0, 3000.0), talk_sigma=0.4, caller_ends=0.8)
        for _ in range(size):
            company = pick(rng, society.companies)
            yield Attempt(
                start + float(rng.normal(0.0, 90.0)),
                company.sender,
                pick(rng, company.numbers),
                bridge.number,
                style,
                Label("conference_bridge"),
            )


def phone_trees(society: Society, calls: int) -> Iterator[Attempt]:
    """A club's chain: each member calls the next three or four, short and urgent."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 25.0, 80.0), 0.5):
        fan = int(rng.integers(2, 6))
        members = [pick(rng, society.people) for _ in range(size + 1)]
        style = vary(
            rng,
            Style(
                talk_s=45.0,
                talk_sigma=0.7,
                reject=0.05,
                message=0.6,
                expected=0.75,
                redial_missed=0.4,
                redial_busy=0.8,
                redial_s=180.0,
            ),
        )
        informed = [society.clock.moment(rng, RHYTHMS["evening"])]
        for place in range(1, size + 1):
            parent = (place - 1) // fan
            line = members[parent].line
            time_s = informed[parent] + lognormal(rng, 90.0, 0.6) * (1 + (place - 1) % fan)
            informed.append(time_s + 60.0)
            if line.sender is not None and members[place].line is not line:
                yield Attempt(
                    time_s,
                    line.sender,
                    line.number,
                    members[place].line.number,
                    style,
                    Label("phone_tree"),
                    origin=line,
                )
