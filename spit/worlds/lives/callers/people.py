"""Ordinary people: daily calling to few ties, errands, missed-call signals, texts, wrong numbers."""

from __future__ import annotations

from dataclasses import replace

from spit.worlds.lives.answering import Pitch
from spit.worlds.lives.callers.services import Services, ask
from spit.worlds.lives.clock import times_by_hour
from spit.worlds.lives.draws import Rng, around, below, chance, digits, early_heavy, pick, uniform, weighted
from spit.worlds.lives.exchange import Life, World
from spit.worlds.lives.network import Origin
from spit.worlds.lives.population import Subscriber, rhythm_of
from spit.worlds.lives.signalling import Label

PERSON = Label("person")
ERRANDS: tuple[tuple[str, float], ...] = (
    ("shop", 4.0),
    ("clinic", 2.5),
    ("restaurant", 2.0),
    ("hotline", 2.0),
    ("bank", 1.2),
    ("taxi", 2.5),
    ("office", 1.5),
    ("freephone_balance", 1.0),
)


def _chat(person: Subscriber, rng: Rng) -> Pitch:
    """Most calls arrange something, some are long talks."""
    median = 45.0 if chance(rng, 0.65) else 190.0
    return Pitch(
        median * person.talk, patience_s=26.0, talk_sigma=0.95, engage=0.8, brush_s=15.0, message=0.2
    )


def _call_tie(world: World, person: Subscriber, t: float) -> Life:
    """Call a tie; redial or ask another if it fails; sometimes pass the news on."""
    rng = world.rng
    number = person.ties[early_heavy(rng, len(person.ties), 2.8)]
    for _ in range(4):
        result = world.place(t, person.origin, number, _chat(person, rng), PERSON)
        if result.talked:
            if not chance(rng, 0.12):
                return
            number = pick(rng, person.ties)
            t = result.end + around(rng, 25.0, 0.9)
        elif chance(rng, 0.3):
            t = result.end + around(rng, 70.0, 1.3)
            if chance(rng, 0.3):
                number = pick(rng, person.ties)
        else:
            return
        yield t


def _flash(world: World, person: Subscriber, t: float) -> None:
    """One ring and off: "call me" or "I have arrived" (Donner 2007)."""
    number = person.ties[early_heavy(world.rng, len(person.ties), 2.5)]
    pitch = Pitch(12.0, patience_s=uniform(world.rng, 1.5, 5.0), patience_sigma=0.3, message=0.0)
    result = world.place(t, person.origin, number, pitch, Label("missed_call_signal"))
    other = world.subscriber(number)
    if other is not None and result.course.outcome == "cancelled" and chance(world.rng, 0.35):
        world.live(_answer_flash(world, other, person, result.end))


def _answer_flash(world: World, other: Subscriber, person: Subscriber, t: float) -> Life:
    """The one who can pay calls back, soon."""
    t += around(world.rng, 60.0, 1.0)
    yield t
    world.place(
        t,
        other.origin,
        person.number,
        replace(_chat(other, world.rng), expected=True),
        Label("missed_call_return"),
    )


def _wrong_number(world: World, person: Subscriber, t: float) -> Life:
    """One digit off, or too few digits; then the right number."""
    rng = world.rng
    right = pick(rng, person.ties)
    if "@" in right:
        return
    at = 4 + below(rng, max(1, len(right) - 5))
    wrong = right[:-2] if chance(rng, 0.2) else right[:at] + digits(rng, 1) + right[at + 1 :]
    pitch = Pitch(8.0, talk_sigma=0.4, engage=0.1, brush_s=7.0, message=0.0)
    result = world.place(t, person.origin, wrong, pitch, PERSON)
    t = result.end + around(rng, 15.0, 0.5)
    yield t
    world.place(t, person.origin, right, _chat(person, rng), PERSON)


def _customer(world: World, person: Subscriber, t: float) -> None:
    """A tradesman, estate agent or doctor on call rings a customer who may not know the number."""
    customer = world.population.anyone(world.rng, 1.0 if not person.home else 0.7)
    pitch = Pitch(
        60.0 * person.talk,
        patience_s=26.0,
        engage=0.85,
        brush_s=10.0,
        message=0.3,
        expected=chance(world.rng, 0.45),
    )
    world.place(t, person.origin, customer.number, pitch, Label("trader"))


