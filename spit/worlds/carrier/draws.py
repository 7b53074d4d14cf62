"""Random primitives shared by every part of the world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Rng = np.random.Generator
Floats = NDArray[np.float64]


def chance(rng: Rng, probability: float) -> bool:
    """True with the given probability."""
    return bool(rng.random() < probability)


def uniform(rng: Rng, low: float, high: float) -> float:
    """One draw between two bounds."""
    return float(low + (high - low) * rng.random())


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """One draw whose logarithm is uniform: for quantities known to an order of magnitude."""
    return float(low * (high / low) ** rng.random())


def lognormal(rng: Rng, median: float, sigma: float) -> float:
    """One lognormal draw, described by its median and the deviation of its logarithm."""
    return float(median * np.exp(sigma * rng.standard_normal()))


def heavy_count(rng: Rng, median: float, sigma: float, low: int, high: int) -> int:
    """A lognormal count kept between two bounds."""
    return int(min(high, max(low, round(lognormal(rng, median, sigma)))))


def pick(rng: Rng, items: Sequence[T]) -> T:
    """One item, uniformly."""
    return items[int(rng.random() * len(items))]


def sample(rng: Rng, items: Sequence[T], count: int) -> list[T]:
    """Distinct items in random order, at most as many as there are."""
    chosen = rng.choice(len(items), size=min(count, len(items)), replace=False)
    return [items[int(index)] for index in chosen]


def split(rng: Rng, total: int, parts: int, sigma: float) -> list[int]:
    """Divide a total among parts whose shares are lognormal with the given deviation."""
    weights = np.exp(sigma * rng.standard_normal(parts))
    return [int(share) for share in rng.multinomial(total, weights / weights.sum())]


class Weighted(Generic[T]):
    """Items drawn with fixed weights."""

    def __init__(self, items: Sequence[T], weights: Sequence[float] | Floats) -> None:
        self.items = items
        self._edges = np.cumsum(np.asarray(weights, dtype=np.float64))

    def draw(self, rng: Rng) -> T:
        """One item."""
        place = int(np.searchsorted(self._edges, rng.random() * self._edges[-1], side="right"))
        return self.items[min(place, len(self.items) - 1)]

    def draws(self, rng: Rng, count: int) -> list[T]:
        """Several items, with replacement."""
        places = np.searchsorted(self._edges, rng.random(count) * self._edges[-1], side="right")
        last = len(self.items) - 1
        return [self.items[min(int(place), last)] for place in places]
