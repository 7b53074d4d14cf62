"""The two calls into Rust that the service makes: canonical identities, and an INVITE's bytes."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

#: A URI or a number to its canonical identity, None when it holds none.
Canonicalise = Callable[[str], str | None]


def canonicaliser(settings: dict[str, object]) -> Canonicalise:
    """``_core.canonical_identity`` under the number rules of [identity]."""
    from spit import _core

    return _core.Identities(settings).canonical


def parse_attempt(
    data: bytes, *, time_us: int, source_ip: str | None, settings: dict[str, object]
) -> pa.RecordBatch:
    """One attempt from the bytes of an INVITE. Raises ValueError: what was expected and what was found."""
    from spit import _core

    return _core.parse_attempt(data, time_us=time_us, source_ip=source_ip, settings=settings)
