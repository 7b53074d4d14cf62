"""``spit serve`` captures, answers and saves in one process, over a capture that the test feeds."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_live_reader import FakeLiveReader, events
from running_command import Heard, fake_capture, run_command, wait_until

from spit.cli import main

CALLER = "+12025550199"


@pytest.fixture(autouse=True)
def fake_core(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with fake_capture(monkeypatch):
        yield


@pytest.fixture
def heard(capsys: pytest.CaptureFixture[str]) -> Heard:
    return Heard(capsys)


class Client:
    """Asks the service that says on standard error where it listens."""

    def __init__(self, heard: Heard) -> None:
        wait_until(lambda: "startup complete" in heard.text())
        found = re.search(r"Listening on http://127\.0\.0\.1:(\d+)", heard.text())
        assert found is not None
        self.port = int(found[1])

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def attempts(self) -> int:
        status, text = self.get(f"/v1/callers/{CALLER}")
        return int(json.loads(text)["attempts"]) if status == 200 else 0


def test_live_events_are_counted_and_the_rest_is_drained_at_the_end(tmp_path: Path, heard: Heard) -> None:
    state = str(tmp_path / "state")

    def meanwhile(reader: FakeLiveReader) -> None:
        client = Client(heard)
        assert client.get("/readyz")[0] == 200
        reader.counts["kernel_received"] = 12
        reader.feed(events("a", caller=CALLER))
        wait_until(lambda: client.attempts() == 1)
        metrics = client.get("/metrics")[1]
        assert "spit_capture_up 1.0" in metrics
        assert "spit_capture_kernel_received_total 12.0" in metrics
        assert "spit_state_saves_total 1.0" in metrics
        # Its own HTTP carries INVITEs as bodies: they are no calls of the mirror.
        assert reader.live["exclude"] == [f"127.0.0.1:{client.port}"]
        reader.feed(*(events(f"b{number}", caller=CALLER) for number in range(20)))

    flags = ["serve", "--interface", "eth1", "--port", "0", "--state", state]
    assert run_command(*flags, meanwhile=meanwhile) == 0
    assert "ended: kernel_received=12 events=21 attempts=21" in heard.text()

    def after_the_restart(_reader: FakeLiveReader) -> None:
        wait_until(lambda: heard.text().count("startup complete") == 2)
        assert re.search(r"state restored: 1 callers, 21 events, saved \S+ .* when it stopped", heard.text())

    FakeLiveReader.opened.clear()
    assert run_command(*flags, meanwhile=after_the_restart) == 0


def test_it_answers_on_when_the_capture_fails_and_says_that_it_is_not_ready(heard: Heard) -> None:
    def meanwhile(reader: FakeLiveReader) -> None:
        client = Client(heard)
        reader.feed(events("a", caller=CALLER), OSError(100, "Network is down"))
        wait_until(lambda: client.get("/readyz")[0] == 503)
        assert "Network is down" in client.get("/readyz")[1]
        assert client.attempts() == 1

    assert run_command("serve", "--interface", "eth1", "--port", "0", meanwhile=meanwhile) == 0


def test_sighup_changes_the_policy(tmp_path: Path, heard: Heard) -> None:
    config = tmp_path / "spit.toml"
    # Another program's: one file may configure an agent and a scorer of the same machine.
    agent = '[agent]\nhep = ["127.0.0.1:9060"]\n'
    config.write_text(f"{agent}[service]\nport = 0\nscore_budget_ms = 60000\n")

    def meanwhile(_reader: FakeLiveReader) -> None:
        client = Client(heard)
        question = "/v1/score?caller=%2B12025550199&callee=%2B4930123456"
        assert json.loads(client.get(question)[1])["would_action"] == "allow"
        service = "[service]\nport = 1\nscore_budget_ms = 60000\n"
        config.write_text(f'{agent}{service}[policy]\nblock = ["{CALLER}"]\n')
        os.kill(os.getpid(), signal.SIGHUP)
        wait_until(lambda: "changed: policy.block; takes a restart: service.port\n" in heard.text())
        assert json.loads(client.get(question)[1])["would_action"] == "reject"

    assert run_command("serve", "--interface", "e", "--config", str(config), meanwhile=meanwhile) == 0


def test_a_state_that_cannot_be_used_is_put_aside_and_said(tmp_path: Path, heard: Heard) -> None:
    flags = ["serve", "--interface", "eth1", "--port", "0", "--state", str(tmp_path)]
    assert run_command(*flags, meanwhile=lambda _reader: None) == 0
    (tmp_path / "CURRENT").write_text("nonsense\n")
    FakeLiveReader.opened.clear()
    assert run_command(*flags, meanwhile=lambda _reader: None) == 0
    assert f"starting without the saved state, which is now in {tmp_path / 'set-aside'}: " in heard.text()
    assert list((tmp_path / "set-aside").glob("snapshot-*"))


def test_captures_are_not_learned_twice(tmp_path: Path, heard: Heard) -> None:
    capture = str(Path(__file__).parents[2] / "captures" / "wangiri.pcap")
    flags = ["serve", "--interface", "eth1", "--port", "0", "--state", str(tmp_path), "--read", capture]
    assert run_command(*flags, meanwhile=lambda _reader: None) == 0
    FakeLiveReader.opened.clear()
    assert run_command(*flags, meanwhile=lambda _reader: None) == 0
    assert "captures of --read are not read again" in heard.text()
    first, second = re.findall(r"ended: .*\battempts=(\d+)", heard.text())
    assert first == second


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--interface", "nope"], "spit: nope: no such interface\n"),
        (["--state", "/proc/nowhere"], "the state cannot be saved"),
    ],
)
def test_what_cannot_be_done_is_one_line(argv: list[str], words: str, heard: Heard) -> None:
    if argv[0] == "--interface":
        assert main(["serve", "--port", "0", *argv]) == 1
    else:
        argv = ["serve", "--port", "0", "--interface", "eth1", *argv]
        assert run_command(*argv, meanwhile=lambda _reader: None) == 1
    assert words in heard.text()
