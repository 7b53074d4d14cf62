"""A lock that is given in turns: who counts events chunk after chunk lets a waiting question in between."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import cast


class FairLock:
    """Of a plain lock, the thread that releases it and wants it again at once gets it nearly every time."""

    def __init__(self) -> None:
        self._held = threading.Lock()
        #: Whoever waits has it, so that nobody overtakes.
        self._next = threading.Lock()

    def condition(self) -> threading.Condition:
        """A condition of whoever holds it."""
        return threading.Condition(cast(threading.Lock, self))  # which asks for these three methods

    def acquire(self, blocking: bool = True) -> bool:
        """Wait until it is free; where not ``blocking``, take it if it is free now."""
        if not blocking:
            return self.try_acquire()
        with self._next:
            return self._held.acquire()

    def try_acquire(self) -> bool:
        """Take it if it is free now."""
        return self._held.acquire(blocking=False)

    def acquire_within(self, timeout_s: float) -> bool:
        """Wait for one's turn and for the lock, at most so long each; whether it was taken."""
        if not self._next.acquire(timeout=timeout_s):
            return False
        try:
            return self._held.acquire(timeout=timeout_s)
        finally:
            self._next.release()

    def release(self) -> None:
        """Give it to the next."""
        self._held.release()

    def give_way(self) -> None:
        """For who has released it and has more to do: go on once whoever stands in line has it.

        Without this the one who waited has the lock, but neither the interpreter nor the processor.
        """
        with self._next:
            pass

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
