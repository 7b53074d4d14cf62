"""A lock that is given in turns: who counts events chunk after chunk lets a waiting question in between."""

from __future__ import annotations

import threading
from types import TracebackType


class FairLock:
    """Of a plain lock, the thread that releases it and wants it again at once gets it nearly every time."""

    def __init__(self) -> None:
        self._held = threading.Lock()
        #: Whoever waits has it, so that nobody overtakes.
        self._next = threading.Lock()

    def acquire(self) -> None:
        """Wait until it is free."""
        with self._next:
            self._held.acquire()

    def try_acquire(self) -> bool:
        """Take it if it is free now."""
        return self._held.acquire(blocking=False)

    def release(self) -> None:
        """Give it to the next."""
        self._held.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
