"""Composing a kind of caller from components and turning it into attempts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from spit.worlds.drawn.calls import Attempt, Caller, Chain, Label
from spit.worlds.drawn.draws import chance, heavy, lognormal, pick, span, weighted
from spit.worlds.drawn.entry import ENTRY
from spit.worlds.drawn.lines import Line
from spit.worlds.drawn.manners import manner
from spit.worlds.drawn.purpose import Purpose, at, options
from spit.worlds.drawn.scene import Actor, Kind, World
from spit.worlds.drawn.shown import SHOWN
from spit.worlds.drawn.when import WHEN
from spit.worlds.drawn.who import WHO

# Shown numbers that are tied to a way of entering: stolen accounts come with their access.
_TIED_ENTRY = {"hijacked": "taken-over"}
_TYPICAL_CALL_S = 45.0


@dataclass(frozen=True)
class Composition:
    """The chosen component of each sort."""

    who: str
    when: str
    shown: str
    entry: str
    manner: str


def choose(world: World, purpose: Purpose, level: int) -> Composition:
    """Draw one component of each sort within the purpose's bounds."""
    rng = world.rng
    shown = weighted(rng, options(purpose.shown, level))
    entry = weighted(rng, options(purpose.entry, level))
    return Composition(
        weighted(rng, options(purpose.who, level)),
        weighted(rng, options(purpose.when, level)),
        shown,
        _TIED_ENTRY.get(shown, entry),
        weighted(rng, options(purpose.manner, level)),
    )


def _targets(world: World, label: Label) -> tuple[str, ...]:
    """One number (rarely a few) that a crowd or an attack calls: a hotline or a person."""
    rng = world.rng
    size = 1 if chance(rng, 0.75) else int(rng.integers(2, 6))
    if chance(rng, 0.35 if label.spam else 0.08):
        return tuple(pick(rng, world.directory.home).number for _ in range(size))
    return tuple(pick(rng, world.directory.services).number for _ in range(size))


def draw_kind(world: World, purpose: Purpose, chosen: Composition, label: Label, level: int) -> Kind:
    """Draw what the callers of a kind have in common."""
    rng = world.rng
    rhythm = pick(rng, purpose.rhythms)
    dead = span(rng, at(purpose.dead, level))
    return Kind(
        label=label,
        manner=manner(rng, chosen.manner, span(rng, purpose.expected)),
        rhythm=rhythm,
        equipment=pick(rng, purpose.equipment),
        dead=dead,
        repeats=span(rng, purpose.repeats),
        per_number=_narrowed(world, at(purpose.per_number, level)),
        window_h=at(purpose.window_h, level),
        events_s=tuple(world.clock.times(rng, rhythm, heavy(rng, 1.6, 0.6, 1, 8))),
        decay_s=span(rng, (90.0, 9000.0)),
        rate=at(purpose.rate, level),
        period_s=purpose.period_s,
        targets=_targets(world, label),
    )


def _narrowed(world: World, bounds: tuple[float, float]) -> tuple[float, float]:
    """A kind's own part of a range, so that its members resemble each other."""
    middle = span(world.rng, bounds)
    return max(bounds[0], middle / 2.0), min(bounds[1], middle * 2.0)


def _caller(world: World, purpose: Purpose, chosen: Composition, kind: Kind, actor: Actor) -> Caller:
    """One member: it differs from the others of its kind."""
    rng, shape = world.rng, kind.manner
    own_manner = replace(
        shape,
        talk_s=shape.talk_s * lognormal(rng, 1.0, 0.3),
        quit_s=shape.quit_s * lognormal(rng, 1.0, 0.15),
        patience_s=shape.patience_s * lognormal(rng, 1.0, 0.15),
        expected=min(1.0, shape.expected * lognormal(rng, 1.0, 0.2)),
        holds=min(1.0, shape.holds * lognormal(rng, 1.0, 0.25)),
    )
    return Caller(
        label=kind.label,
        shown=SHOWN[chosen.shown](world, kind, actor),
        entry=ENTRY[chosen.entry](world, kind, actor),
        manner=own_manner,
        line=actor.line if purpose.personal else None,
        messages=span(rng, purpose.messages),
        diverter=actor.line.number if chosen.shown == "original" else None,
    )


def _attempts(
    world: World, chosen: Composition, kind: Kind, actor: Actor, caller: Caller
) -> Iterator[Attempt]:
    callees = WHO[chosen.who](world, kind, actor)
    times = WHEN[chosen.when](world, kind, actor)
    if chosen.when != "chain":
        for time_s, callee in zip(times, callees, strict=True):
            yield Attempt(time_s, caller, callee)
        return
    gap_s = lognormal(world.rng, 25.0, 0.8)
    # Long lists are shared by as many people, dialling side by side, as it takes to finish in time.
    busy_s = actor.calls * (gap_s + _TYPICAL_CALL_S)
    desks = max(
        1, actor.calls // int(world.rng.integers(40, 140)), int(busy_s / (actor.window_s[1] - times[0]))
    )
    desks = min(desks, actor.calls)
    for desk in range(desks):
        rest = iter(callees[desk::desks])
        yield Attempt(times[len(times) // 3 * desk // desks], caller, next(rest), chain=Chain(rest, gap_s))


def _camouflage(world: World, caller: Caller, kind: Kind, actor: Actor, calls: int) -> Iterator[Attempt]:
    """Long calls between a campaign's numbers and accomplices, to look like anybody's traffic."""
    friends = world.directory.listed(world.rng, max(1, calls // 6))
    talk = replace(manner(world.rng, "chat", 0.95), social=False)
    friendly = replace(caller, manner=talk, messages=0.0)
    for time_s in world.clock.times(world.rng, kind.rhythm, calls, actor.window_s):
        yield Attempt(time_s, friendly, pick(world.rng, friends))


def members(
    world: World, purpose: Purpose, chosen: Composition, kind: Kind, budget: int, lines: Iterator[Line]
) -> list[Attempt]:
    """Honest callers of a kind until its budget of calls is spent."""
    rng = world.rng
    typical, spread = span(rng, purpose.calls), span(rng, purpose.spread)
    largest = max(3, int(budget * (1.0 if purpose.calls[1] > 100 else 0.3)))
    attempts: list[Attempt] = []
    while (left := budget - len(attempts)) > 0:
        calls = min(left, heavy(rng, typical, spread, 1, largest))
        actor = Actor(
            calls, world.clock.window(rng, kind.rhythm, span(rng, kind.window_h) * 3600.0), next(lines)
        )
        if purpose.personal and actor.line.home:
            world.callers.append(actor.line)
        made = list(_attempts(world, chosen, kind, actor, _caller(world, purpose, chosen, kind, actor)))
        attempts += made
        # A chain's later calls are not made yet but count.
        budget -= calls - len(made)
    return attempts
    return attempts


def campaign(
    world: World, purpose: Purpose, chosen: Composition, kind: Kind, budget: int, level: int
) -> list[Attempt]:
    """A campaign is one actor with many numbers."""
    rng = world.rng
    window = world.clock.window(rng, kind.rhythm, span(rng, kind.window_h) * 3600.0)
    hidden = int(budget * span(rng, at(purpose.camouflage, level)))
    actor = Actor(max(1, budget - hidden), window, pick(rng, world.directory.home))
    caller = _caller(world, purpose, chosen, kind, actor)
    return [*_attempts(world, chosen, kind, actor, caller), *_camouflage(world, caller, kind, actor, hidden)]
