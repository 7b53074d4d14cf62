"""Finished calls are recorded with their verdict, each once, also when the service dies in between."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from fake_live_reader import T0_US, events
from recorded_calls import (
    CALLEE,
    CALLER,
    HOUR_US,
    ends,
    engine_with,
    files,
    open_records,
    recorded,
)

from spit.capture.recorded import RecordedCalls
from spit.engine.call_records import CallRecords, RecordLimits
from spit.engine.engine import Engine
from spit.records import RECORD_SCHEMA
from spit.storage.call_files import CallFiles
from spit.storage.call_queries import CallQueries, Wanted, folder_view
from spit.storage.pseudonyms import Pseudonyms

SLOW = RecordLimits(flush_s=1e9)


def rows(records: CallRecords, **wanted: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = CallQueries(records.view).calls(Wanted(**wanted)).to_pylist()  # type: ignore[arg-type]
    return found


def counted(records: CallRecords) -> dict[str, float]:
    return {sample.name: sample.value for sample in records.samples()}


def test_a_finished_call_has_the_verdict_of_its_attempt(tmp_path: Path) -> None:
    records = open_records(tmp_path)
    engine = engine_with(records)
    scored = engine.observe(events("a", caller=CALLER, callee=CALLEE))
    assert rows(records) == []
    engine.observe(ends("a", hangup_by="callee"))
    (row,) = rows(records)
    assert row["score"] == pytest.approx(float(scored.score[0]))
    wanted = {
        "call_id": "a",
        "start_time": T0_US / 1e6,
        "end_time": T0_US / 1e6 + 9.5,
        "caller": CALLER,
        "callee": CALLEE,
        "duration_s": 4.25,
        "hangup_by": "callee",
        "method": "INVITE",
        "label": "legit",
        "action": "allow",
        "model": engine.model_name,
    }
    assert {name: row[name] for name in wanted} == wanted
    records.write_due()
    assert recorded(tmp_path) == ["a"]
    assert rows(records) == [row]


def test_an_end_without_an_attempt_is_recorded_and_counted(tmp_path: Path) -> None:
    records = open_records(tmp_path)
    engine_with(records).observe(ends("a"))
    (row,) = rows(records)
    assert (row["label"], row["score"], row["action"], row["model"]) == (None, None, None, None)
    assert counted(records)["spit_records_without_verdict_total"] == 1


def test_rows_are_flushed_when_they_are_due(tmp_path: Path) -> None:
    now_s = 0.0
    records = open_records(tmp_path, clock=lambda: now_s, limits=RecordLimits(flush_s=60.0, flush_rows=3))
    engine = engine_with(records)
    engine.observe(ends("a"))
    records.write_due()
    assert files(tmp_path) == []
    now_s = 60.0
    records.write_due()
    assert recorded(tmp_path) == ["a"]
    engine.observe(ends("b", "c"))
    records.write_due()
    assert recorded(tmp_path) == ["a"]
    engine.observe(ends("d"))
    records.write_due()
    assert recorded(tmp_path) == ["a", "b", "c", "d"]


def test_every_call_is_seen_once_while_files_are_written(tmp_path: Path) -> None:
    records = open_records(tmp_path)
    engine = engine_with(records)
    seen: list[object] = []

    class Looking(CallFiles):
        """Asks at the moment when a file is there and its rows are in memory too."""

        def write(self, calls: pa.Table, number: int) -> None:
            super().write(calls, number)
            seen.append([row["call_id"] for row in rows(records)])

    records._files.close()
    records._files = Looking(tmp_path)
    engine.observe(ends("a"))
    records.write_due()
    engine.observe(ends("b"))
    records.write_due()
    assert seen == [["a"], ["a", "b"]]


class Life:
    """A service on two folders; it may die at any moment and begin again."""

    def __init__(self, directory: Path, limits: RecordLimits | None = None) -> None:
        self.state, self.place = directory / "state", directory / "records"
        self._limits = limits
        self.begin()

    def begin(self) -> None:
        self.records = open_records(self.place, wait_for_save=True, limits=self._limits)
        self.engine: Engine = engine_with(self.records)
        if self.state.exists():
            self.engine.load(self.state)

    def die(self) -> None:
        self.records._files.close()  # what the kernel does
        self.begin()


def test_with_a_saved_state_files_are_written_after_it_counts(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.engine.observe(ends("a"))
    life.records.write_due()
    assert recorded(life.place) == []
    life.engine.save(life.state)
    life.records.write_due()
    assert recorded(life.place) == ["a"]
    assert [row["call_id"] for row in rows(life.records)] == ["a"]


def test_a_crash_between_the_state_and_the_files_loses_nothing(tmp_path: Path) -> None:
    life = Life(tmp_path)
    scored = life.engine.observe(events("open", caller=CALLER))
    life.engine.observe(ends("a", "b"))
    life.engine.save(life.state)
    life.die()
    life.records.write_due()
    assert recorded(life.place) == ["a", "b"]
    life.die()  # the state still holds them
    life.records.write_due()
    assert recorded(life.place) == ["a", "b"]
    life.engine.observe(ends("open"))
    life.engine.save(life.state)
    life.records.write_due()
    assert recorded(life.place) == ["a", "b", "open"]
    (row,) = [row for row in rows(life.records) if row["call_id"] == "open"]
    assert row["score"] == float(scored.score[0])  # the verdict was saved with the state


def test_verdicts_of_open_calls_are_saved_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spit.engine.call_records._VERDICTS_AT_ONCE", 2)
    life = Life(tmp_path)
    names = ["e", "a", "d", "b", "c"]
    for name in names:
        life.engine.observe(events(name, caller=CALLER))
    before = dict(life.records._open)
    life.engine.save(life.state)
    life.die()
    assert list(life.records._open) == names  # the oldest leave first
    assert life.records._open == before


def test_what_is_not_due_is_in_the_state(tmp_path: Path) -> None:
    life = Life(tmp_path, SLOW)
    life.engine.observe(ends("a"))
    life.engine.save(life.state)
    life.records.write_due()
    life.die()
    assert [row["call_id"] for row in rows(life.records)] == ["a"]
    life.records.flush_at_save()
    life.engine.save(life.state)
    life.records.write_due()
    assert recorded(life.place) == ["a"]


def test_a_state_without_records_is_loaded(tmp_path: Path) -> None:
    engine = engine_with(open_records(tmp_path / "records"))
    engine._saved = ()
    engine.save(tmp_path / "state")
    Life(tmp_path / "other").engine.load(tmp_path / "state")


def test_a_folder_that_is_away_costs_nothing_until_too_much_is_held(tmp_path: Path) -> None:
    place = tmp_path / "records"
    place.write_text("in the way")
    records = open_records(place, limits=RecordLimits(flush_s=0.0, flush_rows=2))
    engine = engine_with(records)
    for number in range(8):
        engine.observe(ends(f"c{number}"))
        records.write_due()
    assert counted(records)["spit_records_write_failures_total"] >= 1
    assert counted(records)["spit_records_dropped_total"] == 0
    engine.observe(ends("c8"))
    assert counted(records)["spit_records_dropped_total"] == 1
    assert len(rows(records)) == 8
    place.unlink()
    records.write_due()
    assert recorded(place) == [f"c{number}" for number in range(1, 9)]
    assert counted(records)["spit_records_buffered"] == 0


def test_a_folder_that_is_back_at_the_last_save_gets_everything(tmp_path: Path) -> None:
    (tmp_path / "records").write_text("in the way")
    life = Life(tmp_path)
    life.engine.observe(ends("a"))
    life.engine.save(life.state)
    (tmp_path / "records").unlink()
    life.records.flush_at_save()
    life.engine.save(life.state)
    life.records.close(1)
    assert recorded(life.place) == ["a"]


def test_a_folder_that_another_process_took_meanwhile_is_not_written(tmp_path: Path) -> None:
    place = tmp_path / "records"
    place.write_text("in the way")
    records = open_records(place)
    place.unlink()
    other = open_records(place)
    engine_with(records).observe(ends("a"))
    records.write_due()
    assert recorded(place) == []
    other._files.close()
    records.write_due()
    assert recorded(place) == ["a"]


def test_a_folder_that_is_removed_is_made_again(tmp_path: Path) -> None:
    place = tmp_path / "records"
    records = open_records(place)
    engine = engine_with(records)
    for path in place.iterdir():
        path.unlink()
    place.rmdir()
    engine.observe(ends("a"))
    assert [row["call_id"] for row in rows(records)] == ["a"]
    records.write_due()
    assert recorded(place) == ["a"]


def test_numbers_go_on_in_a_folder_with_files(tmp_path: Path) -> None:
    for name in "ab":
        records = open_records(tmp_path)
        engine_with(records).observe(ends(name))
        records.write_due()
        records._files.close()
    assert recorded(tmp_path) == ["a", "b"]


def test_too_many_rows_ask_for_a_save(tmp_path: Path) -> None:
    asked: list[bool] = []
    records = open_records(tmp_path, wait_for_save=True, limits=RecordLimits(flush_s=1e9, flush_rows=2))
    records.on_full = lambda: asked.append(True)
    engine = engine_with(records)
    engine.observe(ends("a"))
    assert not asked
    engine.observe(ends("b"))
    assert asked


def test_questions_choose_by_caller_and_time_and_take_the_newest(tmp_path: Path) -> None:
    records = open_records(tmp_path)
    engine = engine_with(records)
    for hour in range(4):
        engine.observe(ends(f"h{hour}", start_us=T0_US + hour * HOUR_US))
        engine.observe(ends(f"o{hour}", start_us=T0_US + hour * HOUR_US, caller="+12025550100"))
        if hour < 3:
            records.write_due()

    def found(**wanted: object) -> list[object]:
        return [row["call_id"] for row in rows(records, **wanted)]

    assert found(caller=CALLER) == ["h3", "h2", "h1", "h0"]
    assert found(caller=CALLER, limit=2) == ["h3", "h2"]
    t0_s, hour_s = T0_US / 1e6, HOUR_US / 1e6
    assert found(caller=CALLER, since_s=t0_s + hour_s, until_s=t0_s + 3 * hour_s) == ["h2", "h1"]
    assert found(callee="+1") == []
    assert found(caller="' OR true --") == []
    records.close(1)
    assert len(CallQueries(folder_view(tmp_path)).calls(Wanted())) == 8


def test_recordings_read_the_folder(tmp_path: Path) -> None:
    records = open_records(tmp_path)
    engine = engine_with(records)
    for hour in range(2):
        engine.observe(
            ends(f"h{hour}", start_us=T0_US + hour * HOUR_US, exemption="emergency", setup_time_s=5.0)
        )
    records.close(1)
    batches = list(RecordedCalls([str(tmp_path)]).events())
    table = pa.Table.from_batches(batches)
    assert table["event"].to_pylist() == ["attempt", "answer", "end"] * 2
    assert table["exemption"].to_pylist() == ["emergency"] * 6
    assert table["call_id"].to_pylist() == ["h0"] * 3 + ["h1"] * 3


def test_pseudonyms_are_all_that_is_kept_and_the_same_number_has_the_same_one(tmp_path: Path) -> None:
    pseudonyms = Pseudonyms(b"k" * 32, {"country_code": "49", "national_prefix": "0"})
    records = open_records(tmp_path, pseudonyms=pseudonyms)
    engine = engine_with(records)
    engine.observe(
        ends(
            "a",
            caller="+4930123456",
            caller_uri="sip:030123456@gateway.example.net",
            callee="alice@example.org",
            callee_uri="sip:alice@example.org",
            request_uri="sip:+12025550100@example.org",
            asserted_identity="+4930123456",
        )
    )
    engine.observe(ends("b", caller="anonymous@anonymous.invalid", callee="+4930123456"))
    records.close(1)
    text = str(pa.parquet.read_table(tmp_path / files(tmp_path)[0], partitioning=None).to_pylist())
    for secret in ("30123456", "alice", "example", "2025550100"):
        assert secret not in text
    rows = CallQueries(folder_view(tmp_path)).calls(Wanted()).sort_by("call_id").to_pylist()
    first, second = rows
    assert first["caller"].startswith("+49p")
    assert first["caller"] == first["asserted_identity"] == second["callee"]
    assert first["caller_uri"] == f"sip:{first['caller']}@pseudonym.invalid"
    assert first["callee"].startswith("p")
    assert first["request_uri"].startswith("sip:+1p")
    assert second["caller"] == "anonymous@anonymous.invalid"
    assert Pseudonyms(b"K" * 32).of("+4930123456") != first["caller"]
    assert set(RECORD_SCHEMA.names) == set(first)
