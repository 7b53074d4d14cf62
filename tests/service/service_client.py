"""A small deterministic engine and a synchronous client for the tests of the HTTP service."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pyarrow as pa
from fastapi import FastAPI

from spit.config import Config, PolicyConfig, ServiceConfig
from spit.engine.questions import attempt_batch
from spit.engine.receipts import Receipts
from spit.policy import Policy
from spit.policy.lists import Lists
from spit.records import Action, ActionKind, Label, Reason, Verdict
from spit.service.app import create_app, make_guard
from spit.service.guard import Guard
from spit.service.keyring import KeyRing

NOW_US = 1_700_000_000_000_000
SPAMMER = "+12025550199"
SUSPECT = "+12025550150"
FRIEND = "+12025550100"
ENFORCE = Config(policy=PolicyConfig(mode="enforce", redress="https://example.net/blocked"))


@dataclass(frozen=True)
class TableAssessment:
    verdict: Verdict
    action: Action


@dataclass(frozen=True)
class TableSummary:
    caller: str
    label: Label
    score: float
    action: ActionKind
    reasons: tuple[Reason, ...]
    attempts: int
    flagged_at_attempt: int | None
    first_seen: float
    last_seen: float
    source_ips: tuple[str, ...]
    model: str
    call_ids: tuple[str, ...] = ("call-1",)


class TableEngine:
    """Scores by a table of callers, counts attempts, decides by the real policy."""

    def __init__(self, config: Config, lists: Lists | None = None) -> None:
        self.model_name = "table/1"
        self.scores = {SPAMMER: 0.97, SUSPECT: 0.6}
        self.reasons: tuple[Reason, ...] = (
            Reason("CALLER_RATE", 1.5, "many attempts"),
            Reason("SEQUENTIAL", 2.5, "in a row"),
        )
        self.failure: Exception | None = None
        self.unkept: Exception | None = None
        self.busy = False
        self.events: list[dict[str, Any]] = []
        self.assessed: list[dict[str, Any]] = []
        self.receipts = Receipts()
        self.policy = Policy(config.policy, lists=lists)

    def observe(self, events: pa.RecordBatch) -> None:
        self.events.extend(events.to_pylist())

    def receive(self, events: pa.RecordBatch, agent: str | None = None, number: int = 0) -> bool:
        if agent is not None and self.receipts.is_applied(agent, number):
            return False
        if self.unkept is not None:
            raise self.unkept
        self.observe(events)
        if agent is not None:
            self.receipts.add(agent, number)
        return True

    def assess_now(self, attempt: Mapping[str, object], *, tenant: str = "") -> TableAssessment | None:
        return None if self.busy else self.assess(attempt, tenant=tenant)

    def assess(
        self, attempt: pa.RecordBatch | Mapping[str, object], *, observe: bool = False, tenant: str = ""
    ) -> TableAssessment:
        if self.failure is not None:
            raise self.failure
        batch = attempt_batch(attempt)
        (row,) = batch.to_pylist()
        self.assessed.append(row)
        if observe:
            self.observe(batch)
        verdict = self._verdict(row["caller"])
        action = self.policy.decide(
            verdict,
            callee=row["callee"],
            exemption=row["exemption"],
            tenant=tenant,
            time_us=row["time_us"],
            remember=True,
        )
        return TableAssessment(verdict, action)

    def caller(self, caller: str) -> TableSummary | None:
        rows = [row for row in self.events if row["caller"] == caller]
        if not rows:
            return None
        verdict = self._verdict(caller)
        action = self.policy.decide(verdict, callee=None, exemption=None)
        return TableSummary(
            caller=caller,
            label=verdict.label,
            score=verdict.score,
            action=action.kind,
            reasons=verdict.reasons,
            attempts=len(rows),
            flagged_at_attempt=1 if verdict.label is not Label.LEGIT else None,
            first_seen=rows[0]["time_us"] / 1e6,
            last_seen=rows[-1]["time_us"] / 1e6,
            source_ips=tuple(sorted({row["source_ip"] for row in rows if row["source_ip"]})),
            model=self.model_name,
        )

    def now_us(self) -> int | None:
        return max((row["time_us"] for row in self.events), default=None)

    def counters(self) -> dict[str, int]:
        return {"events": len(self.events), "evicted": 0}

    def _verdict(self, caller: str | None) -> Verdict:
        score = self.scores.get(caller or "", 0.02)
        label = self.policy.label(score)
        reasons = () if label is Label.LEGIT else self.reasons
        return Verdict(caller, score, label, reasons, self.model_name, 1, ("call-1",))


class Service:
    """One app over one engine; every call is one request."""

    def __init__(
        self,
        config: Config = Config(),  # noqa: B008  frozen
        lists: Lists | None = None,
        **options: Any,
    ) -> None:
        if config.service.score_budget_ms == ServiceConfig().score_budget_ms:
            # A busy machine must not turn verdicts into degraded answers; tests of the budget set their own.
            config = with_service(config, score_budget_ms=60_000)
        self.engine = TableEngine(config, lists)
        ticks = iter(range(10**6))
        options.setdefault("time_source", lambda: NOW_US)
        self.app: FastAPI = create_app(self.engine, config, timer=lambda: float(next(ticks)), **options)

    def request(self, method: str, url: str, **arguments: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            # A crash becomes the 500 that a client would see.
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://spit.test") as client:
                return await client.request(method, url, **arguments)

        return asyncio.run(send())

    def get(self, url: str, **arguments: Any) -> httpx.Response:
        return self.request("GET", url, **arguments)

    def post(self, url: str, **arguments: Any) -> httpx.Response:
        return self.request("POST", url, **arguments)


def guarded(*rings: KeyRing, token: str = "", config: Config = Config()) -> Guard:  # noqa: B008  frozen
    """A guard that knows these keys and this token of agents."""
    guard = make_guard(config)
    guard.configure(rings, token)
    return guard


def with_service(config: Config, **changes: Any) -> Config:
    """``config`` with other values in [service]."""
    return replace(config, service=replace(config.service, **changes))


def problem(response: httpx.Response, status: int) -> Mapping[str, Any]:
    """The problem document of a response, after checking that it is a whole one."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: Mapping[str, Any] = response.json()
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document
