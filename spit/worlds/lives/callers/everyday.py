"""The legitimate side of a seed: how its calls are shared out among the kinds of life."""

from __future__ import annotations

from collections.abc import Callable

from spit.worlds.lives.answering import FirmLine
from spit.worlds.lives.callers import centres, crowds, machines, notices, rounds
from spit.worlds.lives.callers.people import new_subscriber, ordinary_life, shared_line, traveller
from spit.worlds.lives.callers.services import open_firms
from spit.worlds.lives.draws import around, chance, log_between, pick, uniform
from spit.worlds.lives.equipment import Equipment
from spit.worlds.lives.exchange import World
from spit.worlds.lives.network import Origin
from spit.worlds.lives.senders import draw_sender, numbers_for, own_up

# Wishes of people per call that people are to make; the rest arises (returned calls, redials, drivers).
ARISING = 0.8


def _shared_lines(world: World, quota: int) -> None:
    """Hostels, prisons, call shops and calling cards: many users behind one or few numbers."""
    rng = world.rng
    for kind, opens, closes in (("shared_line", 7.0, 23.0), ("calling_card", 0.0, 24.0)):
        left = quota // 2
        while left > 0:
            visits = min(left, log_between(rng, 15, 400))
            left -= visits
            kinds = ("registered", "enterprise") if kind == "shared_line" else ("transit", "sip_provider")
            sender = draw_sender(world, "exchange", kinds)
            numbers = numbers_for(world, sender, 1 if kind == "shared_line" else log_between(rng, 1, 12))
            own_up(world, numbers, FirmLine(numbers[0], 2, 0.0, 24.0, 0.2))
            origins = [sender.showing(n, withheld=chance(rng, 0.05)) for n in numbers]
            world.live(shared_line(world, origins, visits, kind, opens, closes))


def _grey_routes(world: World, quota: int) -> None:
    """Callers from abroad whose calls leave a SIM box: the callee sees local mobile numbers."""
    rng = world.rng
    left = quota
    while left > 0:
        calls = min(left, log_between(rng, 60, 800))
        left -= calls
        equipment: Equipment = world.network.catalogue.draw(rng, "gsm_gateway")
        core = pick(rng, world.network.access_pool)
        sims = [world.plan.allocate(rng, "mobile") for _ in range(log_between(rng, 4, 64))]
        own_up(world, sims, FirmLine(sims[0], 1, 0.0, 24.0, 0.02))
        origins = [Origin(sim, sim, None, core, equipment, world.network.own_origid) for sim in sims]
        world.live(shared_line(world, origins, calls, "grey_route", 5.0, 24.0))


def _spread(world: World, quota: int, median: float, start: Callable[[int], None]) -> None:
    """Start lives of heavy-tailed size until the quota is used up."""
    left = quota
    while left > 0:
        count = min(left, max(1, int(around(world.rng, median, 0.9))))
        left -= count
        start(count)


def settle(world: World, calls: int) -> None:
    """Start every legitimate life so that about this many calls come about."""
    rng = world.rng
    services = open_firms(world, calls)
    world.firm_numbers = [firm.line.number for found in services.firms.values() for firm in found]

    def share(low: float, high: float) -> int:
        return int(calls * uniform(rng, low, high))

    parts = {
        "centres": share(0.05, 0.14),
        "offices": share(0.05, 0.16),
        "reminders": share(0.005, 0.03),
        "texts": share(0.0, 0.03),
        "codes": share(0.005, 0.035),
        "bank": share(0.002, 0.01),
        "couriers": share(0.01, 0.05),
        "technicians": share(0.003, 0.015),
        "panels": share(0.003, 0.02),
        "probe": share(0.001, 0.01),
        "doorbells": share(0.001, 0.01),
        "fax": share(0.001, 0.008),
        "misconfigured": share(0.002, 0.02),
        "crowds": share(0.0, 0.03),
        "trees": share(0.001, 0.008),
        "alert": share(0.005, 0.03) if chance(rng, 0.35) else 0,
        "shared": share(0.003, 0.02),
        "grey": int(calls * 0.08 * world.profile.grey_routes * uniform(rng, 0.2, 1.0)),
        "travellers": share(0.003, 0.02),
        "newcomers": share(0.003, 0.015),
    }
    centres.open_centres(world, parts["centres"])
    rounds.office_firms(world, parts["offices"])
    for _ in range(log_between(rng, 1, 5)):
        notices.reminders(world, parts["reminders"] // 3 + 1)
    notices.shop_texts(world, parts["texts"] + 1)
    for _ in range(2):
        notices.code_service(world, parts["codes"] // 2 + 1)
    notices.bank_alerts(world, parts["bank"] + 1)
    rounds.couriers(world, parts["couriers"])
    rounds.technicians(world, parts["technicians"])
    machines.panels(world, parts["panels"])
    machines.probe(world, parts["probe"])
    machines.doorbells(world, parts["doorbells"])
    machines.fax_machines(world, parts["fax"])
    machines.misconfigured(world, parts["misconfigured"])
    if parts["alert"]:
        notices.emergency_alert(world, parts["alert"])
    for kind in ("radio_contest", "ticket_sale", "outage_hotline"):
        if chance(rng, 0.6) and parts["crowds"] > 30:
            crowds.crowd(world, kind, parts["crowds"] // 2)
    for _ in range(1 + parts["trees"] // 60):
        crowds.phone_tree(world, min(120, parts["trees"]))
    _shared_lines(world, parts["shared"])
    _grey_routes(world, parts["grey"])
    home = world.population.home
    _spread(
        world,
        parts["newcomers"],
        6.0,
        lambda count: world.live(new_subscriber(world, pick(rng, home), count)),
    )
    _spread(
        world, parts["travellers"], 4.0, lambda count: world.live(traveller(world, pick(rng, home), count))
    )
    people_calls = calls - sum(parts.values())
    # A signal is answered by a call, so there are more calls to a wish where people flash.
    arising = ARISING * (1.0 - 0.4 * world.profile.flashing)
    active = [p for p in world.population.people if p.ties or p.home]
    total = sum(p.activity * (1.0 if p.home else 0.4) for p in active)
    for person in active:
        mean = people_calls * arising * person.activity * (1.0 if person.home else 0.4) / total
        wishes = int(rng.poisson(mean))
        if wishes:
            world.live(ordinary_life(world, person, services, wishes))
