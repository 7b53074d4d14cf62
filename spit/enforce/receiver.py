"""What the receivers of the feed share: a thread of its own, its end in time, pauses, counters."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from spit.enforce.backoff import Backoff
from spit.enforce.verdicts import CallerVerdict

_log = logging.getLogger("spit.push")


class Receiver(ABC):
    """A listener of the feed that passes on what it is told in a thread of its own (``_run``).

    ``counters``: the names of what it counts; ``clock``: monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        thread: str,
        counters: Iterable[str],
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        #: As log lines and metrics name it: without secrets.
        self.name = name
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._lock = threading.Lock()
        self._wakened = threading.Event()
        self._stopping = False
        self._until_s = 0.0
        self._failing = False
        self._counts = dict.fromkeys(counters, 0)
        self._thread = threading.Thread(target=self._run, name=f"{thread} {name}", daemon=True)

    @abstractmethod
    def changed(self, verdict: CallerVerdict) -> None:
        """Pass it on soon."""

    @abstractmethod
    def renewed(self, verdict: CallerVerdict) -> None:
        """Nothing changed, but it holds for longer."""

    @abstractmethod
    def levels(self) -> dict[str, int]:
        """``waiting``: changes that wait; ``up``: whether the other side answers."""

    @abstractmethod
    def _run(self) -> None:
        """Pass on what comes, until ``_stopping`` and what waits is gone or ``_is_over``."""

    def wake(self) -> None:
        """There may be something to do."""
        self._wakened.set()

    def start(self) -> None:
        """Begin to pass on."""
        self._thread.start()

    def finish(self, timeout_s: float) -> None:
        """Pass on what waits, as far as the other side takes it, until then at most."""
        self._until_s = self._clock() + timeout_s
        self._stopping = True
        self._wakened.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of what ``finish`` began; whether it was in time."""
        self._thread.join(max(timeout_s, 0.0))
        return not self._thread.is_alive()

    def counters(self) -> dict[str, int]:
        """What was passed on and what was not, since the start."""
        with self._lock:
            return dict(self._counts)

    def _is_over(self) -> bool:
        return self._stopping and self._clock() >= self._until_s

    def _wait(self, longest_s: float | None = None) -> None:
        """Until there may be something to do."""
        self._wakened.wait(longest_s)
        self._wakened.clear()

    def _pause(self, pause_s: float) -> bool:
        """The whole pause, whatever comes meanwhile; False when it is the end."""
        until_s = self._clock() + pause_s
        while not self._stopping and (left_s := until_s - self._clock()) > 0:
            self._wakened.wait(left_s)
            if not self._stopping:
                self._wakened.clear()
        return not self._stopping

    def _went_well(self) -> None:
        self._backoff.reset()
        if self._failing:
            _log.warning("%s takes verdicts again", self.name)
        self._failing = False

    def _went_wrong(self, why: object) -> None:
        """Said once, until it goes well again."""
        if not self._failing:
            _log.error("%s does not take verdicts: %s", self.name, why)
        self._failing = True

    def _count(self, **counts: int) -> None:
        with self._lock:
            for name, by in counts.items():
                self._counts[name] += by
