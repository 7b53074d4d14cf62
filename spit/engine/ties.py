"""What attempts share, as keys for the evidence of campaigns, and whether they go to strangers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from spit._core import OneAttempt, event_keys
from spit.features.event_keys import EventKeys
from spit.model.campaign_evidence import TIES
from spit.model.evidence import U64, Mask

CONTACT_AGE = "pair_contact_age_s"
#: A contact longer ago than this is forgotten: five minutes short of the 7 days at which its age is cut.
FORGOTTEN_S = 7 * 86_400.0 - 300.0


_COLUMNS = ["caller", "callee", "source_ip", "fingerprint", "origid"]
#: The ties by their names in _core.event_keys.
_TIE_KEYS = [
    {
        "peer": "tie_peer",
        "source": "source",
        "origid": "origid",
        "caller_block": "identity_block",
        "callee_block": "callee_block",
    }[tie]
    for tie in TIES
]


def caller_keys(attempts: pa.RecordBatch) -> U64:
    """uint64[n]: a key per caller; 0 where nobody is named."""
    keys: U64 = event_keys(attempts.select(_COLUMNS), ["caller"])[0]
    return keys


def tie_keys(attempts: pa.RecordBatch) -> list[U64]:
    """uint64[n] for each of ``campaign_evidence.TIES``; 0 where the attempt has no such tie."""
    return list(event_keys(attempts.select(_COLUMNS), _TIE_KEYS))


def ties_of(keys: EventKeys) -> list[U64]:
    """``tie_keys`` of attempts whose keys are known."""
    return [keys[name] for name in _TIE_KEYS]


def tie_keys_of_one(attempt: OneAttempt) -> list[int]:
    """``tie_keys`` of one attempt."""
    return [attempt.key(name) for name in _TIE_KEYS]


def is_first_contact(names: tuple[str, ...], values: np.ndarray) -> Mask:
    """bool[n]: the caller had not called the callee within a week; all True without that feature."""
    if CONTACT_AGE not in names:
        return np.ones(len(values), np.bool_)
    return np.asarray(values[:, names.index(CONTACT_AGE)] >= FORGOTTEN_S, dtype=np.bool_)
