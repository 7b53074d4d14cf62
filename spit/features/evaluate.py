"""Computes features from sums: all of one kind at once, because most of the cost of a row is per array.

Arrays are float64 [sums or features, attempts]. ``totals`` are never NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from spit.features.declare import (
    F64,
    Age,
    Change,
    Count,
    Direct,
    Expression,
    Feature,
    Habit,
    Ratio,
    Spread,
    Term,
)

#: A column of the attempt itself, or an age in seconds (NaN where there is none), by name.
ColumnOf = Callable[[str], F64]
_Rows = npt.NDArray[np.intp]
_Kind = Callable[[F64, ColumnOf], F64]


class Evaluator:
    """The features of a table, prepared for totals in the order of ``rows``."""

    def __init__(self, features: Sequence[Feature], rows: Mapping[Term, int]) -> None:
        self._count = len(features)
        self._kinds: list[tuple[_Rows, _Kind]] = []
        for kind, prepare in _PREPARE.items():
            of_kind = [i for i, feature in enumerate(features) if type(feature.expression) is kind]
            if of_kind:
                expressions = [features[i].expression for i in of_kind]
                self._kinds.append((np.array(of_kind, np.intp), prepare(expressions, rows)))

    def __call__(self, totals: F64, column: ColumnOf) -> npt.NDArray[np.float32]:
        """float32 [attempts, features], from float64 ``totals`` [sums, attempts]."""
        values = np.empty((self._count, totals.shape[1]), np.float32)
        for places, compute in self._kinds:
            values[places] = compute(totals, column)
        return np.ascontiguousarray(values.T)


def _rows(expressions: Sequence[Expression], rows: Mapping[Term, int]) -> list[_Rows]:
    """For each place in an expression, the rows of the totals that stand there."""
    return [
        np.array([rows[t] for t in terms], np.intp) for terms in zip(*(e.terms for e in expressions), strict=True)
    ]


def _priors(expressions: Sequence[Ratio | Change | Spread | Habit]) -> tuple[F64, F64]:
    """Value and weight of each prior, float64 [features, 1]."""
    values, weights = zip(*((e.prior.value, e.prior.weight) for e in expressions), strict=True)
    return np.array(values)[:, np.newaxis], np.array(weights)[:, np.newaxis]


def _counts(expressions: Sequence[Count], rows: Mapping[Term, int]) -> _Kind:
    (at,) = _rows(expressions, rows)
    return lambda totals, _: np.maximum(totals[at], 0.0)


def _ratios(expressions: Sequence[Ratio], rows: Mapping[Term, int]) -> _Kind:
    numerators, denominators = _rows(expressions, rows)
    prior, weight = _priors(expressions)
    added, scale = prior * weight, np.array([[e.scale] for e in expressions])

    def compute(totals: F64, _: ColumnOf) -> F64:
        x, n = totals[numerators], totals[denominators]
        n *= scale
        n += weight
        x += added
        x /= n
        return x

    return compute


def _changes(expressions: Sequence[Change], rows: Mapping[Term, int]) -> _Kind:
    numerators, denominators, past_numerators, past_denominators = _rows(expressions, rows)
    prior, weight = _priors(expressions)

    def compute(totals: F64, _: ColumnOf) -> F64:
        n = totals[denominators]
        past = (totals[past_numerators] + prior * weight) / (totals[past_denominators] + weight)
        change: F64 = (totals[numerators] - n * past) / (n + weight)
        return change

    return compute


def _spreads(expressions: Sequence[Spread], rows: Mapping[Term, int]) -> _Kind:
    counts, sums, squares = _rows(expressions, rows)
    prior, weight = _priors(expressions)
    relative = np.array([[e.relative] for e in expressions])

    def compute(totals: F64, _: ColumnOf) -> F64:
        n, x, q = totals[counts], totals[sums], totals[squares]
        mean = np.divide(x, n, out=np.zeros_like(x), where=n > 0)
        variance = np.maximum(np.divide(q, n, out=np.zeros_like(q), where=n > 0) - mean**2, 0.0)
        of_mean = np.divide(variance, mean**2, out=np.zeros_like(variance), where=mean > 1e-9)
        variance = np.where(relative, of_mean, variance)
        # One observation says nothing of a spread: n - 1 of them count, as in a sample variance.
        spread: F64 = np.sqrt((n * variance + weight * prior**2) / (np.maximum(n - 1.0, 0.0) + weight))
        return spread

    return compute


def _habits(expressions: Sequence[Habit], rows: Mapping[Term, int]) -> _Kind:
    counts, cosines, sines = _rows(expressions, rows)
    prior, weight = _priors(expressions)

    def compute(totals: F64, column: ColumnOf) -> F64:
        along = totals[cosines] * column("hour_cos") + totals[sines] * column("hour_sin")
        near: F64 = (along + prior * weight) / (totals[counts] + weight)
        return near

    return compute


def _ages(expressions: Sequence[Age], _: Mapping[Term, int]) -> _Kind:
    return lambda _, column: np.stack([np.fmin(column(e.column), e.cap_s) for e in expressions])


def _directs(expressions: Sequence[Direct], _: Mapping[Term, int]) -> _Kind:
    return lambda _, column: np.stack([column(e.column) for e in expressions])


_PREPARE: dict[type, Callable[..., _Kind]] = {
    Count: _counts,
    Ratio: _ratios,
    Change: _changes,
    Spread: _spreads,
    Habit: _habits,
    Age: _ages,
    Direct: _directs,
}
