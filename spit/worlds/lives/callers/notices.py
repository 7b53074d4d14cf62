"""Automatic notices: reminders, one-time codes, bank alerts, emergency alerts, school closures."""

from __future__ import annotations

from spit.worlds.lives.answering import FirmLine, Pitch
from spit.worlds.lives.clock import times_by_hour
from spit.worlds.lives.draws import around, chance, early_heavy, log_between, log_uniform, pick, uniform
from spit.worlds.lives.exchange import Life, World
from spit.worlds.lives.population import Subscriber, rhythm_of
from spit.worlds.lives.rooms import Room, Spans, office_hours, old_list, open_room, storms, through
from spit.worlds.lives.senders import Sender, draw_sender, numbers_for, own_up, shared_out
from spit.worlds.lives.signalling import Label


def _announce(
    world: World,
    kind: str,
    quota: int,
    spans: Spans,
    pitch: Pitch,
    stale: float,
    known: float,
    method: str,
    numbers: list[str],
    sender: Sender,
    retries: int,
) -> None:
    rng = world.rng
    called = old_list(world, quota, 0.97, stale)
    for number in called:
        person = world.subscriber(number)
        if person is not None and chance(rng, known):
            person.knows.update(numbers)
    open_room(
        world,
        Room(
            Label(kind),
            pitch,
            through(called),
            shared_out(rng, [sender.showing(n) for n in numbers]),
            quota,
            log_between(rng, 2, 60),
            spans,
            wrap_s=0.6,
            retries=retries,
            retry_after_s=log_uniform(rng, 300.0, 7200.0),
            method=method,
        ),
    )


def reminders(world: World, quota: int) -> None:
    """Clinics and schools remind of appointments by a recording or a text, the day before."""
    rng = world.rng
    sender = draw_sender(world, "platform", ("enterprise", "sip_provider"))
    numbers = numbers_for(world, sender, log_between(rng, 1, 6))
    own_up(world, numbers, FirmLine(numbers[0], 8, 8.0, 18.0, menu=chance(rng, 0.5)))
    pitch = Pitch(
        25.0,
        patience_s=uniform(rng, 20.0, 35.0),
        engage=0.75,
        brush_s=5.0,
        playback_s=uniform(rng, 14.0, 40.0),
        message=uniform(rng, 0.5, 1.0),
    )
    _announce(
        world,
        "reminder",
        quota,
        office_hours(world, uniform(rng, 8.0, 11.0), uniform(rng, 15.0, 20.0)),
        pitch,
        uniform(rng, 0.0, 0.08),
        uniform(rng, 0.2, 0.8),
        pick(rng, ("INVITE", "INVITE", "MESSAGE")),
        numbers,
        sender,
        early_heavy(rng, 4, 1.0),
    )


def emergency_alert(world: World, quota: int) -> None:
    """Flood, gas or police warning: everybody in minutes, at any hour, from one number."""
    rng = world.rng
    sender = draw_sender(world, "platform", ("enterprise", "national"))
    numbers = numbers_for(world, sender, 1)
    own_up(world, numbers, FirmLine(numbers[0], 50, 0.0, 24.0, menu=True))
    pitch = Pitch(
        30.0, patience_s=30.0, engage=0.8, brush_s=6.0, playback_s=uniform(rng, 20.0, 60.0), message=1.0
    )
    _announce(
        world,
        "emergency_alert",
        quota,
        storms(world, 1, 300.0, 2400.0),
        pitch,
        uniform(rng, 0.02, 0.15),
        0.05,
        "INVITE",
        numbers,
        sender,
        2,
    )


def shop_texts(world: World, quota: int) -> None:
    """Parcel notices, receipts and offers people asked for, as texts from few numbers."""
    rng = world.rng
    sender = draw_sender(world, "platform", ("enterprise", "sip_provider", "transit"))
    numbers = numbers_for(world, sender, log_between(rng, 1, 12), "mobile")
    own_up(world, numbers, FirmLine(numbers[0], 1, 0.0, 24.0, menu=True))
    spans = (
        storms(world, log_between(rng, 1, 5), 600.0, 7200.0)
        if chance(rng, 0.4)
        else office_hours(world, 7.0, 21.0)
    )
    _announce(
        world,
        "text_notice",
        quota,
        spans,
        Pitch(1.0),
        uniform(rng, 0.0, 0.15),
        0.5,
        "MESSAGE",
        numbers,
        sender,
        0,
    )


def code_service(world: World, quota: int) -> None:
    """One-time codes follow people's own log-ins: voice or text, at people's hours, from rotating numbers."""
    rng = world.rng
    sender = draw_sender(world, "platform", ("sip_provider", "transit", "enterprise"), log_between(rng, 1, 3))
    numbers = numbers_for(
        world, sender, log_between(rng, 1, 80), "mobile" if chance(rng, 0.4) else "fixed", scattered=True
    )
    own_up(world, numbers, FirmLine(numbers[0], 40, 0.0, 24.0, menu=True))
    voice_share = uniform(rng, 0.1, 0.9)
    for _ in range(max(1, quota * 10 // 13)):
        person = world.population.someone_home(rng)
        world.live(_log_in(world, person, sender, numbers, voice_share))


def _log_in(world: World, person: Subscriber, sender: Sender, numbers: list[str], voice_share: float) -> Life:
    """Ask for a code, wait for it, ask again if it does not come."""
    rng = world.rng
    times = times_by_hour(rng, world.clock, rhythm_of(person), 1)
    if not times:
        return
    t = times[0]
    pitch = Pitch(
        18.0, patience_s=25.0, engage=0.97, expected=True, playback_s=uniform(rng, 9.0, 22.0), message=0.5
    )
    for _ in range(3):
        yield t
        origin = sender.showing(pick(rng, numbers))
        if chance(rng, voice_share):
            result = world.place(t, origin, person.number, pitch, Label("one_time_code"))
        else:
            result = world.send(t, origin, person.number, Label("one_time_code"))
        if result.course.outcome == "answered" and not chance(rng, 0.12):
            return
        t = result.end + around(rng, 50.0, 0.6)


def bank_alerts(world: World, quota: int) -> None:
    """The fraud desk of a bank: urgent calls to few customers, often withheld or from a strange number."""
    rng = world.rng
    sender = draw_sender(world, "diallers", ("enterprise", "sip_provider"))
    numbers = numbers_for(world, sender, log_between(rng, 1, 8))
    own_up(world, numbers, FirmLine(numbers[0], 40, 0.0, 24.0, menu=True))
    withheld = chance(rng, 0.25)
    origins = [sender.showing(number, withheld=withheld) for number in numbers]
    pitch = Pitch(log_uniform(rng, 90.0, 320.0), patience_s=30.0, engage=0.7, brush_s=18.0, message=0.6)
    called = old_list(world, quota, 1.0, 0.01)
    open_room(
        world,
        Room(
            Label("bank_alert"),
            pitch,
            through(called),
            shared_out(rng, origins),
            quota,
            log_between(rng, 2, 12),
            office_hours(world, 7.0, 22.5),
            wrap_s=25.0,
            retries=3,
            retry_after_s=900.0,
        ),
    )
