"""Turns declared expressions into formulas that the Rust core derives, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spit._core import Formulas
from spit.features.declare import Age, Change, Count, Direct, Feature, Habit, Prior, Ratio, Spread, Term

#: Number of a matrix, and of a column in it.
Place = tuple[int, int]
_Formula = tuple[str, list[Place], list[float]]


def formulas(
    features: Sequence[Feature], sums: Mapping[Term, Place], columns: Mapping[str, Place]
) -> Formulas:
    """``sums`` and ``columns``: where sums, and columns of the attempt itself, will stand."""
    return Formulas([_formula(feature, sums, columns) for feature in features])


def attempt_columns(features: Sequence[Feature]) -> list[str]:
    """The columns of attempts that ``features`` read."""
    names: dict[str, None] = {}
    for feature in features:
        match feature.expression:
            case Age(column=name) | Direct(column=name):
                names[name] = None
            case Habit():
                names |= dict.fromkeys(_HOURS)
            case _:
                pass
    return list(names)


_HOURS = ("hour_cos", "hour_sin")
_NO_CAP = float("inf")


def _formula(feature: Feature, sums: Mapping[Term, Place], columns: Mapping[str, Place]) -> _Formula:
    expression = feature.expression
    at = [sums[term] for term in expression.terms]
    match expression:
        case Count():
            return "count", at, []
        case Ratio():
            return "ratio", at, [*_added(expression.prior), expression.scale]
        case Change():
            return "change", at, _added(expression.prior)
        case Spread():
            kind = "relative_spread" if expression.relative else "spread"
            return kind, at, [expression.prior.value, expression.prior.weight]
        case Habit():
            return "habit", [*at, *(columns[name] for name in _HOURS)], _added(expression.prior)
        case Age():
            return "capped", [columns[expression.column]], [expression.cap_s]
        case Direct():
            return "capped", [columns[expression.column]], [_NO_CAP]
        case _:
            raise TypeError(f"{feature.name}: expected a known expression, found {expression!r}")


def _added(prior: Prior) -> list[float]:
    return [prior.value * prior.weight, prior.weight]
