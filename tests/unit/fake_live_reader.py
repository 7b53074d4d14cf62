"""``_core.LiveReader`` without a network: the same face, fed by the test."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

import pyarrow as pa

from spit.records import EVENT_SCHEMA

T0_US = 1_700_000_000_000_000


def events(*call_ids: str, **values: object) -> pa.RecordBatch:
    """An attempt per Call-ID."""
    fixed = {"event": "attempt", "method": "INVITE", "time_us": T0_US, "start_time_us": T0_US, **values}
    rows = [{**fixed, "call_id": call_id} for call_id in call_ids]
    columns = [pa.array([row.get(field.name) for row in rows], field.type) for field in EVENT_SCHEMA]
    return pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA)


class FakeLiveReader:
    """Gives what ``feed`` was given. ``opened`` holds every one made since the test cleared it."""

    opened: list[FakeLiveReader] = []  # noqa: RUF012  shared on purpose: the command makes its own

    def __init__(
        self,
        *,
        interfaces: Sequence[str] = (),
        hep: Sequence[str] = (),
        settings: dict[str, object] | None = None,
        live: dict[str, object] | None = None,
    ) -> None:
        if "nope" in interfaces:
            raise OSError("nope: no such interface")
        self.interfaces, self.hep = list(interfaces), list(hep)
        self.settings, self.live = settings or {}, live or {}
        self.started = False
        self.ended = False
        self.counts = {"kernel_received": 0, "kernel_dropped": 0, "ring_dropped": 0, "queue_dropped": 0}
        self._queue: deque[pa.RecordBatch | Exception] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        FakeLiveReader.opened.append(self)

    def hep_addresses(self) -> list[str]:
        return [f"udp:{address}" for address in self.hep]

    def start(self) -> None:
        self.started = True

    def feed(self, *batches: pa.RecordBatch | Exception) -> None:
        with self._changed:
            self._queue.extend(batches)
            self._changed.notify_all()

    def read_events(self, max_rows: int, timeout_s: float) -> pa.RecordBatch | None:
        with self._changed:
            if not self._queue and not self._stopped:
                self._changed.wait(timeout_s)
            if not self._queue:
                self.ended = self._stopped
                return None
            batch = self._queue.popleft()
        if isinstance(batch, Exception):
            raise batch
        assert batch.num_rows <= max_rows
        return batch

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def counters(self) -> dict[str, int]:
        return dict(self.counts)
