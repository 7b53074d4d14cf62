"""Capture files: pcap and pcapng, plain, gzip or zstd; several are one stream in time order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from spit._core import CaptureReader, call_columns
from spit.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows per batch: large enough that the cost of crossing from Rust vanishes, small enough for the caches.
BATCH_ROWS = 16_384


class Captures(Protocol):
    """What every decoder of capture files gives; see CaptureFiles."""

    def messages(self) -> Iterator[pa.RecordBatch]: ...
    def calls(self) -> Iterator[pa.RecordBatch]: ...
    def calls_text(self, format_: str) -> Iterator[bytes]: ...
    def events(self, *, scored: bool = False) -> Iterator[pa.RecordBatch]: ...
    def read_ahead(self) -> None: ...
    def damages(self) -> list[str]: ...
    def counters(self) -> dict[str, int]: ...
    def progress(self) -> tuple[int, int | None]: ...


class CaptureFiles:
    """The messages, calls or call events of capture files, read once.

    ``paths``: files, ``-`` is standard input. ``settings``: the keys of ``[tracking]`` and ``[identity]``.
    Damage ends one file, not the stream: the rows before it are yielded, ``damages`` tells the rest.
    """

    def __init__(self, paths: Sequence[str], settings: Mapping[str, object] | None = None) -> None:
        if paths.count("-") > 1:
            raise InputError("standard input (-) was named more than once: it can be read only once")
        self._reader = CaptureReader(list(paths), None if settings is None else dict(settings))

    def messages(self) -> Iterator[pa.RecordBatch]:
        """A row per SIP message (records.MESSAGE_SCHEMA)."""
        return _batches(self._reader.read_messages, BATCH_ROWS)

    def calls(self) -> Iterator[pa.RecordBatch]:
        """A row per finished call (records.CALL_SCHEMA)."""
        return _batches(self._reader.read_calls, BATCH_ROWS)

    def calls_text(self, format_: str) -> Iterator[bytes]:
        """The rows of ``calls`` as lines of ``csv``, header line first, or ``jsonl``; needs no pyarrow."""
        if format_ == "csv":
            yield ",".join(call_columns()).encode() + b"\n"
        while (lines := self._reader.read_calls_text(BATCH_ROWS, format_)) is not None:
            yield lines

    def events(self, *, scored: bool = False) -> Iterator[pa.RecordBatch]:
        """A row per call event (records.EVENT_SCHEMA).

        ``scored``: only what scoring asks, which takes half the time: no answers, null in the columns that
        neither features nor verdicts read, and of ends no texts but those they are counted by.
        """
        return _batches(lambda rows: self._reader.read_events(rows, scored=scored), BATCH_ROWS)

    def read_ahead(self) -> None:
        """Begin to decode calls in the background, while the caller imports what it needs."""
        self._reader.read_ahead()

    def damages(self) -> list[str]:
        """One line per input that could not be read to its end: where, expected, found."""
        return self._reader.damages()

    def counters(self) -> dict[str, int]:
        """Packets, messages, drops and evictions so far, by name."""
        return self._reader.counters()

    def progress(self) -> tuple[int, int | None]:
        """Bytes of input read, and bytes in all when that is known."""
        return self._reader.progress()


def _batches(read: Callable[[int], pa.RecordBatch | None], max_rows: int) -> Iterator[pa.RecordBatch]:
    while (batch := read(max_rows)) is not None:
        yield batch
