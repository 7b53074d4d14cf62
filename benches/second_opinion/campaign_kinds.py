"""The 14 kinds of campaign. Each function plans one; triples hold blatant, medium and stealthy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .behaviour import Behaviour
from .campaigns import STRENGTHS, Campaign
from .people import Population
from .timing import END_S
from .world import Label, World


def telemarketer(c: Campaign) -> None:
    """People who sell, from a few numbers that mostly answer when rung back."""
    count = (1, c.draws.randint(2, 3), c.draws.randint(4, 7))[c.strength]
    numbers = [c.world.plan.geographic() for _ in range(count)]
    c.behaviour.talk_log_s = (4.4, 0.9)
    c.behaviour.refused_soon -= 0.12
    c.let_ring_back(numbers, 0.6)
    times_s = c.moments()
    c.place(times_s, [c.draws.choice(numbers) for _ in range(c.calls)], c.targets(c.calls))


def robocall_rotate(c: Campaign) -> None:
    """An announcement from numbers that change after ten to twenty calls."""
    c.behaviour.script_s = (c.draws.uniform(12, 40), 1.5)
    c.behaviour.talk_log_s = (2.6, 0.6)
    numbers = c.spread(c.pool(), (17, 13, 10)[c.strength], 0.45)
    if c.strength:
        numbers = c.interleaved(numbers, 40 * c.strength)
    times_s = c.moments()
    c.place(times_s, numbers, c.targets(c.calls))


def robocall_burner(c: Campaign) -> None:
    """An announcement from numbers that are used one to three times and thrown away."""
    c.behaviour.script_s = (c.draws.uniform(10, 35), 2)
    c.behaviour.talk_log_s = (2.6, 0.6)
    next_number = c.pool()
    uses = ([2, 3, 3], [1, 2, 3], [1, 1, 1, 2])[c.strength]
    numbers: list[str] = []
    while len(numbers) < c.calls:
        number = next_number()
        numbers += [number] * c.draws.choice(uses)
    numbers = numbers[: c.calls]
    times_s = c.moments()
    if c.strength:
        numbers = c.draws.shuffled(numbers)
    c.place(times_s, numbers, c.targets(c.calls))


def neighbour_spoof(c: Campaign) -> None:
    """Shows each callee a number of the callee's own block."""
    targets = c.targets(c.calls)
    c.behaviour.answer_shift += 0.3
    digits, near = (3, 3, 4)[c.strength], (1, 0.9, 0.75)[c.strength]

    def shown_to(callee: str) -> str:
        if c.draws.random() < near:
            return f"{callee[:-digits]}{c.draws.randint(0, 10**digits - 1):0{digits}d}"
        return c.world.plan.geographic()

    times_s = c.moments()
    c.place(times_s, [shown_to(callee) for callee in targets], targets)


def wangiri(c: Campaign) -> None:
    """Rings once so that people call back, often from numbers abroad."""
    b = c.behaviour
    b.ring_s = ((1.8, 0.5, 0.9, 4), (3, 1, 1, 6), (5.5, 2.2, 1.5, 14))[c.strength]
    b.redial, b.called_back, b.answer_shift, b.refused_soon = 0, c.draws.uniform(0.04, 0.08), -2.2, 0
    b.talk_log_s, b.callee_hangs_up = (1.2, 0.6), 0.1
    next_number = c.pool(0.8 if c.draws.random() < 0.6 else 0.2)
    numbers = c.spread(next_number, (40, 15, 6)[c.strength], 0.4)
    c.let_ring_back(sorted(set(numbers)), 0.7)
    if c.strength:
        numbers = c.interleaved(numbers, 60)
    times_s = c.moments()
    c.place(times_s, numbers, [c.draws.choice(c.population.persons).number for _ in range(c.calls)])


def sequential_dial(c: Campaign) -> None:
    """Dials upwards through one or several blocks; the stealthy one skips most gaps and changes the order."""
    draws, plan = c.draws, c.world.plan
    ranges = (1, 2, 6)[c.strength]
    at = [_as_number(draws.choice(plan.blocks), draws.randint(0, 400)) for _ in range(ranges)]
    targets: list[str] = []
    while len(targets) < c.calls:
        j = draws.randint(0, ranges - 1)
        at[j] += 1 if c.strength == 0 else draws.randint(1, 3 + 3 * c.strength)
        if at[j] % 1000 > 985:
            at[j] = _as_number(draws.choice(plan.blocks), draws.randint(0, 300))
        if c.strength == 2 and str(at[j]) not in c.world.directory and draws.random() < 0.7:
            continue
        targets.append(str(at[j]))
    if c.strength == 2:
        targets = c.interleaved(targets, 30)
    numbers = c.spread(c.pool(), (120, 25, 8)[c.strength], 0.4)
    c.behaviour.redial = 0
    c.place(c.moments(), numbers, targets)


def _as_number(block: str, last_three: int) -> int:
    return int(f"{block}{last_three:03d}")


