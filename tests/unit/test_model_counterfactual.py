"""Counterfactuals: the least change of one symbol that would have let the call pass, or nothing."""

from __future__ import annotations

import numpy as np
import pytest

from spit.model.counterfactual import counterfactuals
from spit.model.decision import DecisionParameters
from spit.model.scorer import F32, F64

NAMES = ("caller_first_contact_ratio_1d", "caller_attempts_1h", "peer_answer_ratio_1d", "pair_contact_age_s")


class _Linear:
    """Log-odds that are a weighted sum of the features."""

    name, features, prior, error_budget = "linear/1", NAMES, 0.1, None
    decision = DecisionParameters()
    baseline: F32 = np.array([0.3, 4.0, 0.6, 0.0], np.float32)

    def log_odds(self, values: F32) -> F64:
        return np.asarray(values @ np.array([4.0, 0.05, -2.0, 1e-5]), dtype=np.float64)


ROW = np.array([0.9, 44.0, 0.1, 6e5], np.float32)


def _said(to_pass: float) -> list[str | None]:
    return counterfactuals(_Linear(), ROW, [np.array([i]) for i in range(4)], to_pass)


def test_the_shortest_step_that_is_enough_is_said_in_words() -> None:
    repeats, calls, answers, contact = _said(0.49)
    assert repeats == "Would pass if at least 25 % of callees were repeats."  # a quarter of 0.9 to 0.3: 0.6
    assert calls == "Would pass if there were at most 34 calls in an hour."
    assert answers == "Would pass if at least 35 % of the calls from this source and equipment were answered."
    assert contact is None  # enough, but nothing can be said of it


def test_none_where_a_full_change_is_not_enough() -> None:
    assert _said(2.3)[0] == "Would pass if at least 70 % of callees were repeats."
    assert _said(2.5) == [None, None, None, None]


@pytest.mark.parametrize("to_pass", [0.0, float("nan")])
def test_none_where_nothing_has_to_change(to_pass: float) -> None:
    assert _said(to_pass) == [None] * 4


def test_unknown_values_do_not_move() -> None:
    row = ROW.copy()
    row[0] = np.nan
    with np.errstate(invalid="ignore"):
        assert counterfactuals(_Linear(), row, [np.array([0])], 0.5) == [None]
