"""How long to wait before the next try: pauses that double, with jitter, up to a longest one."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


class Backoff:
    """``jitter`` (0 to 1) puts each pause between half and all of its length: many who failed at once must
    not all come back at once."""

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self._failures = 0

    def next_s(self) -> float:
        """The pause after one more failure."""
        longest_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return longest_s * (0.5 + 0.5 * self._jitter())

    def reset(self) -> None:
        """It went well."""
        self._failures = 0
