"""What a key must be allowed to do before a route answers."""

from __future__ import annotations

from typing import Any


def requires(_scope: str) -> list[Any]:
    """The dependencies of a route for which a key needs this scope; none while there are no keys."""
    return []
