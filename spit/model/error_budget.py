"""From "at most N wrong blocks per 10,000 legitimate callers" to a threshold (docs/decisions.md).

What counts is the *highest* score a legitimate caller ever reaches, because one attempt above the threshold
blocks it. For callers exchangeable with the n of the calibration, a new one exceeds the k-th highest of their
maxima with a probability of at most k / (n + 1), whatever the distribution (split conformal prediction,
Vovk et al. 2005).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spit.errors import ModelError

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

#: Where the size classes begin, in attempts of the caller over the calibration.
SIZE_CLASSES = (1, 4, 20, 100)
#: Within one size class the budget is this many times the overall one: such classes hold fewer callers.
CLASS_FACTOR = 10.0
#: Smaller classes say nothing of their own: this many vouch for the default budget within a class.
MIN_CLASS_CALLERS = 200
#: Highest scores kept of each class; a larger budget than they cover gets the lowest one kept.
MAX_TAIL = 1024


@dataclass(frozen=True, slots=True)
class SizeClass:
    """``callers`` legitimate callers with at least ``attempts_from`` attempts, fewer than the next class.

    ``tail``: their highest maximum scores, falling.
    """

    attempts_from: int
    callers: int
    tail: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """The maximum scores of the legitimate callers of a calibration."""

    classes: tuple[SizeClass, ...]

    @classmethod
    def from_maxima(cls, scores: F64, attempts: I64) -> ErrorBudget:
        """``scores``: float64[n], the highest score of each legitimate caller; ``attempts``: how many.

        Only scores that could have led to a block count: give 0 where none could.
        """
        position = np.searchsorted(SIZE_CLASSES, attempts, side="right") - 1
        classes = []
        for at, first in enumerate(SIZE_CLASSES):
            own = np.sort(scores[position == at])[::-1]
            # Rounded up: a threshold read back must not lie below a score it was made from.
            tail = tuple(math.ceil(score * 1e9) / 1e9 for score in own[:MAX_TAIL].tolist())
            classes.append(SizeClass(first, len(own), tail))
        return cls(tuple(classes))

    @property
    def callers(self) -> int:
        """Legitimate callers of the calibration."""
        return sum(one.callers for one in self.classes)

    @property
    def least(self) -> float:
        """The smallest N per 10,000 that so many callers can vouch for."""
        return 10_000.0 / (self.callers + 1)

    def threshold(self, wrong_per_10000: float) -> float:
        """The lowest score threshold that keeps the budget, overall and (times CLASS_FACTOR) in each class.

        A class of fewer than MIN_CLASS_CALLERS is not looked at, one that is too small for this budget gives
        its highest score. Raises ModelError when all callers together are too few.
        """
        overall = sorted((score for one in self.classes for score in one.tail), reverse=True)
        # The merged tails are exact as far as every one that was cut still reaches.
        cut = max((one.tail[-1] for one in self.classes if one.callers > len(one.tail)), default=-1.0)
        found = _exceeded(self.callers, [score for score in overall if score >= cut], wrong_per_10000)
        if found is None:
            raise ModelError(
                f"policy.max_wrong_blocks_per_10000: expected at least {self.least:.3g}, which is what the "
                f"{self.callers} callers of the model's calibration can vouch for, found {wrong_per_10000:g}"
            )
        for one in self.classes:
            if one.callers >= MIN_CLASS_CALLERS:
                within = _exceeded(one.callers, list(one.tail), CLASS_FACTOR * wrong_per_10000)
                found = max(found, one.tail[0] if within is None else within)
        return float(np.nextafter(found, 2.0))

    def to_document(self) -> list[dict[str, Any]]:
        """For ``bundle.json``."""
        return [
            {"attempts_from": one.attempts_from, "callers": one.callers, "tail": list(one.tail)}
            for one in self.classes
        ]

    @classmethod
    def from_document(cls, document: object) -> ErrorBudget:
        """From the list ``error_budget`` of ``bundle.json``. Raises ValueError: expected, found."""
        if not isinstance(document, list | tuple) or not document:
            raise ValueError(f"expected a list of size classes, found {type(document).__name__}")
        return cls(tuple(_read_class(one) for one in document))


def _exceeded(callers: int, tail: list[float], wrong_per_10000: float) -> float | None:
    """The k-th highest maximum, where k is the budget's share of callers + 1; None when k is 0."""
    k = min(math.floor(wrong_per_10000 / 10_000.0 * (callers + 1) + 1e-9), len(tail))
    return tail[k - 1] if k else None


def _read_class(one: object) -> SizeClass:
    if not isinstance(one, Mapping) or set(one) != {"attempts_from", "callers", "tail"}:
        raise ValueError("expected objects with attempts_from, callers and tail")
    first, callers, tail = one["attempts_from"], one["callers"], one["tail"]
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in (first, callers)):
        raise ValueError("attempts_from, callers: expected numbers of at least 0")
    if not isinstance(tail, list | tuple) or len(tail) != min(callers, MAX_TAIL):
        raise ValueError(f"tail: expected {min(callers, MAX_TAIL)} scores")
    if not all(isinstance(s, int | float) and not isinstance(s, bool) and 0 <= s <= 1 for s in tail):
        raise ValueError("tail: expected scores from 0 to 1")
    if list(tail) != sorted(tail, reverse=True):
        raise ValueError("tail: expected falling scores")
    return SizeClass(first, callers, tuple(float(score) for score in tail))
