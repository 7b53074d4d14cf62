"""Machines that dial, and equipment set up wrongly."""

from __future__ import annotations

from collections.abc import Iterator

from spit.worlds.carrier.attempts import Attempt, Label, Style
from spit.worlds.carrier.clock import RHYTHMS
from spit.worlds.carrier.draws import chance, heavy_count, lognormal, pick, sample, uniform
from spit.worlds.carrier.lines import Line
from spit.worlds.carrier.members import member_sizes
from spit.worlds.carrier.sender import Sender
from spit.worlds.carrier.society import Society


def _receiver(society: Society, role: str, capacity: int) -> Line:
    """A line of a monitoring centre, gateway or test responder."""
    number = society.plan.business_range(society.rng, 1)[0]
    company = pick(society.rng, society.companies)
    return society.directory.add(
        Line(
            number=number,
            role=role,
            trunk=company.sender.trunk,
            address=company.sender.source_ip,
            capacity=capacity,
        )
    )


def _cell_or_fixed(society: Society, device: str) -> Sender:
    if chance(society.rng, 0.5):
        return society.origins.registered(society.rng, device)
    return society.origins.elsewhere(society.rng, device)


def alarm_panels(society: Society, calls: int) -> Iterator[Attempt]:
    """Burglar and lift alarms: a daily test and, in a storm, many panels at once to the same centre."""
    rng = society.rng
    centres = [_receiver(society, "queue", heavy_count(rng, 8, 0.6, 2, 40)) for _ in range(3)]
    storm = uniform(rng, 0.0, society.clock.span_s)
    stormy = uniform(rng, 0.0, 0.6)
    style = Style(
        talk_s=uniform(rng, 8.0, 25.0),
        talk_sigma=0.5,
        redial_busy=0.9,
        redial_s=25.0,
        tries=8,
        caller_ends=0.95,
    )
    for size in member_sizes(rng, calls, 2.5, 1.2):
        sender = _cell_or_fixed(society, "device")
        number = society.plan.number_in(rng, pick(rng, society.plan.home))
        centre = pick(rng, centres)
        for _ in range(size):
            time_s = (
                storm + lognormal(rng, 300.0, 1.2)
                if chance(rng, stormy)
                else uniform(rng, 0.0, society.clock.span_s)
            )
            yield Attempt(time_s, sender, number, centre.number, style, Label("alarm_panel"))


def meters(society: Society, calls: int) -> Iterator[Attempt]:
    """Meters, vending machines and card terminals reporting by modem at night, exact to the second."""
    rng = society.rng
    gateway = _receiver(society, "machine", 500)
    for size in member_sizes(rng, calls, uniform(rng, 4.0, 20.0), 0.4):
        sender = _cell_or_fixed(society, "device" if chance(rng, 0.5) else "ata")
        number = society.plan.number_in(rng, pick(rng, society.plan.home))
        period = society.clock.span_s / size
        phase = uniform(rng, 0.0, period)
        style = Style(
            talk_s=uniform(rng, 8.0, 60.0),
            talk_sigma=0.1,
            reject=0.05,
            redial_busy=0.9,
            redial_missed=0.9,
            redial_s=60.0,
            caller_ends=1.0,
        )
        for turn in range(size):
            yield Attempt(
                phase + turn * period + float(rng.normal(0.0, 1.5)),
                sender,
                number,
                gateway.number,
                style,
                Label("meter"),
            )


def line_probes(society: Society, calls: int) -> Iterator[Attempt]:
    """Quality probes of this and other carriers: test calls along all routes, to responders and unassigned
    numbers."""
    rng = society.rng
    responders = [_receiver(society, "machine", 20).number for _ in range(heavy_count(rng, 4, 0.6, 1, 20))]
    dead = [society.plan.random_local(rng) for _ in range(3)]
    for size in member_sizes(rng, calls, uniform(rng, 60.0, 200.0)):
        senders = [
            society.origins.behind(rng, pick(rng, society.network.trunks), "tool", 0.8)
            for _ in range(heavy_count(rng, 4, 0.6, 1, 16))
        ]
        number = society.plan.business_range(rng, 1)[0]
        style = Style(
            talk_s=pick(rng, (5.0, 10.0, 20.0, 60.0)),
            talk_sigma=0.03,
            reject=0.0,
            patience_s=30.0,
            message=0.0,
            caller_ends=1.0,
        )
        void = uniform(rng, 0.0, 0.3)
        for time_s in society.clock.times(rng, RHYTHMS["flat"], size):
            callee = pick(rng, dead) if chance(rng, void) else pick(rng, responders)
            yield Attempt(time_s, pick(rng, senders), number, callee, style, Label("line_probe"))


