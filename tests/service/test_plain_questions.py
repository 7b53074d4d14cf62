"""A question that is answered as it is read gets what it would get the long way, and is counted once."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from memory_wire import DATE, Side
from service_client import ENFORCE, FRIEND, SPAMMER, SUSPECT, with_service

from spit.records import Reason
from spit.service.keyring import KeyEntry, KeyOwner, StaticKeys, hash_key


def key(name: str, tenant: str, *scopes: str) -> KeyEntry:
    digest = bytes.fromhex(hash_key(name).removeprefix("sha256:"))
    return KeyEntry(KeyOwner(name, frozenset(scopes), tenant), digest)


RING = StaticKeys([key("sbc", "", "score"), key("acme", "acme", "score"), key("agent", "", "events")])
CONFIG = with_service(ENFORCE, score_budget_ms=60_000, max_header_bytes=1_024, max_score_bytes=1_024)
OPEN = tuple(Side(CONFIG, is_short=is_short) for is_short in (True, False))
LIMITED = tuple(
    Side(with_service(CONFIG, score_rate=1), is_short=is_short, ring=RING) for is_short in (True, False)
)

CALLERS = st.sampled_from([SPAMMER, SUSPECT, FRIEND, f"sip:{SPAMMER}@example.org", "Ä b@c", "", "x" * 1_100])
FIELDS = st.fixed_dictionaries(
    {"caller": CALLERS},
    optional={
        "callee": st.sampled_from([FRIEND, "urn:service:sos"]),
        "source_ip": st.sampled_from(["192.0.2.7", "[2001:db8::1]:5060", "nowhere", ""]),
        "call_id": st.sampled_from(["a@b", ""]),
        "user_agent": st.just("PBX 1"),
        "tenant": st.sampled_from(["acme", "other", "not a tenant"]),
        "observe": st.sampled_from(["true", "false", "perhaps"]),
        "newer": st.just("field"),
    },
)
GOOD_FIELDS = st.fixed_dictionaries(
    {"caller": st.sampled_from([SPAMMER, SUSPECT, FRIEND]), "callee": st.just(FRIEND)},
    optional={
        "source_ip": st.just("192.0.2.7"),
        "observe": st.sampled_from(["false", "true"]),
        "call_id": st.just("a@b"),
    },
)
HEADERS = st.lists(
    st.sampled_from(
        [
            *("Accept: text/plain", "accept: application/x-www-form-urlencoded", "ACCEPT: */*;q=0.1"),
            *("Accept: image/png", "Accept:", "Accept:text/*;q=0.5, application/json;q=0.4"),
            *("User-Agent: sbc", "Cookie: a=b; c=d", "X-Spit-Tenant: acme", "X-Spit-Tenant: other"),
            *("x-spit-tenant: not a tenant", "X-Request-Id: mine-1", "X-Request-ID: not mine!"),
            *("Authorization: Bearer sbc", "Authorization: Bearer acme", "Authorization: Bearer agent"),
            *("X-API-Key: sbc", "X-API-Key: nobody", "Authorization: Basic c2Jj", "TE: trailers"),
            *("Connection: keep-alive", "Connection: close", "Upgrade: h2c", "X-Long: " + "x" * 1_000),
            *("X-Blank: \t ", "X-Padded: \t a b\t", "Keep-Alive: 5"),
        ]
    ),
    max_size=5,
)
KEYS = st.sampled_from([(), ("Authorization: Bearer sbc",), ("X-API-Key: acme",)])
TYPES = st.sampled_from(
    [
        *("application/json", "Application/JSON; charset=utf-8", "application/x-www-form-urlencoded"),
        *("application/sip", "text/plain", ""),
    ]
)


def written(method: str, target: str, headers: list[str], body: bytes, *, is_chunked: bool = False) -> bytes:
    if is_chunked:
        headers = [*headers, "Transfer-Encoding: chunked"]
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    elif body or method == "POST":
        headers = [f"Content-Length: {len(body)}", *headers]
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *headers])
    return f"{head}\r\n\r\n".encode() + body


def query_of(fields: dict[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())


@st.composite
def gets(draw: st.DrawFn) -> bytes:
    fields = draw(GOOD_FIELDS | GOOD_FIELDS | FIELDS)
    target = draw(st.sampled_from(["/v1/score"] * 8 + ["/v1/score/", "/healthz"]))
    target += draw(st.sampled_from(["?"] * 8 + ["?&", "??"])) + query_of(fields)
    headers = draw(st.permutations(["Host: a", *draw(HEADERS), *draw(KEYS)]))
    body = draw(st.sampled_from([b""] * 6 + [b"{}"]))
    method = draw(st.sampled_from(["GET"] * 8 + ["HEAD", "DELETE"]))
    return written(method, target, headers, body)


@st.composite
def posts(draw: st.DrawFn) -> bytes:
    fields: dict[str, object] = dict(draw(GOOD_FIELDS | GOOD_FIELDS | FIELDS))
    if draw(st.booleans()):
        fields["headers"] = draw(st.sampled_from([{"Priority": "psap-callback"}, {"a": 1}, None]))
    media_type = draw(st.just("application/json") | TYPES)
    bodies = [json.dumps(fields).encode(), json.dumps(fields, ensure_ascii=False).encode()]
    bodies += [query_of({k: v for k, v in fields.items() if isinstance(v, str)}).encode()]
    bodies += [b"", b"{", b"[1]", b'{"caller": "\xff"}', b"{}" + b" " * 1_100]
    body = draw(st.sampled_from(bodies[:1] * 6 + bodies))
    query = draw(st.sampled_from([""] * 6 + ["?observe=true", "?observe=perhaps", "?tenant=acme", "?x", "?"]))
    typed = [f"Content-Type: {media_type}"] if media_type else []
    headers = draw(st.permutations(["Host: a", *typed, *draw(HEADERS), *draw(KEYS)]))
    return written("POST", f"/v1/score{query}", headers, body, is_chunked=draw(st.integers(0, 9)) == 0)


@st.composite
def segments(draw: st.DrawFn) -> list[bytes]:
    """One request in one piece, or several after each other, cut anywhere."""
    requests = draw(st.lists(gets() | posts(), min_size=1, max_size=3))
    # What follows the last request of a connection is dropped or refused, depending on who is quicker.
    closing = (place for place, one in enumerate(requests, 1) if b"\r\nConnection: close\r\n" in one)
    requests = requests[: next(closing, None)]
    data = b"".join(requests)
    if draw(st.booleans()):
        return requests
    cuts = sorted(draw(st.sets(st.integers(1, len(data) - 1), max_size=3)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@settings(max_examples=60, deadline=None)
@given(
    talk=st.lists(segments(), min_size=1, max_size=4),
    sides=st.sampled_from([OPEN, LIMITED]),
    is_busy=st.sampled_from([False, False, True]),
    is_failing=st.sampled_from([False, False, False, True]),
)
def test_the_short_way_answers_and_counts_as_the_long_one(
    talk: list[list[bytes]], sides: tuple[Side, Side], is_busy: bool, is_failing: bool
) -> None:
    answers = []
    for side in sides:
        side.engine.assessed.clear()
        side.engine.busy = is_busy
        side.engine.failure = RuntimeError("out of order") if is_failing else None
        answers.append(side.talk(talk))
    short, long = sides
    event(f"answers: {answers[0].count(b'HTTP/1.1 200')}")
    assert answers[0] == answers[1]
    assert short.counted() == long.counted()
    assert short.assessed() == long.assessed()


GET = written("GET", f"/v1/score?{query_of({'caller': SPAMMER, 'callee': FRIEND})}", ["Host: a"], b"")
JSON = ["Host: a", "Content-Type: application/json"]
POST = written("POST", "/v1/score", JSON, json.dumps({"caller": SPAMMER, "callee": FRIEND}).encode())


def at_once(side: Side, data: bytes) -> tuple[bytes, bytes]:
    """What is written before anything else runs, and what in all."""
    found: list[bytes] = []

    async def ask() -> None:
        protocol, wire = side.connect()
        protocol.data_received(data)
        found.append(wire.written)
        await side.settle()
        found.append(wire.written)

    asyncio.run(ask())
    return found[0], found[1]


@pytest.mark.parametrize(
    "data",
    [
        GET,
        POST,
        GET.replace(b"Host: a", b"accept: text/plain\r\nUser-Agent: x\r\nHost: a\r\nX-Spit-Tenant: acme"),
        POST.replace(b"/v1/score", b"/v1/score?observe=false"),
    ],
)
def test_plain_questions_are_answered_as_they_are_read(data: bytes) -> None:
    first, whole = at_once(Side(CONFIG), data)
    assert first.startswith(b"HTTP/1.1 200 OK\r\ndate: " + DATE)
    assert b"x-spam-score: 0.97" in first
    assert first == whole


@pytest.mark.parametrize(
    "data",
    [
        GET + GET,
        GET.replace(b"Host: a", b"Host: a\r\nConnection: close"),
        GET.replace(b"caller", b"observe=true&caller"),
        GET.replace(b"caller", b"called"),
        POST.replace(b"/v1/score", b"/v1/score?observe=true"),
        POST.replace(b"application/json", b"text/plain"),
        POST.replace(b"{", b"["),
        written("POST", "/v1/score", ["Host: a", "Content-Type: application/sip"], b"INVITE"),
        GET.replace(b"/v1/score", b"/v1/model"),
    ],
)
def test_what_is_not_plain_goes_the_long_way(data: bytes) -> None:
    first, whole = at_once(Side(CONFIG), data)
    assert first == b""
    assert whole.startswith(b"HTTP/1.1 ")


def test_the_engine_is_asked_once_and_then_waited_for() -> None:
    side = Side(CONFIG)
    side.engine.busy = True
    asked: list[str] = []
    assess_now, assess = side.engine.assess_now, side.engine.assess

    def now(*arguments: Any, **named: Any) -> Any:
        asked.append("now")
        return assess_now(*arguments, **named)

    def later(*arguments: Any, **named: Any) -> Any:
        asked.append("in a thread")
        return assess(*arguments, **named)

    side.engine.assess_now, side.engine.assess = now, later  # type: ignore[method-assign]
    for count, data in enumerate((GET, POST), 1):
        first, whole = at_once(side, data)
        assert first == b""
        assert b"x-spam-score: 0.97" in whole
        assert asked == ["now", "in a thread"] * count
        assert side.counted()["spit_score_duration_seconds_count", ()] == count


def test_what_fails_on_the_short_way_is_told_and_counted_by_the_long_one() -> None:
    sides = [Side(CONFIG, is_short=is_short) for is_short in (True, False)]
    data = GET.replace(b"Host: a", b"Host: a\r\nAccept: application/x-www-form-urlencoded")
    for side in sides:
        side.engine.reasons = (Reason("\ud800", 1.0, "cannot be written"),)
    short, long = (side.talk([[GET], [data]]) for side in sides)
    assert short.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 500 " in short
    assert short == long
    assert sides[0].counted() == sides[1].counted()


def test_what_the_client_does_not_read_is_not_written_on_and_on() -> None:
    side = Side(CONFIG)

    async def ask() -> None:
        protocol, wire = side.connect()
        protocol.pause_writing()
        protocol.data_received(GET)
        for _ in range(10):
            await asyncio.sleep(0)
        assert wire.written == b""
        protocol.resume_writing()
        await side.settle()
        assert wire.written.startswith(b"HTTP/1.1 200 ")

    asyncio.run(ask())


def test_more_connections_than_allowed_get_the_same_503() -> None:
    side = Side(with_service(CONFIG, max_connections=1))
    assert at_once(side, GET)[1].startswith(b"HTTP/1.1 503 ")


def test_an_idle_connection_is_closed_and_one_that_asks_is_not() -> None:
    """The first request's timer of headers ends with its answer, and the timer of idle connections begins."""

    async def ask(side: Side, *, is_closed: bool) -> None:
        protocol, wire = side.connect()
        for _ in range(2):
            protocol.data_received(GET)
        for _ in range(5):
            await asyncio.sleep(0)
        assert wire.written.count(b"HTTP/1.1 200 ") == 2
        assert wire.is_closed == is_closed

    asyncio.run(ask(Side(CONFIG, header_timeout_s=0.0), is_closed=False))
    asyncio.run(ask(Side(CONFIG, keep_alive_s=0), is_closed=True))


