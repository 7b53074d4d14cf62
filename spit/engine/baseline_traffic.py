"""Call events as the baselines read them: columns, and what a caller did within a window. Vectorised.

Kept apart from ``spit.features`` on purpose: a baseline that shared the features' code would share their
mistakes. Exact sliding windows here, exponential decay there.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spit.records import EventKind, Outcome

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_US = 1_000_000
#: Outcomes that are told apart; the others only count as ended.
_REFUSED = (Outcome.DECLINED, Outcome.UNWANTED)


class Keyed:
    """Rows by key and time; answers what the rows of a key add up to before a moment."""

    def __init__(self, keys: I64, times_us: I64) -> None:
        self.order = np.lexsort((np.arange(len(keys)), times_us, keys))
        self._from_us = int(times_us.min()) if len(times_us) else 0
        self._span = (int(times_us.max()) - self._from_us if len(times_us) else 0) + 2
        self._rows = self._place(keys[self.order], times_us[self.order])

    def _place(self, keys: I64, times_us: I64) -> I64:
        """One number that orders by key, then by time; times outside of the rows' own are held to them."""
        place: I64 = keys * self._span + np.clip(times_us - self._from_us, -1, self._span - 2) + 1
        return place

    def total(self, values: F64, keys: I64, times_us: I64, window_s: float | None = None) -> F64:
        """float64[q]: sum of ``values`` of the rows with that key, at or before that time, in the window."""
        sums = np.r_[0.0, np.cumsum(values[self.order])]
        before = np.searchsorted(self._rows, self._place(keys, times_us), side="right")
        if window_s is None:
            since_us = np.full_like(times_us, self._from_us - 1)
        else:
            since_us = times_us - round(window_s * _US)
        begin = np.searchsorted(self._rows, self._place(keys, since_us), side="right")
        return np.asarray(sums[before] - sums[begin], dtype=np.float64)

    def latest(self, values: F64, keys: I64, times_us: I64, unknown: float) -> F64:
        """float64[q]: the value of the key's last row at or before that time."""
        at = np.searchsorted(self._rows, self._place(keys, times_us), side="right") - 1
        begin = np.searchsorted(self._rows, keys * self._span, side="left")
        known = at >= begin
        return (
            np.where(known, values[self.order][np.maximum(at, 0)], unknown)
            if len(values)
            else np.full(len(keys), unknown)
        )


