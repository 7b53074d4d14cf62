"""The whole circle: Kamailio mirrors to spit, spit pushes its verdict, Kamailio acts on it."""

from __future__ import annotations

import socket
from pathlib import Path

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
