"""Whole programs on one control database: several start at once, one is killed, one loses the database."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from postgres import cluster
from serving import DEADLINE_S, ROOT, Serving, serving, wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path_factory.mktemp("control") / "c.db")
        return
    with cluster() as server:
        yield server.new_database()


def spit(url: str, *argv: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SPIT_STORAGE_URL": url}
    return subprocess.Popen(
        [sys.executable, "-m", "spit", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )


def test_processes_that_start_at_once_make_the_tables_once(url: str) -> None:
    started = [spit(url, "lists", "add", "block", f"+1202555010{n}") for n in range(4)]
    said = [process.communicate(timeout=DEADLINE_S) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0, 0], said
    assert sorted(out for out, _ in said) == ["1\n", "2\n", "3\n", "4\n"]


def listed(service: Serving, caller: str) -> object:
    status, text = service.ask("GET", f"/v1/score?caller=%2B{caller}&callee=%2B4930123456")
    assert status == 200
    answer: dict[str, Any] = json.loads(text)
    assert answer["degraded"] is False
    return answer["listed"]


def test_what_was_answered_with_201_is_there_after_kill_9(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIT_STORAGE_URL", url)
    monkeypatch.setenv("SPIT_STORAGE_POLL_S", "0.05")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    accepted: list[str] = []
    with serving() as first:
        burst = threading.Thread(target=post_until_it_fails, args=(first, accepted))
        burst.start()
        # In the middle of it: only what was answered counts.
        wait_until(lambda: len(accepted) >= 20)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(DEADLINE_S)
        burst.join(DEADLINE_S)
    with serving() as second:
        for number in (accepted[0], accepted[-1]):
            assert listed(second, number) == "block"
        status, text = second.ask("GET", f"/v1/lists?pattern=%2B{accepted[-1]}")
        assert (status, len(json.loads(text)["entries"])) == (200, 1)
        kept = {one["pattern"] for one in export(second)}
        assert {f"+{number}" for number in accepted} <= kept
        # Another process changes the lists: this one follows.
        adding = spit(url, "lists", "add", "dno", "+14045550100")
        said = adding.communicate(timeout=DEADLINE_S)
        assert adding.returncode == 0, said
        wait_until(lambda: listed(second, "14045550100") == "dno")
        second.process.send_signal(signal.SIGTERM)
        assert second.process.wait(DEADLINE_S) == 0


def post_until_it_fails(service: Serving, accepted: list[str]) -> None:
    """Add entries; ``accepted`` gets the numbers of those that were answered with 201."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        for n in range(1_000_000):
            number = f"1303{n:07}"
            if service.ask("POST", "/v1/lists", {"kind": "block", "pattern": f"+{number}"})[0] != 201:
                return
            accepted.append(number)


def export(service: Serving) -> list[dict[str, Any]]:
    status, text = service.ask("GET", "/v1/lists/export?format=json")
    assert status == 200
    entries: list[dict[str, Any]] = json.loads(text)
    return entries


def test_a_service_that_loses_its_database_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIT_STORAGE_URL", str(tmp_path / "c.db"))
    monkeypatch.setenv("SPIT_STORAGE_POLL_S", "0.05")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with serving() as service:
        assert service.ask("POST", "/v1/lists", {"kind": "block", "pattern": "+12025550100"})[0] == 201
        (tmp_path / "c.db").rename(tmp_path / "away")
        wait_until(lambda: "warnings" in service.ask("GET", "/readyz")[1])
        assert listed(service, "12025550100") == "block"
        assert service.ask("POST", "/v1/lists", {"kind": "block", "pattern": "+1"})[0] == 503
        (tmp_path / "away").rename(tmp_path / "c.db")
        wait_until(lambda: "warnings" not in service.ask("GET", "/readyz")[1])
        assert service.ask("POST", "/v1/lists", {"kind": "block", "pattern": "+1"})[0] == 201
