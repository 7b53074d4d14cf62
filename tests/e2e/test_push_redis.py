"""Verdicts and lists in a real Redis: through its end and its return, a change of policy, and an ACL."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from redis import Redis
from redis.exceptions import RedisError
from verdict_samples import ALICE, BOB, REJECTED, WOULD_REJECT, verdict

from spit.enforce.feed import VerdictFeed
from spit.enforce.mirror import Entry, Mirror, TargetError
from spit.enforce.redis_keys import LISTS_TTL_S, RedisKeys

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "push.md").read_text(encoding="utf-8")
DEADLINE_S = 60
NOW_US = 1_700_000_000_000_000
#: Thresholds at which a caller of many strangers is spam soon.
POLICY = """
[policy]
mode = "{mode}"
reject_profile = "603"
suspect_threshold = 0.04
spam_threshold = 0.05
"""


class Server:
    """A redis-server of this test, on a Unix socket, that keeps nothing."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        assert program, "redis-server is missing: tools/setup.sh --e2e installs it"
        self._program = program
        self._folder = folder
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.client: Any = Redis(unix_socket_path=str(self.socket), decode_responses=True)
        self.start()

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [self._program, *options, "--dir", str(self._folder)], stdout=subprocess.DEVNULL
        )
        wait_until(self.answers)

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except (RedisError, OSError):
            return False

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(DEADLINE_S)

    def close(self) -> None:
        self.client.close()
        self.kill()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.close()


def wait_until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline_s, "what was waited for did not happen"
        pause.wait(0.02)


