"""Machines: alarm panels, lifts, meters, doorbells, test probes, faxes and misconfigured phones."""

from __future__ import annotations

from spit.worlds.lives.answering import FirmLine, Pitch
from spit.worlds.lives.draws import around, below, chance, log_between, log_uniform, pick, uniform
from spit.worlds.lives.exchange import Life, World
from spit.worlds.lives.network import Origin
from spit.worlds.lives.population import Subscriber
from spit.worlds.lives.senders import Sender, draw_sender, numbers_for, own_up
from spit.worlds.lives.signalling import Course, Label


def _panel(
    world: World, kind: str, origin: Origin, centre: str, every_s: float, talk_s: float, burst: float
) -> Life:
    """A device reports to its centre at a fixed interval, and in bursts when something is wrong."""
    rng = world.rng
    t = uniform(rng, 0.0, every_s)
    pitch = Pitch(talk_s, patience_s=45.0, talk_sigma=0.15, engage=1.0, playback_s=talk_s)
    while True:
        yield t
        result = world.place(t, origin, centre, pitch, Label(kind))
        failed = result.course.outcome != "answered"
        again = failed or chance(rng, burst)
        t = result.end + around(rng, 20.0, 0.3) if again else t + every_s * uniform(rng, 0.98, 1.02)


def panels(world: World, quota: int) -> None:
    """Alarm panels, lifts and meters: one centre each, thousands of quiet lines."""
    rng = world.rng
    for kind, low_h, high_h, talk in (
        ("alarm_panel", 2.0, 24.0, 9.0),
        ("lift_check", 12.0, 72.0, 25.0),
        ("meter", 1.0, 24.0, 4.0),
    ):
        sender = draw_sender(world, "exchange", ("enterprise",))
        centre = numbers_for(world, sender, 1)[0]
        own_up(world, [centre], FirmLine(centre, log_between(rng, 2, 30), 0.0, 24.0, 0.98, menu=True))
        every = log_uniform(rng, low_h, high_h) * 3600.0
        count = max(1, int(quota / 3.0 / max(0.2, world.clock.length_s / every)))
        burst = log_uniform(rng, 0.01, 0.15)
        for _ in range(min(count, quota)):
            machine = draw_sender(world, "machine", ("registered",))
            number = world.plan.allocate(rng, "mobile" if chance(rng, 0.5) else "fixed")
            machine.main_number = number
            own_up(world, [number], FirmLine(number, 1, 0.0, 24.0, 0.3, menu=chance(rng, 0.3)))
            world.live(_panel(world, kind, machine.showing(number), centre, every, talk, burst))


def probe(world: World, quota: int) -> None:
    """Test calls of operators over every trunk to test numbers and to vacant ones, minute by minute."""
    world.live(
        _probing(world, draw_sender(world, "machine", ("national", "transit", "sip_provider"), 3), quota)
    )


def _probing(world: World, sender: Sender, quota: int) -> Life:
    rng = world.rng
    numbers = numbers_for(world, sender, log_between(rng, 1, 10), scattered=True)
    own_up(world, numbers, FirmLine(numbers[0], 5, 0.0, 24.0, menu=True))
    tests = [world.plan.allocate(rng, "fixed") for _ in range(log_between(rng, 2, 30))]
    own_up(world, tests, FirmLine(tests[0], 20, 0.0, 24.0, menu=True))
    pitch = Pitch(8.0, patience_s=uniform(rng, 6.0, 30.0), engage=1.0, playback_s=log_uniform(rng, 2.0, 30.0))
    gap = world.clock.length_s / max(1, quota)
    for i in range(quota):
        t = (i + 0.3) * gap
        yield t
        callee = world.plan.vacant(rng) if chance(rng, 0.08) else pick(rng, tests)
        world.place(t, sender.showing(pick(rng, numbers)), callee, pitch, Label("test_probe"))


