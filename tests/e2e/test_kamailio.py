"""Kamailio with the examples of integrations/kamailio: spam callers are refused, everybody else gets through.

Callers and callees are SIPp, the mirror is siptrace's HEP, the scorer is ``spit serve``.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from fake_scorer import HANG, fake_scorer, http_json
from sip_programs import (
    DEADLINE_S,
    ROOT,
    Call,
    Callee,
    callee,
    free_port,
    kamailio,
    needs,
    place_calls,
    scorer,
    wait_until,
)

pytestmark = pytest.mark.e2e

BLOCKED = "+12025550199"
FRIEND = "+4930123456"
REASON = 'SIP;cause=603;text="v=analytics1;url=https://example.net/blocked";location=RLN'
ENFORCE = f"""
[policy]
mode = "enforce"
redress = "https://example.net/blocked"
block = ["{BLOCKED}"]
"""
REFUSAL = http_json(
    {
        "action": "reject",
        "sip": {"code": 603, "reason": "Network Blocked", "headers": {"Reason": REASON}},
    }
)


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    needs("kamailio", "sipp")


@pytest.fixture
def hop(tmp_path: Path) -> Iterator[Callee]:
    with callee(tmp_path) as there:
        yield there


def quoted(text: str) -> str:
    return f'"{text}"'


@contextmanager
def asking(
    folder: Path, hop: Callee, port: int, *, mirror: int = 9, **defines: object
) -> Iterator[tuple[int, Path]]:
    """Kamailio with http.cfg, which asks the scorer on ``port``; patient, however busy the machine is."""
    settings = {
        "NEXT_HOP": hop.hop,
        "SCORER": quoted(f"http://127.0.0.1:{port}"),
        "MIRROR": quoted(f"sip:127.0.0.1:{mirror}"),
        "TIMEOUT_S": 30,
    }
    with kamailio(folder, "http.cfg", **{**settings, **defines}) as running:
        yield running


def statuses(folder: Path, proxy: int, *callers: str) -> list[int]:
    """The final answers to one call of each, one after the other."""
    return [call.status for call in place_calls(folder, proxy, [(caller, "+4930555") for caller in callers])]


def masked_ends(port: int) -> int:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE_S) as page:
        found = re.search(
            r'^spit_engine_counter{name="own_answers_masked"} (\d+)', page.read().decode(), re.M
        )
    assert found is not None
    return int(found[1])


def attempts(port: int, caller: str) -> int:
    try:
        with urlopen(f"http://127.0.0.1:{port}/v1/callers/{caller}", timeout=DEADLINE_S) as answer:
            return int(json.load(answer)["attempts"])
    except OSError:
        return 0


@pytest.mark.parametrize("config", ["http.cfg", "redis.cfg", "pushed.cfg"])
def test_the_examples_are_whole_as_they_are(config: str, tmp_path: Path) -> None:
    path = ROOT / "integrations" / "kamailio" / config
    command = ["kamailio", "-c", "-f", str(path), "-Y", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr
    assert "config file ok" in done.stderr


@pytest.mark.parametrize("defines", [{}, {"ASK_BY_QUERY": 1}], ids=["invite", "query"])
def test_a_blocked_caller_gets_the_policys_answer_and_others_get_through(
    tmp_path: Path, hop: Callee, defines: dict[str, int]
) -> None:
    with scorer(tmp_path, ENFORCE) as (port, _), asking(tmp_path, hop, port, **defines) as (proxy, _):
        blocked, passed = place_calls(tmp_path, proxy, [(BLOCKED, "+4930555"), (FRIEND, "+4930555")])
    assert (blocked.answer.start, blocked.answer.header("Reason")) == ("SIP/2.0 603 Network Blocked", REASON)
    assert passed.status == 200
    assert list(hop.invites()) == [passed.call_id]
    # What a caller claims of itself is taken off.
    assert hop.invites()[passed.call_id].header("X-Spam-Action") is None


def test_a_caller_is_found_by_its_calls_in_the_mirror_and_then_refused(tmp_path: Path, hop: Callee) -> None:
    mirror, spammer = free_port(), "+19005550123"
    friends = [(f"+49305550{number:03}", f"+49308880{number:03}") for number in range(20)]
    calls: list[Call] = []

    def refused_throughout() -> bool:
        """Whether the next 25 calls of the campaign are; how many it takes depends on the machine's pace."""
        assert len(calls) < 750, "nobody has found the campaign"
        numbers = range(len(calls), len(calls) + 25)
        placed = place_calls(
            tmp_path, proxy, [(spammer, f"+4930111{number:03}") for number in numbers], at_once=3
        )
        calls.extend(placed)
        return {call.status for call in placed} == {603}

    with (
        scorer(tmp_path, ENFORCE, "--hep", f"udp:127.0.0.1:{mirror}") as (port, _),
        asking(tmp_path, hop, port, mirror=mirror) as (proxy, _),
    ):
        passed = place_calls(tmp_path, proxy, friends)
        while not refused_throughout():
            pass
        # Each call is counted once, however many messages and legs it had.
        wait_until(lambda: attempts(port, spammer) == len(calls), "count of every call")
        passed += place_calls(tmp_path, proxy, friends)
        refused = [call for call in calls if call.status == 603]
        # Its own 603s, which the mirror shows as well, are not held against the caller.
        wait_until(lambda: masked_ends(port) == len(refused), "the end of every refused call")
    assert {call.status for call in passed} == {200}
    # Nobody is refused unheard.
    assert {call.status for call in calls[:5]} == {200}
    assert {call.answer.header("Reason") for call in refused} == {REASON}
    reached = hop.invites()
    assert not any(call.call_id in reached for call in refused)


