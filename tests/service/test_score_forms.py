"""Each request form of /v1/score with each answer form."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from service_client import ENFORCE, FRIEND, NOW_US, SPAMMER, SUSPECT, Service

from spit.config import Config, PolicyConfig
from spit.records import Reason
from spit.service.answer_forms import choose_form

CALLEE = "+4930123456"
INVITE = (
    b"INVITE sip:+4930123456@example.net SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1\r\n"
    b"From: <sip:+12025550199@example.org>;tag=a\r\n"
    b"To: <sip:+4930123456@example.net>\r\n"
    b"Call-ID: raw-1\r\nCSeq: 1 INVITE\r\nUser-Agent: dialler/1\r\nContent-Length: 0\r\n\r\n"
)
REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "json": ("POST", "/v1/score", {"json": {"caller": SPAMMER, "callee": CALLEE}}),
    "form": ("POST", "/v1/score", {"data": {"caller": SPAMMER, "callee": CALLEE}}),
    "query": ("GET", "/v1/score", {"params": {"caller": SPAMMER, "callee": CALLEE}}),
    "sip": ("POST", "/v1/score", {"content": INVITE, "headers": {"Content-Type": "application/sip"}}),
}
REASON = 'SIP;cause=603;text="v=analytics1;url=https://example.net/blocked";location=RLN'
JSON_KEYS = [
    "action",
    "would_action",
    "sip",
    "label",
    "score",
    "reasons",
    "ttl_s",
    "model",
    "mode",
    "degraded",
    "evidence",
    "add_headers",
    "listed",
]


def ask(service: Service, form: str, accept: str | None = None) -> httpx.Response:
    method, url, arguments = REQUESTS[form]
    headers = {**arguments.get("headers", {}), **({"Accept": accept} if accept else {})}
    response = service.request(method, url, **{**arguments, "headers": headers})
    assert response.status_code == 200, response.text
    assert response.headers["x-spam-action"] == "reject"
    assert response.headers["x-spam-score"] == "0.9700"
    assert response.headers["x-spam-reason"] == "SEQUENTIAL"
    return response


@pytest.mark.parametrize("form", REQUESTS)
@pytest.mark.parametrize("accept", [None, "application/json", "*/*", "image/png", "text/html, */*;q=0.1"])
def test_json_answer(form: str, accept: str | None) -> None:
    response = ask(Service(ENFORCE), form, accept)
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    assert list(answer) == JSON_KEYS
    assert answer["action"] == answer["would_action"] == "reject"
    assert answer["sip"]["code"] == 603
    assert answer["sip"]["reason"] == "Network Blocked"
    assert "https://example.net/blocked" in answer["sip"]["headers"]["Reason"]
    assert answer["label"] == "spam"
    assert answer["reasons"][0] == {
        "symbol": "CALLER_RATE",
        "weight": 1.5,
        "text": "many attempts",
        "counterfactual": None,
    }
    assert answer["ttl_s"] == 300
    assert answer["model"] == "table/1"
    assert answer["mode"] == "enforce"
    assert answer["degraded"] is False
    assert answer["evidence"] == ["call-1"]


@pytest.mark.parametrize("form", REQUESTS)
def test_text_answer_is_one_word(form: str) -> None:
    response = ask(Service(ENFORCE), form, "text/plain")
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text == "reject"


@pytest.mark.parametrize("form", REQUESTS)
def test_form_answer_is_flat(form: str) -> None:
    response = ask(Service(ENFORCE), form, "application/x-www-form-urlencoded")
    assert response.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert parse_qs(response.text, keep_blank_values=True, strict_parsing=True) == {
        "action": ["reject"],
        "would_action": ["reject"],
        "score": ["0.9700"],
        "label": ["spam"],
        "code": ["603"],
        "reason": ["Network Blocked"],
        "reason_symbols": ["CALLER_RATE,SEQUENTIAL"],
        "ttl_s": ["300"],
        "model": ["table/1"],
        "mode": ["enforce"],
        "degraded": ["false"],
        "header_reason": [REASON],
    }


@pytest.mark.parametrize(
    ("policy", "code", "flat"),
    [
        ({"spam_action": "divert", "divert_to": "sip:vm@example.net"}, 302, "header_contact"),
        ({"spam_action": "challenge", "challenge_to": "sip:ask@example.net"}, 302, "header_contact"),
        ({"reject_profile": "608", "redress": "https://example.net/card"}, 608, "header_call_info"),
        ({"reject_profile": "607"}, 607, None),
        ({"spam_action": "drop"}, None, None),
        ({"spam_action": "throttle"}, None, None),
        ({"spam_action": "challenge"}, None, None),
    ],
)
def test_every_action_has_its_sip_answer(policy: dict[str, str], code: int | None, flat: str | None) -> None:
    service = Service(Config(policy=PolicyConfig(mode="enforce", **policy)))  # type: ignore[arg-type]
    query = {"caller": SPAMMER, "callee": CALLEE}
    answer = service.get("/v1/score", params=query).json()
    assert answer["action"] == answer["would_action"] == policy.get("spam_action", "reject")
    assert answer["add_headers"] == {}
    assert (None if answer["sip"] is None else answer["sip"]["code"]) == code
    form = {"Accept": "application/x-www-form-urlencoded"}
    pairs = parse_qs(service.get("/v1/score", params=query, headers=form).text, keep_blank_values=True)
    assert pairs["code"] == ["" if code is None else str(code)]
    assert {name for name in pairs if name.startswith(("header_", "add_"))} == ({flat} if flat else set())


def test_a_tag_names_the_headers_to_add_and_no_sip_answer() -> None:
    service = Service(ENFORCE)
    query = {"caller": SUSPECT, "callee": CALLEE}
    answer = service.get("/v1/score", params=query).json()
    assert (answer["action"], answer["sip"]) == ("tag", None)
    headers = {"X-Spam-Label": "suspect", "X-Spam-Score": "0.6000", "X-Spam-Reason": "SEQUENTIAL"}
    assert answer["add_headers"] == headers
    form = {"Accept": "application/x-www-form-urlencoded"}
    pairs = parse_qs(service.get("/v1/score", params=query, headers=form).text)
    assert pairs["add_x_spam_score"] == ["0.6000"]
    monitored = Service(Config()).get("/v1/score", params=query).json()
    assert (monitored["would_action"], monitored["add_headers"]) == ("tag", {})


def test_monitor_mode_allows_and_says_what_it_would_do() -> None:
    response = Service(Config()).post("/v1/score", json={"caller": SPAMMER, "callee": CALLEE})
    answer = response.json()
    assert (answer["action"], answer["would_action"], answer["mode"]) == ("allow", "reject", "monitor")
    assert answer["sip"] is None
    assert answer["label"] == "spam"
    assert response.headers["x-spam-action"] == "allow"


@pytest.mark.parametrize(
    ("caller", "label", "action"), [(FRIEND, "legit", "allow"), (SUSPECT, "suspect", "tag")]
)
def test_label_and_action_by_score(caller: str, label: str, action: str) -> None:
    response = Service(ENFORCE).get("/v1/score", params={"caller": caller, "callee": CALLEE})
    assert (response.json()["label"], response.json()["action"]) == (label, action)
    assert response.json()["sip"] is None


def test_no_reason_is_an_empty_header() -> None:
    response = Service(ENFORCE).get("/v1/score", params={"caller": FRIEND, "callee": CALLEE})
    assert response.headers["x-spam-reason"] == ""


def test_a_hostile_symbol_cannot_add_a_header() -> None:
    service = Service(ENFORCE)
    service.engine.reasons = (Reason("A\r\nSet-Cookie: x=\u20ac1", 1.0, "words"),)
    response = service.get("/v1/score", params={"caller": SPAMMER, "callee": CALLEE})
    assert response.headers["x-spam-reason"] == "ASet-Cookie:x=1"
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("form", REQUESTS)
def test_scoring_reads_and_observe_counts(form: str) -> None:
    service = Service()
    method, url, arguments = REQUESTS[form]
    service.request(method, url, **arguments)
    assert service.engine.events == []
    arguments = {**arguments, "params": {**arguments.get("params", {}), "observe": "true"}}
    service.request(method, url, **arguments)
    assert [row["caller"] for row in service.engine.events] == [SPAMMER]


@pytest.mark.parametrize("where", ["json", "data"])
def test_observe_may_stand_in_the_body(where: str) -> None:
    service = Service()
    service.post("/v1/score", **{where: {"caller": FRIEND, "callee": CALLEE, "observe": "true"}})
    assert len(service.engine.events) == 1


def test_the_attempt_has_every_field_of_the_request() -> None:
    service = Service()
    fields = {
        "caller": "sip:+12025550199@example.org",
        "callee": "sip:+4930123456@example.net",
        "source_ip": "192.0.2.7",
        "call_id": "abc",
        "user_agent": "dialler/1",
    }
    headers = {"P-Asserted-Identity": '"A, B" <sip:+12025550111@example.org>', "Priority": "psap-callback"}
    service.post("/v1/score", json={**fields, "headers": headers})
    service.post("/v1/score", data={**fields, "headers": json.dumps(headers)})
    first, second = service.engine.assessed
    assert first == second
    known = {name: value for name, value in first.items() if value is not None}
    assert known == {
        "event": "attempt",
        "time_us": NOW_US,
        "start_time_us": NOW_US,
        "method": "INVITE",
        "call_id": "abc",
        "caller": "+12025550199",
        "callee": "+4930123456",
        "caller_uri": "sip:+12025550199@example.org",
        "callee_uri": "sip:+4930123456@example.net",
        "request_uri": "sip:+4930123456@example.net",
        "source_ip": "192.0.2.7",
        "user_agent": "dialler/1",
        "asserted_identity": "+12025550111",
        "exemption": "psap_callback",
    }


def test_requests_without_call_id_are_different_calls() -> None:
    service = Service()
    for _ in range(2):
        service.get("/v1/score", params={"caller": FRIEND, "callee": CALLEE})
    first, second = service.engine.assessed
    assert first["call_id"] != second["call_id"]


@pytest.mark.parametrize(
    ("callee", "headers"),
    [
        ("urn:service:sos.police", {}),
        ("112", {}),
        (CALLEE, {"priority": "psap-callback"}),
        (CALLEE, {"Resource-Priority": "ets.0"}),
    ],
)
def test_exempt_calls_are_allowed_whatever_the_score(callee: str, headers: dict[str, str]) -> None:
    request = {"caller": SPAMMER, "callee": callee, "headers": headers}
    answer = Service(ENFORCE).post("/v1/score", json=request).json()
    assert (answer["action"], answer["would_action"], answer["label"]) == ("allow", "allow", "spam")


@pytest.mark.parametrize("caller", ["+12025550199", "sip:+12025550199@example.org", "tel:+12025550199"])
def test_an_unescaped_plus_is_still_a_plus(caller: str) -> None:
    service = Service()
    service.get(f"/v1/score?caller={caller}&callee={CALLEE}")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    service.post("/v1/score", content=f"caller={caller}&callee={CALLEE}", headers=form)
    assert [row["caller"] for row in service.engine.assessed] == [SPAMMER, SPAMMER]


@pytest.mark.parametrize(
    ("given", "caller"),
    [
        (f"{SPAMMER}@example.org", SPAMMER),
        ("Alice@Example.org", "alice@example.org"),
        ("sip:alice@example.org", "alice@example.org"),
    ],
)
def test_an_address_without_a_scheme_is_the_caller_that_from_names(given: str, caller: str) -> None:
    service = Service()
    service.post("/v1/score", json={"caller": given, "callee": CALLEE})
    assert [row["caller"] for row in service.engine.assessed] == [caller]


def test_an_unescaped_plus_within_an_address_is_still_a_plus() -> None:
    service = Service()
    service.get(f"/v1/score?caller=sip:alice+sales@example.org&callee={CALLEE}")
    assert [row["caller"] for row in service.engine.assessed] == ["alice+sales@example.org"]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("192.0.2.7:5060", "192.0.2.7"),
        ("[2001:db8::1]:5060", "2001:db8::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("::1", "::1"),
    ],
)
def test_a_source_may_come_with_brackets_and_a_port(given: str, read: str) -> None:
    service = Service()
    query = {"caller": SPAMMER, "callee": CALLEE, "source_ip": given}
    assert service.get("/v1/score", params=query).status_code == 200
    assert [row["source_ip"] for row in service.engine.assessed] == [read]


def test_the_answer_may_not_be_kept_for_an_exempt_call() -> None:
    answer = Service(ENFORCE).get("/v1/score", params={"caller": SPAMMER, "callee": "112"}).json()
    assert answer["ttl_s"] == 0


def test_the_raw_invite_is_read_by_the_core() -> None:
    service = Service()
    headers = {"Content-Type": "application/sip; charset=utf-8"}
    service.post("/v1/score?source_ip=192.0.2.9", content=INVITE, headers=headers)
    (row,) = service.engine.assessed
    assert (row["call_id"], row["caller"], row["callee"]) == ("raw-1", SPAMMER, CALLEE)
    assert (row["source_ip"], row["user_agent"], row["time_us"]) == ("192.0.2.9", "dialler/1", NOW_US)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "application/json"),
        ("text/plain", "text/plain"),
        ("TEXT/PLAIN; charset=utf-8", "text/plain"),
        ("text/*", "text/plain"),
        ("text/plain;q=0.5, application/json;q=0.4", "text/plain"),
        ("text/plain;q=0.4, application/json;q=0.5", "application/json"),
        ("text/plain, */*", "text/plain"),
        ("text/plain, application/json", "text/plain"),
        ("application/json;q=0, */*", "text/plain"),
        ("application/*", "application/json"),
        ("application/x-www-form-urlencoded, */*;q=0.8", "application/x-www-form-urlencoded"),
        ("text/plain;q=broken", "text/plain"),
        (";;,,;q=", "application/json"),
    ],
)
def test_choose_form(accept: str, form: str) -> None:
    assert choose_form(accept) == form


@pytest.mark.parametrize("busy", [False, True])
def test_who_waits_for_the_engine_gets_the_same_answer(busy: bool) -> None:
    service = Service()
    service.engine.busy = busy
    answers = [
        service.get("/v1/score", params={"caller": SPAMMER, "callee": CALLEE}),
        service.post("/v1/score", json={"caller": SPAMMER, "callee": CALLEE}),
    ]
    assert [answer.json()["would_action"] for answer in answers] == ["reject", "reject"]
    assert len(service.engine.assessed) == 2


def test_two_requests_without_a_call_id_are_two_calls() -> None:
    service = Service()
    for _ in range(2):
        service.get("/v1/score", params={"caller": SPAMMER, "callee": CALLEE})
    first, second = (row["call_id"] for row in service.engine.assessed)
    assert first.startswith("http-")
    assert first != second
