"""Components: which number a call shows. Each returns a source of numbers for one caller."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from spit.worlds.drawn.calls import NumberSource, Shown
from spit.worlds.drawn.draws import Range, chance, heavy, pick, span
from spit.worlds.drawn.lines import Line
from spit.worlds.drawn.plan import hash_digits
from spit.worlds.drawn.scene import Actor, Kind, World

Numbers = Callable[[World, Kind, Actor], NumberSource]
_LARGEST_POOL = 1500


def _pool_size(world: World, kind: Kind, actor: Actor) -> int:
    return int(min(_LARGEST_POOL, max(2.0, actor.calls / span(world.rng, kind.per_number))))


def _serve(world: World, numbers: Sequence[str], honest: bool) -> None:
    """What answers a call to a firm's number: usually a menu, for dial-out numbers often nothing."""
    answered = chance(world.rng, 0.75 if honest else 0.45)
    for number in numbers:
        if world.directory.get(number) is None:
            world.directory.firm_line(number, "menu" if answered else "outbound")


def _owned_pool(world: World, kind: Kind, actor: Actor) -> list[str]:
    numbers = world.plan.firm_range(world.rng, _pool_size(world, kind, actor))
    _serve(world, numbers, not kind.label.spam)
    return numbers


def _in_turn(world: World, per_number: Range, fresh: Callable[[], Shown]) -> NumberSource:
    """Use a number for some calls, then replace it."""
    rng = world.rng
    typical = span(rng, per_number)
    left = 0
    current: Shown | None = None

    def shown(_: str) -> Shown:
        nonlocal left, current
        if current is None or left <= 0:
            current = fresh()
            left = heavy(rng, typical, 0.5, 1, 100_000)
        left -= 1
        return current

    return shown


def own(world: World, _kind: Kind, actor: Actor) -> NumberSource:
    """The person's own number; some people always withhold it."""
    shown = Shown(actor.line.number, True, chance(world.rng, 0.02))
    return lambda _: shown


def withheld(world: World, _kind: Kind, _actor: Actor) -> NumberSource:
    """A number that the callee does not see: practices, authorities, refuges, and others."""
    numbers = world.plan.firm_range(world.rng, heavy(world.rng, 1.5, 1.0, 1, 60))
    _serve(world, numbers, True)
    return lambda _: Shown(pick(world.rng, numbers), True, True)


def main(world: World, kind: Kind, _actor: Actor) -> NumberSource:
    """A firm's one number."""
    number = (
        world.plan.freephone(world.rng) if chance(world.rng, 0.25) else world.plan.firm_range(world.rng, 1)[0]
    )
    _serve(world, [number], not kind.label.spam)
    if not kind.label.spam:
        world.firms.append(number)
    shown = Shown(number)
    return lambda _: shown


def by_agent(world: World, kind: Kind, actor: Actor) -> NumberSource:
    """Every agent has a number; whoever is free dials."""
    numbers = _owned_pool(world, kind, actor)
    return lambda _: Shown(pick(world.rng, numbers))


def by_callee(world: World, kind: Kind, actor: Actor) -> NumberSource:
    """The same number for the same callee, as number-masking services do."""
    numbers = _owned_pool(world, kind, actor)
    return lambda callee: Shown(numbers[hash_digits(callee) * 2654435761 % len(numbers)])


def rotating(world: World, kind: Kind, actor: Actor) -> NumberSource:
    """A pool used one number after another."""
    numbers = _owned_pool(world, kind, actor)
    place = -1

    def shown(_: str) -> Shown:
        nonlocal place
        place = (place + 1) % len(numbers)
        return Shown(numbers[place])

    return shown