def test_a_tagged_call_passes_with_headers(tmp_path: Path, hop: Callee) -> None:
    tag = ENFORCE + 'spam_action = "tag"\n'
    with scorer(tmp_path, tag) as (port, _), asking(tmp_path, hop, port) as (proxy, _):
        (call,) = place_calls(tmp_path, proxy, [(BLOCKED, "+4930555")])
    invite = hop.invites()[call.call_id]
    assert call.status == 200
    assert [value for name, value in invite.headers if name == "X-Spam-Action"] == ["tag"]
    assert float(invite.header("X-Spam-Score") or "none") >= 0


def test_the_headers_of_the_answer_are_put_on(tmp_path: Path, hop: Callee) -> None:
    added = {"X-Spam-Label": "suspect", "X-Spam-Reason": "CALLER_SEQUENTIAL_DIALLING"}
    tag = http_json({"action": "tag", "score": 0.625, "sip": None, "add_headers": added})
    headers = {
        "Contact": "<sip:voicemail@example.net>",
        "Call-Info": "<https://example.net/j>;purpose=jwscard",
    }
    divert = {"action": "divert", "sip": {"code": 302, "reason": "Moved Temporarily", "headers": headers}}
    with (
        fake_scorer([tag, http_json(divert)]) as fake,
        asking(tmp_path, hop, fake.port) as (proxy, _),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller,
    ):
        (call,) = place_calls(tmp_path, proxy, [(BLOCKED, "+4930555")])
        caller.settimeout(DEADLINE_S)
        caller.connect(("127.0.0.1", proxy))
        caller.send(request(caller, "INVITE"))
        answer = caller.recv(65536)
    invite = hop.invites()[call.call_id]
    assert {name: value for name, value in invite.headers if name.startswith("X-Spam-")} == {
        "X-Spam-Action": "tag",
        "X-Spam-Score": "0.625",
        **added,
    }
    assert answer.startswith(b"SIP/2.0 302 Moved Temporarily\r\n")
    for name, value in headers.items():
        assert f"\r\n{name}: {value}\r\n".encode() in answer


