"""Health, metrics, the OpenAPI document, and what the documentation says of the routes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from service_client import ENFORCE, NOW_US, SPAMMER, SUSPECT, Service, problem

DOCUMENT = Path(__file__).parents[2] / "docs" / "http-api.md"
PROBLEM_JSON = "application/problem+json"


def samples(service: Service) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    response = service.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def routes(service: Service) -> set[str]:
    paths = service.app.openapi()["paths"]
    return {f"{method.upper()} {path}" for path, operations in paths.items() for method in operations}


def test_health_and_readiness() -> None:
    service = Service()
    assert service.get("/healthz").json() == {"status": "ok"}
    assert service.get("/readyz").json() == {"status": "ok"}
    service.engine.model_name = ""
    assert "no model" in problem(service.get("/readyz"), 503)["detail"]
    assert service.get("/healthz").status_code == 200


def test_requests_are_counted_by_route_method_and_status() -> None:
    service = Service()
    for caller in ("a", "b", "c"):
        service.get(f"/v1/callers/{caller}")
    service.get("/v1/score")
    service.get("/some/where")
    service.request("BREW", "/v1/score")
    counted = {
        labels: value
        for (name, labels), value in samples(service).items()
        if name == "spit_http_requests_total"
    }
    assert counted == {
        (("method", "GET"), ("route", "/v1/callers/{id}"), ("status", "404")): 3.0,
        (("method", "GET"), ("route", "/v1/score"), ("status", "422")): 1.0,
        (("method", "GET"), ("route", "unmatched"), ("status", "404")): 1.0,
        (("method", "other"), ("route", "/v1/score"), ("status", "405")): 1.0,
    }


def test_a_refused_body_and_a_crash_are_counted() -> None:
    service = Service()
    service.post("/v1/score", content=b"x" * (2**20 + 1), headers={"Content-Type": "application/sip"})

    def crash(_events: object) -> None:
        raise RuntimeError("broken")

    service.engine.observe = crash  # type: ignore[method-assign,assignment]
    event = {"event": "attempt", "time_us": NOW_US, "call_id": "c"}
    problem(service.post("/v1/events", json=event), 500)
    statuses = {
        dict(labels)["status"] for (name, labels) in samples(service) if name == "spit_http_requests_total"
    }
    assert statuses == {"413", "500"}


def test_verdicts_latency_and_degraded_answers() -> None:
    service = Service(ENFORCE)
    for caller in (SPAMMER, SPAMMER, SUSPECT):
        service.get("/v1/score", params={"caller": caller, "callee": "+4930123456"})
    service.engine.failure = RuntimeError("out of order")
    service.get("/v1/score", params={"caller": SPAMMER, "callee": "+4930123456"})
    measured = samples(service)

    def verdicts(label: str, action: str) -> float:
        labels = (("action", action), ("label", label), ("would_action", action))
        return measured[("spit_verdicts_total", labels)]

    assert verdicts("spam", "reject") == 2
    assert verdicts("suspect", "tag") == 1
    assert measured[("spit_degraded_total", ())] == 1
    assert measured[("spit_score_duration_seconds_count", ())] == 4
    assert measured[("spit_score_duration_seconds_sum", ())] == 4  # the test's timer ticks once per reading


def test_the_engines_counters_are_gauges() -> None:
    service = Service()
    service.post("/v1/events", json={"event": "attempt", "time_us": NOW_US, "call_id": "c"})
    measured = samples(service)
    assert measured[("spit_engine_counter", (("name", "events"),))] == 1
    assert measured[("spit_engine_counter", (("name", "evicted"),))] == 0
    assert measured[("spit_events_total", ())] == 1


def test_two_apps_do_not_share_counters() -> None:
    first, second = Service(), Service()
    first.get("/healthz")
    assert not [name for name, _ in samples(second) if name == "spit_http_requests_total"]


def test_openapi_lists_every_route() -> None:
    service = Service()
    assert service.get("/openapi.json").json() == service.app.openapi()
    assert routes(service) == {
        "GET /v1/score",
        "POST /v1/score",
        "POST /v1/events",
        "GET /v1/callers/{id}",
        "GET /v1/calls",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
        "GET /v1/model",
        "GET /v1/verdicts",
        "GET /v1/verdicts.csv",
        "GET /v1/verdicts/stream",
        "POST /v1/feedback",
        "GET /v1/lists",
        "POST /v1/lists",
        "GET /v1/lists/export",
        "POST /v1/lists/import",
        "GET /v1/lists/{id}",
        "PUT /v1/lists/{id}",
        "DELETE /v1/lists/{id}",
        "GET /v1/audit",
    }


def test_openapi_declares_every_form_and_problem() -> None:
    paths = Service().app.openapi()["paths"]
    post, get = paths["/v1/score"]["post"], paths["/v1/score"]["get"]
    assert set(post["requestBody"]["content"]) == {
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/sip",
    }
    for operation in (post, get):
        assert set(operation["responses"]["200"]["content"]) == {
            "application/json",
            "text/plain",
            "application/x-www-form-urlencoded",
        }
        assert set(operation["responses"]["200"]["headers"]) == {
            "X-Spam-Action",
            "X-Spam-Score",
            "X-Spam-Reason",
        }
    assert {one["name"] for one in get["parameters"]} == {
        "caller",
        "callee",
        "source_ip",
        "call_id",
        "user_agent",
        "observe",
        "tenant",
        "X-Spit-Tenant",
    }
    for path, operations in paths.items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if not status.startswith("2"):
                    assert set(response["content"]) == {PROBLEM_JSON}, (path, status)


def test_every_reference_of_openapi_is_defined() -> None:
    document = Service().app.openapi()
    defined = set(document["components"]["schemas"])

    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"].rpartition("/")[2]} if "$ref" in node else set()
            return own.union(*(references(child) for child in node.values()))
        if isinstance(node, list):
            return set().union(*(references(child) for child in node))
        return set()

    assert references(document) == defined


@pytest.mark.parametrize("text", [DOCUMENT.read_text(encoding="utf-8")], ids=["http-api.md"])
def test_the_document_has_each_route_and_no_other(text: str) -> None:
    documented = set(re.findall(r"^## `((?:GET|POST|PUT|DELETE) /[^`]*)`", text, re.MULTILINE))
    assert documented == routes(Service()) | {"GET /openapi.json"}


def test_the_counters_of_refusals_are_documented_and_there_before_the_first() -> None:
    text = (DOCUMENT.parent / "counters.md").read_text(encoding="utf-8")
    section = text.split("## Requests\n")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
    exposed = {line.rpartition(" ")[0] for line in Service().get("/metrics").text.splitlines()}
    assert documented <= exposed
    counted = {name for name in exposed if name.startswith(("spit_score_shed_total", "spit_refused_total"))}
    assert counted <= documented
