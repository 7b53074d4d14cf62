"""Small random draws that every component shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

Rng = np.random.Generator
Range = tuple[float, float]
T = TypeVar("T")


def chance(rng: Rng, probability: float) -> bool:
    """True with the given probability."""
    return float(rng.random()) < probability


def pick(rng: Rng, options: Sequence[T]) -> T:
    """One of several, all equally likely."""
    return options[int(rng.integers(0, len(options)))]


def weighted(rng: Rng, options: Mapping[str, float]) -> str:
    """One name, in proportion to its weight."""
    names = list(options)
    edges = np.cumsum([options[name] for name in names])
    return names[min(len(names) - 1, int(np.searchsorted(edges, rng.random() * edges[-1], side="right")))]


def lognormal(rng: Rng, median: float, sigma: float) -> float:
    """A lognormal value of the given median."""
    return float(median * np.exp(sigma * rng.standard_normal()))


def span(rng: Rng, bounds: Range) -> float:
    """A parameter between two bounds: most draws from the middle, some from the extremes.

    Ranges over more than a factor of three are drawn in ratio, so that small values are as likely as large
    ones.
    """
    low, high = bounds
    place = float(rng.beta(2.0, 2.0)) if chance(rng, 0.75) else float(rng.beta(0.5, 0.5))
    if low > 0.0 and high > 3.0 * low:
        return float(low * (high / low) ** place)
    return low + (high - low) * place


def heavy(rng: Rng, median: float, sigma: float, low: int, high: int) -> int:
    """A heavy-tailed count."""
    return int(min(high, max(low, round(lognormal(rng, median, sigma)))))


def digits(rng: Rng, count: int) -> str:
    """Random decimal digits."""
    return "".join(map(str, rng.integers(0, 10, size=count).tolist()))
