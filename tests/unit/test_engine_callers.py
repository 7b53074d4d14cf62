"""The caller table: counts, sticky labels, bounds, and no trace of how attempts were cut into batches."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pytest
from feature_events import attempts_of
from hypothesis import given, settings
from hypothesis import strategies as st

from spit.engine.callers import LABELS, STATE_SCHEMA, CallerTable
from spit.errors import InputError
from spit.records import Label

Rows = list[tuple[str | None, float, str | None]]

ATTEMPTS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", None]), st.floats(0, 1), st.sampled_from(["x", "y", None])),
    max_size=30,
)


def _rank(score: float) -> int:
    return 2 if score >= 0.9 else 1 if score >= 0.5 else 0


def _update(table: CallerTable, rows: Rows, start: int) -> list[tuple[int, ...]]:
    scores = np.array([r[1] for r in rows], dtype=np.float64)
    state = table.update(
        attempts_of(
            caller=[r[0] for r in rows],
            source_ip=[r[2] for r in rows],
            call_id=[f"id{i}" for i in range(start, start + len(rows))],
        ),
        np.arange(start, start + len(rows), dtype=np.int64),
        scores,
        np.array([_rank(s) for s in scores], dtype=np.int8),
        np.arange(start, start + len(rows), dtype=np.float32).reshape(-1, 1),
    )
    columns = (state.attempts, state.flagged_at_attempt, state.first_seen_us)
    return list(zip(*(c.tolist() for c in columns), strict=True))


@dataclass
class _Plain:
    first: int
    last: int = 0
    attempts: int = 0
    score: float = -1.0
    rank: int = 0
    flagged: int = 0
    best: int | None = None
    call_ids: list[str] = field(default_factory=list)
    ips: list[str] = field(default_factory=list)


@settings(deadline=None)
@given(ATTEMPTS, st.integers(0, 30))
def test_equals_a_plain_loop_however_cut(rows: Rows, cut: int) -> None:
    table = CallerTable(max_callers=10)
    seen = _update(table, rows[:cut], 0) + _update(table, rows[cut:], min(cut, len(rows)))
    plain: dict[str, _Plain] = {}
    for at, (caller, score, ip) in enumerate(rows):
        if caller is None:
            assert seen[at] == (1, 0, at)
            continue
        c = plain.setdefault(caller, _Plain(first=at))
        c.attempts += 1
        c.last = at
        c.rank = max(c.rank, _rank(score))
        if _rank(score) == 2 and not c.flagged:
            c.flagged = c.attempts
        if score > c.score:
            c.score = score
            c.best = at if _rank(score) else c.best
        if ip and ip not in c.ips:
            c.ips.append(ip)
        assert seen[at] == (c.attempts, c.flagged, c.first)
    assert set(table.names()) == set(plain)
    for caller, c in plain.items():
        state = table.get(caller)
        assert state is not None
        assert (state.attempts, state.first_seen_us, state.last_seen_us) == (c.attempts, c.first, c.last)
        assert (state.score, state.label) == (c.score, LABELS[c.rank])
        assert state.flagged_at_attempt == (c.flagged or None)
        assert list(state.source_ips) == c.ips
        assert (None if state.values is None else state.values[0]) == c.best


def test_full_table_evicts_the_least_recently_seen_and_counts() -> None:
    table = CallerTable(max_callers=2)
    _update(table, [("a", 0.95, "x")], 0)
    _update(table, [("b", 0.1, None)], 1)
    _update(table, [("a", 0.1, None)], 2)
    _update(table, [("c", 0.1, None)], 3)
    assert sorted(table.names()) == ["a", "c"]
    assert table.counters() == {"callers": 2, "callers_evicted": 1}
    fresh = table.get("c")
    assert fresh is not None
    assert (fresh.attempts, fresh.flagged_at_attempt, fresh.source_ips, fresh.values) == (1, None, (), None)


def test_many_callers_stay_within_the_bound() -> None:
    table = CallerTable(max_callers=50)
    for start in range(0, 2000, 40):
        _update(table, [(f"n{i}", 0.6, "x") for i in range(start, start + 40)], start)
        assert len(table) <= 50
    assert set(table.names()) >= {f"n{i}" for i in range(1960, 2000)}
    assert table.counters()["callers_evicted"] == 2000 - len(table)


def test_state_survives_a_round_trip() -> None:
    table = CallerTable(max_callers=10)
    _update(table, [("a", 0.95, "x"), ("b", 0.2, None), ("a", 0.3, "y")], 0)
    other = CallerTable(max_callers=10)
    other.restore(table.state())
    for name in ("a", "b"):
        before, after = table.get(name), other.get(name)
        assert repr(before) == repr(after)
    assert _update(other, [("a", 0.99, None)], 5) == [(3, 1, 0)]
    state = other.get("a")
    assert state is not None
    assert state.label is Label.SPAM


@pytest.mark.parametrize("count", [0, 1, 4, 9])
def test_a_state_is_the_same_however_it_is_sliced(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    table = CallerTable(max_callers=100)
    rows: Rows = [(f"c{i}", 0.95 if i % 3 == 0 else 0.1, f"10.0.0.{i}") for i in range(count)]
    for start, row in enumerate(rows):
        _update(table, [row, row], 2 * start)
    whole = table.state()
    monkeypatch.setattr("spit.engine.callers._CALLERS_AT_ONCE", 4)
    assert whole.num_rows == count
    assert table.state().equals(whole)
    restored = CallerTable(max_callers=100)
    restored.restore(table.state())
    assert sorted(restored.names()) == sorted(table.names())


def test_restore_into_a_smaller_table_keeps_the_recent_ones() -> None:
    table = CallerTable(max_callers=10)
    _update(table, [(name, 0.2, None) for name in "abc"], 0)
    small = CallerTable(max_callers=2)
    small.restore(table.state())
    assert sorted(small.names()) == ["b", "c"]
    assert small.counters() == {"callers": 2, "callers_evicted": 1}


def test_the_first_eight_sources_are_kept_and_stale_ones_forgotten() -> None:
    table = CallerTable(max_callers=2)
    for start in range(0, 12_000, 2000):
        _update(table, [("a", 0.1, f"ip{i}") for i in range(start, start + 2000)], start)
    state = table.get("a")
    assert state is not None
    assert state.source_ips == tuple(f"ip{i}" for i in range(8))
    _update(table, [("a", 0.1, "new"), ("b", 0.1, "ip3"), ("b", 0.1, "new")], 12_000)
    other = table.get("b")
    assert other is not None
    assert other.source_ips == ("ip3", "new")


def test_restore_refuses_other_columns() -> None:
    with pytest.raises(InputError, match="expected columns"):
        CallerTable(max_callers=2).restore(pa.record_batch({"caller": ["a"]}))


def test_a_state_of_columns_is_read_and_written_as_it_was() -> None:
    rows = [
        {
            "caller": "a",
            "attempts": 7,
            "score": 0.95,
            "label": 2,
            "flagged_at_attempt": 3,
            "first_seen_us": 5,
            "last_seen_us": 90,
            "source_ips": ["192.0.2.1", "2001:db8::1"],
            "call_ids": ["one", "two"],
            "values": [0.5, 1.5],
        },
        {
            "caller": "b",
            "attempts": 1,
            "score": 0.25,
            "label": 0,
            "flagged_at_attempt": 0,
            "first_seen_us": 60,
            "last_seen_us": 60,
            "source_ips": [],
            "call_ids": [],
            "values": None,
        },
    ]
    state = pa.RecordBatch.from_pylist(rows, schema=STATE_SCHEMA)
    table = CallerTable(max_callers=10)
    table.restore(state)
    assert table.state().equals(state)
    attempts, call_ids, values = table.seen("a")
    assert (attempts, call_ids) == (7, ("one", "two"))
    assert values is not None
    assert values.tolist() == [0.5, 1.5]
    assert table.seen("b") == (1, (), None)
    assert table.seen("c") == (0, (), None)
    columns = table.columns(["b", "c", "a"])
    assert columns.callers.to_pylist() == ["b", "a"]
    assert columns.values_at.tolist() == [1]
