"""Call events as the body of ``POST /v1/events``: an Arrow IPC stream compressed with zstd."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

CONTENT_TYPE = "application/vnd.apache.arrow.stream"
#: A body is cut before it grows past this, far below what a scorer reads at most (service.max_events_bytes).
MAX_BATCH_BYTES = 16 * 2**20

#: The scorer refuses whole bodies for one time outside of 1970 to 2100.
_LAST_TIME_US = 4_102_444_800 * 1_000_000


def encode_events(events: pa.RecordBatch) -> bytes:
    """The body."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, events.schema, options=options) as writer:
        writer.write_batch(events)
    return bytes(sink.getvalue())


def make_acceptable(events: pa.RecordBatch) -> pa.RecordBatch:
    """``events`` as a scorer takes them, however wrong the clocks are that stamped the packets.

    A scorer applies all of a body or nothing of it, so one event with an impossible time would take its whole
    batch with it, and whoever sends HEP sets times. Events whose time is no time are left out; a call begins
    at the latest with its event; a negative span of seconds is 0.
    """
    times_us = events["time_us"].to_numpy()
    columns = {name: events[name] for name in events.schema.names}
    started_us = events["start_time_us"].to_numpy()
    if (started_us > times_us).any():
        columns["start_time_us"] = pa.array(np.minimum(started_us, times_us))
    for field in events.schema:
        if field.name.endswith("_s") and pc.any(pc.less(events[field.name], 0.0)).as_py():
            columns[field.name] = pc.max_element_wise(events[field.name], 0.0, skip_nulls=False)
    fitting = pa.RecordBatch.from_arrays(list(columns.values()), schema=events.schema)
    kept = np.ones(len(times_us), dtype=bool)
    for name in ("time_us", "start_time_us", "end_time_us"):
        column = fitting[name]
        wrong = pc.or_(pc.less(column, 0), pc.greater(column, _LAST_TIME_US))
        kept &= ~np.asarray(pc.fill_null(wrong, False))
    return fitting if kept.all() else fitting.filter(pa.array(kept))


def cut_to_size(events: pa.RecordBatch, max_bytes: int = MAX_BATCH_BYTES) -> list[pa.RecordBatch]:
    """``events`` in slices of about ``max_bytes`` at most, in order."""
    if events.num_rows <= 1 or events.nbytes <= max_bytes:
        return [events]
    half = events.num_rows // 2
    return [*cut_to_size(events.slice(0, half), max_bytes), *cut_to_size(events.slice(half), max_bytes)]
