"""Batches of agents are counted once, by whom may send them."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from service_client import NOW_US, Service, guarded, problem

from spit.export.prometheus import Sample

EVENT = {"event": "attempt", "time_us": NOW_US, "call_id": "c"}


def post(service: Service, agent: str | None, batch: object, events: Any = EVENT) -> Any:
    headers = {} if agent is None else {"X-Spit-Agent": agent}
    if batch is not None:
        headers["X-Spit-Batch"] = str(batch)
    return service.post("/v1/events", json=events, headers=headers)


def counted(service: Service) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(service.get("/metrics").text)
        for sample in family.samples
        if not sample.labels
    }


def test_a_repeated_batch_is_answered_and_not_counted() -> None:
    service = Service()
    assert post(service, "edge-1", 7).json() == {"accepted": 1}
    again = post(service, "edge-1", 7)
    assert (again.status_code, again.json()) == (200, {"accepted": 0, "duplicate": True})
    assert post(service, "edge-2", 7).json() == {"accepted": 1}
    assert post(service, "edge-1", 8).json() == {"accepted": 1}
    assert len(service.engine.events) == 3
    metrics = counted(service)
    assert metrics["spit_duplicate_batches_total"] == 1
    assert metrics["spit_duplicate_events_total"] == 1
    assert metrics["spit_events_total"] == 3


def test_a_batch_that_came_late_is_counted_and_one_of_long_ago_is_a_conflict() -> None:
    service = Service()
    post(service, "edge", 5_000)
    assert post(service, "edge", 4_998).json() == {"accepted": 1}
    detail = problem(post(service, "edge", 1), 409)["detail"]
    assert "near or above 5000, the highest of agent edge, found 1" in detail
    assert len(service.engine.events) == 2


def test_a_refused_batch_may_come_again() -> None:
    service = Service()
    problem(post(service, "edge", 1, {"event": "begin"}), 422)
    assert post(service, "edge", 1).json() == {"accepted": 1}


@pytest.mark.parametrize(
    ("agent", "batch", "field"),
    [
        (None, 1, "X-Spit-Agent"),
        ("edge", None, "X-Spit-Batch"),
        ("edge", -1, "X-Spit-Batch"),
        ("edge", "x", "X-Spit-Batch"),
        ("edge", 2**63, "X-Spit-Batch"),
        ("an edge", 1, "X-Spit-Agent"),
        ("e" * 129, 1, "X-Spit-Agent"),
    ],
)
def test_half_or_wrong_numbering_is_named(agent: str | None, batch: object, field: str) -> None:
    service = Service()
    (error,) = problem(post(service, agent, batch), 422)["errors"]
    assert error["field"] == field
    assert service.engine.events == []


def test_events_need_the_token_where_one_is_configured() -> None:
    service = Service(guard=guarded(token="s3cret"))  # noqa: S106
    for wrong in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic s3cret"}):
        assert "Bearer" in problem(service.post("/v1/events", json=EVENT, headers=wrong), 401)["detail"]
    right = service.post("/v1/events", json=EVENT, headers={"Authorization": "Bearer s3cret"})
    assert right.json() == {"accepted": 1}
    # SBCs that ask are not agents.
    query = {"caller": "+12025550199", "callee": "+4930123456"}
    assert service.get("/v1/score", params=query).status_code == 200


def test_readiness_and_metrics_tell_of_the_capture() -> None:
    failures: list[str] = []
    samples = [Sample("spit_capture_packets_total", "counter", "frames read", 42)]
    service = Service(failure=lambda: failures[0] if failures else None, samples=lambda: samples)
    assert service.get("/readyz").status_code == 200
    failures.append("capture has stopped: Network is down")
    assert problem(service.get("/readyz"), 503)["detail"] == failures[0]
    assert counted(service)["spit_capture_packets_total"] == 42
