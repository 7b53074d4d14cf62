"""Token buckets: how many requests a second one key or one peer may make."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import lru_cache

#: A bucket takes some 200 bytes; who is forgotten begins with a full one.
MAX_BUCKETS = 10_000


class TokenBuckets:
    """A bucket for each key: ``rate_per_s`` tokens flow in, at most ``burst`` are held.

    ``clock``: seconds, monotonic. Of more than ``max_buckets`` the one used longest ago is forgotten.
    A rate of 0 lets everything pass. Not thread-safe: it belongs to the event loop.
    """

    def __init__(
        self,
        rate_per_s: float,
        burst: float,
        *,
        clock: Callable[[], float],
        max_buckets: int = MAX_BUCKETS,
    ) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._clock = clock
        self._max = max_buckets
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # tokens, at
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Hashable) -> float:
        """Take a token: 0.0, or after how many seconds there will be one."""
        tokens, now_s = self._fill(key)
        if tokens >= 1.0:
            self._put(key, tokens - 1.0, now_s)
            return 0.0
        self._put(key, tokens, now_s)
        return (1.0 - tokens) / self._rate_per_s

    def wait_s(self, key: Hashable) -> float:
        """As ``take``, and nothing is taken."""
        tokens, _ = self._fill(key)
        return 0.0 if tokens >= 1.0 else (1.0 - tokens) / self._rate_per_s

    def _fill(self, key: Hashable) -> tuple[float, float]:
        now_s = self._clock()
        if self._rate_per_s <= 0:
            return self._burst + 1.0, now_s
        tokens, at_s = self._buckets.get(key, (self._burst, now_s))
        # A clock that went back must not empty anybody's bucket.
        return min(self._burst, tokens + max(now_s - at_s, 0.0) * self._rate_per_s), now_s

    def _put(self, key: Hashable, tokens: float, now_s: float) -> None:
        if self._rate_per_s <= 0:
            return
        self._buckets[key] = (tokens, now_s)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._max:
            self._buckets.popitem(last=False)
            self.evicted += 1


def peer_of(client: tuple[str, int] | None) -> str:
    """Whose bucket a connection without a key takes from: its address, of IPv6 the /64 it is in.

    One customer has a whole /64 and could make every request from another address of it.
    """
    return "unknown" if client is None else _peer_of_host(client[0])


@lru_cache(maxsize=1024)  # there are few peers, and each asks often
def _peer_of_host(host: str) -> str:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
