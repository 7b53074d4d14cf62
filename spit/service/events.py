"""POST /v1/events: call events from agents, or from an SBC that has no mirror."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Annotated, Any

import pyarrow as pa
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field

from spit.engine.receipts import StaleBatchError
from spit.service.contract import Engine
from spit.service.event_batches import decode_arrow, decode_json
from spit.service.identity import Canonicalise
from spit.service.metrics import ServiceMetrics
from spit.service.openapi import ARROW_STREAM, EVENTS_REQUEST_BODY, problems
from spit.service.problems import FieldError, ProblemError, show
from spit.storage.journal import JournalError

#: Batches decoded at once: big ones must not take the worker threads that scores are waiting for.
_BATCHES_AT_ONCE = 2
#: Requests that wait for the disk together: one sync does for all of them.
_WAITING_AT_ONCE = 32
_RETRY_AFTER = {"Retry-After": "5"}


class EventsAccepted(BaseModel):
    """How many events were counted: all of the request, or none."""

    accepted: int
    duplicate: bool = Field(default=False, description="this batch of the agent was counted before")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a batch, and which of its batches it is."""

    agent: str
    batch: int


class AgentKey:
    """The token that agents must send; empty: none is asked for. May be replaced while it serves."""

    def __init__(self, token: str = "") -> None:
        self.token = token

    def check(self, authorization: str) -> None:
        """Raises ProblemError (401)."""
        scheme, _, given = authorization.partition(" ")
        sound = scheme.lower() == "bearer" and hmac.compare_digest(
            given.strip().encode(), self.token.encode()
        )
        if self.token and not sound:
            raise ProblemError(401, "expected the header Authorization: Bearer with the token of agents")


def events_router(
    engine: Engine,
    metrics: ServiceMetrics,
    canonicalise: Canonicalise,
    key: AgentKey,
    max_unpacked: int,
) -> APIRouter:
    """The route. ``max_unpacked``: bytes that a compressed body may take when unpacked."""
    router = APIRouter(tags=["events"])
    decoding = CapacityLimiter(_BATCHES_AT_ONCE)
    counting = CapacityLimiter(_WAITING_AT_ONCE)

    def decode(body: bytes, media_type: str) -> pa.RecordBatch:
        if media_type == ARROW_STREAM:
            return decode_arrow(body, max_unpacked)
        return decode_json(body, canonicalise)

    def count(batch: pa.RecordBatch, sender: Sender | None) -> EventsAccepted:
        try:
            if sender is not None:
                applied = engine.receive(batch, sender.agent, sender.batch)
            else:
                applied = batch.num_rows == 0 or engine.receive(batch)
        except StaleBatchError as error:
            raise ProblemError(409, str(error)) from None
        except JournalError as error:
            raise ProblemError(503, f"{error}; send them again later", headers=_RETRY_AFTER) from None
        if not applied:
            metrics.duplicate_batches.inc()
            metrics.duplicate_events.inc(batch.num_rows)
            return EventsAccepted(accepted=0, duplicate=True)
        metrics.events.inc(batch.num_rows)
        return EventsAccepted(accepted=batch.num_rows)

    extra: dict[str, Any] = {"requestBody": EVENTS_REQUEST_BODY}

    @router.post(
        "/v1/events",
        response_model=EventsAccepted,
        response_model_exclude_defaults=True,
        responses=problems(400, 401, 409, 413, 415, 422, 500, 503),
        openapi_extra=extra,
        operation_id="observe_events",
    )
    async def observe_events(
        request: Request,
        x_spit_agent: Annotated[str | None, Header(description="who sends; with X-Spit-Batch")] = None,
        x_spit_batch: Annotated[
            str | None, Header(description="number of the batch; each agent counts its own up")
        ] = None,
        authorization: Annotated[
            str | None, Header(description="Bearer and the token, where one is configured")
        ] = None,
    ) -> EventsAccepted:
        """Count call events: all of the request or nothing, a numbered batch once, kept before answered."""
        key.check(authorization or "")
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in {"application/json", ARROW_STREAM}:
            expected = f"application/json or {ARROW_STREAM}"
            raise ProblemError(415, f"expected Content-Type {expected}, found {media_type or 'none'}")
        sender = read_sender(x_spit_agent, x_spit_batch)
        body = await request.body()
        batch = await to_thread.run_sync(decode, body, media_type, limiter=decoding)
        return await to_thread.run_sync(count, batch, sender, limiter=counting)

    return router


def read_sender(agent: str | None, batch: str | None) -> Sender | None:
    """None without both headers. Raises ProblemError (422) when only one is there, or one is wrong."""
    if agent is None and batch is None:
        return None
    errors = []
    if agent is None or re.fullmatch(r"[!-~]{1,128}", agent) is None:
        expected = "1 to 128 printable ASCII characters without blanks"
        errors.append(FieldError(field="X-Spit-Agent", expected=expected, found=show(agent or "nothing")))
    if batch is None or re.fullmatch(r"[0-9]{1,19}", batch) is None or int(batch) >= 2**63:
        expected = "a whole number of at most 63 bits"
        errors.append(FieldError(field="X-Spit-Batch", expected=expected, found=show(batch or "nothing")))
    if errors:
        fields = ", ".join(error.field for error in errors)
        raise ProblemError(422, f"nothing was accepted; there are mistakes in: {fields}", errors)
    return Sender(str(agent), int(str(batch)))
