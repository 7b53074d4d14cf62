"""Confidence intervals: how far a measured figure may be from the true one. 95 % everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CONFIDENCE = 0.95
_Z = 1.959963984540054  # the normal quantile of 0.975
BOOTSTRAP_SAMPLES = 200


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval; all None where there was nothing to measure."""

    value: float | None
    low: float | None
    high: float | None


NOTHING = Estimate(None, None, None)


def wilson(count: float, trials: float) -> Estimate:
    """A rate with Wilson's score interval (Wilson 1927): holds for few trials and for rates of 0 and 1."""
    if trials <= 0:
        return NOTHING
    rate = count / trials
    z2 = _Z * _Z / trials
    middle = (rate + z2 / 2.0) / (1.0 + z2)
    half = _Z / (1.0 + z2) * math.sqrt(rate * (1.0 - rate) / trials + z2 / (4.0 * trials))
    # At the ends the interval touches the rate; rounding must not put it beside.
    return Estimate(rate, max(0.0, min(rate, middle - half)), min(1.0, max(rate, middle + half)))


def clustered_rate(flags: Bools, clusters: I64) -> Estimate:
    """The share of true ``flags``, where those of one cluster are not independent (calls of one caller).

    Wilson's interval with the effective number of trials (Korn and Graubard 1998): as many independent
    trials as would vary as much as the clusters do. At a rate of 0 or 1, the number of clusters.
    """
    trials = len(flags)
    if trials == 0:
        return NOTHING
    _, codes = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(codes).astype(np.float64)
    hits = np.bincount(codes, weights=flags)
    rate = float(flags.mean())
    count = len(sizes)
    variance = float(((hits - rate * sizes) ** 2).sum()) / trials**2 * count / max(count - 1, 1)
    if rate in (0.0, 1.0):
        effective = float(count)
    else:
        effective = min(float(trials), rate * (1.0 - rate) / max(variance, 1e-300))
    interval = wilson(rate * effective, effective)
    return Estimate(rate, interval.low, interval.high)


def bootstrap(figure: Callable[[F64], float | None], clusters: int, seed: int) -> Estimate:
    """``figure`` of all clusters, and the percentiles of it over resampled ones (Efron 1979).

    ``figure`` takes the number of times that each cluster was drawn, float64[clusters].
    """
    value = figure(np.ones(clusters))
    if value is None:
        return NOTHING
    rng = np.random.default_rng([seed, clusters])
    drawn = [
        figure(np.bincount(rng.integers(clusters, size=clusters), minlength=clusters).astype(np.float64))
        for _ in range(BOOTSTRAP_SAMPLES)
    ]
    found = np.array([v for v in drawn if v is not None])
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(found, [tail, 1.0 - tail]) if len(found) else (value, value)
    return Estimate(value, float(low), float(high))
