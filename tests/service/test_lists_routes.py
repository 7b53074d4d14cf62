"""/v1/lists and /v1/audit, and what an entry does to the next answer of /v1/score."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Request
from service_client import ENFORCE, FRIEND, NOW_US, SPAMMER, Service, problem

from spit.engine.control_data import ControlData
from spit.policy.lists import Lists
from spit.service.control import actor_of
from spit.service.lists import MAX_IMPORT_BYTES
from spit.storage.control import open_control
from spit.storage.keyring import Principal

CALLEE = "+4930123456"
DATABASE = "c.db"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    lists = Lists()
    database = open_control(str(tmp_path / DATABASE))
    with closing(ControlData(database, lists, poll_s=60, clock=lambda: NOW_US)) as control:
        yield Service(ENFORCE, lists, control=control)


def make(service: Service, **values: object) -> dict[str, Any]:
    response = service.post("/v1/lists", json={"kind": "block", "pattern": FRIEND, **values})
    assert response.status_code == 201, response.text
    entry: dict[str, Any] = response.json()
    assert response.headers["Location"] == f"/v1/lists/{entry['id']}"
    return entry


def score(service: Service, caller: str = FRIEND, **values: Any) -> dict[str, Any]:
    headers = values.pop("headers", {})
    response = service.get(
        "/v1/score", params={"caller": caller, "callee": CALLEE, **values}, headers=headers
    )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def upload(service: Service, text: str | bytes, media_type: str = "text/csv") -> httpx.Response:
    return service.post("/v1/lists/import", content=text, headers={"Content-Type": media_type})


def test_an_entry_is_in_force_with_the_answer_that_accepts_it(service: Service) -> None:
    assert score(service)["action"] == "allow"
    made = make(service, pattern=f"sip:{FRIEND}@example.org", reason="noise", expires_at=NOW_US / 1e6 + 100)
    assert made == {
        "id": 1,
        "kind": "block",
        "pattern": FRIEND,
        "tenant": "",
        "callee": "",
        "expires_at": NOW_US / 1e6 + 100,
        "reason": "noise",
        "author": "",
        "created_at": NOW_US / 1e6,
        "callback_delay_s": None,
        "callback_window_s": None,
    }
    answer = score(service)
    assert (answer["action"], answer["listed"], answer["ttl_s"], answer["label"]) == (
        "reject",
        "block",
        100,
        "legit",
    )
    assert service.get("/v1/lists/1").json() == made
    changed = service.request("PUT", "/v1/lists/1", json={"kind": "dno", "pattern": FRIEND})
    assert changed.json()["created_at"] == made["created_at"]
    assert score(service)["sip"] == {"code": 603, "reason": "Decline", "headers": {}}
    response = service.request("DELETE", "/v1/lists/1")
    assert (response.status_code, response.content) == (204, b"")
    assert score(service)["listed"] is None
    for method in ("GET", "DELETE"):
        problem(service.request(method, "/v1/lists/1"), 404)
    problem(service.request("PUT", "/v1/lists/1", json={"kind": "dno", "pattern": FRIEND}), 404)


def test_a_grey_caller_is_told_to_call_back(service: Service) -> None:
    make(service, kind="grey", callback_delay_s=30)
    answer = score(service)
    assert (answer["action"], answer["listed"], answer["ttl_s"]) == ("throttle", "grey", 0)
    assert answer["sip"] == {
        "code": 480,
        "reason": "Temporarily Unavailable",
        "headers": {"Retry-After": "30"},
    }


def test_a_tenant_is_named_by_field_or_header(service: Service) -> None:
    make(service, tenant="acme")
    assert score(service)["listed"] is None
    assert score(service, tenant="acme")["listed"] == "block"
    assert score(service, headers={"X-Spit-Tenant": "acme"})["listed"] == "block"
    assert score(service, tenant="acme", headers={"X-Spit-Tenant": "acme"})["listed"] == "block"
    question = {"caller": FRIEND, "callee": CALLEE, "tenant": "acme"}
    assert service.post("/v1/score", json=question).json()["listed"] == "block"
    assert service.post("/v1/score", data=question).json()["listed"] == "block"
    invite = (
        f"INVITE sip:{CALLEE}@h SIP/2.0\r\nFrom: <sip:{FRIEND}@h>;tag=1\r\nTo: <sip:{CALLEE}@h>\r\n"
        "Call-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    sip = {"Content-Type": "application/sip"}
    raw = service.post("/v1/score?tenant=acme", content=invite, headers=sip)
    assert raw.json()["listed"] == "block"
    raw = service.post("/v1/score", content=invite, headers={**sip, "X-Spit-Tenant": "acme"})
    assert raw.json()["listed"] == "block"
    two = service.get("/v1/score", params=question, headers={"X-Spit-Tenant": "other"})
    assert problem(two, 422)["errors"][0]["field"] == "tenant"
    problem(service.get("/v1/score", params={**question, "tenant": "a b"}), 422)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"kind", "pattern"}),
        ({"kind": "blok", "pattern": "+1"}, {"kind"}),
        ({"kind": "block", "pattern": "+1", "expire_at": 1}, {"expire_at"}),
        ({"kind": "block", "pattern": "+1", "expires_at": 4_102_444_801}, {"expires_at"}),
        ({"kind": "block", "pattern": "a b"}, {"pattern"}),
        ({"kind": "block", "pattern": "*"}, {"pattern"}),
        ({"kind": "consent", "pattern": "+1"}, {"callee"}),
        ({"kind": "block", "pattern": "+1", "reason": "a\x00b"}, {"reason"}),
    ],
)
def test_mistakes_in_an_entry(body: dict[str, object], fields: set[str], service: Service) -> None:
    found = problem(service.post("/v1/lists", json=body), 422)
    assert {error["field"] for error in found["errors"]} == fields
    assert service.get("/v1/lists").json() == {"entries": [], "next": None}


def test_a_second_entry_of_the_same_key_is_a_conflict(service: Service) -> None:
    make(service)
    second = make(service, pattern="+1")
    assert (
        "entry 1 is of the same"
        in problem(service.post("/v1/lists", json={"kind": "block", "pattern": FRIEND}), 409)["detail"]
    )
    change = service.request("PUT", f"/v1/lists/{second['id']}", json={"kind": "block", "pattern": FRIEND})
    problem(change, 409)


def test_pages_and_filters(service: Service) -> None:
    for n in range(5):
        make(service, pattern=f"+1{n}", tenant="a" if n % 2 else "")
    first = service.get("/v1/lists", params={"limit": 3}).json()
    assert [one["pattern"] for one in first["entries"]] == ["+10", "+11", "+12"]
    second = service.get("/v1/lists", params={"limit": 3, "after": first["next"]}).json()
    assert [one["pattern"] for one in second["entries"]] == ["+13", "+14"]
    assert second["next"] is None
    found = service.get("/v1/lists", params={"tenant": "a", "limit": 2}).json()
    assert ([one["pattern"] for one in found["entries"]], found["next"]) == (["+11", "+13"], None)
    problem(service.get("/v1/lists", params={"limit": 0}), 422)
    problem(service.get("/v1/lists", params={"kind": "blok"}), 422)


def test_files_go_in_and_out(service: Service) -> None:
    text = 'kind,pattern,reason\nblock,+1202*,"a, b"\nallow,+12025550100,\n'
    assert upload(service, text).json() == {"added": 2, "changed": 0, "unchanged": 0}
    assert score(service)["listed"] == "allow"
    assert upload(service, text.replace('"a, b"', "c")).json() == {"added": 0, "changed": 1, "unchanged": 1}
    exported = service.get("/v1/lists/export")
    assert exported.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(exported.text)))
    assert [(row["kind"], row["pattern"], row["reason"]) for row in rows] == [
        ("block", "+1202*", "c"),
        ("allow", "+12025550100", ""),
    ]
    assert upload(service, exported.text).json() == {"added": 0, "changed": 0, "unchanged": 2}
    as_json = service.get("/v1/lists/export", params={"format": "json", "kind": "allow"})
    assert [one["pattern"] for one in as_json.json()] == ["+12025550100"]
    assert upload(service, as_json.content, "application/json").json()["unchanged"] == 1
    page = service.get("/v1/lists")
    assert upload(service, page.content, "application/json; charset=utf-8").json()["unchanged"] == 2


def test_a_file_with_mistakes_is_refused_as_a_whole(service: Service) -> None:
    found = problem(upload(service, "kind,pattern\nblock,+1\nblok,+1**\n"), 422)
    assert [(error["field"], error["found"]) for error in found["errors"]] == [
        ("line 3, kind", "blok"),
        ("line 3, pattern", "+1**"),
    ]
    assert service.get("/v1/lists").json()["entries"] == []
    problem(upload(service, b"kind,pattern\nblock,+1\xff\n"), 400)
    problem(upload(service, "x", "text/plain"), 415)
    problem(upload(service, b"x" * (MAX_IMPORT_BYTES + 1)), 413)
    problem(upload(service, "[1", "application/json"), 422)


def test_the_audit_log_tells_who_did_what(service: Service) -> None:
    make(service, author="anna")
    service.request("DELETE", "/v1/lists/1")
    upload(service, "kind,pattern\nblock,+1\n")
    found = service.get("/v1/audit").json()
    assert [(one["action"], one["object_id"], one["time"]) for one in found["records"]] == [
        ("import", "2", NOW_US / 1e6),
        ("remove", "1", NOW_US / 1e6),
        ("create", "1", NOW_US / 1e6),
    ]
    assert found["records"][2]["actor"] == "anna at 127.0.0.1"
    assert found["records"][1]["before"] == found["records"][2]["after"]
    assert found["records"][1]["after"] is None
    page = service.get("/v1/audit", params={"limit": 2}).json()
    rest = service.get("/v1/audit", params={"limit": 2, "before": page["next"]}).json()
    assert page["records"] + rest["records"] == found["records"]
    assert rest["next"] is None
    assert len(service.get("/v1/audit", params={"object_id": "1"}).json()["records"]) == 2
    assert service.get("/v1/audit", params={"object": "api_key"}).json()["records"] == []


def test_without_a_database_every_route_says_so() -> None:
    service = Service(ENFORCE)
    for method, path in (
        ("GET", "/v1/lists"),
        ("GET", "/v1/lists/1"),
        ("GET", "/v1/lists/export"),
        ("DELETE", "/v1/lists/1"),
        ("GET", "/v1/audit"),
    ):
        assert "storage.url" in problem(service.request(method, path), 404)["detail"]
    problem(upload(service, "kind,pattern\n"), 404)
    assert service.get("/readyz").json() == {"status": "ok"}


def test_while_the_database_is_gone_calls_are_scored_by_the_last_lists(
    service: Service, tmp_path: Path
) -> None:
    make(service)
    (tmp_path / DATABASE).rename(tmp_path / "away")
    for response in (
        service.post("/v1/lists", json={"kind": "block", "pattern": "+1"}),
        service.get("/v1/lists"),
        service.get("/v1/lists/export"),
        service.request("DELETE", "/v1/lists/1"),
        upload(service, "kind,pattern\nblock,+1\n"),
        service.get("/v1/audit"),
    ):
        detail = problem(response, 503)["detail"]
        assert str(tmp_path) not in detail
    assert score(service)["listed"] == "block"
    assert score(service, SPAMMER)["action"] == "reject"


def test_readiness_and_metrics_tell_that_the_database_is_gone(tmp_path: Path) -> None:
    lists = Lists()
    control = ControlData(open_control(str(tmp_path / DATABASE)), lists, poll_s=60, clock=lambda: NOW_US)
    with closing(control):
        service = Service(ENFORCE, lists, control=control)
        make(service)
        assert service.get("/readyz").json() == {"status": "ok"}
        assert "spit_control_database_up 1.0" in service.get("/metrics").text
        assert 'spit_list_entries{kind="block"} 1.0' in service.get("/metrics").text
        (tmp_path / DATABASE).rename(tmp_path / "away")
        control.refresh()
        (warning,) = service.get("/readyz").json()["warnings"]
        assert warning == (
            "the control database does not answer: lists and keys are those of 2023-11-14T22:13:20Z"
        )
        assert "spit_control_database_up 0.0" in service.get("/metrics").text


def test_the_actor_is_the_key_that_the_guard_noted_whatever_the_request_says() -> None:
    scope = {"type": "http", "headers": [], "client": ("192.0.2.7", 1)}
    assert actor_of(Request(scope), "anna") == "anna at 192.0.2.7"
    assert actor_of(Request({**scope, "client": None})) == "anonymous at unknown"
    principal = Principal("2b03ed14f767", "desk", frozenset({"lists"}))
    assert actor_of(Request({**scope, "spit.principal": principal}), "anna") == "key desk 2b03ed14f767"
