"""Builds declarations whose name and words follow from key and window."""

from __future__ import annotations

from spit.features.declare import (
    Contribution,
    Count,
    Feature,
    Prior,
    Ratio,
    Spread,
    SumsDeclaration,
    window_name,
    window_words,
)


def count(
    name: str,
    sums: SumsDeclaration,
    contribution: Contribution,
    window_s: float,
    *,
    unit: str,
    meaning: str,
    source: str,
) -> Feature:
    """``KEY_NAME_WINDOW``: a decayed count."""
    return Feature(
        name=f"{sums.key}_{name}_{window_name(window_s)}",
        key=sums.key,
        unit=unit,
        window_s=window_s,
        meaning=f"{meaning} (over {window_words(window_s)}).",
        source=source,
        expression=Count(sums, contribution, window_s),
    )


def ratio(
    name: str,
    sums: SumsDeclaration,
    numerator: Contribution,
    denominator: Contribution,
    window_s: float,
    prior: Prior,
    *,
    meaning: str,
    source: str,
    unit: str = "ratio",
) -> Feature:
    """``KEY_NAME_WINDOW``: a share or a mean, shrunk to its prior."""
    return Feature(
        name=f"{sums.key}_{name}_{window_name(window_s)}",
        key=sums.key,
        unit=unit,
        window_s=window_s,
        meaning=f"{meaning} (over {window_words(window_s)}).",
        source=source,
        expression=Ratio(sums, numerator, denominator, window_s, prior),
    )


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
    return Feature(
        name=f"{sums.key}_{name}_{window_name(window_s)}",
        key=sums.key,
        unit=unit,
        window_s=window_s,
        meaning=f"{meaning} (over {window_words(window_s)}).",
        source=source,
        expression=Spread(sums, *moments, window_s, prior, relative),
    )
