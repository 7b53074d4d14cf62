"""Hostile requests and jumping clocks: an answer every time, and a service that goes on as before."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from service_client import ENFORCE, FRIEND, NOW_US, SPAMMER, Service, problem, with_service

from spit.config import Config, PolicyConfig
from spit.engine.engine import Engine
from spit.features.table import FeatureTable
from spit.model.bundle import load_default
from spit.policy import Policy
from spit.service.app import create_app

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
GOOD = {"caller": SPAMMER, "callee": FRIEND}
DEEP = 100_000
BODIES: list[tuple[str, str, bytes]] = [
    ("deep list", JSON, b"[" * DEEP + b"]" * DEEP),
    ("deep object", JSON, b'{"caller":' * DEEP + b"1" + b"}" * DEEP),
    (
        "deep headers",
        JSON,
        b'{"caller":"a","callee":"b","headers":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    ),
    ("null bytes", JSON, b'{"caller":"a\\u0000b","callee":"\\u0000"}'),
    ("raw null bytes", JSON, b'{"caller":"a\x00b","callee":"b"}'),
    ("lone surrogate", JSON, b'{"caller":"\\ud800","callee":"b"}'),
    ("not UTF-8", JSON, b'{"caller":"\xff\xfe","callee":"b"}'),
    ("UTF-16", JSON, '{"caller":"a","callee":"b"}'.encode("utf-16")),
    ("byte order mark", JSON, b'\xef\xbb\xbf{"caller":"a","callee":"b"}'),
    ("huge number", JSON, b'{"caller":"a","callee":"b","observe":' + b"9" * 10_000 + b"}"),
    ("doubled keys", JSON, b'{"caller":"a","caller":"b","callee":"c","callee":"d"}'),
    ("NaN", JSON, b'{"caller":NaN,"callee":Infinity}'),
    ("many fields", JSON, b"{" + b",".join(b'"k%d":1' % n for n in range(20_000)) + b"}"),
    ("form bomb", FORM, b"&".join(b"k%d=v" % n for n in range(20_000))),
    ("form of percent signs", FORM, b"caller=%&callee=%zz&headers=%00"),
    ("form, deep headers", FORM, b"caller=a&callee=b&headers=" + b"[" * DEEP),
    ("multipart without a boundary", "multipart/form-data", b"--x\r\n\r\n"),
    (
        "multipart that never ends",
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Disposition: form-data;",
    ),
    ("INVITE of line ends", "application/sip", b"\r\n" * 10_000),
    ("INVITE of one header", "application/sip", b"INVITE sip:a@b SIP/2.0\r\nFrom: " + b"<" * 100_000),
    ("INVITE with null bytes", "application/sip", b"INVITE sip:\x00@b SIP/2.0\r\nFrom: \x00\r\n\r\n"),
    ("Arrow", "application/vnd.apache.arrow.stream", b"\xff\xff\xff\xff\xff\xff\xff\x7f" + b"\x00" * 64),
    ("no type", "", b"x"),
    ("strange type", "application/json\x00; charset=\xff", b"{}"),
]


@pytest.mark.parametrize("path", ["/v1/score", "/v1/events", "/v1/feedback", "/v1/model", "/nowhere"])
@pytest.mark.parametrize(
    ("content_type", "body"), [body[1:] for body in BODIES], ids=[body[0] for body in BODIES]
)
def test_a_hostile_body_gets_an_answer_and_the_next_request_too(
    path: str, content_type: str, body: bytes
) -> None:
    service = Service(ENFORCE)
    headers = [(b"Content-Type", content_type.encode("latin-1"))] if content_type else []
    answer = service.post(path, content=body, headers=headers)
    if answer.status_code != 200:
        assert 400 <= answer.status_code < 500
        assert len(problem(answer, answer.status_code)["detail"]) < 1_000
        assert len(answer.content) < 20_000
    assert service.get("/v1/score", params=GOOD).json()["action"] == "reject"


@given(
    caller=st.text(min_size=1, max_size=60),
    callee=st.text(min_size=1, max_size=60),
    agent=st.text(max_size=60),
    forms=st.sampled_from(["application/json", "text/plain", FORM]),
)
@settings(max_examples=60, deadline=None)
def test_whatever_a_caller_is_called_no_answer_grows_a_header(
    caller: str, callee: str, agent: str, forms: str
) -> None:
    service = Service(ENFORCE)
    service.engine.scores = {}
    answer = service.get(
        "/v1/score",
        params={"caller": caller, "callee": callee, "user_agent": agent},
        headers={"Accept": forms},
    )
    assert answer.status_code in {200, 422}
    known = {"content-type", "content-length", "x-request-id"}
    spam = {"x-spam-action", "x-spam-score", "x-spam-reason"}
    assert set(answer.headers) == (known | spam if answer.status_code == 200 else known)


@pytest.mark.parametrize(
    "accept", ["\x00", "text/html;q=" + "9" * 5_000, ",".join(["a/b"] * 3_000), "*/*;q=nan", ";;,,"]
)
def test_strange_wishes_get_json(accept: str) -> None:
    service = Service(with_service(ENFORCE, max_header_bytes=65_536))
    answer = service.get("/v1/score", params=GOOD, headers=[(b"Accept", accept.encode())])
    assert answer.status_code == 200
    assert answer.json()["action"] == "reject"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(load_default(schema_hash=FeatureTable.schema_hash, environment={}), Policy(PolicyConfig()))


#: Years of 1970, 2000, 2023, 2038 and 2100, and steps between that a clock that is set makes.
JUMPS_US = [
    0, 1, 946_684_800_000_000, NOW_US, NOW_US + 1, NOW_US - 3_600_000_000, NOW_US + 86_400_000_000,
    2_147_483_648_000_000, 4_102_444_800_000_000, NOW_US, 0, NOW_US + 5, NOW_US - 1,
    4_102_444_799_000_000, NOW_US,
]  # fmt: skip


def test_a_clock_that_jumps_gets_a_verdict_each_time(engine: Engine) -> None:
    clock = iter(JUMPS_US)
    app = create_app(engine, with_service(Config(), score_budget_ms=60_000), time_source=lambda: next(clock))

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://spit.test") as client:
            query = {**GOOD, "observe": "true", "source_ip": "192.0.2.7"}
            return [await client.get("/v1/score", params=query) for _ in JUMPS_US]

    for at_us, answer in zip(JUMPS_US, asyncio.run(ask()), strict=True):
        document: dict[str, Any] = answer.json()
        assert (answer.status_code, document["degraded"]) == (200, False), at_us
        assert math.isfinite(document["score"])
        assert 0.0 <= document["score"] <= 1.0
    known = engine.caller(SPAMMER)
    assert known is not None
    assert known.attempts == len(JUMPS_US)
    assert known.first_seen <= known.last_seen
    assert all(count >= 0 for count in engine.counters().values())
