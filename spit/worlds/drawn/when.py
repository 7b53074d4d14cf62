"""Components: when calls are made. Each returns ordered times in seconds from the start, one for each
call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from spit.worlds.drawn.draws import lognormal, pick, span
from spit.worlds.drawn.scene import Actor, Kind, World

When = Callable[[World, Kind, Actor], list[float]]


def _fitted(start_s: float, offsets_s: npt.NDArray[np.float64], longest_s: float) -> list[float]:
    """Times after a start; whoever would not finish in time dials faster."""
    scale = min(1.0, longest_s / float(offsets_s[-1]))
    return [start_s + float(offset) * scale for offset in offsets_s]


def diurnal(world: World, kind: Kind, actor: Actor) -> list[float]:
    """Spread over the day by the kind's rhythm."""
    return world.clock.times(world.rng, kind.rhythm, actor.calls, actor.window_s)


def habit(world: World, _kind: Kind, actor: Actor) -> list[float]:
    """Spread over the day by the person's own rhythm."""
    return world.clock.times(world.rng, actor.line.habit, actor.calls, actor.window_s)


def sessions(world: World, kind: Kind, actor: Actor) -> list[float]:
    """A few sittings of many calls each, at hours of the rhythm."""
    rng = world.rng
    starts = world.clock.times(rng, kind.rhythm, max(1, min(8, actor.calls // 8)), actor.window_s)
    gap_s = lognormal(rng, 60.0, 0.8)
    share = -(-actor.calls // len(starts))
    longest_s = world.clock.span_s - starts[-1]
    times = [
        t for start in starts for t in _fitted(start, np.cumsum(rng.exponential(gap_s, share)), longest_s)
    ]
    return sorted(times[: actor.calls])


def event(world: World, kind: Kind, actor: Actor) -> list[float]:
    """Set off by an event shared with the kind's other callers, then fading."""
    start = pick(world.rng, kind.events_s)
    return sorted(start + kind.decay_s * float(t) for t in world.rng.lognormal(-0.7, 1.0, actor.calls))


def burst(world: World, kind: Kind, actor: Actor) -> list[float]:
    """As fast as the caller's equipment goes, from one moment on."""
    rng = world.rng
    start = world.clock.times(rng, kind.rhythm, 1, actor.window_s)[0]
    gap_s = 3600.0 / (span(rng, kind.rate) * span(rng, (3.0, 10.0)))
    return _fitted(start, np.cumsum(rng.exponential(gap_s, actor.calls)), world.clock.span_s - start)


def periodic(world: World, kind: Kind, actor: Actor) -> list[float]:
    """A machine's timer."""
    period = span(world.rng, kind.period_s)
    period = min(period, (world.clock.span_s - actor.window_s[0]) / (actor.calls + 1))
    first = actor.window_s[0] + period * float(world.rng.random())
    return [first + period * step for step in range(actor.calls)]


def jittered(world: World, kind: Kind, actor: Actor) -> list[float]:
    """A machine's timer with a random delay."""
    period = span(world.rng, kind.period_s)
    noise = span(world.rng, (0.02, 0.6))
    times = periodic(world, kind, actor)
    return sorted(time + period * noise * float(world.rng.random()) for time in times)


def paced(world: World, kind: Kind, actor: Actor) -> list[float]:
    """A dialler's steady pace with pauses, within calling hours."""
    rng = world.rng
    gap_s = 3600.0 / span(rng, kind.rate)
    shift = world.clock.window(
        rng, kind.rhythm, min(actor.calls * gap_s * 1.2, actor.window_s[1] - actor.window_s[0])
    )
    start = max(shift[0], actor.window_s[0])
    gaps = rng.exponential(gap_s, actor.calls)
    pauses = rng.random(actor.calls) < 0.01
    gaps[pauses] += rng.exponential(900.0, int(pauses.sum()))
    return _fitted(start, np.cumsum(gaps), actor.window_s[1] - start)


def drip(world: World, _kind: Kind, actor: Actor) -> list[float]:
    """Slowly and evenly over the whole window."""
    low, high = actor.window_s
    step = (high - low) / actor.calls
    return [low + step * (place + float(world.rng.random())) for place in range(actor.calls)]


WHEN: dict[str, When] = {
    "rhythm": diurnal,
    "habit": habit,
    "sessions": sessions,
    "event": event,
    "burst": burst,
    "periodic": periodic,
    "jittered": jittered,
    "paced": paced,
    "drip": drip,
    # One call after another: only the first has a time, the rest follow from how long each takes.
    "chain": diurnal,
}
