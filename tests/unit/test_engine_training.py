"""Training on simulation: which traffic, which constraints, and what the card says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from spit.engine import training, training_traffic
from spit.engine.model_card import seed_words
from spit.engine.training import make_model, monotonic, train_on_simulation
from spit.engine.training_traffic import (
    LabelledEvents,
    labels_of,
    training_rows,
    training_spec,
    world_row_seed,
)
from spit.errors import ConfigError
from spit.features.table import FeatureTable
from spit.model.bundle import read_bundle_info
from spit.model.train import TrainingSettings
from spit.simulate.scenario import scenario
from spit.simulate.spec import SimulationSpec
from spit.worlds import traffic
from spit.worlds.traffic import WORLDS


def test_a_seed_names_one_spec_of_hours_to_days() -> None:
    specs = {seed: training_spec(seed) for seed in range(1, 21)}
    assert all(training_spec(seed) == spec and spec.seed == seed for seed, spec in specs.items())
    assert min(spec.duration_s for spec in specs.values()) < 4 * 3600
    assert max(spec.duration_s for spec in specs.values()) > 20 * 3600
    assert all(spec.campaigns for spec in specs.values())


def test_test_seeds_must_not_be_trained_on() -> None:
    with pytest.raises(ConfigError, match=r"found \[3\] in both"):
        train_on_simulation([1, 2, 3], [3, 4])


def test_every_constraint_is_on_a_feature_and_evasive_directions_are_closed() -> None:
    constraints = monotonic(FeatureTable.names)
    assert set(constraints) <= set(FeatureTable.names)
    assert constraints["caller_not_found_ratio_1h"] == 1
    assert constraints["caller_answer_ratio_1d"] == -1
    assert constraints["peer_one_ring_ratio_1h"] == 1
    assert "caller_attempts_1h" not in constraints  # call centres and PBXs call often


def test_labels_are_found_by_call_id() -> None:
    attempts = pa.record_batch({"call_id": ["b", "a", "c"]})
    labels = pa.table({"call_id": ["a", "b", "c"], "label": ["spam", "ham", "spam"]})
    np.testing.assert_array_equal(labels_of(attempts, labels), [False, True, True])
    with pytest.raises(ConfigError, match="expected a label for every attempt, found none for 'c'"):
        labels_of(attempts, labels.slice(0, 2))


def test_rows_are_thinned_while_they_are_made_as_they_would_be_after() -> None:
    part = LabelledEvents.simulated(scenario("sequential", 3))
    whole, thinned = part.rows(10**6), part.rows(6)
    after = whole.thinned(6)
    assert len(whole) == part.labels.num_rows > len(thinned)
    np.testing.assert_array_equal(thinned.values, after.values)
    np.testing.assert_array_equal(thinned.spam, after.spam)
    np.testing.assert_array_equal(thinned.callers, after.callers)


def test_a_kind_that_is_left_out_leaves_no_event() -> None:
    part = LabelledEvents.simulated(scenario("sequential", 3))
    (kind,) = part.campaign_kinds()
    rest = part.without(kind)
    spam = set(part.labels.filter(pc.equal(part.labels["label"], "spam"))["call_id"].to_pylist())
    assert spam
    assert set(rest.events["call_id"].to_pylist()) == set(part.events["call_id"].to_pylist()) - spam
    assert part.without("other").events.num_rows == part.events.num_rows


@pytest.mark.parametrize(
    ("seeds", "words"),
    [([], "none"), ([4], "4"), ([3, 1, 2], "1 to 3"), (range(1, 3), "1 to 2"), ([1, 2, 9], "1 to 2, 9")],
)
def test_seed_words(seeds: list[int], words: str) -> None:
    assert seed_words(seeds) == words


def test_calibration_has_seeds_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"calibration seeds of their own, found \[2\] used twice"):
        make_model(
            tmp_path,
            name="m",
            version="1",
            seeds=[1, 2],
            test_seeds=[3],
            demo_seeds=[],
            calibration_seeds=[2, 4],
        )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenarios and worlds of a few hundred calls."""

    def generate(world: str, seed: int, _calls: int, _hours: float) -> pd.DataFrame:
        return traffic.generate(world, seed, 400, 4.0)

    def spec(seed: int) -> SimulationSpec:
        return replace(scenario("wangiri", seed), residential=30)

    monkeypatch.setattr(training_traffic, "generate", generate)
    for module in (training, training_traffic):
        monkeypatch.setattr(module, "training_spec", spec)


QUICK = TrainingSettings(trees=2, min_samples_leaf=10)


def test_every_world_has_row_seeds_of_its_own() -> None:
    assert [world_row_seed(world, 7) for world in WORLDS] == [
        1_000_000 * (i + 1) + 7 for i in range(len(WORLDS))
    ]
    with pytest.raises(ConfigError, match="expected a seed from 1 to 999999, found 1000000"):
        world_row_seed("carrier", 1_000_000)
    with pytest.raises(ConfigError, match="expected one of carrier, lives, drawn, border, agenda"):
        world_row_seed("elsewhere", 1)


@pytest.mark.usefixtures("small")
def test_every_world_adds_its_rows_after_those_of_the_scenario() -> None:
    alone, joined = training_rows([5]), training_rows([5], world_seeds=[1, 2])
    np.testing.assert_array_equal(joined.values[: len(alone)], alone.values)
    added = joined.seeds[len(alone) :]
    assert list(dict.fromkeys(added.tolist())) == [world_row_seed(w, s) for w in WORLDS for s in (1, 2)]
    assert 0.1 < joined.spam[len(alone) :].mean() < 0.4
    with pytest.raises(ConfigError, match="expected seeds below 1000000 beside those of worlds"):
        training_rows([1_000_001], world_seeds=[1])
    with pytest.raises(ConfigError, match="world carrier: expected a seed from 1"):
        training_rows([1], world_seeds=[0])


@pytest.mark.usefixtures("small")
def test_bundle_and_card_name_the_worlds(tmp_path: Path) -> None:
    def made(version: str, **seeds: list[int]) -> Path:
        return make_model(
            tmp_path,
            name="m",
            version=version,
            seeds=[1, 2],
            test_seeds=[],
            demo_seeds=[],
            settings=QUICK,
            **seeds,  # type: ignore[arg-type]
        )

    path = made("1", world_seeds=[1, 2], world_calibration_seeds=[8, 9])
    info = read_bundle_info(path)
    assert info.trained_on["seeds"] == [1, 2]
    assert info.trained_on["worlds"] == list(WORLDS)
    assert info.trained_on["world_seeds"] == [1, 2]
    assert info.trained_on["world_calibration_seeds"] == [8, 9]
    assert info.error_budget is not None
    card = (path / "MODEL_CARD.md").read_text()
    assert f"seeds 1 to 2 of the worlds {', '.join(WORLDS)}" in card
    assert "on their seeds 8 to 9" in card
    alone = made("2")
    assert not any("world" in fact for fact in read_bundle_info(alone).trained_on)
    assert "of the worlds" not in (alone / "MODEL_CARD.md").read_text()


def test_calibration_on_worlds_has_seeds_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"world calibration seeds of their own, found \[3\] used twice"):
        make_model(
            tmp_path,
            name="m",
            version="1",
            seeds=[1],
            test_seeds=[2],
            demo_seeds=[],
            world_seeds=[1, 3],
            world_calibration_seeds=[3, 4],
        )
