"""Live events from a source to whoever takes them, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

import pyarrow as pa

from spit.capture.live import LiveSource
from spit.engine.capture_metrics import capture_samples
from spit.engine.drops import DropWatch
from spit.export.prometheus import Sample

MAX_ROWS = 8_192
_READ_TIMEOUT_S = 0.2
_LOOK_S = 1.0

_log = logging.getLogger("spit.live")


class EventSink(Protocol):
    """Takes the events of a live capture; called from one thread."""

    def take(self, events: pa.RecordBatch) -> None:
        """One batch (records.EVENT_SCHEMA), in order."""

    def idle(self) -> None:
        """Nothing came for a moment."""

    def flush(self) -> None:
        """Nothing more will come."""


class LiveIntake:
    """Reads a source until it has ended and gives every batch to ``sink``.

    ``clock``: seconds, monotonic. ``on_end`` is called when it ends, whether it was stopped or failed.
    ``also_watched``: counters of others whose drops are said too.
    """

    def __init__(
        self,
        source: LiveSource,
        sink: EventSink,
        *,
        clock: Callable[[], float],
        on_end: Callable[[], None],
        also_watched: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._source = source
        self._sink = sink
        self._clock = clock
        self._on_end = on_end
        self._also_watched = also_watched
        self._failure: str | None = "capture has not started"
        self._stopping = False
        self._events = 0
        self._counters: Mapping[str, int] = {}
        self._drops = DropWatch()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)

    def start(self) -> None:
        """Begin to capture. Raises OSError."""
        self._source.start()
        self._failure = None
        self._thread.start()

    def stop(self) -> None:
        """Stop capturing; what is queued is still taken to the sink."""
        self._stopping = True
        self._source.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait until everything queued is in the sink; whether it was in time."""
        self._thread.join(max(timeout_s, 0.0))
        return not self._thread.is_alive()

    def failure(self) -> str | None:
        """Why nothing is captured; None while it is."""
        return self._failure

    def counters(self) -> dict[str, int]:
        """The source's, and how many events went to the sink."""
        return {**self._source.counters(), "events": self._events}

    def samples(self) -> list[Sample]:
        """For /metrics."""
        return capture_samples(self.counters(), capturing=self._failure is None)

    def _run(self) -> None:
        looked_s = self._clock()
        try:
            while True:
                events = self._source.read_events(MAX_ROWS, _READ_TIMEOUT_S)
                if events is not None and events.num_rows:
                    self._sink.take(events)
                    self._events += events.num_rows
                elif self._source.ended:
                    break
                else:
                    self._sink.idle()
                now_s = self._clock()
                if now_s - looked_s >= _LOOK_S:
                    looked_s = now_s
                    self._drops.look({**self._source.counters(), **self._also_watched()}, now_s)
            self._sink.flush()
            self._failure = "capture was stopped" if self._stopping else "capture has ended by itself"
            if not self._stopping:
                _log.error("%s", self._failure)
        except BrokenPipeError:  # the reader of standard output has what it wanted
            self._failure = "nobody reads the output any more"
        except Exception as error:  # noqa: BLE001  whatever it is, it is said, and /readyz tells it
            self._failure = f"capture has stopped: {error}"
            _log.error("%s", self._failure, exc_info=not isinstance(error, OSError))
        finally:
            self._on_end()
