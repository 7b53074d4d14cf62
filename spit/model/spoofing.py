"""Numbers that others abuse: a subscriber whose number is spoofed must not pay for it.

The sign is a storm of calls *to* the number from strangers (people call back, or complain) while calls *from*
it come from more than one source. Either alone is nothing: a wangiri number is called back at one source, a
roaming subscriber has two sources and no storm.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from spit._core import Pairs, Sums, find_victims, hash_keys, hash_pairs
from spit.errors import InputError
from spit.model.evidence import I64, U64, Mask

#: Calls from strangers within about an hour that make a storm: three times a day's calls of a subscriber.
STORM_CALLS = 12.0
STORM_TIME_CONSTANT_S = 3600.0
#: For how long a source counts as the caller's own.
SOURCE_WINDOW_S = 7 * 86_400.0
#: Decayed count of the caller's sources; below 2 because the older one has lost weight.
_SEVERAL_SOURCES = 1.5
_PAIRS_PER_CALLER = 4
_STATES = ("sources", "source_counts", "inbound")


class SpoofVictims:
    """Watches who is called by strangers, and from where callers call. Bounded; order-exact."""

    def __init__(self, *, max_callers: int = 1_000_000) -> None:
        self._sources = Pairs(window_s=SOURCE_WINDOW_S, max_pairs=_PAIRS_PER_CALLER * max_callers)
        self._source_counts = Sums(1, [SOURCE_WINDOW_S], idle_s=SOURCE_WINDOW_S, max_keys=max_callers)
        self._inbound = Sums(
            1, [STORM_TIME_CONSTANT_S], idle_s=24 * STORM_TIME_CONSTANT_S, max_keys=max_callers
        )

    def update(
        self, callers: pa.Array, callees: pa.Array, source_ips: pa.Array, times_us: I64, strangers: Mask
    ) -> Mask:
        """bool[n]: whether each attempt shows the number of a spoof victim; then counts the attempts.

        ``strangers``: the caller had not called the callee before. Identities are canonical; null allowed.
        """
        keys = hash_keys(callers), hash_keys(callees), hash_pairs(callers, source_ips)
        return self.update_keys(*keys, times_us, strangers)

    def update_keys(self, callers: U64, callees: U64, pairs: U64, times_us: I64, strangers: Mask) -> Mask:
        """``update`` by the keys of callers and callees, and of caller and source address."""
        return find_victims(
            self._sources,
            self._source_counts,
            self._inbound,
            callers=callers,
            callees=callees,
            pairs=pairs,
            times_us=times_us,
            strangers=strangers,
            storm_calls=STORM_CALLS,
            several_sources=_SEVERAL_SOURCES,
        )

    def read(self, callers: pa.Array, source_ips: pa.Array, times_us: I64) -> Mask:
        """As ``update``, and counts nothing."""
        pairs, keys = hash_pairs(callers, source_ips), hash_keys(callers)
        new_source = np.isnan(self._sources.read(pairs, times_us)) & (pairs != 0)
        before = np.nan_to_num(self._source_counts.read(keys, times_us)[:, 0])
        return self._is_victim(self._inbound.read(keys, times_us)[:, 0], before + new_source)

    def read_one(self, caller: int, pair: int, time_us: int) -> bool:
        """``read`` of one attempt by the keys of the caller, and of caller and source address."""
        if not caller or not self._inbound.read_one(caller, time_us)[0] >= STORM_CALLS:
            return False
        is_new = pair != 0 and np.isnan(self._sources.read_one(pair, time_us))
        return bool(self._source_counts.read_one(caller, time_us)[0] + is_new >= _SEVERAL_SOURCES)

    def states(self) -> dict[str, pa.RecordBatch]:
        """Everything that ``restore`` needs, by name."""
        return {name: primitive.state() for name, primitive in self._primitives().items()}

    def restore(self, states: Mapping[str, pa.RecordBatch]) -> None:
        """Replace what is known by saved states. Raises InputError when one is missing."""
        if set(states) != set(_STATES):
            raise InputError(f"spoofing state: expected {', '.join(_STATES)}, found {', '.join(states)}")
        for name, primitive in self._primitives().items():
            primitive.restore(states[name])

    def counters(self) -> dict[str, int]:
        """Keys held and evicted, by name."""
        return {
            f"{name}_{counter}": value
            for name, primitive in self._primitives().items()
            for counter, value in primitive.counters().items()
        }

    def _primitives(self) -> dict[str, Sums | Pairs]:
        return dict(zip(_STATES, (self._sources, self._source_counts, self._inbound), strict=True))

    @staticmethod
    def _is_victim(received: np.ndarray, sources: np.ndarray) -> Mask:
        return np.asarray((received >= STORM_CALLS) & (sources >= _SEVERAL_SOURCES), dtype=np.bool_)
