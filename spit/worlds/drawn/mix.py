"""Which kinds and campaigns a seed has, and how the calls are split among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, count, cycle

from spit.worlds.drawn.calls import Attempt, Label
from spit.worlds.drawn.compose import Composition, campaign, choose, draw_kind, members
from spit.worlds.drawn.draws import Rng, chance, lognormal, pick, span, weighted
from spit.worlds.drawn.frauds import FRAUDS
from spit.worlds.drawn.honest import FIRMS, PEOPLE
from spit.worlds.drawn.lines import Line
from spit.worlds.drawn.purpose import Purpose
from spit.worlds.drawn.scene import World

STRENGTHS = ("blatant", "medium", "stealthy")
# Redials, returned calls and the like come on top of planned calls, mostly on the honest side.
_PLANNED_HONEST = 0.91
_PLANNED_SPAM = 1.02


def _draw(rng: Rng, purposes: Sequence[Purpose]) -> Purpose:
    by_name = {purpose.name: purpose for purpose in purposes}
    return by_name[weighted(rng, {purpose.name: purpose.weight for purpose in purposes})]


def _name(purpose: Purpose, chosen: Composition, taken: set[str]) -> str:
    """A readable name; the manner or a number is added where two kinds would share it."""
    base = "/".join((purpose.name, chosen.who, chosen.when, chosen.shown))
    candidates = chain((base, f"{base}/{chosen.manner}"), (f"{base}/{number}" for number in count(2)))
    name = next(candidate for candidate in candidates if candidate not in taken)
    taken.add(name)
    return name


def _split(rng: Rng, purposes: Sequence[Purpose], budget: int) -> list[int]:
    shares = [span(rng, purpose.share) * lognormal(rng, 1.0, 0.4) for purpose in purposes]
    return [max(20, int(budget * share / sum(shares))) for share in shares]


def _people(world: World) -> Iterator[Line]:
    """People in random order, more of the operator's own than of others; again from the start when all have
    called."""
    directory = world.directory
    everyone = directory.home + directory.remote
    return cycle([everyone[int(place)] for place in world.rng.permutation(len(everyone))])


def honest_attempts(world: World, calls: int) -> list[Attempt]:
    """25 to 40 kinds of legitimate caller; a good third of them are people with a phone."""
    rng = world.rng
    kinds = int(rng.integers(25, 41))
    personal = next(purpose for purpose in PEOPLE if purpose.name == "personal")
    drawn = [personal] * int(rng.integers(3, 6))
    while len(drawn) < kinds:
        purpose = _draw(rng, PEOPLE[1:] if chance(rng, 0.34) else FIRMS)
        if drawn.count(purpose) < 4:
            drawn.append(purpose)
    lines, taken = _people(world), set[str]()
    attempts: list[Attempt] = []
    for purpose, budget in zip(drawn, _split(rng, drawn, int(calls * _PLANNED_HONEST)), strict=True):
        chosen = choose(world, purpose, 0)
        kind = draw_kind(world, purpose, chosen, Label(_name(purpose, chosen, taken)), 0)
        attempts += members(world, purpose, chosen, kind, budget, lines)
    return attempts


def spam_attempts(world: World, calls: int) -> list[Attempt]:
    """10 to 16 campaigns, at least three of each strength."""
    rng = world.rng
    levels = [0, 0, 0, 1, 1, 1, 2, 2, 2]
    levels += [int(rng.integers(0, 3)) for _ in range(int(rng.integers(1, 8)))]
    drawn: list[Purpose] = []
    while len(drawn) < len(levels):
        purpose = _draw(rng, FRAUDS)
        # The same purpose at most twice, so that a seed shows many.
        if drawn.count(purpose) < 2:
            drawn.append(purpose)
    taken: set[str] = set()
    attempts: list[Attempt] = []
    # Every strength gets a fair part of the calls, whichever purposes it drew.
    parts = [span(rng, (0.5, 1.5)) for _ in STRENGTHS]
    by_level = [
        [purpose for at, purpose in zip(levels, drawn, strict=True) if at == level] for level in range(3)
    ]
    budgets = [
        budget
        for purposes, part in zip(by_level, parts, strict=True)
        for budget in _split(rng, purposes, int(calls * _PLANNED_SPAM * part / sum(parts)))
    ]
    in_order = [(level, purpose) for level, purposes in enumerate(by_level) for purpose in purposes]
    for (level, purpose), budget in zip(in_order, budgets, strict=True):
        chosen = choose(world, purpose, level)
        name = _name(purpose, chosen, taken)
        label = Label(name, True, STRENGTHS[level], f"{purpose.name}-{pick(rng, 'abcdefgh')}{len(taken)}")
        kind = draw_kind(world, purpose, chosen, label, level)
        attempts += campaign(world, purpose, chosen, kind, budget, level)
    return attempts
