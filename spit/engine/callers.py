"""What is known of each caller: attempts, highest score, label, sources. A batch is one update of columns."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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


@dataclass(frozen=True, slots=True)
class AttemptState:
    """What was known of the caller at each row, itself included. A row without a caller: 1, 0, its time."""

    attempts: I64
    flagged_at_attempt: I64  # 0: not flagged so far
    first_seen_us: I64


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
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._evicted = 0
        self._attempts: I64 = np.empty(0, np.int64)
        self._score: F64 = np.empty(0, np.float64)
        self._label: I8 = np.empty(0, np.int8)
        self._flagged: I64 = np.empty(0, np.int64)
        self._first_us: I64 = np.empty(0, np.int64)
        self._last_us: I64 = np.empty(0, np.int64)
        self._resize(min(1024, self._max))
        self._source_ips: dict[int, tuple[str, ...]] = {}
        self._values: dict[int, F32] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def counters(self) -> dict[str, int]:
        """Callers held and evicted."""
        return {"callers": len(self._slots), "callers_evicted": self._evicted}

    def names(self) -> list[str]:
        """All callers, in no particular order."""
        return list(self._slots)

    def attempts(self, caller: str | None) -> int:
        """Attempts of a caller so far; 0 for an unknown one."""
        slot = None if caller is None else self._slots.get(caller)
        return 0 if slot is None else int(self._attempts[slot])

    def get(self, caller: str) -> CallerState | None:
        """The caller's state, None for an unknown one."""
        slot = self._slots.get(caller)
        if slot is None:
            return None
        flagged = int(self._flagged[slot])
        return CallerState(
            caller=caller,
            attempts=int(self._attempts[slot]),
            score=float(self._score[slot]),
            label=LABELS[int(self._label[slot])],
            flagged_at_attempt=flagged or None,
            first_seen_us=int(self._first_us[slot]),
            last_seen_us=int(self._last_us[slot]),
            source_ips=self._source_ips.get(slot, ()),
            values=self._values.get(slot),
        )

    def update(
        self, callers: pa.Array, times_us: I64, scores: F64, labels: I8, values: F32, source_ips: pa.Array
    ) -> AttemptState:
        """Count n attempts, in order. ``callers``, ``source_ips``: strings, null allowed; ``labels``: ranks.

        At most ``max_callers`` different callers in one call.
        """
        n = len(times_us)
        result = AttemptState(np.ones(n, np.int64), np.zeros(n, np.int64), times_us.copy())
        encoded = callers.dictionary_encode()
        known = np.flatnonzero(callers.is_valid().to_numpy(zero_copy_only=False))
        if len(known) == 0:
            return result
        codes = encoded.indices.take(pa.array(known)).to_numpy().astype(np.int64)
        slots = self._slots_of(encoded.dictionary.to_pylist())[codes]
        times, score, label = times_us[known], scores[known], labels[known]

        # Rows of one caller, together and in order: their running count and running first flag.
        order = np.argsort(codes, kind="stable")
        sorted_slots = slots[order]
        starts = np.flatnonzero(np.r_[True, sorted_slots[1:] != sorted_slots[:-1]])
        lengths = np.diff(np.r_[starts, len(order)])
        position = np.arange(len(order)) - np.repeat(starts, lengths)
        number = np.empty(len(order), np.int64)
        number[order] = self._attempts[sorted_slots] + position + 1

        touched = sorted_slots[starts]
        first_spam = np.minimum.reduceat(np.where(label[order] == SPAM_RANK, number[order], _NEVER), starts)
        flagged_at = np.where(self._flagged[touched] > 0, self._flagged[touched], first_spam)
        flagged = np.repeat(flagged_at, lengths)
        flagged[flagged > number[order]] = 0
        result.attempts[known] = number
        result.flagged_at_attempt[known[order]] = flagged
        np.minimum.at(self._first_us, slots, times)
        result.first_seen_us[known] = self._first_us[slots]

        self._attempts[touched] += lengths
        self._flagged[touched] = np.where(flagged_at == _NEVER, 0, flagged_at)
        np.maximum.at(self._last_us, slots, times)
        np.maximum.at(self._label, slots, label)
        highest = np.maximum.reduceat(score[order], starts)
        raised = highest > self._score[touched]
        self._score[touched] = np.maximum(self._score[touched], highest)
        for i in np.flatnonzero(raised):
            rows = order[starts[i] : starts[i] + lengths[i]]
            row = int(rows[int(np.argmax(score[rows]))])
            if label[row] >= SUSPECT_RANK:
                self._values[int(touched[i])] = values[known[row]].copy()
        self._add_source_ips(slots, source_ips.take(pa.array(known)))
        return result

    def _slots_of(self, names: list[str]) -> I64:
        slots = np.fromiter((self._slots.get(name, -1) for name in names), np.int64, len(names))
        missing = np.flatnonzero(slots < 0)
        surplus = len(self._slots) + len(missing) - self._max
        if surplus > 0:
            self._evict(surplus, slots[slots >= 0])
        self._grow(len(missing))
        for i in missing:
            slot = self._free.pop()
            self._slots[names[i]] = slot
            slots[i] = slot
        fresh = slots[missing]
        self._attempts[fresh] = 0
        self._score[fresh] = -1.0
        self._label[fresh] = LEGIT_RANK
        self._flagged[fresh] = 0
        self._first_us[fresh] = _NEVER
        self._last_us[fresh] = -_NEVER
        return slots

    def _evict(self, surplus: int, keep: I64) -> None:
        names = list(self._slots)
        slots = np.fromiter(self._slots.values(), np.int64, len(names))
        candidates = np.flatnonzero(~np.isin(slots, keep))
        # A sixteenth more than needed, so that the scan is paid once per many callers.
        count = min(max(surplus, self._max // 16), len(candidates))
        oldest = candidates[np.argsort(self._last_us[slots[candidates]], kind="stable")[:count]]
        for i in oldest:
            slot = self._slots.pop(names[i])
            self._source_ips.pop(slot, None)
            self._values.pop(slot, None)
            self._free.append(slot)
        self._evicted += count

    def _grow(self, needed: int) -> None:
        while len(self._free) < needed:
            self._resize(min(self._max, len(self._attempts) * 2))

    def _resize(self, size: int) -> None:
        old = len(self._attempts)
        self._attempts = np.r_[self._attempts, np.zeros(size - old, np.int64)]
        self._score = np.r_[self._score, np.zeros(size - old, np.float64)]
        self._label = np.r_[self._label, np.zeros(size - old, np.int8)]
        self._flagged = np.r_[self._flagged, np.zeros(size - old, np.int64)]
        self._first_us = np.r_[self._first_us, np.zeros(size - old, np.int64)]
        self._last_us = np.r_[self._last_us, np.zeros(size - old, np.int64)]
        self._free.extend(range(size - 1, old - 1, -1))

    def _add_source_ips(self, slots: I64, source_ips: pa.Array) -> None:
        encoded = source_ips.dictionary_encode()
        names = encoded.dictionary.to_pylist()
        if not names:
            return
        codes = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
        has = codes >= 0
        pairs, first = np.unique(slots[has] * len(names) + codes[has], return_index=True)
        for pair in pairs[np.argsort(first, kind="stable")]:
            slot, ip = int(pair) // len(names), names[int(pair) % len(names)]
            held = self._source_ips.get(slot, ())
            if len(held) < MAX_SOURCE_IPS and ip not in held:
                self._source_ips[slot] = (*held, sys.intern(ip))

    def freeze(self) -> Callable[[], pa.RecordBatch]:
        """A quick copy; the function makes it a state, whatever happens to the table since."""
        names = list(self._slots)
        slots = np.fromiter(self._slots.values(), np.int64, len(names))
        numbers = [
            column[slots]
            for column in (
                self._attempts, self._score, self._label, self._flagged, self._first_us, self._last_us
            )
        ]  # fmt: skip
        source_ips, values = dict(self._source_ips), dict(self._values)

        def state() -> pa.RecordBatch:
            held = [list(source_ips.get(slot, ())) for slot in slots.tolist()]
            rows = [None if (row := values.get(slot)) is None else row.tolist() for slot in slots.tolist()]
            columns = [
                pa.array(names, pa.string()),
                *map(pa.array, numbers),
                pa.array(held, pa.list_(pa.string())),
                pa.array(rows, pa.list_(pa.float32())),
            ]
            return pa.RecordBatch.from_arrays(columns, schema=STATE_SCHEMA)

        return state

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
        slots = self._slots_of(state["caller"].to_pylist())
        self._attempts[slots] = state["attempts"].to_numpy()
        self._score[slots] = state["score"].to_numpy()
        self._label[slots] = state["label"].to_numpy()
        self._flagged[slots] = state["flagged_at_attempt"].to_numpy()
        self._first_us[slots] = state["first_seen_us"].to_numpy()
        self._last_us[slots] = state["last_seen_us"].to_numpy()
        ips, values = state["source_ips"].to_pylist(), state["values"].to_pylist()
        for slot, held, row in zip(slots.tolist(), ips, values, strict=True):
            if held:
                self._source_ips[slot] = tuple(map(sys.intern, held))
            if row is not None:
                self._values[slot] = np.array(row, dtype=np.float32)
