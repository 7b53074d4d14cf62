"""Campaigns that live by dialling many strangers under numbers they rent.

Prasad et al. ("Who's Calling?", USENIX Security 2020) found most campaigns small, most numbers hardly
reused, traffic in storms, and targets chosen without regard to who answers.
"""

from __future__ import annotations

from spit.worlds.lives.answering import Party, Pitch
from spit.worlds.lives.answering import SchemeLine as Scheme
from spit.worlds.lives.campaigns.plan import Plan, Rotation, hours_of, machine_of, strangers
from spit.worlds.lives.draws import around, below, chance, log_between, pick, uneven, uniform
from spit.worlds.lives.exchange import World
from spit.worlds.lives.rooms import Room, open_room, storms
from spit.worlds.lives.senders import Sender, draw_sender, nearest, numbers_for, shared_out

RETAIL = ("sip_provider", "sip_provider", "enterprise", "transit", "national")


def rented(world: World, plan: Plan, sender: Sender, count: int, party: Party) -> list[str]:
    """Numbers rented for the campaign, with somebody (or nobody) behind them."""
    use = "mobile" if chance(world.rng, 0.35) else "fixed"
    scattered = chance(world.rng, plan.level(world.rng, (0.2, 0.4), (0.4, 0.8), (0.6, 1.0)))
    numbers = numbers_for(world, sender, count, use, scattered)
    for number in numbers:
        world.parties.setdefault(number, party)
    return numbers


def after_call(world: World, plan: Plan) -> Scheme:
    """What a call-back meets; careful campaigns keep a recording or a desk behind their numbers."""
    modes = {
        "blatant": ("dead", "dead", "ringing", "recording"),
        "medium": ("dead", "ringing", "recording", "desk"),
        "stealthy": ("recording", "desk", "desk", "ringing"),
    }[plan.strength]
    return Scheme(pick(world.rng, modes), uniform(world.rng, 12.0, 60.0))


def telemarketer(world: World, plan: Plan) -> None:
    """Agents sell to people who never consented."""
    rng = world.rng
    sender = draw_sender(world, machine_of(world, plan), RETAIL, plan.count(rng, (1, 1), (1, 2), (1, 4)))
    count = plan.count(rng, (1, 3), (3, 25), (10, 150))
    hides = chance(rng, 0.12)
    numbers = rented(world, plan, sender, count, after_call(world, plan))
    origins = [sender.showing(n, withheld=hides) for n in numbers]
    local = plan.strength != "blatant" and chance(rng, 0.5)
    pitch = Pitch(
        plan.level(rng, (60, 180), (90, 260), (110, 320)),
        patience_s=plan.level(rng, (9, 18), (13, 25), (17, 30)),
        engage=plan.level(rng, (0.03, 0.12), (0.06, 0.2), (0.12, 0.32)),
        brush_s=plan.level(rng, (4, 9), (6, 14), (9, 22)),
        abandon=plan.level(rng, (0.08, 0.35), (0.03, 0.15), (0.0, 0.04)),
        message=uniform(rng, 0.0, 0.15),
    )
    open_room(
        world,
        Room(
            plan.label,
            pitch,
            strangers(world, plan.level(rng, (0.1, 0.35), (0.05, 0.2), (0.01, 0.1))),
            nearest(origins) if local else shared_out(rng, origins),
            plan.quota,
            log_between(rng, 3, 40),
            hours_of(world, plan),
            wrap_s=plan.level(rng, (1, 4), (3, 12), (8, 30)),
            retries=plan.count(rng, (1, 4), (1, 3), (1, 2)),
            retry_after_s=uniform(rng, 600.0, 9000.0),
        ),
    )


def robocaller(world: World, plan: Plan) -> None:
    """A recording; numbers rotate, down to one call a number."""
    rng = world.rng
    sender = draw_sender(
        world,
        machine_of(world, plan),
        ("sip_provider", "transit", "national"),
        plan.count(rng, (1, 1), (1, 3), (2, 5)),
    )
    use = "mobile" if chance(rng, 0.5) else "fixed"
    held = chance(rng, plan.level(rng, (0.1, 0.3), (0.2, 0.5), (0.5, 0.9)))
    present = Rotation(
        world,
        sender,
        lambda _callee: world.plan.elsewhere(rng, use),
        plan.level(rng, (40, 400), (5, 40), (1, 6)),
        after_call(world, plan) if held else None,
        entitled=held,
        known=held,
        lanes=plan.count(rng, (1, 2), (1, 5), (2, 12)),
    )
    pitch = Pitch(
        25.0,
        patience_s=plan.level(rng, (12, 20), (16, 26), (20, 32)),
        patience_sigma=0.08,
        engage=plan.level(rng, (0.08, 0.25), (0.12, 0.35), (0.25, 0.6)),
        brush_s=plan.level(rng, (3, 6), (4, 9), (6, 12)),
        playback_s=plan.level(rng, (12, 40), (15, 45), (18, 50)),
        message=plan.level(rng, (0.0, 0.5), (0.2, 0.8), (0.5, 1.0)),
    )
    open_room(
        world,
        Room(
            plan.label,
            pitch,
            strangers(world, plan.level(rng, (0.1, 0.4), (0.05, 0.25), (0.01, 0.08))),
            present,
            plan.quota,
            plan.count(rng, (20, 120), (5, 40), (1, 8)),
            hours_of(world, plan),
            wrap_s=0.5,
            learn=present.drop_refused,
        ),
    )


