"""The FastAPI application: routes, limits and metrics around one engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, cast

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

import spit
from spit.config import Config
from spit.enforce.feed import VerdictFeed
from spit.engine.appeals import AppealLifts
from spit.engine.observers import Observers
from spit.export.prometheus import Sample
from spit.service.audit import audit_router
from spit.service.callers import callers_router
from spit.service.calls import calls_router
from spit.service.contract import CallerSummary, Engine
from spit.service.control import install_control_errors
from spit.service.direct_route import DirectRoutes
from spit.service.events import events_router
from spit.service.feedback import feedback_router
from spit.service.guard import Guard, GuardMiddleware
from spit.service.identity import canonicaliser
from spit.service.limits import BodyLimit
from spit.service.lists import MAX_IMPORT_BYTES, lists_router
from spit.service.metrics import RequestCounter, ServiceMetrics, refusal_samples
from spit.service.model import model_router
from spit.service.openapi import install_openapi, problems
from spit.service.overload import ScoreGate
from spit.service.plain_questions import PlainQuestions
from spit.service.problems import ProblemError, install_problem_handlers
from spit.service.request_log import AccessLog, RequestLog
from spit.service.scopes import requires
from spit.service.scoring import Scorer, score_router
from spit.service.verdict_stream import VerdictStreams, stream_router
from spit.service.verdicts import verdicts_router

if TYPE_CHECKING:
    from spit.engine.control_data import ControlData


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Answers are verdicts."""

    status: Literal["ok"] = "ok"
    warnings: list[str] | None = Field(
        default=None, description="what is not as it should be; absent: nothing"
    )


def create_app(
    engine: Engine,
    config: Config,
    *,
    time_source: Callable[[], int],
    timer: Callable[[], float] = time.perf_counter,
    failure: Callable[[], str | None] | None = None,
    samples: Callable[[], list[Sample]] | None = None,
    guard: Guard | None = None,
    observers: Observers | None = None,
    gate: ScoreGate | None = None,
    control: ControlData | None = None,
) -> FastAPI:
    """The application.

    ``time_source``: the time at which attempts are scored, epoch µs; the wall clock in live operation, the
    engine's own event time when a capture of the past is all it knows (``server.event_time``).
    ``timer``: seconds of a clock that never goes back, for the latency histogram. ``failure``: why a
    capture in this process has stopped, None while it runs. ``samples``: what else goes to /metrics.
    ``guard``: asks for keys and counts requests; by default it asks for none. ``observers``: those of
    ``engine``. ``gate``: bounds the waiting of attempts. ``control``: lists and
    keys; None where no database is configured. ``app.state`` has the ``scorer``, the ``guard`` and the
    ``plain_questions`` (``connections.http_protocol``).
    """
    app = FastAPI(
        title="spit",
        version=spit.__version__,
        description="Tells a session border controller whether a call attempt is spam.",
        docs_url=None,  # both pages load scripts from a public network
        redoc_url=None,
    )
    looking_on = observers or Observers()

    lifts = AppealLifts(
        control,
        policy=lambda: engine.policy,
        was_blocked=lambda caller: _was_blocked(engine.caller(caller)),
        lift_s=config.feedback.appeal_lift_s,
    )
    guard = guard or make_guard(config)
    app.state.guard = guard

    def all_samples() -> list[Sample]:
        own = [*(samples() if samples is not None else []), *looking_on.samples(), *streams.samples()]
        kept = control.samples() if control is not None else []
        kept += lifts.samples()
        return [*own, *kept, *refusal_samples(guard.refusals())]

    metrics = ServiceMetrics(engine.counters, all_samples)
    canonicalise = canonicaliser(config.core_settings())
    gate = gate or ScoreGate(
        threads=config.service.score_threads,
        budget_s=config.service.score_budget_ms / 1e3,
        clock=time.perf_counter,
    )
    scorer = Scorer(engine, config, metrics, gate, time_source=time_source, timer=timer)
    app.state.scorer = scorer
    # With access_log "all" every request has its line: then each goes the long way.
    app.state.plain_questions = (
        None
        if config.service.access_log == "all"
        else PlainQuestions(
            scorer,
            gate,
            guard,
            metrics,
            clock=time.perf_counter,
            max_header_bytes=config.service.max_header_bytes,
            max_body_bytes=config.service.max_score_bytes,
        )
    )
    direct_routes = score_router(scorer).routes
    app.router.routes.extend(direct_routes)  # not included: DirectRoute
    max_unpacked = config.service.max_events_bytes
    app.include_router(events_router(engine, metrics, canonicalise, max_unpacked))
    app.include_router(callers_router(engine, canonicalise))
    app.include_router(calls_router(looking_on.records, canonicalise, time_source))
    app.include_router(feedback_router(looking_on.feedback, lifts, canonicalise, time_source))
    app.include_router(model_router(engine, looking_on))
    app.include_router(lists_router(control, canonicalise))
    app.include_router(audit_router(control))
    install_control_errors(app)
    feed = looking_on.verdicts.feed if looking_on.verdicts is not None else VerdictFeed()
    streams = VerdictStreams(feed, config.verdicts)
    app.state.streams = streams
    app.include_router(verdicts_router(feed, time_source))
    app.include_router(stream_router(streams))

    @app.get("/healthz", response_model=Health, tags=["operation"], operation_id="healthz")
    async def healthz() -> Health:
        """The process is alive."""
        return Health()

    @app.get(
        "/readyz",
        response_model=Readiness,
        response_model_exclude_none=True,
        responses=problems(503),
        tags=["operation"],
        operation_id="readyz",
    )
    async def readyz() -> Readiness:
        """A model is loaded and, where this process captures, it does: answers are verdicts."""
        if not engine.model_name:
            raise ProblemError(503, "no model is loaded")
        if failure is not None and (words := failure()) is not None:
            raise ProblemError(503, words)
        # A control database that is away is no 503: verdicts go on, and no scorer at all would be worse.
        warning = control.warning() if control is not None else None
        return Readiness(warnings=None if warning is None else [warning])

    @app.get(
        "/metrics",
        response_class=Response,
        dependencies=requires("read"),
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
            **problems(401, 403, 429),
        },
        tags=["operation"],
        operation_id="metrics",
    )
    def exposition() -> Response:
        """Prometheus text format."""
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    install_problem_handlers(app)
    install_openapi(app)
    # The last one added sees the request first: refused bodies are counted too.
    app.add_middleware(DirectRoutes, routes=direct_routes, handlers=app.exception_handlers)
    app.add_middleware(
        BodyLimit,
        default=config.service.max_score_bytes,
        limits={"/v1/events": config.service.max_events_bytes, "/v1/lists/import": MAX_IMPORT_BYTES},
        header_bytes=config.service.max_header_bytes,
        timeout_s=config.service.body_timeout_s,
    )
    app.add_middleware(GuardMiddleware, guard=guard)
    app.add_middleware(RequestCounter, metrics=metrics)
    access = cast(AccessLog, config.service.access_log)
    app.add_middleware(RequestLog, access=access, timer=time.perf_counter)
    return app


def _was_blocked(summary: CallerSummary | None) -> bool:
    return summary is not None and summary.flagged_at_attempt is not None


def make_guard(config: Config) -> Guard:
    """A guard with the rates of ``config`` that asks for no key yet."""
    return Guard(
        clock=time.monotonic,
        now=time.time,
        request_rate=config.service.request_rate,
        score_rate=config.service.score_rate,
    )
