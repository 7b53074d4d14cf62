"""Events that were sent to us: kept before they are counted, counted once, counted again after a crash."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pyarrow as pa

from spit.engine.receipts import Receipts, StaleBatchError
from spit.storage.journal import Journal, Position

_log = logging.getLogger("spit.engine")


class Deliveries:
    """Numbered batches of agents on their way to ``observe``.

    ``journal``: where events are kept before they are counted; set it once what is in it has been replayed.
    ``receiving``: held while a numbered batch is applied and noted, so that a saved state has both or
    neither. ``counters`` and ``restore`` are for who holds it.
    """

    def __init__(self, observe: Callable[[pa.RecordBatch], object]) -> None:
        self._observe = observe
        self.journal: Journal | None = None
        self.receiving = threading.Lock()
        self.replaying = False
        self._receipts = Receipts()
        self._duplicates = 0

    def receive(self, events: pa.RecordBatch, agent: str | None, number: int) -> bool:
        """As ``Engine.receive``."""
        if self.journal is None:
            return self._apply(events, agent, number)
        with self.receiving:
            if self._is_duplicate(agent, number):
                return False
        return self._apply(events, agent, number, self.journal.keep(events, agent, number))

    def replay(self, journal: Journal, position: Position) -> None:
        """Count what was accepted after a state of ``position`` was saved."""
        self.replaying = True
        try:
            for entry in journal.entries(position):
                try:
                    self._apply(entry.events, entry.agent, entry.number)
                except StaleBatchError:
                    continue  # it was refused then
                except Exception:  # noqa: BLE001
                    # It raised the same when it was accepted, and its sender was told. What is left to be
                    # raised here is a defect, of whatever class: a service that stopped at it would stop at
                    # every start, and what was accepted after it would be lost.
                    _log.exception("entry %d of the journal cannot be counted", entry.sequence)
        finally:
            self.replaying = False

    def note(self, attempt: pa.RecordBatch) -> int | None:
        """Keep the attempt of a question that counts; its place in the journal, where there is one."""
        return None if self.journal is None else self.journal.note(attempt)

    def done(self, sequence: int | None) -> None:
        """What is at this place in the journal has been counted."""
        if sequence is not None and self.journal is not None:
            self.journal.applied(sequence)

    def position(self) -> Position:
        """Which entries of the journal have been counted."""
        return Position() if self.journal is None else self.journal.position()

    def counters(self) -> dict[str, int]:
        """Agents known and evicted, and batches that came twice."""
        return {
            "agents": len(self._receipts),
            "agents_evicted": self._receipts.evicted,
            "batches_duplicate": self._duplicates,
        }

    def state(self) -> object:
        """What ``restore`` needs, as JSON has it."""
        return self._receipts.state()

    def restore(self, state: object) -> None:
        """Replace what is known of applied batches. Raises InputError."""
        self._receipts.restore(state)

    def _apply(
        self, events: pa.RecordBatch, agent: str | None, number: int, sequence: int | None = None
    ) -> bool:
        with self.receiving:
            try:
                if self._is_duplicate(agent, number):
                    return False
                if events.num_rows:
                    self._observe(events)
                if agent is not None:
                    self._receipts.add(agent, number)
                return True
            finally:
                self.done(sequence)

    def _is_duplicate(self, agent: str | None, number: int) -> bool:
        if agent is None or not self._receipts.is_applied(agent, number):
            return False
        self._duplicates += 1
        return True
