"""POST /v1/feedback and GET /v1/model: reports are taken or refused in words; who looks on is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from service_client import FRIEND, NOW_US, SPAMMER, Service, guarded, problem

from spit.engine.challenger import Challenger
from spit.engine.drift import DriftMonitor
from spit.engine.feedback import Feedback, FeedbackLimits, Report
from spit.engine.observers import Observers
from spit.features.table import FeatureTable
from spit.model.decision import DecisionParameters
from spit.model.reference import MIN_ROWS, Reference
from spit.records import EVENT_SCHEMA


class Kept:
    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.failure: OSError | None = None

    def append(self, reports: Sequence[Report], /) -> None:
        if self.failure is not None:
            raise self.failure
        self.reports.extend(reports)


class _Named:
    """As much of a model as a challenger that sees no call needs."""

    def __init__(self, name: str) -> None:
        self.name, self.features, self.prior = name, FeatureTable.names, 0.1
        self.decision, self.error_budget = DecisionParameters(), None


def ended_call(call_id: str, ago_s: float = 60.0) -> pa.RecordBatch:
    row = {
        "event": "end",
        "time_us": NOW_US - round(ago_s * 1e6),
        "start_time_us": NOW_US - round((ago_s + 20) * 1e6),
        "method": "INVITE",
        "call_id": call_id,
        "caller": SPAMMER,
        "callee": FRIEND,
        "outcome": "answered",
    }
    return pa.RecordBatch.from_pylist([row], schema=EVENT_SCHEMA)


def service(**options: Any) -> tuple[Service, Kept]:
    kept = Kept()
    feedback = Feedback(kept, key=b"k", limits=FeedbackLimits(reports_per_day=2))
    feedback.observe(ended_call("call-1"))
    return Service(observers=Observers(feedback=feedback), **options), kept


def test_my_last_call_in_any_form_of_number() -> None:
    app, kept = service()
    answer = app.post(
        "/v1/feedback", json={"kind": "last_call", "callee": f"sip:{FRIEND}@example.net;user=phone"}
    )
    assert answer.status_code == 202
    assert answer.json() == {"kind": "last_call", "label": "spam", "call_id": "call-1", "caller": SPAMMER}
    assert [(report.call_id, report.time_us) for report in kept.reports] == [("call-1", NOW_US)]


def test_a_named_call_a_time_and_an_appeal() -> None:
    app, kept = service()
    body = {"kind": "not_spam", "reporter": FRIEND, "call_id": "call-1", "time": NOW_US / 1e6 - 30}
    assert app.post("/v1/feedback", json=body).json()["label"] == "ham"
    assert kept.reports[0].time_us == NOW_US - 30_000_000
    body = {"kind": "appeal", "reporter": SPAMMER, "call_id": "call-1"}
    assert app.post("/v1/feedback", json=body).status_code == 202


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"kind": "last_call", "callee": SPAMMER}, 404, "a call of the last 3600 s"),
        ({"kind": "report", "reporter": FRIEND, "call_id": "other"}, 404, "a call of the last"),
        ({"kind": "report", "reporter": SPAMMER, "call_id": "call-1"}, 422, "the callee of that call"),
        ({"kind": "appeal", "reporter": SPAMMER}, 422, "the call that the appeal is about"),
        ({"kind": "decoy", "reporter": FRIEND}, 422, "mistakes in: kind"),
        ({"kind": "report"}, 422, "mistakes in: body"),
        ({"kind": "report", "callee": FRIEND, "reporter": FRIEND}, 422, "mistakes in: body"),
        ({"kind": "last_call", "callee": FRIEND, "time": 1e12}, 422, "mistakes in: time"),
    ],
)
def test_what_cannot_be_taken_is_told(body: dict[str, Any], status: int, words: str) -> None:
    app, kept = service()
    assert words in problem(app.post("/v1/feedback", json=body), status)["detail"]
    assert kept.reports == []


def test_too_many_reports_are_a_429_and_a_full_disk_is_a_503() -> None:
    app, kept = service()
    body = {"kind": "last_call", "callee": FRIEND}
    assert [app.post("/v1/feedback", json=body).status_code for _ in range(2)] == [202, 202]
    assert "at most 2 reports a day" in problem(app.post("/v1/feedback", json=body), 429)["detail"]
    app, kept = service()
    kept.failure = OSError(28, "No space left on device")
    assert "No space left" in problem(app.post("/v1/feedback", json=body), 503)["detail"]


def test_reports_need_the_token_and_a_store() -> None:
    body = {"kind": "last_call", "callee": FRIEND}
    app, _ = service(guard=guarded(token="secret"))  # noqa: S106
    problem(app.post("/v1/feedback", json=body), 401)
    assert app.post("/v1/feedback", json=body, headers={"Authorization": "Bearer secret"}).status_code == 202
    assert "feedback.store" in problem(Service().post("/v1/feedback", json=body), 404)["detail"]


def test_the_model_alone() -> None:
    assert Service().get("/v1/model").json() == {"model": "table/1", "challenger": None, "drift": None}


def test_the_model_its_challenger_and_drift() -> None:
    rng = np.random.default_rng(1)
    names = ("one", "two")
    rows, score = rng.normal(size=(2 * MIN_ROWS, 2)).astype(np.float32), rng.random(2 * MIN_ROWS)
    drift = DriftMonitor(names, Reference.of(names, rows, score))
    rows[:, 0] += 3.0
    drift.add(rows, score, 0)
    challenger = Challenger(_Named("b/1"), champion=_Named("a/1"))  # type: ignore[arg-type]
    app = Service(observers=Observers(challenger=challenger, drift=drift))
    state = app.get("/v1/model").json()
    assert state["challenger"]["model"] == "b/1"
    assert state["challenger"]["labels"]["spam"] == {"legit": 0, "suspect": 0, "spam": 0}
    assert [one["name"] for one in state["drift"]] == ["score", "one", "two"]
    assert [one["meaning"] for one in state["drift"]] == ["stable", "changed", "stable"]
    metrics = app.get("/metrics").text
    assert 'spit_drift_psi{name="one"}' in metrics
    assert 'spit_challenger_attempts_total{outcome="agreed"} 0.0' in metrics
