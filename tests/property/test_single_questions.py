"""What is known of one attempt is the same, whether it is read alone or as a row of a batch."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_feature_batches import START_US, streams

from spit._core import OneAttempt, event_keys, hash_keys, hash_pairs
from spit.engine.ties import caller_keys, tie_keys, tie_keys_of_one
from spit.features import FeatureTable
from spit.model.decision import DecisionParameters
from spit.model.evidence_state import Decision, Evidence, OneDecision
from spit.model.spoofing import SpoofVictims
from spit.policy.budget import PolicyBudget
from spit.records import EVENT_SCHEMA

KEYS = ["caller", "callee", "identity", "origid", "block", "callee_block", "identity_block", "source", "peer"]
KEYS += ["tie_peer", "contact", "contact_reverse", "peer_caller", "peer_callee", "identity_source"]


@st.composite
def claims(draw: st.DrawFn) -> dict[str, Any]:
    """What an attempt may say beside who calls whom."""
    return {
        "verstat": draw(st.sampled_from([None, "TN-Validation-Passed-A", "TN-Validation-FAILED"])),
        "media": draw(st.sampled_from([None, "audio", "audio,Video", "image"])),
        "passport_types": draw(st.sampled_from([None, "shaken", "shaken,div"])),
        "passport_mismatch": draw(st.sampled_from([None, "none", "orig", "orig,dest"])),
        "passport_iat_age_s": draw(st.sampled_from([None, -2.0, 30.0, 1e6, float("nan")])),
    }


def attempts_of(stream: pa.RecordBatch, more: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = stream.to_pylist()
    return [row | claimed for row, claimed in zip(rows, more, strict=False)]


several_claims = st.lists(claims(), min_size=60, max_size=60)


@settings(max_examples=40, deadline=None)
@given(stream=streams(), more=several_claims)
def test_features_of_one_attempt_are_those_of_a_batch(
    stream: pa.RecordBatch, more: list[dict[str, Any]]
) -> None:
    rows = attempts_of(stream, more)
    table = FeatureTable(max_keys=1000)
    for row in rows:
        event = pa.RecordBatch.from_pylist([row], schema=EVENT_SCHEMA)
        alone = table.read_one(OneAttempt(row))
        np.testing.assert_allclose(alone, table.read(event), rtol=1e-6, atol=1e-6)
        table.observe(event)


@settings(max_examples=40, deadline=None)
@given(stream=streams(), more=several_claims)
def test_keys_of_one_attempt_are_those_of_a_batch(stream: pa.RecordBatch, more: list[dict[str, Any]]) -> None:
    rows = attempts_of(stream, more)
    ones = [OneAttempt(row) for row in rows]
    batch = pa.RecordBatch.from_pylist(rows, schema=EVENT_SCHEMA)
    for name, keys in zip(KEYS, event_keys(batch, KEYS), strict=True):
        assert [one.key(name) for one in ones] == keys.tolist(), name
    assert [one.key("caller") for one in ones] == caller_keys(batch).tolist()
    assert [tie_keys_of_one(one) for one in ones] == np.column_stack(tie_keys(batch)).tolist()
    assert [one.key("identity") for one in ones] == hash_keys(batch["caller"]).tolist()
    pairs = hash_pairs(batch["caller"], batch["source_ip"])
    assert [one.key("identity_source") for one in ones] == pairs.tolist()


@pytest.mark.parametrize(
    ("row", "error"),
    [({}, ValueError), ({"time_us": "now"}, TypeError), ({"time_us": 1, "caller": 5}, TypeError)],
)
def test_what_is_no_attempt_is_refused(row: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        OneAttempt(row)


#: Keys, time since the one before, log-odds, whether the callee is a stranger.
calls = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, 3),
        st.sampled_from([0, 1_000_000, 4_000_000_000, 700_000_000_000]),
        st.floats(-9.0, 9.0),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


def one_of(decision: Decision) -> OneDecision:
    return OneDecision(*(getattr(decision, name)[0].item() for name in OneDecision._fields))


@settings(max_examples=60, deadline=None)
@given(calls=calls)
def test_evidence_of_one_attempt_is_that_of_a_batch(calls: list[tuple[int, int, int, float, bool]]) -> None:
    evidence = Evidence(
        DecisionParameters(experience_penalties=(0.0, 0.2, 1.0, 1.5, 0.5, -1.0)), prior=0.1, max_keys=100
    )
    time_us = START_US
    for caller, tie, gap_us, log_odds, stranger in calls:
        time_us += gap_us
        ties = [tie, 0, tie + 1, 7, 7]
        arrays = (
            np.array([caller], np.uint64),
            [np.array([key], np.uint64) for key in ties],
            np.array([time_us]),
            np.array([log_odds]),
        )
        first_contact = np.array([stranger])
        whole = one_of(evidence.read(*arrays, first_contact=first_contact))
        alone = evidence.read_one(caller, partial(list, ties), time_us, log_odds, first_contact=stranger)
        assert (alone.score, alone.may_block) == (whole.score, whole.may_block)
        assert (alone.fits_campaign, alone.shift) == (whole.fits_campaign, whole.shift)
        if whole.fits_campaign:
            assert alone.tie == whole.tie
        evidence.update(*arrays, first_contact=first_contact, frozen=np.array([False]))


@settings(max_examples=40, deadline=None)
@given(calls=calls, storm=st.booleans())
def test_victims_are_the_same_alone(calls: list[tuple[int, int, int, float, bool]], storm: bool) -> None:
    victims = SpoofVictims(max_callers=100)
    time_us = START_US
    callers, sources = ["+4930", "+4931", None, "+4933", "anonymous"], ["192.0.2.1", "192.0.2.2", None, "::1"]
    found = []
    for caller, source, gap_us, _, stranger in calls:
        time_us += gap_us // (1000 if storm else 1)
        row = {"time_us": time_us, "caller": callers[caller], "source_ip": sources[source]}
        shown, source_ip = (pa.array([row[name]], pa.string()) for name in ("caller", "source_ip"))
        times_us = np.array([time_us])
        one = OneAttempt(row)
        alone = victims.read_one(one.key("identity"), one.key("identity_source"), time_us)
        assert alone == victims.read(shown, source_ip, times_us)[0]
        found.append(alone)
        for caller_number in callers if storm else ["+4939"]:
            number = pa.array([caller_number], pa.string())
            victims.update(shown, number, source_ip, times_us, np.array([stranger or storm]))


def test_a_victim_is_found_alone() -> None:
    victims = SpoofVictims(max_callers=100)
    times_us = np.full(20, START_US)
    strangers = pa.array([f"+49{i}" for i in range(20)])
    victims.update(strangers, pa.array(["+4930"] * 20), pa.nulls(20, pa.string()), times_us, times_us > 0)
    for source in ("192.0.2.1", "192.0.2.2"):
        one = OneAttempt({"time_us": START_US, "caller": "+4930", "source_ip": source})
        found = victims.read_one(one.key("identity"), one.key("identity_source"), START_US)
        assert found == (source == "192.0.2.2")
        columns = (pa.array(["+4930"]), pa.array(["+4940"]), pa.array([source]))
        victims.update(*columns, times_us[:1], np.array([True]))


@pytest.mark.parametrize("complaints", [0, 1, 2, 3, 5, 9])
def test_the_level_is_that_of_the_attempts_counted(complaints: int) -> None:
    budget = PolicyBudget()
    for caller in range(complaints):
        budget.report_wrong_block(START_US, f"+49{caller}")
    counted = budget.count_callers(np.array([START_US]), np.array([False]), 5.0)
    assert budget.level(START_US, 5.0) == counted[0]
