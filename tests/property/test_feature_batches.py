"""However the events are cut into batches, and wherever the state lies, the features are the same."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spit.features import FeatureTable
from spit.records import EVENT_SCHEMA, EventKind, Outcome

F32 = npt.NDArray[np.float32]
START_US = 1_700_000_000_000_000

PEOPLE = [*(f"+49301234{i:04d}" for i in range(8)), "alice@example.org", "anonymous@anonymous.invalid", None]


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """One event, without its time: few people, so that they meet again."""
    kind = draw(st.sampled_from(["attempt", "attempt", "end", "end", "answer"]))
    caller = draw(st.sampled_from(PEOPLE))
    row: dict[str, Any] = {
        "event": kind,
        "method": draw(st.sampled_from(["INVITE", "MESSAGE"])),
        "call_id": "x",
        "caller": caller,
        "callee": draw(st.sampled_from(PEOPLE)),
        "caller_uri": f"sip:{caller}@example.org",
        "source_ip": draw(st.sampled_from(["192.0.2.1", "192.0.2.2", None])),
        "fingerprint": draw(st.sampled_from(["00", "ff", None])),
        "asserted_identity": draw(st.sampled_from([None, PEOPLE[0]])),
        "attestation": draw(st.sampled_from([None, "A", "C"])),
        "origid": draw(st.sampled_from([None, "o"])),
        "diverted_by": draw(st.sampled_from([None, None, PEOPLE[1]])),
    }
    if kind == EventKind.END:
        outcome = draw(st.sampled_from(list(Outcome)))
        answered = outcome is Outcome.ANSWERED
        row |= {
            "outcome": outcome,
            "final_status": draw(st.sampled_from([200, 404, 608, None])),
            "ring_time_s": draw(st.sampled_from([None, 2.0, 30.0])),
            "duration_s": draw(st.sampled_from([1.0, 300.0])) if answered else None,
            "duration_censored": draw(st.booleans()) if answered else None,
            "hangup_by": draw(st.sampled_from(["caller", "callee", "none"])),
        }
    return row


@st.composite
def streams(draw: st.DrawFn) -> pa.RecordBatch:
    """Events in time order but for some that come late."""
    rows = draw(st.lists(events(), min_size=1, max_size=60))
    now = START_US
    for row in rows:
        now += draw(st.sampled_from([0, 300_000, 20_000_000, 4_000_000_000, 700_000_000_000]))
        late_us = draw(st.sampled_from([0, 0, 0, 7_000_000]))
        row["time_us"] = row["start_time_us"] = now - late_us
    return pa.RecordBatch.from_pylist(rows, schema=EVENT_SCHEMA)


def observe_in_batches(table: FeatureTable, stream: pa.RecordBatch, size: int) -> F32:
    parts = [table.observe(stream.slice(at, size)).values for at in range(0, stream.num_rows, size)]
    values: F32 = np.concatenate(parts)
    return values


@settings(max_examples=40, deadline=None)
@given(stream=streams(), max_keys=st.sampled_from([3, 1000]))
def test_batch_cuts_do_not_matter(stream: pa.RecordBatch, max_keys: int) -> None:
    whole = FeatureTable(max_keys=max_keys)
    expected = whole.observe(stream).values
    assert np.isfinite(expected).all()
    for size in (1, 7, 1000):
        table = FeatureTable(max_keys=max_keys)
        np.testing.assert_allclose(observe_in_batches(table, stream, size), expected, rtol=1e-6)
        assert table.counters() == whole.counters()


@settings(max_examples=25, deadline=None)
@given(stream=streams(), cut=st.integers(0, 60), max_keys=st.sampled_from([3, 1000]))
def test_saving_and_loading_between_batches_does_not_matter(
    stream: pa.RecordBatch, cut: int, max_keys: int
) -> None:
    expected = FeatureTable(max_keys=max_keys).observe(stream).values
    first, second = FeatureTable(max_keys=max_keys), FeatureTable(max_keys=max_keys)
    parts = [first.observe(stream.slice(0, cut)).values]
    with tempfile.TemporaryDirectory() as directory:
        first.save(Path(directory))
        second.load(Path(directory))
    parts.append(second.observe(stream.slice(cut)).values)
    np.testing.assert_allclose(np.concatenate(parts), expected, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(stream=streams())
def test_reading_before_each_attempt_equals_observing_it(stream: pa.RecordBatch) -> None:
    table = FeatureTable(max_keys=1000)
    for at in range(stream.num_rows):
        event = stream.slice(at, 1)
        read = table.read(event)
        observed = table.observe(event)
        if len(observed.rows):
            np.testing.assert_array_equal(read, observed.values)


@settings(max_examples=25, deadline=None)
@given(stream=streams(), other=st.sampled_from(list(Outcome)), talk_s=st.floats(0, 1e6))
def test_what_comes_later_never_changes_an_attempt(
    stream: pa.RecordBatch, other: Outcome, talk_s: float
) -> None:
    """Every end gets another outcome; attempts before the first end must not notice."""
    rows = stream.to_pylist()
    ends = [i for i, row in enumerate(rows) if row["event"] == EventKind.END]
    for i in ends:
        rows[i] |= {"outcome": other, "duration_s": talk_s, "ring_time_s": 1.0, "final_status": 603}
    changed = pa.RecordBatch.from_pylist(rows, schema=EVENT_SCHEMA)
    a, b = FeatureTable(max_keys=1000).observe(stream), FeatureTable(max_keys=1000).observe(changed)
    before = a.rows < (ends[0] if ends else stream.num_rows)
    np.testing.assert_array_equal(a.values[before], b.values[before])


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_attempt_does_not_know_its_own_end(outcome: Outcome) -> None:
    def features(own: Outcome) -> F32:
        call = {
            "method": "INVITE",
            "call_id": "a",
            "caller": PEOPLE[0],
            "callee": PEOPLE[1],
            "source_ip": "192.0.2.1",
            "fingerprint": "00",
            "start_time_us": START_US,
        }
        rows = [
            {**call, "event": "attempt", "time_us": START_US},
            {**call, "event": "end", "time_us": START_US, "outcome": own, "ring_time_s": 1.0},
        ]
        return FeatureTable(max_keys=10).observe(pa.RecordBatch.from_pylist(rows, schema=EVENT_SCHEMA)).values

    np.testing.assert_array_equal(features(outcome), features(Outcome.ANSWERED))
