"""A bounded folder of numbered batches that wait for a scorer; it survives ``kill -9`` at any moment.

A batch is a file ``batch-NUMBER-EVENTS.arrows``: written beside, synced, renamed, and removed when a scorer
has acknowledged it. Numbers only rise, also across restarts and when the folder was lost, so that a
scorer can tell a repeated batch from a new one (docs/decisions/0010-delivery.md).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from spit.errors import SpitError

#: Numbers taken from the file ``next-number`` at once: it is synced once per so many batches.
RESERVED_AT_ONCE = 1_024
#: Rejected batches are kept for a person to look at, in this share of the spool's room.
REJECTED_SHARE = 8

_BATCH = re.compile(r"batch-(\d{1,19})-(\d{1,12})\.arrows")
_NEXT_NUMBER = "next-number"
_REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class SpooledBatch:
    """One batch in the spool."""

    number: int
    events: int
    size_bytes: int
    path: Path


class Spool:
    """First in, first out; the oldest goes when there is no room. Thread-safe: one writer, one sender.

    ``max_bytes`` bounds the waiting batches. ``first_number``: where a folder without a memory begins; the
    time in ms since the epoch, so that a lost folder doesn't count from the start again. One process at
    a time. Raises SpitError when the folder cannot be used.
    """

    def __init__(self, directory: Path, *, max_bytes: int, first_number: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._changed = threading.Condition()
        self._taken: int | None = None
        self._batches_dropped = 0
        self._events_dropped = 0
        self._batches_rejected = 0
        self._events_rejected = 0
        try:
            (directory / _REJECTED).mkdir(parents=True, exist_ok=True)
            self._lock_file = _lock(directory)
        except OSError as error:
            raise SpitError(f"{directory}: the spool cannot be used: {error.strerror or error}") from None
        try:
            for unfinished in (*directory.glob("*.tmp"), *(directory / _REJECTED).glob("*.tmp")):
                unfinished.unlink()
            self._waiting = deque(_batches(directory))
            self._bytes = sum(batch.size_bytes for batch in self._waiting)
            highest = self._waiting[-1].number if self._waiting else 0
            self._next = max(_read_next_number(directory, first_number), highest + 1)
            self._reserved = self._next  # nothing: the first batch reserves
            self._make_room()
        except OSError as error:
            self._lock_file.close()
            raise SpitError(f"{directory}: the spool cannot be used: {error.strerror or error}") from None
        except SpitError:
            self._lock_file.close()
            raise

    def __len__(self) -> int:
        """Batches that wait."""
        return len(self._waiting)

    def put(self, body: bytes, events: int) -> SpooledBatch:
        """Keep a batch; from then on it survives the end of the process. Raises OSError, keeping nothing.

        Drops the oldest batches, and counts them, where ``max_bytes`` is exceeded.
        """
        with self._changed:
            number = self._next
            if number >= self._reserved:
                self._reserve(number + RESERVED_AT_ONCE)
            path = self._directory / f"batch-{number:019d}-{events}.arrows"
            self._next = number + 1  # also where writing fails: a number never names two batches
            try:
                _write(path, body)
            except OSError:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
                raise
            batch = SpooledBatch(number, events, len(body), path)
            self._waiting.append(batch)
            self._bytes += batch.size_bytes
            self._make_room()
            self._changed.notify_all()
        return batch

    def take(self, timeout_s: float) -> tuple[SpooledBatch, bytes] | None:
        """The oldest batch, which stays until ``acknowledge`` or ``reject``; None when none came in time."""
        with self._changed:
            if not self._waiting:
                self._changed.wait(timeout_s)
            while self._waiting:
                batch = self._waiting[0]
                try:
                    body = batch.path.read_bytes()
                except OSError:  # somebody else removed it: counted as dropped, the others still go
                    self._drop(0)
                    continue
                self._taken = batch.number
                return batch, body
        return None

    def release(self) -> None:
        """The batch that was taken was not delivered: it stays the oldest, and may be dropped again."""
        with self._changed:
            self._taken = None
            self._make_room()

    def acknowledge(self, number: int) -> None:
        """A scorer has the batch that was taken: it goes."""
        with self._changed:
            batch = self._remove_taken(number)
            batch.path.unlink(missing_ok=True)

    def reject(self, number: int) -> None:
        """A scorer will never take this batch: it goes to the folder ``rejected`` and blocks nobody."""
        with self._changed:
            batch = self._remove_taken(number)
            self._batches_rejected += 1
            self._events_rejected += batch.events
            folder = self._directory / _REJECTED
            batch.path.replace(folder / batch.path.name)
            kept = _batches(folder)
            room = self._max_bytes // REJECTED_SHARE
            while len(kept) > 1 and sum(one.size_bytes for one in kept) > room:
                kept.pop(0).path.unlink(missing_ok=True)

    def wake(self) -> None:
        """Let a waiting ``take`` return."""
        with self._changed:
            self._changed.notify_all()

    def counters(self) -> dict[str, int]:
        """What was dropped and rejected since the start."""
        with self._changed:
            return {
                "spool_batches_dropped": self._batches_dropped,
                "spool_events_dropped": self._events_dropped,
                "batches_rejected": self._batches_rejected,
                "events_rejected": self._events_rejected,
            }

    def levels(self) -> dict[str, int]:
        """What waits now: batches, events and bytes."""
        with self._changed:
            return {
                "spool_batches": len(self._waiting),
                "spool_events": sum(batch.events for batch in self._waiting),
                "spool_bytes": self._bytes,
            }

    def close(self) -> None:
        """Give the folder free; what waits stays in it."""
        with self._changed:
            if self._lock_file.closed:
                return
            if self._reserved > self._next:
                self._reserve(self._next)
            self._lock_file.close()

    def _remove_taken(self, number: int) -> SpooledBatch:
        batch = self._waiting.popleft()
        if batch.number != number or self._taken != number:
            self._waiting.appendleft(batch)
            raise ValueError(f"expected the batch that was taken, {self._taken}, found {number}")
        self._taken = None
        self._bytes -= batch.size_bytes
        return batch

    def _make_room(self) -> None:
        # The batch on its way to a scorer stays: it would be delivered and counted as dropped. So does the
        # newest, even where it is larger than all the room.
        while self._bytes > self._max_bytes:
            oldest = 1 if self._waiting and self._waiting[0].number == self._taken else 0
            if oldest + 1 >= len(self._waiting):
                return
            self._drop(oldest)

    def _drop(self, index: int) -> None:
        batch = self._waiting[index]
        del self._waiting[index]
        batch.path.unlink(missing_ok=True)
        self._bytes -= batch.size_bytes
        self._batches_dropped += 1
        self._events_dropped += batch.events

    def _reserve(self, until: int) -> None:
        _write(self._directory / _NEXT_NUMBER, f"{until}\n".encode())
        self._reserved = until


def _lock(directory: Path) -> BinaryIO:
    file = (directory / "lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise SpitError(f"{directory}: the spool is in use by another process") from None
    return file


def _batches(directory: Path) -> list[SpooledBatch]:
    """The batches of a folder by number."""
    found = [
        SpooledBatch(int(name[1]), int(name[2]), path.stat().st_size, path)
        for path in directory.iterdir()
        if (name := _BATCH.fullmatch(path.name))
    ]
    return sorted(found, key=lambda batch: batch.number)


def _read_next_number(directory: Path, first_number: int) -> int:
    path = directory / _NEXT_NUMBER
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return first_number
    except UnicodeDecodeError:
        text = "bytes that are no text"
    if re.fullmatch(r"\d{1,19}", text) is None:
        raise SpitError(f"{path}: expected the next batch number, found {text[:40]!r}")
    return int(text)


def _write(path: Path, data: bytes) -> None:
    """A whole file under its name, or none: also when the machine stops."""
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
