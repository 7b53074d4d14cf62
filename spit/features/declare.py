"""The types of a declaration: what is kept per key, and how a feature derives from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MINUTE_S = 60.0
TEN_MINUTES_S = 600.0
HOUR_S = 3600.0
DAY_S = 86_400.0

#: State untouched for this long is forgotten: what is left of a 1-day sum is then e^-7, below 0.1 %.
IDLE_S = 7 * DAY_S


class Stage(StrEnum):
    """Which events contribute. An attempt never sees what its own end will bring."""

    ATTEMPT = "attempt"
    END = "end"


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one event adds to a sum. ``compute`` gets AttemptColumns or EndColumns, as ``stage`` says."""

    name: str
    stage: Stage
    meaning: str
    compute: Callable[[Any], F64 | Mask]


@dataclass(frozen=True, slots=True)
class SumsDeclaration:
    """Decayed sums per key. ``charges_diverted``: forwarded calls count, too (RFC 5806, RFC 7044)."""

    name: str
    key: str
    contributions: tuple[Contribution, ...]
    windows_s: tuple[float, ...]
    charges_diverted: bool
    idle_s: float = IDLE_S

    @property
    def stage(self) -> Stage:
        """The stage of its contributions: all of one kind."""
        return self.contributions[0].stage

    def column(self, contribution: Contribution, window_s: float) -> int:
        """Where the primitive answers this sum."""
        # Names are unique and compare faster than declarations: this is asked for every feature of a batch.
        names = [c.name for c in self.contributions]
        return self.windows_s.index(window_s) * len(names) + names.index(contribution.name)


@dataclass(frozen=True, slots=True)
class LastDeclaration:
    """The callee's number at the previous attempt of a key, and the age of that attempt."""

    name: str
    key: str
    charges_diverted: bool
    idle_s: float = IDLE_S


@dataclass(frozen=True, slots=True)
class PairsDeclaration:
    """When a pair was last in contact. ``reverse_key``: also read the pair the other way round."""

    name: str
    key: str
    charges_diverted: bool
    reverse_key: str | None = None
    window_s: float = IDLE_S


class Reads(Protocol):
    """What the primitives knew before each attempt. Arrays over the attempts, never NaN in sums."""

    def total(self, sums: SumsDeclaration, contribution: Contribution, window_s: float) -> F64:
        """The decayed sum; 0 where nothing is known."""

    def column(self, name: str) -> F64:
        """A column of the attempt itself, or an age in seconds (NaN where there is none)."""


class Expression(Protocol):
    """How a feature derives from what was read."""

    @property
    def formula(self) -> str:
        """In words, for people and for the schema hash."""

    def evaluate(self, reads: Reads) -> F64:
        """One finite value for each attempt."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before anything is seen, and how many observations that belief is worth."""

    value: float
    weight: float


@dataclass(frozen=True, slots=True)
class Count:
    """A decayed count: a steady rate r per second settles at r times the window."""

    sums: SumsDeclaration
    contribution: Contribution
    window_s: float

    @property
    def formula(self) -> str:
        return self.contribution.name

    def evaluate(self, reads: Reads) -> F64:
        return reads.total(self.sums, self.contribution, self.window_s)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A share, or a mean, shrunk to its prior while there is little to go by."""

    sums: SumsDeclaration
    numerator: Contribution
    denominator: Contribution
    window_s: float
    prior: Prior

    @property
    def formula(self) -> str:
        added, weight = self.prior.value * self.prior.weight, self.prior.weight
        return f"({self.numerator.name} + {added:.6g}) / ({self.denominator.name} + {weight:.6g})"

    def evaluate(self, reads: Reads) -> F64:
        x = reads.total(self.sums, self.numerator, self.window_s)
        n = reads.total(self.sums, self.denominator, self.window_s)
        return (x + self.prior.value * self.prior.weight) / (n + self.prior.weight)


@dataclass(frozen=True, slots=True)
class Spread:
    """The standard deviation about the mean; its square is shrunk to the prior's.

    ``relative``: divided by the mean (coefficient of variation).
    """

    sums: SumsDeclaration
    count: Contribution
    total: Contribution
    squares: Contribution
    window_s: float
    prior: Prior
    relative: bool

    @property
    def formula(self) -> str:
        n, x, q = self.count.name, self.total.name, self.squares.name
        variance = f"({q}/{n} - ({x}/{n})^2)" + (f" / ({x}/{n})^2" if self.relative else "")
        prior, weight = f"{self.prior.value:.6g}", f"{self.prior.weight:.6g}"
        return f"sqrt(({n} * {variance} + {weight} * {prior}^2) / (max({n} - 1, 0) + {weight}))"

    def evaluate(self, reads: Reads) -> F64:
        n = reads.total(self.sums, self.count, self.window_s)
        x = reads.total(self.sums, self.total, self.window_s)
        q = reads.total(self.sums, self.squares, self.window_s)
        mean = np.divide(x, n, out=np.zeros_like(x), where=n > 0)
        variance = np.maximum(np.divide(q, n, out=np.zeros_like(q), where=n > 0) - mean**2, 0.0)
        if self.relative:
            variance = np.divide(variance, mean**2, out=np.zeros_like(variance), where=mean > 1e-9)
        # One observation says nothing of a spread: n - 1 of them count, as in a sample variance.
        weight = np.maximum(n - 1.0, 0.0) + self.prior.weight
        spread: F64 = np.sqrt((n * variance + self.prior.weight * self.prior.value**2) / weight)
        return spread


@dataclass(frozen=True, slots=True)
class Age:
    """Seconds since; the cap where it is longer ago or never was."""

    column: str
    cap_s: float

    @property
    def formula(self) -> str:
        return f"min({self.column}, {self.cap_s:.0f})"

    def evaluate(self, reads: Reads) -> F64:
        age_s: F64 = np.fmin(reads.column(self.column), self.cap_s)
        return age_s


@dataclass(frozen=True, slots=True)
class Direct:
    """A column of the attempt itself."""

    column: str

    @property
    def formula(self) -> str:
        return self.column

    def evaluate(self, reads: Reads) -> F64:
        return reads.column(self.column)


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the table. Raise ``version`` when the definition changes but the words do not."""

    name: str
    key: str
    unit: str
    meaning: str
    source: str
    expression: Expression
    window_s: float | None = None
    version: int = 1

    @property
    def identity(self) -> str:
        """What a model depends on: the schema hash is over these lines, in order."""
        window = "-" if self.window_s is None else f"{self.window_s:.6g}"
        return "\t".join([self.name, self.unit, window, str(self.version), self.expression.formula])


def window_name(window_s: float) -> str:
    """``1m``, ``10m``, ``1h``, ``1d``: how feature names end."""
    for unit_s, letter in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "m")):
        if window_s >= unit_s and math.isclose(window_s % unit_s, 0.0):
            return f"{window_s / unit_s:.0f}{letter}"
    return f"{window_s:.0f}s"


def window_words(window_s: float) -> str:
    """``1 min``, ``1 h``, ``1 day``: how people say it."""
    name = window_name(window_s)
    return f"{name[:-1]} {({'m': 'min', 'h': 'h', 'd': 'day', 's': 's'})[name[-1]]}"
