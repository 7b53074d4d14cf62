"""Routes that FastAPI has nothing to resolve for never skip a dependency."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response

from spit.service.direct_route import DirectRoute, DirectRoutes
from spit.service.problems import ProblemError, install_problem_handlers


def refuse() -> None:
    raise HTTPException(401)


def router_of(**options: Any) -> APIRouter:
    router = APIRouter(route_class=DirectRoute)

    @router.get("/x", **options)
    async def endpoint(request: Request) -> Response:
        return Response(request.url.path)

    return router


def status(app: FastAPI, method: str = "GET", path: str = "/x") -> int:
    async def send() -> int:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://spit.test") as client:
            return (await client.request(method, path)).status_code

    return asyncio.run(send())


def placed(router: APIRouter) -> FastAPI:
    app = FastAPI()
    app.router.routes.extend(router.routes)
    install_problem_handlers(app)
    return app


def before(router: APIRouter) -> FastAPI:
    """As the service does it: in the router, and answered before it."""
    app = placed(router)
    app.add_middleware(DirectRoutes, routes=router.routes, handlers=app.exception_handlers)
    return app


def included(router: APIRouter, **options: Any) -> FastAPI:
    app = FastAPI()
    app.include_router(router, **options)
    return app


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (placed(router_of()), 200),
        (included(router_of()), 200),
        (placed(router_of(dependencies=[Depends(refuse)])), 401),
        (included(router_of(dependencies=[Depends(refuse)])), 401),
        (included(router_of(), dependencies=[Depends(refuse)]), 401),
        (before(router_of()), 200),
        (before(router_of(dependencies=[Depends(refuse)])), 401),
    ],
)
def test_dependencies_are_asked_however_they_came(app: FastAPI, expected: int) -> None:
    assert status(app) == expected
    assert "/x" in app.openapi()["paths"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [(ProblemError(409, "no"), 409), (HTTPException(418), 418), (ZeroDivisionError(), 500)],
)
def test_errors_of_a_direct_route_are_answered_as_those_of_others(error: Exception, expected: int) -> None:
    router = APIRouter(route_class=DirectRoute)

    @router.get("/x", response_class=Response)
    async def endpoint(_request: Request) -> Response:
        raise error

    assert status(before(router)) == status(placed(router)) == expected


def test_only_its_own_method_and_path_are_a_direct_routes() -> None:
    app = before(router_of())
    assert status(app, "POST") == status(app, "HEAD") == 405
    assert status(app, path="/x/") == 307
    assert status(app, path="/y") == 404
