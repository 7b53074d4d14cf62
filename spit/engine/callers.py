"""What is known of each caller: attempts, highest score, label, sources. A batch is one update of columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spit import _core
from spit._core import MAX_CALL_IDS as MAX_CALL_IDS
from spit._core import MAX_SOURCE_IPS as MAX_SOURCE_IPS
from spit.errors import InputError
from spit.records import Label

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
I8 = npt.NDArray[np.int8]

#: Labels in rising order; columns hold the position.
LABELS: tuple[Label, ...] = (Label.LEGIT, Label.SUSPECT, Label.SPAM)
LEGIT_RANK, SUSPECT_RANK, SPAM_RANK = range(3)

#: Callers copied at a time for a saved state: less than a millisecond.
_CALLERS_AT_ONCE = 8192

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
        self._held = _core.Callers(max_callers)

    def __len__(self) -> int:
        return len(self._held)

    def counters(self) -> dict[str, int]:
        """Callers held and evicted."""
        return {"callers": len(self._held), "callers_evicted": self._held.evicted}

    def names(self) -> list[str]:
        """All callers, in no particular order."""
        names: list[str] = self.state()["caller"].to_pylist()
        return names

    def attempts(self, caller: str | None) -> int:
        """Attempts of a caller so far; 0 for an unknown one."""
        return self.seen(caller)[0]

    def seen(self, caller: str | None) -> tuple[int, tuple[str, ...], F32 | None]:
        """Attempts of a caller so far, the Call-IDs kept of it, and float32[F] of its highest score, None
        below suspect; (0, (), None) for an unknown one.
        """
        found = None if caller is None else self._held.seen(caller)
        return (0, (), None) if found is None else found

    def get(self, caller: str) -> CallerState | None:
        """The caller's state, None for an unknown one."""
        row = next(iter(self._state_of(self._held.slots([caller])).to_pylist()), None)
        if row is None:
            return None
        values = row["values"]
        return CallerState(
            **row
            | {
                "label": LABELS[row["label"]],
                "flagged_at_attempt": row["flagged_at_attempt"] or None,
                "source_ips": tuple(row["source_ips"]),
                "call_ids": tuple(row["call_ids"]),
                "values": None if values is None else np.array(values, np.float32),
            }
        )

    def columns(self, callers: Sequence[str] | None = None) -> CallerColumns:
        """Those of these callers that are known; all when None. In no particular order."""
        state = self._state_of(self._held.slots(callers))
        values = state["values"]
        values_at = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
        flat = values.flatten().to_numpy()
        return CallerColumns(
            callers=state["caller"],
            attempts=state["attempts"].to_numpy(),
            score=state["score"].to_numpy(),
            label=state["label"].to_numpy(),
            flagged_at_attempt=state["flagged_at_attempt"].to_numpy(),
            first_seen_us=state["first_seen_us"].to_numpy(),
            last_seen_us=state["last_seen_us"].to_numpy(),
            source_ips=state["source_ips"],
            call_ids=state["call_ids"],
            values=flat.reshape(len(values_at), -1) if len(values_at) else np.empty((0, 0), np.float32),
            values_at=values_at,
        )

    def update(
        self, attempts: _core.Attempts, times_us: I64, scores: F64, labels: I8, values: F32
    ) -> AttemptState:
        """Count n attempts, one after another. ``labels``: ranks; ``values``: float32[n, F]."""
        return AttemptState(*self._held.update(attempts, times_us, scores, labels, values))

    def freeze(self) -> Callable[[], pa.RecordBatch]:
        """A quick copy; the function makes it a state, whatever happens to the table since.

        In slices: a question waits until a call into Rust has the interpreter back.
        """
        slots = self._held.slots()
        starts = range(0, len(slots), _CALLERS_AT_ONCE)
        held = [self._state_of(slots[start : start + _CALLERS_AT_ONCE]) for start in starts]
        return lambda: _joined(held)

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
        self._held = _core.Callers(self._max)
        self._held.restore(state, max(surplus, 0))

    def _state_of(self, slots: I64) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays(self._held.state(slots).columns, schema=STATE_SCHEMA)


def _joined(states: list[pa.RecordBatch]) -> pa.RecordBatch:
    """One state of those of some of the callers each."""
    batches = pa.Table.from_batches(states, STATE_SCHEMA).combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=STATE_SCHEMA)
