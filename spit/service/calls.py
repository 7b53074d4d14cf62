"""GET /v1/calls: finished calls from the call records, the newest first."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spit.engine.call_records import CallRecords
from spit.errors import SpitError
from spit.service.answer_forms import JSON
from spit.service.identity import Canonicalise
from spit.service.openapi import problems
from spit.service.problems import ProblemError
from spit.service.scopes import requires
from spit.storage.call_queries import CallQueries, Wanted

#: Questions at once: they read files, and scores must not wait for worker threads.
_QUESTIONS_AT_ONCE = 1
_MAX_CALLS = 1_000
_DAY_S = 86_400.0
#: The year 2100: catches milliseconds where seconds are meant.
_LAST_TIME_S = 4_102_444_800


class CallsModel(BaseModel):
    """Call records."""

    calls: list[dict[str, Any]] = Field(description="rows of spit records calls, the newest first")
    since: float = Field(description="epoch seconds; what was asked for, or a day before until")


_Who = Query(max_length=1024, description="canonical identity, URI or number")
_When = Query(ge=0, le=_LAST_TIME_S)


def calls_router(
    records: CallRecords | None, canonicalise: Canonicalise, time_source: Callable[[], int]
) -> APIRouter:
    """The route. ``records``: None where none are kept. ``time_source``: epoch µs."""
    router = APIRouter(tags=["calls"], dependencies=requires("read"))
    limiter = CapacityLimiter(_QUESTIONS_AT_ONCE)
    queries = None if records is None else CallQueries(records.view)

    def identity(text: str | None) -> str | None:
        if text is None:
            return None
        found = canonicalise(text) or text
        pseudonyms = None if records is None else records.pseudonyms
        return found if pseudonyms is None else pseudonyms.of(found)

    def answer(wanted: Wanted) -> bytes:
        """Made here and not where every request is served: many rows take a while."""
        if queries is None:
            raise ProblemError(404, "no call records are kept: records.directory names no folder")
        rows = queries.calls(wanted).to_pylist()
        calls = [{name: _number(value) for name, value in row.items()} for row in rows]
        return json.dumps({"calls": calls, "since": wanted.since_s}, allow_nan=False).encode()

    @router.get(
        "/v1/calls",
        response_model=CallsModel,
        responses=problems(401, 403, 404, 422, 429, 503),
        operation_id="list_calls",
    )
    async def list_calls(
        caller: Annotated[str | None, _Who] = None,
        callee: Annotated[str | None, _Who] = None,
        since: Annotated[float | None, _When] = None,
        until: Annotated[float | None, _When] = None,
        limit: Annotated[int, Query(ge=1, le=_MAX_CALLS)] = 100,
    ) -> Response:
        """Finished calls that started from ``since`` (else a day before ``until``, or now) to ``until``."""
        now_s = time_source() / 1e6
        since_s = max((now_s if until is None else until) - _DAY_S, 0.0) if since is None else since
        wanted = Wanted(
            caller=identity(caller), callee=identity(callee), since_s=since_s, until_s=until, limit=limit
        )
        try:
            body = await to_thread.run_sync(answer, wanted, limiter=limiter)
        except SpitError as error:
            raise ProblemError(503, f"the call records cannot be read: {error}") from None
        return Response(body, media_type=JSON)

    return router


def _number(value: object) -> object:
    """JSON knows no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