def sequential_dialler(world: World, plan: Plan) -> None:
    """Works through blocks of consecutive numbers; the careful one jumps about within them."""
    rng = world.rng
    sender = draw_sender(world, machine_of(world, plan), RETAIL)
    count = plan.count(rng, (1, 2), (2, 12), (8, 60))
    origins = [sender.showing(n) for n in rented(world, plan, sender, count, after_call(world, plan))]
    blocks = world.plan.dialled_blocks()
    stride = plan.count(rng, (1, 1), (1, 7), (11, 389))
    state = {"block": below(rng, len(blocks)), "at": below(rng, 1000), "done": 0}
    per_block = plan.count(rng, (300, 1000), (100, 1000), (40, 200))

    checked = plan.level(rng, (0.0, 0.05), (0.0, 0.5), (0.5, 0.95))

    def following() -> str:
        while True:
            if state["done"] >= per_block:
                state.update(block=below(rng, len(blocks)), at=below(rng, 1000), done=0)
            state["at"] = (state["at"] + stride) % 1000
            state["done"] += 1
            number = f"{blocks[state['block']].prefix}{state['at']:03d}"
            # A look-up of the subscriber register beforehand costs little and spares vacant numbers.
            if number in world.plan.taken or not chance(rng, checked):
                return number

    pitch = Pitch(
        90.0,
        patience_s=plan.level(rng, (8, 16), (12, 22), (16, 28)),
        engage=plan.level(rng, (0.05, 0.15), (0.08, 0.2), (0.12, 0.35)),
        brush_s=plan.level(rng, (3, 7), (5, 11), (7, 16)),
        abandon=plan.level(rng, (0.05, 0.3), (0.02, 0.15), (0.0, 0.05)),
    )
    open_room(
        world,
        Room(
            plan.label,
            pitch,
            following,
            shared_out(rng, origins),
            plan.quota,
            plan.count(rng, (5, 40), (3, 20), (1, 8)),
            hours_of(world, plan),
            wrap_s=plan.level(rng, (0.5, 2), (1, 6), (4, 20)),
        ),
    )


def random_dialler(world: World, plan: Plan) -> None:
    """Random digits behind known prefixes: vacant numbers abound, as in honest surveys."""
    rng = world.rng
    sender = draw_sender(world, machine_of(world, plan), RETAIL)
    count = plan.count(rng, (1, 3), (2, 20), (10, 80))
    origins = [sender.showing(n) for n in rented(world, plan, sender, count, after_call(world, plan))]
    blocks = world.plan.dialled_blocks()
    filtered = plan.level(rng, (0.0, 0.2), (0.2, 0.6), (0.6, 0.9))

    def following() -> str:
        # A number checker (HLR look-up) removes some of the vacant numbers beforehand.
        if chance(rng, filtered):
            return world.population.someone_home(rng).number
        return f"{pick(rng, blocks).prefix}{below(rng, 1000):03d}"

    pitch = Pitch(
        plan.level(rng, (40, 120), (60, 200), (100, 400)),
        patience_s=plan.level(rng, (8, 18), (12, 24), (18, 30)),
        engage=plan.level(rng, (0.04, 0.15), (0.08, 0.2), (0.12, 0.35)),
        brush_s=plan.level(rng, (3, 8), (5, 12), (8, 18)),
    )
    open_room(
        world,
        Room(
            plan.label,
            pitch,
            following,
            shared_out(rng, origins),
            plan.quota,
            plan.count(rng, (5, 60), (3, 20), (2, 12)),
            hours_of(world, plan),
            wrap_s=plan.level(rng, (0.5, 2), (1, 8), (5, 25)),
        ),
    )


