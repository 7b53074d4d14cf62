"""A write-ahead journal of the call events that were accepted: after ``kill -9`` they are read again.

One thread writes. It takes every entry that waits, writes them together and syncs once for all of them, so
that many requests share one wait for the disk. An entry is kept when that sync is done.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from spit.errors import ConfigError, InputError, SpitError
from spit.storage.journal_files import (
    Entry,
    ReadCounts,
    encode_frame,
    encode_header,
    encode_payload,
    read_entries,
    segment_name,
    segments,
)

#: A segment that has grown so far is closed: what a save has made superfluous can go.
SEGMENT_BYTES = 64 * 2**20
#: Written and synced together at most, and waiting in memory at most without anybody waiting for it.
GROUP_BYTES = 8 * 2**20
MAX_NOTED_BYTES = 64 * 2**20
#: With ``interval``, what a loss of power may cost.
SYNC_INTERVAL_S = 1.0
_LOCK = "lock"

_log = logging.getLogger("spit.journal")


class JournalError(SpitError):
    """The events can't be kept, so they are not accepted."""


@dataclass(frozen=True, slots=True)
class Position:
    """A moment of the journal: entries before ``next`` were applied, those in ``open`` were not yet."""

    next: int = 0
    open: frozenset[int] = frozenset()

    def is_applied(self, sequence: int) -> bool:
        """Whether a state of this moment holds the entry."""
        return sequence < self.next and sequence not in self.open

    def oldest(self) -> int:
        """The first entry that a state of this moment may lack."""
        return min(self.open, default=self.next)

    def to_json(self) -> dict[str, Any]:
        """For the facts of a saved state."""
        return {"next": self.next, "open": sorted(self.open)}

    @classmethod
    def from_json(cls, found: object) -> Position:
        """None: saved before there was a journal, which then has nothing of it. Raises InputError."""
        if found is None:
            return cls()
        try:
            if not isinstance(found, dict):
                raise TypeError(str(found)[:80])
            return cls(int(found["next"]), frozenset(int(one) for one in found["open"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"journal position: expected next and open, found {error}") from None


@dataclass(slots=True)
class _Waiting:
    sequence: int
    payload: bytes
    events: int
    kept: Future[None] | None  # None: nobody waits for it


class Journal:
    """Keeps entries in ``directory``. Thread-safe; ``start`` once, after ``entries`` have been read.

    ``always``: an entry is kept once it is synced; else once it is written, and synced within
    ``SYNC_INTERVAL_S``. ``sync``: as os.fsync. Failures refuse what comes and nothing else: the next entry is
    tried again.
    """

    def __init__(
        self,
        directory: Path,
        *,
        always: bool = True,
        sync: Callable[[int], None] = os.fsync,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self._directory = directory
        self._always = always
        self._sync = sync
        self._segment_bytes = segment_bytes
        self._changed = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._noted_bytes = 0
        self._open: set[int] = set()
        self._next = 1
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        # Held while files are written, rotated or removed.
        self._files = threading.Lock()
        self._file: int | None = None
        self._current: Path | None = None
        self._size = 0
        self._unsynced_since_s: float | None = None  # monotonic
        self._held: dict[Path, int] = {}  # segments on disk, and the last entry of each
        self._lock: int | None = None
        self._read = ReadCounts()
        self._failing = False
        self._counters = dict.fromkeys(
            ("entries", "events", "bytes", "syncs", "failures", "events_refused", "notes_lost"), 0
        )

    def lock(self) -> None:
        """Claim the folder for this process.

        Raises ConfigError where another one writes there. A folder that can't be written is claimed by
        nobody: then entries are refused until it can.
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self._directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            _log.error("the journal cannot be written, events are refused until it can: %s", error)
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                f"service.state: expected a folder of its own, found {self._directory} in use by another "
                "process"
            ) from None

    def entries(self, position: Position) -> Iterator[Entry]:
        """What was kept and a state of ``position`` lacks, in order; read before ``start``."""
        self._next = max(self._next, position.next)
        for first, path in segments(self._directory):
            last = first
            for entry in read_entries(path, self._read):
                last = max(last, entry.sequence)
                if not position.is_applied(entry.sequence):
                    self._next = max(self._next, last + 1)
                    yield entry
            self._held[path] = last
            self._next = max(self._next, last + 1)
        self._next = max([self._next, *(one + 1 for one in position.open)])

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def keep(self, events: pa.RecordBatch, agent: str | None = None, number: int = 0) -> int:
        """Keep an entry; its sequence number when that is done. ``applied`` must be told when it was applied.

        Raises JournalError when it could not be kept; nothing of it is then.
        """
        kept: Future[None] = Future()
        sequence = self._add(events, agent, number, kept)
        kept.result()
        return sequence

    def note(self, events: pa.RecordBatch) -> int:
        """As ``keep``, without waiting: what can't be kept is counted, nobody is told."""
        return self._add(events, None, 0, None)

    def applied(self, sequence: int) -> None:
        """The state holds the entry from now on."""
        with self._changed:
            self._open.discard(sequence)

    def position(self) -> Position:
        """Now. Entries must not be applied meanwhile."""
        with self._changed:
            return Position(self._next, frozenset(self._open))

    def rotate(self) -> None:
        """Begin a new segment with the next entry, so that ``release`` can remove all before."""
        with self._files:
            self._close_segment()

    def release(self, position: Position) -> None:
        """A state of ``position`` is saved: remove the segments that it makes superfluous."""
        oldest = position.oldest()
        with self._files:
            for path, last in list(self._held.items()):
                if last < oldest and path != self._current:
                    try:
                        path.unlink(missing_ok=True)
                    except OSError as error:
                        _log.warning("%s: a segment that is not needed cannot be removed: %s", path, error)
                        continue
                    del self._held[path]

    def close(self) -> None:
        """Write what waits and stop."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        with self._files:
            self._close_segment()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def counters(self) -> dict[str, int]:
        """What was kept and refused, and what reading back has met, by name."""
        return {
            **self._counters,
            "read_entries": self._read.entries,
            "torn_bytes": self._read.torn_bytes,
            "damaged_bytes": self._read.damaged_bytes,
        }

    def failing(self) -> bool:
        """Whether the last entry could not be kept."""
        return self._failing

    def unreadable(self) -> list[str]:
        """Segments that could not be read at all, and why."""
        return list(self._read.unreadable)

    def segments(self) -> int:
        """How many files there are."""
        return len(self._held)

    def _add(self, events: pa.RecordBatch, agent: str | None, number: int, kept: Future[None] | None) -> int:
        payload = encode_payload(events, agent, number)
        with self._changed:
            if self._closing and kept is not None:
                raise JournalError("events cannot be kept: the service is ending")
            sequence = self._next
            self._next += 1
            if kept is None:
                if self._closing or self._noted_bytes + len(payload) > MAX_NOTED_BYTES:
                    self._counters["notes_lost"] += 1
                    return sequence
                self._noted_bytes += len(payload)
            self._open.add(sequence)
            self._waiting.append(_Waiting(sequence, payload, events.num_rows, kept))
            self._changed.notify_all()
        return sequence

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    late = self._unsynced_since_s is not None
                    if not self._changed.wait(SYNC_INTERVAL_S if late else None):
                        break
                group = self._take()
                if not group and self._closing:
                    return
            if group:
                self._keep(group)
            with self._files:
                since_s = self._unsynced_since_s
                if since_s is not None and time.monotonic() - since_s >= SYNC_INTERVAL_S:
                    self._sync_late()

    def _take(self) -> list[_Waiting]:
        """The entries that wait, as many as are written together."""
        size, count = 0, 0
        for one in self._waiting:
            size += len(one.payload)
            count += 1
            if size >= GROUP_BYTES:
                break
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        self._noted_bytes -= sum(len(one.payload) for one in group if one.kept is None)
        return group

    def _keep(self, group: list[_Waiting]) -> None:
        try:
            with self._files:
                self._write(group)
        except Exception as error:  # noqa: BLE001  whoever waits must be told, whatever it is
            self._counters["failures"] += 1
            if not self._failing:
                _log.error("events cannot be kept: %s; they are refused until they can", error)
            self._failing = True
            with self._changed:
                self._open.difference_update(one.sequence for one in group)
            for one in group:
                if one.kept is None:
                    self._counters["notes_lost"] += 1
                else:
                    self._counters["events_refused"] += one.events
                    words = error.strerror if isinstance(error, OSError) else None
                    one.kept.set_exception(JournalError(f"events cannot be kept: {words or error}"))
            return
        if self._failing:
            _log.warning("events are kept again")
        self._failing = False
        for one in group:
            self._counters["entries"] += 1
            self._counters["events"] += one.events
            if one.kept is not None:
                one.kept.set_result(None)

    def _write(self, group: list[_Waiting]) -> None:
        """Append a group and sync it, or leave the segment as it was. Raises OSError."""
        if self._file is not None and self._size >= self._segment_bytes:
            self._close_segment()
        if self._file is None:
            self._open_segment(group[0].sequence)
        file, path = self._file, self._current
        assert file is not None and path is not None  # noqa: S101, PT018
        before = self._size
        data = b"".join(encode_frame(one.sequence, one.payload) for one in group)
        try:
            _write_all(file, data)
            if self._always:
                self._sync(file)
                self._counters["syncs"] += 1
            else:
                self._unsynced_since_s = self._unsynced_since_s or time.monotonic()
        except OSError:
            self._cut_off(before)
            raise
        self._size += len(data)
        self._held[path] = group[-1].sequence
        self._counters["bytes"] += len(data)

    def _open_segment(self, sequence: int) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / segment_name(sequence)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        header = encode_header()
        try:
            _write_all(file, header)
            self._sync(file)
            self._sync_directory()
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        self._file, self._size, self._current = file, len(header), path
        self._held[path] = sequence

    def _cut_off(self, size: int) -> None:
        """Whatever of a refused group reached the file goes, and nothing is appended behind it."""
        file = self._file
        if file is None:
            return
        try:
            os.ftruncate(file, size)
        except OSError as error:
            _log.error("%s: a part that was refused cannot be cut off: %s", self._current, error)
        # After a failed sync nobody knows which pages are on disk: what follows goes into another file.
        os.close(file)
        self._file = self._current = self._unsynced_since_s = None

    def _close_segment(self) -> None:
        if self._file is not None:
            if self._unsynced_since_s is not None:
                self._sync_late()
            os.close(self._file)
            self._file = self._current = None

    def _sync_late(self) -> None:
        """Sync what was written; called with the lock of the files."""
        self._unsynced_since_s = None
        if self._file is None:
            return
        try:
            self._sync(self._file)
            self._counters["syncs"] += 1
        except OSError as error:
            self._counters["failures"] += 1
            _log.error("a loss of power would lose accepted events: %s", error)

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
