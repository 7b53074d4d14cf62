"""Keeps the verdict feed going while an engine serves: tells, judges anew, lets go."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from spit.enforce.block_list import BlockListFile
from spit.enforce.receiver import Receiver
from spit.enforce.redis_keys import RedisKeys
from spit.engine.engine import Engine
from spit.engine.push_metrics import PushState, push_samples
from spit.engine.verdict_changes import VerdictChanges
from spit.export.prometheus import Sample
from spit.records import Mode

#: How soon a change of policy, lists or budget reaches what was pushed.
TICK_S = 1.0

#: Kind, pattern, and expiry in epoch seconds or None.
ListedEntry = tuple[str, str, float | None]

_log = logging.getLogger("spit.push")


class VerdictPush:
    """The receivers of one feed, and the thread that fills it. Nothing here is waited for by scoring.

    ``receivers``: with the kind that metrics name them by; they listen to the feed from ``start`` on.
    ``lists``: the Redis keys that also hold list entries. ``file``: written every ``file_interval_s``.
    ``now_us``: the time of the verdicts.
    """

    def __init__(
        self,
        changes: VerdictChanges,
        engine: Engine,
        *,
        now_us: Callable[[], int],
        receivers: Sequence[tuple[str, Receiver]] = (),
        lists: RedisKeys | None = None,
        file: BlockListFile | None = None,
        file_interval_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._changes = changes
        self._engine = engine
        self._now_us = now_us
        self._receivers = tuple(receivers)
        self._lists = lists
        self._file = file
        self._file_interval_s = file_interval_s
        self._clock = clock
        self._list_version: Callable[[], object] | None = None
        self._list_entries: Callable[[], Iterable[ListedEntry]] | None = None
        self._published_version: object = None
        self._stopping = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="verdicts", daemon=True)

    def enforces(self) -> bool:
        """Whether anything may be enforced."""
        return self._engine.policy.mode is Mode.ENFORCE

    def publish_lists(self, entries: Iterable[ListedEntry]) -> None:
        """Publish exactly these list entries in Redis. In monitor mode none of them is there."""
        if self._lists is not None:
            self._lists.publish_lists(entries)
            for _, receiver in self._receivers:
                receiver.wake()

    def follow_lists(
        self, version: Callable[[], object], entries: Callable[[], Iterable[ListedEntry]]
    ) -> None:
        """Publish ``entries()`` now, and again when ``version()`` is another one; before ``start``."""
        self._list_version, self._list_entries = version, entries

    def start(self) -> None:
        """Begin to tell and to push; what was found before, as in captures, is told now."""
        for _, receiver in self._receivers:
            self._changes.feed.listen(receiver)
            receiver.start()
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Tell and push what waits, as far as it is taken; whether that was done in time."""
        until_s = self._clock() + timeout_s
        self._stopping = True
        self._changes.wake()
        self._thread.join(max(timeout_s, 0.0))
        for _, receiver in self._receivers:
            receiver.finish(until_s - self._clock())
        ended = [receiver.join(until_s - self._clock()) for _, receiver in self._receivers]
        return all(ended) and not self._thread.is_alive()

    def samples(self) -> list[Sample]:
        """For /metrics."""
        feed = self._changes.feed
        states = [
            PushState(kind, receiver.name, receiver.counters(), receiver.levels())
            for kind, receiver in self._receivers
        ]
        file_counters = {} if self._file is None else self._file.counters()
        return push_samples(feed.counters(), feed.levels(), states, file_counters)

    def tick(self) -> None:
        """Judge anew what is held, and let go of what has expired."""
        now_us = self._now_us()
        self._changes.reconsider(self._engine.policy, self._engine.budget_level(now_us), now_us)
        self._changes.feed.expire(now_us)
        if self._list_version is not None and self._list_entries is not None:
            version = self._list_version()
            if version != self._published_version:
                self.publish_lists(self._list_entries())
                self._published_version = version

    def _run(self) -> None:
        ticked_s = written_s = -float("inf")
        while not self._stopping:
            self._changes.wait(TICK_S)
            try:
                self._changes.drain()
                now_s = self._clock()
                if now_s - ticked_s >= TICK_S:
                    ticked_s = now_s
                    self.tick()
                if self._file is not None and now_s - written_s >= self._file_interval_s:
                    written_s = now_s
                    self._file.write(self._changes.feed.standing(), self._now_us())
            except Exception as error:  # noqa: BLE001  what can still be told must be
                self._changes.feed.count("failures")
                if not self._failing:
                    _log.error("verdicts cannot be brought up to date", exc_info=error)
                self._failing = True
            else:
                self._failing = False
        self._changes.drain()
