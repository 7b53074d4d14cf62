"""Many people and one number: radio contests, ticket sales, outages; and phone trees of clubs."""

from __future__ import annotations

from spit.worlds.lives.answering import FirmLine, Pitch
from spit.worlds.lives.draws import around, chance, early_heavy, log_between, log_uniform, pick, uniform
from spit.worlds.lives.exchange import Life, World
from spit.worlds.lives.population import Subscriber
from spit.worlds.lives.rooms import office_hours
from spit.worlds.lives.senders import draw_sender, numbers_for, own_up
from spit.worlds.lives.signalling import Label


def crowd(world: World, kind: str, quota: int) -> None:
    """An event (a show, a sale, a power cut) makes a crowd dial one number, again and again when busy."""
    rng = world.rng
    sender = draw_sender(world, "exchange", ("enterprise", "sip_provider"))
    number = numbers_for(world, sender, 1)[0]
    lines = log_between(rng, 3, 40)
    own_up(world, [number], FirmLine(number, lines, 0.0, 24.0, 0.98, answer_s=2.0))
    begin, end = pick(rng, office_hours(world, 7.0, 22.0))
    start = uniform(rng, begin, end)
    length = log_uniform(rng, 180.0, 5400.0)
    talk = {"radio_contest": 20.0, "ticket_sale": 150.0, "outage_hotline": 70.0}[kind]
    people = max(3, int(quota / uniform(rng, 1.8, 5.0)))
    budget = [quota]
    for _ in range(people):
        caller = world.population.anyone(rng, 0.75)
        world.live(
            _eager(
                world,
                caller,
                number,
                kind,
                start + length * float(rng.beta(1.0, 3.0)),
                start + length,
                talk,
                budget,
            )
        )


def _eager(
    world: World,
    person: Subscriber,
    number: str,
    kind: str,
    t: float,
    over: float,
    talk: float,
    budget: list[int],
) -> Life:
    """Dial, hear busy, dial again until through, tired, or the event is over."""
    rng = world.rng
    patience = around(rng, 4.0, 1.0)
    pitch = Pitch(talk, patience_s=60.0, talk_sigma=0.6, engage=1.0)
    while patience > 0.0 and t < over + 600.0:
        yield t
        if budget[0] <= 0:
            return
        budget[0] -= 1
        result = world.place(t, person.origin, number, pitch, Label(kind))
        if result.course.outcome == "answered":
            return
        patience -= 1.0
        t = result.end + around(rng, 9.0, 0.8)


def phone_tree(world: World, quota: int) -> None:
    """A club or school passes a notice on: whoever is reached calls the next ones."""
    rng = world.rng
    size = max(4, min(quota, log_between(rng, 12, 120)))
    members = [world.population.someone_home(rng) for _ in range(size)]
    for member in members:
        member.knows.update(other.number for other in members if chance(rng, 0.5))
    begin, end = pick(rng, office_hours(world, 7.0, 21.0))
    world.live(_pass_on(world, members, 0, uniform(rng, begin, end), log_between(rng, 2, 8)))


def _pass_on(world: World, members: list[Subscriber], at: int, t: float, fan: int) -> Life:
    """Call one's branch; each member reached does the same with his own."""
    rng = world.rng
    t += around(rng, 120.0, 0.8)
    for child in range(at * fan + 1, min(at * fan + fan + 1, len(members))):
        for _ in range(1 + early_heavy(rng, 3, 1.5)):
            yield t
            pitch = Pitch(35.0, patience_s=26.0, talk_sigma=0.5, engage=0.95, message=0.6)
            result = world.place(t, members[at].origin, members[child].number, pitch, Label("phone_tree"))
            t = result.end + around(rng, 30.0, 0.8)
            if result.course.outcome == "answered":
                break
        world.live(_pass_on(world, members, child, t, fan))
