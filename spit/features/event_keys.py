"""The keys of events: what the primitives are asked for, and what evidence and campaigns are counted by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]

#: Names in ``_core.event_keys``.
EVENT_KEYS = [
    *("caller", "callee", "origid", "block", "callee_block", "source", "peer"),
    *("contact", "contact_reverse", "peer_caller", "peer_callee"),
    *("identity", "identity_source", "identity_block", "tie_peer"),
]
_PLACES = {name: place for place, name in enumerate(EVENT_KEYS)}


class EventKeys:
    """The keys of n events by name (EVENT_KEYS), uint64[n], 0 where there is none.

    caller, callee: the person, the same key in both roles. source, peer (source and fingerprint), origid;
    block, callee_block (numbers of caller and callee without their last 4 digits); contact, contact_reverse,
    peer_caller, peer_callee: ordered pairs. identity, identity_block: of the caller, whatever it names;
    identity_source: it and the source; tie_peer: as peer, another key.
    """

    def __init__(self, keys: U64) -> None:
        """``keys``: uint64 [EVENT_KEYS, n]."""
        self._keys = keys

    def __getitem__(self, name: str) -> U64:
        keys: U64 = self._keys[_PLACES[name]]
        return keys
