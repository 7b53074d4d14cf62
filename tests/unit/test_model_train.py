"""Training: parts that share no caller, bounded weights, the same bytes again, ONNX equal to scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier

from spit.errors import ModelError
from spit.model import conversion
from spit.model.conversion import assert_same_scores, convert, onnx_log_odds
from spit.model.fitted import fit_sigmoid
from spit.model.scorer import sigmoid
from spit.model.train import (
    Member,
    TrainingRows,
    TrainingSettings,
    caller_weights,
    join_rows,
    kept_rows,
    split_rows,
    train,
)

SETTINGS = TrainingSettings(trees=8, min_samples_leaf=10)


def _rows(n: int = 1200, seed: int = 0) -> TrainingRows:
    rng = np.random.default_rng(seed)
    callers = rng.integers(0, 60, n)
    spam = callers % 3 == 0
    values = rng.lognormal(size=(n, 4)).astype(np.float32)
    values[:, 0] += 2.0 * spam
    values[rng.random((n, 4)) < 0.2] = np.nan
    return TrainingRows(values, spam, callers.astype(str), rng.integers(1, 5, n))


def test_split_never_mixes_callers_or_seeds() -> None:
    rows = _rows()
    split = split_rows(rows, [2, 4], SETTINGS)
    groups = rows.groups()
    parts = [split.fit, split.calibration, split.test]
    assert np.sum(parts, axis=0).tolist() == [1] * len(groups)
    for i, part in enumerate(parts):
        for other in parts[i + 1 :]:
            assert not set(groups[part]) & set(groups[other])
    assert set(rows.seeds[split.test]) == {2, 4}
    assert set(rows.seeds[split.fit]) == {1, 3}


def test_one_number_in_two_seeds_is_two_callers() -> None:
    callers, spam = np.array(["a", "a", "a"]), np.array([True, False, True])
    rows = TrainingRows(np.zeros((3, 1), np.float32), spam, callers, np.array([1, 2, 1]))
    assert rows.groups()[0] == rows.groups()[2] != rows.groups()[1]


def test_split_without_both_classes_is_refused() -> None:
    rows = _rows()
    only_ham = TrainingRows(rows.values, np.zeros_like(rows.spam), rows.callers, rows.seeds)
    with pytest.raises(ModelError, match="needs spam and legitimate attempts, found 0 spam"):
        split_rows(only_ham, [4], SETTINGS)
    with pytest.raises(ModelError, match="nothing is left to fit"):
        split_rows(rows, [1, 2, 3, 4], SETTINGS)


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ModelError, match="values 2, spam 1"):
        TrainingRows(np.zeros((2, 1), np.float32), np.array([True]), np.array(["a"]), np.array([1]))


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=200), st.integers(2, 20))
def test_thinning_keeps_the_first_rows_and_a_bounded_number(groups: list[int], max_rows: int) -> None:
    numbers = np.array(groups)
    kept = kept_rows(numbers, max_rows)
    for group in set(groups):
        own = kept[numbers == group]
        assert min(len(own), max_rows // 2) <= own.sum() <= max_rows
        assert own[: max_rows // 2].all()
        assert own.all() or len(own) > 2 * (max_rows // 2)
    assert kept_rows(numbers[kept], max_rows).all()


def test_joining_keeps_the_order_of_the_parts() -> None:
    rows = _rows(50)
    parts = [rows.taken(np.arange(50) // 20 == i) for i in range(3)]
    joined = join_rows(parts)
    np.testing.assert_array_equal(joined.values, rows.values)
    np.testing.assert_array_equal(joined.callers, rows.callers)
    with pytest.raises(ModelError, match="expected at least one part"):
        join_rows([])


def test_early_stopping_stops_before_all_trees_and_says_so() -> None:
    rows = _rows()
    noise = TrainingRows(
        np.random.default_rng(1).normal(size=(1200, 4)).astype(np.float32),
        rows.spam,
        rows.callers,
        rows.seeds,
    )
    stopping = TrainingSettings(
        trees=60, min_samples_leaf=10, early_stopping_rounds=3, early_stopping_share=0.3
    )
    trained = train(noise, names="abcd", test_seeds=[4], settings=stopping)
    assert trained.trained_on["trees"] < 60
    assert train(noise, names="abcd", test_seeds=[4], settings=SETTINGS).trained_on["trees"] == 8


def test_every_caller_counts_boundedly() -> None:
    groups = np.array([0] * 100 + [1] * 3)
    weights = caller_weights(groups, 20.0)
    assert weights[:100].sum() == pytest.approx(20.0)
    assert weights[100:].tolist() == [1.0, 1.0, 1.0]


def test_training_twice_gives_the_same_bytes() -> None:
    first = train(_rows(), names="abcd", test_seeds=[4], settings=SETTINGS)
    assert train(_rows(), names="abcd", test_seeds=[4], settings=SETTINGS) == first
    assert first.trained_on["seeds"] == [1, 2, 3]
    assert first.trained_on["test_seeds"] == [4]


def test_onnx_scores_as_scikit_learn_does_at_and_around_every_threshold() -> None:
    rows = _rows(400)
    classifier = HistGradientBoostingClassifier(max_iter=15, min_samples_leaf=5, early_stopping=False)
    classifier.fit(rows.values, rows.spam)
    exact = rows.values.copy()
    edges = np.concatenate(
        [exact, np.nextafter(exact, np.float32(np.inf)), np.nextafter(exact, np.float32(-np.inf)),
         np.full((1, 4), np.nan, np.float32)]
    )  # fmt: skip
    assert_same_scores(convert(classifier, 4), edges, classifier.decision_function(edges))


def test_a_conversion_that_changes_scores_is_refused() -> None:
    rows = _rows(400)
    classifier = HistGradientBoostingClassifier(max_iter=3, early_stopping=False).fit(rows.values, rows.spam)
    wrong = classifier.decision_function(rows.values)
    wrong[7] += 0.001
    with pytest.raises(ModelError, match="row 7: expected log-odds"):
        assert_same_scores(convert(classifier, 4), rows.values, wrong)


def test_sigmoid_recovers_the_slope_of_overconfident_scores() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(scale=2.0, size=20_000)
    spam = rng.random(truth.size) < sigmoid(truth)
    calibration = fit_sigmoid(3.0 * truth + 1.0, spam, np.ones(truth.size))
    assert calibration.a == pytest.approx(1 / 3, rel=0.1)
    assert calibration.b == pytest.approx(-1 / 3, abs=0.1)


def test_sigmoid_never_makes_scores_bolder() -> None:
    spam = np.array([False] * 500 + [True] * 500)
    calibration = fit_sigmoid(np.where(spam, 2.0, -2.0), spam, np.ones(1000))
    assert calibration.a == 1.0
    assert abs(calibration.b) < 0.1


def test_monotonic_feature_never_lowers_the_score() -> None:
    rows = _rows()
    trained = train(
        rows, names="abcd", test_seeds=[4], settings=TrainingSettings(trees=8, min_samples_leaf=10,
                                                                      monotonic={"a": 1})
    )  # fmt: skip
    import onnxruntime

    session = onnxruntime.InferenceSession(trained.onnx, providers=["CPUExecutionProvider"])
    sweep = np.tile(np.nan_to_num(rows.values[:1]), (50, 1))
    sweep[:, 0] = np.linspace(0, 10, 50)
    scores = session.run(["log_odds"], {"values": sweep})[0][:, 1]
    assert (np.diff(scores) >= 0).all()
    assert scores[-1] > scores[0]


def test_members_learn_from_their_seeds_alone_and_are_averaged() -> None:
    rows, names = _rows(), ["a", "b", "c", "d"]
    alone = [
        train(rows, names=names, test_seeds=[4], settings=SETTINGS, members=[Member(seeds)])
        for seeds in ({1}, {2, 3})
    ]
    both = train(rows, names=names, test_seeds=[4], settings=SETTINGS, members=[Member({1}), Member({2, 3})])
    found = [one.model(name="m", version="1", features=names).log_odds(rows.values) for one in [*alone, both]]
    # The sigmoid of each is its own: take it back.
    raw = [
        (log_odds - one.calibration.b) / one.calibration.a
        for one, log_odds in zip([*alone, both], found, strict=True)
    ]
    assert both.trained_on["forests"] == 2
    assert both.trained_on["trees"] == sum(one.trained_on["trees"] for one in alone)
    np.testing.assert_allclose(raw[2], (raw[0] + raw[1]) / 2.0, atol=1e-4)
    assert np.abs(raw[0] - raw[1]).max() > 0.1


def test_a_member_that_was_fitted_before_is_taken_as_it_is() -> None:
    rows, names = _rows(), ["a", "b", "c", "d"]
    before = train(rows.taken(rows.seeds != 3), names=names, test_seeds=[4], settings=SETTINGS)
    trained = train(
        rows,
        names=names,
        test_seeds=[4],
        settings=replace(SETTINGS, trees=5),
        members=[Member({1, 2, 3}), Member({1, 2}, onnx=before.onnx)],
    )
    assert trained.trained_on["trees"] == SETTINGS.trees + 5
    # It has seen callers of its seeds: only those of the third calibrate.
    alone = train(rows, names=names, test_seeds=[4], settings=SETTINGS)
    assert 0 < trained.trained_on["rows"]["calibration"] < alone.trained_on["rows"]["calibration"]
    found = [onnx_log_odds(onnx, rows.values) for onnx in (before.onnx, trained.onnx)]
    other = train(rows, names=names, test_seeds=[4], settings=replace(SETTINGS, trees=5))
    np.testing.assert_allclose(found[1], (found[0] + onnx_log_odds(other.onnx, rows.values)) / 2.0, atol=1e-4)


def test_a_matched_member_learns_what_is_much_in_its_network() -> None:
    rng = np.random.default_rng(11)
    seeds = np.repeat([1, 2, 3], 800)
    # Values of the second network are ten times the first one's, those of the third are of both. Spam is the
    # upper fifth of each.
    scale = np.choose(seeds - 1, [np.ones(2400), np.full(2400, 10.0), rng.choice([1.0, 10.0], 2400)])
    value = rng.random(2400) * scale
    spam = np.concatenate([value[seeds == s] > np.quantile(value[seeds == s], 0.8) for s in (1, 2, 3)])
    values = np.stack([value, rng.random(2400)], axis=1).astype(np.float32)
    rows = TrainingRows(values, spam, np.char.add("c", np.arange(2400).astype(str)), seeds)
    found = []
    for matched in (False, True):
        members = [Member({1, 2}, matched=matched)]
        trained = train(rows, names=["a", "b"], test_seeds=[3], settings=SETTINGS, members=members)
        found.append(trained.metrics["test"]["average_precision"])
    assert found[1] > 0.97 > found[0]


def test_forests_that_are_too_large_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, names = _rows(), ["a", "b", "c", "d"]
    one = train(rows, names=names, test_seeds=[4], settings=SETTINGS, members=[Member({1, 2, 3})])
    monkeypatch.setattr(conversion, "MAX_SHIPPED_ONNX_BYTES", len(one.onnx) * 3 // 2)
    with pytest.raises(ModelError, match="use fewer or smaller trees"):
        train(rows, names=names, test_seeds=[4], settings=SETTINGS, members=[Member({1, 2, 3})] * 2)


def test_one_forest_says_nothing_of_several() -> None:
    alone = train(_rows(), names=["a", "b", "c", "d"], test_seeds=[4], settings=SETTINGS)
    assert "forests" not in alone.trained_on


def _folded(rows: TrainingRows) -> tuple[TrainingRows, list[Member]]:
    folded = replace(rows, folds=rows.callers.astype(np.int64) // 3 % 3)
    return folded, [Member({1, 2, 3, 4}, fold=fold, weight=1 / 3) for fold in range(3)]


def test_a_fold_is_unknown_to_the_forest_that_leaves_it_out() -> None:
    rows, members = _folded(_rows())
    found = train(rows, names="abcd", test_seeds=[], settings=SETTINGS, members=members)
    assert rows.folds is not None
    other = replace(rows, spam=rows.spam ^ (rows.folds == 1))
    changed = train(other, names="abcd", test_seeds=[], settings=SETTINGS, members=members)
    same = {fold: found.without_fold[fold] == changed.without_fold[fold] for fold in range(3)}
    assert same == {0: False, 1: True, 2: False}
    # Calibrated by callers that the forest has not seen: no better than on the others.
    assert found.metrics["calibration"]["attempts"] == found.metrics["fit"]["attempts"] == len(rows)
    assert found.metrics["calibration"]["roc_auc"] < found.metrics["fit"]["roc_auc"]


def test_a_model_beside_keeps_its_weight_in_every_fold() -> None:
    rows, members = _folded(_rows())
    before = train(_rows(seed=1), names="abcd", test_seeds=[], settings=SETTINGS)
    beside = Member((), onnx=before.onnx, weight=2.0)
    found = train(rows, names="abcd", test_seeds=[], settings=SETTINGS, members=[*members, beside])
    alone = train(rows, names="abcd", test_seeds=[], settings=SETTINGS, members=members)
    theirs = onnx_log_odds(before.onnx, rows.values)
    for fold in range(3):
        own = onnx_log_odds(alone.without_fold[fold], rows.values)
        together = onnx_log_odds(found.without_fold[fold], rows.values)
        np.testing.assert_allclose(together, (own + 2.0 * theirs) / 3.0, atol=1e-5)
    own = onnx_log_odds(alone.onnx, rows.values)
    np.testing.assert_allclose(onnx_log_odds(found.onnx, rows.values), (own + 2.0 * theirs) / 3.0, atol=1e-5)


def test_folds_that_no_row_has_are_refused() -> None:
    with pytest.raises(ModelError, match="expected folds, of which each forest leaves one out, found none"):
        train(_rows(), names="abcd", test_seeds=[], settings=SETTINGS, members=_folded(_rows())[1])


def test_a_fold_that_holds_all_spam_is_refused() -> None:
    rows, members = _folded(_rows())
    assert rows.folds is not None
    rows = replace(rows, spam=rows.folds == 0)
    with pytest.raises(ModelError, match="without fold 0 spam and legitimate attempts are needed, found 0"):
        train(rows, names="abcd", test_seeds=[], settings=SETTINGS, members=members)
