"""GET /v1/verdicts and /v1/verdicts.csv: the last changes of verdict, and the callers to block now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spit.enforce.block_list import block_list
from spit.enforce.feed import VerdictFeed, passes
from spit.enforce.verdicts import CallerVerdict, Standing
from spit.records import ActionKind, Label, Mode
from spit.service.openapi import problems
from spit.service.scopes import requires

#: Query parameters that pick changes; a change passes by what it is or by what it was before.
Labels = Annotated[list[Label], Query(description="only changes from or to one of these labels")]
Actions = Annotated[list[ActionKind], Query(description="only changes from or to one of these actions")]
WouldActions = Annotated[list[ActionKind], Query(description="the same by what enforcing would do")]

_MAX_LIMIT = 1_000


class StandingModel(BaseModel):
    """What was said of the caller before."""

    label: Label
    action: ActionKind
    would_action: ActionKind


class VerdictModel(StandingModel):
    """A change of verdict."""

    sequence: int = Field(description="rises with each change, also when the service starts again")
    time: float = Field(description="epoch seconds of the attempt that it rests on, or of another policy")
    caller: str = Field(description="canonical identity")
    action: ActionKind = Field(description="what is done; allow in monitor mode")
    would_action: ActionKind = Field(description="what enforcing would do")
    mode: Mode
    score: float = Field(ge=0, le=1)
    reasons: list[str] = Field(description="symbols; may be empty in a flood of new callers")
    attempts: int
    model: str
    ttl_s: int = Field(description="for how many seconds it holds without another attempt")
    was: StandingModel


class VerdictsModel(BaseModel):
    """The last changes, oldest first."""

    verdicts: list[VerdictModel]
    first_sequence: int = Field(description="the oldest change that is kept")
    last_sequence: int = Field(description="the newest change; one less than the first when there is none")


def verdicts_router(feed: VerdictFeed, time_source: Callable[[], int]) -> APIRouter:
    """The two routes."""
    router = APIRouter(tags=["verdicts"], dependencies=requires("read"))

    @router.get(
        "/v1/verdicts",
        response_model=VerdictsModel,
        responses=problems(422),
        operation_id="verdicts",
    )
    def verdicts(
        limit: Annotated[int, Query(ge=1, le=_MAX_LIMIT, description="how many at most")] = 100,
        label: Labels = [],  # noqa: B006  FastAPI copies it
        action: Actions = [],  # noqa: B006
        would_action: WouldActions = [],  # noqa: B006
    ) -> VerdictsModel:
        """The last changes of verdict, oldest first."""
        chosen = [
            verdict
            for verdict in feed.latest(feed.history)
            if is_chosen(verdict, label, action, would_action)
        ]
        _, first, last = feed.range()
        return VerdictsModel(
            verdicts=[_model(verdict) for verdict in chosen[-limit:]],
            first_sequence=first,
            last_sequence=last,
        )

    @router.get(
        "/v1/verdicts.csv",
        response_class=Response,
        responses={
            200: {
                "description": "a header and a line per caller whose calls are ended: caller,action,expires",
                "content": {"text/csv": {"schema": {"type": "string"}}},
            }
        },
        operation_id="block_list",
    )
    def csv() -> Response:
        """The callers to block now; none in monitor mode."""
        return Response(block_list(feed.standing(), time_source()), media_type="text/csv")

    return router


def is_chosen(
    verdict: CallerVerdict,
    labels: list[Label],
    actions: list[ActionKind],
    would_actions: list[ActionKind],
) -> bool:
    """Whether the query parameters pick this change."""
    return passes(
        verdict,
        labels=frozenset(labels),
        actions=frozenset(actions),
        would_actions=frozenset(would_actions),
    )


def _model(verdict: CallerVerdict) -> VerdictModel:
    return VerdictModel(
        sequence=verdict.sequence,
        time=verdict.time_us / 1e6,
        caller=verdict.caller,
        label=verdict.standing.label,
        action=verdict.standing.action,
        would_action=verdict.standing.would_action,
        mode=verdict.mode,
        score=round(verdict.score, 6),
        reasons=list(verdict.symbols),
        attempts=verdict.attempts,
        model=verdict.model,
        ttl_s=verdict.ttl_s,
        was=_standing(verdict.was),
    )


def _standing(standing: Standing) -> StandingModel:
    return StandingModel(label=standing.label, action=standing.action, would_action=standing.would_action)
