"""Routes that are answered before the router: nothing is resolved, matched or opened for them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


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
        return self.direct

    @property
    def direct(self) -> Endpoint:
        """The endpoint."""
        endpoint: Endpoint = self.endpoint
        return endpoint


class DirectRoutes:
    """ASGI middleware, the last before the router: answers the direct routes among ``routes`` by itself.

    They stand in the router too, for the OpenAPI document and for methods that they do not take. Those with
    dependencies or with parameters in their path are left to the router. ``handlers``: of errors, by class,
    as the application has them.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Iterable[BaseRoute],
        handlers: Mapping[Any, Callable[[Request, Exception], Any]],
    ) -> None:
        self._app = app
        self._handlers = handlers
        self._routes = {
            (method, route.path): (route, route.direct)
            for route in routes
            if isinstance(route, DirectRoute)
            and not route.dependant.dependencies
            and not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        scope["route"], endpoint = found
        request = Request(scope, receive, send)
        try:
            response = await endpoint(request)
        except Exception as error:
            handled = self._handled(request, error)
            if handled is None:
                raise
            response = handled
        await response(scope, receive, send)

    def _handled(self, request: Request, error: Exception) -> Response | None:
        """None where only the handler of all exceptions is left, which is not asked here."""
        for kind in type(error).__mro__:
            if kind is Exception:
                break
            if kind in self._handlers:
                response: Response = self._handlers[kind](request, error)
                return response
        return None


class DirectResponse(Response):
    """200 with these bytes and these headers, names in lower case, Content-Length and Content-Type too."""

    def __init__(self, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        self.status_code = 200
        self.body = body
        self.raw_headers = headers
        self.background = None
