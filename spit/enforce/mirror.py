"""Keeps a table elsewhere (Redis, a Kamailio htable) the same as the verdicts that are enforced here."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from spit.enforce.backoff import Backoff
from spit.enforce.receiver import Receiver
from spit.enforce.verdicts import CallerVerdict

#: Entries written at once.
BATCH = 500
#: How often the other side is asked whether it still has what it was given.
CHECK_S = 5.0

_log = logging.getLogger("spit.push")


class TargetError(Exception):
    """The other side did not take what was written; says why, without secrets."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One caller in the other's table. ``ttl_s``: seconds from now, at least 1."""

    verdict: CallerVerdict
    ttl_s: int


class Target(Protocol):
    """The other side. Called from one thread; everything raises TargetError."""

    #: Whether anybody can listen there, so that changes are to be told.
    has_listeners: bool

    @property
    def name(self) -> str:
        """As log lines and metrics name it: without secrets."""

    def connect(self) -> None:
        """Be ready to write."""

    def clear(self) -> None:
        """Take away all that was ever written there."""

    def write(self, entries: Sequence[Entry], gone: Sequence[str]) -> None:
        """Set ``entries`` and take away the callers ``gone``."""

    def refresh(self, *, enforces: bool) -> None:
        """Bring whatever else is kept there up to date; ``enforces``: whether anything may be enforced."""

    def tell(self, changes: Sequence[CallerVerdict]) -> None:
        """Pass changes of verdict on to those who listen there, whether enforced or not."""

    def is_intact(self) -> bool:
        """False where it lost what it was given."""

    def close(self) -> None:
        """Let go of the connection. Raises nothing."""


class Mirror(Receiver):
    """Writes what a feed says to ``target``, in a thread of its own; a listener of the feed.

    While the other side is away the newest state of each caller waits, up to ``max_queue`` callers; all that
    is enforced is written again when it is back. ``standing``: all verdicts held; ``now_us``: the time of the
    verdicts; ``ttl_s``: lifetime of entries, 0 for the verdict's own; ``enforces``: whether anything may be
    enforced: where nothing may, what an earlier run left there is removed.
    """

    def __init__(
        self,
        target: Target,
        *,
        standing: Callable[[], list[CallerVerdict]],
        now_us: Callable[[], int],
        enforces: Callable[[], bool],
        ttl_s: int = 0,
        max_queue: int = 10_000,
        check_s: float = CHECK_S,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            target.name,
            thread="push",
            counters=("written", "removed", "told", "failures", "resyncs", "queue_dropped", "tells_dropped"),
            backoff=backoff,
            clock=clock,
        )
        self._target = target
        self._standing = standing
        self._now_us = now_us
        self._enforces = enforces
        self._ttl_s = ttl_s
        self._max_queue = max_queue
        self._check_s = check_s
        #: The newest verdict of each caller that is to be written, or taken away where it is not enforced.
        self._waiting: OrderedDict[str, CallerVerdict] = OrderedDict()
        self._telling: deque[CallerVerdict] = deque()
        self._connected = False

    def changed(self, verdict: CallerVerdict) -> None:
        """Write it soon."""
        with self._lock:
            self._put(verdict)
            if self._target.has_listeners:
                if len(self._telling) >= self._max_queue:
                    self._counts["tells_dropped"] += 1
                    self._telling.popleft()
                self._telling.append(verdict)
        self._wakened.set()

    def renewed(self, verdict: CallerVerdict) -> None:
        """Let it live on there."""
        with self._lock:
            self._put(verdict)
        self._wakened.set()

    def levels(self) -> dict[str, int]:
        """What waits, and whether the other side answers."""
        with self._lock:
            return {"waiting": len(self._waiting), "up": int(self._connected)}

    def _put(self, verdict: CallerVerdict) -> None:
        self._waiting[verdict.caller] = verdict
        self._waiting.move_to_end(verdict.caller)
        if len(self._waiting) > self._max_queue:
            # What is enforced is written anyhow when the other side is back; the rest ends there by itself.
            self._waiting.popitem(last=False)
            self._counts["queue_dropped"] += 1

    def _run(self) -> None:
        checked_s = self._clock()
        while True:
            try:
                if not self._connected:
                    self._resync()
                    checked_s = self._clock()
                elif self._clock() - checked_s >= self._check_s:
                    checked_s = self._clock()
                    if not self._target.is_intact():
                        _log.warning("%s has lost what it was given: all is written again", self.name)
                        self._resync()
                self._flush()
                self._target.refresh(enforces=self._enforces())
                self._went_well()
            except TargetError as error:
                self._failed(error)
                if self._stopping:
                    break
                self._pause(self._backoff.next_s())
                continue
            if self._stopping:
                break
            self._wait(self._check_s)
        self._target.close()

    def _resync(self) -> None:
        self._target.connect()
        if not self._enforces():
            self._target.clear()
        enforced = [verdict for verdict in self._standing() if verdict.standing.is_enforced]
        for start in range(0, len(enforced), BATCH):
            if self._is_over():
                return
            self._write(enforced[start : start + BATCH])
        with self._lock:
            self._connected = True
            self._counts["resyncs"] += 1

    def _flush(self) -> None:
        while True:
            with self._lock:
                batch = [self._waiting.popitem(last=False)[1] for _ in range(min(BATCH, len(self._waiting)))]
                changes = [self._telling.popleft() for _ in range(min(BATCH, len(self._telling)))]
            if not batch and not changes:
                return
            try:
                self._write(batch)
                if changes:
                    self._target.tell(changes)
                    self._count(told=len(changes))
            except TargetError:
                self._put_back(batch)
                self._count(tells_dropped=len(changes))  # who listens there is cut off as well
                raise
            if self._is_over():
                return

    def _write(self, verdicts: Iterable[CallerVerdict]) -> None:
        now_us = self._now_us()
        entries: list[Entry] = []
        gone: list[str] = []
        for verdict in verdicts:
            # A clock that jumps must not make an entry live for longer than it may.
            longest_s = self._ttl_s or verdict.ttl_s
            left_s = min((verdict.expires_us(self._ttl_s) - now_us) // 1_000_000, longest_s)
            if verdict.standing.is_enforced and left_s >= 1:
                entries.append(Entry(verdict, left_s))
            else:
                gone.append(verdict.caller)
        if entries or gone:
            self._target.write(entries, gone)
            self._count(written=len(entries), removed=len(gone))

    def _put_back(self, batch: list[CallerVerdict]) -> None:
        with self._lock:
            for verdict in reversed(batch):
                if verdict.caller not in self._waiting:
                    self._waiting[verdict.caller] = verdict
                    self._waiting.move_to_end(verdict.caller, last=False)
            while len(self._waiting) > self._max_queue:
                self._waiting.popitem(last=False)
                self._counts["queue_dropped"] += 1

    def _failed(self, error: TargetError) -> None:
        with self._lock:
            self._connected = False
            self._counts["failures"] += 1
        self._target.close()
        self._went_wrong(error)
