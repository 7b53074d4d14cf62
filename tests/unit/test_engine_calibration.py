"""Calibration: what is recorded is what the engine decides, and callers of a choice are not measured on."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from spit.config import PolicyConfig
from spit.engine.calibration import (
    ANCHOR,
    MOST_MOVED,
    anchored,
    calibrate,
    choose_parameters,
    measure_budget,
    record,
)
from spit.engine.call_labels import CallLabels
from spit.engine.engine import Engine
from spit.errors import InputError, ModelError
from spit.features.table import FeatureTable
from spit.model.bundle import load_default
from spit.model.decision import DecisionParameters
from spit.model.scorer import Model
from spit.policy.policy import Policy
from spit.simulate.events import to_events
from spit.simulate.labels import to_labels
from spit.simulate.scenario import scenario
from spit.simulate.traffic import simulate


@pytest.fixture(scope="module")
def model() -> Model:
    return load_default(schema_hash=FeatureTable.schema_hash, environment={})


@pytest.fixture(scope="module")
def traffic() -> list[tuple[pa.RecordBatch, CallLabels]]:
    plans = [simulate(scenario("demo", seed)) for seed in (960, 961)]
    return [(to_events(plan), CallLabels(to_labels(plan))) for plan in plans]


def test_recorded_scores_are_those_of_the_engine(
    model: Model, traffic: list[tuple[pa.RecordBatch, CallLabels]]
) -> None:
    events, labels = traffic[0]
    recording = record(model, [events.slice(0, 2_000), events.slice(2_000)], labels)
    scored = Engine(model, Policy(PolicyConfig())).observe(events)
    assert scored.context is not None
    may_block = scored.context.decision.may_block & ~scored.context.is_victim
    np.testing.assert_allclose(
        recording.scores(model.decision, prior=model.prior), np.where(may_block, scored.score, 0.0), atol=1e-9
    )


def test_the_budget_of_its_own_callers_is_kept(
    model: Model, traffic: list[tuple[pa.RecordBatch, CallLabels]]
) -> None:
    recordings = [record(model, [events], labels) for events, labels in traffic]
    parameters = DecisionParameters()
    budget = measure_budget(recordings, parameters, prior=model.prior)
    assert budget.callers == sum(len(np.unique(r.callers[~r.spam & (r.callers != 0)])) for r in recordings)
    threshold = budget.threshold(100.0)
    above = sum(
        len(np.unique(r.callers[~r.spam & (r.scores(parameters, prior=model.prior) >= threshold)]))
        for r in recordings
    )
    assert above <= 0.01 * (budget.callers + 1)
    of_spam = [r.scores(parameters, prior=model.prior)[r.spam] for r in recordings]
    assert (np.concatenate(of_spam) >= threshold).mean() > 0.5


def test_a_choice_is_no_worse_than_the_defaults_where_it_was_made(
    model: Model, traffic: list[tuple[pa.RecordBatch, CallLabels]]
) -> None:
    recordings = [record(model, [events], labels) for events, labels in traffic]
    chosen, budget = calibrate(recordings, prior=model.prior)
    best = choose_parameters(recordings[1::2], prior=model.prior)
    moved = np.subtract(best.experience_penalties, chosen.experience_penalties)
    np.testing.assert_allclose(moved, moved[0])
    assert replace(chosen, experience_penalties=best.experience_penalties) == best
    # So few callers have an odd threshold: it goes as far towards the anchor as it may.
    before = measure_budget(recordings[0::2], best, prior=model.prior).threshold(max(5.0, budget.least))
    after = budget.threshold(max(5.0, budget.least))
    assert abs(moved[0]) == pytest.approx(MOST_MOVED)
    assert abs(after - ANCHOR) < abs(before - ANCHOR)
    assert budget == measure_budget(recordings[0::2], chosen, prior=model.prior)
    with pytest.raises(InputError, match="at least 2 captures"):
        calibrate(recordings[:1], prior=model.prior)


def test_an_engine_whose_model_cannot_vouch_for_the_budget_is_refused(
    model: Model, traffic: list[tuple[pa.RecordBatch, CallLabels]]
) -> None:
    recordings = [record(model, [events], labels) for events, labels in traffic]
    budget = measure_budget(recordings, DecisionParameters(), prior=model.prior)
    calibrated = model.deciding_by(DecisionParameters(), budget)
    with pytest.raises(ModelError, match="max_wrong_blocks_per_10000: expected at least"):
        Engine(calibrated, Policy(PolicyConfig()))
    engine = Engine(calibrated, Policy(PolicyConfig(max_wrong_blocks_per_10000=100)))
    assert engine.policy.spam_threshold == max(0.5, budget.threshold(100))
    Engine(calibrated, Policy(PolicyConfig(spam_threshold=0.9)))


def test_nothing_labelled_is_an_error(model: Model, traffic: list[tuple[pa.RecordBatch, CallLabels]]) -> None:
    labels = CallLabels(pa.table({"call_id": ["other"], "label": ["spam"]}))
    with pytest.raises(InputError, match="expected attempts with labels"):
        record(model, [traffic[0][0].slice(0, 100)], labels)


def test_scores_are_moved_to_where_the_policy_looks() -> None:
    found = anchored(DecisionParameters(experience_penalties=(0.0, 1.0, 1.5, 2.0, 1.0, -1.0)), 0.25)
    # From odds of 1 to 3 to those of the anchor: every penalty falls by the same.
    up = math.log(ANCHOR / (1.0 - ANCHOR)) + math.log(3.0)
    np.testing.assert_allclose(np.array([0.0, 1.0, 1.5, 2.0, 1.0, -1.0]) - found.experience_penalties, up)
    same = anchored(found, ANCHOR).experience_penalties
    np.testing.assert_allclose(same, found.experience_penalties)


@pytest.mark.parametrize(
    ("threshold", "up"), [(0.0, 0.0), (5e-324, 0.0), (0.001, MOST_MOVED), (1.0, -MOST_MOVED)]
)
def test_an_odd_threshold_moves_scores_little_or_not_at_all(threshold: float, up: float) -> None:
    found = anchored(DecisionParameters(), threshold)
    np.testing.assert_allclose(found.experience_penalties, -up)
    beyond = anchored(DecisionParameters(), float(np.nextafter(threshold, 2.0)))
    np.testing.assert_allclose(beyond.experience_penalties, -up)
