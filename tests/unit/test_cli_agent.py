"""``spit agent`` from its flags to its exit status, over a capture that the test feeds."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_live_reader import FakeLiveReader, events
from running_command import Heard, fake_capture, run_command, wait_until
from scorer_server import scorer_server

from spit import _core
from spit.capture.live import can_save_calls
from spit.cli import main


@pytest.fixture(autouse=True)
def fake_core(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with fake_capture(monkeypatch):
        yield


def run_agent(*argv: str, meanwhile: Callable[[FakeLiveReader], None]) -> int:
    return run_command("agent", *argv, meanwhile=meanwhile)


def test_events_are_written_as_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "events.jsonl"
    output.write_text('{"of": "an earlier run"}\n')

    def meanwhile(reader: FakeLiveReader) -> None:
        reader.feed(events("a", "b"), events("c"))
        wait_until(lambda: output.read_text().count("\n") == 4)

    status = run_agent(
        "--interface", "eth1", "--interface", "eth2", "--hep", "127.0.0.1:0", "--workers", "3",
        "--output", str(output), meanwhile=meanwhile,
    )  # fmt: skip
    assert status == 0
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [line.get("call_id") for line in lines] == [None, "a", "b", "c"]
    (reader,) = FakeLiveReader.opened
    assert (reader.interfaces, reader.hep) == (["eth1", "eth2"], ["127.0.0.1:0"])
    assert (reader.live["workers"], reader.live["filter"]) == (3, "sip")
    said = capsys.readouterr().err
    assert "capturing: interface eth1, interface eth2, HEP on udp:127.0.0.1:0" in said
    assert "ended: events=3" in said


def test_events_go_to_a_scorer_and_its_own_traffic_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with scorer_server() as scorer:

        def meanwhile(reader: FakeLiveReader) -> None:
            reader.feed(events("a", "b"))
            scorer.wait_for(1)
            reader.feed(events("c"))  # SIGTERM follows: drained, not lost

        status = run_agent(
            "--interface", "eth1", "--scorer", scorer.url, "--spool", str(tmp_path / "spool"),
            "--agent-id", "edge-1", meanwhile=meanwhile,
        )  # fmt: skip
        assert scorer.call_ids() == ["a", "b", "c"]
        assert scorer.requests[0][1]["X-Spit-Agent"] == "edge-1"
        assert FakeLiveReader.opened[0].live["exclude"] == [scorer.url.removeprefix("http://")]
    assert status == 0
    assert list((tmp_path / "spool").glob("batch-*")) == []
    assert "events_sent=3" in capsys.readouterr().err


def test_what_no_scorer_takes_waits_for_the_next_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with scorer_server() as scorer:
        url = scorer.url
    flags = ["--interface", "eth1", "--scorer", url, "--spool", str(tmp_path / "spool")]
    assert run_agent(*flags, meanwhile=lambda reader: reader.feed(events("a", "b"))) == 0
    assert "2 events in 1 batches stay in the spool for the next run" in capsys.readouterr().err
    FakeLiveReader.opened.clear()
    with scorer_server(port=int(url.rpartition(":")[2])) as scorer:
        assert run_agent(*flags, meanwhile=lambda _reader: scorer.wait_for(1)) == 0
        assert scorer.call_ids() == ["a", "b"]
    assert "2 events in 1 batches wait in the spool; they go first" in capsys.readouterr().err


def test_every_counter_is_on_the_metrics_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pages: list[str] = []
    with scorer_server() as scorer:

        def meanwhile(reader: FakeLiveReader) -> None:
            reader.counts["kernel_dropped"] = 7
            reader.feed(events("a"))
            scorer.wait_for(1)
            found = re.search(r"metrics on (http://127\.0\.0\.1:\d+/metrics)", capsys.readouterr().err)
            assert found is not None
            wait_until(lambda: "spit_export_events_sent_total 1" in fetch(found[1]))
            pages.append(fetch(found[1]))

        run_agent(
            "--interface", "eth1", "--scorer", scorer.url, "--spool", str(tmp_path), "--metrics", ":0",
            meanwhile=meanwhile,
        )  # fmt: skip
    for line in (
        "spit_capture_up 1",
        "spit_capture_kernel_dropped_total 7",
        "spit_capture_queue_dropped_total 0",
        "spit_export_spool_events_dropped_total 0",
        "spit_export_spool_batches 0",
        "# TYPE spit_export_spool_batches gauge",
        "# HELP spit_export_events_rejected_total events in the batches rejected",
    ):
        assert line in pages[0].splitlines()


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as page:  # noqa: S310
        return str(page.read().decode())


def test_sighup_changes_scorers_and_token_and_says_what_takes_a_restart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, token = tmp_path / "spit.toml", tmp_path / "token"
    token.write_text("old\n")

    def write(scorer: str, workers: int) -> None:
        config.write_text(
            f'[agent]\nscorer = ["{scorer}"]\ntoken_file = "{token}"\nworkers = {workers}\n'
            f'spool = "{tmp_path / "spool"}"\ninterface = ["eth1"]\n'
        )

    heard = Heard(capsys)
    with scorer_server() as first, scorer_server() as second:
        write(first.url, 1)

        def meanwhile(reader: FakeLiveReader) -> None:
            reader.feed(events("a"))
            first.wait_for(1)
            write(second.url, 2)
            token.write_text("new\n")
            os.kill(os.getpid(), signal.SIGHUP)
            wait_until(lambda: "changed: agent.scorer; takes a restart: agent.workers" in heard.text())
            reader.feed(events("b"))
            second.wait_for(1)
            config.write_text("[agent\n")
            os.kill(os.getpid(), signal.SIGHUP)
            wait_until(lambda: "configuration kept as it was: " in heard.text())

        assert run_agent("--config", str(config), meanwhile=meanwhile) == 0
        assert (first.call_ids(), second.call_ids()) == (["a"], ["b"])
        assert first.requests[0][1]["Authorization"] == "Bearer old"
        assert second.requests[0][1]["Authorization"] == "Bearer new"


def test_a_capture_that_fails_ends_it_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def meanwhile(reader: FakeLiveReader) -> None:
        reader.feed(events("a"), OSError(100, "Network is down"))
        wait_until(lambda: output.exists() and output.read_text())

    output = tmp_path / "events.jsonl"
    assert run_agent("--interface", "eth1", "--output", str(output), meanwhile=meanwhile) == 1
    assert "spit: capture has stopped: [Errno 100] Network is down" in capsys.readouterr().err


REAL_READER: Any = getattr(_core, "LiveReader", None)  # before a test puts the fake in its place

#: What ``spit agent`` calls of a reader.
CALLED = {"hep_addresses", "start", "read_events", "stop", "ended", "counters", "save_state"}


class SavingReader(FakeLiveReader):
    """A capture that can tell its open calls."""

    restored: list[bytes | None] = []  # noqa: RUF012

    def __init__(self, *, state: bytes | None = None, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        SavingReader.restored.append(state)

    def save_state(self) -> bytes:
        return b"open calls"


def test_open_calls_are_saved_and_given_to_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_core, "LiveReader", SavingReader)
    SavingReader.restored.clear()
    flags = ["--interface", "eth1", "--checkpoint", str(tmp_path / "state"), "--output", str(tmp_path / "o")]
    assert run_agent(*flags, meanwhile=lambda _reader: None) == 0
    FakeLiveReader.opened.clear()
    assert run_agent(*flags, meanwhile=lambda _reader: None) == 0
    assert SavingReader.restored == [None, b"open calls"]
    said = capsys.readouterr().err
    assert re.search(r"state restored: open calls, saved \S+ \(\d+ s ago\) when it stopped: nothing", said)
    assert "state_saves=2" in said


def test_a_capture_that_cannot_save_its_calls_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--interface", "eth1", "--checkpoint", str(tmp_path / "state"), "--output", str(tmp_path / "o")]
    assert run_agent(*flags, meanwhile=lambda _reader: None) == 0
    assert "cannot save its open calls" in capsys.readouterr().err


def test_privileges_are_dropped_after_opening_and_before_the_spool_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int, bool, bool]] = []
    spool = tmp_path / "spool"

    def drop(user: str) -> None:
        (reader,) = FakeLiveReader.opened
        seen.append((user, len(FakeLiveReader.opened), reader.started, spool.exists()))

    monkeypatch.setattr(_core, "drop_privileges", drop)
    with scorer_server() as scorer:
        flags = ["--interface", "eth1", "--scorer", scorer.url, "--spool", str(spool), "--user", "nobody"]
        assert run_agent(*flags, meanwhile=lambda _reader: None) == 0
    assert seen == [("nobody", 1, False, False)]
    assert spool.exists()


@pytest.mark.parametrize(
    ("argv", "status", "words"),
    [
        ([], 2, "expected --interface NAME or --hep HOST:PORT"),
        (["--interface", "eth1", "--scorer", "http://a:1"], 2, "--scorer needs --spool DIR"),
        (["--interface", "eth1", "--scorer", "http://a:1", "--output", "-"], 2, "not to both"),
        (["--interface", "nope"], 1, "spit: nope: no such interface\n"),
        (["--interface", "eth1", "--scorer", "a:1"], 1, "agent.scorer: expected a list of URLs"),
        (["--interface", "eth1", "--scorer", "http://u:p@a"], 1, "agent.scorer: expected a list of URLs"),
        (["--hep", "9060"], 1, "agent.hep: expected a list of addresses"),
        (["--hep", "127.0.0.1:70000"], 1, "agent.hep: expected a list of addresses"),
        (["--interface", "an interface"], 1, "agent.interface: expected a list of interfaces"),
        (
            ["--interface", "e", "--token-file", "/nowhere/token"],
            1,
            "/nowhere/token: the token cannot be read",
        ),
        (["--interface", "e", "--hep", "127.0.0.1:0", "--decoder", "scapy"], 1, "HEP needs --decoder native"),
        (["--interface", "e", "--output", "/nowhere/x"], 1, "/nowhere/x: cannot be written"),
        (["--interface", "e", "--metrics", "192.0.2.1:1"], 1, "agent.metrics: cannot listen on 192.0.2.1:1"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    argv: list[str], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["agent", *argv]) == status
    captured = capsys.readouterr()
    assert words in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.skipif(sys.platform != "linux", reason="live capture needs Linux")
def test_the_fake_reader_has_the_face_of_the_real_one() -> None:
    """Whoever renames a method must not find that only the tests still call it."""
    assert set(dir(REAL_READER)) >= CALLED
    assert can_save_calls(REAL_READER)
