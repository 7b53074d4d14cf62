"""Baselines: sliding windows as counted by hand, nothing known from the future, budgets kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spit.engine.baseline_traffic import Keyed, Traffic
from spit.engine.baselines import BASELINES, FittedBaseline, LabelledTraffic
from spit.engine.training_traffic import LabelledEvents, labels_of
from spit.records import EVENT_SCHEMA
from spit.simulate.scenario import scenario


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), min_size=1),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60)), min_size=1),
    st.sampled_from([None, 7e-6, 20e-6]),
)
def test_totals_are_those_of_a_loop(
    rows: list[tuple[int, int]], questions: list[tuple[int, int]], window_s: float | None
) -> None:
    keys, times = (np.array(c, np.int64) for c in zip(*rows, strict=True))
    asked, at = (np.array(c, np.int64) for c in zip(*questions, strict=True))
    values = np.arange(1.0, len(rows) + 1.0)
    window = 10**9 if window_s is None else round(window_s * 1e6)
    expected = [
        sum(
            v for k, t, v in zip(keys, times, values, strict=True) if k == q and moment - window < t <= moment
        )
        for q, moment in zip(asked, at, strict=True)
    ]
    np.testing.assert_allclose(Keyed(keys, times).total(values, asked, at, window_s), expected)


def _events(rows: Sequence[tuple[str, str, float]]) -> pa.RecordBatch:
    """Attempts as (caller, callee, second)."""
    columns = {
        "event": ["attempt"] * len(rows),
        "time_us": [int(t * 1e6) for _, _, t in rows],
        "caller": [c for c, _, _ in rows],
        "callee": [c for _, c, _ in rows],
    }
    return pa.RecordBatch.from_arrays(
        [pa.array(columns.get(f.name, [None] * len(rows)), f.type) for f in EVENT_SCHEMA],
        names=EVENT_SCHEMA.names,
    )


ROWS = [("a", "+1", 0), ("b", "+1", 1), ("a", "+1", 2), ("a", "+2", 4), ("a", "+1", 30), ("b", "+1", 31)]


def test_levels_runs_and_first_contacts() -> None:
    traffic = Traffic(_events(ROWS))
    np.testing.assert_allclose(traffic.level(0.25), [1, 1, 1.5, 2, 1, 1])
    assert traffic.consecutive().tolist() == [1, 1, 2, 1, 1, 2]
    assert traffic.first_contact.tolist() == [True, True, False, True, False, False]
    assert traffic.previous.tolist() == [-1, -1, 0, 2, 3, 1]


@pytest.fixture(scope="module")
def labelled() -> list[LabelledTraffic]:
    parts = [LabelledEvents.simulated(scenario("wangiri", seed)) for seed in (1, 2, 3)]
    return [LabelledTraffic(Traffic(p.events), labels_of(p.attempts(), p.labels)) for p in parts]


@pytest.fixture(scope="module", params=list(BASELINES))
def fitted(request: pytest.FixtureRequest, labelled: list[LabelledTraffic]) -> FittedBaseline:
    return BASELINES[request.param](labelled[:1], labelled[1:2], 0.05)


def test_a_score_knows_nothing_of_what_comes_later(fitted: FittedBaseline) -> None:
    events = LabelledEvents.simulated(scenario("wangiri", 3)).events
    whole = fitted.score(Traffic(events))
    for cut in (events.num_rows // 3, events.num_rows // 2):
        early = fitted.score(Traffic(events.slice(0, cut)))
        np.testing.assert_allclose(early, whole[: len(early)], rtol=1e-6, atol=1e-6)


def test_thresholds_keep_the_budget_where_they_are_chosen(
    fitted: FittedBaseline, labelled: list[LabelledTraffic]
) -> None:
    chosen = labelled[1]
    flagged = fitted.score(chosen.traffic) > fitted.threshold
    legitimate = set(chosen.traffic.caller[~chosen.spam])
    wrongly = set(chosen.traffic.caller[flagged & ~chosen.spam])
    assert len(wrongly) <= 0.05 * len(legitimate)
    assert fitted.settings
