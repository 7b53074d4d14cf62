"""POST /v1/events: call events from agents, or from an SBC that has no mirror."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel

from spit.service.contract import Engine
from spit.service.event_batches import decode_arrow, decode_json
from spit.service.identity import Canonicalise
from spit.service.metrics import ServiceMetrics
from spit.service.openapi import ARROW_STREAM, EVENTS_REQUEST_BODY, problems
from spit.service.problems import ProblemError

#: Batches decoded at once: big ones must not take the worker threads that scores are waiting for.
_BATCHES_AT_ONCE = 2


class EventsAccepted(BaseModel):
    """How many events were counted: all of the request, or none."""

    accepted: int


def events_router(engine: Engine, metrics: ServiceMetrics, canonicalise: Canonicalise) -> APIRouter:
    """The route."""
    router = APIRouter(tags=["events"])
    limiter = CapacityLimiter(_BATCHES_AT_ONCE)

    def accept(body: bytes, media_type: str) -> int:
        batch: pa.RecordBatch
        batch = decode_arrow(body) if media_type == ARROW_STREAM else decode_json(body, canonicalise)
        if batch.num_rows:
            engine.observe(batch)
        metrics.events.inc(batch.num_rows)
        return int(batch.num_rows)

    extra: dict[str, Any] = {"requestBody": EVENTS_REQUEST_BODY}

    @router.post(
        "/v1/events",
        response_model=EventsAccepted,
        responses=problems(400, 413, 415, 422, 500),
        openapi_extra=extra,
        operation_id="observe_events",
    )
    async def observe_events(request: Request) -> EventsAccepted:
        """Count call events. All of the request or nothing of it is applied."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in {"application/json", ARROW_STREAM}:
            expected = f"application/json or {ARROW_STREAM}"
            raise ProblemError(415, f"expected Content-Type {expected}, found {media_type or 'none'}")
        body = await request.body()
        accepted = await to_thread.run_sync(accept, body, media_type, limiter=limiter)
        return EventsAccepted(accepted=accepted)

    return router
