"""The scorer asked over real connections: verdicts, reuse, every kind of failure."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from sip_requests import request

from spit.enforce.redirect.answer import Answer, AskError, UnreadableInviteError
from spit.enforce.redirect.circuit import Circuit
from spit.enforce.redirect.http_client import MAX_CONNECTIONS
from spit.enforce.redirect.scorer import ScorerAsk
from spit.records import ActionKind, SipAnswer

INVITE = request()
HANG = b""


def verdict(**changes: object) -> dict[str, object]:
    return {"action": "allow", "would_action": "allow", "sip": None, "degraded": False, **changes}


def http(body: object, status: str = "200 OK", *headers: str) -> bytes:
    data = json.dumps(body).encode() if not isinstance(body, bytes) else body
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(data)}", "", ""]
    return "\r\n".join(lines).encode() + data


@dataclass
class Scorer:
    """Answers with ``answers`` in order, the last one again and again; ``HANG`` says nothing."""

    answers: list[bytes]
    close_after: bool = False
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if answer == HANG:
                    await reader.read()
                writer.write(answer)
                await writer.drain()
                if self.close_after:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def with_scorer(
    scorer: Scorer,
    questions: Callable[[ScorerAsk, Circuit], Awaitable[None]],
    *,
    clock: Callable[[], float] = lambda: 0.0,
    observe: bool = False,
) -> None:
    async def run() -> None:
        server = await asyncio.start_server(scorer.serve, "127.0.0.1", 0)
        scorer.port = server.sockets[0].getsockname()[1]
        circuit = Circuit(failures=3, bypass_s=15)
        url = f"http://127.0.0.1:{scorer.port}"
        ask = ScorerAsk(url, token="secret", observe=observe, circuit=circuit, clock=clock)  # noqa: S106
        try:
            async with asyncio.timeout(30):
                await questions(ask, circuit)
        finally:
            await ask.close()
            server.close()

    asyncio.run(run())


def test_the_invite_goes_out_as_it_came_and_the_verdict_comes_back() -> None:
    headers = {"Reason": "SIP;cause=603"}
    sip = {"code": 603, "reason": "Network Blocked", "headers": headers}
    scorer = Scorer([http(verdict(action="reject", sip=sip))])

    async def questions(ask: ScorerAsk, _circuit: Circuit) -> None:
        answer = await ask.ask(INVITE, "192.0.2.9", "198.51.100.7")
        assert answer == Answer(ActionKind.REJECT, SipAnswer(603, "Network Blocked", headers))

    with_scorer(scorer, questions, observe=True)
    head, _, body = scorer.requests[0].partition(b"\r\n\r\n")
    assert body == INVITE
    assert head.startswith(b"POST /v1/score?observe=true&source_ip=198.51.100.7 HTTP/1.1\r\n")
    assert b"\r\nContent-Type: application/sip\r\n" in head
    assert b"\r\nAuthorization: Bearer secret\r\n" in head


def test_connections_are_used_again() -> None:
    scorer = Scorer([http(verdict())])

    async def questions(ask: ScorerAsk, _circuit: Circuit) -> None:
        for _ in range(3):
            assert (await ask.ask(INVITE, "192.0.2.9", None)).action is ActionKind.ALLOW
        together = await asyncio.gather(*(ask.ask(INVITE, "192.0.2.9", None) for _ in range(4)))
        assert len(together) == 4

    with_scorer(scorer, questions)
    assert len(scorer.requests) == 7
    assert scorer.connections == 4


def test_a_slow_scorer_is_not_flooded_with_connections() -> None:
    scorer = Scorer([http(verdict())])

    async def questions(ask: ScorerAsk, _circuit: Circuit) -> None:
        asked = 3 * MAX_CONNECTIONS
        answers = await asyncio.gather(*(ask.ask(INVITE, "192.0.2.9", None) for _ in range(asked)))
        assert len(answers) == asked

    with_scorer(scorer, questions)
    assert scorer.connections <= MAX_CONNECTIONS


def test_an_idle_connection_that_was_closed_is_no_failure() -> None:
    scorer = Scorer([http(verdict())], close_after=True)

    async def questions(ask: ScorerAsk, _circuit: Circuit) -> None:
        for _ in range(5):
            await ask.ask(INVITE, "192.0.2.9", None)

    with_scorer(scorer, questions)
    assert len(scorer.requests) == 5


def test_chunks_are_read() -> None:
    body = json.dumps(verdict(action="drop")).encode()
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    scorer = Scorer([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked])

    async def questions(ask: ScorerAsk, _circuit: Circuit) -> None:
        for _ in range(2):
            assert (await ask.ask(INVITE, "192.0.2.9", None)).action is ActionKind.DROP

    with_scorer(scorer, questions)
    assert scorer.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        http({}, "500 Internal Server Error"),
        http({}, "401 Unauthorized"),
        http({}, "302 Found", "Location: http://elsewhere"),
        http([]),
        http(b"allow"),
        http(b"[" * 100_000),
        http({"action": "allow"}),
        http(verdict(action="launch")),
        http(verdict(action="reject", sip={"code": 200, "reason": "OK", "headers": {}})),
        http(verdict(action="reject", sip={"code": 603, "reason": "a\r\nb", "headers": {}})),
        http(verdict(action="reject", sip={"code": 603, "reason": "", "headers": {"X": "a\r\nEvil: b"}})),
        http(verdict(action="reject", sip={"code": 603, "reason": "", "headers": {"a b": "c"}})),
        http(verdict(action="reject", sip=[603])),
        http(verdict(action="tag", add_headers={"X": "a\r\nEvil: b"})),
        http(verdict(action="tag", add_headers=["X"])),
        b"SIP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
)
def test_nonsense_is_a_failure_and_opens_the_circuit(answer: bytes) -> None:
    scorer = Scorer([answer])

    async def questions(ask: ScorerAsk, circuit: Circuit) -> None:
        for _ in range(3):
            with pytest.raises(AskError) as raised:
                await ask.ask(INVITE, "192.0.2.9", None)
            assert not isinstance(raised.value, UnreadableInviteError)
        assert circuit.is_open
        with pytest.raises(AskError, match="not asked for a while"):
            await ask.ask(INVITE, "192.0.2.9", None)
        assert ask.counters() == {"asks_bypassed": 1, "circuit_opened": 1}

    with_scorer(scorer, questions)
    assert len(scorer.requests) == 3


def test_an_invite_that_the_scorer_cannot_read_says_nothing_about_the_scorer() -> None:
    scorer = Scorer([http({}, "400 Bad Request")])

    async def questions(ask: ScorerAsk, circuit: Circuit) -> None:
        for _ in range(5):
            with pytest.raises(UnreadableInviteError):
                await ask.ask(INVITE, "192.0.2.9", None)
        assert not circuit.is_open

    with_scorer(scorer, questions)


def test_after_a_while_one_question_is_tried_and_an_answer_closes_the_circuit() -> None:
    now_s = [0.0]
    scorer = Scorer([http({}, "503 Service Unavailable")] * 3 + [http(verdict())])

    async def questions(ask: ScorerAsk, circuit: Circuit) -> None:
        for _ in range(3):
            with pytest.raises(AskError):
                await ask.ask(INVITE, "192.0.2.9", None)
        now_s[0] = 15.0
        assert (await ask.ask(INVITE, "192.0.2.9", None)).action is ActionKind.ALLOW
        assert not circuit.is_open

    with_scorer(scorer, questions, clock=lambda: now_s[0])


def test_an_answer_that_comes_too_late_is_a_failure_and_never_read_for_the_next() -> None:
    scorer = Scorer([HANG, http(verdict(action="tag"))])

    async def questions(ask: ScorerAsk, _circuit: Circuit) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ask.ask(INVITE, "192.0.2.9", None)
        assert (await ask.ask(INVITE, "192.0.2.9", None)).action is ActionKind.TAG

    with_scorer(scorer, questions)
    assert scorer.connections == 2


def test_nobody_listens() -> None:
    async def questions() -> None:
        circuit = Circuit(failures=1, bypass_s=15)
        ask = ScorerAsk("http://127.0.0.1:9", token="", observe=False, circuit=circuit, clock=lambda: 0.0)
        with pytest.raises(AskError):
            await ask.ask(INVITE, "192.0.2.9", None)
        assert circuit.is_open

    asyncio.run(questions())


def test_degraded_answers_are_told() -> None:
    scorer = Scorer([http(verdict(degraded=True))])

    async def questions(ask: ScorerAsk, _circuit: Circuit) -> None:
        assert (await ask.ask(INVITE, "192.0.2.9", None)).degraded

    with_scorer(scorer, questions)


def test_the_headers_of_a_tag_come_along() -> None:
    scorer = Scorer([http(verdict(action="tag", add_headers={"X-Spam-Label": "suspect"}))])

    async def questions(ask: ScorerAsk, _circuit: Circuit) -> None:
        answer = await ask.ask(INVITE, "192.0.2.9", None)
        assert (answer.action, answer.add_headers) == (ActionKind.TAG, {"X-Spam-Label": "suspect"})

    with_scorer(scorer, questions)
