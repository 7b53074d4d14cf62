"""Campaigns that live by showing numbers which are not theirs, or not for long."""

from __future__ import annotations

from dataclasses import replace

from spit.worlds.lives.answering import Pitch, SchemeLine
from spit.worlds.lives.campaigns.dialling import after_call
from spit.worlds.lives.campaigns.plan import Plan, Rotation, hours_of, machine_of, strangers
from spit.worlds.lives.clock import times_by_hour
from spit.worlds.lives.draws import chance, pick, uneven, uniform
from spit.worlds.lives.exchange import Life, World
from spit.worlds.lives.network import Origin, address
from spit.worlds.lives.population import Subscriber, rhythm_of
from spit.worlds.lives.rooms import Room, open_room
from spit.worlds.lives.senders import draw_sender


def _patter(world: World, plan: Plan) -> Pitch:
    """A recording or an agent, in the manner of the campaign's strength."""
    rng = world.rng
    recorded = chance(rng, plan.level(rng, (0.6, 0.9), (0.4, 0.7), (0.1, 0.4)))
    return Pitch(
        plan.level(rng, (40, 120), (60, 200), (80, 260)),
        patience_s=plan.level(rng, (10, 20), (14, 25), (18, 30)),
        patience_sigma=0.12 if recorded else 0.35,
        engage=plan.level(rng, (0.06, 0.2), (0.08, 0.25), (0.15, 0.45)),
        brush_s=plan.level(rng, (3, 8), (5, 12), (8, 18)),
        message=uniform(rng, 0.0, 0.4),
        playback_s=plan.level(rng, (12, 40), (15, 45), (20, 50)) if recorded else None,
    )


def neighbour_spoof(world: World, plan: Plan) -> None:
    """Shows a number that shares the callee's prefix; its owner, if there is one, gets the call-backs."""
    rng = world.rng
    sender = draw_sender(
        world,
        machine_of(world, plan),
        ("transit", "sip_provider", "national"),
        plan.count(rng, (1, 1), (1, 3), (2, 5)),
    )
    redrawn = plan.count(rng, (3, 4), (3, 5), (4, 6))

    def near(callee: str) -> str:
        return (
            world.plan.beside(rng, callee, redrawn)
            if callee.startswith("+") and len(callee) > 9
            else world.plan.elsewhere(rng, "fixed")
        )

    each = plan.level(rng, (1, 8), (1, 4), (1, 2))
    present = Rotation(
        world, sender, near, each, entitled=False, known=plan.strength == "stealthy" or chance(rng, 0.3)
    )
    open_room(
        world,
        Room(
            plan.label,
            _patter(world, plan),
            strangers(world, plan.level(rng, (0.1, 0.35), (0.05, 0.2), (0.01, 0.08)), 0.02),
            present,
            plan.quota,
            plan.count(rng, (15, 80), (5, 30), (2, 10)),
            hours_of(world, plan),
            wrap_s=plan.level(rng, (0.5, 2), (1, 6), (4, 20)),
        ),
    )


def burner(world: World, plan: Plan) -> None:
    """Prepaid SIMs in a box on the mobile network itself, thrown away after some calls."""
    rng = world.rng
    own_network = chance(rng, 0.5)
    equipment = (
        "gsm_gateway" if chance(rng, plan.level(rng, (0.7, 1.0), (0.4, 0.8), (0.05, 0.3))) else "handset"
    )
    sender = draw_sender(world, equipment, ("registered",) if own_network else ("national",))
    if own_network:
        sender.source = pick(rng, world.network.access_pool)

    def fresh_sim(_callee: str) -> str:
        return world.plan.allocate(rng, "mobile") if own_network else world.plan.elsewhere(rng, "mobile")

    present = Rotation(
        world,
        sender,
        fresh_sim,
        plan.level(rng, (60, 300), (15, 60), (3, 18)),
        SchemeLine("ringing"),
        lanes=plan.count(rng, (1, 4), (2, 12), (4, 30)),
    )
    open_room(
        world,
        Room(
            plan.label,
            _patter(world, plan),
            strangers(world, plan.level(rng, (0.05, 0.3), (0.02, 0.15), (0.0, 0.06))),
            present,
            plan.quota,
            plan.count(rng, (4, 32), (4, 16), (2, 12)),
            hours_of(world, plan),
            wrap_s=plan.level(rng, (1, 5), (3, 15), (10, 60)),
            learn=present.drop_refused,
        ),
    )