def test_a_dropped_call_gets_no_answer(tmp_path: Path, hop: Callee) -> None:
    # One worker: what is answered first came first.
    with (
        fake_scorer([http_json({"action": "drop", "sip": None})]) as fake,
        asking(tmp_path, hop, fake.port, WORKERS=1) as (proxy, _),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller,
    ):
        caller.settimeout(DEADLINE_S)
        caller.connect(("127.0.0.1", proxy))
        invite, options = request(caller, "INVITE"), request(caller, "OPTIONS")
        for message in (invite, invite, options):
            caller.send(message)
        answer = caller.recv(65536)
    assert answer.startswith(b"SIP/2.0 200 ")
    assert b"CSeq: 1 OPTIONS" in answer
    assert len(fake.requests) == 1
    assert hop.invites() == {}


@pytest.mark.parametrize(
    ("uri", "header"),
    [
        ("sip:112@inside.example", ""),
        ("urn:service:sos", ""),
        ("sip:bob@inside.example", "Priority: psap-callback\r\n"),
        ("sip:bob@inside.example", "Resource-Priority: esnet.0\r\n"),
    ],
)
def test_nobody_is_asked_about_an_emergency(tmp_path: Path, hop: Callee, uri: str, header: str) -> None:
    with (
        fake_scorer([REFUSAL]) as fake,
        asking(tmp_path, hop, fake.port) as (proxy, _),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller,
    ):
        caller.settimeout(DEADLINE_S)
        caller.connect(("127.0.0.1", proxy))
        caller.send(request(caller, "INVITE", uri=uri, header=header))
        answer = caller.recv(65536)
        while answer.startswith(b"SIP/2.0 100 "):
            answer = caller.recv(65536)
    assert answer.startswith(b"SIP/2.0 200 OK\r\n")
    assert fake.requests == []


def request(
    caller: socket.socket,
    method: str,
    body: bytes = b"",
    *,
    uri: str = "sip:bob@inside.example",
    header: str = "",
) -> bytes:
    here = "{}:{}".format(*caller.getsockname())
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{method}\r\n"
        f"From: <sip:{FRIEND}@outside.example>;tag=a\r\nTo: <{uri}>\r\nCall-ID: {method}@{here}\r\n{header}"
        f"CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:{here}>\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def test_a_call_that_is_given_up_while_the_scorer_thinks_reaches_nobody(tmp_path: Path, hop: Callee) -> None:
    with (
        fake_scorer([HANG]) as fake,
        asking(tmp_path, hop, fake.port, TIMEOUT_S=1) as (proxy, _),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller,
    ):
        caller.settimeout(DEADLINE_S)
        caller.connect(("127.0.0.1", proxy))
        invite = request(caller, "INVITE")
        caller.send(invite)
        wait_until(lambda: fake.requests, "question")
        caller.send(invite.replace(b"INVITE sip:", b"CANCEL sip:", 1).replace(b" INVITE\r\n", b" CANCEL\r\n"))
        answers = {caller.recv(65536).split()[1] for _ in range(2)}  # of CANCEL and of INVITE
    assert answers == {b"200", b"487"}
    assert hop.invites() == {}


def test_the_largest_invite_is_asked_about_whole(tmp_path: Path, hop: Callee) -> None:
    with (
        fake_scorer([REFUSAL]) as fake,
        asking(tmp_path, hop, fake.port) as (proxy, _),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller,
    ):
        caller.settimeout(DEADLINE_S)
        caller.connect(("127.0.0.1", proxy))
        caller.send(request(caller, "INVITE", b"v" * 60_000))
        assert caller.recv(65536).startswith(b"SIP/2.0 603 Network Blocked\r\n")
    assert fake.requests[0].endswith(b"v" * 60_000)


