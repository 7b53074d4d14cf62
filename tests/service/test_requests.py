"""Every request has an id, a log line without personal data or keys, and limits of size and time."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator

import pytest
from service_client import FRIEND, SPAMMER, Service, guarded, problem, with_service

from spit.cli.log import start_log
from spit.config import Config
from spit.service.keyring import KeyEntry, KeyOwner, StaticKeys, hash_key

QUERY = {"caller": SPAMMER, "callee": FRIEND}
KEY = "Zx9-the-key-itself"
RING = StaticKeys(
    [KeyEntry(KeyOwner("desk", frozenset({"admin"})), bytes.fromhex(hash_key(KEY).removeprefix("sha256:")))]
)


def test_a_sane_request_id_comes_back_another_is_made() -> None:
    service = Service()
    answer = service.get("/v1/score", params=QUERY, headers={"X-Request-Id": "sbc-1.call_7"})
    assert answer.headers["x-request-id"] == "sbc-1.call_7"
    for strange in ("", "a b", "x" * 65, 'a"b', "\x00", "ä".encode()):
        answer = service.get("/v1/callers/x", headers=[(b"X-Request-Id", strange)])
        made = answer.headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{16}", made)
        assert problem(answer, 404)["request_id"] == made
    assert service.get("/healthz").headers["x-request-id"] != service.get("/healthz").headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("PUT", "/v1/score", 405),
        ("GET", "/v1/score", 422),
        ("GET", "/v1/model", 401),
    ],
)
def test_every_problem_names_its_request(method: str, path: str, status: int) -> None:
    service = Service(guard=guarded(RING)) if status == 401 else Service()
    document = problem(service.request(method, path, headers={"X-Request-Id": "r-1"}), status)
    assert (document["request_id"], document["instance"]) == ("r-1", path)


def test_a_crash_names_its_request_too(caplog: pytest.LogCaptureFixture) -> None:
    service = Service()

    def crash(_caller: str) -> None:
        raise RuntimeError("broken")

    service.engine.caller = crash  # type: ignore[method-assign,assignment]
    answer = service.get("/v1/callers/x", headers={"X-Request-Id": "r-2"})
    assert problem(answer, 500)["request_id"] == "r-2"
    assert "broken" not in answer.text
    assert "broken" in caplog.text


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [record.fields for record in caplog.records if record.name == "spit.access"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("access", "routes"),
    [
        ("none", []),
        ("others", ["/v1/callers/{id}", "unmatched"]),
        ("all", ["/v1/score", "/v1/callers/{id}", "/healthz", "unmatched"]),
    ],
)
def test_requests_are_logged_by_route_and_never_by_path(
    access: str, routes: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(with_service(Config(), access_log=access))
    with caplog.at_level(logging.INFO):
        service.get("/v1/score", params=QUERY)
        service.get(f"/v1/callers/{SPAMMER}")
        service.get("/healthz")
        service.get("/secret-path?token=t")
    assert [line["route"] for line in lines(caplog)] == routes
    for text in (SPAMMER, FRIEND, "secret-path", "token"):
        assert text not in "".join(r.getMessage() for r in caplog.records if r.name == "spit.access")


def test_a_line_names_the_key_and_what_came_of_it(caplog: pytest.LogCaptureFixture) -> None:
    service = Service(guard=guarded(RING))
    with caplog.at_level(logging.INFO, "spit.access"):
        service.get("/v1/model", headers={"X-API-Key": KEY})
        service.get("/v1/model")
    named, unknown = lines(caplog)
    assert {name: named[name] for name in ("method", "route", "status", "key")} == {
        "method": "GET",
        "route": "/v1/model",
        "status": 200,
        "key": "desk",
    }
    assert isinstance(named["duration_ms"], float)
    assert (unknown["status"], unknown["key"]) == (401, "")


@pytest.mark.parametrize("json_lines", [False, True])
def test_no_log_line_holds_a_key_whatever_goes_wrong(
    json_lines: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    start_log(json_lines=json_lines)
    try:
        service = Service(with_service(Config(), access_log="all"), guard=guarded(RING, token="agents-token"))  # noqa: S106

        def crash(_caller: str) -> None:
            raise RuntimeError(f"cannot reach postgresql://spit:{KEY}@db/spit")

        service.engine.caller = crash  # type: ignore[method-assign,assignment]
        service.engine.failure = RuntimeError(f"Authorization: Bearer {KEY}")
        for headers in (
            {"Authorization": f"Bearer {KEY}"},
            {"X-API-Key": KEY},
            {"Authorization": "Bearer agents-token"},
            {"Authorization": f"Bearer {KEY}x", "X-Request-Id": "r"},
            {"Authorization": f"Basic {KEY}"},
        ):
            for path in ("/v1/score", f"/v1/callers/{FRIEND}", "/v1/events", f"/v1/{KEY}", "/metrics"):
                service.request("GET", path, params=QUERY, headers=headers)
                service.request("POST", path, content=b"\x00{", headers=headers)
    finally:
        for name in ("spit", "uvicorn"):
            logging.getLogger(name).handlers.clear()
            logging.getLogger(name).propagate = True
    written = capsys.readouterr().err
    assert len(written.splitlines()) > 40
    assert KEY not in written
    assert "agents-token" not in written
    if json_lines:
        assert {"request_id", "message"} < set(json.loads(written.splitlines()[0]))


def test_large_headers_and_paths_are_problems() -> None:
    service = Service(with_service(Config(), max_header_bytes=1_024))
    large = service.get("/v1/score", params=QUERY, headers={"X-Long": "x" * 1_024})
    assert "headers of at most 1024 bytes" in problem(large, 431)["detail"]
    many = service.get("/v1/score", params=QUERY, headers=[(f"x-{n}", "y") for n in range(500)])
    problem(many, 431)
    long = service.get("/v1/score", params={**QUERY, "call_id": "x" * 1_024})
    assert "path and query of at most 1024 bytes" in problem(long, 414)["detail"]


@pytest.mark.parametrize("path", ["/v1/score", "/v1/events", "/v1/feedback"])
def test_a_body_that_does_not_come_is_a_problem(path: str) -> None:
    service = Service(with_service(Config(), body_timeout_s=0.05))

    async def drip() -> AsyncIterator[bytes]:
        yield b'{"caller": "a", '
        await asyncio.Event().wait()

    # httpx reads the body whole before the application sees it, so this goes one level lower.
    async def ask() -> tuple[int, bytes]:
        bodies = drip()
        sent: list[dict[str, object]] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": await anext(bodies), "more_body": True}

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
            "scheme": "http",
            "http_version": "1.1",
            "root_path": "",
        }
        await service.app(scope, receive, send)  # type: ignore[arg-type]
        return int(str(sent[0]["status"])), bytes(sent[1]["body"])  # type: ignore[call-overload]

    status, body = asyncio.run(ask())
    assert status == 408, body
    assert "expected the whole body within 0.05 s, found 16 bytes" in json.loads(body)["detail"]
