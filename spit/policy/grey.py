"""Who was refused and may call back: greylisting of calls (ITU-T X.1246, call-back delay)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

#: Pairs of caller and callee remembered; the one that called longest ago leaves first.
MAX_PAIRS = 200_000

Key = tuple[str, str, str | None]
#: A pair with its first refusal, epoch µs, and the last call that passed, 0 where none did.
GreyPair = tuple[Key, tuple[int, int]]


class GreyMemory:
    """Remembers refused calls by tenant, caller and callee. Thread-safe, bounded.

    A call back passes from ``delay_s`` after the first refusal on, for ``window_s``; a pair that has passed
    goes on passing while its calls are no more than ``window_s`` apart. A program that dials number
    after number never comes back to one; a person does.
    """

    def __init__(self, *, max_pairs: int = MAX_PAIRS) -> None:
        self._max_pairs = max_pairs
        #: The first refusal, epoch µs, and the last call that passed, 0 where none did.
        self._pairs: OrderedDict[Key, tuple[int, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._evicted = 0
        self._refused = 0
        self._passed = 0

    def passes(self, key: Key, time_us: int, *, delay_s: int, window_s: int, remember: bool = True) -> bool:
        """Whether a call at ``time_us`` (epoch µs) passes.

        ``remember``: it is a call, not a question about one.
        """
        with self._lock:
            first_us, passed_us = self._pairs.get(key, (time_us, 0))
            # A clock that was put back must not make a caller wait for the time that it lost.
            first_us = min(first_us, time_us)
            since_us = passed_us or first_us + delay_s * 1_000_000
            if time_us - since_us > window_s * 1_000_000:
                first_us, passed_us = time_us, 0
            passes = bool(passed_us) or time_us - first_us >= delay_s * 1_000_000
            if remember:
                self._pairs[key] = first_us, time_us if passes else 0
                self._pairs.move_to_end(key)
                if len(self._pairs) > self._max_pairs:
                    self._pairs.popitem(last=False)
                    self._evicted += 1
                self._passed += passes
                self._refused += not passes
            return passes

    def pairs(self) -> list[GreyPair]:
        """All pairs, the one that called longest ago first."""
        with self._lock:
            return list(self._pairs.items())

    def restore(self, pairs: Sequence[GreyPair]) -> None:
        """Remember what ``pairs`` told and nothing else; the newest that there is room for."""
        with self._lock:
            self._pairs = OrderedDict(pairs[-self._max_pairs :])

    def counters(self) -> dict[str, int]:
        """Pairs remembered and evicted, calls refused and passed."""
        with self._lock:
            return {
                "grey_pairs": len(self._pairs),
                "grey_pairs_evicted": self._evicted,
                "grey_refused": self._refused,
                "grey_passed": self._passed,
            }
