"""The redirect server of ``spit redirect`` and ``spit serve`` under SIPp: no wrong answer, none missing."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
from sip_programs import free_port

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
SCENARIOS = Path(__file__).with_name("sipp")
DEADLINE_S = 240
RATE = 500
#: Few: on a slow machine calls wait in SIPp, not in the server beyond its time budget.
MAX_OPEN_CALLS = 30
CLEAN, SPAM = "+12025550100", "+12025550199"
POLICY = f"""
[policy]
mode = "enforce"
redress = "https://example.net/blocked"
allow = ["{CLEAN}"]
block = ["{SPAM}"]

[redirect]
budget_ms = 10000
"""


WITHOUT_LISTS = "\n".join(line for line in POLICY.splitlines() if not line.startswith(("allow", "block")))
CAPTURE = str(ROOT / "captures" / "telemarketer.pcap")


def spit(*arguments: str) -> str:
    """What the command prints."""
    command = [sys.executable, "-m", "spit", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT).stdout


def caller_in_capture() -> str:
    """The caller that the model calls spam at the end of the capture."""
    calls = map(json.loads, spit("score", "--by", "call", "--format", "jsonl", CAPTURE).splitlines())
    return str([call["caller"] for call in calls if call["label"] == "spam"][-1])


@dataclass
class Redirecting:
    """A running server."""

    process: subprocess.Popen[str]
    port: int
    http_port: int

    def counters(self) -> dict[str, int]:
        with urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=DEADLINE_S) as page:
            text = page.read().decode()
        return {
            name: int(float(value))
            for name, value in re.findall(r"^spit_redirect_(\w+?)(?:_total)? (\S+)$", text, re.M)
        }

    def wait_for(self, line: str) -> None:
        """Until ``line`` begins one of /metrics."""
        deadline_s, pause = time.monotonic() + DEADLINE_S, threading.Event()
        while True:
            with urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=DEADLINE_S) as page:
                if f"\n{line}" in page.read().decode():
                    return
            assert time.monotonic() < deadline_s, line
            pause.wait(0.05)

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE_S) == 0


@contextmanager
def running(tmp_path: Path, *arguments: str, settings: str = POLICY) -> Iterator[Redirecting]:
    config = tmp_path / "spit.toml"
    config.write_text(settings)
    command = [sys.executable, "-m", "spit", *arguments, "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stderr is not None
            said = ""
            while not ("redirect on tcp:" in said and ("/metrics" in said or "startup complete" in said)):
                line = process.stderr.readline()
                assert line, f"it ended: {said}"
                said += line
            port = re.search(r"redirect on udp:127\.0\.0\.1:(\d+)", said)
            page = re.search(r"http://127\.0\.0\.1:(\d+)", said)
            assert port is not None
            assert page is not None
            # Nobody may wait for a reader of what is said from here on.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield Redirecting(process, int(port[1]), int(page[1]))
        finally:
            process.kill()


REDIRECT = ("redirect", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--profile")


class Sipp:
    """One run of SIPp, begun by the constructor."""

    def __init__(
        self,
        tmp_path: Path,
        scenario: str,
        port: int,
        *flags: str,
        transport: str = "u1",
        calls: int,
        caller: str = CLEAN,
        rate: int = RATE,
    ) -> None:
        self._calls = calls
        self._statistics = tmp_path / f"{scenario}-{transport}-{caller[1:]}.csv"
        self._errors = self._statistics.with_suffix(".errors")
        command = ["sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-t", transport, "-i", "127.0.0.1"]
        command += ["-r", str(rate), "-m", str(calls), "-l", str(MAX_OPEN_CALLS), "-key", "caller", caller]
        # Left to choose, two that begin together take the same one: over TCP the second may not listen.
        kind = socket.SOCK_STREAM if transport.startswith("t") else socket.SOCK_DGRAM
        command += ["-p", str(free_port(kind))]
        command += ["-nostdin", "-timeout", str(DEADLINE_S), "-timeout_error"]
        command += ["-trace_stat", "-stf", str(self._statistics), "-fd", str(DEADLINE_S)]
        command += ["-trace_err", "-error_file", str(self._errors), *flags, f"127.0.0.1:{port}"]
        self._process = subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TERM": "xterm"},
        )

    def end(self) -> int:
        """Waits until every call has succeeded; how often SIPp sent a message again."""
        status = self._process.wait(2 * DEADLINE_S)
        errors = self._errors.read_text(errors="replace")[:2000] if self._errors.exists() else ""
        assert status == 0, f"sipp ended with {status}: {errors}"
        with self._statistics.open(newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        assert (int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"])) == (self._calls, 0), errors
        return int(last["Retransmissions(C)"])


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_500_calls_a_second_get_the_right_answer_each(tmp_path: Path, transport: str) -> None:
    """From the lists of a control database that changes meanwhile, and from the model."""
    database = str(tmp_path / "control.db")
    flags = ("--storage", database, "--read", CAPTURE)
    with running(tmp_path, *REDIRECT, "prosbc", *flags, settings=WITHOUT_LISTS) as server:
        Sipp(tmp_path, "clean", server.port, calls=10, caller=SPAM, rate=100).end()
        spit("lists", "add", "block", SPAM, "--storage", database)
        server.wait_for('spit_list_entries{kind="block"} 1')
        runs = [
            Sipp(tmp_path, scenario, server.port, transport=transport, calls=calls, caller=caller, rate=rate)
            for scenario, caller, calls, rate in (
                ("clean", CLEAN, 4000, RATE * 8 // 10),
                ("blocked", SPAM, 500, RATE // 10),
                ("blocked", caller_in_capture(), 500, RATE // 10),
            )
        ]
        repeated = sum(run.end() for run in runs)
        counters = server.counters()
        assert counters["answers_clean"] == 4010
        assert counters["answers_spam"] == 1000
        assert counters["answers_degraded"] == 0
        assert counters["invites"] == counters["acks"] + counters["acks_missing"] == 5010
        assert counters["transactions_evicted"] == 0
        if transport == "t1":  # over UDP a slow machine makes SIPp send again what is on its way
            assert repeated == 0
        server.end()


def test_a_tagged_call_is_told_with_its_headers(tmp_path: Path) -> None:
    profile = tmp_path / "own.toml"
    profile.write_text(
        '[clean]\ncode = 404\n[suspect]\ncode = 302\ncontact = "sip:{user}@carrier.example.net"\n'
        'tags = "contact"\n[spam]\ncode = 603\n'
    )
    settings = POLICY.replace("[redirect]", 'spam_action = "tag"\n[redirect]')
    with running(tmp_path, *REDIRECT, str(profile), settings=settings) as server:
        Sipp(tmp_path, "tagged", server.port, calls=100, caller=SPAM, rate=100).end()
        assert server.counters()["answers_suspect"] == 100
        server.end()


def test_lost_messages_are_sent_again_until_every_call_has_its_answer(tmp_path: Path) -> None:
    with running(tmp_path, *REDIRECT, "clearip") as server:
        repeated = Sipp(tmp_path, "clean", server.port, "-lost", "10", calls=500, rate=100).end()
        counters = server.counters()
        assert repeated > 0
        assert counters["responses_repeated"] > 0
        # However often an INVITE came, it was asked about once.
        assert counters["invites"] == counters["answers_clean"] == 500
        server.end()


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_options(tmp_path: Path, transport: str) -> None:
    with running(tmp_path, *REDIRECT, "ribbon") as server:
        Sipp(tmp_path, "options", server.port, transport=transport, calls=500).end()
        assert server.counters()["options"] == 500
        server.end()


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_a_caller_who_gives_up_before_the_verdict_gets_487(tmp_path: Path, transport: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as silent:  # accepts, and never answers
        scorer = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with running(tmp_path, *REDIRECT, "prosbc", "--scorer", scorer, "--budget-ms", "10000") as server:
            Sipp(tmp_path, "cancelled", server.port, transport=transport, calls=100, rate=50).end()
            counters = server.counters()
            assert counters["cancels"] == counters["invites"] == 100
            assert counters["answers_clean"] == 0
            server.process.kill()


def test_spit_serve_answers_over_http_and_sip_from_one_engine(tmp_path: Path) -> None:
    profile = tmp_path / "own.toml"
    profile.write_text(
        '[clean]\ncode = 302\ncontact = "sip:{user}@carrier.example.net;spit={standing}"\n'
        '[suspect]\ncode = 404\n[spam]\ncode = "policy"\n'
    )
    settings = f'{POLICY}listen = ["127.0.0.1:0"]\nobserve = true\nprofile = "{profile}"\n'
    with running(tmp_path, "serve", "--port", "0", settings=settings) as server:
        Sipp(tmp_path, "redirected", server.port, calls=100, rate=100).end()
        Sipp(tmp_path, "blocked", server.port, transport="t1", calls=100, caller=SPAM, rate=100).end()
        assert server.counters()["answers_spam"] == 100
        page = f"http://127.0.0.1:{server.http_port}/v1/callers/{SPAM}"
        with urlopen(page, timeout=DEADLINE_S) as answer:
            assert b'"attempts":100' in answer.read().replace(b" ", b"")
        server.end()


def test_a_scorer_over_http_gives_the_verdicts(tmp_path: Path) -> None:
    config = tmp_path / "scorer.toml"
    config.write_text(f"{POLICY}[service]\nscore_budget_ms = 10000\n")  # a busy machine must not shed here
    command = [sys.executable, "-m", "spit", "serve", "--port", "0", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as scorer:
        try:
            assert scorer.stderr is not None
            said = ""
            while "startup complete" not in said:
                line = scorer.stderr.readline()
                assert line, f"it ended: {said}"
                said += line
            listening = re.search(r"http://127\.0\.0\.1:\d+", said)
            assert listening is not None
            threading.Thread(target=scorer.stderr.read, daemon=True).start()
            with running(tmp_path, *REDIRECT, "prosbc", "--scorer", listening[0]) as server:
                clean = Sipp(tmp_path, "clean", server.port, calls=800)
                spam = Sipp(tmp_path, "blocked", server.port, transport="t1", calls=200, caller=SPAM)
                clean.end()
                spam.end()
                assert server.counters()["answers_degraded"] == 0
                server.end()
        finally:
            scorer.kill()


def test_a_dead_scorer_lets_every_call_through(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with running(tmp_path, *REDIRECT, "prosbc", "--scorer", f"http://127.0.0.1:{port}") as server:
        Sipp(tmp_path, "clean", server.port, calls=500, caller=SPAM).end()
        counters = server.counters()
        assert counters["answers_degraded"] == 500
        assert counters["circuit_opened"] >= 1
        assert counters["asks_bypassed"] > 0
        server.end()
