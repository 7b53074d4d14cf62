"""GET and POST /v1/score: three request forms in, one attempt scored, three answer forms out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pyarrow as pa
from fastapi import APIRouter, Request, Response

from spit.config import Config
from spit.records import Mode
from spit.service import identity
from spit.service.answer_forms import ScoreAnswer, render
from spit.service.attempts import (
    ScoreFields,
    ScoreForm,
    ScoreHeaders,
    ScoreOptions,
    ScoreQuery,
    ScoreRequest,
    attempt_row,
)
from spit.service.contract import Engine
from spit.service.direct_route import DirectRoute
from spit.service.fields import read_fields
from spit.service.guard import is_limited
from spit.service.metrics import ServiceMetrics
from spit.service.openapi import SCORE_REQUEST_BODY, SCORE_RESPONSES, query_parameters
from spit.service.overload import ScoreGate, ShedError
from spit.service.problems import ProblemError
from spit.service.scopes import security_of
from spit.service.score_question import (
    Question,
    body_question,
    query_question,
    read_json,
    read_options,
)
from spit.service.score_request import read_body, read_headers
from spit.service.tenants import tenant_named

_HEADERS = query_parameters(ScoreHeaders, place="header")
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
SIP_TYPES = ("application/sip", "message/sip")
#: In the ASGI scope of a question for which the engine has been asked in vain: when, by ``Scorer.timer``.
WAITS_SINCE = "spit.waits_since_s"

_log = logging.getLogger("spit.service")


class Scorer:
    """Scores one request. What has to wait for the engine runs in a thread of ``gate``.

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
        #: Seconds, for the histogram.
        self.timer = timer
        self._gate = gate
        gate.on_shed = metrics.count_shed
        self._failing = False

    async def answer_fields(
        self, question: Question, *, limited: bool = False, waits_since_s: float | None = None
    ) -> ScoreAnswer:
        """The answer for caller and callee as fields, or within the budget that the call is allowed.

        Given on this thread while the engine is free: to hand it to another takes as long as to score.
        ``limited``: who asks, asks too often. ``waits_since_s``: when ``score_now`` was asked in vain.
        """
        may_ask = waits_since_s is None and not question.fields.observe
        now = partial(self.score_now, question) if may_ask else None
        work = partial(self.score_fields, question.fields, question.tenant)
        return await self._answer(now, work, limited=limited, since_s=waits_since_s)

    def score_now(self, question: Question) -> ScoreAnswer | None:
        """The answer, without observing; None where that would have to wait. Counts nothing."""
        return self._score(self._reader(question.fields), now=True, tenant=question.tenant)

    def count(self, answer: ScoreAnswer, since_s: float) -> None:
        """Count an answer that was asked for at ``since_s`` by ``timer``."""
        self._metrics.score_seconds.observe(self.timer() - since_s)
        self._metrics.count_answer(answer)

    async def answer_invite(
        self, data: bytes, *, source_ip: str | None, observe: bool, tenant: str = "", limited: bool = False
    ) -> ScoreAnswer:
        """As ``score_invite``, or within the budget that the call is allowed. Raises ProblemError (400)."""
        work = partial(self.score_invite, data, source_ip=source_ip, observe=observe, tenant=tenant)
        return await self._answer(None, work, limited=limited)

    async def _answer(
        self,
        now: Callable[[], ScoreAnswer | None] | None,
        work: Callable[[], ScoreAnswer],
        *,
        limited: bool,
        since_s: float | None = None,
    ) -> ScoreAnswer:
        """``now`` where it can be had at once, else ``work`` in a thread."""
        started_s = self.timer() if since_s is None else since_s
        answer: ScoreAnswer | None = None
        try:
            if limited:
                raise self._gate.shed("rate")
            if now is not None:
                self._gate.check_loop()
                answer = now()
            if answer is None:
                answer = await self._gate.run(work)
        except ShedError:
            answer = self.open_answer()
        self.count(answer, started_s)
        return answer

    def open_answer(self) -> ScoreAnswer:
        """The answer when nothing was scored."""
        return ScoreAnswer.open(model=self._engine.model_name, mode=self.mode)

    def warm_up(self) -> None:
        """Score one attempt of nobody: what is loaded at first use takes longer than a call may."""
        self.score_fields(ScoreRequest(caller="anonymous@invalid", callee="anonymous@invalid"))

    def score_fields(self, request: ScoreFields, tenant: str = "") -> ScoreAnswer:
        """The answer for caller and callee as fields; waits for the engine."""
        answer = self._score(self._reader(request), observe=request.observe, tenant=tenant)
        assert answer is not None  # noqa: S101  it has waited
        return answer

    def _reader(self, request: ScoreFields) -> Callable[[int], Mapping[str, object]]:
        return lambda time_us: attempt_row(request, time_us=time_us, canonicalise=self._canonicalise)

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

        answer = self._score(row, observe=observe, tenant=tenant)
        assert answer is not None  # noqa: S101  it has waited
        return answer

    def _score(
        self, row: Callable[[int], Any], *, observe: bool = False, now: bool = False, tenant: str = ""
    ) -> ScoreAnswer | None:
        """Whatever fails in here but the request itself, the SBC gets an answer and the call goes through.

        ``now``: None when that would have to wait.
        """
        try:
            attempt = row(self._time_source())
            assessment = (
                self._engine.assess_now(attempt, tenant=tenant)
                if now
                else self._engine.assess(attempt, observe=observe, tenant=tenant)
            )
            if assessment is None:
                return None
            answer = ScoreAnswer.of(assessment)
        except ProblemError:
            raise
        except Exception as error:  # noqa: BLE001
            self._report(error)
            answer = self.open_answer()
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
    router = APIRouter(tags=["score"], route_class=DirectRoute)
    security = {"security": security_of("score")}

    # Parameters are read by hand: FastAPI's own way takes as long as all the rest (docs/decisions/0020).
    @router.get(
        "/v1/score",
        responses=SCORE_RESPONSES,
        response_class=Response,
        operation_id="score_query",
        openapi_extra={**security, "parameters": [*query_parameters(ScoreQuery), *_HEADERS]},
    )
    async def score_query(request: Request) -> Response:
        """Score an attempt by query parameters. Reads; counts only with observe=true."""
        scope = request.scope
        headers = read_headers(scope["headers"])
        question = query_question(scope, headers)
        answer = await scorer.answer_fields(
            question, limited=is_limited(scope), waits_since_s=scope.get(WAITS_SINCE)
        )
        return render(answer, headers.accept)

    @router.post(
        "/v1/score",
        responses=SCORE_RESPONSES,
        response_class=Response,
        operation_id="score",
        openapi_extra={
            **security,
            "parameters": [*query_parameters(ScoreOptions), *_HEADERS],
            "requestBody": SCORE_REQUEST_BODY,
        },
    )
    async def score(request: Request) -> Response:
        """Score an attempt by JSON, by a form, or by its raw INVITE. Reads; counts only with observe=true."""
        scope = request.scope
        headers = read_headers(scope["headers"])
        media_type, limited = headers.media_type, is_limited(scope)
        options = read_options(scope)
        if media_type in SIP_TYPES:
            answer = await scorer.answer_invite(
                await read_body(request.receive),
                source_ip=options.source_ip,
                observe=options.observe,
                tenant=tenant_named(scope, options.tenant, headers.tenant),
                limited=limited,
            )
            return render(answer, headers.accept)
        if media_type == "application/json":
            fields: ScoreFields = read_json(await read_body(request.receive))
        elif media_type in FORM_TYPES:
            async with request.form(max_files=0, max_fields=100) as form:
                fields = read_fields(ScoreForm, dict(form))
        else:
            expected = "application/json, application/x-www-form-urlencoded or application/sip"
            raise ProblemError(415, f"expected Content-Type {expected}, found {media_type or 'none'}")
        question = body_question(scope, headers, options, fields)
        answer = await scorer.answer_fields(question, limited=limited, waits_since_s=scope.get(WAITS_SINCE))
        return render(answer, headers.accept)

    return router