def doorbells(world: World, quota: int) -> None:
    """Door stations ring the flats of their house, short, by day."""
    rng = world.rng
    left = quota
    while left > 0:
        rings = min(left, log_between(rng, 3, 25))
        left -= rings
        machine = draw_sender(world, "machine", ("registered", "sip_provider"))
        number = numbers_for(world, machine, 1, scattered=True)[0]
        own_up(world, [number], FirmLine(number, 1, 0.0, 24.0, 0.5, menu=True))
        first = below(rng, len(world.population.home))
        flats = [
            world.population.home[(first + i) % len(world.population.home)]
            for i in range(log_between(rng, 2, 30))
        ]
        world.live(_door(world, machine.showing(number), flats, rings))


def _door(world: World, origin: Origin, flats: list[Subscriber], rings: int) -> Life:
    rng = world.rng
    for flat in flats:
        flat.knows.add(origin.presented)
    spans = world.clock.spans(7.0, 22.5) or [(0.0, world.clock.length_s)]
    for t in sorted(uniform(rng, *pick(rng, spans)) for _ in range(rings)):
        yield t
        pitch = Pitch(11.0, patience_s=25.0, talk_sigma=0.5, engage=1.0, message=0.0)
        world.place(t, origin, pick(rng, flats).number, pitch, Label("doorbell"))


def fax_machines(world: World, quota: int) -> None:
    """Faxes to an old address list: voices answer and hang up, the machine tries again."""
    rng = world.rng
    left = quota
    while left > 0:
        sheets = min(left, log_between(rng, 5, 60))
        left -= sheets
        machine = draw_sender(world, "home", ("registered", "enterprise"))
        number = numbers_for(world, machine, 1)[0]
        own_up(world, [number], FirmLine(number, 1, 0.0, 24.0, menu=True))
        world.live(_faxing(world, machine.showing(number), sheets))


def _faxing(world: World, origin: Origin, sheets: int) -> Life:
    rng = world.rng
    t = pick(rng, world.clock.spans(7.0, 18.0) or [(0.0, world.clock.length_s)])[0] + uniform(
        rng, 0.0, 14_400.0
    )
    callee = world.population.someone_home(rng).number
    for _ in range(sheets):
        t += around(rng, 120.0, 0.3)
        yield t
        pitch = Pitch(
            45.0, patience_s=50.0, engage=0.15, brush_s=5.0, playback_s=uniform(rng, 25.0, 90.0), message=1.0
        )
        result = world.place(t, origin, callee, pitch, Label("fax"))
        t = result.end
        if result.talked or chance(rng, 0.35):
            callee = (
                world.plan.vacant(rng) if chance(rng, 0.15) else world.population.someone_home(rng).number
            )


def misconfigured(world: World, quota: int) -> None:
    """Phones with stale passwords and exchanges with broken dial plans repeat the same failing call."""
    rng = world.rng
    left = quota
    while left > 0:
        tries = min(left, log_between(rng, 8, 300))
        left -= tries
        world.live(_repeating(world, tries))


def _repeating(world: World, tries: int) -> Life:
    rng = world.rng
    machine = draw_sender(world, pick(rng, ("exchange", "desk", "home")), ("registered", "enterprise"))
    number = numbers_for(world, machine, 1, scattered=True)[0]
    own_up(world, [number], FirmLine(number, 2, 8.0, 18.0))
    # A phone that never registered properly shows its user name, not a number.
    origin = machine.showing(f"{below(rng, 900) + 100}@{world.plan.domain}" if chance(rng, 0.4) else number)
    outcome = pick(rng, ("unauthorized", "unauthorized", "incomplete", "not_found", "failed"))
    # A broken dial plan cuts or garbles digits: different callees, all of them wrong.
    callees = [
        world.plan.vacant(rng)[: -below(rng, 4) or None]
        for _ in range(1 if chance(rng, 0.4) else log_between(rng, 2, 40))
    ]
    every = log_uniform(rng, 5.0, 600.0)
    t = uniform(rng, 0.0, world.clock.length_s)
    for _ in range(tries):
        yield t
        world.log.write(
            t,
            "INVITE",
            origin,
            pick(rng, callees),
            Course(outcome),
            Label("misconfigured"),
            world.log.destination(True),
        )
        t += every * uniform(rng, 0.95, 1.05)
