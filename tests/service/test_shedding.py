"""Attempts for which there is no time, over real sockets: allowed as they are read, whatever else comes."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families
from service_client import FRIEND, NOW_US, SPAMMER, TableEngine, with_service

from spit.config import Config
from spit.service.keyring import KeyEntry, KeyOwner, KeyRing, StaticKeys
from spit.service.server import HttpService, listen

#: What is waited for comes, or the test fails.
PATIENCE_S = 60.0
QUERY = f"caller=%2B{SPAMMER[1:]}&callee=%2B{FRIEND[1:]}"


class Talk:
    """One connection; each request has one answer."""

    def __init__(self, service: HttpService, connection: socket.socket) -> None:
        self.questions = service._app.state.plain_questions
        self._connection = connection
        self._received = b""

    def ask(self, data: bytes, *, late: bool) -> tuple[int, dict[bytes, bytes], bytes]:
        """Status, headers and body; ``late``: there is no time for it."""
        self.questions._most_s = -1.0 if late else PATIENCE_S
        self._connection.sendall(data)
        head = self._until(b"\r\n\r\n")
        first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        headers = dict(line.split(b": ", 1) for line in lines)
        body = self._take(int(headers.get(b"content-length", b"0")))
        return int(first.split(b" ")[1]), headers, body

    def get(
        self, path: str = f"/v1/score?{QUERY}", *more: str, late: bool
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        head = "\r\n".join((f"GET {path} HTTP/1.1", "Host: a", *more))
        return self.ask(f"{head}\r\n\r\n".encode(), late=late)

    def shed(self) -> dict[str, float]:
        """Requests of /v1/score, and those that were allowed for want of time."""
        text = self.get("/metrics", late=True)[2].decode()
        samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
        return {
            "requests": sum(
                one.value
                for one in samples
                if one.name == "spit_http_requests_total" and one.labels["route"] == "/v1/score"
            ),
            "answers": sum(one.value for one in samples if one.name == "spit_score_duration_seconds_count"),
            "degraded": sum(one.value for one in samples if one.name == "spit_degraded_total"),
            "overload": sum(
                one.value
                for one in samples
                if one.name == "spit_score_shed_total" and one.labels["reason"] == "overload"
            ),
        }

    def _until(self, end: bytes) -> bytes:
        while end not in self._received:
            self._read()
        return self._take(self._received.index(end) + len(end))

    def _take(self, count: int) -> bytes:
        while len(self._received) < count:
            self._read()
        taken, self._received = self._received[:count], self._received[count:]
        return taken

    def _read(self) -> None:
        data = self._connection.recv(65_536)
        assert data, "the service closed the connection"
        self._received += data


@contextmanager
def talking(config: Config = Config(), keys: KeyRing | None = None) -> Iterator[Talk]:  # noqa: B008  frozen
    config = with_service(config, port=0, score_budget_ms=60_000)
    engine = TableEngine(config)
    listener = listen(config.service)
    service = HttpService(
        engine, config, listener, time_source=lambda: NOW_US, keys=[] if keys is None else [keys]
    )
    service.start()
    try:
        with socket.create_connection(listener.getsockname(), timeout=PATIENCE_S) as connection:
            yield Talk(service, connection)
    finally:
        assert service.stop(30)


@pytest.mark.parametrize("accept", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_the_answer_is_that_of_an_engine_that_cannot_score(accept: str) -> None:
    with talking() as talk:
        asked = (f"/v1/score?{QUERY}", f"Accept: {accept}", "X-Request-Id: mine")
        scored = talk.get(*asked, late=False)
        shed = talk.get(*asked, late=True)
        engine = talk.questions._scorer._engine
        engine.failure = RuntimeError("out of order")
        failed = talk.get(*asked, late=False)
    for answer in (shed, failed):
        answer[1].pop(b"date")
    assert shed == failed != scored
    assert list(shed[1]) == list(failed[1])  # in their order, too
    assert (shed[0], shed[1][b"x-request-id"]) == (200, b"mine")


def test_a_connection_goes_on_after_it_and_all_is_counted() -> None:
    body = json.dumps({"caller": SPAMMER, "callee": FRIEND})
    post = (
        f"POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    chunked = post.replace(b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked").replace(
        body.encode(), b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body.encode())
    )
    with talking() as talk:
        before = talk.shed()
        for late in (True, False, True, True, False):
            status, _, answer = talk.ask(post, late=late)
            assert (status, json.loads(answer)["degraded"]) == (200, late)
        # The long way, and there a verdict can be had.
        status, _, answer = talk.ask(chunked, late=True)
        assert (status, json.loads(answer)["degraded"]) == (200, False)
        after = talk.shed()
    assert {name: after[name] - before[name] for name in after} == {
        "requests": 6,
        "answers": 6,
        "degraded": 3,
        "overload": 3,
    }


def test_what_is_no_question_is_answered_as_ever() -> None:
    with talking() as talk:
        assert talk.get("/healthz", late=True)[0] == 200
        assert talk.get("/v1/scores", late=True)[0] == 404
        assert talk.get("/v1/model", late=True)[0] == 200


def test_nobody_is_answered_who_would_not_be_let_in() -> None:
    ring = StaticKeys(
        [
            KeyEntry(KeyOwner("sbc", frozenset({"score"})), hashlib.sha256(b"key-sbc").digest()),
            KeyEntry(KeyOwner("agent", frozenset({"events"})), hashlib.sha256(b"key-agent").digest()),
        ]
    )

    def key(name: str) -> tuple[str, str]:
        return f"/v1/score?{QUERY}", f"Authorization: Bearer key-{name}"

    with talking(keys=ring) as talk:
        assert talk.get(late=True)[0] == 401
        assert talk.get(*key("nobody"), late=True)[0] == 401
        # A key that nobody has shown yet has to be looked up, which is the long way.
        assert [talk.get(*key("agent"), late=True)[0] for _ in range(2)] == [403, 403]
        found = [json.loads(talk.get(*key("sbc"), late=True)[2])["degraded"] for _ in range(2)]
        assert found == [False, True]


def test_where_every_request_is_logged_each_goes_the_long_way() -> None:
    with talking(with_service(Config(), access_log="all")) as talk:
        assert talk.questions is None
