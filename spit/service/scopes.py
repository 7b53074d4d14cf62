"""``requires``: which scope a router's requests need; also what OpenAPI says of keys."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Security
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBearer
from fastapi.security.base import SecurityBase

from spit.service.guard import Guard
from spit.storage.keyring import SCOPES


class _BearerScope(SecurityBase):
    """Checks the scope of who asks; FastAPI lists it in the document as the scheme that it is."""

    def __init__(self, scope: str) -> None:
        self.scheme_name = "bearerKey"
        self.model = HTTPBearer(description="an API key, or the token of agents")
        self._scope = scope

    async def __call__(self, request: Request) -> None:
        guard: Guard = request.app.state.guard
        guard.check(request.scope, self._scope)


class _HeaderKey(SecurityBase):
    """The other way to show a key; only for the document, the guard has read both."""

    def __init__(self) -> None:
        self.scheme_name = "headerKey"
        self.model = APIKey.model_validate(
            {"in": APIKeyIn.header, "name": "X-API-Key", "description": "an API key"}
        )

    async def __call__(self) -> None:
        return None


def security_of(scope: str) -> list[dict[str, list[str]]]:
    """What the document says of a route whose scope the guard itself checks: either way to show the key."""
    return [{"bearerKey": [scope]}, {"headerKey": [scope]}]


def requires(scope: str) -> list[Any]:
    """Dependencies for ``APIRouter(dependencies=requires("read"))`` or one route.

    A request without the scope is a 401 or 403 problem. Where no keys are configured everybody may ask.
    Raises ValueError for a scope that does not exist.
    """
    if scope not in SCOPES:
        raise ValueError(f"expected a scope of {', '.join(SCOPES)}, found {scope!r}")
    return [Security(_BearerScope(scope), scopes=[scope]), Security(_HeaderKey(), scopes=[scope])]
