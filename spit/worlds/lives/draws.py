"""Small random draws shared by every module; all take the generator of the seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np

T = TypeVar("T")
Rng = np.random.Generator


def uniform(rng: Rng, low: float, high: float) -> float:
    """A value between low and high, evenly."""
    return low + (high - low) * float(rng.random())


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """A value between low and high, evenly on the logarithmic scale."""
    return math.exp(uniform(rng, math.log(low), math.log(high)))


def around(rng: Rng, median: float, sigma: float) -> float:
    """A lognormal value; sigma is the standard deviation of its logarithm."""
    return median * math.exp(sigma * float(rng.standard_normal()))


def chance(rng: Rng, probability: float) -> bool:
    """True with the given probability."""
    return float(rng.random()) < probability


def below(rng: Rng, count: int) -> int:
    """A whole number from 0 to count - 1 (cheaper than Generator.integers)."""
    return int(float(rng.random()) * count)


def pick(rng: Rng, items: Sequence[T]) -> T:
    """One of the items, evenly."""
    return items[below(rng, len(items))]


def between(rng: Rng, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return low + below(rng, high - low + 1)


def log_between(rng: Rng, low: float, high: float) -> int:
    """A whole number drawn evenly on the logarithmic scale."""
    return round(log_uniform(rng, low, high))


def weighted(rng: Rng, items: Sequence[tuple[T, float]]) -> T:
    """One of the items, by weight."""
    mark = float(rng.random()) * sum(weight for _, weight in items)
    for item, weight in items:
        mark -= weight
        if mark <= 0.0:
            return item
    return items[-1][0]


def early_heavy(rng: Rng, count: int, skew: float) -> int:
    """An index below count that favours small values; skew 1 is even, 3 is strongly skewed."""
    return int(count * float(rng.random()) ** skew)


def digits(rng: Rng, count: int) -> str:
    """A string of decimal digits, the first one not zero."""
    if count <= 0:
        return ""
    low = 10 ** (count - 1)
    return str(low + below(rng, 9 * low))


def uneven(rng: Rng, total: int, parts: int, sigma: float = 0.6) -> list[int]:
    """Split a total into parts of lognormal size (each at least 1 as long as the total allows)."""
    sizes = [around(rng, 1.0, sigma) for _ in range(max(1, min(parts, total)))]
    marks = [0.0]
    for size in sizes:
        marks.append(marks[-1] + size)
    spare = total - len(sizes)
    cuts = [round(spare * mark / marks[-1]) for mark in marks]
    return [1 + b - a for a, b in pairwise(cuts)]


def identifier(rng: Rng) -> str:
    """A random UUID (version 4 layout) from the generator of the seed."""
    raw = rng.bytes(16).hex()
    return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-a{raw[17:20]}-{raw[20:]}"
