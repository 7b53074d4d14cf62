"""Frauds whose shape follows from how they earn: call-backs, long talk, codes, patient machines."""

from __future__ import annotations

from spit.worlds.lives.answering import Pitch, SchemeLine
from spit.worlds.lives.campaigns.dialling import after_call, rented
from spit.worlds.lives.campaigns.plan import Plan, Rotation, hours_of, machine_of, strangers
from spit.worlds.lives.draws import around, below, chance, digits, log_between, pick, uniform
from spit.worlds.lives.exchange import Life, World
from spit.worlds.lives.numbering import COSTLY_CODES
from spit.worlds.lives.rooms import Room, open_room, window
from spit.worlds.lives.senders import Presenter, Sender, draw_sender, numbers_for, shared_out
from spit.worlds.lives.signalling import Label


def wangiri(world: World, plan: Plan) -> None:
    """One ring and off; whoever returns the call is kept on a line that pays by the minute."""
    rng = world.rng
    sender = draw_sender(
        world,
        machine_of(world, plan),
        ("transit", "transit", "sip_provider"),
        plan.count(rng, (1, 1), (1, 2), (1, 4)),
    )
    codes = [pick(rng, COSTLY_CODES) for _ in range(1 + below(rng, 3))]
    national = chance(rng, plan.level(rng, (0.0, 0.2), (0.1, 0.4), (0.4, 0.9)))

    def costly(_callee: str) -> str:
        if national:
            return world.plan.elsewhere(rng, "mobile")
        return f"+{pick(rng, codes)}{digits(rng, 8)}"

    present = Rotation(
        world,
        sender,
        costly,
        plan.level(rng, (60, 500), (8, 60), (1, 8)),
        SchemeLine("toll", uniform(rng, 30.0, 150.0)),
        entitled=False,
        known=chance(rng, 0.5),
        lanes=plan.count(rng, (1, 4), (2, 8), (4, 30)),
    )
    pitch = Pitch(
        3.0,
        patience_s=plan.level(rng, (0.8, 2.5), (1.5, 5.0), (3.0, 9.0)),
        patience_sigma=plan.level(rng, (0.05, 0.15), (0.1, 0.25), (0.2, 0.5)),
        engage=1.0,
        playback_s=plan.level(rng, (0.5, 1.5), (0.8, 3), (1, 6)),
        message=0.0,
    )
    open_room(
        world,
        Room(
            plan.label,
            pitch,
            strangers(world, plan.level(rng, (0.1, 0.4), (0.05, 0.25), (0.02, 0.12)), 0.01),
            present,
            plan.quota,
            plan.count(rng, (20, 120), (5, 40), (1, 8)),
            hours_of(world, plan),
            wrap_s=0.5,
            retries=0 if chance(rng, 0.6) else 1,
            retry_after_s=uniform(rng, 60.0, 7200.0),
        ),
    )


def scam_centre(world: World, plan: Plan) -> None:
    """People with a script: most of the called hang up, the few who stay are kept for very long."""
    rng = world.rng
    sender = draw_sender(
        world,
        machine_of(world, plan),
        ("transit", "sip_provider", "sip_provider"),
        plan.count(rng, (1, 2), (1, 3), (1, 4)),
    )
    if chance(rng, plan.level(rng, (0.2, 0.5), (0.3, 0.6), (0.4, 0.8))):
        numbers = rented(
            world, plan, sender, plan.count(rng, (1, 4), (4, 30), (10, 80)), after_call(world, plan)
        )
        present: Presenter = shared_out(rng, [sender.showing(n) for n in numbers])
    else:
        # Shows the bank, the police or the ministry.
        shown = [pick(rng, world.firm_numbers) for _ in range(plan.count(rng, (1, 1), (1, 3), (2, 6)))]
        present = Rotation(
            world, sender, lambda _callee: pick(rng, shown), 50.0, entitled=False, known=chance(rng, 0.4)
        )
    pitch = Pitch(
        plan.level(rng, (200, 900), (240, 1100), (200, 1500)),
        patience_s=plan.level(rng, (12, 20), (15, 26), (20, 32)),
        talk_sigma=1.1,
        engage=plan.level(rng, (0.02, 0.08), (0.04, 0.14), (0.1, 0.35)),
        brush_s=plan.level(rng, (6, 15), (8, 25), (12, 40)),
        message=uniform(rng, 0.0, 0.1),
        abandon=plan.level(rng, (0.02, 0.2), (0.0, 0.08), (0.0, 0.02)),
        caller_ends=0.35,
    )
    open_room(
        world,
        Room(
            plan.label,
            pitch,
            strangers(world, plan.level(rng, (0.05, 0.25), (0.03, 0.12), (0.0, 0.05))),
            present,
            plan.quota,
            log_between(rng, 3, 60),
            hours_of(world, plan),
            wrap_s=plan.level(rng, (2, 6), (4, 15), (10, 60)),
            retries=plan.count(rng, (1, 3), (1, 2), (1, 2)),
            retry_after_s=uniform(rng, 600.0, 7200.0),
        ),
    )


