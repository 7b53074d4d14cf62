"""What is known of each caller: attempts, highest score, label, sources. A batch is one update of columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spit._core import Names
from spit.errors import InputError
from spit.records import Label

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
I8 = npt.NDArray[np.int8]

#: Labels in rising order; columns hold the position.
LABELS: tuple[Label, ...] = (Label.LEGIT, Label.SUSPECT, Label.SPAM)
LEGIT_RANK, SUSPECT_RANK, SPAM_RANK = range(3)

MAX_SOURCE_IPS = 8
#: Call-IDs kept of each caller: those of its first attempts that were labelled.
MAX_CALL_IDS = 5
#: Addresses held before those that no caller has any more are looked for.
_MIN_SWEEP_IPS = 4096
#: Callers copied at a time for a saved state: less than a millisecond.
_CALLERS_AT_ONCE = 8192
_NEVER = np.iinfo(np.int64).max

STATE_SCHEMA = pa.schema(
    [
        pa.field("caller", pa.string(), nullable=False),
        pa.field("attempts", pa.int64(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("label", pa.int8(), nullable=False),
        pa.field("flagged_at_attempt", pa.int64(), nullable=False),  # 0: never
        pa.field("first_seen_us", pa.int64(), nullable=False),
        pa.field("last_seen_us", pa.int64(), nullable=False),
        pa.field("source_ips", pa.list_(pa.string()), nullable=False),
        pa.field("call_ids", pa.list_(pa.string()), nullable=False),
        pa.field("values", pa.list_(pa.float32())),  # of the attempt with the highest score
    ]
)


@dataclass(frozen=True, slots=True)
class CallerState:
    """One caller. ``values``: float32[F] of the attempt with the highest score, None below suspect."""

    caller: str
    attempts: int
    score: float
    label: Label
    flagged_at_attempt: int | None
    first_seen_us: int
    last_seen_us: int
    source_ips: tuple[str, ...]
    values: F32 | None
    call_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AttemptState:
    """What was known of the caller at each row, itself included. A row without a caller: 1, 0, its time.

    ``call_ids``: by row, of the labelled rows: the caller's labelled attempts so far, the first few.
    """

    attempts: I64
    flagged_at_attempt: I64  # 0: not flagged so far
    first_seen_us: I64
    call_ids: dict[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class CallerColumns:
    """n callers in columns. ``values``: float32[k, F], of the callers at the k positions ``values_at``."""

    callers: pa.Array
    attempts: I64
    score: F64
    label: I8
    flagged_at_attempt: I64  # 0: never
    first_seen_us: I64
    last_seen_us: I64
    source_ips: pa.ListArray
    call_ids: pa.ListArray
    values: F32
    values_at: I64


class CallerTable:
    """At most ``max_callers`` callers; when full, those seen least recently (by event time) leave first.

    Not thread-safe: the engine holds its lock.
    """

    def __init__(self, *, max_callers: int) -> None:
        if max_callers < 1:
            raise ValueError(f"expected max_callers >= 1, found {max_callers}")
        self._max = max_callers
        self._clear()

    def _clear(self) -> None:
        self._names, self._ips = Names(), Names()
        self._evicted = 0
        self._attempts: I64 = np.empty(0, np.int64)
        self._score: F64 = np.empty(0, np.float64)
        self._label: I8 = np.empty(0, np.int8)
        self._flagged: I64 = np.empty(0, np.int64)
        self._first_us: I64 = np.empty(0, np.int64)
        self._last_us: I64 = np.empty(0, np.int64)
        #: Slots in ``_ips``, in the order seen; -1 where there is none. Rows of no caller mean nothing.
        self._source_ips: I64 = np.empty((0, MAX_SOURCE_IPS), np.int64)
        self._sweep_at = _MIN_SWEEP_IPS
        self._values: dict[int, F32] = {}
        self._call_ids: dict[int, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._names)

    def counters(self) -> dict[str, int]:
        """Callers held and evicted."""
        return {"callers": len(self._names), "callers_evicted": self._evicted}

    def names(self) -> list[str]:
        """All callers, in no particular order."""
        names: list[str] = self._names.names(self._names.slots()).to_pylist()
        return names

    def attempts(self, caller: str | None) -> int:
        """Attempts of a caller so far; 0 for an unknown one."""
        slot = None if caller is None else self._names.slot(caller)
        return 0 if slot is None else int(self._attempts[slot])

    def seen(self, caller: str | None) -> tuple[int, tuple[str, ...], F32 | None]:
        """Attempts of a caller so far, the Call-IDs kept of it, and float32[F] of its highest score, None
        below suspect; (0, (), None) for an unknown one.
        """
        slot = None if caller is None else self._names.slot(caller)
        if slot is None:
            return 0, (), None
        return int(self._attempts[slot]), self._call_ids.get(slot, ()), self._values.get(slot)

    def get(self, caller: str) -> CallerState | None:
        """The caller's state, None for an unknown one."""
        slot = self._names.slot(caller)
        if slot is None:
            return None
        flagged, ips = int(self._flagged[slot]), self._source_ips[slot]
        return CallerState(
            caller=caller,
            attempts=int(self._attempts[slot]),
            score=float(self._score[slot]),
            label=LABELS[int(self._label[slot])],
            flagged_at_attempt=flagged or None,
            first_seen_us=int(self._first_us[slot]),
            last_seen_us=int(self._last_us[slot]),
            source_ips=tuple(self._ips.names(ips[ips >= 0]).to_pylist()),
            values=self._values.get(slot),
            call_ids=self._call_ids.get(slot, ()),
        )

    def columns(self, callers: Sequence[str] | None = None) -> CallerColumns:
        """Those of these callers that are known; all when None. In no particular order."""
        if callers is None:
            slots = self._names.slots()
        else:
            found = (self._names.slot(caller) for caller in callers)
            slots = np.array([slot for slot in found if slot is not None], np.int64)
        return self._columns_of(slots)

    def _columns_of(self, slots: I64) -> CallerColumns:
        ips = self._source_ips[slots]
        held = ips >= 0
        numbers = slots.tolist()
        values_at = [at for at, slot in enumerate(numbers) if slot in self._values]
        values = [self._values[numbers[at]] for at in values_at]
        return CallerColumns(
            callers=self._names.names(slots),
            attempts=self._attempts[slots],
            score=self._score[slots],
            label=self._label[slots],
            flagged_at_attempt=self._flagged[slots],
            first_seen_us=self._first_us[slots],
            last_seen_us=self._last_us[slots],
            source_ips=pa.ListArray.from_arrays(_offsets(held.sum(axis=1)), self._ips.names(ips[held])),
            call_ids=self._call_ids_of(slots),
            values=np.stack(values) if values else np.empty((0, 0), np.float32),
            values_at=np.array(values_at, np.int64),
        )

    def _call_ids_of(self, slots: I64) -> pa.ListArray:
        lengths = np.zeros(len(slots), np.int64)
        held = np.flatnonzero(np.isin(slots, np.fromiter(self._call_ids, np.int64, len(self._call_ids))))
        rows = [self._call_ids[slot] for slot in slots[held].tolist()]
        lengths[held] = [len(row) for row in rows]
        return pa.ListArray.from_arrays(
            _offsets(lengths), pa.array([name for row in rows for name in row], pa.string())
        )

    def update(
        self,
        callers: pa.Array,
        times_us: I64,
        scores: F64,
        labels: I8,
        values: F32,
        source_ips: pa.Array,
        call_ids: pa.Array,
    ) -> AttemptState:
        """Count n attempts, in order. ``callers``, ``source_ips``: strings, null allowed; ``labels``: ranks.

        At most ``max_callers`` different callers in one call.
        """
        n = len(times_us)
        result = AttemptState(np.ones(n, np.int64), np.zeros(n, np.int64), times_us.copy(), {})
        row_slots = self._slots_of(callers)
        known = np.flatnonzero(row_slots >= 0)
        if len(known) == 0:
            return result

        # Rows of one caller, together and in order: their running count and running first flag.
        rows = known[np.argsort(row_slots[known], kind="stable")]
        slots, times, score, label = row_slots[rows], times_us[rows], scores[rows], labels[rows]
        starts = np.flatnonzero(np.r_[True, slots[1:] != slots[:-1]])
        lengths = np.diff(np.r_[starts, len(rows)])
        position = np.arange(len(rows))
        number = self._attempts[slots] + position - np.repeat(starts, lengths) + 1

        touched = slots[starts]
        first_spam = np.minimum.reduceat(np.where(label == SPAM_RANK, number, _NEVER), starts)
        flagged_at = np.where(self._flagged[touched] > 0, self._flagged[touched], first_spam)
        flagged = np.repeat(flagged_at, lengths)
        flagged[flagged > number] = 0
        first_us = np.minimum(self._first_us[touched], np.minimum.reduceat(times, starts))
        result.attempts[rows] = number
        result.flagged_at_attempt[rows] = flagged
        result.first_seen_us[rows] = np.repeat(first_us, lengths)

        self._attempts[touched] += lengths
        self._flagged[touched] = np.where(flagged_at == _NEVER, 0, flagged_at)
        self._first_us[touched] = first_us
        self._last_us[touched] = np.maximum(self._last_us[touched], np.maximum.reduceat(times, starts))
        self._label[touched] = np.maximum(self._label[touched], np.maximum.reduceat(label, starts))
        highest = np.maximum.reduceat(score, starts)
        raised = np.flatnonzero(highest > self._score[touched])
        self._score[touched] = np.maximum(self._score[touched], highest)
        is_highest = score == np.repeat(highest, lengths)
        best = np.minimum.reduceat(np.where(is_highest, position, len(rows)), starts)[raised]
        telling = label[best] >= SUSPECT_RANK
        for slot, at in zip(touched[raised[telling]].tolist(), best[telling].tolist(), strict=True):
            self._values[slot] = values[rows[at]].copy()
        self._add_source_ips(row_slots, source_ips)
        self._add_call_ids(row_slots, labels, call_ids, result.call_ids)
        return result

    def _slots_of(self, callers: pa.Array) -> I64:
        """The slot of each row's caller, -1 where there is none; new callers have seen nothing."""
        slots, fresh = self._names.claim(callers)
        if len(fresh) == 0:
            return slots
        self._reserve(int(fresh.max()) + 1)
        self._attempts[fresh] = 0
        self._score[fresh] = -1.0
        self._label[fresh] = LEGIT_RANK
        self._flagged[fresh] = 0
        self._first_us[fresh] = _NEVER
        self._last_us[fresh] = -_NEVER
        self._source_ips[fresh] = -1
        surplus = len(self._names) - self._max
        if surplus > 0:
            self._evict(surplus, slots)
        return slots

    def _evict(self, surplus: int, keep: I64) -> None:
        slots = self._names.slots()
        candidates = slots[~np.isin(slots, keep)]
        # A sixteenth more than needed, so that the scan is paid once per many callers.
        count = min(max(surplus, self._max // 16), len(candidates))
        oldest = candidates[np.argsort(self._last_us[candidates], kind="stable")[:count]]
        self._names.release(oldest)
        self._source_ips[oldest] = -1
        if self._values:
            for slot in oldest.tolist():
                self._values.pop(slot, None)
                self._call_ids.pop(slot, None)
        self._evicted += count

    def _reserve(self, size: int) -> None:
        old = len(self._attempts)
        if size <= old:
            return
        size = max(size, 2 * old, 1024)
        self._attempts = _grown(self._attempts, size)
        self._score = _grown(self._score, size)
        self._label = _grown(self._label, size)
        self._flagged = _grown(self._flagged, size)
        self._first_us = _grown(self._first_us, size)
        self._last_us = _grown(self._last_us, size)
        self._source_ips = _grown(self._source_ips, size)

    def _add_source_ips(self, row_slots: I64, source_ips: pa.Array) -> None:
        """The first MAX_SOURCE_IPS different addresses of each caller, in the order seen."""
        row_ips, fresh = self._ips.claim(source_ips)
        rows = np.flatnonzero((row_slots >= 0) & (row_ips >= 0))
        pairs, first = np.unique(row_slots[rows] << 32 | row_ips[rows], return_index=True)
        slots, ips = pairs >> 32, pairs & 0xFFFF_FFFF
        new = ~(self._source_ips[slots] == ips[:, np.newaxis]).any(axis=1)
        slots, ips, first = slots[new], ips[new], first[new]
        order = np.lexsort((first, slots))
        slots, ips = slots[order], ips[order]
        _, starts, lengths = np.unique(slots, return_index=True, return_counts=True)
        at = (self._source_ips[slots] >= 0).sum(axis=1) + np.arange(len(slots)) - np.repeat(starts, lengths)
        fits = at < MAX_SOURCE_IPS
        self._source_ips[slots[fits], at[fits]] = ips[fits]
        if len(fresh) and len(self._ips) > self._sweep_at:
            self._sweep_ips()

    def _add_call_ids(
        self, row_slots: I64, labels: I8, call_ids: pa.Array, found: dict[int, tuple[str, ...]]
    ) -> None:
        """The first MAX_CALL_IDS labelled attempts of each caller; what was held at each labelled row."""
        rows = np.flatnonzero((row_slots >= 0) & (labels >= SUSPECT_RANK))
        for row, slot in zip(rows.tolist(), row_slots[rows].tolist(), strict=True):
            name = call_ids[row].as_py()
            held = self._call_ids.get(slot, ())
            if len(held) < MAX_CALL_IDS and name is not None and name not in held:
                held = self._call_ids[slot] = (*held, name)
            found[row] = held

    def _sweep_ips(self) -> None:
        """Forget the addresses that no caller has: what leaves with its caller, and what found no room."""
        held = self._ips.slots()
        self._ips.release(held[~np.isin(held, self._source_ips[self._names.slots()])])
        self._sweep_at = max(_MIN_SWEEP_IPS, 2 * len(self._ips))

    def freeze(self) -> Callable[[], pa.RecordBatch]:
        """A quick copy; the function makes it a state, whatever happens to the table since.

        In slices: a question waits until numpy, Arrow or a call into Rust gives up the interpreter.
        """
        slots = self._names.slots()
        starts = range(0, len(slots), _CALLERS_AT_ONCE)
        held = [self._columns_of(slots[start : start + _CALLERS_AT_ONCE]) for start in starts]
        return lambda: _joined([_state_of(part) for part in held])

    def state(self) -> pa.RecordBatch:
        """Everything that ``restore`` needs (STATE_SCHEMA)."""
        return self.freeze()()

    def restore(self, state: pa.RecordBatch) -> None:
        """Replace all callers by a saved state; the most recent ones when it holds more than ``max_callers``.

        Raises InputError when the columns are not those of STATE_SCHEMA.
        """
        if not state.schema.equals(STATE_SCHEMA):
            raise InputError(
                f"caller state: expected columns {STATE_SCHEMA.names}, found {state.schema.names}"
            )
        surplus = state.num_rows - self._max
        if surplus > 0:
            by_age = np.argsort(state["last_seen_us"].to_numpy(), kind="stable")
            state = state.take(pa.array(by_age[surplus:]))
        self._clear()
        self._evicted = max(surplus, 0)
        slots = self._slots_of(state["caller"])
        self._attempts[slots] = state["attempts"].to_numpy()
        self._score[slots] = state["score"].to_numpy()
        self._label[slots] = state["label"].to_numpy()
        self._flagged[slots] = state["flagged_at_attempt"].to_numpy()
        self._first_us[slots] = state["first_seen_us"].to_numpy()
        self._last_us[slots] = state["last_seen_us"].to_numpy()
        self._add_source_ips(np.repeat(slots, _lengths(state["source_ips"])), state["source_ips"].flatten())
        for slot, names in zip(slots.tolist(), state["call_ids"].to_pylist(), strict=True):
            if names:
                self._call_ids[slot] = tuple(names)
        rows = state["values"].is_valid().to_numpy(zero_copy_only=False)
        for slot, row in zip(slots[rows].tolist(), state["values"].filter(pa.array(rows)), strict=True):
            self._values[slot] = row.values.to_numpy().copy()


def _grown(column: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
    """A copy with more rows: zeros that take no memory, nor the time to write it, until they are used."""
    grown = np.zeros((rows, *column.shape[1:]), column.dtype)
    grown[: len(column)] = column
    return grown


def _offsets(lengths: I64) -> pa.Array:
    """Where the lists of these lengths begin and end."""
    return pa.array(np.r_[0, np.cumsum(lengths)], pa.int32())


def _lengths(lists: pa.ListArray) -> I64:
    lengths: I64 = pc.list_value_length(lists).fill_null(0).to_numpy().astype(np.int64)
    return lengths


def _joined(states: list[pa.RecordBatch]) -> pa.RecordBatch:
    """One state of those of some of the callers each."""
    batches = pa.Table.from_batches(states, STATE_SCHEMA).combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=STATE_SCHEMA)


def _state_of(held: CallerColumns) -> pa.RecordBatch:
    n, width = len(held.callers), held.values.shape[1]
    without = np.ones(n, np.bool_)
    without[held.values_at] = False
    values = pa.ListArray.from_arrays(
        _offsets(np.where(without, 0, width)),
        pa.array(held.values.ravel(), pa.float32()),
        mask=pa.array(without),
    )
    columns = [
        held.callers,
        pa.array(held.attempts),
        pa.array(held.score),
        pa.array(held.label),
        pa.array(held.flagged_at_attempt),
        pa.array(held.first_seen_us),
        pa.array(held.last_seen_us),
        held.source_ips,
        held.call_ids,
        values,
    ]
    return pa.RecordBatch.from_arrays(columns, schema=STATE_SCHEMA)
