"""Values as bin numbers, and trees over bin numbers as trees over values again.

scikit-learn bins by weighted quantiles, one quantile at a time: with sample weights that takes longer than
growing the trees. Here every feature is cut at plain quantiles at once, trees grow on the bin numbers, and
the converted model gets the cuts back as its thresholds. ``x <= cut`` is the same split as ``bin <= number``,
so nothing is approximated.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Rows that the quantiles are taken from; more of them move a cut by less than a bin.
MAX_ROWS = 200_000
_SEED = 3


def bin_cuts(values: F32, max_bins: int, rows: Bools | None = None) -> list[F32]:
    """Rising cuts of each column, at most ``max_bins - 1``; fewer where a column has fewer different values.

    ``values``: float32[n, F]; ``rows``: look at these rows only. Not-a-numbers are left out.
    """
    at = np.arange(len(values)) if rows is None else np.flatnonzero(rows)
    if len(at) > MAX_ROWS:
        at = np.sort(np.random.default_rng(_SEED).choice(at, MAX_ROWS, replace=False))
    values = values[at]
    return [_cuts(values[:, i], max_bins) for i in range(values.shape[1])]


def _cuts(column: F32, max_bins: int) -> F32:
    known = np.sort(column[np.isfinite(column)])
    distinct = np.unique(known)
    if len(distinct) <= max_bins:
        lower, upper = distinct[:-1], distinct[1:]
    else:
        at = np.unique(known[np.arange(1, max_bins) * len(known) // max_bins])
        upper = at[at > distinct[0]]
        lower = distinct[np.searchsorted(distinct, upper) - 1]
    # Between two values that were seen; where float32 has nothing between them, the lower one.
    middle = (lower.astype(np.float64) + upper.astype(np.float64)) / 2.0
    cuts: F32 = middle.astype(np.float32)
    return np.where(cuts < upper, cuts, lower)


def to_bins(values: F32, cuts: Sequence[F32], rows: Bools | None = None) -> F64:
    """float64[n, F]: how many cuts lie below each value; NaN stays NaN. ``rows``: of these rows only.

    float64, because scikit-learn would make a copy of anything else.
    """
    count = len(values) if rows is None else int(rows.sum())
    bins = np.empty((count, len(cuts)), np.float64)
    for i, column_cuts in enumerate(cuts):
        column = values[:, i] if rows is None else values[rows, i]
        bins[:, i] = np.where(np.isnan(column), np.nan, np.searchsorted(column_cuts, column, side="left"))
    return bins


def match_operators(bins: F64, operators: npt.NDArray[np.int64], max_bins: int) -> None:
    """Replace each bin number, in place, by the one with its rank: as many of all rows lie below as of the
    operator's.

    ``bins``: float64[n, F] of ``to_bins``, NaN stays NaN; ``operators``: int64[n]. What is much for one
    network is little for another: a forest that learns from matched rows learns what is much *there*. It
    needs no matching to be read, its splits being between bins of all rows (quantile normalisation, Bolstad
    and others 2003).
    """
    order = np.argsort(operators, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(operators[order]) != 0, True])
    groups = [order[start:end] for start, end in itertools.pairwise(starts)]
    for column in bins.T:
        counts = [_counts(column[rows], max_bins) for rows in groups]
        pool = np.cumsum(sum(counts)) / max(1, sum(count.sum() for count in counts))
        for rows, count in zip(groups, counts, strict=True):
            below = (np.cumsum(count) - count / 2.0) / max(1, count.sum())
            matched = np.minimum(np.searchsorted(pool, below), max_bins - 1).astype(np.float64)
            known = ~np.isnan(column[rows])
            column[rows[known]] = matched[column[rows[known]].astype(np.int64)]


def _counts(bins: F64, max_bins: int) -> npt.NDArray[np.int64]:
    """int64[max_bins]: how many of the known ones are in each bin."""
    return np.bincount(bins[~np.isnan(bins)].astype(np.int64), minlength=max_bins)


def restore_cuts(graph: Any, cuts: Sequence[F32]) -> None:
    """Replace thresholds on bin numbers by the cuts that they stand for, in every tree of an ONNX graph."""
    for node in graph.node:
        attributes = {attribute.name: attribute for attribute in node.attribute}
        if "nodes_values" not in attributes:
            continue
        thresholds, features = attributes["nodes_values"].floats, attributes["nodes_featureids"].ints
        modes = attributes["nodes_modes"].strings
        for i, mode in enumerate(modes):
            if mode == b"LEAF":
                continue
            if mode != b"BRANCH_LEQ":
                raise ValueError(f"expected branches on <=, found {mode!r}")
            if np.isinf(thresholds[i]):  # known values to one side, not-a-numbers to the other
                continue
            # A threshold of k + 0.5 tells bins up to k from those above: the values up to cut k.
            thresholds[i] = float(cuts[features[i]][int(thresholds[i])])
