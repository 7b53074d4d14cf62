"""Names for the array types every module uses."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rng = np.random.Generator


def zipf_weights(count: int, exponent: float) -> Floats:
    """Shares of `count` members by rank, falling as rank to the power -`exponent`; they sum to one."""
    weights = np.arange(1, count + 1, dtype=np.float64) ** -exponent
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def split(rng: Rng, total: int, parts: int, sigma: float) -> Ints:
    """Divide `total` calls over `parts` members with log-normal sizes (`sigma` of the logarithm)."""
    weights = rng.lognormal(0.0, sigma, parts)
    return np.asarray(rng.multinomial(total, weights / weights.sum()), dtype=np.int64)


def pick(rng: Rng, items: Sequence[str], count: int) -> list[str]:
    """Draw `count` strings evenly, with replacement."""
    return [items[i] for i in rng.integers(0, len(items), count)]
