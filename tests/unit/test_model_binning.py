"""Bins: a cut splits values as its number splits bins, also at the edges of float32."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier

from spit.model.binning import bin_cuts, match_operators, to_bins
from spit.model.conversion import assert_same_scores, convert

FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=False)


@settings(deadline=None)
@given(st.lists(FLOATS, min_size=1), st.lists(FLOATS, min_size=1), st.integers(2, 8))
def test_below_a_cut_is_below_its_bin(seen: list[float], asked: list[float], max_bins: int) -> None:
    (cuts,) = bin_cuts(np.array(seen, np.float32).reshape(-1, 1), max_bins)
    assert len(cuts) < max_bins
    assert (np.diff(cuts) > 0).all()
    values = np.array(asked, np.float32)
    bins = to_bins(values.reshape(-1, 1), [cuts])[:, 0]
    np.testing.assert_array_equal(np.isnan(bins), np.isnan(values))
    for number, cut in enumerate(cuts):
        np.testing.assert_array_equal(values <= cut, bins <= number)


def test_few_different_values_have_a_bin_each() -> None:
    values = np.array([[3.0], [1.0], [1.0], [2.0]], np.float32)
    assert to_bins(values, bin_cuts(values, 255))[:, 0].tolist() == [2.0, 0.0, 0.0, 1.0]


def test_skewed_values_keep_the_most_frequent_one_apart() -> None:
    values = np.r_[np.zeros(900), np.arange(1.0, 101.0)].astype(np.float32).reshape(-1, 1)
    (cuts,) = bin_cuts(values, 20)
    assert cuts[0] == 0.5 or 0.0 < cuts[0] < 100.0
    assert to_bins(np.array([[0.0], [100.0]], np.float32), [cuts])[:, 0].tolist() == [0.0, float(len(cuts))]


@pytest.mark.parametrize("max_bins", [4, 255])
def test_trees_on_bins_are_trees_on_values(max_bins: int) -> None:
    rng = np.random.default_rng(5)
    values = rng.lognormal(size=(600, 3)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    spam = np.nan_to_num(values[:, 0]) + np.nan_to_num(values[:, 2]) > 2.0
    cuts = bin_cuts(values, max_bins)
    classifier = HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=5, early_stopping=False)
    classifier.fit(to_bins(values, cuts), spam)
    at_cuts = np.stack([np.resize(c, 255) for c in cuts], axis=1)
    probes = np.concatenate([values, at_cuts, np.nextafter(at_cuts, np.float32(np.inf))])
    assert_same_scores(
        convert(classifier, 3, cuts), probes, classifier.decision_function(to_bins(probes, cuts))
    )


BINS = st.lists(st.one_of(st.just(np.nan), st.integers(0, 7).map(float)), min_size=1, max_size=40)


@settings(deadline=None)
@given(st.lists(BINS, min_size=1, max_size=4))
def test_matching_keeps_the_order_within_an_operator(operators: list[list[float]]) -> None:
    before = np.concatenate([np.array(one) for one in operators]).reshape(-1, 1)
    which = np.repeat(np.arange(len(operators)), [len(one) for one in operators])
    after = before.copy()
    match_operators(after, which, 8)
    np.testing.assert_array_equal(np.isnan(after), np.isnan(before))
    for operator in range(len(operators)):
        order = np.argsort(before[which == operator, 0], kind="stable")  # not-a-numbers last
        assert (np.nan_to_num(np.diff(after[which == operator, 0][order])) >= 0).all()
    known = after[~np.isnan(after)]
    assert ((known >= 0) & (known < 8) & (known % 1 == 0)).all()


def test_one_operator_is_matched_to_itself() -> None:
    before = np.array([[0.0], [3.0], [3.0], [5.0], [np.nan]])
    after = before.copy()
    match_operators(after, np.zeros(5, np.int64), 8)
    np.testing.assert_array_equal(after, before)


def test_operators_of_other_scales_are_matched_by_rank() -> None:
    bins = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0]])
    match_operators(bins, np.array([0, 0, 0, 0, 1, 1, 1, 1]), 8)
    # Pooled, an eighth lies in each bin: a quarter of an operator spans two of them.
    np.testing.assert_array_equal(bins[:4], bins[4:])
    assert bins[:4, 0].tolist() == [0.0, 2.0, 4.0, 6.0]
