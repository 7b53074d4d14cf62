"""Bad requests to /v1/score are problem documents; a failing engine is not the SBC's problem."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from service_client import ENFORCE, SPAMMER, Service, problem, with_service

from spit.config import Config
from spit.records import Reason

GOOD = {"caller": SPAMMER, "callee": "+4930123456"}
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("field", ["caller", "callee"])
@pytest.mark.parametrize("given", ["missing", "", "  "])
@pytest.mark.parametrize("form", ["json", "data", "params"])
def test_caller_and_callee_are_needed(field: str, given: str, form: str) -> None:
    fields = {**GOOD, field: given}
    if given == "missing":
        del fields[field]
    method = "GET" if form == "params" else "POST"
    document = problem(Service().request(method, "/v1/score", **{form: fields}), 422)
    (error,) = document["errors"]
    assert error["field"] == field
    assert error["found"] == ("nothing" if given == "missing" else given)
    assert field in document["detail"]
    assert document["instance"] == "/v1/score"


@pytest.mark.parametrize(
    ("fields", "field", "found"),
    [
        ({"caller": 12025550199}, "caller", "int 12025550199"),
        ({"caller": float("inf")}, "caller", "float inf"),
        ({"caller": "x" * 1025}, "caller", "x" * 77 + "..."),
        ({"source_ip": "192.0.2"}, "source_ip", "192.0.2"),
        ({"source_ip": "host.example"}, "source_ip", "host.example"),
        ({"headers": ["a"]}, "headers", "list ['a']"),
        ({"headers": {"Priority": 1}}, "headers.Priority", "int 1"),
        ({"observe": "perhaps"}, "observe", "perhaps"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], field: str, found: str) -> None:
    body = json.dumps({**GOOD, **fields})
    headers = {"Content-Type": "application/json"}
    document = problem(Service().post("/v1/score", content=body, headers=headers), 422)
    assert [(error["field"], error["found"]) for error in document["errors"]] == [(field, found)]


def test_a_form_names_wrong_headers_too() -> None:
    document = problem(Service().post("/v1/score", data={**GOOD, "headers": "Priority: urgent"}), 422)
    assert [error["field"] for error in document["errors"]] == ["headers"]


def test_blank_optional_fields_are_absent() -> None:
    service = Service()
    blank = {**GOOD, "source_ip": "", "call_id": " ", "user_agent": "", "unknown": "ignored"}
    assert service.post("/v1/score", data=blank).status_code == 200
    (row,) = service.engine.assessed
    assert row["source_ip"] is None
    assert row["user_agent"] is None
    assert row["call_id"].startswith("http-")


@pytest.mark.parametrize("body", [b"", b"{", b"caller=x", b"\xff\xfe", b"[" * 100_000, b'"\\ud800"'])
def test_what_is_not_json_is_400(body: bytes) -> None:
    response = Service().post("/v1/score", content=body, headers={"Content-Type": "application/json"})
    assert "expected a JSON object" in problem(response, 400)["detail"]


def test_json_that_is_no_object_is_422() -> None:
    document = problem(Service().post("/v1/score", json=[GOOD]), 422)
    assert [error["field"] for error in document["errors"]] == ["body"]


@pytest.mark.parametrize("content_type", ["text/xml", "", "application/jsonx"])
def test_an_unknown_content_type_is_415(content_type: str) -> None:
    response = Service().post("/v1/score", content=b"{}", headers={"Content-Type": content_type})
    detail = problem(response, 415)["detail"]
    assert "application/json, application/x-www-form-urlencoded or application/sip" in detail
    assert detail.endswith(content_type or "none")


def test_a_file_in_a_form_is_refused() -> None:
    response = Service().post("/v1/score", data=GOOD, files={"caller": b"x"})
    assert response.status_code in {400, 422}
    problem(response, response.status_code)


@pytest.mark.parametrize("body", [b"", b"\x00\x01", b"SIP/2.0 200 OK\r\n\r\n"])
def test_bytes_that_are_no_invite_are_400(body: bytes) -> None:
    response = Service().post("/v1/score", content=body, headers={"Content-Type": "application/sip"})
    assert "expected" in problem(response, 400)["detail"]


@pytest.mark.parametrize("query", ["observe=perhaps", "source_ip=nowhere"])
def test_a_wrong_query_parameter_of_post_is_422(query: str) -> None:
    document = problem(Service().post(f"/v1/score?{query}", json=GOOD), 422)
    (error,) = document["errors"]
    assert error["field"] == query.partition("=")[0]
    if error["field"] == "source_ip":
        assert (error["expected"], error["found"]) == ("an IPv4 or IPv6 address", "nowhere")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("content_type", ["application/json", "application/sip", FORM])
def test_a_body_over_the_limit_is_413(content_type: str, chunked: bool) -> None:
    service = Service(with_service(Config(), max_score_bytes=1_024))
    headers = {"Content-Type": content_type}

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 512

    response = service.post("/v1/score", content=chunks() if chunked else b"x" * 1_536, headers=headers)
    document = problem(response, 413)
    assert document["detail"].startswith("expected a body of at most 1024 bytes, found")
    assert service.engine.assessed == []


def test_a_body_of_exactly_the_limit_is_read() -> None:
    service = Service(with_service(Config(), max_score_bytes=1_024))
    body = b'{"caller":"+1","callee":"+2"}'.ljust(1_024)
    response = service.post("/v1/score", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200


@pytest.mark.parametrize("accept", ["application/json", "text/plain"])
def test_a_failing_engine_lets_the_call_through(accept: str, caplog: pytest.LogCaptureFixture) -> None:
    service = Service(ENFORCE)
    service.engine.failure = RuntimeError("out of order")
    with caplog.at_level(logging.ERROR):
        response = service.post("/v1/score", json=GOOD, headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["x-spam-action"] == "allow"
    assert "out of order" in caplog.text
    if accept == "text/plain":
        assert response.text == "allow"
    else:
        assert response.json() == {
            "action": "allow",
            "would_action": "allow",
            "sip": None,
            "label": "legit",
            "score": 0.0,
            "reasons": [],
            "ttl_s": 0,
            "model": "table/1",
            "mode": "enforce",
            "degraded": True,
            "evidence": [],
            "add_headers": {},
            "listed": None,
        }


def test_a_failure_is_logged_when_it_starts_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    service = Service()
    service.engine.failure = RuntimeError("out of order")
    for _ in range(3):
        service.post("/v1/score", json=GOOD)
    assert len(caplog.records) == 1
    service.engine.failure = None
    for _ in range(3):
        assert service.post("/v1/score", json=GOOD).json()["degraded"] is False
    assert [record.message for record in caplog.records][1:] == ["attempts are scored again"]


def test_a_score_that_is_no_number_is_degraded() -> None:
    service = Service(ENFORCE)
    service.engine.scores[SPAMMER] = float("nan")
    assert service.post("/v1/score", json=GOOD).json()["degraded"] is True
    service.engine.scores[SPAMMER] = 0.99
    service.engine.reasons = (Reason("RATE", float("inf"), "words"),)
    assert service.post("/v1/score", json=GOOD).json()["degraded"] is True


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("DELETE", "/v1/score", 405),
        ("GET", "/v1/events", 405),
        ("GET", "/docs", 404),
    ],
)
def test_unknown_paths_and_methods_are_problems(method: str, path: str, status: int) -> None:
    response = Service().request(method, path)
    assert problem(response, status)["instance"] == path
    if status == 405:
        assert response.headers["allow"]


def test_a_crash_of_the_service_is_a_problem_without_its_insides() -> None:
    service = Service()

    def crash(caller: str) -> None:
        raise RuntimeError(f"secret detail of {caller}")

    service.engine.caller = crash  # type: ignore[method-assign]
    assert "secret" not in problem(service.get("/v1/callers/a"), 500)["detail"]