class Serving:
    """A running ``spit serve``."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.log = config.with_suffix(".log")
        command = [sys.executable, "-m", "spit", "serve", "--port", "0", "--config", str(config)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stderr=log, cwd=ROOT)
        wait_until(lambda: "startup complete" in self.log.read_text() or self.process.poll() is not None)
        found = re.search(r"Listening on (http://127\.0\.0\.1:\d+)", self.log.read_text())
        assert found is not None, self.log.read_text()
        self.url = found[1]

    def ask(self, path: str, body: object = None) -> str:
        data = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        with urlopen(Request(f"{self.url}{path}", data, headers), timeout=DEADLINE_S) as answer:  # noqa: S310
            return str(answer.read().decode())

    def call(self, caller: str, calls: int = 40) -> None:
        """Calls of the last minute to as many strangers, side by side."""
        start_s = time.time() - calls
        events = [
            {
                "event": "attempt",
                "time": start_s + number,
                "call_id": f"{caller}-{start_s}-{number}",
                "caller": caller,
                "callee": f"+4930{number:08}",
                "source_ip": "192.0.2.7",
            }
            for number in range(calls)
        ]
        assert json.loads(self.ask("/v1/events", events)) == {"accepted": calls}

    def metric(self, name: str) -> float:
        found = re.search(rf"^{name}(?:{{.*}})? (\S+)$", self.ask("/metrics"), re.MULTILINE)
        assert found is not None, name
        return float(found[1])


@contextmanager
def serving(folder: Path, text: str, mode: str = "enforce") -> Iterator[Serving]:
    config = folder / "spit.toml"
    config.write_text(POLICY.format(mode=mode) + text)
    one = Serving(config)
    try:
        yield one
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(DEADLINE_S) == 0
    finally:
        one.process.kill()
        one.process.wait(DEADLINE_S)


def test_serve_keeps_redis_up_to_date_through_its_end_and_its_return(
    redis_server: Server, tmp_path: Path
) -> None:
    client = redis_server.client
    with (
        serving(tmp_path, f'[redis]\nurl = "{redis_server.url}"\n') as service,
        client.pubsub(ignore_subscribe_messages=True) as listening,
    ):
        listening.subscribe("spit:verdicts")
        listening.get_message(timeout=DEADLINE_S)
        service.call(ALICE)
        wait_until(lambda: client.get(f"spit:verdict:{ALICE}") == "reject")
        assert 0 < client.ttl(f"spit:verdict:{ALICE}") <= 300
        assert 0 < client.ttl(f"spit:detail:{ALICE}") <= 300
        detail = json.loads(client.get(f"spit:detail:{ALICE}"))
        assert (detail["caller"], detail["label"], detail["action"]) == (ALICE, "spam", "reject")
        told: list[dict[str, object]] = []
        while not told or told[-1]["label"] != "spam":
            message = listening.get_message(timeout=DEADLINE_S)
            if message is not None:
                told.append(json.loads(message["data"]))
        assert told == json.loads(service.ask("/v1/verdicts"))["verdicts"][: len(told)]

        redis_server.kill()
        service.call(BOB)
        wait_until(lambda: service.metric("spit_push_up") == 0)
        answer = json.loads(service.ask("/v1/score?caller=%2B12025550101&callee=%2B4930123456"))
        assert (answer["action"], answer["degraded"]) == ("reject", False)
        redis_server.start()
        assert client.dbsize() == 0
        wait_until(
            lambda: client.get(f"spit:verdict:{ALICE}") == client.get(f"spit:verdict:{BOB}") == "reject"
        )
        wait_until(lambda: service.metric("spit_push_up") == 1)
        assert service.metric("spit_push_resyncs_total") == 2
        assert service.metric("spit_push_failures_total") >= 1

        service.config.write_text(service.config.read_text().replace("enforce", "monitor"))
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: client.dbsize() == 0)
        actions = {one["action"] for one in json.loads(service.ask("/v1/verdicts"))["verdicts"][-2:]}
        would = {one["would_action"] for one in json.loads(service.ask("/v1/verdicts"))["verdicts"][-2:]}
        assert (actions, would) == ({"allow"}, {"reject"})
    log = service.log.read_text()
    assert "does not take verdicts: " in log
    assert "takes verdicts again" in log
    assert "Traceback" not in log


def test_an_appeal_takes_the_block_out_of_every_copy(redis_server: Server, tmp_path: Path) -> None:
    client = redis_server.client
    path = tmp_path / "block.csv"
    text = (
        f'[redis]\nurl = "{redis_server.url}"\n[blocklist_file]\npath = "{path}"\ninterval_s = 1\n'
        f'[feedback]\nstore = "{tmp_path}/reports.csv"\n[storage]\nurl = "{tmp_path}/control.db"\n'
    )
    with serving(tmp_path, text) as service:
        for caller in (ALICE, BOB):
            service.call(caller)
            wait_until(lambda: client.get(f"spit:verdict:{caller}") == "reject")  # noqa: B023  waited for here
        wait_until(lambda: path.exists() and ALICE in path.read_text() and BOB in path.read_text())
        for caller, tenant in ((ALICE, ""), (BOB, "acme")):
            (call_id,) = json.loads(service.ask(f"/v1/callers/{caller}"))["call_ids"][-1:]
            appeal = {"kind": "appeal", "reporter": caller, "call_id": call_id, "tenant": tenant}
            assert json.loads(service.ask("/v1/feedback", appeal))["lift"] == "lifted"
        # Of the one all calls pass; of the other those of a tenant, which no copy can tell apart.
        wait_until(lambda: client.get(f"spit:list:allow:{ALICE}") == "allow")
        wait_until(lambda: not client.exists(f"spit:verdict:{ALICE}", f"spit:verdict:{BOB}"))
        wait_until(lambda: path.read_text().splitlines() == ["caller,action,expires"])
        told = {one["caller"]: one for one in json.loads(service.ask("/v1/verdicts"))["verdicts"]}
        assert told[ALICE]["action"] == "allow"
        # Two wrong blocks may overspend the budget, which turns blocks into tags; but nobody copies either.
        assert (told[BOB]["action"] != "allow", told[BOB]["ttl_s"]) == (True, 0)
        asked = f"/v1/score?caller={BOB.replace('+', '%2B')}&callee=%2B4930123456"
        assert json.loads(service.ask(asked))["action"] != "allow"
        assert json.loads(service.ask(f"{asked}&tenant=acme"))["action"] == "allow"


def test_in_monitor_mode_nothing_is_there_not_even_of_an_earlier_run(
    redis_server: Server, tmp_path: Path
) -> None:
    client = redis_server.client
    for key in ("spit:verdict:+1", "spit:detail:+1", "spit:list:block:+1", "other:verdict:+1"):
        client.set(key, "reject")
    path = tmp_path / "block.csv"
    text = f'[redis]\nurl = "{redis_server.url}"\n[blocklist_file]\npath = "{path}"\ninterval_s = 1\n'
    with serving(tmp_path, text, mode="monitor") as service:
        wait_until(lambda: client.keys() == ["other:verdict:+1"])
        service.call(ALICE)
        wait_until(lambda: service.metric("spit_push_told_total") >= 1)
        written = service.metric("spit_blocklist_file_writes_total")
        wait_until(lambda: service.metric("spit_blocklist_file_writes_total") > written + 1)
        verdicts = json.loads(service.ask("/v1/verdicts"))["verdicts"]
        assert verdicts[-1]["would_action"] == "reject"
        assert {one["action"] for one in verdicts} == {"allow"}
        assert client.keys() == ["other:verdict:+1"]
        assert path.read_text() == service.ask("/v1/verdicts.csv") == "caller,action,expires\n"


def test_the_file_and_the_endpoint_have_the_callers_to_block(tmp_path: Path) -> None:
    path = tmp_path / "block.csv"
    with serving(tmp_path, f'[blocklist_file]\npath = "{path}"\ninterval_s = 1\n') as service:
        service.call(ALICE)
        line = re.compile(rf"caller,action,expires\n{re.escape(ALICE)},reject,\d{{4}}-.*Z\n")
        wait_until(lambda: line.fullmatch(service.ask("/v1/verdicts.csv")))
        wait_until(lambda: path.exists() and line.fullmatch(path.read_text()))


def test_the_documented_acl_is_enough_and_the_password_is_not_logged(
    redis_server: Server, tmp_path: Path
) -> None:
    client = redis_server.client
    rule = re.search(r"`(\+info [^`]*)`", PAGE)
    assert rule is not None
    client.execute_command("ACL", "SETUSER", "spit", "on", ">s3cret-word", *rule[1].split())
    client.execute_command("ACL", "SETUSER", "default", "off")
    url_file = tmp_path / "redis.url"
    url_file.write_text(f"unix://spit:s3cret-word@{redis_server.socket}?db=1\n")
    with serving(tmp_path, f'[redis]\nurl_file = "{url_file}"\n') as service:
        service.call(ALICE)
        wait_until(lambda: service.metric("spit_push_written_total") >= 1)
        wait_until(lambda: service.metric("spit_push_told_total") >= 1)
        service.config.write_text(service.config.read_text().replace("enforce", "monitor"))
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: service.metric("spit_push_removed_total") >= 1)
        assert service.metric("spit_push_failures_total") == 0
        assert "s3cret" not in service.ask("/metrics")
    with serving(tmp_path, f'[redis]\nurl_file = "{url_file}"\n', mode="monitor") as again:  # it clears
        wait_until(lambda: again.metric("spit_push_resyncs_total") == 1)
    url_file.write_text(f"unix://spit:wrong-s3cret@{redis_server.socket}\n")
    with serving(tmp_path, f'[redis]\nurl_file = "{url_file}"\n') as refused:
        wait_until(lambda: refused.metric("spit_push_failures_total") >= 1)
        assert json.loads(refused.ask("/healthz")) == {"status": "ok"}
    assert "s3cret" not in service.log.read_text() + refused.log.read_text()
    assert "does not take verdicts" in refused.log.read_text()


def keys_at(server: Server, now_us: Callable[[], int] = lambda: NOW_US) -> RedisKeys:
    return RedisKeys(server.url, prefix="t", timeout_s=10, now_us=now_us)


def test_list_entries_are_brought_up_to_date(redis_server: Server) -> None:
    client, now_us = redis_server.client, [NOW_US]
    keys = keys_at(redis_server, lambda: now_us[0])
    now_s = NOW_US / 1e6
    keys.connect()
    keys.publish_lists(
        iter([("block", "+1", None), ("allow", "+1202*", now_s + 60), ("block", "+9", now_s - 1)])
    )
    keys.refresh(enforces=True)
    assert sorted(client.keys()) == ["t:list:allow:+1202*", "t:list:block:+1"]
    assert client.get("t:list:block:+1") == "block"
    assert 0 < client.ttl("t:list:allow:+1202*") <= 60 < client.ttl("t:list:block:+1") <= LISTS_TTL_S

    client.expire("t:list:block:+1", 100)
    keys.refresh(enforces=True)
    assert client.ttl("t:list:block:+1") <= 100  # not written each time
    now_us[0] += (LISTS_TTL_S // 4 + 1) * 1_000_000
    keys.refresh(enforces=True)
    assert client.ttl("t:list:block:+1") > 100
    assert client.keys() == ["t:list:block:+1"]  # the other one has expired

    client.flushall()
    keys.connect()
    keys.refresh(enforces=True)
    assert client.keys() == ["t:list:block:+1"]
    keys.publish_lists([("grey", "+2", None)])
    keys.refresh(enforces=True)
    assert client.keys() == ["t:list:grey:+2"]
    keys.refresh(enforces=False)
    assert client.keys() == []
    keys.close()


def test_many_entries_are_written_and_taken_away(redis_server: Server) -> None:
    keys = keys_at(redis_server)
    keys.connect()
    callers = [f"+1202{number:07}" for number in range(2_500)]
    entries = [Entry(verdict(caller, REJECTED, at_s=NOW_US / 1e6), 300) for caller in callers]
    keys.write(entries, [])
    assert redis_server.client.dbsize() == 5_000
    keys.write([], callers[:1_000])
    assert redis_server.client.dbsize() == 3_000
    keys.clear()
    assert redis_server.client.dbsize() == 0
    keys.close()


def test_who_started_again_is_known_by_it(redis_server: Server) -> None:
    keys = keys_at(redis_server)
    keys.connect()
    assert keys.is_intact()
    redis_server.kill()
    with pytest.raises(TargetError):
        keys.is_intact()
    redis_server.start()
    keys.close()
    assert not keys.is_intact()
    keys.close()


def test_a_redis_that_is_full_is_one_that_does_not_take_verdicts(redis_server: Server) -> None:
    redis_server.client.config_set("maxmemory", "1")
    keys = keys_at(redis_server)
    with pytest.raises(TargetError, match="maxmemory"):
        keys.write([Entry(verdict(ALICE, REJECTED, at_s=NOW_US / 1e6), 300)], [])
    keys.close()


def test_a_mirror_on_the_real_thing_writes_what_is_enforced_alone(redis_server: Server) -> None:
    feed = VerdictFeed()
    feed.tell(verdict(ALICE, REJECTED, at_s=NOW_US / 1e6))
    feed.tell(verdict(BOB, WOULD_REJECT, at_s=NOW_US / 1e6))
    mirror = Mirror(
        keys_at(redis_server), standing=feed.standing, now_us=lambda: NOW_US, enforces=lambda: True
    )
    mirror.start()
    wait_until(lambda: mirror.levels()["up"])
    mirror.finish(DEADLINE_S)
    assert mirror.join(DEADLINE_S)
    assert sorted(redis_server.client.keys()) == [f"t:detail:{ALICE}", f"t:verdict:{ALICE}"]
