"""The whole circle: Kamailio mirrors to spit, spit pushes its verdict, Kamailio acts on it."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from sip_programs import (
    DEADLINE_S,
    callee,
    free_port,
    kamailio,
    needs,
    place_calls,
    redis,
    scorer,
    wait_until,
)

pytestmark = pytest.mark.e2e

BLOCKED = "+12025550199"
FRIEND = "+4930123456"


def test_a_verdict_comes_back_and_goes_when_nobody_confirms_it(tmp_path: Path) -> None:
    needs("kamailio", "sipp", "redis-server", "redis-cli")
    reading = tmp_path / "reading"
    reading.mkdir()
    mirror, rpc = free_port(), free_port(socket.SOCK_STREAM)
    with callee(tmp_path) as hop, redis(tmp_path) as (redis_port, _):
        shared = {"NEXT_HOP": hop.hop, "MIRROR": f'"sip:127.0.0.1:{mirror}"'}
        pushed = {"RPC_LISTEN": f"tcp:127.0.0.1:{rpc}", "RPC_PORT": rpc}
        server = f'"name=spit;addr=127.0.0.1;port={redis_port};db=0"'
        settings = f"""
            [policy]
            mode = "enforce"
            redress = "https://example.net/blocked"
            block = ["{BLOCKED}"]
            [redis]
            url = "redis://127.0.0.1:{redis_port}/0"
            ttl_s = 3
            [kamailio]
            url = "http://127.0.0.1:{rpc}/RPC"
            ttl_s = 3
        """
        with (
            kamailio(tmp_path, "pushed.cfg", **shared, **pushed) as (pushed_to, _),
            kamailio(reading, "redis.cfg", **shared, REDIS=server) as (looking_up, _),
            scorer(tmp_path, settings, "--hep", f"udp:127.0.0.1:{mirror}") as (_, process),
        ):

            def statuses(proxy: int, *callers: str) -> list[int]:
                return [
                    call.status
                    for call in place_calls(tmp_path, proxy, [(one, "+4930555") for one in callers])
                ]

            # The first call of a caller tells spit that it is there.
            for proxy in (pushed_to, looking_up):
                wait_until(lambda proxy=proxy: statuses(proxy, BLOCKED) == [603], "refusal")  # type: ignore[misc]
                assert statuses(proxy, FRIEND) == [200]
            process.kill()
            process.wait(DEADLINE_S)
            for proxy in (pushed_to, looking_up):
                wait_until(lambda proxy=proxy: statuses(proxy, BLOCKED) == [200], "passing call")  # type: ignore[misc]


def test_an_appeal_lets_the_caller_pass_where_only_copies_are_read(tmp_path: Path) -> None:
    needs("kamailio", "sipp")
    spammer, rpc = "+19005550123", free_port(socket.SOCK_STREAM)
    settings = f"""
        [policy]
        mode = "enforce"
        reject_profile = "603"
        suspect_threshold = 0.04
        spam_threshold = 0.05
        [kamailio]
        url = "http://127.0.0.1:{rpc}/RPC"
        [storage]
        url = "{tmp_path}/control.db"
        [feedback]
        store = "{tmp_path}/reports.csv"
    """
    with callee(tmp_path) as hop:
        pushed = {"RPC_LISTEN": f"tcp:127.0.0.1:{rpc}", "RPC_PORT": rpc, "NEXT_HOP": hop.hop}
        with (
            kamailio(tmp_path, "pushed.cfg", **pushed, MIRROR='"sip:127.0.0.1:9"') as (proxy, _),
            scorer(tmp_path, settings) as (port, _),
            urlopen(f"http://127.0.0.1:{port}/v1/verdicts/stream?action=allow", timeout=DEADLINE_S) as stream,
        ):

            def status() -> int:
                (call,) = place_calls(tmp_path, proxy, [(spammer, "+4930555")])
                return call.status

            def ask(path: str, body: object) -> dict[str, Any]:
                request = Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode())
                request.add_header("Content-Type", "application/json")
                with urlopen(request, timeout=DEADLINE_S) as answer:  # noqa: S310
                    found: dict[str, Any] = json.load(answer)
                return found

            assert status() == 200
            start_s = time.time() - 40
            calls = [
                {
                    "event": "attempt",
                    "time": start_s + number,
                    "call_id": f"call-{number}",
                    "caller": spammer,
                    "callee": f"+4930{number:08}",
                    "source_ip": "192.0.2.7",
                }
                for number in range(40)
            ]
            assert ask("/v1/events", calls) == {"accepted": 40}
            wait_until(lambda: status() == 603, "refusal")
            appeal = {"kind": "appeal", "reporter": spammer, "call_id": "call-39"}
            assert ask("/v1/feedback", appeal)["lift"] == "lifted"
            wait_until(lambda: status() == 200, "passing call")
            # Whoever keeps a copy from the stream is told as well.
            told = next(json.loads(line[6:]) for line in stream if line.startswith(b'data: {"sequence"'))
            while told["action"] != "allow":
                told = next(json.loads(line[6:]) for line in stream if line.startswith(b'data: {"sequence"'))
            assert (told["caller"], told["was"]["action"]) == (spammer, "reject")
