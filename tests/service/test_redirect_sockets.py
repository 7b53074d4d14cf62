"""The redirect server on real sockets of the loopback interface."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from running_command import wait_until
from sip_requests import Response, request

from spit import _core
from spit.config import RedirectConfig
from spit.enforce.redirect.answer import Answer, AskError
from spit.enforce.redirect.listening import listen
from spit.enforce.redirect.service import RedirectService, read_responses
from spit.errors import ConfigError
from spit.records import ActionKind

TIMEOUT_S = 30


@dataclass
class Scripted:
    """An ``Ask`` that answers what the test says, once the test lets it."""

    answer: Answer | Exception = field(default_factory=lambda: Answer(ActionKind.ALLOW))
    released: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[bytes, str, str | None]] = field(default_factory=list)
    closed: bool = False

    async def ask(self, invite: bytes, peer_ip: str, source_ip: str | None) -> Answer:
        self.asked.append((invite, peer_ip, source_ip))
        await asyncio.to_thread(self.released.wait, TIMEOUT_S)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self) -> None:
        self.closed = True

    def counters(self) -> dict[str, int]:
        return {}


@dataclass
class Serving:
    service: RedirectService
    ask: Scripted
    port: int

    def counter(self, name: str) -> int:
        return self.service.counters()[name]


@contextmanager
def serving(ask: Scripted | None = None, *, held: bool = False, **settings: object) -> Iterator[Serving]:
    config = RedirectConfig(**{"profile": "prosbc", "budget_ms": 10_000, **settings})  # type: ignore[arg-type]
    ask = ask or Scripted()
    if not held:
        ask.released.set()
    listeners = listen(["127.0.0.1:0"])
    service = RedirectService(config, read_responses(config), ask, listeners)
    service.start()
    try:
        yield Serving(service, ask, int(listeners[0].address.rpartition(":")[2]))
    finally:
        ask.released.set()
        service.stop(0.1)
        assert ask.closed


@contextmanager
def udp(server: Serving) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(TIMEOUT_S)
        client.connect(("127.0.0.1", server.port))
        yield client


@contextmanager
def tcp(server: Serving) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S) as client:
        yield client


def own(method: str = "INVITE", number: int = 1, *, to_tag: str = "") -> bytes:
    via = f"SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{number};rport"
    cseq = f"1 {method}"
    return request(method, via=via, call_id=f"call-{number}", cseq=cseq, to_tag=to_tag)


def read_stream(client: socket.socket, count: int) -> list[Response]:
    stream, found = _core.SipStream(), list[bytes]()
    while len(found) < count:
        data = client.recv(65_536)
        assert data, "the connection was closed"
        found += stream.push(data)
    return [Response.read(one) for one in found]


def test_a_call_over_udp_is_answered_to_where_it_came_from() -> None:
    with serving() as server, udp(server) as client:
        client.send(own())
        response = Response.read(client.recv(65_536))
        client.send(own("ACK"))
        assert response.code == 404
        port = client.getsockname()[1]
        assert response["Via"].endswith(f";received=127.0.0.1;rport={port}")
        assert server.ask.asked == [(own(), "127.0.0.1", None)]
        wait_until(lambda: server.counter("acks") == 1)


def test_a_100_comes_first_when_the_answer_takes_long_and_the_answer_repeats_without_an_ack() -> None:
    with serving(held=True) as server, udp(server) as client:
        client.send(own())
        assert Response.read(client.recv(65_536)).code == 100
        client.send(own())
        assert Response.read(client.recv(65_536)).code == 100
        server.ask.released.set()
        first, again = client.recv(65_536), client.recv(65_536)
        client.send(own("ACK"))
        assert Response.read(first).code == 404
        assert again == first
        assert len(server.ask.asked) == 1


def test_a_cancel_while_the_answer_is_awaited() -> None:
    with serving(held=True) as server, udp(server) as client:
        client.send(own())
        wait_until(lambda: server.ask.asked)
        client.send(own("CANCEL"))
        codes = {Response.read(client.recv(65_536)).code for _ in range(2)}
        client.send(own("ACK"))
        assert codes == {200, 487}


@pytest.mark.parametrize(
    ("failure", "counter"),
    [(AskError("gone"), "asks_failed"), (RuntimeError("a mistake of ours"), "asks_failed")],
)
def test_whatever_fails_the_call_is_let_through(failure: Exception, counter: str) -> None:
    with serving(Scripted(failure)) as server, udp(server) as client:
        client.send(own())
        assert Response.read(client.recv(65_536)).code == 404
        client.send(own("ACK"))
        assert server.counter(counter) == server.counter("answers_degraded") == 1


def test_beyond_its_time_budget_a_call_is_let_through() -> None:
    spam = Scripted(Answer(ActionKind.REJECT))
    with serving(spam, held=True, budget_ms=10) as server, udp(server) as client:
        client.send(own())
        assert Response.read(client.recv(65_536)).code == 404
        client.send(own("ACK"))
        assert server.counter("asks_late") == 1


def test_two_calls_in_one_segment_and_one_call_in_many() -> None:
    with serving() as server, tcp(server) as client:
        client.sendall(own(number=1) + own(number=2))
        assert {one["Call-ID"] for one in read_stream(client, 2)} == {"call-1", "call-2"}
        for byte in own(number=3):
            client.send(bytes([byte]))
        assert read_stream(client, 1)[0]["Call-ID"] == "call-3"
        client.sendall(own("ACK", 1) + own("ACK", 2) + own("ACK", 3))
        client.sendall(b"\r\n\r\n")
        assert client.recv(100) == b"\r\n"
        wait_until(lambda: server.counter("acks") == 3)
        assert server.service.levels() == {"transactions": 0, "connections_open": 1}


def test_over_tcp_an_answer_goes_out_once() -> None:
    with serving() as server, tcp(server) as client:
        client.sendall(own())
        read_stream(client, 1)
        client.sendall(own("OPTIONS", 2))
        assert read_stream(client, 1)[0].code == 200
        assert server.counter("responses_repeated") == 0


def test_an_answer_to_a_connection_that_is_gone_is_counted() -> None:
    with serving(held=True) as server:
        with tcp(server) as client:
            client.sendall(own())
            wait_until(lambda: server.ask.asked)
        wait_until(lambda: server.service.levels()["connections_open"] == 0)
        server.ask.released.set()
        wait_until(lambda: server.counter("responses_lost") == 1)


def test_strangers_are_dropped_and_counted() -> None:
    with serving(peers=("192.0.2.0/24",)) as server:
        with udp(server) as client:
            client.send(own("OPTIONS"))
            wait_until(lambda: server.counter("peers_refused") == 1)
        with tcp(server) as client:
            assert client.recv(100) == b""
        assert server.counter("peers_refused") == 2
        assert server.counter("messages") == 0


def test_connections_are_bounded_and_those_that_are_no_sip_or_idle_are_cut() -> None:
    with serving(max_connections=1, idle_s=1) as server:
        with tcp(server) as first:
            wait_until(lambda: server.counter("connections") == 1)
            with tcp(server) as second:
                assert second.recv(100) == b""
            assert first.recv(100) == b""  # idle for its second
        wait_until(lambda: server.service.levels()["connections_open"] == 0)
        assert (server.counter("connections_refused"), server.counter("connections_cut")) == (1, 1)


@pytest.mark.parametrize(
    "flood",
    [b"\x00\xff" * 40_000, b"INVITE sip:a@b SIP/2.0\r\nVia: " + b"x" * 100_000],
)
def test_a_connection_that_sends_what_never_becomes_a_message_is_cut(flood: bytes) -> None:
    with serving() as server, tcp(server) as client:
        try:
            client.sendall(flood)
            assert client.recv(100) == b""
        except ConnectionError:
            pass  # cut while the flood was still being sent
        wait_until(lambda: server.counter("connections_cut") == 1)


def test_ending_answers_what_was_asked_and_waits_for_the_ack() -> None:
    with serving(held=True) as server, udp(server) as client:
        client.send(own())
        wait_until(lambda: server.ask.asked)
        ended: list[bool] = []
        stopping = threading.Thread(target=lambda: ended.append(server.service.stop(TIMEOUT_S)))
        stopping.start()
        client.send(own("OPTIONS", 2))
        codes = [Response.read(client.recv(65_536)).code]
        while 503 not in codes:  # it says that it is leaving, as soon as it knows
            client.send(own("OPTIONS", 2))
            codes.append(Response.read(client.recv(65_536)).code)
        client.send(own(number=3))  # a call that comes now is let through at once
        while 404 not in codes:
            response = Response.read(client.recv(65_536))
            codes.append(response.code if response["Call-ID"] == "call-3" else 0)
        client.send(own("ACK", 3))
        server.ask.released.set()
        while not (response["Call-ID"] == "call-1" and response.code == 404):
            response = Response.read(client.recv(65_536))
        assert stopping.is_alive()
        client.send(own("ACK"))
        stopping.join(TIMEOUT_S)
        assert ended == [True]
        assert server.counter("asks_shed") == 1


def test_ipv6() -> None:
    listeners = listen(["udp:[::1]:0"])
    config = RedirectConfig(profile="clearip")
    ask = Scripted()
    ask.released.set()
    service = RedirectService(config, read_responses(config), ask, listeners)
    service.start()
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
            client.settimeout(TIMEOUT_S)
            client.connect(listeners[0].socket.getsockname()[:2])
            client.send(own())
            response = Response.read(client.recv(65_536))
            client.send(own("ACK"))
        assert ";received=::1;rport=" in response["Via"]
    finally:
        service.stop(0.1)


def test_a_port_that_is_taken_is_one_clear_line_and_leaves_no_socket() -> None:
    (taken,) = listen(["tcp:127.0.0.1:0"])
    with taken.socket:
        where = taken.address.removeprefix("tcp:")
        with pytest.raises(ConfigError, match=rf"redirect\.listen: cannot listen on {where}: "):
            listen(["udp:127.0.0.1:0", where])


def test_udp_and_tcp_share_a_port() -> None:
    listeners = listen(["127.0.0.1:0"])
    ports = {listener.address.rpartition(":")[2] for listener in listeners}
    for listener in listeners:
        listener.socket.close()
    assert {listener.transport for listener in listeners} == {"udp", "tcp"}
    assert len(ports) == 1