def local_presence(world: World, kind: Kind, actor: Actor) -> NumberSource:
    """A number of the callee's area out of those rented there."""
    pools: dict[str, list[str]] = {}
    each = max(1, _pool_size(world, kind, actor) // 4)

    def shown(callee: str) -> Shown:
        area = world.plan.area_of(callee)
        if area not in pools:
            pools[area] = world.plan.firm_range(world.rng, each, area)
            _serve(world, pools[area], not kind.label.spam)
        return Shown(pick(world.rng, pools[area]))

    return shown


def neighbour(world: World, _kind: Kind, _actor: Actor) -> NumberSource:
    """A made-up number close to the callee's."""
    free = pick(world.rng, (3, 4, 4, 5, 6))
    return lambda callee: Shown(world.plan.neighbour(world.rng, callee, free), False)


def random_domestic(world: World, kind: Kind, _actor: Actor) -> NumberSource:
    """A made-up number somewhere in the country, kept for some calls."""
    return _in_turn(world, kind.per_number, lambda: Shown(world.plan.elsewhere(world.rng), False))


def unallocated(world: World, kind: Kind, _actor: Actor) -> NumberSource:
    """A number of the operator's blocks that nobody has, kept for some calls."""
    return _in_turn(world, kind.per_number, lambda: Shown(world.directory.unassigned(), False))


def victim(world: World, kind: Kind, _actor: Actor) -> NumberSource:
    """Numbers of subscribers who have nothing to do with the calls."""
    return _in_turn(world, kind.per_number, lambda: Shown(pick(world.rng, world.callers).number, False))


def impostor(world: World, _kind: Kind, _actor: Actor) -> NumberSource:
    """The number of a known firm or hotline."""
    known = world.firms or [line.number for line in world.directory.services]
    numbers = [pick(world.rng, known) for _ in range(int(world.rng.integers(1, 6)))]
    return lambda _: Shown(pick(world.rng, numbers), False)


def burner(world: World, kind: Kind, _actor: Actor) -> NumberSource:
    """Prepaid or app numbers, dropped after some calls."""
    return _in_turn(world, kind.per_number, lambda: Shown(world.plan.mobile(world.rng)))


def sim_bank(world: World, kind: Kind, actor: Actor) -> NumberSource:
    """A bank of SIM cards, several in use at a time; also the mobile gateways of honest firms."""
    rng = world.rng
    numbers = [world.plan.mobile(rng) for _ in range(min(512, _pool_size(world, kind, actor)))]
    ports = min(len(numbers), int(rng.integers(2, 33)))
    made = 0

    def shown(_: str) -> Shown:
        nonlocal made
        made += 1
        batch = made // (ports * 12) * ports
        return Shown(numbers[(batch + int(rng.integers(0, ports))) % len(numbers)])

    return shown


def hijacked(world: World, kind: Kind, _actor: Actor) -> NumberSource:
    """Accounts of subscribers with a history of their own, taken over one after another."""
    return _in_turn(world, kind.per_number, lambda: Shown(pick(world.rng, world.callers).number))


def original(world: World, _kind: Kind, _actor: Actor) -> NumberSource:
    """The number of whoever called the forwarding line: a different one each time."""
    people: list[Line] = world.directory.home + world.directory.remote
    return lambda _: Shown(pick(world.rng, people).number, False)


def foreign(world: World, kind: Kind, _actor: Actor) -> NumberSource:
    """Numbers of other countries, kept for some calls."""
    return _in_turn(world, kind.per_number, lambda: Shown(world.plan.abroad(world.rng)))


def high_cost(world: World, kind: Kind, _actor: Actor) -> NumberSource:
    """High-cost numbers that hope to be called back."""
    ranges = world.plan.premium_ranges(world.rng, int(world.rng.integers(1, 5)))

    def fresh() -> Shown:
        prefix, free = pick(world.rng, ranges)
        number = prefix + "".join(map(str, world.rng.integers(0, 10, size=free).tolist()))
        world.directory.firm_line(number, "premium", 500).home = False
        return Shown(number)

    return _in_turn(world, kind.per_number, fresh)


SHOWN: dict[str, Numbers] = {
    "own": own,
    "withheld": withheld,
    "main": main,
    "agents": by_agent,
    "per-callee": by_callee,
    "rotating": rotating,
    "local": local_presence,
    "neighbour": neighbour,
    "random": random_domestic,
    "unallocated": unallocated,
    "victim": victim,
    "impostor": impostor,
    "burner": burner,
    "sims": sim_bank,
    "hijacked": hijacked,
    "original": original,
    "foreign": foreign,
    "high-cost": high_cost,
}
