"""The id of the request that runs: in its answer, in problem documents, in log lines."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

#: "" outside of a request.
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
HEADER = b"x-request-id"

_SANE = re.compile(rb"[A-Za-z0-9_.-]{1,64}")


def request_id(given: bytes | None) -> str:
    """The client's own id where it is 1 to 64 letters, digits and ``_.-``; else 16 random hex digits."""
    if given is not None and _SANE.fullmatch(given) is not None:
        return given.decode("ascii")
    return secrets.token_hex(8)
