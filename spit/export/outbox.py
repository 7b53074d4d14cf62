"""Collects live events into batches for the spool: one file a second, not one per handful of events."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pyarrow as pa

from spit.export.encode import MAX_BATCH_BYTES, cut_to_size, encode_events, make_acceptable
from spit.export.spool import Spool

MAX_ROWS = 8_192
MAX_AGE_S = 1.0

_log = logging.getLogger("spit.export")


class Outbox:
    """Holds at most one batch in memory: ``MAX_ROWS`` events or what came in ``MAX_AGE_S``. For one thread.

    ``clock``: seconds, monotonic.
    """

    def __init__(self, spool: Spool, *, clock: Callable[[], float]) -> None:
        self._spool = spool
        self._clock = clock
        self._held: list[pa.RecordBatch] = []
        self._rows = 0
        self._bytes = 0
        self._since_s = 0.0
        self._failing = False
        self._counts = {"events_unsendable": 0, "events_unspooled": 0}

    def take(self, events: pa.RecordBatch) -> None:
        """Add events, and spool the batch when it is full or old enough."""
        if not self._held:
            self._since_s = self._clock()
        self._held.append(events)
        self._rows += events.num_rows
        self._bytes += events.nbytes
        if self._rows >= MAX_ROWS or self._bytes >= MAX_BATCH_BYTES:
            self.flush()
        else:
            self.idle()

    def idle(self) -> None:
        """Spool the batch if it is old enough."""
        if self._held and self._clock() - self._since_s >= MAX_AGE_S:
            self.flush()

    def flush(self) -> None:
        """Spool what is held."""
        if not self._held:
            return
        table = pa.Table.from_batches(self._held).combine_chunks()
        self._held, self._rows, self._bytes = [], 0, 0
        for whole in table.to_batches():
            events = make_acceptable(whole)
            self._counts["events_unsendable"] += whole.num_rows - events.num_rows
            if events.num_rows:
                for part in cut_to_size(events):
                    self._put(part)

    def counters(self) -> dict[str, int]:
        """Events that could not be kept."""
        return dict(self._counts)

    def _put(self, events: pa.RecordBatch) -> None:
        try:
            self._spool.put(encode_events(events), events.num_rows)
        except OSError as error:
            self._counts["events_unspooled"] += events.num_rows
            if not self._failing:
                _log.error("the spool cannot be written, events are lost: %s", error)
            self._failing = True
            return
        if self._failing:
            _log.warning("the spool is written again; %d events were lost", self._counts["events_unspooled"])
        self._failing = False