def snowshoe(world: World, plan: Plan) -> None:
    """Spread thin over many trunks, machines and numbers: no one of them does much."""
    rng = world.rng
    parts = min(plan.count(rng, (3, 6), (5, 12), (8, 24)), plan.quota)
    party = after_call(world, plan)
    pitch = Pitch(
        plan.level(rng, (40, 120), (60, 180), (90, 240)),
        patience_s=plan.level(rng, (12, 20), (15, 25), (18, 30)),
        engage=plan.level(rng, (0.05, 0.12), (0.08, 0.2), (0.15, 0.4)),
        brush_s=plan.level(rng, (4, 8), (6, 12), (8, 18)),
    )
    spans = hours_of(world, plan)
    for quota in uneven(rng, plan.quota, parts):
        sender = draw_sender(
            world, machine_of(world, plan), ("sip_provider", "national", "transit", "enterprise"), 2
        )
        each = plan.level(rng, (15, 60), (5, 20), (1, 6))
        origins = [sender.showing(n) for n in rented(world, plan, sender, max(1, int(quota / each)), party)]
        open_room(
            world,
            Room(
                plan.label,
                pitch,
                strangers(world, plan.level(rng, (0.05, 0.3), (0.03, 0.15), (0.01, 0.06))),
                shared_out(rng, origins),
                quota,
                plan.count(rng, (2, 8), (1, 5), (1, 3)),
                spans,
                wrap_s=around(rng, 5.0, 0.6),
            ),
        )


def low_and_slow(world: World, plan: Plan) -> None:
    """A handful of lines that call no more than a busy person does, all day long."""
    rng = world.rng
    lines = max(1, int(plan.quota / plan.level(rng, (80, 250), (30, 80), (8, 30))))
    party = after_call(world, plan)
    for quota in uneven(rng, plan.quota, lines):
        sender = draw_sender(
            world,
            pick(rng, ("handset", "softphone", "home", "exchange")),
            ("registered", "sip_provider", "national"),
        )
        number = rented(world, plan, sender, 1, party)[0]
        pitch = Pitch(
            plan.level(rng, (50, 150), (60, 180), (60, 200)),
            patience_s=uniform(rng, 18.0, 30.0),
            engage=plan.level(rng, (0.08, 0.2), (0.1, 0.3), (0.2, 0.5)),
            brush_s=plan.level(rng, (5, 10), (6, 14), (8, 18)),
        )
        spans = world.clock.spans(uniform(rng, 7.0, 9.5), uniform(rng, 18.0, 21.5)) or [
            (0.0, world.clock.length_s)
        ]
        open_room(
            world,
            Room(
                plan.label,
                pitch,
                strangers(world, plan.level(rng, (0.05, 0.2), (0.02, 0.1), (0.0, 0.05))),
                shared_out(rng, [sender.showing(number)]),
                quota,
                1,
                spans,
                wrap_s=around(rng, 30.0, 0.5),
            ),
        )


def harvest(world: World, plan: Plan) -> None:
    """Finds out which numbers live: hangs up on ringing or says nothing when answered."""
    rng = world.rng
    sender = draw_sender(world, machine_of(world, plan), RETAIL, plan.count(rng, (1, 1), (1, 2), (1, 4)))
    mobile = "mobile" if chance(rng, 0.5) else "fixed"
    present = Rotation(
        world,
        sender,
        lambda _callee: world.plan.elsewhere(rng, mobile),
        plan.level(rng, (100, 600), (10, 80), (1, 12)),
        after_call(world, plan),
        known=chance(rng, 0.5),
        lanes=plan.count(rng, (1, 2), (1, 5), (2, 10)),
    )
    rings = plan.level(rng, (1.0, 3.0), (2.0, 8.0), (7.0, 24.0))
    pitch = Pitch(
        3.0,
        patience_s=rings,
        patience_sigma=0.15,
        engage=1.0,
        playback_s=plan.level(rng, (0.6, 2), (1, 4), (2, 9)),
        message=0.0,
    )
    spans = (
        storms(world, log_between(rng, 1, 4), 900.0, 9000.0)
        if plan.strength == "blatant"
        else hours_of(world, plan)
    )
    open_room(
        world,
        Room(
            plan.label,
            pitch,
            strangers(world, plan.level(rng, (0.25, 0.6), (0.15, 0.45), (0.05, 0.25)), 0.1),
            present,
            plan.quota,
            plan.count(rng, (10, 80), (4, 20), (1, 6)),
            spans,
            wrap_s=plan.level(rng, (0.2, 1), (0.5, 3), (2, 20)),
            learn=present.drop_refused,
        ),
    )
