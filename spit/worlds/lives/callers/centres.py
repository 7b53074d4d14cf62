"""Honest outbound rooms: consented sales, debt collection, surveys, charities, politics, callbacks.

What differs between them is the age of the list, whether the called know them, what they have to
say and how often they try. Random-digit surveys lose a third of their numbers to vacant ones and
most of the rest to no contact and refusal (Dillon et al., IPA 2021: response rates of 7 to 60 %).
"""

from __future__ import annotations

from dataclasses import dataclass

from spit.worlds.lives.answering import FirmLine, Pitch
from spit.worlds.lives.draws import around, chance, log_between, log_uniform, uniform, weighted
from spit.worlds.lives.exchange import World
from spit.worlds.lives.rooms import Room, office_hours, old_list, open_room, through, window
from spit.worlds.lives.senders import Presenter, always, draw_sender, nearest, numbers_for, own_up, shared_out
from spit.worlds.lives.signalling import Label

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Trade:
    """Ranges for one kind of centre; talk in seconds (median), the rest shares or counts."""

    stale: Span
    expected: Span
    engage: Span
    talk: Span
    retries: tuple[int, int]
    numbers: Span
    hours: Span
    abandon: Span
    patience: Span
    weight: float


TRADES: dict[str, Trade] = {
    "consented_sales": Trade(
        (0.01, 0.12),
        (0.0, 0.3),
        (0.15, 0.5),
        (90, 300),
        (0, 3),
        (1, 200),
        (9, 20),
        (0.0, 0.03),
        (16, 30),
        2.0,
    ),
    "debt_collection": Trade(
        (0.05, 0.3),
        (0.0, 0.15),
        (0.2, 0.55),
        (60, 240),
        (2, 8),
        (1, 60),
        (8, 20.5),
        (0.0, 0.04),
        (14, 35),
        1.6,
    ),
    "survey": Trade(
        (0.05, 0.5),
        (0.0, 0.02),
        (0.05, 0.4),
        (240, 900),
        (1, 6),
        (1, 30),
        (10, 21),
        (0.0, 0.03),
        (18, 40),
        1.5,
    ),
    "charity": Trade(
        (0.02, 0.25),
        (0.0, 0.3),
        (0.1, 0.45),
        (90, 300),
        (0, 3),
        (1, 10),
        (10, 20.5),
        (0.0, 0.03),
        (16, 30),
        1.0,
    ),
    "political_canvass": Trade(
        (0.03, 0.3), (0.0, 0.2), (0.15, 0.5), (40, 200), (0, 2), (1, 40), (10, 21), (0.0, 0.03), (14, 30), 1.0
    ),
    "support_callback": Trade(
        (0.0, 0.03), (0.6, 0.95), (0.8, 0.98), (120, 420), (1, 3), (1, 5), (8, 20), (0.0, 0.01), (22, 40), 1.5
    ),
    "recruiter": Trade(
        (0.02, 0.15), (0.1, 0.5), (0.5, 0.85), (90, 400), (0, 2), (1, 6), (9, 18), (0.0, 0.0), (20, 35), 0.8
    ),
}


def open_centre(world: World, quota: int) -> None:
    """One centre of a drawn trade and size."""
    rng = world.rng
    kind = weighted(rng, [(name, trade.weight) for name, trade in TRADES.items()])
    trade = TRADES[kind]
    sender = draw_sender(
        world,
        "diallers" if chance(rng, 0.65) else "exchange",
        ("enterprise", "sip_provider", "sip_provider", "national"),
    )
    count = min(log_between(rng, *trade.numbers), max(1, quota))
    mobile_look = chance(rng, 0.2)
    numbers = numbers_for(
        world, sender, count, "mobile" if mobile_look else "fixed", scattered=chance(rng, 0.5)
    )
    opens, closes = trade.hours
    own_up(
        world,
        numbers,
        FirmLine(numbers[0], log_between(rng, 3, 30), opens, closes, 0.9, menu=chance(rng, 0.7)),
    )
    origins = [sender.showing(number) for number in numbers]
    if chance(rng, 0.08):
        origins = [sender.showing(numbers[0], withheld=True)]
    present: Presenter = always(origins[0])
    if len(origins) > 1:
        present = nearest(origins) if chance(rng, 0.35) else shared_out(rng, origins)
    stale = uniform(rng, *trade.stale)
    pitch = Pitch(
        log_uniform(rng, *trade.talk),
        patience_s=uniform(rng, *trade.patience),
        patience_sigma=0.2,
        engage=uniform(rng, *trade.engage),
        brush_s=uniform(rng, 8.0, 25.0),
        message=uniform(rng, 0.0, 0.4),
        abandon=uniform(rng, *trade.abandon),
        caller_ends=uniform(rng, 0.4, 0.8),
    )
    numbers_called = old_list(world, quota, uniform(rng, 0.85, 1.0), stale)
    expected = uniform(rng, *trade.expected)
    for number in numbers_called:
        person = world.subscriber(number)
        if person is not None and chance(rng, expected):
            person.knows.update(numbers)
    open_room(
        world,
        Room(
            Label(kind),
            pitch,
            through(numbers_called),
            present,
            quota,
            log_between(rng, 2, 40),
            window(
                rng,
                office_hours(world, opens + uniform(rng, -0.5, 1.5), closes - uniform(rng, 0.0, 3.0)),
                0.5,
            ),
            wrap_s=around(rng, 15.0, 0.5),
            retries=trade.retries[0] + int(uniform(rng, 0.0, 1.0 + trade.retries[1] - trade.retries[0])),
            retry_after_s=log_uniform(rng, 900.0, 14_400.0),
        ),
    )


def open_centres(world: World, quota: int) -> None:
    """Several centres whose sizes are heavy-tailed and add up to the quota."""
    rng = world.rng
    count = log_between(rng, 4, 14)
    sizes = [around(rng, 1.0, 0.9) for _ in range(count)]
    for size in sizes:
        share = int(quota * size / sum(sizes))
        if share >= 5:
            open_centre(world, share)
