"""Intervals: known values, clusters, and the same bootstrap again."""

from __future__ import annotations

import numpy as np
import pytest

from spit.engine.intervals import NOTHING, bootstrap, clustered_rate, wilson


@pytest.mark.parametrize(
    ("count", "trials", "low", "high"),
    [(0, 10, 0.0, 0.27753), (1, 10, 0.01787, 0.40415), (5, 10, 0.23659, 0.76341), (10, 10, 0.72247, 1.0)],
)
def test_wilson_gives_the_published_values(count: int, trials: int, low: float, high: float) -> None:
    found = wilson(count, trials)
    assert found.low == pytest.approx(low, abs=1e-5)
    assert found.high == pytest.approx(high, abs=1e-5)
    assert wilson(0, 0) == NOTHING


def test_calls_of_one_caller_count_as_little_as_they_vary_together() -> None:
    clusters = np.repeat(np.arange(20), 50)
    alike = clusters % 2 == 0  # a caller's calls are all flagged, or none
    together, alone = clustered_rate(alike, clusters), wilson(10, 20)
    assert together.value == 0.5
    assert together.high == pytest.approx(alone.high, abs=0.01)  # as 20 callers, not as 1000 calls
    mixed = np.arange(1000) % 2 == 0
    assert clustered_rate(mixed, clusters).high == pytest.approx(wilson(500, 1000).high)
    never = clustered_rate(np.zeros(1000, np.bool_), clusters)
    assert never == wilson(0, 20)


def test_bootstrap_covers_the_mean_and_repeats() -> None:
    values = np.random.default_rng(1).normal(5.0, 1.0, 400)
    found = bootstrap(lambda w: float((w * values).sum() / w.sum()), 400, seed=2)
    assert found == bootstrap(lambda w: float((w * values).sum() / w.sum()), 400, seed=2)
    assert found.value == pytest.approx(values.mean())
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 / 20, rel=0.2)
    assert bootstrap(lambda _: None, 3, seed=1) == NOTHING
