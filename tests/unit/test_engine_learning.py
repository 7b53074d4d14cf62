"""Learning from own calls: which rows are kept, which labels count, and that no caller is on two sides."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from feature_events import attempt, batch
from recorded_events import Recorded

from spit.engine.call_labels import UNLABELLED, CallLabels, read_call_labels
from spit.engine.learned_rows import FIRST_ROWS, REFERENCE_ROWS, RowGatherer, gather_rows, is_kept
from spit.engine.learning import CallerSplit, LearningSettings, train_on_calls
from spit.errors import InputError
from spit.features.table import FeatureTable
from spit.model.bundle import load_bundle, read_bundle_info
from spit.model.reference import SCORE, read_reference
from spit.model.train import TrainingRows, TrainingSettings
from spit.simulate.events import to_events
from spit.simulate.labels import to_caller_labels, to_labels
from spit.simulate.plan import Plan
from spit.simulate.scenario import scenario
from spit.simulate.traffic import simulate

QUICK = TrainingSettings(trees=8, min_samples_leaf=10)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return simulate(replace(scenario("demo", 7), residential=150, duration_s=3 * 3600))


def test_a_calls_own_label_goes_before_its_callers() -> None:
    labels = CallLabels(
        pa.table(
            {
                "call_id": ["c1", None, ""],
                "caller": ["x", "x", "y"],
                "label": ["ham", "spam", "ham"],
                "weight": [0.5, None, 0.25],
            }
        )
    )
    attempts = pa.record_batch({"call_id": ["c1", "c2", "c3", "c4"], "caller": ["x", "x", "y", None]})
    found, weights = labels.find(attempts)
    assert found.tolist() == [0, 1, 0, UNLABELLED]
    assert weights.tolist() == [0.5, 1.0, 0.25, 0.0]


def test_labels_that_contradict_are_refused_and_equal_ones_are_not() -> None:
    same = pa.table({"call_id": ["a", "a"], "label": ["spam", "spam"]})
    assert CallLabels(same).find(pa.record_batch({"call_id": ["a"]}))[0].tolist() == [1]
    with pytest.raises(InputError, match="mine: expected one label for a, found spam and ham"):
        CallLabels(pa.table({"call_id": ["b", "a", "a"], "label": ["ham", "spam", "ham"]}), where="mine")
    with pytest.raises(InputError, match="column weight"):
        CallLabels(pa.table({"call_id": ["b"], "label": ["ham"], "weight": [-1.0]}))


def test_a_feedback_store_becomes_labels(tmp_path: Path) -> None:
    path = tmp_path / "reports.csv"
    head = "label,call_id,caller,kind,reporter_hash,time,weight\n"
    path.write_text(head + "".join(f"spam,c{i},+1202,report,r{i},{i},1\n" for i in range(3)))
    labels = read_call_labels(path)
    assert labels["call_id"].to_pylist() == ["c0", "c1", "c2"]
    path.write_text(head + "spam,c0,+1202,report,r0,0,1\n")
    with pytest.raises(InputError, match="expected reports that suffice for a label"):
        read_call_labels(path)


def test_a_caller_with_a_million_calls_keeps_some_dozens() -> None:
    kept = is_kept(np.arange(1_000_000))
    assert kept[:FIRST_ROWS].all()
    assert FIRST_ROWS + 40 <= kept.sum() <= 100
    assert kept[500_000:].any()


def test_gathering_is_bounded_whatever_comes() -> None:
    n, width = 5_000, len(FeatureTable.names)
    ids = [str(i) for i in range(n)]
    labels = CallLabels(
        pa.table({"call_id": ids, "label": ["spam" if i % 10 == 0 else "ham" for i in range(n)]})
    )
    gatherer = RowGatherer(labels, max_rows=1_000)
    for start in range(0, n, 500):
        rows = ids[start : start + 500]
        attempts = pa.record_batch(
            {"call_id": rows, "caller": rows, "time_us": np.arange(start, start + 500, dtype=np.int64)}
        )
        gatherer.add(attempts, np.zeros((500, width), np.float32))
    found = gatherer.result()
    assert len(found.values) <= 1_000
    assert int(found.spam.sum()) == 500  # the smaller class is whole
    assert set(found.weights[found.spam]) == {1.0}
    (weight,) = set(found.weights[~found.spam].tolist())
    assert weight * int((~found.spam).sum()) == pytest.approx(4_500, rel=0.2)
    assert (found.attempts, found.labelled, found.calls_spam, found.callers_seen) == (n, n, 500, n)


def test_the_reference_is_an_even_sample_of_all_attempts() -> None:
    gatherer = RowGatherer(CallLabels(pa.table({"call_id": ["none"], "label": ["ham"]})))
    n, width = 3 * REFERENCE_ROWS, len(FeatureTable.names)
    for start in range(0, n, 30_001):
        rows = np.arange(start, min(start + 30_001, n))
        attempts = pa.record_batch(
            {"call_id": ["?"] * len(rows), "caller": ["?"] * len(rows), "time_us": rows.astype(np.int64)}
        )
        values = np.broadcast_to(rows[:, np.newaxis], (len(rows), width)).astype(np.float32)
        gatherer.add(attempts, values)
    steps = np.diff(gatherer.result().reference[:, 0])
    assert set(steps.tolist()) == {4.0}


def test_calls_without_a_label_make_history_and_are_not_learned_from() -> None:
    labels = CallLabels(pa.table({"call_id": ["second"], "label": ["spam"]}))
    events = batch(attempt(0, call_id="first"), attempt(1, call_id="second"))
    found = gather_rows([events], labels)
    assert (found.attempts, found.labelled, len(found.values)) == (2, 1, 1)
    assert found.values[0, FeatureTable.names.index("caller_attempts_1h")] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("by_time", [False, True])
def test_no_caller_is_learned_from_and_measured(plan: Plan, by_time: bool) -> None:
    own = gather_rows(Recorded(to_events(plan)).events(), CallLabels(to_labels(plan)))
    split = CallerSplit.of(own, LearningSettings(test_share=0.3, test_by_time=by_time))
    test, fit = split.test(own.callers, own.times_us), split.fit(own.callers, own.times_us)
    assert test.any()
    assert fit.any()
    assert not set(own.callers[test].tolist()) & set(own.callers[fit].tolist())
    if by_time:
        assert own.times_us[fit].max() < own.times_us[test].min()
    else:
        assert (test | fit).all()
        assert 0.15 < len(set(own.callers[test].tolist())) / len(set(own.callers.tolist())) < 0.45


def test_a_bundle_of_own_calls_says_what_it_learned(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def simulated(seeds: tuple[int, ...], **_: object) -> TrainingRows:
        values = np.zeros((40, len(FeatureTable.names)), np.float32)
        return TrainingRows(values, np.arange(40) % 2 == 0, np.arange(40).astype(str), np.full(40, seeds[0]))

    monkeypatch.setattr("spit.engine.learning.training_rows", simulated)
    labels = to_caller_labels(plan)
    labels = labels.slice(0, labels.num_rows * 3 // 4)
    learned = train_on_calls(
        Recorded(to_events(plan)),
        labels,
        tmp_path,
        name="own",
        version="1",
        settings=LearningSettings(simulation_seeds=(5,), simulation_weight=0.1),
        training=QUICK,
    )
    info = read_bundle_info(learned.path)
    facts = info.trained_on["own_calls"]
    assert info.trained_on["seeds"] == [5]
    assert facts["attempts"] == len(plan)
    assert 0 < facts["unlabelled"] == len(plan) - facts["labelled"]
    measured = info.metrics["own calls, test part, with the policy"]
    assert 0 < measured["spam_calls"] + measured["ham_calls"] < facts["labelled"]
    assert info.metrics["test"]["attempts"] <= measured["spam_calls"] + measured["ham_calls"]
    card = (learned.path / "MODEL_CARD.md").read_text()
    assert f"{facts['unlabelled']} attempts had no label" in card.replace("\n", " ")
    assert "counts 0.1 of an own row" in card.replace("\n", " ")
    model = load_bundle(learned.path, schema_hash=FeatureTable.schema_hash)
    assert model.name == "own/1"
    reference = read_reference(learned.path)
    assert reference is not None
    assert reference.names == (*FeatureTable.names, SCORE)
    assert reference.rows == len(plan)
    json.loads((learned.path / "reference.json").read_text())


def test_labels_of_other_calls_are_told(plan: Plan, tmp_path: Path) -> None:
    labels = pa.table({"call_id": ["other"], "label": ["spam"]})
    with pytest.raises(
        InputError, match=r"expected labels of some of the \d+ calls, found none by their call_id"
    ):
        train_on_calls(Recorded(to_events(plan)), labels, tmp_path, name="own", version="1", training=QUICK)
