"""The budget of wrong blocks: the threshold keeps it, for any distribution, and says when it can't."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from spit.config import PolicyConfig
from spit.errors import ModelError
from spit.model.error_budget import MAX_TAIL, ErrorBudget
from spit.policy.policy import TIGHTENINGS, Policy
from spit.records import Label


def _budget(scores: np.ndarray, attempts: int = 1) -> ErrorBudget:
    return ErrorBudget.from_maxima(scores, np.full(len(scores), attempts, np.int64))


def test_at_most_the_allowed_callers_of_the_calibration_lie_above() -> None:
    scores = np.linspace(0.0, 0.999, 9_999)
    for allowed in (1, 5, 50):
        threshold = _budget(scores).threshold(float(allowed))
        assert (scores >= threshold).sum() == allowed - 1  # of 10,000 with the new one among them


@pytest.mark.parametrize("shape", ["uniform", "ties", "heavy"])
def test_new_callers_of_the_same_kind_stay_within_the_budget(shape: str) -> None:
    rng = np.random.default_rng(4)
    draw: Callable[[int], np.ndarray] = {
        "uniform": lambda n: rng.random(n),
        "ties": lambda n: rng.integers(0, 4, n) / 4.0,
        "heavy": lambda n: np.clip(rng.pareto(1.0, n) / 100.0, 0.0, 1.0),
    }[shape]
    wrong = [(draw(2_000) >= _budget(draw(2_000)).threshold(100.0)).mean() for _ in range(60)]
    assert np.mean(wrong) <= 0.0105  # 1 %, and four standard errors of the simulation


def test_a_larger_budget_never_asks_for_a_higher_threshold() -> None:
    rng = np.random.default_rng(5)
    attempts = rng.choice([1, 7, 40, 300], 30_000, p=[0.6, 0.3, 0.09, 0.01]).astype(np.int64)
    budget = ErrorBudget.from_maxima(rng.beta(1, 3, 30_000) * (1 + np.log(attempts)) / 7, attempts)
    thresholds = [budget.threshold(n) for n in (0.5, 1, 2, 5, 10, 50, 200, 2_000)]
    assert thresholds == sorted(thresholds, reverse=True)
    assert max(len(one.tail) for one in budget.classes) == MAX_TAIL


def test_a_size_class_that_scores_higher_raises_the_threshold() -> None:
    attempts = np.r_[np.full(20_000, 1), np.full(400, 50)].astype(np.int64)
    scores = np.r_[np.linspace(0, 0.6, 20_000), np.linspace(0.3, 0.95, 400)]
    budget = ErrorBudget.from_maxima(scores, attempts)
    alone = _budget(scores[:20_000]).threshold(5.0)
    assert budget.threshold(5.0) > 0.9 > alone
    assert (scores[20_000:] >= budget.threshold(5.0)).mean() <= 10 * 5e-4


def test_too_few_callers_are_an_error_that_says_how_many_wrong_blocks_they_vouch_for() -> None:
    with pytest.raises(ModelError, match="expected at least 50, which is what the 199 callers"):
        _budget(np.linspace(0, 1, 199)).threshold(5.0)


def test_document_round_trip_and_refusals() -> None:
    budget = _budget(np.linspace(0, 0.9, 300))
    assert ErrorBudget.from_document(budget.to_document()) == budget
    broken = budget.to_document()
    broken[0]["tail"] = broken[0]["tail"][::-1]
    documents: list[object] = [{}, [], [{"callers": 1}], broken]
    for document in documents:
        with pytest.raises(ValueError, match="expected"):
            ErrorBudget.from_document(document)


def test_the_policy_takes_its_threshold_from_the_budget_unless_one_is_fixed() -> None:
    budget = _budget(np.linspace(0, 0.8, 9_999))
    derived = Policy(PolicyConfig(max_wrong_blocks_per_10000=10), derive_threshold=budget.threshold)
    assert derived.spam_threshold == budget.threshold(10)
    assert derived.label(0.85) is Label.SPAM
    fixed = Policy(PolicyConfig(spam_threshold=0.95), derive_threshold=budget.threshold)
    assert fixed.spam_threshold == 0.95
    assert Policy(PolicyConfig()).spam_threshold == 0.9
    tightened = [derived.label(0.85, level=level) for level in range(TIGHTENINGS + 1)]
    assert tightened == [Label.SPAM, Label.SUSPECT, Label.SUSPECT]


def test_a_threshold_is_never_below_suspect() -> None:
    budget = _budget(np.full(9_999, 0.1))
    assert Policy(PolicyConfig(), derive_threshold=budget.threshold).spam_threshold == 0.5
