"""Components: who is called. Each returns the callees of one caller, in calling order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spit.worlds.drawn.draws import chance, digits, heavy, pick, span
from spit.worlds.drawn.scene import Actor, Kind, World

Who = Callable[[World, Kind, Actor], list[str]]


def _repeated(world: World, numbers: list[str], count: int, steepness: float) -> list[str]:
    """Calls over a set of numbers, the first much more often than the last (Zipf)."""
    weights = np.arange(1, len(numbers) + 1, dtype=np.float64) ** -steepness
    drawn = world.rng.choice(len(numbers), size=count, p=weights / weights.sum())
    return [numbers[int(place)] for place in drawn]


def _reachable(world: World, actor: Actor) -> list[str]:
    directory = world.directory
    known = list(dict.fromkeys(actor.line.contacts))
    if not actor.line.home:
        # A call between two other networks never passes this operator.
        known = [number for number in known if (line := directory.get(number)) is not None and line.home]
    return known or directory.listed(world.rng, 2)


def contacts(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """Own friends, family and firms, many weak ties among them."""
    return _repeated(world, _reachable(world, actor), actor.calls, span(world.rng, (0.3, 1.3)))


def close_ties(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """A handful of people called again and again."""
    closest = _reachable(world, actor)[: heavy(world.rng, 4, 0.5, 1, 12)]
    return _repeated(world, closest, actor.calls, span(world.rng, (0.8, 2.4)))


def newcomers(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """First contacts, one after another: new subscribers, movers, flat hunters."""
    rng = world.rng
    pool = [*world.directory.listed(rng, actor.calls), pick(rng, world.directory.services).number]
    return [pick(rng, pool) for _ in range(actor.calls)]


def abroad(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """A few numbers in another country."""
    numbers = [world.plan.abroad(world.rng) for _ in range(heavy(world.rng, 2.5, 0.6, 1, 12))]
    for number in numbers:
        # People rarely keep dead numbers of their relatives.
        if world.directory.get(number) is None and chance(world.rng, 0.93):
            world.directory.person(number, False)
    return _repeated(world, numbers, actor.calls, 1.0)


def services(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """Practices, shops, hotlines."""
    return [pick(world.rng, world.directory.services).number for _ in range(actor.calls)]


def customers(world: World, kind: Kind, actor: Actor) -> list[str]:
    """Known customers, each called a few times; now and then one has moved."""
    rng = world.rng
    base = world.directory.listed(rng, max(1, round(actor.calls / kind.repeats)))
    chosen = [pick(rng, base) for _ in range(actor.calls)]
    return [world.directory.unassigned() if chance(rng, 0.25 * kind.dead) else number for number in chosen]


def fresh(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """Strangers from a well-kept list, each once."""
    numbers = list(dict.fromkeys(world.directory.listed(world.rng, 2 * actor.calls)))
    return (numbers * (actor.calls // max(1, len(numbers)) + 1))[: actor.calls]


def stale(world: World, kind: Kind, actor: Actor) -> list[str]:
    """Strangers from an old list: many numbers no longer exist."""
    rng = world.rng
    return [
        world.directory.unassigned() if chance(rng, kind.dead) else number
        for number in fresh(world, kind, actor)
    ]


def block_order(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """Numbers of blocks in order, with a step."""
    rng = world.rng
    numbers: list[str] = []
    step = pick(rng, (1, 1, 1, 2, 5, 7))
    while len(numbers) < actor.calls:
        prefix = pick(rng, world.plan.blocks).prefix
        numbers += [f"{prefix}{tail:03d}" for tail in range(int(rng.integers(0, 600)), 1000, step)]
    return numbers[: actor.calls]


def block_random(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """Random numbers of the operator's blocks."""
    return [world.plan.in_block(world.rng) for _ in range(actor.calls)]


def area(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """Every subscriber of a part of the network, as in an alert."""
    home = world.directory.home
    first = int(world.rng.integers(0, len(home)))
    numbers = [home[(first + step) % len(home)].number for step in range(actor.calls)]
    world.rng.shuffle(numbers)
    return numbers


def crowd_target(world: World, kind: Kind, actor: Actor) -> list[str]:
    """The one number (or few) that all callers of the kind call."""
    return [pick(world.rng, kind.targets) for _ in range(actor.calls)]


def group(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """Members of a club, class or team, each once or twice."""
    home = world.directory.home
    size = heavy(world.rng, 1.5 * actor.calls, 0.5, 2, len(home))
    place = sum(map(ord, actor.line.number)) * 7919 % len(home)
    members = [home[(place + int(step)) % len(home)].number for step in world.rng.permutation(size)]
    return (members * (actor.calls // size + 1))[: actor.calls]


def endpoints(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """One to four fixed lines or machines."""
    numbers = [pick(world.rng, world.directory.home).number for _ in range(int(world.rng.integers(1, 5)))]
    return _repeated(world, numbers, actor.calls, 1.0)


def wrong_fixed(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """Few numbers, mostly wrong ones: unallocated, cut off, with a doubled prefix."""
    rng = world.rng
    numbers = []
    for _ in range(int(rng.integers(1, 5))):
        live = pick(rng, world.directory.home).number
        numbers.append(
            pick(rng, (world.plan.in_block(rng), world.plan.cc + digits(rng, 4), digits(rng, 5), live))
        )
    return _repeated(world, numbers, actor.calls, 1.0)


def anyone(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """Contacts of the many people behind one number."""
    rng, home = world.rng, world.directory.home
    people = [pick(rng, home) for _ in range(max(2, actor.calls // 3))]
    drawn = [pick(rng, people) for _ in range(actor.calls)]
    return [
        pick(rng, person.contacts) if person.contacts and chance(rng, 0.5) else person.number
        for person in drawn
    ]


def extensions(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """Extensions in order, some as user@host, as scanners and misdialled exchanges try them."""
    first = int(world.rng.integers(100, 2000))
    host = pick(world.rng, world.network.core)
    as_user = chance(world.rng, 0.5)
    return [f"{first + step}@{host}" if as_user else str(first + step) for step in range(actor.calls)]


def premium(world: World, _kind: Kind, actor: Actor) -> list[str]:
    """High-cost numbers that share revenue with whoever brings calls."""
    rng = world.rng
    ranges = world.plan.premium_ranges(rng, int(rng.integers(1, 6)))
    numbers = [
        prefix + digits(rng, free) for prefix, free in ranges for _ in range(heavy(rng, 4, 0.8, 1, 30))
    ]
    for number in numbers:
        world.directory.firm_line(number, "premium", 500).home = False
    return [pick(rng, numbers) for _ in range(actor.calls)]


WHO: dict[str, Who] = {
    "contacts": contacts,
    "close-ties": close_ties,
    "newcomer": newcomers,
    "abroad": abroad,
    "services": services,
    "customers": customers,
    "fresh-list": fresh,
    "stale-list": stale,
    "block-order": block_order,
    "block-random": block_random,
    "area": area,
    "target": crowd_target,
    "group": group,
    "endpoints": endpoints,
    "wrong-number": wrong_fixed,
    "anyone": anyone,
    "extensions": extensions,
    "premium": premium,
}