class Traffic:
    """The n attempts of one capture in their order, and its ended calls. Callers are numbers from 0."""

    def __init__(self, events: pa.RecordBatch) -> None:
        is_attempt = pc.equal(events["event"], EventKind.ATTEMPT.value)
        is_end = pc.equal(events["event"], EventKind.END.value)
        codes = {name: _codes(events[name]) for name in ("caller", "callee", "source_ip")}
        attempts, ends = (np.flatnonzero(m.to_numpy(zero_copy_only=False)) for m in (is_attempt, is_end))
        times_us = events["time_us"].to_numpy()
        self.times_us: I64 = times_us[attempts]
        self.caller: I64 = codes["caller"][attempts]
        self.callee: I64 = codes["callee"][attempts]
        self.source: I64 = codes["source_ip"][attempts]
        self.callee_number = _numbers(events["callee"])[attempts]
        self.end_caller: I64 = codes["caller"][ends]
        self._end_times_us: I64 = times_us[ends]
        end_rows = pa.array(ends)
        outcome = events["outcome"].take(end_rows)
        self.is_outcome = {
            kind: pc.equal(outcome, kind.value).fill_null(False).to_numpy(zero_copy_only=False)
            for kind in Outcome
        }
        self.duration_s: F64 = _floats(events["duration_s"].take(end_rows))
        self.ring_s: F64 = _floats(events["ring_time_s"].take(end_rows))
        self.hung_up_by_callee = (
            pc.equal(events["hangup_by"].take(end_rows), "callee")
            .fill_null(False)
            .to_numpy(zero_copy_only=False)
        )

    def __len__(self) -> int:
        return len(self.times_us)

    @cached_property
    def _by_caller(self) -> Keyed:
        return Keyed(self.caller, self.times_us)

    @cached_property
    def _by_source(self) -> Keyed:
        return Keyed(self.source, self.times_us)

    @cached_property
    def _ends(self) -> Keyed:
        return Keyed(self.end_caller, self._end_times_us)

    def attempts(self, window_s: float | None, *, by_source: bool = False) -> F64:
        """float64[n]: attempts of the caller (or from the source) in the window, this one included."""
        keyed, keys = (self._by_source, self.source) if by_source else (self._by_caller, self.caller)
        return keyed.total(np.ones(len(self)), keys, self.times_us, window_s)

    def attempted(self, values: npt.NDArray[np.generic], window_s: float | None) -> F64:
        """float64[n]: sum of a value per attempt over the caller's attempts in the window, this included."""
        return self._by_caller.total(values.astype(np.float64), self.caller, self.times_us, window_s)

    def ended(self, values: npt.NDArray[np.generic] | None, window_s: float | None) -> F64:
        """float64[n]: sum of a value per ended call (None: 1 each) over what was known at the attempt."""
        added = np.ones(len(self.end_caller)) if values is None else values.astype(np.float64)
        return self._ends.total(added, self.caller, self.times_us, window_s)

    def longest_call_s(self) -> F64:
        """float64[n]: the longest finished call of the caller so far; 0 without one."""
        order = self._ends.order
        highest = np.empty(len(order))
        highest[order] = _running_maximum(self.end_caller[order], np.nan_to_num(self.duration_s[order]))
        return self._ends.latest(highest, self.caller, self.times_us, 0.0)

    @cached_property
    def first_contact(self) -> Bools:
        """bool[n]: whether the caller had never called this callee before."""
        _, first = np.unique(
            self.caller * (int(self.callee.max(initial=0)) + 1) + self.callee, return_index=True
        )
        found = np.zeros(len(self), np.bool_)
        found[first] = True
        return found

    @cached_property
    def previous(self) -> I64:
        """int64[n]: row of the caller's attempt before, -1 for its first."""
        order = self._by_caller.order
        found = np.full(len(self), -1, np.int64)
        same = self.caller[order[1:]] == self.caller[order[:-1]]
        found[order[1:][same]] = order[:-1][same]
        return found

    def gap_s(self) -> F64:
        """float64[n]: seconds since the caller's attempt before, NaN for its first."""
        gap = (self.times_us - self.times_us[self.previous]) / _US
        return np.where(self.previous >= 0, gap, np.nan)

    def consecutive(self) -> F64:
        """float64[n]: calls of the caller in a row to this same callee, this one included."""
        order = self._by_caller.order
        caller, callee = self.caller[order], self.callee[order]
        position = np.arange(len(order))
        changed = np.r_[True, (caller[1:] != caller[:-1]) | (callee[1:] != callee[:-1])]
        began = np.maximum.accumulate(np.where(changed, position, 0)) if len(order) else position
        run = np.empty(len(order))
        run[order] = position - began + 1
        return run

    @cached_property
    def fraud_counters(self) -> F64:
        """float64[5, n]: calls per minute, in a day, concurrent, in a row to one callee, longest call (s)."""
        return np.stack(
            [
                self.attempts(60.0),
                self.attempts(86_400.0),
                self.attempts(None) - self.ended(None, None),
                self.consecutive(),
                self.longest_call_s(),
            ]
        )

    def level(self, leak_per_s: float) -> F64:
        """float64[n]: a bucket per caller that every attempt adds 1 to and that leaks at this rate."""
        order = self._by_caller.order
        if len(order) == 0:
            return np.empty(0)
        caller, times_s = self.caller[order], self.times_us[order] / _US
        starts = np.r_[True, caller[1:] != caller[:-1]]
        leaked = np.where(starts, 0.0, np.r_[0.0, np.diff(times_s)] * leak_per_s)
        walk = np.cumsum(1.0 - leaked)
        # A bucket never falls below empty: subtract the lowest that the walk stood at before this attempt.
        before = walk - 1.0
        group = np.cumsum(starts) - 1
        drop = float(np.abs(walk).max()) * 2.0 + 1.0
        lowest = np.minimum.accumulate(before - group * drop) + group * drop
        filled = np.empty(len(order))
        filled[order] = walk - lowest
        return filled


def refused(traffic: Traffic) -> Bools:
    """bool[ends]: ended calls that the callee refused."""
    found: Bools = np.logical_or.reduce([traffic.is_outcome[kind] for kind in _REFUSED])
    return found


def _running_maximum(keys: I64, values: F64) -> F64:
    """Rows of one key together: the highest value of the key so far."""
    if len(keys) == 0:
        return values
    group = np.cumsum(np.r_[True, keys[1:] != keys[:-1]]) - 1
    step = float(values.max()) + 1.0
    return np.asarray(np.maximum.accumulate(values + group * step) - group * step, dtype=np.float64)


def _codes(column: pa.Array) -> I64:
    encoded = pc.dictionary_encode(column, null_encoding="encode")
    codes: I64 = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _numbers(column: pa.Array) -> F64:
    """Canonical E.164 numbers as float64, NaN for other identities."""
    encoded = pc.dictionary_encode(column, null_encoding="encode")
    values = [
        float(text[1:]) if text is not None and text[:1] == "+" and text[1:].isdecimal() else np.nan
        for text in encoded.dictionary.to_pylist()
    ]
    numbers = np.array(values, dtype=np.float64)
    return np.asarray(numbers[encoded.indices.to_numpy(zero_copy_only=False)], dtype=np.float64)


def _floats(column: pa.Array) -> F64:
    values: F64 = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return values
