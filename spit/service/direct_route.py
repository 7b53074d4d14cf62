"""A route whose endpoint takes the request as it came: FastAPI has nothing to resolve for it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute


class DirectRoute(APIRoute):
    """Calls its endpoint with the Request alone where it stands in ``app.router.routes`` itself.

    A route that has dependencies, or is included by a router (which may bring some), goes FastAPI's way: none
    is ever skipped.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Asked by FastAPI when the route is made, and again for each inclusion."""
        is_included = hasattr(self, "app")
        if is_included or self.dependant.dependencies:
            return super().get_route_handler()
        endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return endpoint
