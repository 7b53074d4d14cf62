"""Faults of the disk under ``spit serve``: an answer every time, and nothing that was accepted is lost."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from serving import CALLER, DEADLINE_S, Serving, serving, wait_until
from small_disk import small_disk

pytestmark = pytest.mark.e2e

QUESTION = "/v1/score?caller=%2B12025550199&callee=%2B4930123456"
T0_S = 1_700_000_000


def send_call(service: Serving, number: int) -> tuple[int, str]:
    """Batch ``number`` of one agent: a whole call."""
    call = {"call_id": f"c{number}", "caller": CALLER, "callee": "+4930123456"}
    start_s = T0_S + number
    events = [
        {"event": "attempt", "time": start_s, **call},
        {"event": "end", "time": start_s + 2, "start_time": start_s, "outcome": "answered", **call},
    ]
    numbering = {"X-Spit-Agent": "edge", "X-Spit-Batch": str(number)}
    return service.ask("POST", "/v1/events", events, **numbering)


def accepted(service: Serving, number: int) -> bool:
    """Whether a call was taken; otherwise the answer must say that it may come again."""
    status, text = send_call(service, number)
    if status == 200:
        return True
    assert status == 503, text
    assert "events cannot be kept" in json.loads(text)["detail"]
    return False


def assert_scored(service: Serving, *, attempts: int) -> None:
    for question in (QUESTION, f"{QUESTION}&observe=false"):
        status, text = service.ask("GET", question)
        assert status == 200
        assert json.loads(text)["degraded"] is False
    assert service.ask("GET", "/healthz")[0] == 200
    assert service.attempts() == attempts


def recorded(directory: Path) -> list[str]:
    found: list[str] = []
    for path in directory.glob("date=*/hour=*/part-*.parquet"):
        found += pq.read_table(path, columns=["call_id"], partitioning=None)["call_id"].to_pylist()
    return sorted(found)


def settings(folder: Path, *, state: Path, records: Path) -> list[str]:
    path = folder / "spit.toml"
    path.write_text(
        f'[service]\nstate = "{state}"\ncheckpoint_s = 1\n[records]\ndirectory = "{records}"\nflush_s = 1\n'
    )
    return ["--config", str(path)]


def test_a_full_disk_refuses_events_answers_questions_and_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        flags = settings(tmp_path, state=disk.place / "state", records=disk.place / "records")
        with serving(*flags, before=disk.enter) as service:
            assert accepted(service, 1)
            ballast = disk.fill()
            taken = 1
            while accepted(service, taken + 1):  # what is left of the last page
                taken += 1
                assert taken < 1_000
                disk.fill()
            assert_scored(service, attempts=taken)
            assert service.metric("spit_journal_failing") == 1
            assert service.metric("spit_journal_events_refused_total") == 2
            # Counted although it can't be kept: nobody was promised more than an answer.
            assert service.ask("GET", f"{QUESTION}&observe=true")[0] == 200
            wait_until(lambda: service.metric("spit_state_save_failures_total") > 0)
            assert not accepted(service, taken + 1)
            ballast.unlink()
            assert accepted(service, taken + 1)
            service.process.send_signal(signal.SIGKILL)
            service.process.wait(DEADLINE_S)
        with serving(*flags, before=disk.enter) as service:
            # The question's attempt may have been saved since: with or without it, all calls are there.
            assert service.attempts() in (taken + 1, taken + 2)
            assert json.loads(send_call(service, taken + 1)[1]) == {"accepted": 0, "duplicate": True}
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(DEADLINE_S) == 0
        assert recorded(disk.inside / "records") == sorted(f"c{n}" for n in range(1, taken + 2))


def test_a_state_folder_that_is_read_only_refuses_events_until_it_is_not(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        (disk.inside / "state").mkdir()
        disk.remount("ro")
        flags = settings(tmp_path, state=disk.place / "state", records=disk.place / "records")
        with serving(*flags, before=disk.enter) as service:
            assert "Read-only file system" in service.said
            assert not accepted(service, 1)
            assert_scored(service, attempts=0)
            disk.remount("rw")
            assert accepted(service, 1)
            assert_scored(service, attempts=1)
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(DEADLINE_S) == 0
        assert recorded(disk.inside / "records") == ["c1"]


def test_records_whose_folder_is_gone_are_held_until_it_is_back(tmp_path: Path) -> None:
    records, away = tmp_path / "records", tmp_path / "away"
    with serving(*settings(tmp_path, state=tmp_path / "state", records=records)) as service:
        assert accepted(service, 1)
        wait_until(lambda: service.metric("spit_records_written_total") == 1)
        records.rename(away)
        records.write_text("in the way")
        assert accepted(service, 2)
        wait_until(lambda: service.metric("spit_records_write_failures_total") > 0)
        assert_scored(service, attempts=2)
        status, text = service.ask("GET", "/v1/calls?since=0")
        assert (status, [row["call_id"] for row in json.loads(text)["calls"]]) == (200, ["c2"])
        records.unlink()
        away.rename(records)
        wait_until(lambda: service.metric("spit_records_written_total") == 2)
        assert service.metric("spit_records_dropped_total") == 0
    assert recorded(records) == ["c1", "c2"]