def doorbells(society: Society, calls: int) -> Iterator[Attempt]:
    """Entry phones of apartment houses: one number calls all tenants, who press 9."""
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 10.0, 40.0)):
        sender = _cell_or_fixed(society, "device")
        number = society.plan.number_in(rng, pick(rng, society.plan.home))
        tenants = [p.line.number for p in sample(rng, society.people, heavy_count(rng, 15, 0.8, 2, 200))]
        society.acquainted([number], tenants, 0.8)
        style = Style(
            talk_s=uniform(rng, 7.0, 16.0),
            talk_sigma=0.5,
            reject=0.1,
            patience_s=25.0,
            message=0.0,
            caller_ends=0.4,
            returns=0.1,
            redial_missed=0.3,
            redial_s=15.0,
        )
        for time_s in society.clock.times(rng, RHYTHMS["shop"], size):
            yield Attempt(time_s, sender, number, pick(rng, tenants), style, Label("doorbell"))


def fax_machines(society: Society, calls: int) -> Iterator[Attempt]:
    """Clinics and law firms still fax: fixed retries at busy or wrong numbers, a whistle at whoever
    answers."""
    rng = society.rng
    stations = [_receiver(society, "machine", 1).number for _ in range(max(5, calls // 12))]
    for size in member_sizes(rng, calls, uniform(rng, 5.0, 30.0), 1.1):
        company = pick(rng, society.companies)
        retry = pick(rng, (60.0, 120.0, 180.0, 300.0))
        style = Style(
            talk_s=uniform(rng, 40.0, 120.0),
            talk_sigma=0.7,
            reject=0.03,
            redial_busy=0.95,
            redial_missed=0.9,
            redial_s=retry,
            tries=6,
            patience_s=45.0,
            message=0.5,
            returns=0.5,
        )
        wrong = Style(
            talk_s=12.0,
            talk_sigma=0.5,
            reject=0.97,
            reject_s=6.0,
            redial_busy=0.9,
            redial_missed=0.9,
            redial_s=retry,
            tries=5,
            message=0.5,
        )
        mistaken = uniform(rng, 0.0, 0.15)
        for time_s in society.clock.times(rng, RHYTHMS["office"], size):
            if chance(rng, mistaken):
                yield Attempt(
                    time_s,
                    company.sender,
                    company.numbers[-1],
                    pick(rng, society.people).line.number,
                    wrong,
                    Label("fax_machine"),
                )
            else:
                yield Attempt(
                    time_s,
                    company.sender,
                    company.numbers[-1],
                    pick(rng, stations),
                    style,
                    Label("fax_machine"),
                )


def misconfigured(society: Society, calls: int) -> Iterator[Attempt]:
    """Failures in tight series from honest addresses.

    Wrong passwords, missing digits, an unset prefix, internal extensions sent outside, a dial loop.
    """
    rng = society.rng
    for size in member_sizes(rng, calls, uniform(rng, 10.0, 60.0), 1.1):
        company = pick(rng, society.companies)
        sender = (
            society.origins.registered(rng, pick(rng, ("pbx", "desk", "ata")))
            if chance(rng, 0.6)
            else company.sender
        )
        fault = pick(rng, ("password", "digits", "prefix", "extension", "loop"))
        stuck = society.plan.random_local(rng)
        window = society.clock.window(rng, RHYTHMS["office"], lognormal(rng, 7000.0, 1.0))
        status = pick(rng, (401, 403, 407))
        for time_s in society.clock.times(rng, RHYTHMS["flat"], size, window):
            wanted = pick(rng, society.people).line.number
            verdict: tuple[str, int] | None = None
            if fault == "password":
                verdict = ("unauthorized", status)
            elif fault == "digits":
                wanted, verdict = wanted[: -int(rng.integers(1, 4))], ("incomplete", 484)
            elif fault == "prefix":
                wanted, verdict = "+9" + wanted[1:], ("not_found", 404)
            elif fault == "extension":
                # An internal call that the switchboard passes on to the carrier.
                wanted, verdict = (
                    f"{int(rng.integers(100, 10_000))}@{society.network.host}",
                    ("not_found", 404),
                )
            else:
                wanted = stuck
            # Some of the calls get through: the fault is in one rule or one phone only.
            if chance(rng, 0.1):
                verdict = None
            yield Attempt(
                time_s,
                sender,
                company.numbers[0],
                wanted,
                Style(talk_s=60.0, expected=0.4),
                Label("misconfigured"),
                verdict=verdict,
            )
