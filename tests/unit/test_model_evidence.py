"""Evidence of a caller: its attempt and the decaying mean of its earlier ones, however batches are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spit.model.campaign_evidence import TIES
from spit.model.decision import DecisionParameters
from spit.model.evidence import MAX_ABS_LOG_ODDS, TIME_CONSTANT_S, CallerEvidence
from spit.model.evidence_state import Decision, Evidence
from spit.model.scorer import sigmoid

ATTEMPTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 7200), st.floats(-20, 20, allow_nan=False)), max_size=25
)


Rows = list[tuple[int, int, float]]


def _columns(rows: Rows) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, np.ndarray]:
    return (
        np.array([r[0] for r in rows], dtype=np.uint64),
        [np.zeros(len(rows), np.uint64)] * len(TIES),
        np.array([r[1] * 1_000_000 for r in rows], dtype=np.int64),
        np.array([r[2] for r in rows], dtype=np.float64),
    )


def _evidence() -> Evidence:
    parameters = DecisionParameters(
        newcomer_log_odds=-3.0, newcomer_weight=2.0, own_share=0.4, campaign_weight=0.0
    )
    return Evidence(parameters, prior=0.1, max_keys=100)


def _update(evidence: Evidence, rows: Rows) -> Decision:
    nobody = np.zeros(len(rows), np.bool_)
    return evidence.update(*_columns(rows), first_contact=nobody, frozen=nobody)


def _read(evidence: Evidence, rows: Rows) -> Decision:
    return evidence.read(*_columns(rows), first_contact=np.zeros(len(rows), np.bool_))


@settings(deadline=None)
@given(ATTEMPTS, st.integers(0, 25))
def test_equals_the_definition_however_cut(rows: Rows, cut: int) -> None:
    rows = sorted(rows, key=lambda r: r[1])
    evidence = _evidence()
    found = np.concatenate([_update(evidence, part).score for part in (rows[:cut], rows[cut:])])
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
    _update(evidence, [(7, 0, 3.0)])
    question = [(7, 60, 2.0)]
    first = _read(evidence, question).score
    np.testing.assert_array_equal(_read(evidence, question).score, first)
    np.testing.assert_array_equal(_update(evidence, question).score, first)
    assert _read(evidence, question).score[0] != first[0]


def test_one_attempt_of_a_new_caller_cannot_be_certain() -> None:
    score = _update(_evidence(), [(1, 0, 1e9)]).score[0]
    assert score == pytest.approx(float(sigmoid(np.array(0.4 * MAX_ABS_LOG_ODDS + 0.6 * -3.0))))
    assert score < 0.9


def test_consistent_evidence_overcomes_the_newcomers_trust_and_fades_with_time() -> None:
    evidence = _evidence()
    scores = _update(evidence, [(1, t, 4.0) for t in range(0, 200, 10)]).score
    assert (np.diff(scores) > 0).all()
    assert scores[-1] > 0.9
    days_later = _read(evidence, [(1, 6 * 86_400, 0.0)]).score[0]
    assert days_later == pytest.approx(float(sigmoid(np.array(0.6 * -3.0))), abs=1e-3)


def test_state_and_merge() -> None:
    one, two, both = _evidence(), _evidence(), _evidence()
    first, second = [(1, 0, 2.0), (2, 5, -1.0)], [(1, 10, 3.0)]
    _update(one, first)
    _update(two, second)
    _update(both, first)
    _update(both, second)
    one.merge(two)
    restored = _evidence()
    restored.restore(one.states())
    question = [(1, 20, 0.5), (2, 20, 0.5)]
    np.testing.assert_allclose(_read(one, question).score, _read(both, question).score)
    np.testing.assert_array_equal(_read(restored, question).score, _read(one, question).score)


@pytest.mark.parametrize(("weight", "share"), [(0.0, 0.5), (1.0, 0.0), (1.0, 1.1)])
def test_impossible_parameters_are_refused(weight: float, share: float) -> None:
    with pytest.raises(ValueError, match="expected newcomer_weight > 0"):
        CallerEvidence(newcomer_weight=weight, own_share=share)
