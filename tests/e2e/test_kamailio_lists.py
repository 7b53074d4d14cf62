"""Kamailio with the lists that spit gives it: looked up in Redis, or pushed into its memory by JSON-RPC."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from sip_programs import (
    DEADLINE_S,
    Call,
    Callee,
    callee,
    free_port,
    kamailio,
    needs,
    place_calls,
    redis,
    redis_says,
    wait_until,
)

pytestmark = pytest.mark.e2e

BLOCKED = "+12025550199"
FRIEND = "+4930123456"
REASON = 'SIP;cause=603;text="v=analytics1;url=https://example.net/blocked";location=RLN'
MIRROR = '"sip:127.0.0.1:9"'
KEY = "spit:verdict:"


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    needs("kamailio", "sipp", "redis-server", "redis-cli")


@pytest.fixture
def hop(tmp_path: Path) -> Iterator[Callee]:
    with callee(tmp_path) as there:
        yield there


def call(folder: Path, proxy: int, *callers: str) -> list[Call]:
    """One call of each, one after the other."""
    return place_calls(folder, proxy, [(caller, "+4930555") for caller in callers])


def statuses(folder: Path, proxy: int, *callers: str) -> list[int]:
    return [placed.status for placed in call(folder, proxy, *callers)]


@contextmanager
def looking_up(folder: Path, hop: Callee, port: int, **defines: object) -> Iterator[tuple[int, Path]]:
    """Kamailio with redis.cfg, and Redis on ``port``."""
    server = f'"name=spit;addr=127.0.0.1;port={port};db=0"'
    with kamailio(folder, "redis.cfg", NEXT_HOP=hop.hop, MIRROR=MIRROR, REDIS=server, **defines) as running:
        yield running


@contextmanager
def pushed_to(folder: Path, hop: Callee) -> Iterator[tuple[int, int]]:
    """Kamailio with pushed.cfg; its SIP port and the port where it takes the list."""
    port = free_port(socket.SOCK_STREAM)
    listen = {"RPC_LISTEN": f"tcp:127.0.0.1:{port}", "RPC_PORT": port}
    with kamailio(folder, "pushed.cfg", NEXT_HOP=hop.hop, MIRROR=MIRROR, **listen) as (proxy, _):
        yield proxy, port


def push(port: int, method: str, *parameters: object) -> object:
    """What Kamailio answers to a JSON-RPC call."""
    call = {"jsonrpc": "2.0", "method": method, "params": parameters, "id": 1}
    return json.loads(post(port, "/RPC", json.dumps(call).encode()))


def post(port: int, path: str, body: bytes) -> bytes:
    headers = {"Content-Type": "application/json"}
    request = Request(f"http://127.0.0.1:{port}{path}", body, headers)
    with urlopen(request, timeout=DEADLINE_S) as answer:  # noqa: S310  the scheme stands there
        return bytes(answer.read())


def check_words(folder: Path, hop: Callee, proxy: int, callers: dict[str, str]) -> None:
    """Of ``callers`` by word, each gets what the word says; ``FRIEND`` is on no list."""
    placed = call(folder, proxy, *callers.values(), FRIEND)
    by_caller = {one.caller: one for one in placed}
    refused = by_caller.pop(callers["reject"])
    assert (refused.answer.start, refused.answer.header("Reason")) == ("SIP/2.0 603 Network Blocked", REASON)
    assert {one.status for one in by_caller.values()} == {200}
    tags = {hop.invites()[one.call_id].header("X-Spam-Action") for one in by_caller.values()}
    tagged = by_caller[callers["tag"]]
    assert hop.invites()[tagged.call_id].header("X-Spam-Action") == "tag"
    assert tags == {"tag", None}
    assert refused.call_id not in hop.invites()


WORDS = {"reject": BLOCKED, "tag": "alice", "allow": "+4930777", "explode": "+4930778", "": "+4930779"}


def test_redis_says_in_a_word_what_is_done_with_a_caller(tmp_path: Path, hop: Callee) -> None:
    with redis(tmp_path) as (port, _), looking_up(tmp_path, hop, port) as (proxy, _):
        for word, caller in WORDS.items():
            identity = caller if caller.startswith("+") else f"{caller}@outside.example"
            assert redis_says(port, "SET", KEY + identity, word, "EX", "300") == "OK"
        check_words(tmp_path, hop, proxy, WORDS)


def test_a_listed_caller_reaches_an_emergency_number(tmp_path: Path, hop: Callee) -> None:
    with redis(tmp_path) as (port, _), looking_up(tmp_path, hop, port) as (proxy, _):
        redis_says(port, "SET", KEY + BLOCKED, "reject")
        placed = place_calls(tmp_path, proxy, [(BLOCKED, "112"), (BLOCKED, "1120"), (BLOCKED, "911")])
    assert [one.status for one in placed] == [200, 603, 200]


def test_national_and_odd_spellings_find_the_same_caller(tmp_path: Path, hop: Callee) -> None:
    with redis(tmp_path) as (port, _), looking_up(tmp_path, hop, port) as (proxy, _):
        redis_says(port, "SET", KEY + BLOCKED, "reject")
        redis_says(port, "SET", KEY + "a%25s%25n@outside.example", "reject")
        spellings = [BLOCKED, "0012025550199", "+1-202-555.0199"]
        assert statuses(tmp_path, proxy, *spellings) == [603, 603, 603]
        # What a caller writes is one key, never a command or a format.
        assert statuses(tmp_path, proxy, "a%25s%25n", "%25s%25s", "x%20y%0D%0ADEL") == [603, 200, 200]


def test_lists_hold_for_callers_of_whom_there_is_no_verdict(tmp_path: Path, hop: Callee) -> None:
    with redis(tmp_path) as (port, _), looking_up(tmp_path, hop, port) as (proxy, _):
        redis_says(port, "SET", f"spit:list:block:{BLOCKED}", "block")
        redis_says(port, "SET", KEY + FRIEND, "reject")
        assert statuses(tmp_path, proxy, BLOCKED, FRIEND) == [603, 603]
        # Whom somebody has allowed gets through, whatever else is said.
        for caller in (BLOCKED, FRIEND):
            redis_says(port, "SET", f"spit:list:allow:{caller}", "allow")
        assert statuses(tmp_path, proxy, BLOCKED, FRIEND) == [200, 200]


def test_what_has_expired_or_is_no_word_lets_the_call_pass(tmp_path: Path, hop: Callee) -> None:
    with redis(tmp_path) as (port, _), looking_up(tmp_path, hop, port, PREFIX='"own:"') as (proxy, _):
        redis_says(port, "RPUSH", f"own:verdict:{FRIEND}", "reject")
        redis_says(port, "SET", f"own:verdict:{BLOCKED}", "reject")
        assert statuses(tmp_path, proxy, FRIEND, BLOCKED) == [200, 603]
        assert redis_says(port, "EXPIRE", f"own:verdict:{BLOCKED}", "1") == "1"
        wait_until(lambda: statuses(tmp_path, proxy, BLOCKED) == [200], "passing call")


def test_calls_pass_while_redis_hangs_or_is_gone_and_the_list_is_back_with_it(
    tmp_path: Path, hop: Callee
) -> None:
    with redis(tmp_path) as (port, process), looking_up(tmp_path, hop, port, BYPASS_S=1) as (proxy, log):
        redis_says(port, "SET", KEY + BLOCKED, "reject")
        assert statuses(tmp_path, proxy, BLOCKED, FRIEND) == [603, 200]
        process.send_signal(signal.SIGSTOP)
        assert statuses(tmp_path, proxy, *[BLOCKED, FRIEND] * 10) == [200] * 20
        wait_until(
            lambda: statuses(tmp_path, proxy, BLOCKED) and "disabled for 1 seconds" in log.read_text("utf-8"),
            "circuit",
        )
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: statuses(tmp_path, proxy, BLOCKED) == [603], "refusal")
        process.kill()
        process.wait(DEADLINE_S)
        assert statuses(tmp_path, proxy, *[BLOCKED, FRIEND] * 5) == [200] * 10


def test_kamailio_starts_without_redis(tmp_path: Path, hop: Callee) -> None:
    with looking_up(tmp_path, hop, free_port(socket.SOCK_STREAM)) as (proxy, _):
        assert statuses(tmp_path, proxy, BLOCKED) == [200]


def test_a_pushed_word_is_what_is_done_with_a_caller(tmp_path: Path, hop: Callee) -> None:
    with pushed_to(tmp_path, hop) as (proxy, port):
        for word, caller in WORDS.items():
            identity = caller if caller.startswith("+") else f"{caller}@outside.example"
            answer = push(port, "htable.setxs", "spit", identity, word, 300)
            assert answer == {"jsonrpc": "2.0", "result": "Ok. Key set to new value.", "id": 1}, answer
        check_words(tmp_path, hop, proxy, WORDS)
        push(port, "htable.delete", "spit", BLOCKED)
        assert statuses(tmp_path, proxy, BLOCKED) == [200]


def test_a_pushed_word_expires_by_itself(tmp_path: Path, hop: Callee) -> None:
    with pushed_to(tmp_path, hop) as (proxy, port):
        push(port, "htable.setxs", "spit", BLOCKED, "reject", 300)
        assert statuses(tmp_path, proxy, BLOCKED) == [603]
        push(port, "htable.setex", "spit", BLOCKED, 1)
        wait_until(lambda: statuses(tmp_path, proxy, BLOCKED) == [200], "passing call")


def test_nonsense_pushed_changes_nothing(tmp_path: Path, hop: Callee) -> None:
    with pushed_to(tmp_path, hop) as (proxy, port):
        push(port, "htable.setxs", "spit", BLOCKED, "reject", 300)
        incomplete = b'{"method": "htable.setxs", "params": [1]}'
        for body in (b"", b"{", b"\x00\xff", b"[]", b"x" * 10_000, incomplete):
            with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as raw:
                raw.sendall(b"POST /RPC HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(65536):
                    pass
        with pytest.raises(HTTPError, match="403"):
            post(port, "/other", b"{}")
        assert statuses(tmp_path, proxy, BLOCKED, FRIEND) == [603, 200]
