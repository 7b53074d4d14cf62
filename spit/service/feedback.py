"""POST /v1/feedback: a person, or an application on its behalf, says what a call was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from spit.engine.appeals import AppealLifts, Lift, LiftOutcome
from spit.engine.feedback import (
    Feedback,
    FeedbackError,
    FeedbackKind,
    TooManyReportsError,
    UnknownCallError,
)
from spit.service.attempts import Tenant
from spit.service.control import actor_of
from spit.service.identity import Canonicalise
from spit.service.openapi import problems
from spit.service.problems import FieldError, ProblemError, show
from spit.service.scopes import requires
from spit.service.tenants import tenant_of

#: The year 2100: catches milliseconds where seconds are meant.
_LAST_TIME_S = 4_102_444_800


#: Something but blanks and control characters: only then there is an identity in it.
_Identity = Annotated[str, StringConstraints(max_length=4096, pattern=r"[^\x00-\x20\x7f]")]


def _tell_who_reports(schema: dict[str, Any]) -> None:
    """An appeal is the caller's and names its call; of the others either reporter or callee says so."""
    text, nothing = {"type": "string"}, {"type": "null"}
    others = {"enum": ["report", "last_call", "not_spam"]}
    schema["anyOf"] = [
        {
            "required": ["reporter", "call_id"],
            "properties": {
                "kind": {"const": "appeal"},
                "reporter": text,
                "call_id": text,
                "callee": {"anyOf": [text, nothing]},
            },
        },
        {
            "required": ["reporter"],
            "properties": {"kind": others, "reporter": text, "callee": nothing},
        },
        {
            "required": ["callee"],
            "properties": {"kind": others, "callee": text, "reporter": nothing},
        },
    ]


class FeedbackRequest(BaseModel):
    """One report. ``report``, ``last_call`` and ``not_spam`` are the callee's, ``appeal`` is the caller's."""

    model_config = ConfigDict(json_schema_extra=_tell_who_reports)

    kind: Literal["report", "last_call", "not_spam", "appeal"]
    reporter: _Identity | None = Field(default=None, description="who says so: URI or number")
    callee: _Identity | None = Field(
        default=None,
        description="the same, of kinds that are the callee's; of an appeal: that of the call, to whom alone "
        "the caller is let through",
    )
    tenant: Tenant = Field(default="", description="of an appeal: for whose calls alone the block is lifted")
    call_id: str | None = Field(
        default=None, max_length=4096, description="the call; the last one when left out"
    )
    caller: _Identity | None = Field(default=None, description="URI or number that must have called")
    time: float | None = Field(
        default=None, ge=0, le=_LAST_TIME_S, description="epoch seconds; now when left out"
    )

    @model_validator(mode="after")
    def _one_reporter(self) -> FeedbackRequest:
        if self.kind == "appeal":
            if self.reporter is None:
                raise ValueError("expected reporter with an appeal: the caller appeals")
        elif (self.reporter is None) == (self.callee is None):
            raise ValueError("expected either reporter or callee")
        return self


class FeedbackAccepted(BaseModel):
    """The report was written down."""

    kind: str
    label: Literal["spam", "ham"] = Field(description="what the report says of the call")
    call_id: str
    caller: str = Field(description="canonical identity of the call's caller")
    lift: LiftOutcome | None = Field(
        default=None, description="of an appeal: whether the caller's calls pass now, and if not why"
    )
    lifted_until: float | None = Field(default=None, description="epoch seconds; absent: nothing ends")


def feedback_router(
    feedback: Feedback | None, lifts: AppealLifts, canonicalise: Canonicalise, time_source: Callable[[], int]
) -> APIRouter:
    """The route. ``feedback``: None where no store is configured."""
    router = APIRouter(tags=["feedback"], dependencies=requires("feedback"))

    @router.post(
        "/v1/feedback",
        status_code=202,
        response_model=FeedbackAccepted,
        response_model_exclude_none=True,
        responses=problems(400, 401, 403, 404, 413, 422, 429, 503),
        operation_id="report_call",
    )
    def report_call(http: Request, request: FeedbackRequest) -> FeedbackAccepted:
        """Report a call. Labels follow when several independent reporters say the same (docs/learning.md).

        An appeal lifts the block of its caller for a while.
        """
        if feedback is None:
            raise ProblemError(404, "no feedback is kept: feedback.store names no file")
        name = "reporter" if request.reporter is not None else "callee"
        reporter = _identity(request.reporter or request.callee or "", name, canonicalise)
        caller = None if request.caller is None else _identity(request.caller, "caller", canonicalise)
        is_appeal = request.kind == "appeal"
        scope = _identity(request.callee, "callee", canonicalise) if is_appeal and request.callee else ""
        tenant = tenant_of(http, request.tenant)
        now_us = time_source()
        time_us = now_us if request.time is None else round(request.time * 1e6)
        try:
            report = feedback.report(
                FeedbackKind(request.kind),
                reporter=reporter,
                time_us=time_us,
                call_id=request.call_id,
                caller=caller,
                callee=scope or None,
            )
        except UnknownCallError as error:
            raise ProblemError(404, str(error)) from None
        except TooManyReportsError as error:
            raise ProblemError(429, str(error)) from None
        except FeedbackError as error:
            raise ProblemError(422, str(error)) from None
        except OSError as error:
            raise ProblemError(503, f"the report cannot be written down: {error.strerror or error}") from None
        lift: Lift | None = None
        if is_appeal:
            lift = lifts.lift(report, actor=actor_of(http), time_us=now_us, tenant=tenant, callee=scope)
        until_us = None if lift is None else lift.until_us
        return FeedbackAccepted(
            kind=report.kind.value,
            label="ham" if report.label == "ham" else "spam",
            call_id=report.call_id,
            caller=report.caller,
            lift=None if lift is None else lift.outcome,
            lifted_until=None if until_us is None else until_us / 1e6,
        )

    return router


def _identity(text: str, field: str, canonicalise: Canonicalise) -> str:
    found = canonicalise(text)
    if found is None:
        raise ProblemError(
            422,
            f"the request has mistakes in: {field}",
            [FieldError(field=field, expected="a URI or a number", found=show(text))],
        )
    return found