def _ask_around(world: World, person: Subscriber, services: Services, t: float) -> Life:
    """Compare several firms one after the other: a small burst of first contacts."""
    trade = pick(world.rng, ("shop", "clinic", "restaurant", "office"))
    for _ in range(2 + early_heavy(world.rng, 6, 1.5)):
        firm = pick(world.rng, services.firms[trade])
        yield from ask(world, person, firm, t)
        t = max(t, person.busy_until) + around(world.rng, 60.0, 0.8)
        yield t


def ordinary_life(world: World, person: Subscriber, services: Services, wishes: int) -> Life:
    """Live through the log with so many wishes to call, at the hours of one's kind of life."""
    rng = world.rng
    trades = world.profile.trades_by_phone
    for wish in times_by_hour(rng, world.clock, rhythm_of(person), wishes):
        t = max(wish, person.busy_until + 2.0)
        yield t
        if person.life == "trader" and chance(rng, 0.4):
            _customer(world, person, t)
            continue
        what = weighted(
            rng,
            [
                ("tie", 1.0),
                ("flash", 1.3 * world.profile.flashing),
                ("text", world.profile.messages),
                ("errand", 0.11 * trades),
                ("around", 0.006 * trades),
                ("wrong", 0.012),
            ],
        )
        if what == "flash" and person.ties and person.use == "mobile":
            _flash(world, person, t)
        elif what == "text" and person.ties:
            world.send(t, person.origin, person.ties[early_heavy(rng, len(person.ties), 2.5)], PERSON)
        elif what == "around" and person.home:
            yield from _ask_around(world, person, services, t)
        elif (what == "errand" and person.home) or not person.ties:
            yield from ask(world, person, services.choose(rng, weighted(rng, ERRANDS), person), t)
        elif what == "wrong":
            yield from _wrong_number(world, person, t)
        else:
            yield from _call_tie(world, person, t)


def new_subscriber(world: World, person: Subscriber, tells: int) -> Life:
    """A fresh number tells everybody: a burst of calls or texts to people who do not know it."""
    rng = world.rng
    fresh = world.plan.allocate(rng, person.use)
    world.parties[fresh] = world.parties[person.number]
    origin = replace(person.origin, presented=fresh, identity=fresh)
    t = uniform(rng, 0.0, 0.8 * world.clock.length_s)
    by_text = chance(rng, 0.3)
    for _ in range(tells):
        t += around(rng, 150.0, 1.2)
        yield t
        friend = (
            pick(rng, person.ties)
            if person.ties and chance(rng, 0.6)
            else world.population.someone_home(rng).number
        )
        if by_text:
            world.send(t, origin, friend, Label("new_subscriber"))
        else:
            pitch = Pitch(70.0 * person.talk, engage=0.85, brush_s=12.0, message=0.4)
            t = world.place(t, origin, friend, pitch, Label("new_subscriber")).end


def traveller(world: World, person: Subscriber, wishes: int) -> Life:
    """A customer abroad: the same number arrives over transit, at odd hours, in small bursts."""
    rng = world.rng
    origin = replace(person.origin, trunk=world.network.some(rng, "transit"), entitled=False)
    for t in sorted(uniform(rng, 0.0, world.clock.length_s) for _ in range(wishes)):
        yield t
        number = (
            pick(rng, person.ties)
            if person.ties and chance(rng, 0.7)
            else world.population.someone_home(rng).number
        )
        pitch = Pitch(80.0, engage=0.7, message=0.2, patience_s=22.0)
        world.place(t, origin, number, pitch, Label("traveller"))


def shared_line(
    world: World, origins: list[Origin], visits: int, kind: str, opens: float, closes: float
) -> Life:
    """One number many people call from: hostel, prison, call shop, calling-card platform."""
    rng = world.rng
    spans = world.clock.spans(opens, closes) or [(0.0, world.clock.length_s)]
    times = sorted(uniform(rng, *pick(rng, spans)) for _ in range(visits))
    for t in times:
        yield t
        user = world.population.someone_home(rng)
        local = [tie for tie in user.ties if world.plan.is_own(tie)]
        number = pick(rng, local) if local else user.number
        pitch = Pitch(around(rng, 150.0, 0.3), patience_s=30.0, engage=0.8, brush_s=10.0, message=0.05)
        world.place(t, pick(rng, origins), number, pitch, Label(kind))
