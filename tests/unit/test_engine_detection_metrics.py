"""Metrics of detection: budgets are kept, ties claim no order, groups and delays are counted right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from spit.engine.detection_metrics import (
    RankedCalls,
    callers_of,
    groups_of,
    operating_curve,
    operating_point,
    threshold_for,
)


def _calls(rows: list[tuple[int, bool, float]], threshold: float = 0.5) -> pd.DataFrame:
    """(caller, spam, score)."""
    return pd.DataFrame(
        {
            "caller": np.array([r[0] for r in rows], np.int64),
            "spam": [r[1] for r in rows],
            "kind": ["wangiri" if r[1] else "pbx" for r in rows],
            "strength": ["blatant" if r[1] else "" for r in rows],
            "campaign": "",
            "score": [r[2] for r in rows],
            "flagged": [r[2] >= threshold for r in rows],
        }
    )


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.sampled_from([0.0, 0.2, 0.4, 0.9])), min_size=1),
    st.sampled_from([0.0, 0.1, 0.34, 1.0]),
)
def test_no_threshold_flags_more_legitimate_callers_than_its_budget(
    rows: list[tuple[int, bool, float]], budget: float
) -> None:
    calls = _calls(rows)
    legitimate = {caller for caller, spam, _ in rows if not spam}
    threshold = threshold_for(callers_of(calls), budget)
    flagged = {caller for caller, spam, score in rows if not spam and score > threshold}
    assert len(flagged) <= budget * len(legitimate)
    found = operating_point(calls, budget, threshold).callers_wrongly_flagged.value
    assert found == (len(flagged) / len(legitimate) if legitimate else None)


def test_average_precision_is_that_of_scikit_learn_also_where_scores_tie() -> None:
    rng = np.random.default_rng(0)
    score, spam = np.round(rng.random(300), 1), rng.random(300) < 0.3
    clusters, weights = rng.integers(0, 40, 300), rng.integers(0, 3, 40).astype(np.float64)
    found = RankedCalls(score, spam, clusters).average_precision(weights)
    assert found == pytest.approx(average_precision_score(spam, score, sample_weight=weights[clusters]))


def test_groups_count_callers_calls_and_what_went_by_before() -> None:
    rows = [(1, True, 0.1), (1, True, 0.2), (1, True, 0.9), (2, True, 0.1), (3, False, 0.3), (3, False, 0.6)]
    everyone, blatant, kind, ham, pbx = groups_of(_calls(rows))
    assert (everyone.label, everyone.kind, everyone.callers, everyone.calls) == ("spam", "(all)", 2, 4)
    assert everyone.calls_flagged.value == 0.25
    assert everyone.callers_flagged.value == 0.5
    assert everyone.calls_before_detection_median.value == 2.0
    assert everyone.established_callers == 0
    assert (blatant.strength, kind.kind, pbx.kind) == ("blatant", "wangiri", "pbx")
    assert (ham.callers_flagged.value, ham.average_precision.value) == (1.0, None)


def test_a_number_that_was_spoofed_is_judged_on_both_sides() -> None:
    calls = _calls([(1, False, 0.1), (1, True, 0.9), (2, False, 0.2)])
    assert len(callers_of(calls)) == 3
    points = operating_curve(calls, budgets=(0.0,))
    assert points[0].calls_flagged.value == 1.0
    assert points[0].callers_wrongly_flagged.value == 0.0
