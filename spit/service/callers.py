"""GET /v1/callers/{id}: what the engine knows of one caller."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter
from pydantic import BaseModel, Field

from spit.records import ActionKind, Label
from spit.service.answer_forms import ReasonModel
from spit.service.contract import Engine
from spit.service.identity import Canonicalise
from spit.service.openapi import problems
from spit.service.problems import ProblemError, show
from spit.service.scopes import requires


class CallerModel(BaseModel):
    """A row of ``spit score`` by caller."""

    caller: str = Field(description="canonical identity")
    label: Label
    score: float = Field(ge=0, le=1)
    action: ActionKind
    reasons: list[ReasonModel]
    attempts: int
    flagged_at_attempt: int | None = Field(description="the attempt at which it was first not legit")
    first_seen: float = Field(description="epoch seconds")
    last_seen: float = Field(description="epoch seconds")
    source_ips: list[str]
    model: str
    call_ids: list[str] = Field(description="of its first labelled attempts")


def callers_router(engine: Engine, canonicalise: Canonicalise) -> APIRouter:
    """The route."""
    router = APIRouter(tags=["callers"], dependencies=requires("read"))

    @router.get(
        "/v1/callers/{id:path}",
        response_model=CallerModel,
        responses=problems(401, 403, 404, 422, 429),
        operation_id="caller",
    )
    def caller(id: str) -> CallerModel:  # noqa: A002  the contract names the parameter
        """What is known of a caller: a canonical identity, or a URI or number that becomes one."""
        summary = engine.caller(id)
        if summary is None:
            identity = canonicalise(id)
            summary = engine.caller(identity) if identity is not None and identity != id else None
        if summary is None:
            raise ProblemError(404, f"no attempt of caller {show(id)} is remembered")
        return CallerModel(
            caller=summary.caller,
            label=summary.label,
            score=summary.score,
            action=summary.action,
            reasons=[ReasonModel(**asdict(reason)) for reason in summary.reasons],
            attempts=summary.attempts,
            flagged_at_attempt=summary.flagged_at_attempt,
            first_seen=summary.first_seen,
            last_seen=summary.last_seen,
            source_ips=list(summary.source_ips),
            model=summary.model,
            call_ids=list(summary.call_ids),
        )

    return router