def test_every_call_passes_while_the_scorer_is_gone_and_refusals_come_back_with_it(
    tmp_path: Path, hop: Callee
) -> None:
    with (
        scorer(tmp_path, ENFORCE) as (port, process),
        asking(tmp_path, hop, port, BYPASS_S=1) as (proxy, log),
    ):
        assert statuses(tmp_path, proxy, BLOCKED, FRIEND) == [603, 200]
        process.kill()
        process.wait(DEADLINE_S)
        assert statuses(tmp_path, proxy, *[BLOCKED, FRIEND] * 5) == [200] * 10
        assert "spit gives no answers: calls pass unasked" in log.read_text("utf-8")
        with scorer(tmp_path, ENFORCE, port=port):
            wait_until(lambda: statuses(tmp_path, proxy, BLOCKED) == [603], "refusal")
            assert statuses(tmp_path, proxy, FRIEND, BLOCKED) == [200, 603]


def test_a_scorer_that_never_answers_is_asked_five_times_and_then_left_alone(
    tmp_path: Path, hop: Callee
) -> None:
    with fake_scorer([HANG] * 10) as fake, asking(tmp_path, hop, fake.port, TIMEOUT_S=1) as (proxy, _):
        # Slower than the retransmission of an INVITE: each call is asked about once all the same.
        assert statuses(tmp_path, proxy, *[BLOCKED] * 10) == [200] * 10
        assert len(fake.requests) == 5


def test_after_a_pause_one_call_tries_and_a_good_answer_closes_the_circuit(
    tmp_path: Path, hop: Callee
) -> None:
    with (
        fake_scorer([HANG] * 3) as fake,
        asking(tmp_path, hop, fake.port, TIMEOUT_S=1, MAX_FAILURES=2, BYPASS_S=2) as (proxy, _),
    ):
        assert statuses(tmp_path, proxy, *[BLOCKED] * 3) == [200] * 3
        wait_until(lambda: statuses(tmp_path, proxy, BLOCKED) and len(fake.requests) == 3, "try")
        # That one failed too; the next gets an answer.
        fake.answers += [REFUSAL] * 3
        wait_until(lambda: statuses(tmp_path, proxy, BLOCKED) == [603], "refusal")
        assert len(fake.requests) == 4
        assert statuses(tmp_path, proxy, BLOCKED, BLOCKED) == [603, 603]


def test_nonsense_lets_every_call_pass(tmp_path: Path, hop: Callee) -> None:
    reject = {"action": "reject", "sip": {"code": 603, "reason": "Network Blocked", "headers": {}}}
    nonsense = [
        b"",
        b"\x00\xff nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
        http_json(reject, status=500),
        http_json(reject, status=404),
        http_json("reject"),
        http_json([]),
        http_json({"action": 603}),
        http_json({"action": "explode"}),
        http_json({"action": "reject"}),
        http_json({"action": "reject", "sip": None}),
        http_json({"action": "reject", "sip": {"code": 200, "reason": "OK"}}),
        http_json({"action": "reject", "sip": {"code": 1e9, "reason": "?"}}),
        http_json({"action": "reject", "sip": {"code": "six", "reason": "?"}}),
        http_json({"action": "reject", "sip": {"code": [603], "reason": "?"}}),
        http_json({"action": "reject", "sip": {"code": {"code": 603}, "reason": "?"}}),
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<p>reject</p>",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000_000,
    ]
    with (
        fake_scorer(nonsense) as fake,
        asking(tmp_path, hop, fake.port, MAX_FAILURES=1000) as (proxy, _),
    ):
        assert statuses(tmp_path, proxy, *[BLOCKED] * len(nonsense)) == [200] * len(nonsense)
        assert len(fake.requests) == len(nonsense)
        # It has survived all of that.
        fake.answers.append(REFUSAL)
        assert statuses(tmp_path, proxy, BLOCKED) == [603]


def test_questions_that_the_scorer_refuses_do_not_open_the_circuit(tmp_path: Path, hop: Callee) -> None:
    with (
        fake_scorer([http_json({}, status=422)] * 6 + [REFUSAL]) as fake,
        asking(tmp_path, hop, fake.port) as (proxy, _),
    ):
        assert statuses(tmp_path, proxy, *[BLOCKED] * 7) == [200] * 6 + [603]
        assert len(fake.requests) == 7
