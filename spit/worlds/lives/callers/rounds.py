"""People whose work is a round of short calls to strangers: couriers, technicians, office firms."""

from __future__ import annotations

import numpy as np

from spit.worlds.lives.answering import FirmLine, Pitch
from spit.worlds.lives.clock import times_by_hour
from spit.worlds.lives.draws import around, below, chance, early_heavy, log_between, pick, uniform
from spit.worlds.lives.exchange import Life, World
from spit.worlds.lives.network import Origin
from spit.worlds.lives.rooms import office_hours
from spit.worlds.lives.senders import Sender, draw_sender, numbers_for, own_up
from spit.worlds.lives.signalling import Label


def courier(world: World, stops: int, through_platform: Sender | None) -> Life:
    """A driver's round: at some doors nobody opens, so a short call from a mobile nobody knows."""
    rng = world.rng
    number = world.plan.allocate(rng, "mobile")
    own_up(world, [number], FirmLine(number, 1, 7.0, 21.0, 0.6))
    origin = Origin(
        number,
        number,
        None,
        pick(rng, world.network.access_pool),
        world.network.catalogue.draw(rng, "handset"),
        world.network.own_origid,
    )
    if through_platform is not None:
        origin = through_platform.showing(number)
    flashes = chance(rng, world.profile.flashing * 2.0)
    begin, end = pick(rng, office_hours(world, 8.0 + uniform(rng, -1.0, 2.0), uniform(rng, 15.0, 21.0)))
    t = begin
    pace = (end - begin) / max(1, stops)
    for _ in range(stops):
        t += around(rng, 0.8 * pace, 0.6)
        if t > end + 3600.0:
            return
        yield t
        customer = world.population.someone_home(rng)
        pitch = Pitch(
            18.0,
            patience_s=5.0 if flashes else 24.0,
            talk_sigma=0.6,
            engage=0.93,
            brush_s=8.0,
            expected=chance(rng, 0.5),
            message=0.1,
        )
        result = world.place(t, origin, customer.number, pitch, Label("courier"))
        if result.course.outcome != "answered" and chance(rng, 0.35):
            t = result.end + around(rng, 45.0, 0.5)
            yield t
            t = world.place(t, origin, customer.number, pitch, Label("courier")).end


def couriers(world: World, quota: int) -> None:
    """Firms of couriers; some mask their drivers behind a platform's trunk."""
    rng = world.rng
    platform = draw_sender(world, "platform", ("sip_provider", "enterprise")) if chance(rng, 0.3) else None
    left = quota
    while left > 0:
        stops = min(left, max(3, int(around(rng, 22.0, 0.7))))
        left -= stops
        world.live(courier(world, stops, platform))


def _office(world: World, sender: Sender, extensions: list[str], clients: list[str], calls: int) -> Life:
    """Employees of a firm call clients, suppliers and, at times, people who never heard of them."""
    rng = world.rng
    weights = np.array(
        [0.02] * 7 + [0.4, 1.0, 1.4, 1.5, 1.3, 0.8, 1.1, 1.4, 1.3, 0.9, 0.5] + [0.1] * 3 + [0.02] * 3
    )
    hides_extensions = chance(rng, 0.5)
    origins = [sender.showing(number) for number in (extensions[:1] if hides_extensions else extensions)]
    for t in times_by_hour(rng, world.clock, weights, calls):
        yield t
        callee = clients[early_heavy(rng, len(clients), 2.0)]
        if chance(rng, 0.25):
            callee = world.population.anyone(rng, 0.75).number
        pitch = Pitch(
            around(rng, 75.0, 0.3),
            patience_s=28.0,
            engage=0.85,
            brush_s=12.0,
            message=0.25,
            expected=chance(rng, 0.5),
        )
        world.place(t, origins[early_heavy(rng, len(origins), 1.5)], callee, pitch, Label("firm"))


def office_firms(world: World, quota: int) -> None:
    """Small and larger firms on hosted exchanges, SIP trunks or a few desk phones."""
    rng = world.rng
    left = quota
    while left > 0:
        calls = min(left, max(3, int(around(rng, 14.0, 1.2))))
        left -= calls
        hosted = chance(rng, world.profile.sip_firm_share)
        sender = draw_sender(
            world,
            "exchange" if chance(rng, 0.6) else "desk",
            ("sip_provider", "sip_provider", "enterprise") if hosted else ("registered",),
        )
        count = min(99, 1 + int(around(rng, max(1.0, calls / 6.0), 0.7)))
        extensions = numbers_for(world, sender, count)
        own_up(
            world, extensions, FirmLine(extensions[0], 1 + count // 2, 7.5, 18.5, uniform(rng, 0.75, 0.98))
        )
        clients = [world.population.anyone(rng, 0.8).number for _ in range(3 + below(rng, 25))]
        world.live(_office(world, sender, extensions, clients, calls))


def technicians(world: World, quota: int) -> None:
    """Meter readers and installers announce their visit: many first contacts, short, mornings."""
    rng = world.rng
    left = quota
    while left > 0:
        visits = min(left, log_between(rng, 4, 25))
        left -= visits
        world.live(_announcing(world, visits))


def _announcing(world: World, visits: int) -> Life:
    rng = world.rng
    sender = draw_sender(
        world, "softphone" if chance(rng, 0.5) else "handset", ("registered", "sip_provider")
    )
    number = numbers_for(world, sender, 1, "mobile", scattered=True)[0]
    own_up(world, [number], FirmLine(number, 1, 7.0, 19.0, 0.7))
    origin = sender.showing(number)
    t = pick(rng, office_hours(world, 7.5, 17.0))[0] + uniform(rng, 0.0, 5400.0)
    for _ in range(visits):
        t += around(rng, 240.0, 1.1)
        yield t
        pitch = Pitch(40.0, patience_s=26.0, talk_sigma=0.6, engage=0.88, brush_s=9.0, message=0.5)
        t = world.place(
            t, origin, world.population.someone_home(rng).number, pitch, Label("field_service")
        ).end
