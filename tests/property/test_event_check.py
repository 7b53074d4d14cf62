"""The quick look at a batch of events says the same as the search for its mistakes."""

from __future__ import annotations

import math

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from spit.records import EVENT_SCHEMA
from spit.service.event_check import LAST_TIME_S, MAX_TEXT_BYTES, WORDS, find_mistakes, is_sound

NULLABLE = pa.schema([field.with_nullable(True) for field in EVENT_SCHEMA])
LAST_US = LAST_TIME_S * 1_000_000
START_US = 1_700_000_000_000_000
ATTEMPT = {
    "event": "attempt",
    "time_us": START_US,
    "start_time_us": START_US,
    "method": "INVITE",
    "call_id": "a",
    "source_ip": "192.0.2.1",
}
END = {**ATTEMPT, "event": "end", "end_time_us": START_US, "outcome": "answered", "duration_s": 3.5}
ANSWER = {**ATTEMPT, "event": "answer"}


def batch(rows: list[dict[str, object]]) -> pa.RecordBatch:
    columns = [pa.array([row.get(field.name) for row in rows], field.type) for field in NULLABLE]
    return pa.RecordBatch.from_arrays(columns, schema=NULLABLE)


def values(field: pa.Field) -> st.SearchStrategy[object]:
    """Right ones, wrong ones and those at the edge."""
    if field.name in WORDS:
        return st.sampled_from([*WORDS[field.name], "another", ""])
    if field.type == pa.string():
        return st.sampled_from(
            ["", "a", "x" * MAX_TEXT_BYTES, "x" * (MAX_TEXT_BYTES + 1), "é" * MAX_TEXT_BYTES]
        )
    if field.name.endswith("_us"):
        return st.sampled_from([-1, 0, START_US - 1, START_US, START_US + 1, LAST_US, LAST_US + 1])
    if field.name.endswith("_s"):
        return st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 1.5, 1e300, math.inf, math.nan])
    if pa.types.is_boolean(field.type):
        return st.booleans()
    return st.integers(0, 100)


CHANGES = st.sampled_from(list(NULLABLE)).flatmap(
    lambda field: st.tuples(st.just(field.name), st.none() | values(field))
)
ROWS = st.sampled_from([ATTEMPT, ANSWER, END])


@given(
    rows=st.lists(ROWS, max_size=5),
    changes=st.lists(st.tuples(st.integers(0, 4), CHANGES), max_size=3),
    cut=st.integers(0, 2),
)
@example(rows=[ATTEMPT, END], changes=[(0, ("outcome", "answered"))], cut=0)
@example(rows=[END, ATTEMPT], changes=[(0, ("outcome", None))], cut=0)
@example(rows=[ATTEMPT, END], changes=[(1, ("start_time_us", START_US + 1))], cut=0)
def test_a_batch_is_sound_when_it_has_no_mistake(
    rows: list[dict[str, object]], changes: list[tuple[int, tuple[str, object]]], cut: int
) -> None:
    changed = [dict(row) for row in rows]
    for row, (name, value) in changes:
        if row < len(changed):
            changed[row][name] = value
    events = batch(changed)
    for part in (events, events.slice(cut)):
        assert is_sound(part) is (find_mistakes(part) == [])


def test_the_rows_that_are_changed_are_sound() -> None:
    assert is_sound(batch([ATTEMPT, ANSWER, END]))
