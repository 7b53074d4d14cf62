"""The share of callers for whom the policy is enforced while it is being introduced."""

from __future__ import annotations

import hashlib


def is_enforced(caller: str | None, share: float) -> bool:
    """Whether a caller belongs to the share (0 to 1) that is enforced.

    The same caller is always on the same side, in every process and on every machine; with a larger share
    those who were in it stay in it. An attempt without a caller identity is in it only when everybody is.
    """
    if share >= 1.0:
        return True
    if caller is None:
        return False
    digest = hashlib.blake2b(caller.encode("utf-8", "surrogatepass"), digest_size=8, person=b"spit-share")
    return int.from_bytes(digest.digest()) < share * 2.0**64