def random_dial(c: Campaign) -> None:
    """Dials at random: areas, dense blocks, and people."""
    draws, plan = c.draws, c.world.plan
    blind = (0.75, 0.5, 0.3)[c.strength]
    c.behaviour.redial = 0

    def any_number() -> str:
        if draws.random() < blind * 0.6:
            prefix = plan.home + draws.choice(plan.areas + plan.mobile)
            return (prefix + draws.digits(9))[: len(plan.blocks[0]) + 3]
        return c.target(blind)

    targets = [any_number() for _ in range(c.calls)]
    times_s = c.moments()
    c.place(times_s, c.spread(c.pool(), (150, 30, 7)[c.strength], 0.5), targets)


def snowshoe(c: Campaign) -> None:
    """Spreads over many trunks and numbers, so that each of them sees little."""
    c.trunks[:] = c.world.trunks.sample((8, 11, 14)[c.strength])
    numbers = c.interleaved(c.spread(c.pool(), (14, 8, 4)[c.strength], 0.6), 150)
    for number in sorted(set(numbers)):
        c.identity(number).trunks = c.draws.sample(c.trunks, c.draws.choice([1, 2, 3]))
    times_s = c.moments()
    c.place(times_s, numbers, c.targets(c.calls))


def low_and_slow(c: Campaign) -> None:
    """A few numbers that stay below every rate limit."""
    numbers = [c.world.plan.geographic() for _ in range((1, 2, c.draws.randint(3, 5))[c.strength])]
    c.behaviour.answer_shift += 0.25
    c.behaviour.refused_soon -= 0.15
    c.behaviour.talk_log_s = (4.3, 0.9)
    times_s = c.slow_moments(c.calls)
    shown = [c.draws.choice(numbers) for _ in range(c.calls)]
    c.place(times_s, shown, c.targets(c.calls, min(2, c.strength + 1)))


def compromised_subscriber(c: Campaign) -> None:
    """Calls through the accounts of real subscribers, who go on calling themselves."""
    draws, people = c.draws, c.population
    victims = [
        draws.choice(people.small_businesses if draws.random() < 0.4 else people.residential)
        for _ in range((1, 2, draws.randint(3, 5))[c.strength])
    ]
    for victim, times_s in zip(victims, np.array_split(c.moments(), len(victims)), strict=True):
        c.identities[victim.number] = victim
        count = len(times_s)
        c.place([float(t) for t in times_s], [victim.number] * count, c.targets(count))


def tdos(c: Campaign) -> None:
    """Telephony denial of service: many numbers call one doctor, shop or taxi dispatcher."""
    draws, people = c.draws, c.population
    victim = draws.choice(people.doctors + people.small_businesses + people.taxi_dispatchers)
    numbers = c.spread(c.pool(), (25, 6, 2)[c.strength], 0.7)
    b = c.behaviour
    b.talk_log_s, b.refused_soon, b.script_s = (4.2, 0.7), 0.3, (draws.uniform(20, 90), 15)
    b.ring_s, b.called_back = (40, 12, 10, 90), 0
    b.redial, b.redial_log_s = (0.5, 0.3, 0.15)[c.strength], (2.5, 0.6)
    windows_s = draws.randint(900, 2400), draws.randint(5400, 9000), draws.randint(14400, 30000)
    window_s = windows_s[c.strength]
    begin_s = min(c.world.timing.moment("business"), END_S - window_s * 1.1)
    times_s = np.cumsum(draws.arrays.exponential(window_s / c.calls, c.calls)) + begin_s
    c.place(times_s.tolist(), draws.shuffled(numbers), [victim.number] * c.calls)


