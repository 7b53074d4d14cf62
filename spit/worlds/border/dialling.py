"""Ways to show numbers and to pace calls, used by honest centres and by campaigns alike."""

from collections.abc import Sequence

import numpy as np

from spit.worlds.border.arrays import Floats, Ints, Rng, pick
from spit.worlds.border.numbering import neighbour
from spit.worlds.border.world import World


def rotated(rng: Rng, pool: Sequence[str], count: int, evenly: bool) -> list[str]:
    """Show numbers of a pool, either all equally often or some much more than others."""
    if evenly:
        return pick(rng, pool, count)
    weights = rng.dirichlet(np.full(len(pool), 0.6))
    return [pool[i] for i in rng.choice(len(pool), count, p=weights)]


def in_turn(pool: Sequence[str], start: Floats, each: int) -> list[str]:
    """Use up numbers one after another: `each` calls in order of time, then the next number."""
    rank = np.empty(start.size, dtype=np.int64)
    rank[np.argsort(start, kind="stable")] = np.arange(start.size)
    return [pool[(r // each) % len(pool)] for r in rank.tolist()]


def near_callees(rng: Rng, callees: Sequence[str], tails: Sequence[int]) -> list[str]:
    """For every callee a number that looks as if next door."""
    drawn = rng.integers(0, len(tails), len(callees))
    return [neighbour(rng, callee, tails[t]) for callee, t in zip(callees, drawn.tolist(), strict=True)]


def local_pool(world: World, callees: Sequence[str], per_area: int) -> list[str]:
    """Local presence: per callee one of the few numbers rented in the callee's area."""
    rng = world.rng
    rented: dict[str, list[str]] = {}
    shown = []
    for callee in callees:
        area = callee[:6]
        if area not in rented:
            near = [neighbour(rng, callee, max(4, len(callee) - 7)) for _ in range(per_area)]
            rented[area] = near
        shown.append(rented[area][int(rng.integers(0, len(rented[area])))])
    return shown


def over_senders(rng: Rng, senders: Sequence[int], count: int, skew: float = 1.0) -> Ints:
    """Spread calls over several senders, more unevenly the smaller `skew` is."""
    weights = rng.dirichlet(np.full(len(senders), skew))
    return np.asarray(rng.choice(np.asarray(senders), count, p=weights), dtype=np.int64)


def by_agents(rng: Rng, count: int, begin: float, end: float, agents: int) -> Floats:
    """Agents who dial one call after another from `begin` to `end`, with pauses of all lengths."""
    per_agent = np.bincount(rng.integers(0, agents, count), minlength=agents)
    drawn = []
    for calls in per_agent[per_agent > 0].tolist():
        gaps = rng.lognormal(0.0, 0.9, calls + 1)
        joined = begin + (end - begin) * float(rng.beta(1.0, 4.0)) * 0.5
        drawn.append(joined + np.cumsum(gaps)[:-1] / gaps.sum() * (end - joined))
    return np.concatenate(drawn) if drawn else np.zeros(0)


def in_bursts(rng: Rng, count: int, begin: float, end: float, bursts: int, per_s: float) -> Floats:
    """Bursts of calls at `per_s` calls a second, begun at random between two times."""
    starts = rng.uniform(begin, end, bursts)
    drawn = []
    for at, calls in zip(starts, rng.multinomial(count, rng.dirichlet(np.full(bursts, 2.0))), strict=True):
        drawn.append(at + np.cumsum(rng.exponential(1.0 / per_s, int(calls))))
    return np.concatenate(drawn)
