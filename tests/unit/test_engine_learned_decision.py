"""Learning from own calls: whose scores set the budget, and what the model beside lends where few do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from recorded_events import Recorded

from spit.config import PolicyConfig
from spit.engine.learned_forests import FOLDS, Beside, beside_weight, choose_salt, folds_of, members_of
from spit.engine.learning import LearningSettings, train_on_calls
from spit.errors import ModelError
from spit.features.table import FeatureTable
from spit.model.bundle import load_bundle, read_bundle_info, resolve_bundle_path
from spit.model.decision import DEFAULT_WRONG_PER_10000
from spit.model.train import TrainingSettings
from spit.simulate.events import to_events
from spit.simulate.labels import to_labels
from spit.simulate.plan import Plan
from spit.simulate.scenario import scenario
from spit.simulate.traffic import simulate

QUICK = TrainingSettings(trees=8, min_samples_leaf=10)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return simulate(replace(scenario("demo", 8), residential=150, duration_s=3 * 3600))


@pytest.fixture(scope="module")
def shipped() -> Beside:
    return Beside.load(resolve_bundle_path(environment={}))


def test_every_caller_has_one_fold_and_folds_are_alike() -> None:
    callers = np.random.default_rng(1).integers(0, 2**64, 30_000, dtype=np.uint64)
    folds = folds_of(callers, 45)
    assert np.array_equal(folds, folds_of(callers, 45))
    assert not np.array_equal(folds, folds_of(callers, 46))
    assert np.bincount(folds, minlength=FOLDS).min() > 0.95 * len(callers) / FOLDS


def test_few_spam_callers_never_fall_into_one_fold() -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        callers = rng.integers(0, 2**64, 40, dtype=np.uint64)
        spam = np.arange(40) < 2
        folds = folds_of(callers, choose_salt(callers, spam))
        assert len(set(folds[spam])) == 2
        assert len(set(folds[~spam])) > 1


def test_the_model_beside_counts_less_the_more_spam_callers_there_are(shipped: Beside) -> None:
    assert beside_weight(0) > beside_weight(30) > beside_weight(3_000) > 1.0
    own = sum(member.weight for member in members_of({1}, 300, None))
    assert own == pytest.approx(1.0)
    assert members_of({1}, 300, shipped)[-1].weight == pytest.approx(2.0)


@pytest.mark.parametrize("wrong_per_10000", [500.0, DEFAULT_WRONG_PER_10000])
def test_own_callers_set_the_budget_that_they_can_vouch_for(
    plan: Plan, shipped: Beside, tmp_path: Path, wrong_per_10000: float
) -> None:
    learned = train_on_calls(
        Recorded(to_events(plan)),
        to_labels(plan),
        tmp_path,
        name="own",
        version="1",
        settings=LearningSettings(beside=shipped),
        training=QUICK,
        policy=PolicyConfig(max_wrong_blocks_per_10000=wrong_per_10000),
    )
    info = read_bundle_info(learned.path)
    facts = info.trained_on["own_calls"]
    model = load_bundle(learned.path, schema_hash=FeatureTable.schema_hash)
    card = (learned.path / "MODEL_CARD.md").read_text().replace("\n", " ")
    assert facts["beside"] == shipped.model.name
    assert f"the model {shipped.model.name}, which counts" in card
    assert model.error_budget is not None
    labels = to_labels(plan).to_pylist()
    spam_too = {row["caller"] for row in labels if row["label"] == "spam"}
    legitimate = len({row["caller"] for row in labels} - spam_too)
    if wrong_per_10000 == 500.0:
        # The callers that are only measured are not among those that set it.
        assert 0.6 * legitimate < facts["budget_callers"] == model.error_budget.callers < 0.95 * legitimate
        assert facts["budget_of"] is None
        assert "labelled legitimate callers, each scored" in card
        assert info.calibration != shipped.calibration
    else:
        assert facts["budget_of"] == shipped.model.name
        assert model.error_budget == shipped.model.error_budget
        assert info.calibration == shipped.calibration
        assert info.decision == shipped.model.decision
        assert f"budget are those of {shipped.model.name}" in card


def test_a_number_that_spam_came_from_does_not_set_the_budget(
    plan: Plan, shipped: Beside, tmp_path: Path
) -> None:
    labels = to_labels(plan).to_pandas()
    ham = labels[(labels["label"] == "ham") & (labels.groupby("caller")["label"].transform("nunique") == 1)]
    several = ham[ham.duplicated("caller")].drop_duplicates("caller").head(20)
    assert len(several) == 20
    changed = labels.assign(
        label=np.where(labels["call_id"].isin(several["call_id"]), "spam", labels["label"])
    )
    counted = []
    for version, given in (("1", labels), ("2", changed)):
        learned = train_on_calls(
            Recorded(to_events(plan)),
            pa.Table.from_pandas(given[["call_id", "label"]], preserve_index=False),
            tmp_path,
            name="own",
            version=version,
            settings=LearningSettings(beside=shipped),
            training=QUICK,
            policy=PolicyConfig(max_wrong_blocks_per_10000=500.0),
        )
        counted.append(read_bundle_info(learned.path).trained_on["own_calls"]["budget_callers"])
    # The others of the twenty are only measured.
    assert 8 <= counted[0] - counted[1] <= 20


def test_without_a_model_beside_few_callers_have_no_budget(plan: Plan, tmp_path: Path) -> None:
    learned = train_on_calls(
        Recorded(to_events(plan)), to_labels(plan), tmp_path, name="own", version="1", training=QUICK
    )
    document = json.loads((learned.path / "bundle.json").read_text())
    assert document["error_budget"] is None
    assert document["trained_on"]["own_calls"]["beside"] is None
    card = (learned.path / "MODEL_CARD.md").read_text().replace("\n", " ")
    assert "no other model beside them" in card
    assert "there is no budget, and the policy's fixed thresholds hold" in card


def test_a_model_beside_of_other_features_is_refused(shipped: Beside, tmp_path: Path) -> None:
    source = resolve_bundle_path(environment={})
    document = json.loads((source / "bundle.json").read_text())
    (tmp_path / "bundle.json").write_text(json.dumps({**document, "schema_hash": "0" * 64}))
    (tmp_path / "model.onnx").write_bytes(shipped.onnx)
    with pytest.raises(ModelError, match="trained for other features"):
        Beside.load(tmp_path)


def test_a_model_beside_that_leaves_no_room_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spit.engine.learned_forests.MAX_SHIPPED_ONNX_BYTES", 600_000)
    with pytest.raises(ModelError, match="expected at most 100000 bytes of trees in a model to learn beside"):
        Beside.load(resolve_bundle_path(environment={}))
