"""Attacks on a callee or on the operator itself: floods, scans, message spam."""

from __future__ import annotations

from spit.worlds.lives.answering import Pitch
from spit.worlds.lives.campaigns.dialling import after_call
from spit.worlds.lives.campaigns.plan import Plan, Rotation, hours_of, machine_of, strangers
from spit.worlds.lives.draws import (
    Rng,
    around,
    below,
    chance,
    digits,
    log_between,
    log_uniform,
    pick,
    uneven,
    uniform,
    weighted,
)
from spit.worlds.lives.equipment import Equipment
from spit.worlds.lives.exchange import Life, World
from spit.worlds.lives.network import Origin, address
from spit.worlds.lives.rooms import Room, open_room, storms
from spit.worlds.lives.senders import draw_sender, numbers_for
from spit.worlds.lives.signalling import Course


def tdos(world: World, plan: Plan) -> None:
    """A flood against one line: plain from one number, or dressed up as a crowd of worried callers."""
    rng = world.rng
    firm = bool(world.firm_numbers) and chance(rng, 0.7)
    victim = pick(rng, world.firm_numbers) if firm else world.population.someone_home(rng).number
    trunks = plan.count(rng, (1, 1), (1, 3), (3, 8))
    sender = draw_sender(world, machine_of(world, plan), ("sip_provider", "transit", "national"), trunks)

    def shown(_callee: str) -> str:
        if plan.strength == "stealthy" and chance(rng, 0.6):
            return world.population.anyone(rng, 0.3).number
        return world.plan.elsewhere(rng, "mobile" if chance(rng, 0.6) else "fixed")

    present = Rotation(
        world,
        sender,
        shown,
        plan.level(rng, (200, 3000), (5, 60), (1, 4)),
        entitled=False,
        known=chance(rng, 0.3),
        withheld=plan.level(rng, (0.0, 0.5), (0.0, 0.3), (0.0, 0.1)),
        lanes=plan.count(rng, (1, 2), (2, 10), (8, 60)),
    )
    pitch = Pitch(
        plan.level(rng, (5, 60), (20, 200), (40, 240)),
        patience_s=plan.level(rng, (20, 90), (25, 70), (25, 50)),
        talk_sigma=plan.level(rng, (0.1, 0.4), (0.3, 0.8), (0.7, 1.0)),
        engage=plan.level(rng, (0.5, 1.0), (0.5, 0.9), (0.6, 0.9)),
        brush_s=5.0,
        message=uniform(rng, 0.2, 1.0),
        caller_ends=0.2,
    )
    spans = storms(
        world,
        plan.count(rng, (1, 2), (1, 3), (1, 3)),
        *{"blatant": (300.0, 5400.0), "medium": (1800.0, 14_400.0), "stealthy": (3600.0, 28_800.0)}[
            plan.strength
        ],
    )
    open_room(
        world,
        Room(
            plan.label,
            pitch,
            lambda: victim,
            present,
            plan.quota,
            plan.count(rng, (5, 60), (4, 20), (2, 12)),
            spans,
            wrap_s=plan.level(rng, (0.2, 2), (1, 10), (5, 40)),
        ),
    )


def scanner(world: World, plan: Plan) -> None:
    """Looks for extensions, open relays and weak passwords; most attempts are refused."""
    rng = world.rng
    hosts = plan.count(rng, (1, 2), (2, 8), (6, 40))
    honest_look = plan.level(rng, (0.05, 0.3), (0.4, 0.8), (0.9, 1.0))
    for quota in uneven(rng, plan.quota, hosts):
        equipment = world.network.catalogue.draw(
            rng, pick(rng, ("desk", "softphone", "home")) if chance(rng, honest_look) else "scanner"
        )
        world.live(_scan(world, plan, equipment, address(rng), quota))


def _scan_target(world: World, rng: Rng, style: str, at: int) -> str:
    """An extension, a number behind an exchange's dial-out prefix, or a plain subscriber."""
    if style == "extensions":
        return str(100 + at % 9900)
    if style == "dial_out":
        return (
            pick(rng, ("00", "900", "9", "011", "+", "0000"))
            + pick(rng, ("972592", "441904", "4822398"))
            + digits(rng, 6)
        )
    return world.population.someone_home(rng).number


def _scan(world: World, plan: Plan, equipment: Equipment, source: str, quota: int) -> Life:
    rng = world.rng
    style = pick(rng, ("extensions", "dial_out", "subscribers"))
    gap = plan.level(rng, (0.05, 2.0), (2.0, 60.0), (60.0, 1800.0))
    gap = min(gap, 0.7 * world.clock.length_s / max(1, quota))
    t = uniform(rng, 0.0, max(1.0, world.clock.length_s - gap * quota))
    user = str(100 + below(rng, 900))
    steady_user = chance(rng, 0.5)
    for at in range(quota):
        t += gap * float(rng.exponential())
        yield t
        if not steady_user:
            user = str(100 + below(rng, 9900))
        presented = (
            world.population.someone_home(rng).number
            if style == "subscribers"
            else f"{user}@{world.plan.domain}"
        )
        callee = _scan_target(world, rng, style, at)
        origin = Origin(
            presented,
            presented,
            None,
            source,
            equipment,
            world.network.own_origid,
            entitled=False,
            known_customer=False,
        )
        outcome = weighted(
            rng,
            [
                ("unauthorized", 6.0),
                ("not_found", 2.5 if style == "extensions" else 0.7),
                ("failed", 0.5),
                ("declined", 0.3),
                ("incomplete", 0.3),
            ],
        )
        world.log.write(t, "INVITE", origin, callee, Course(outcome), plan.label, world.log.destination(True))


def message_spam(world: World, plan: Plan) -> None:
    """Texts with a link or a number to call, in waves or in a trickle."""
    rng = world.rng
    kinds = (
        ("transit", "sip_provider", "registered")
        if plan.strength != "blatant"
        else ("transit", "sip_provider")
    )
    sender = draw_sender(
        world,
        pick(rng, ("platform", "gsm_gateway", "handset")),
        kinds,
        plan.count(rng, (1, 1), (1, 3), (2, 5)),
    )
    if chance(rng, 0.5):
        numbers = numbers_for(
            world, sender, plan.count(rng, (1, 3), (3, 20), (8, 60)), "mobile", scattered=True
        )
        for number in numbers:
            world.parties.setdefault(number, after_call(world, plan))
    else:
        numbers = []
    present = Rotation(
        world,
        sender,
        lambda _callee: pick(rng, numbers) if numbers else world.plan.elsewhere(rng, "mobile"),
        plan.level(rng, (50, 500), (10, 60), (1, 10)),
        known=chance(rng, 0.6),
        lanes=plan.count(rng, (1, 3), (2, 6), (3, 15)),
    )
    spans = (
        storms(world, log_between(rng, 1, 4), 300.0, 7200.0)
        if plan.strength != "stealthy" and chance(rng, 0.6)
        else hours_of(world, plan)
    )
    open_room(
        world,
        Room(
            plan.label,
            Pitch(1.0),
            strangers(world, plan.level(rng, (0.1, 0.4), (0.05, 0.2), (0.01, 0.08)), 0.0),
            present,
            plan.quota,
            plan.count(rng, (4, 20), (2, 8), (1, 4)),
            spans,
            wrap_s=around(rng, 0.3, 0.5) * log_uniform(rng, 1.0, 5.0),
            learn=present.drop_refused,
            method="MESSAGE",
        ),
    )
