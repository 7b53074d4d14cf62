"""GET and POST /v1/score: three request forms in, one attempt scored, three answer forms out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Annotated

import pyarrow as pa
from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from spit.config import Config
from spit.records import Mode
from spit.service import identity
from spit.service.answer_forms import ScoreAnswer, render
from spit.service.attempts import Address, ScoreFields, ScoreForm, ScoreQuery, ScoreRequest, attempt_row
from spit.service.contract import Engine
from spit.service.guard import is_limited
from spit.service.metrics import ServiceMetrics
from spit.service.openapi import SCORE_REQUEST_BODY, SCORE_RESPONSES
from spit.service.overload import ScoreGate, ShedError
from spit.service.problems import ProblemError, validation_problem
from spit.service.scopes import security_of

FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
SIP_TYPES = ("application/sip", "message/sip")

_log = logging.getLogger("spit.service")


class Scorer:
    """Scores one request, in a thread of ``gate``: the engine may be busy with a batch of events.

    ``mode`` is what answers say that nothing could be scored; it may be replaced while it serves.
    """

    def __init__(
        self,
        engine: Engine,
        config: Config,
        metrics: ServiceMetrics,
        gate: ScoreGate,
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
        self._gate = gate
        gate.on_shed = metrics.count_shed
        self._failing = False

    async def answer_fields(self, request: ScoreFields, *, limited: bool = False) -> ScoreAnswer:
        """As ``score_fields``, or within the budget that the call is allowed.

        ``limited``: who asks, asks too often.
        """
        return await self._answer(partial(self.score_fields, request), limited=limited)

    async def answer_invite(
        self, data: bytes, *, source_ip: str | None, observe: bool, limited: bool = False
    ) -> ScoreAnswer:
        """As ``score_invite``, or within the budget that the call is allowed. Raises ProblemError (400)."""
        work = partial(self.score_invite, data, source_ip=source_ip, observe=observe)
        return await self._answer(work, limited=limited)

    async def _answer(self, work: Callable[[], ScoreAnswer], *, limited: bool) -> ScoreAnswer:
        started_s = self._timer()
        try:
            if limited:
                raise self._gate.shed("rate")
            answer = await self._gate.run(work)
        except ShedError:
            answer = ScoreAnswer.open(model=self._engine.model_name, mode=self.mode)
        self._metrics.score_seconds.observe(self._timer() - started_s)
        self._metrics.count_answer(answer)
        return answer

    def warm_up(self) -> None:
        """Score one attempt of nobody: what is loaded at first use takes longer than a call may."""
        self.score_fields(ScoreRequest(caller="anonymous@invalid", callee="anonymous@invalid"))

    def score_fields(self, request: ScoreFields) -> ScoreAnswer:
        """The answer for caller and callee as fields."""

        def row(time_us: int) -> pa.RecordBatch:
            return attempt_row(request, time_us=time_us, canonicalise=self._canonicalise)

        return self._score(row, observe=request.observe)

    def score_invite(self, data: bytes, *, source_ip: str | None, observe: bool) -> ScoreAnswer:
        """The answer for the bytes of an INVITE. Raises ProblemError (400) when they are none."""

        def row(time_us: int) -> pa.RecordBatch:
            try:
                return identity.parse_attempt(
                    data, time_us=time_us, source_ip=source_ip, settings=self._settings
                )
            except ValueError as error:
                raise ProblemError(400, str(error)) from None

        return self._score(row, observe=observe)

    def _score(self, row: Callable[[int], pa.RecordBatch], *, observe: bool) -> ScoreAnswer:
        """Whatever fails in here but the request itself, the SBC gets an answer and the call goes through."""
        try:
            attempt = row(self._time_source())
            answer = ScoreAnswer.of(self._engine.assess(attempt, observe=observe))
        except ProblemError:
            raise
        except Exception as error:  # noqa: BLE001
            self._report(error)
            answer = ScoreAnswer.open(model=self._engine.model_name, mode=self.mode)
        else:
            self._report(None)
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
    security = {"security": security_of("score")}

    @router.get(
        "/v1/score",
        responses=SCORE_RESPONSES,
        response_class=Response,
        operation_id="score_query",
        openapi_extra=security,
    )
    async def score_query(request: Request, fields: Annotated[ScoreQuery, Query()]) -> Response:
        """Score an attempt by query parameters. Reads; counts only with observe=true."""
        answer = await scorer.answer_fields(fields, limited=is_limited(request.scope))
        return render(answer, _accept(request))

    @router.post(
        "/v1/score",
        responses=SCORE_RESPONSES,
        response_class=Response,
        operation_id="score",
        openapi_extra={**security, "requestBody": SCORE_REQUEST_BODY},
    )
    async def score(
        request: Request,
        observe: Annotated[bool, Query(description="count this attempt too: there is no mirror")] = False,
        source_ip: Annotated[Address, Query(description="for application/sip: who sent the INVITE")] = None,
    ) -> Response:
        """Score an attempt by JSON, by a form, or by its raw INVITE. Reads; counts only with observe=true."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type in SIP_TYPES:
            data = await request.body()
            limited = is_limited(request.scope)
            answer = await scorer.answer_invite(data, source_ip=source_ip, observe=observe, limited=limited)
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
        answer = await scorer.answer_fields(fields, limited=is_limited(request.scope))
        return render(answer, _accept(request))

    return router


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
