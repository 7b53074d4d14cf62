"""Events as a recording gives them: from the beginning each time, in batches."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa


class Recorded:
    def __init__(self, events: pa.RecordBatch) -> None:
        self._events = events

    def events(self) -> Iterator[pa.RecordBatch]:
        for start in range(0, self._events.num_rows, 1000):
            yield self._events.slice(start, 1000)
