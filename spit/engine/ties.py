"""What attempts share, as keys for the evidence of campaigns, and whether they go to strangers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spit._core import hash_blocks, hash_keys, withheld
from spit.model.campaign_evidence import TIES
from spit.model.evidence import U64, Mask

#: Numbers that differ in their last four digits are of one block.
_BLOCK_DIGITS = 4
_CONTACT_AGE = "pair_contact_age_s"
#: A contact longer ago than this is forgotten: five minutes short of the 7 days at which its age is cut.
_FORGOTTEN_S = 7 * 86_400.0 - 300.0


def caller_keys(attempts: pa.RecordBatch) -> U64:
    """uint64[n]: a key per caller; 0 where nobody is named."""
    callers = attempts["caller"]
    return hash_keys(pc.if_else(pa.array(withheld(callers)), pa.scalar(None, pa.string()), callers))


def tie_keys(attempts: pa.RecordBatch) -> list[U64]:
    """uint64[n] for each of ``campaign_evidence.TIES``; 0 where the attempt has no such tie."""
    source = attempts["source_ip"]
    peer = pc.binary_join_element_wise(source, attempts["fingerprint"], "|")
    keys = {
        "peer": hash_keys(peer),
        "source": hash_keys(source),
        "origid": hash_keys(attempts["origid"]),
        "caller_block": hash_blocks(attempts["caller"], digits=_BLOCK_DIGITS),
        "callee_block": hash_blocks(attempts["callee"], digits=_BLOCK_DIGITS),
    }
    return [keys[tie] for tie in TIES]


def is_first_contact(names: tuple[str, ...], values: np.ndarray) -> Mask:
    """bool[n]: the caller had not called the callee within a week; all True without that feature."""
    if _CONTACT_AGE not in names:
        return np.ones(len(values), np.bool_)
    return np.asarray(values[:, names.index(_CONTACT_AGE)] >= _FORGOTTEN_S, dtype=np.bool_)