def test_an_answer_puts_off_the_end_of_an_idle_connection() -> None:
    async def ask() -> None:
        protocol, wire = Side(CONFIG, keep_alive_s=60).connect()
        protocol.data_received(GET)
        first = protocol.timeout_keep_alive_task
        protocol.data_received(GET)
        assert protocol.timeout_keep_alive_task is first
        protocol.timeout_keep_alive_handler()  # a minute after the first answer, which was this moment
        assert not wire.is_closed
        assert protocol.timeout_keep_alive_task is not first
        protocol.data_received(GET[:-1])
        assert protocol.timeout_keep_alive_task is None
        protocol._answered_s -= 60.0
        protocol.timeout_keep_alive_handler()
        assert wire.is_closed

    asyncio.run(ask())


def test_a_second_request_that_never_ends_is_still_closed() -> None:
    async def ask() -> None:
        protocol, wire = Side(CONFIG, header_timeout_s=0.0).connect()
        protocol.data_received(GET)
        protocol.data_received(GET[:-1])
        for _ in range(5):
            await asyncio.sleep(0)
        assert wire.written.count(b"HTTP/1.1 ") == 1
        assert wire.is_closed

    asyncio.run(ask())


def test_at_the_end_of_the_service_what_was_read_is_answered() -> None:
    async def ask() -> None:
        side = Side(CONFIG)
        protocol, wire = side.connect()
        protocol.data_received(GET)
        protocol.shutdown()
        assert wire.written.startswith(b"HTTP/1.1 200 ")
        assert wire.is_closed

    asyncio.run(ask())


def test_a_turn_that_answers_many_at_once_allows_those_that_come_too_late_in_it() -> None:
    side = Side(with_service(CONFIG, score_budget_ms=50))
    assess = side.engine.assess_now

    def slow(*arguments: Any, **named: Any) -> Any:
        side.now_s += 0.001
        return assess(*arguments, **named)

    side.engine.assess_now = slow  # type: ignore[method-assign]

    async def ask() -> None:
        talks = [side.connect() for _ in range(100)]
        for number in range(1, 4):
            for protocol, _ in talks:  # all in one turn of the loop
                protocol.data_received(POST)
            for _, wire in talks:
                assert wire.written.count(b"HTTP/1.1 200 ") == number
            scored = [b'"degraded": false' in wire.written.rpartition(b"HTTP/1.1")[2] for _, wire in talks]
            # Those that were read first; the next turn begins anew, because it owes nothing.
            assert scored == [place < 26 for place in range(100)]
            for _ in range(3):
                await asyncio.sleep(0)

    asyncio.run(ask())
    assert side.counted()["spit_score_shed_total", (("reason", "overload"),)] == 3 * 74
