"""The types of a declaration: what is kept per key, and how a feature derives from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from spit.features.expressions import Column

F64 = npt.NDArray[np.float64]

MINUTE_S = 60.0
TEN_MINUTES_S = 600.0
HOUR_S = 3600.0
DAY_S = 86_400.0
WEEK_S = 7 * DAY_S

#: State untouched for this long is forgotten: what is left of a 1-day sum is then e^-7, below 0.1 %.
IDLE_S = WEEK_S


class Stage(StrEnum):
    """Which events contribute. An attempt never sees what its own end will bring."""

    ATTEMPT = "attempt"
    END = "end"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one event adds to a sum: an attempt, an end, or each of them something."""

    name: str
    meaning: str
    at_attempt: Column | None = None
    at_end: Column | None = None

    @property
    def stage(self) -> Stage:
        if self.at_attempt is not None and self.at_end is not None:
            return Stage.BOTH
        return Stage.ATTEMPT if self.at_end is None else Stage.END


@dataclass(frozen=True, slots=True)
class SumsDeclaration:
    """Decayed sums per key: those that a feature reads, no others (``table.kept``).

    ``charges_diverted``: forwarded calls count, too (RFC 5806, RFC 7044). ``seen_from``: also read with this
    key, under the name ``as_name`` (what a caller's own number receives).
    """

    key: str
    charges_diverted: bool
    seen_from: str | None = None
    as_name: str | None = None
    idle_s: float = IDLE_S

    @property
    def elsewhere(self) -> SumsDeclaration:
        """The same sums, read with the other key."""
        return SumsDeclaration(self.as_name or self.key, self.charges_diverted)


@dataclass(frozen=True, slots=True)
class Term:
    """One decayed sum: of which key, what, over which window."""

    key: str
    contribution: Contribution
    window_s: float


@dataclass(frozen=True, slots=True)
class LastDeclaration:
    """Numbers of callee and caller at the previous attempt of a key, and the age of that attempt.

    ``young``: only attempts by young callers count (``attempt_columns.YOUNG_ATTEMPTS``).
    """

    name: str
    key: str
    charges_diverted: bool
    young: bool = False
    idle_s: float = IDLE_S


@dataclass(frozen=True, slots=True)
class PairsDeclaration:
    """When a pair was last in contact. ``reverse_key``: also read the pair the other way round.

    ``talks``: contact is a talk (a timed answer longer than a short call), noted at its end, and read at ends
    as well as at attempts; else it is an attempt.
    """

    name: str
    key: str
    charges_diverted: bool
    reverse_key: str | None = None
    talks: bool = False
    window_s: float = IDLE_S


class Expression(Protocol):
    """How a feature derives from what was read (``evaluate`` computes it)."""

    @property
    def formula(self) -> str:
        """In words, for people and for the schema hash."""

    @property
    def terms(self) -> tuple[Term, ...]:
        """The sums it reads."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before anything is seen, and how many observations that belief is worth."""

    value: float
    weight: float


@dataclass(frozen=True, slots=True)
class Count:
    """A decayed count: a steady rate r per second settles at r times the window. Never below 0."""

    term: Term

    @property
    def formula(self) -> str:
        return self.term.contribution.name

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.term,)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A share, a mean or a ratio of rates, shrunk to its prior while there is little to go by.

    ``scale``: what the denominator is multiplied by; 1 but for rates over different windows.
    """

    numerator: Term
    denominator: Term
    prior: Prior
    scale: float = 1.0

    @property
    def formula(self) -> str:
        added, weight = self.prior.value * self.prior.weight, self.prior.weight
        x, n = self.numerator.contribution.name, self.denominator.contribution.name
        if self.numerator.window_s != self.denominator.window_s:
            x, n = (f"{t.contribution.name}[{window_name(t.window_s)}]" for t in self.terms)
        over = n if self.scale == 1.0 else f"{n} * {self.scale:.6g}"
        return f"({x} + {added:.6g}) / ({over} + {weight:.6g})"

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.numerator, self.denominator)


@dataclass(frozen=True, slots=True)
class Change:
    """By how much a ratio over the short window exceeds the one over the long window, the key's own past.

    The ratio of the past is shrunk to the prior, the difference to 0.
    """

    numerator: Term
    denominator: Term
    past_numerator: Term
    past_denominator: Term
    prior: Prior

    @property
    def formula(self) -> str:
        added, weight = self.prior.value * self.prior.weight, self.prior.weight
        x, n, past_x, past_n = (f"{t.contribution.name}[{window_name(t.window_s)}]" for t in self.terms)
        past = f"({past_x} + {added:.6g}) / ({past_n} + {weight:.6g})"
        return f"({x} - {n} * {past}) / ({n} + {weight:.6g})"

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.numerator, self.denominator, self.past_numerator, self.past_denominator)


@dataclass(frozen=True, slots=True)
class Spread:
    """The standard deviation about the mean; its square is shrunk to the prior's.

    ``relative``: divided by the mean (coefficient of variation).
    """

    count: Term
    total: Term
    squares: Term
    prior: Prior
    relative: bool

    @property
    def formula(self) -> str:
        n, x, q = (term.contribution.name for term in self.terms)
        variance = f"({q}/{n} - ({x}/{n})^2)" + (f" / ({x}/{n})^2" if self.relative else "")
        prior, weight = f"{self.prior.value:.6g}", f"{self.prior.weight:.6g}"
        return f"sqrt(({n} * {variance} + {weight} * {prior}^2) / (max({n} - 1, 0) + {weight}))"

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.count, self.total, self.squares)


@dataclass(frozen=True, slots=True)
class Habit:
    """How near the time of day is to when the key is usually active: 1 at its usual hour, -1 half a day off.

    Sums of cosine and sine of the time of day make the mean direction (circular statistics).
    """

    count: Term
    cosines: Term
    sines: Term
    prior: Prior

    @property
    def formula(self) -> str:
        n, x, y = (term.contribution.name for term in self.terms)
        added, weight = self.prior.value * self.prior.weight, self.prior.weight
        return f"({x} * hour_cos + {y} * hour_sin + {added:.6g}) / ({n} + {weight:.6g})"

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.count, self.cosines, self.sines)


@dataclass(frozen=True, slots=True)
class Age:
    """Seconds since; the cap where it is longer ago or never was."""

    column: str
    cap_s: float

    @property
    def formula(self) -> str:
        return f"min({self.column}, {self.cap_s:.0f})"

    @property
    def terms(self) -> tuple[Term, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Direct:
    """A column of the attempt itself."""

    column: str

    @property
    def formula(self) -> str:
        return self.column

    @property
    def terms(self) -> tuple[Term, ...]:
        return ()


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
    """``1m``, ``10m``, ``1h``, ``1d``, ``7d``: how feature names end."""
    for unit_s, letter in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "m")):
        if window_s >= unit_s and math.isclose(window_s % unit_s, 0.0):
            return f"{window_s / unit_s:.0f}{letter}"
    return f"{window_s:.0f}s"


def window_words(window_s: float) -> str:
    """``1 min``, ``1 h``, ``7 days``: how people say it."""
    name = window_name(window_s)
    number, unit = name[:-1], {"m": "min", "h": "h", "d": "day", "s": "s"}[name[-1]]
    return f"{number} {unit}{'s' if unit == 'day' and number != '1' else ''}"
