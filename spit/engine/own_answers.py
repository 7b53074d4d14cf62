"""Calls that we had refused ourselves: how they ended says nothing about their caller.

Counted like any other end, our 603 would be the callee's word, lower the caller's answer ratio, and keep a
caller blocked because it is blocked; our 607 would be a report of the callee.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spit.enforce.verdicts import CallerVerdict
from spit.records import Action, ActionKind, EventKind, Outcome

#: Calls remembered; the one noted longest ago leaves first.
MAX_CALLS = 200_000
_REFUSALS = frozenset({ActionKind.REJECT, ActionKind.DROP, ActionKind.THROTTLE})
_BLOCKS = frozenset({ActionKind.REJECT, ActionKind.DROP})
#: What an SBC that acts on a pushed verdict answers: 603 and 603+, 607, 608.
_REJECT_STATUSES = frozenset({603, 607, 608})


class OwnAnswers:
    """Knows the calls that an SBC was told to refuse, and takes the outcome off their ends. Thread-safe.

    ``held``: what was pushed of a caller, where verdicts are pushed: then nobody asks about the call.
    """

    def __init__(
        self,
        *,
        held: Callable[[str], CallerVerdict | None] = lambda _caller: None,
        max_calls: int = MAX_CALLS,
    ) -> None:
        self.held = held
        self._max_calls = max_calls
        self._calls: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._ends_masked = 0
        self._evicted = 0

    def note(self, call_id: str | None, action: Action) -> None:
        """Remember the call where ``action``, as it is carried out, refuses it."""
        refuses = action.kind in _REFUSALS and (action.sip is not None or action.kind is ActionKind.DROP)
        if call_id is None or not refuses:
            return
        with self._lock:
            self._calls[call_id] = None
            self._calls.move_to_end(call_id)
            if len(self._calls) > self._max_calls:
                self._calls.popitem(last=False)
                self._evicted += 1

    def mask(self, events: pa.RecordBatch) -> pa.RecordBatch:
        """``events`` (records.EVENT_SCHEMA) with the outcome ``incomplete`` at the ends of refused calls.

        Only calls that never rang: one that did had reached somebody, whatever was answered here. Their
        ``final_status`` stays.
        """
        found = _never_rang(events)
        at = pa.array(found, pa.int64())
        columns = [events[name].take(at).to_pylist() for name in ("call_id", "caller", "final_status")]
        with self._lock:
            noted = [call_id in self._calls for call_id in columns[0]]
        rows = [
            row
            for row, is_noted, caller, status in zip(found, noted, *columns[1:], strict=True)
            if is_noted or self._is_refused(caller, status)
        ]
        if not rows:
            return events
        outcomes = events["outcome"].to_pylist()
        for row in rows:
            outcomes[row] = Outcome.INCOMPLETE.value
        with self._lock:
            self._ends_masked += len(rows)
        index = events.schema.get_field_index("outcome")
        return events.set_column(index, events.schema.field(index), pa.array(outcomes, pa.string()))

    def counters(self) -> dict[str, int]:
        """Calls remembered and forgotten, ends whose outcome was taken off."""
        with self._lock:
            return {
                "own_answers": len(self._calls),
                "own_answers_evicted": self._evicted,
                "own_answers_masked": self._ends_masked,
            }

    def _is_refused(self, caller: str | None, status: int | None) -> bool:
        """Whether what was pushed of the caller made an SBC answer so."""
        verdict = None if caller is None or status not in _REJECT_STATUSES else self.held(caller)
        return verdict is not None and verdict.standing.action in _BLOCKS


def _never_rang(events: pa.RecordBatch) -> list[int]:
    """The rows of ends without ringing, but answered ones and those that say nothing anyhow."""
    ended = pc.equal(events["event"], EventKind.END.value)
    settled = pc.is_in(
        events["outcome"],
        value_set=pa.array([Outcome.ANSWERED, Outcome.INCOMPLETE, Outcome.REDIRECTED], pa.string()),
    )
    silent = pc.is_null(events["ring_time_s"])
    wanted = pc.and_(pc.and_(ended, silent), pc.and_not(pc.is_valid(events["outcome"]), settled))
    return [int(row) for row in np.flatnonzero(wanted.to_numpy(zero_copy_only=False))]