def spoofed_victim(world: World, plan: Plan) -> None:
    """Shows numbers of real subscribers and firms, whose phones then ring with call-backs."""
    rng = world.rng
    sender = draw_sender(
        world,
        machine_of(world, plan),
        ("transit", "sip_provider", "national"),
        plan.count(rng, (1, 2), (1, 3), (2, 4)),
    )
    count = max(1, int(plan.quota / plan.level(rng, (80, 500), (20, 80), (3, 20))))
    victims = [
        pick(rng, world.firm_numbers)
        if world.firm_numbers and chance(rng, 0.35)
        else world.population.anyone(rng, 0.7).number
        for _ in range(count)
    ]
    present = Rotation(
        world,
        sender,
        lambda _callee: pick(rng, victims),
        plan.level(rng, (50, 300), (10, 60), (1, 10)),
        entitled=False,
        known=chance(rng, 0.4),
        lanes=plan.count(rng, (1, 2), (1, 4), (2, 8)),
    )
    open_room(
        world,
        Room(
            plan.label,
            _patter(world, plan),
            strangers(world, plan.level(rng, (0.05, 0.3), (0.03, 0.15), (0.0, 0.06))),
            present,
            plan.quota,
            plan.count(rng, (5, 40), (3, 20), (2, 8)),
            hours_of(world, plan),
            wrap_s=plan.level(rng, (0.5, 3), (2, 8), (4, 20)),
        ),
    )


def attestation_shopping(world: World, plan: Plan) -> None:
    """Buys minutes where the best attestation is put on any number, or replays somebody's signature."""
    rng = world.rng
    sender = draw_sender(world, machine_of(world, plan), ("sip_provider", "enterprise"))
    signing = [trunk for trunk in world.network.trunks if trunk.signer in ("lax", "by_right")]
    if signing:
        lax = [trunk for trunk in signing if trunk.signer == "lax"] or signing
        sender.trunks = [
            pick(rng, lax if plan.strength == "stealthy" else signing)
            for _ in range(plan.count(rng, (1, 1), (1, 2), (1, 3)))
        ]
    use = "mobile" if chance(rng, 0.5) else "fixed"
    rotation = Rotation(
        world,
        sender,
        lambda _callee: world.plan.elsewhere(rng, use),
        plan.level(rng, (30, 300), (6, 40), (1, 10)),
        after_call(world, plan) if chance(rng, 0.4) else None,
        entitled=plan.strength == "stealthy",
        known=plan.strength != "blatant",
        lanes=plan.count(rng, (1, 3), (2, 6), (3, 15)),
    )
    replayed = plan.level(rng, (0.1, 0.5), (0.02, 0.15), (0.0, 0.02))
    foreign_signature = world.population.anyone(rng, 0.5).number

    def present(callee: str) -> Origin:
        origin = rotation(callee)
        return replace(origin, passport_number=foreign_signature) if chance(rng, replayed) else origin

    open_room(
        world,
        Room(
            plan.label,
            _patter(world, plan),
            strangers(world, plan.level(rng, (0.05, 0.3), (0.03, 0.15), (0.0, 0.06))),
            present,
            plan.quota,
            plan.count(rng, (8, 50), (4, 20), (2, 10)),
            hours_of(world, plan),
            wrap_s=plan.level(rng, (0.5, 3), (2, 8), (4, 20)),
            learn=rotation.drop_refused,
        ),
    )


def compromised_subscriber(world: World, plan: Plan) -> None:
    """Stolen accounts: the owner's clean calls until the takeover, then strangers from the same number."""
    rng = world.rng
    each = plan.level(rng, (100, 500), (25, 100), (6, 30))
    accounts = max(1, int(plan.quota / each))
    pitch = _patter(world, plan)
    for quota in uneven(rng, plan.quota, accounts):
        owner = world.population.someone_home(rng)
        origin = owner.origin
        if chance(rng, plan.level(rng, (0.7, 1.0), (0.3, 0.7), (0.0, 0.3))):
            # Registered anew by the thief: other address, other program; the number stays.
            origin = replace(
                origin,
                source=address(rng),
                equipment=world.network.catalogue.draw(rng, machine_of(world, plan)),
            )
        else:
            origin = replace(origin)
        start = uniform(rng, 0.2, 0.7) * world.clock.length_s
        world.live(_taken_over(world, plan, owner, origin, start, quota, pitch))


def _taken_over(
    world: World, plan: Plan, owner: Subscriber, origin: Origin, start: float, quota: int, pitch: Pitch
) -> Life:
    """Calls after the takeover: at the thief's pace, or at the owner's hours if he is careful."""
    rng = world.rng
    targets = strangers(world, plan.level(rng, (0.05, 0.3), (0.02, 0.15), (0.0, 0.06)))
    if plan.strength == "stealthy":
        times = [t for t in times_by_hour(rng, world.clock, rhythm_of(owner), quota * 2) if t > start][:quota]
    else:
        length = min(
            plan.level(rng, (900, 7200), (3600, 28_800), (7200, 36_000)), world.clock.length_s - start
        )
        times = sorted(start + uniform(rng, 0.0, length) for _ in range(quota))
    for t in times:
        yield t
        world.place(t, origin, targets(), pitch, plan.label)
