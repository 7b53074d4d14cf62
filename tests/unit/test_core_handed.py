"""Batches that are handed over once: rows as tuples, and rows that are not there are refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from feature_events import attempt, attempts_of, batch, end

from spit._core import Attempts, CallerSet, Events


def test_rows_are_tuples_of_python_values() -> None:
    events = Events(batch(attempt(1.0, "a"), end(2.0, "answered", None)))
    names = ["caller", "time_us", "duration_s", "duration_censored"]
    rows = events.rows(names, np.array([1, 0]))
    assert rows == [
        (None, 1_700_000_002_000_000, 100.0, False),
        ("a", 1_700_000_001_000_000, None, None),
    ]
    assert events.rows([], np.array([0])) == [()]


def test_what_is_not_there_is_refused() -> None:
    events = Events(pa.record_batch({"caller": ["a"], "bytes": pa.array([b"x"])}))
    with pytest.raises(ValueError, match="found 1"):
        events.rows(["caller"], np.array([1]))
    with pytest.raises(KeyError, match="callee"):
        events.rows(["callee"], np.array([0]))
    with pytest.raises(ValueError, match="expected strings"):
        events.rows(["bytes"], np.array([0]))
    with pytest.raises(ValueError, match="found -1"):
        Attempts(events, np.array([-1]))
    with pytest.raises(ValueError, match="a number for each event, 1, found 2"):
        Events(pa.record_batch({"caller": ["a"]}), {"x": np.zeros(2)})


def test_rows_of_callers_are_found_from_the_first_of_the_batch_on() -> None:
    callers = CallerSet(["held"])
    attempts = attempts_of(caller=["a", "b", "held", None, "a"])
    marked = np.array([False, False, False, True, True])
    found, ended = callers.find(attempts, marked, np.array([1, 0]))
    assert (found.tolist(), ended.tolist()) == ([0, 2, 4], [0])
    with pytest.raises(ValueError, match="expected 5 truths"):
        callers.find(attempts, marked[:2], np.array([0]))
    with pytest.raises(ValueError, match="found 5"):
        callers.find(attempts, marked, np.array([5]))
