"""Routes that FastAPI has nothing to resolve for never skip a dependency."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response

from spit.service.direct_route import DirectRoute


def refuse() -> None:
    raise HTTPException(401)


def router_of(**options: Any) -> APIRouter:
    router = APIRouter(route_class=DirectRoute)

    @router.get("/x", **options)
    async def endpoint(request: Request) -> Response:
        return Response(request.url.path)

    return router


def status(app: FastAPI) -> int:
    async def send() -> int:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://spit.test"
        ) as client:
            return (await client.get("/x")).status_code

    return asyncio.run(send())


def placed(router: APIRouter) -> FastAPI:
    app = FastAPI()
    app.router.routes.extend(router.routes)
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
    ],
)
def test_dependencies_are_asked_however_they_came(app: FastAPI, expected: int) -> None:
    assert status(app) == expected
    assert "/x" in app.openapi()["paths"]
