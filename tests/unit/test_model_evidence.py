"""Evidence of a caller: its attempt and the decaying mean of its earlier ones, however batches are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spit.model.evidence import MAX_ABS_LOG_ODDS, TIME_CONSTANT_S, CallerEvidence
from spit.model.scorer import sigmoid

ATTEMPTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 7200), st.floats(-20, 20, allow_nan=False)), max_size=25
)


def _columns(rows: list[tuple[int, int, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.array([r[0] for r in rows], dtype=np.uint64),
        np.array([r[1] * 1_000_000 for r in rows], dtype=np.int64),
        np.array([r[2] for r in rows], dtype=np.float64),
    )


def _evidence() -> CallerEvidence:
    return CallerEvidence(newcomer_log_odds=-3.0, newcomer_weight=2.0, own_share=0.4, max_callers=100)


@settings(deadline=None)
@given(ATTEMPTS, st.integers(0, 25))
def test_equals_the_definition_however_cut(rows: list[tuple[int, int, float]], cut: int) -> None:
    rows = sorted(rows, key=lambda r: r[1])
    evidence = _evidence()
    found = np.concatenate([evidence.update(*_columns(part)).score for part in (rows[:cut], rows[cut:])])
    for i, (key, time_s, log_odds) in enumerate(rows):
        earlier = [
            (np.exp((t - time_s) / TIME_CONSTANT_S), x) for k, t, x in rows[:i] if k == key and key != 0
        ]
        total = 2.0 * -3.0 + sum(w * np.clip(x, -6, 6) for w, x in earlier)
        mean = total / (2.0 + sum(w for w, _ in earlier))
        expected = sigmoid(np.array(0.4 * np.clip(log_odds, -6, 6) + 0.6 * mean))
        assert found[i] == pytest.approx(float(expected), abs=1e-6)  # sums are f32


def test_read_answers_as_update_and_counts_nothing() -> None:
    evidence = _evidence()
    evidence.update(*_columns([(7, 0, 3.0)]))
    question = _columns([(7, 60, 2.0)])
    first = evidence.read(*question).score
    np.testing.assert_array_equal(evidence.read(*question).score, first)
    np.testing.assert_array_equal(evidence.update(*question).score, first)
    assert evidence.read(*question).score[0] != first[0]


def test_one_attempt_of_a_new_caller_cannot_be_certain() -> None:
    score = _evidence().update(*_columns([(1, 0, 1e9)])).score[0]
    assert score == pytest.approx(float(sigmoid(np.array(0.4 * MAX_ABS_LOG_ODDS + 0.6 * -3.0))))
    assert score < 0.9


def test_consistent_evidence_overcomes_the_newcomers_trust_and_fades_with_time() -> None:
    evidence = _evidence()
    scores = evidence.update(*_columns([(1, t, 4.0) for t in range(0, 200, 10)])).score
    assert (np.diff(scores) > 0).all()
    assert scores[-1] > 0.9
    days_later = evidence.read(*_columns([(1, 6 * 86_400, 0.0)])).score[0]
    assert days_later == pytest.approx(float(sigmoid(np.array(0.6 * -3.0))), abs=1e-3)


def test_state_and_merge() -> None:
    one, two, both = _evidence(), _evidence(), _evidence()
    first, second = _columns([(1, 0, 2.0), (2, 5, -1.0)]), _columns([(1, 10, 3.0)])
    one.update(*first)
    two.update(*second)
    both.update(*first)
    both.update(*second)
    one.merge(two)
    restored = _evidence()
    restored.restore(one.state())
    question = _columns([(1, 20, 0.5), (2, 20, 0.5)])
    np.testing.assert_allclose(one.read(*question).score, both.read(*question).score)
    np.testing.assert_array_equal(restored.read(*question).score, one.read(*question).score)


@pytest.mark.parametrize(("weight", "share"), [(0.0, 0.5), (1.0, 0.0), (1.0, 1.1)])
def test_impossible_parameters_are_refused(weight: float, share: float) -> None:
    with pytest.raises(ValueError, match="expected newcomer_weight > 0"):
        CallerEvidence(newcomer_weight=weight, own_share=share)
