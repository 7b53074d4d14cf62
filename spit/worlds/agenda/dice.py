"""Scalar random draws from one numpy generator, buffered because an event loop asks for one at a time."""

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")
Span = tuple[float, float]

_BUFFER = 8192


class Dice:
    """All scalar randomness of a world; `rng` serves the vector draws of the same world."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self._uniforms: list[float] = []
        self._normals: list[float] = []

    def uniform(self) -> float:
        """Uniform on [0, 1)."""
        if not self._uniforms:
            self._uniforms = self.rng.random(_BUFFER).tolist()
        return self._uniforms.pop()

    def normal(self) -> float:
        """Standard normal."""
        if not self._normals:
            self._normals = self.rng.standard_normal(_BUFFER).tolist()
        return self._normals.pop()

    def between(self, span: Span) -> float:
        """Uniform on the span."""
        return span[0] + (span[1] - span[0]) * self.uniform()

    def scale(self, span: Span) -> float:
        """Log-uniform on a span of positive numbers: orders of magnitude are equally likely."""
        return span[0] * math.pow(span[1] / span[0], self.uniform())

    def count(self, span: Span) -> int:
        """Log-uniform whole number, at least one."""
        return max(1, round(self.scale(span)))

    def lognormal(self, median: float, sigma: float) -> float:
        """Log-normal by its median."""
        return median * math.exp(sigma * self.normal())

    def exponential(self, mean: float) -> float:
        """Exponential by its mean."""
        return -mean * math.log(1.0 - self.uniform())

    def chance(self, probability: float) -> bool:
        """True with the probability."""
        return self.uniform() < probability

    def index(self, size: int) -> int:
        """Uniform index below size."""
        return int(self.uniform() * size)

    def pick(self, items: Sequence[Item]) -> Item:
        """One item, all equally likely."""
        return items[self.index(len(items))]

    def shares(self, size: int, concentration: float) -> list[float]:
        """Shares that sum to one; a low concentration gives one big and many small."""
        drawn = self.rng.gamma(concentration, size=size) + 1e-3
        return [float(value) for value in drawn / drawn.sum()]

    def hexadecimal(self, digits: int) -> str:
        """Lower-case hexadecimal digits."""
        raw = self.rng.integers(0, 16, size=digits)
        return "".join(f"{value:x}" for value in raw)

    def uuid(self) -> str:
        """A version-4 UUID in its usual form."""
        text = self.hexadecimal(32)
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
