"""A bundle is data: it round-trips, and every damage is refused with words that say what and where."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spit.errors import ModelError
from spit.model.bundle import (
    load_bundle,
    load_default,
    read_bundle_info,
    resolve_bundle_path,
    with_decision,
)
from spit.model.decision import DecisionParameters
from spit.model.error_budget import ErrorBudget
from spit.model.train import TrainedModel, TrainingRows, TrainingSettings, train

NAMES = ("rate", "gap", "ratio")


def _rows(n: int = 900) -> TrainingRows:
    rng = np.random.default_rng(1)
    callers = rng.integers(0, 60, n)
    spam = callers % 3 == 0
    values = rng.normal(size=(n, 3)).astype(np.float32)
    values[:, 0] += 2.0 * spam
    values[rng.random(n) < 0.7, 1] = np.nan
    return TrainingRows(values, spam, callers.astype(str), rng.integers(1, 4, n))


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    return train(
        _rows(),
        names=NAMES,
        test_seeds=[3],
        settings=TrainingSettings(
            trees=40,
            min_samples_leaf=10,
            max_features=1.0,  # there are three
            calibration_share=0.3,
            monotonic={"rate": 1},
        ),
    )


@pytest.fixture(scope="module")
def pristine(trained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained.write(
        tmp_path_factory.mktemp("models"),
        name="tiny",
        version="1",
        features=NAMES,
        schema_hash="abc",
        model_card="# Model card\n",
    )


@pytest.fixture
def bundle(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "tiny" / "1"))


def _edit(bundle: Path, **changes: Any) -> None:
    path = bundle / "bundle.json"
    document = json.loads(path.read_text())
    for name, value in changes.items():
        if value is ...:
            del document[name]
        else:
            document[name] = value
    path.write_text(json.dumps(document))


def test_scores_are_calibrated_probabilities_and_survive_writing(pristine: Path) -> None:
    model = load_bundle(pristine, schema_hash="abc")
    rows = _rows()
    score = model.score(rows.values)
    assert model.name == "tiny/1"
    assert score.dtype == np.float64
    assert score.shape == (len(rows.values),)
    assert score[rows.spam].mean() > 0.6 > 0.3 > score[~rows.spam].mean()
    info = read_bundle_info(pristine)
    expected = info.calibration.a * model.raw_log_odds(rows.values) + info.calibration.b
    np.testing.assert_allclose(model.log_odds(rows.values), expected)


def test_rows_score_alone_as_together(pristine: Path) -> None:
    model = load_bundle(pristine, schema_hash="abc")
    values = _rows(50).values
    alone = np.concatenate([model.score(values[i : i + 1]) for i in range(len(values))])
    np.testing.assert_array_equal(alone, model.score(values))
    assert model.score(values[:0]).shape == (0,)


def test_baseline_is_unknown_where_legitimate_attempts_mostly_are(pristine: Path) -> None:
    baseline = load_bundle(pristine, schema_hash="abc").baseline
    assert np.isnan(baseline).tolist() == [False, True, False]


def test_score_refuses_rows_of_another_width(pristine: Path) -> None:
    with pytest.raises(ModelError, match=r"expected rows of 3 features, found shape \(1, 4\)"):
        load_bundle(pristine, schema_hash="abc").score(np.zeros((1, 4), np.float32))


def test_refuses_other_features(bundle: Path) -> None:
    with pytest.raises(ModelError, match="expected schema_hash xyz, found abc"):
        load_bundle(bundle, schema_hash="xyz")


def test_refuses_an_exchanged_network(bundle: Path) -> None:
    with (bundle / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match=r"model\.onnx: damaged or exchanged: expected sha256"):
        load_bundle(bundle, schema_hash="abc")


def test_refuses_a_network_that_is_not_onnx(bundle: Path) -> None:
    (bundle / "model.onnx").write_bytes(b"cos\nsystem\n(S'true'\ntR.")  # a pickle must not even be tried
    _edit(bundle, sha256="6a3b2ddc9ed7c0dff8ae05bdd2ac1ad9d1d3a2ba46b42ab5c24b3ba5d6d0a4a7")
    with pytest.raises(ModelError, match="expected sha256"):
        load_bundle(bundle, schema_hash="abc")
    _edit(bundle, sha256="4d5a93b7c8b9")
    with pytest.raises(ModelError, match="'sha256': expected 64 hexadecimal digits"):
        load_bundle(bundle, schema_hash="abc")


def test_refuses_bytes_with_the_right_hash_that_are_no_network(bundle: Path) -> None:
    import hashlib

    data = b"cos\nsystem\n(S'true'\ntR."
    (bundle / "model.onnx").write_bytes(data)
    _edit(bundle, sha256=hashlib.sha256(data).hexdigest())
    with pytest.raises(ModelError, match="expected an ONNX model, found"):
        load_bundle(bundle, schema_hash="abc")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("format_version", 2, "'format_version': expected 1, found 2"),
        ("format_version", True, "'format_version': expected a number, found True"),
        ("name", "../evil", "'name': expected letters"),
        ("features", ..., "'features': expected a list, found nothing"),
        ("features", ["rate", "rate", "gap"], "'features': expected feature names that differ"),
        ("baseline", [0.0], "'baseline': expected 3 values, one per feature, found '1 values'"),
        ("baseline", [0.0, "x", None], "'baseline': expected finite numbers or null, found 'x'"),
        ("calibration", {"a": 0, "b": 0}, "'calibration': expected finite numbers a > 0"),
        ("calibration", {"a": 1}, "'calibration': expected finite numbers a > 0"),
        ("prior", 1.0, "'prior': expected a number between 0 and 1, found 1.0"),
        ("prior", True, "'prior': expected a number between 0 and 1, found True"),
        ("schema_hash", ..., "'schema_hash': expected a text, found nothing"),
        ("trained_on", [], "'trained_on': expected an object"),
    ],
)
def test_refuses_a_bad_field(bundle: Path, field: str, value: Any, words: str) -> None:
    _edit(bundle, **{field: value})
    with pytest.raises(ModelError) as caught:
        load_bundle(bundle, schema_hash="abc")
    assert words in str(caught.value)
    assert str(bundle / "bundle.json") in str(caught.value)


@pytest.mark.parametrize("text", ["", "[1]", '{"name": ', "[" * 100_000])
def test_refuses_bad_json(bundle: Path, text: str) -> None:
    (bundle / "bundle.json").write_text(text)
    with pytest.raises(ModelError, match="expected a JSON object"):
        load_bundle(bundle, schema_hash="abc")


@pytest.mark.parametrize("name", ["bundle.json", "model.onnx"])
def test_a_missing_file_is_named(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    with pytest.raises(ModelError, match=rf"{name}: cannot read the model bundle: No such file"):
        load_bundle(bundle, schema_hash="abc")


def test_a_network_of_another_width_is_refused(bundle: Path) -> None:
    _edit(bundle, features=["rate", "gap"], baseline=[0.0, 0.0])
    with pytest.raises(ModelError, match="expected an input of 2 float features"):
        load_bundle(bundle, schema_hash="abc")


def test_a_version_never_changes(trained: TrainedModel, bundle: Path) -> None:
    with pytest.raises(ModelError, match="a version never changes"):
        trained.write(
            bundle.parent.parent,
            name="tiny",
            version="1",
            features=NAMES,
            schema_hash="abc",
            model_card="",
        )


def test_newest_version_is_chosen_by_number(bundle: Path) -> None:
    for version in ("2", "10"):
        shutil.copytree(bundle, bundle.parent / version)
    assert resolve_bundle_path(bundle.parent, {}) == bundle.parent / "10"
    assert resolve_bundle_path(bundle, {}) == bundle
    assert load_default(schema_hash="abc", environment={"SPIT_MODEL": str(bundle)}).name == "tiny/1"


def test_no_bundle_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model bundle at .*nowhere \(\$SPIT_MODEL\)"):
        resolve_bundle_path(None, {"SPIT_MODEL": str(tmp_path / "nowhere")})


def test_the_decision_and_the_budget_are_written_and_read(bundle: Path) -> None:
    scores = np.linspace(0.0, 0.9, 5_000)
    budget = ErrorBudget.from_maxima(scores, np.arange(1, 5_001, dtype=np.int64) % 30)
    decision = DecisionParameters(newcomer_weight=0.3, own_share=0.7)
    with_decision(bundle, decision, budget)
    model = load_bundle(bundle, schema_hash="abc")
    assert model.decision == decision
    assert model.error_budget == budget
    with_decision(bundle, decision, None)
    assert load_bundle(bundle, schema_hash="abc").error_budget is None


def test_what_a_bundle_lacks_has_the_default(bundle: Path) -> None:
    _edit(bundle, decision=..., error_budget=...)
    model = load_bundle(bundle, schema_hash="abc")
    assert (model.decision, model.error_budget) == (DecisionParameters(), None)
    _edit(bundle, decision={"own_share": 0.25})
    assert load_bundle(bundle, schema_hash="abc").decision == DecisionParameters(own_share=0.25)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"decision": {"own_share": 7}}, "'decision': own_share: expected a number from 0.01 to 1, found 7"),
        ({"decision": {"colour": 1}}, "'decision': expected background_share"),
        ({"decision": []}, "'decision': expected an object, found"),
        ({"error_budget": {}}, "'error_budget': expected a list of size classes, found dict"),
        (
            {"error_budget": [{"attempts_from": 1, "callers": 2, "tail": [0.1]}]},
            "'error_budget': tail: expected 2",
        ),
    ],
)
def test_a_damaged_decision_is_refused(bundle: Path, changes: dict[str, Any], words: str) -> None:
    _edit(bundle, **changes)
    with pytest.raises(ModelError, match=re.escape(words)):
        load_bundle(bundle, schema_hash="abc")
