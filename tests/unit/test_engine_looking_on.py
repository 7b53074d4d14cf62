"""Challenger, drift and what-if: what looks on or replays, and never acts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from feature_events import ALICE, BOB, attempt, batch
from rate_model import rate_model

from spit.config import PolicyConfig
from spit.engine.call_labels import CallLabels
from spit.engine.challenger import Challenger
from spit.engine.drift import DriftMonitor
from spit.engine.engine import Engine
from spit.engine.observers import Observers
from spit.engine.what_if import NEWLY_BLOCKED, NEWLY_PASSED, WhatIf, totals_lines
from spit.errors import ModelError
from spit.features.table import FeatureTable
from spit.model.reference import MIN_ROWS, SCORE, Reference, psi, read_reference
from spit.policy.policy import UNCALIBRATED_THRESHOLD, Policy

NAMES = ("one", "two")
HOUR_US = 3_600_000_000


def calls(count: int = 40) -> pa.RecordBatch:
    """One caller who calls a stranger each 10 s."""
    return batch(*[attempt(10 * i, ALICE, f"+4930{i:08}", call_id=f"c{i}") for i in range(count)])


def test_a_challenger_is_counted_and_changes_no_verdict() -> None:
    champion, other = rate_model("a/1", 0.3), rate_model("b/1", 3.0)
    challenger = Challenger(other, champion=champion)
    watched = Engine(champion, Policy(PolicyConfig()), observers=[challenger])
    alone, swapped = (Engine(model, Policy(PolicyConfig())) for model in (champion, other))
    events = calls()
    scored = [engine.observe(events) for engine in (watched, alone, swapped)]
    np.testing.assert_array_equal(scored[0].score, scored[1].score)
    compared = challenger.comparison()
    expected = np.zeros((3, 3), np.int64)
    np.add.at(expected, (scored[1].label_rank, scored[2].label_rank), 1)
    assert compared.labels == tuple(map(tuple, expected.tolist()))
    assert compared.attempts == 40
    assert compared.only_challenger == int(expected[:2, 2].sum()) > 0
    assert compared.only_champion == int(expected[2, :2].sum())
    assert compared.agreed == int(np.trace(expected))


def test_a_challenger_sees_each_attempt_once_however_batches_are_cut() -> None:
    champion = rate_model("a/1", 0.3)
    counts = []
    for max_callers in (5, 1000):  # an engine cuts batches to what it can hold
        challenger = Challenger(rate_model("b/1", 3.0), champion=champion)
        Engine(champion, Policy(PolicyConfig()), max_callers=max_callers, observers=[challenger]).observe(
            calls()
        )
        counts.append(challenger.comparison())
    assert counts[0] == counts[1]


def test_a_challenger_of_other_features_is_refused() -> None:
    names = FeatureTable.names[:-1]
    with pytest.raises(ModelError, match="challenger b/1: expected the features of a/1"):
        Challenger(rate_model("b/1", 1.0, names), champion=rate_model("a/1", 1.0))


def reference(seed: int = 1, rows: int = 5_000) -> Reference:
    values, score = drawn(seed, rows)
    return Reference.of(NAMES, values, score)


def drawn(seed: int, rows: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, 2)).astype(np.float32)
    values[:, 0] += shift
    values[:, 1] = np.maximum(values[:, 1], 0.0)  # half of the rows share one value
    return values, rng.random(rows)


def test_the_index_is_that_of_the_definition() -> None:
    then, now = np.array([0.2, 0.3, 0.5]), np.array([400.0, 300.0, 300.0])
    shares = now / now.sum()
    expected = float(((shares - then) * np.log(shares / then)).sum())
    assert psi(then, 1e9, now * 1e6) == pytest.approx(expected, rel=1e-4)
    assert np.isfinite(psi(np.array([0.0, 1.0]), 1000, np.array([1000.0, 0.0])))


def test_same_traffic_is_stable_and_a_shifted_feature_is_named_first() -> None:
    for shift, words in ((0.0, "stable"), (0.4, "shifted a little"), (1.0, "changed")):
        monitor = DriftMonitor(NAMES, reference())
        values, score = drawn(2, 5_000, shift)
        monitor.add(values, score, 0)
        found = {drift.name: drift for drift in monitor.drifts()}
        assert found["one"].words == words
        assert found["two"].words == found[SCORE].words == "stable"
        if shift:
            assert monitor.drifts()[0].name == "one"
            assert (found["one"].median_now or 0.0) > found["one"].median_then


def test_few_calls_are_no_judgement() -> None:
    monitor = DriftMonitor(NAMES, reference())
    values, score = drawn(2, MIN_ROWS - 1, 3.0)
    monitor.add(values, score, 0)
    assert {drift.words for drift in monitor.drifts()} == {"too few calls to tell"}
    monitor.add(values[:1], score[:1], 0)
    assert monitor.drifts()[0].words == "changed"


def test_what_was_long_ago_is_forgotten() -> None:
    monitor = DriftMonitor(NAMES, reference())
    monitor.add(*drawn(2, 5_000, 3.0), 0)
    assert monitor.drifts()[0].words == "changed"
    for hour in range(24 * 10, 24 * 11):
        monitor.add(*drawn(hour, 500), hour * HOUR_US)
    assert {drift.words for drift in monitor.drifts()} == {"stable"}


def test_without_a_reference_the_first_hours_become_one() -> None:
    monitor = DriftMonitor(NAMES, None, warm_up_s=7_200)
    for hour in range(3):
        assert monitor.drifts() == []
        monitor.add(*drawn(hour, 900), hour * HOUR_US)
    assert monitor.reference_rows == 2_700
    monitor.add(*drawn(9, 1_000), 4 * HOUR_US)
    assert {drift.words for drift in monitor.drifts()} == {"stable"}


def test_a_reference_survives_its_file_and_damage_is_told(tmp_path: Path) -> None:
    assert read_reference(tmp_path) is None
    made = reference()
    (tmp_path / "reference.json").write_text(made.to_json())
    found = read_reference(tmp_path)
    assert found is not None
    assert found.names == made.names
    assert found.edges == made.edges
    np.testing.assert_allclose(found.shares[0], made.shares[0], atol=1e-6)
    for text in (
        "{}",
        "[",
        '{"rows": 5, "columns": [{"name": "a", "edges": [2, 1], "shares": [1, 0, 0], "median": 1}]}',
    ):
        (tmp_path / "reference.json").write_text(text)
        with pytest.raises(ModelError, match=r"reference\.json"):
            read_reference(tmp_path)


def test_observers_tell_prometheus() -> None:
    champion = rate_model("a/1", 0.3)
    challenger = Challenger(rate_model("b/1", 3.0), champion=champion)
    monitor = DriftMonitor(NAMES, reference())
    monitor.add(*drawn(2, 1_000), 0)
    observers = Observers(challenger=challenger, drift=monitor)
    Engine(champion, Policy(PolicyConfig()), observers=[challenger]).observe(calls())
    samples = {(sample.name, sample.labels): sample.value for sample in observers.samples()}
    outcomes = {
        labels[0][1]: v for (name, labels), v in samples.items() if name.startswith("spit_challenger")
    }
    assert sum(outcomes.values()) == 40
    assert outcomes["only_challenger_spam"] > 0
    assert {labels[0][1] for (name, labels) in samples if name == "spit_drift_psi"} == {"one", "two", SCORE}


def what_if(
    now: PolicyConfig, then: PolicyConfig, labels: CallLabels | None = None, slope: float = 0.3
) -> WhatIf:
    engines = [Engine(rate_model("a/1", slope), Policy(config)) for config in (now, then)]
    found = WhatIf(engines[0], engines[1], labels)
    found.replay([calls().slice(0, 17), calls().slice(17)])
    return found


def test_a_lower_threshold_blocks_more_and_back_again() -> None:
    usual, strict = PolicyConfig(), PolicyConfig(spam_threshold=0.6)
    labels = CallLabels(pa.table({"caller": [ALICE], "label": ["ham"]}))
    stricter = what_if(usual, strict, labels)
    engine = Engine(rate_model("a/1", 0.3), Policy(usual))
    scored = engine.observe(calls())
    expected = (scored.score >= 0.6) & (scored.score < UNCALIBRATED_THRESHOLD)
    totals = stricter.totals
    assert totals.newly_blocked == int(expected.sum()) > 0
    assert totals.newly_passed == 0
    assert totals.unchanged == 40 - totals.newly_blocked
    assert totals.wrong_then - totals.wrong_now == totals.newly_blocked
    (row,) = stricter.rows().to_pylist()
    assert (row["change"], row["caller"], row["calls"]) == (NEWLY_BLOCKED, ALICE, totals.newly_blocked)
    assert (row["action_now"], row["action_then"]) == ("tag", "reject")
    assert row["wrong"] == totals.newly_blocked
    assert row["expected_wrong"] == pytest.approx(float((1 - scored.probability[expected]).sum()))
    assert row["example_call_id"] == f"c{int(np.flatnonzero(expected)[0])}"
    assert row["reasons"]
    assert any("wrongly blocked now" in line for line in totals_lines(totals))

    back = what_if(strict, usual)
    assert back.totals.newly_passed == totals.newly_blocked
    (row,) = back.rows().to_pylist()
    assert (row["change"], row["wrong"]) == (NEWLY_PASSED, None)


def test_lists_and_exemptions_count_as_in_operation() -> None:
    listed = what_if(PolicyConfig(), PolicyConfig(block=(ALICE,)), slope=0.0)
    assert listed.totals.newly_blocked == 40
    engines = [
        Engine(rate_model("a/1", 0.0), Policy(config))
        for config in (PolicyConfig(), PolicyConfig(block=(ALICE,)))
    ]
    exempt = WhatIf(engines[0], engines[1])
    exempt.replay([batch(attempt(0, ALICE, BOB, exemption="emergency"), attempt(1, ALICE, "112"))])
    assert exempt.totals.unchanged == 2


def test_another_action_is_no_block() -> None:
    tagged = what_if(PolicyConfig(spam_action="tag"), PolicyConfig(spam_action="divert"))
    assert tagged.totals.newly_blocked == 0
    assert tagged.totals.treated_otherwise > 0
    assert tagged.rows().num_rows == 0