def scam_call_centre(c: Campaign) -> None:
    """Swindlers with long talks; who falls for it is called again and again."""
    draws, b = c.draws, c.behaviour
    numbers = [c.world.plan.geographic() for _ in range((2, 4, draws.randint(6, 10))[c.strength])]
    b.refused_soon, b.talk_log_s, b.callee_hangs_up = (0.7, 0.6, 0.45)[c.strength], (6.1, 0.8), 0.5
    b.answer_shift = (-0.2, 0.1, 0.4)[c.strength]
    c.let_ring_back(numbers, 0.5)
    first_calls = int(c.calls * 0.72)
    times_s = c.slow_moments(first_calls)
    targets = c.targets(first_calls, min(2, c.strength + 1))
    c.place(times_s, [draws.choice(numbers) for _ in range(first_calls)], targets)
    follow_up = Behaviour(
        ring_s=(30, 6, 15, 50),
        talk_log_s=(6.0, 0.9),
        recognised=0.75,
        answer_shift=0.4,
        redial=0.3,
        called_back=0.15,
    )
    victims = draws.sample(range(first_calls), max(2, first_calls // 18))
    for _ in range(c.calls - first_calls):
        victim = draws.choice(victims)
        time_s = times_s[victim] + draws.uniform(400, 14000)
        c.world.call(time_s, c.identity(draws.choice(numbers)), targets[victim], follow_up, c.label)


def number_harvest(c: Campaign) -> None:
    """Finds out which numbers are somebody's: rings for a while, hangs up as soon as somebody answers."""
    b = c.behaviour
    b.ring_s = ((9, 1, 6, 13), (13, 3, 6, 20), (20, 6, 7, 40))[c.strength]
    b.refused_soon, b.script_s, b.callee_hangs_up = 0, (1.6, 0.5) if c.strength < 2 else (4, 1.5), 0.1
    b.voicemail_listened, b.detects_machines, b.talk_log_s = 0, True, (1.5, 0.6)
    times_s = c.moments()
    c.place(times_s, c.spread(c.pool(), (90, 25, 5)[c.strength], 0.5), c.targets(c.calls))


def victim_spoof(c: Campaign) -> None:
    """Shows the number of a real person, whom those who missed the call then ring back: a callback storm."""
    victim = c.draws.choice(c.population.residential)
    elsewhere = [trunk for trunk in c.world.trunks.all if trunk is not victim.trunks[0]]
    c.trunks[:] = elsewhere[: c.draws.randint(1, 4)]
    c.behaviour.called_back, c.behaviour.redial = (0.3, 0.22, 0.15)[c.strength], 0
    c.population.spoofed.add(victim.number)
    next_number, share = c.pool(), (1, 0.7, 0.4)[c.strength]
    times_s = c.moments()
    numbers = [victim.number if c.draws.random() < share else next_number() for _ in range(c.calls)]
    c.place(times_s, numbers, c.targets(c.calls))


#: How each kind is planned, and the calls of one campaign by strength, before they are scaled to the budget.
KINDS: dict[str, tuple[Callable[[Campaign], None], tuple[int, int, int]]] = {
    "telemarketer": (telemarketer, (520, 330, 160)),
    "robocall_rotate": (robocall_rotate, (800, 450, 210)),
    "robocall_burner": (robocall_burner, (650, 380, 180)),
    "neighbour_spoof": (neighbour_spoof, (560, 330, 160)),
    "wangiri": (wangiri, (620, 330, 150)),
    "sequential_dial": (sequential_dial, (420, 260, 130)),
    "random_dial": (random_dial, (430, 260, 120)),
    "snowshoe": (snowshoe, (620, 400, 220)),
    "low_and_slow": (low_and_slow, (140, 100, 70)),
    "compromised_subscriber": (compromised_subscriber, (330, 200, 110)),
    "tdos": (tdos, (520, 260, 120)),
    "scam_call_centre": (scam_call_centre, (230, 140, 80)),
    "number_harvest": (number_harvest, (380, 220, 110)),
    "victim_spoof": (victim_spoof, (420, 240, 120)),
}


def campaigns_call(world: World, population: Population) -> None:
    """Every kind in every strength, and eight more, mostly stealthy ones: a sixth to a fifth of all calls."""
    draws = world.draws
    ratio = draws.uniform(0.15, 0.225)
    # 1.16: what redials and calls back will add to the legitimate calls in the queue.
    budget = len(world.queue) * 1.16 * ratio / (1 - ratio)
    wanted = [(kind, strength) for kind in KINDS for strength in range(3)]
    wanted += [(draws.choice(list(KINDS)), strength) for strength in (0, 1, 1, 2, 2, 2, 2, 2)]
    sized = [(kind, s, KINDS[kind][1][s] * draws.lognormvariate(0, 0.3)) for kind, s in wanted]
    scale = budget / sum(calls for _, _, calls in sized)
    least = max(4, round(25 * world.size))
    numbered = dict.fromkeys(KINDS, 0)
    for kind, strength, calls in sized:
        numbered[kind] += 1
        name = f"{kind}-{STRENGTHS[strength]}-{numbered[kind]}"
        label = Label("spam", name, kind, STRENGTHS[strength])
        KINDS[kind][0](_campaign(world, population, strength, max(least, int(calls * scale)), label))


def _campaign(world: World, population: Population, strength: int, calls: int, label: Label) -> Campaign:
    """A campaign as all kinds begin: refused the sooner and given up the sooner, the more blatant it is."""
    draws = world.draws
    behaviour = Behaviour(
        ring_s=((17, 3, 9, 28), (21, 5, 10, 38), (24, 7, 8, 50))[strength],
        talk_log_s=(3.5, 0.9),
        refused_soon=(0.82, 0.7, 0.5)[strength],
        callee_hangs_up=0.6,
        answer_shift=(-0.75, -0.35, 0.05)[strength],
        recognised=(0, 0.01, 0.04)[strength],
        voicemail_listened=(0.6, 0.4, 0.3)[strength],
        detects_machines=draws.random() < 0.5,
        redial=(0.08, 0.12, 0.2)[strength],
        redial_log_s=(8.3, 0.8),
        redials=1,
        called_back=0.025,
    )
    trunks = (draws.randint(1, 2), draws.randint(1, 4), draws.randint(2, 7))[strength]
    return Campaign(world, population, strength, calls, label, behaviour, world.trunks.sample(trunks))
