"""How long what is read now will wait for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

#: Requests read in a turn of the event loop from which on the next turn is watched from its beginning.
_SEVERAL = 8
#: An answer's time until it has been measured, and the weight of the latest measurement in the mean.
_FIRST_ANSWER_S, _WEIGHT = 0.0003, 0.1


class LoopTurn:
    """How long what is read in the present turn of an event loop will wait. ``clock``: seconds, monotonic.

    In a turn what was taken in the last one is answered, and what came meanwhile is read. What is answered as
    it is read makes the turn longer for what is read after it, and owes nothing to the next. Only turns after
    one that took several requests are watched from their beginning; of others the answers are not seen.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began_s: float | None = None
        self._taken = 0
        self._answered = 0  # in this turn, before anything was read
        self._answer_s = _FIRST_ANSWER_S

    def wait_s(self, loop: asyncio.AbstractEventLoop) -> float:
        """A request is being read: the turn so far, and the answers that what was taken in it still gets."""
        now_s = self._clock()
        if self._began_s is None:
            self._began_s = now_s
            loop.call_soon(self._begin, loop)
        elapsed_s = now_s - self._began_s
        if self._answered:
            self._answer_s += _WEIGHT * (elapsed_s / self._answered - self._answer_s)
            self._answered = 0
        return elapsed_s + self._taken * self._answer_s

    def take(self) -> None:
        """It will be answered in the next turn."""
        self._taken += 1

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._began_s, self._answered = None, 0
        if self._taken >= _SEVERAL:
            self._began_s, self._answered = self._clock(), self._taken
            loop.call_soon(self._begin, loop)
        self._taken = 0
