"""The detector without labels: what is rare and bad stands out; what is rare and good does not."""

from __future__ import annotations

import numpy as np
import pytest

from spit.engine.novelty import directions, learn_novelty
from spit.errors import ModelError
from spit.features.table import FeatureTable
from spit.model.novelty import NoveltyModel
from spit.simulate.events import to_events
from spit.simulate.labels import to_labels
from spit.simulate.scenario import scenario
from spit.simulate.traffic import simulate

NAMES = ("answered", "unwanted", "colour")
DIRECTIONS = {"answered": -1, "unwanted": 1}


def _population(n: int = 1_000) -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.column_stack([rng.beta(6, 3, n), rng.beta(1, 9, n), rng.random(n)]).astype(np.float32)


def _fit(population: np.ndarray) -> NoveltyModel:
    return NoveltyModel.fit(population, features=NAMES, directions=DIRECTIONS)


def test_only_the_bad_direction_counts() -> None:
    usual, bad, good, colourful = _fit(_population()).log_odds(
        np.array([[0.65, 0.1, 0.5], [0.01, 0.9, 0.5], [0.99, 0.0, 0.5], [0.65, 0.1, 99.0]], np.float32)
    )
    assert bad > 0.0 > usual > good
    assert colourful == usual


def test_it_still_stands_when_a_fifth_of_the_population_is_spam() -> None:
    population = _population()
    spam = np.tile(np.array([[0.02, 0.6, 0.5]], np.float32), (250, 1))
    clean, mixed = _fit(population), _fit(np.concatenate([population, spam]))
    for model in (clean, mixed):
        assert model.log_odds(spam[:1])[0] > np.quantile(model.log_odds(population), 0.98)


def test_unknown_is_never_bad() -> None:
    model = _fit(_population())
    unknown, known = model.log_odds(np.array([[np.nan, np.nan, np.nan], [0.65, 0.1, 0.5]], np.float32))
    assert unknown <= known


@pytest.mark.parametrize("rows", [np.zeros((10, 3), np.float32), np.zeros((300, 2), np.float32)])
def test_too_little_to_learn_from_is_an_error(rows: np.ndarray) -> None:
    with pytest.raises(ModelError, match="expected"):
        _fit(rows)


def test_a_population_all_alike_is_an_error() -> None:
    with pytest.raises(ModelError, match="all alike"):
        _fit(np.zeros((300, 3), np.float32))


def test_on_simulated_traffic_it_ranks_spam_before_legitimate_calls() -> None:
    plan = simulate(scenario("demo", 950))
    events = to_events(plan)
    labels = dict(zip(*(to_labels(plan)[name].to_pylist() for name in ("call_id", "label")), strict=True))
    model, again = learn_novelty(iter([events.slice(0, 3_000), events.slice(3_000)]), attempts=900)
    batches = list(again)
    assert sum(batch.num_rows for batch in batches) == events.num_rows
    rows = FeatureTable().observe(events)
    ids = events["call_id"].take(rows.rows).to_pylist()
    spam = np.array([labels[call_id] == "spam" for call_id in ids])
    odds = model.log_odds(rows.values)
    later = np.arange(len(odds)) > len(odds) // 4  # history has to gather first
    pairs = odds[later & spam][:, np.newaxis] > odds[later & ~spam]
    assert pairs.mean() > 0.8
    assert set(directions(FeatureTable.names)) <= set(FeatureTable.names)
