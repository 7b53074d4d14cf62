"""Forests as one: the mean of their log-odds, from ONNX and from the trees that are read of it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from spit._core import Forest
from spit.errors import ModelError
from spit.model.averaging import average_forests
from spit.model.conversion import assert_same_scores, convert

WIDTH = 4


def _forests(count: int) -> tuple[list[HistGradientBoostingClassifier], np.ndarray]:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(600, WIDTH)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    spam = np.nan_to_num(values[:, 0]) + 0.5 * rng.normal(size=600) > 0
    made = []
    for seed in range(count):
        taken = rng.random(600) < 0.6
        forest = HistGradientBoostingClassifier(max_iter=3 + seed, random_state=seed, early_stopping=False)
        made.append(forest.fit(values[taken], spam[taken]))
    return made, values


def test_the_log_odds_are_the_mean() -> None:
    forests, values = _forests(3)
    joined = average_forests([convert(forest, WIDTH) for forest in forests])
    mean = np.mean([forest.decision_function(values) for forest in forests], axis=0)
    assert_same_scores(joined, values, mean)
    read = Forest.of_onnx(joined, WIDTH)
    assert read is not None


def test_weights_say_what_each_counts() -> None:
    forests, values = _forests(3)
    joined = average_forests([convert(forest, WIDTH) for forest in forests], [2.0, 1.0, 1.0])
    parts = np.stack([forest.decision_function(values) for forest in forests])
    assert_same_scores(joined, values, np.average(parts, axis=0, weights=[2.0, 1.0, 1.0]))


def test_one_forest_is_itself() -> None:
    (forest,), _ = _forests(1)
    alone = convert(forest, WIDTH)
    assert average_forests([alone]) is alone


def test_none_is_refused() -> None:
    with pytest.raises(ModelError, match="expected at least one, found none"):
        average_forests([])
