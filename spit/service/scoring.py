"""GET and POST /v1/score: three request forms in, one attempt scored, three answer forms out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated

import pyarrow as pa
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from spit.config import Config
from spit.records import Mode
from spit.service import identity
from spit.service.answer_forms import ScoreAnswer, render
from spit.service.attempts import (
    Address,
    ScoreFields,
    ScoreForm,
    ScoreQuery,
    ScoreRequest,
    Tenant,
    attempt_row,
)
from spit.service.contract import Engine
from spit.service.metrics import ServiceMetrics
from spit.service.openapi import SCORE_REQUEST_BODY, SCORE_RESPONSES
from spit.service.problems import FieldError, ProblemError, show, validation_problem

TenantHeader = Annotated[
    Tenant | None, Header(alias="X-Spit-Tenant", description="the same as the field tenant")
]
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
SIP_TYPES = ("application/sip", "message/sip")

_log = logging.getLogger("spit.service")


class Scorer:
    """Scores one request. Runs in a worker thread: the engine may be busy with a batch of events.

    ``mode`` is what answers say that nothing could be scored; it may be replaced while it serves.
    """

    def __init__(
        self,
        engine: Engine,
        config: Config,
        metrics: ServiceMetrics,
        *,
        time_source: Callable[[], int],
        timer: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self.mode = Mode(config.policy.mode)
        self._settings = config.core_settings()
        self._canonicalise = identity.canonicaliser(self._settings)
        self._time_source = time_source
        self._timer = timer
        self._failing = False

    def score_fields(self, request: ScoreFields, tenant: str | None = None) -> ScoreAnswer:
        """The answer for caller and callee as fields. ``tenant``: of the header, None without one."""

        def row(time_us: int) -> pa.RecordBatch:
            return attempt_row(request, time_us=time_us, canonicalise=self._canonicalise)

        return self._score(row, observe=request.observe, tenant=one_tenant(request.tenant, tenant))

    def score_invite(
        self, data: bytes, *, source_ip: str | None, observe: bool, tenant: str = ""
    ) -> ScoreAnswer:
        """The answer for the bytes of an INVITE. Raises ProblemError (400) when they are none."""

        def row(time_us: int) -> pa.RecordBatch:
            try:
                return identity.parse_attempt(
                    data, time_us=time_us, source_ip=source_ip, settings=self._settings
                )
            except ValueError as error:
                raise ProblemError(400, str(error)) from None

        return self._score(row, observe=observe, tenant=tenant)

    def _score(self, row: Callable[[int], pa.RecordBatch], *, observe: bool, tenant: str) -> ScoreAnswer:
        """Whatever fails in here but the request itself, the SBC gets an answer and the call goes through."""
        started_s = self._timer()
        try:
            attempt = row(self._time_source())
            answer = ScoreAnswer.of(self._engine.assess(attempt, observe=observe, tenant=tenant))
        except ProblemError:
            raise
        except Exception as error:  # noqa: BLE001
            self._report(error)
            answer = ScoreAnswer.open(model=self._engine.model_name, mode=self.mode)
        else:
            self._report(None)
        self._metrics.score_seconds.observe(self._timer() - started_s)
        self._metrics.count_answer(answer)
        return answer

    def _report(self, error: Exception | None) -> None:
        """Logs when scoring starts to fail and when it is back: a traceback per call would hide both."""
        failing, self._failing = self._failing, error is not None
        if error is not None and not failing:
            _log.error("attempts cannot be scored, calls are allowed until they can", exc_info=error)
        elif error is None and failing:
            _log.warning("attempts are scored again")


def score_router(scorer: Scorer) -> APIRouter:
    """The two routes."""
    router = APIRouter(tags=["score"])

    @router.get("/v1/score", responses=SCORE_RESPONSES, response_class=Response, operation_id="score_query")
    async def score_query(
        request: Request, fields: Annotated[ScoreQuery, Query()], x_spit_tenant: TenantHeader = None
    ) -> Response:
        """Score an attempt by query parameters. Reads; counts only with observe=true."""
        answer = await run_in_threadpool(scorer.score_fields, fields, x_spit_tenant)
        return render(answer, _accept(request))

    @router.post(
        "/v1/score",
        responses=SCORE_RESPONSES,
        response_class=Response,
        operation_id="score",
        openapi_extra={"requestBody": SCORE_REQUEST_BODY},
    )
    async def score(
        request: Request,
        observe: Annotated[bool, Query(description="count this attempt too: there is no mirror")] = False,
        source_ip: Annotated[Address, Query(description="for application/sip: who sent the INVITE")] = None,
        tenant: Annotated[Tenant, Query(description="for application/sip: whose lists are asked")] = "",
        x_spit_tenant: TenantHeader = None,
    ) -> Response:
        """Score an attempt by JSON, by a form, or by its raw INVITE. Reads; counts only with observe=true."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type in SIP_TYPES:
            data = await request.body()
            answer = await run_in_threadpool(
                scorer.score_invite,
                data,
                source_ip=source_ip,
                observe=observe,
                tenant=one_tenant(tenant, x_spit_tenant),
            )
            return render(answer, _accept(request))
        if media_type == "application/json":
            fields: ScoreFields = read_json(await request.body())
        elif media_type in FORM_TYPES:
            async with request.form(max_files=0, max_fields=100) as form:
                fields = read_form(dict(form))
        else:
            expected = "application/json, application/x-www-form-urlencoded or application/sip"
            raise ProblemError(415, f"expected Content-Type {expected}, found {media_type or 'none'}")
        if observe:
            fields = fields.model_copy(update={"observe": True})
        answer = await run_in_threadpool(scorer.score_fields, fields, x_spit_tenant)
        return render(answer, _accept(request))

    return router


def one_tenant(field: str, header: str | None) -> str:
    """Raises ProblemError (422) when both name one and not the same."""
    if field and header is not None and header != field:
        mistake = FieldError(field="tenant", expected=f"that of X-Spit-Tenant ({header})", found=show(field))
        raise ProblemError(422, "the request names two tenants", [mistake])
    return field or header or ""


def read_json(body: bytes) -> ScoreRequest:
    """Raises ProblemError: 400 when it is not JSON, 422 when a field is wrong."""
    try:
        return ScoreRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            raise ProblemError(400, f"expected a JSON object, found a mistake: {first['msg']}") from None
        raise validation_problem(error) from None


def read_form(form: dict[str, object]) -> ScoreForm:
    """Raises ProblemError (422) when a field is wrong."""
    try:
        return ScoreForm.model_validate(form)
    except ValidationError as error:
        raise validation_problem(error) from None


def _accept(request: Request) -> str:
    return ",".join(request.headers.getlist("accept"))
