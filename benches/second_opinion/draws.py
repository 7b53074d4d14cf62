"""The one source of chance of a simulation, made from its seed."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Draws(random.Random):
    """Python's generator for single draws, NumPy's (``arrays``) for many at once and for Poisson counts."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed * 7919 + 17)
        self.arrays = np.random.default_rng(seed + 4242)

    def hex_digits(self, count: int) -> str:
        return f"{self.getrandbits(4 * count):0{count}x}"

    def digits(self, count: int) -> str:
        """Decimal digits, zeros at the front too."""
        return "".join(str(self.randint(0, 9)) for _ in range(count))

    def shuffled(self, items: Iterable[T]) -> list[T]:
        found = list(items)
        self.shuffle(found)
        return found

    def poisson(self, mean: float) -> int:
        return int(self.arrays.poisson(mean))

    def overdispersed(self, mean: float, shape: float = 1.6) -> int:
        """A negative binomial count of at least 1: people differ in how much they call."""
        return max(1, self.poisson(self.gammavariate(shape, mean / shape)))
