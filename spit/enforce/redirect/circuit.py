"""A circuit breaker: who fails again and again is not asked for a while."""

from __future__ import annotations


class Circuit:
    """Opens after ``failures`` in a row for ``bypass_s``; then one question is let through, which decides.

    No clock: time is an argument, seconds of a clock that never goes back.
    """

    def __init__(self, *, failures: int, bypass_s: float) -> None:
        self._limit = failures
        self._bypass_s = bypass_s
        self._failures = 0
        self._until_s: float | None = None
        self._trying = False
        self.opened = 0

    @property
    def is_open(self) -> bool:
        """Whether questions are held back."""
        return self._until_s is not None

    def allows(self, now_s: float) -> bool:
        """Whether to ask. Where it says yes, ``succeeded`` or ``failed`` must follow."""
        if self._until_s is None:
            return True
        if now_s < self._until_s or self._trying:
            return False
        self._trying = True
        return True

    def succeeded(self) -> bool:
        """There was an answer; whether that closed the circuit."""
        closed = self._until_s is not None
        self._until_s, self._trying, self._failures = None, False, 0
        return closed

    def failed(self, now_s: float) -> bool:
        """There was none; whether that opened the circuit."""
        if self._until_s is not None:
            # The trial failed, or a question from before the opening did: only the trial decides.
            if self._trying:
                self._trying = False
                self._until_s = now_s + self._bypass_s
            return False
        self._failures += 1
        if self._failures < self._limit:
            return False
        self._until_s = now_s + self._bypass_s
        self._failures = 0
        self.opened += 1
        return True
