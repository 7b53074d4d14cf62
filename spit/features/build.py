"""Builds declarations whose name and words follow from key and window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spit.features.declare import (
    Change,
    Contribution,
    Count,
    Expression,
    Feature,
    Prior,
    Ratio,
    Spread,
    SumsDeclaration,
    Term,
    window_name,
    window_words,
)

#: Name, numerator, denominator, windows, prior, meaning, source.
RatioRow = tuple[str, Contribution, Contribution, tuple[float, ...], Prior, str, str]
#: Name, contribution, windows, unit, meaning, source.
CountRow = tuple[str, Contribution, tuple[float, ...], str, str, str]


def _feature(
    name: str, key: str, window_s: float, unit: str, meaning: str, source: str, expression: Expression
) -> Feature:
    return Feature(
        name=f"{key}_{name}_{window_name(window_s)}",
        key=key,
        unit=unit,
        window_s=window_s,
        meaning=f"{meaning} (over {window_words(window_s)}).",
        source=source,
        expression=expression,
    )


def counts(sums: SumsDeclaration, rows: Iterable[CountRow]) -> Iterator[Feature]:
    """``KEY_NAME_WINDOW``: decayed counts, each row at each of its windows."""
    for name, contribution, windows_s, unit, meaning, source in rows:
        for window_s in windows_s:
            expression = Count(Term(sums.key, contribution, window_s))
            yield _feature(name, sums.key, window_s, unit, meaning, source, expression)


def ratios(sums: SumsDeclaration, rows: Iterable[RatioRow], *, unit: str = "ratio") -> Iterator[Feature]:
    """``KEY_NAME_WINDOW``: shares or means, shrunk to their priors."""
    for name, numerator, denominator, windows_s, prior, meaning, source in rows:
        for window_s in windows_s:
            terms = Term(sums.key, numerator, window_s), Term(sums.key, denominator, window_s)
            yield _feature(name, sums.key, window_s, unit, meaning, source, Ratio(*terms, prior))


def spread(
    name: str,
    sums: SumsDeclaration,
    moments: tuple[Contribution, Contribution, Contribution],
    window_s: float,
    prior: Prior,
    *,
    relative: bool,
    unit: str,
    meaning: str,
    source: str,
) -> Feature:
    """``KEY_NAME_WINDOW``: spread of what ``moments`` count, sum and sum in squares."""
    count, total, squares = (Term(sums.key, moment, window_s) for moment in moments)
    expression = Spread(count, total, squares, prior, relative)
    return _feature(name, sums.key, window_s, unit, meaning, source, expression)


def surge(
    name: str,
    sums: SumsDeclaration,
    contribution: Contribution,
    window_s: float,
    past_s: float,
    prior: Prior,
    *,
    meaning: str,
    source: str,
) -> Feature:
    """``KEY_NAME_WINDOW``: the count against what the key's own rate over ``past_s`` makes one expect."""
    now, past = (Term(sums.key, contribution, at_s) for at_s in (window_s, past_s))
    expression = Ratio(now, past, prior, scale=window_s / past_s)
    meaning = f"{meaning}, relative to the rate over {window_words(past_s)}"
    return _feature(name, sums.key, window_s, "ratio", meaning, source, expression)


def change(
    name: str,
    sums: SumsDeclaration,
    ratio: tuple[Contribution, Contribution],
    window_s: float,
    past_s: float,
    prior: Prior,
    *,
    unit: str,
    meaning: str,
    source: str,
) -> Feature:
    """``KEY_NAME_WINDOW``: a share or mean minus what it is over ``past_s``."""
    numerator, denominator = ratio
    now = Term(sums.key, numerator, window_s), Term(sums.key, denominator, window_s)
    past = Term(sums.key, numerator, past_s), Term(sums.key, denominator, past_s)
    meaning = f"{meaning} exceeds what it is over {window_words(past_s)}"
    return _feature(name, sums.key, window_s, unit, meaning, source, Change(*now, *past, prior))