def ai_voice(world: World, plan: Plan) -> None:
    """A talking machine that sounds like a person: natural, long talk, any number of them at once."""
    rng = world.rng
    sender = draw_sender(
        world,
        pick(rng, ("diallers", "platform", "exchange")),
        ("sip_provider", "transit", "enterprise"),
        plan.count(rng, (1, 1), (1, 2), (1, 4)),
    )
    numbers = rented(
        world, plan, sender, plan.count(rng, (1, 4), (5, 40), (20, 250)), after_call(world, plan)
    )
    pitch = Pitch(
        plan.level(rng, (40, 90), (60, 140), (70, 220)),
        patience_s=plan.level(rng, (14, 20), (16, 26), (20, 32)),
        patience_sigma=plan.level(rng, (0.03, 0.08), (0.08, 0.25), (0.25, 0.4)),
        talk_sigma=plan.level(rng, (0.5, 0.8), (0.6, 1.0), (0.8, 1.1)),
        engage=plan.level(rng, (0.2, 0.4), (0.25, 0.5), (0.4, 0.7)),
        brush_s=plan.level(rng, (5, 10), (7, 15), (10, 25)),
        message=uniform(rng, 0.0, 0.7),
        caller_ends=uniform(rng, 0.3, 0.7),
    )
    open_room(
        world,
        Room(
            plan.label,
            pitch,
            strangers(world, plan.level(rng, (0.05, 0.25), (0.02, 0.1), (0.0, 0.05))),
            shared_out(rng, [sender.showing(n) for n in numbers]),
            plan.quota,
            plan.count(rng, (20, 150), (5, 30), (1, 10)),
            hours_of(world, plan),
            wrap_s=plan.level(rng, (0.3, 1), (0.5, 4), (3, 20)),
            retries=1,
            retry_after_s=5400.0,
        ),
    )


def one_time_code_fraud(world: World, plan: Plan) -> None:
    """Sets off a real code at a real service, and rings the owner at once to have it read out."""
    rng = world.rng
    sender = draw_sender(
        world, machine_of(world, plan), ("sip_provider", "transit"), plan.count(rng, (1, 1), (1, 2), (1, 3))
    )
    party = after_call(world, plan)
    use = "mobile" if chance(rng, 0.6) else "fixed"
    present = Rotation(
        world,
        sender,
        lambda _callee: world.plan.elsewhere(rng, use),
        plan.level(rng, (20, 200), (4, 20), (1, 4)),
        party,
        known=chance(rng, 0.5),
        entitled=plan.strength == "stealthy",
        lanes=plan.count(rng, (1, 2), (1, 4), (2, 8)),
    )
    service = draw_sender(world, "platform", ("sip_provider", "transit", "enterprise"))
    codes = numbers_for(world, service, log_between(rng, 1, 5), "mobile")
    for code in codes:
        world.parties.setdefault(code, SchemeLine("recording", 15.0))
    spans = window(rng, hours_of(world, plan), 0.4)
    pitch = Pitch(
        plan.level(rng, (30, 70), (40, 90), (50, 120)),
        patience_s=plan.level(rng, (14, 22), (18, 28), (20, 32)),
        talk_sigma=0.6,
        engage=plan.level(rng, (0.1, 0.3), (0.2, 0.4), (0.3, 0.6)),
        brush_s=plan.level(rng, (5, 10), (8, 16), (10, 20)),
        message=0.0,
    )
    for _ in range(plan.quota):
        world.live(_trick(world, plan, present, pitch, service, codes, uniform(rng, *pick(rng, spans))))


def _trick(
    world: World, plan: Plan, present: Rotation, pitch: Pitch, service: Sender, codes: list[str], t: float
) -> Life:
    """The code arrives (legitimate traffic of the service), then the fraudster calls."""
    rng = world.rng
    yield t
    victim = world.population.someone_home(rng)
    if chance(rng, 0.8):
        sent = world.send(t, service.showing(pick(rng, codes)), victim.number, Label("one_time_code"))
        t = sent.end + around(rng, plan.level(rng, (2, 8), (5, 20), (10, 90)), 0.3)
        yield t
    world.place(t, present(victim.number), victim.number, pitch, plan.label)
