"""Campaign evidence: rotating numbers are told from busy trunks, in order, however batches are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_evidence import PlainEvidence

from spit.errors import InputError
from spit.model.campaign_evidence import TIES
from spit.model.decision import DecisionParameters, wald_bound
from spit.model.evidence_state import Decision, Evidence, join_decisions

PARAMETERS = DecisionParameters(campaign_weight=1.0, campaign_floor=1.0)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 2),
        st.integers(0, 7200),
        st.floats(-8, 8),
        st.booleans(),
        st.booleans(),
    ),
    max_size=25,
)


def _evidence(parameters: DecisionParameters = PARAMETERS) -> Evidence:
    return Evidence(parameters, prior=0.1, max_keys=5_000)


def _update(
    evidence: Evidence,
    callers: np.ndarray,
    peers: np.ndarray,
    times_s: np.ndarray,
    log_odds: np.ndarray,
    first_contact: np.ndarray | None = None,
    frozen: np.ndarray | None = None,
) -> Decision:
    n = len(callers)
    none = np.zeros(n, np.uint64)
    return evidence.update(
        callers.astype(np.uint64),
        [peers.astype(np.uint64), *[none] * (len(TIES) - 1)],
        (times_s * 1e6).astype(np.int64),
        log_odds.astype(np.float64),
        first_contact=np.ones(n, np.bool_) if first_contact is None else first_contact,
        frozen=np.zeros(n, np.bool_) if frozen is None else frozen,
    )


def _numbers(n: int, start: int = 1) -> np.ndarray:
    return np.arange(start, start + n)


@settings(deadline=None)
@given(ROWS, st.integers(0, 25))
def test_however_cut(rows: list[tuple[int, int, int, float, bool, bool]], cut: int) -> None:
    rows = sorted(rows, key=lambda row: row[2])
    columns = [np.array([row[i] for row in rows]) for i in range(6)]
    columns[4], columns[5] = columns[4].astype(np.bool_), columns[5].astype(np.bool_)
    whole = _update(_evidence(), *columns)
    evidence = _evidence()
    parts = [_update(evidence, *(c[:cut] for c in columns)), _update(evidence, *(c[cut:] for c in columns))]
    joined = join_decisions(parts)
    np.testing.assert_allclose(joined.score, whole.score, atol=1e-12)
    np.testing.assert_array_equal(joined.may_block, whole.may_block)
    np.testing.assert_array_equal(joined.fits_campaign, whole.fits_campaign)


def test_rotating_numbers_of_one_peer_become_a_campaign_that_the_next_number_fits() -> None:
    n = 40
    found = _update(_evidence(), _numbers(n), np.full(n, 9), np.arange(n) * 10, np.full(n, 4.0))
    assert not found.may_block[0]  # a first call, nothing established
    established = int(np.argmax(found.fits_campaign))
    assert 3 <= established <= 10
    assert found.fits_campaign[established:].all()
    assert found.may_block[established:].all()
    assert found.score[-1] > 0.9 > found.score[0]
    assert TIES[found.tie[-1]] == "peer"


def test_a_busy_trunk_of_newcomers_is_no_campaign_however_large() -> None:
    rng = np.random.default_rng(1)
    n = 5_000
    log_odds = np.where(rng.random(n) < 0.04, 4.0, -3.0)  # the model's own mistakes
    found = _update(_evidence(), _numbers(n), np.full(n, 9), np.sort(rng.random(n)) * 7200, log_odds)
    assert not found.fits_campaign.any()
    assert found.shift.max() < 0.2


def test_a_campaign_is_seen_through_as_many_legitimate_newcomers() -> None:
    rng = np.random.default_rng(2)
    n = 400
    spam = rng.random(n) < 0.5
    log_odds = np.where(spam, 3.0, -3.0)
    found = _update(_evidence(), _numbers(n), np.full(n, 9), np.arange(n) * 5, log_odds)
    assert found.fits_campaign[spam][20:].all()
    assert not found.fits_campaign[~spam].any()  # their own log-odds lie below the floor
    assert found.shift[~spam].max() == 0.0


def test_a_regular_on_the_campaigns_trunk_does_not_fit_it() -> None:
    evidence = _evidence()
    _update(evidence, np.full(30, 7), np.full(30, 1), np.arange(30) * 60, np.full(30, -3.0))
    _update(evidence, _numbers(40, 100), np.full(40, 9), 3000 + np.arange(40), np.full(40, 4.0))
    regular = _update(evidence, np.array([7]), np.array([9]), np.array([3100]), np.array([2.0]))
    assert not regular.fits_campaign[0]
    known_callee = _update(
        evidence, np.array([999]), np.array([9]), np.array([3101]), np.array([2.0]), np.array([False])
    )
    assert not known_callee.fits_campaign[0]


def test_it_is_forgotten_when_it_stops() -> None:
    evidence = _evidence()
    _update(evidence, _numbers(40), np.full(40, 9), np.arange(40), np.full(40, 4.0))
    later = _update(evidence, np.array([999]), np.array([9]), np.array([86_400]), np.array([4.0]))
    assert not later.fits_campaign[0]
    assert later.shift[0] < 0.1


def test_frozen_attempts_do_not_count_against_the_caller() -> None:
    evidence = _evidence()
    frozen = np.ones(20, np.bool_)
    _update(evidence, np.full(20, 7), np.zeros(20), np.arange(20), np.full(20, 6.0), frozen=frozen)
    later = _update(evidence, np.array([7]), np.array([0]), np.array([30]), np.array([-3.0]))
    fresh = _update(_evidence(), np.array([7]), np.array([0]), np.array([30]), np.array([-3.0]))
    assert later.score[0] == fresh.score[0]


def test_states_and_merge() -> None:
    one, two, both = _evidence(), _evidence(), _evidence()
    first = (_numbers(10), np.full(10, 9), np.arange(10), np.full(10, 3.0))
    second = (_numbers(10, 50), np.full(10, 9), 10 + np.arange(10), np.full(10, 3.0))
    for evidence, parts in ((one, [first]), (two, [second]), (both, [first, second])):
        for part in parts:
            _update(evidence, *part)
    one.merge(two)
    restored = _evidence()
    restored.restore(one.states())
    question = (np.array([3]), np.array([9]), np.array([25]), np.array([2.0]))
    expected = _update(both, *question).score
    np.testing.assert_allclose(_update(restored, *question).score, expected)
    with pytest.raises(InputError, match="expected the state callers"):
        restored.restore({})


def test_the_default_bound_is_walds() -> None:
    assert DecisionParameters().campaign_bound == pytest.approx(wald_bound(5.0), abs=1e-3)
    assert wald_bound(5.0) == pytest.approx(np.log(0.95 / 0.0005))


@pytest.mark.parametrize(
    "document",
    [
        {"own_share": 2},
        {"campaign_share": 0.01},
        {"rho": 1},
        {"newcomer_weight": "1"},
        {"newcomer_weight": True},
    ],
)
def test_impossible_parameters_are_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        DecisionParameters.from_document(document)


@settings(deadline=None)
@given(ROWS, st.lists(st.booleans(), min_size=25, max_size=25))
def test_one_pass_gives_the_bits_of_one_fold_after_another(
    rows: list[tuple[int, int, int, float, bool, bool]], late: list[bool]
) -> None:
    times_us = np.array([row[2] for row in rows], np.int64) * 1_000_000
    times_us -= np.array(late[: len(rows)], np.int64) * 900_000_000
    columns = [np.array([row[i] for row in rows], np.uint64) for i in (0, 1)]
    first_contact, frozen = (np.array([row[i] for row in rows], np.bool_) for i in (4, 5))
    attempts = (
        columns[0],
        [columns[1], *columns, columns[0] + np.uint64(1), np.zeros(len(rows), np.uint64)],
        times_us,
        np.array([row[3] for row in rows], np.float64),
    )
    evidence, plain = _evidence(), PlainEvidence(PARAMETERS, prior=0.1, max_keys=5_000)
    for _ in range(2):  # the second time much is known
        found = evidence.update(*attempts, first_contact=first_contact, frozen=frozen)
        score, tie, shift = plain.update(*attempts, first_contact=first_contact, frozen=frozen)
        np.testing.assert_array_equal(found.score, score)
        np.testing.assert_array_equal(found.tie, tie)
        np.testing.assert_array_equal(found.shift, shift)
    states = {"callers": plain.callers.state(), **plain.campaigns.states()}
    assert all(state.equals(states[name]) for name, state in evidence.states().items())
