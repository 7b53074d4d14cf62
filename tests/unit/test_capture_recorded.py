"""Recorded calls become the events that they were made from, however they are stored and cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import feather, parquet

from spit._core import write_jsonl
from spit.capture.recorded import RecordedCalls
from spit.errors import InputError
from spit.features.table import FeatureTable
from spit.records import CALL_SCHEMA, EVENT_SCHEMA
from spit.simulate.events import to_events
from spit.simulate.scenario import scenario
from spit.simulate.traffic import simulate


def _events() -> pa.RecordBatch:
    """Simulated events, the end of each call known when it ended: what a row of a call can tell."""
    events = to_events(simulate(replace(scenario("demo", 3), residential=60, duration_s=7200)))
    times_us = np.where(
        pc.equal(events["event"], "end"), events["end_time_us"].fill_null(0), events["time_us"]
    )
    kind = pc.index_in(events["event"], value_set=pa.array(["attempt", "answer", "end"])).to_numpy()
    order = np.lexsort((kind, times_us))
    at = EVENT_SCHEMA.get_field_index("time_us")
    columns = [pa.array(times_us) if i == at else column for i, column in enumerate(events.columns)]
    return pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA).take(pa.array(order))


def _calls(events: pa.RecordBatch) -> pa.Table:
    """The rows that ``spit calls`` gives, in the order of their ends."""
    ends = pa.Table.from_batches([events]).filter(pc.equal(events["event"], "end"))
    seconds = {
        "start_time": ends["start_time_us"].to_numpy() / 1e6,
        "end_time": ends["end_time_us"].to_numpy() / 1e6,
    }
    return pa.table(
        [pa.array(seconds[n]) if n in seconds else ends[n] for n in CALL_SCHEMA.names], schema=CALL_SCHEMA
    )


@pytest.fixture(scope="module")
def events() -> pa.RecordBatch:
    return _events()


def _read(path: Path, **options: int) -> pa.Table:
    return pa.Table.from_batches(RecordedCalls([str(path)], **options).events(), EVENT_SCHEMA)  # type: ignore[arg-type]


@pytest.mark.parametrize("window_rows", [100, 250_000])
def test_features_of_call_rows_are_those_of_the_events(
    events: pa.RecordBatch, tmp_path: Path, window_rows: int
) -> None:
    parquet.write_table(_calls(events), tmp_path / "calls.parquet", row_group_size=200)
    rebuilt = _read(tmp_path / "calls.parquet", window_rows=window_rows).combine_chunks()
    expected = FeatureTable().observe(events)
    (batch,) = rebuilt.to_batches()
    found = FeatureTable().observe(batch)
    held = [at for at, name in enumerate(FeatureTable.names) if not name.startswith("identity_passport_")]
    assert len(held) == len(FeatureTable.names) - 4  # call rows hold no PASSporT
    np.testing.assert_allclose(found.values[:, held], expected.values[:, held], rtol=1e-6, atol=1e-6)
    assert batch["call_id"].take(pa.array(found.rows)).equals(events["call_id"].take(pa.array(expected.rows)))


def test_rebuilt_events_differ_only_in_what_a_call_row_lacks(events: pa.RecordBatch, tmp_path: Path) -> None:
    parquet.write_table(_calls(events), tmp_path / "calls.parquet")
    rebuilt, whole = _read(tmp_path / "calls.parquet"), pa.Table.from_batches([events])
    differing = {name for name in EVENT_SCHEMA.names if not rebuilt[name].equals(whole[name])}
    assert differing == {"passport_types", "passport_orig", "passport_mismatch", "passport_iat_age_s"}


@pytest.mark.parametrize("window_rows", [50, 250_000])
def test_files_of_events_come_back_in_time_order(
    events: pa.RecordBatch, tmp_path: Path, window_rows: int
) -> None:
    half = events.num_rows // 2
    whole = pa.Table.from_batches([events])
    parquet.write_table(whole.slice(half), tmp_path / "a-later.parquet")
    feather.write_feather(whole, tmp_path / "all.arrow")
    parquet.write_table(whole.slice(0, half), tmp_path / "b-earlier.parquet")
    (tmp_path / "all.arrow").rename(tmp_path.parent / "all.arrow")
    assert _read(tmp_path, window_rows=window_rows).equals(whole)
    assert _read(tmp_path.parent / "all.arrow", window_rows=window_rows).equals(whole)


def test_a_message_is_known_by_its_media_and_extra_columns_are_read(
    events: pa.RecordBatch, tmp_path: Path
) -> None:
    calls = _calls(events).slice(0, 2)
    at = CALL_SCHEMA.get_field_index("media")
    calls = calls.set_column(at, "media", pa.array(["message", "audio"]))
    calls = calls.append_column("diverted_by", pa.array([None, "+12025550100"]))
    parquet.write_table(calls, tmp_path / "calls.parquet")
    attempts = _read(tmp_path / "calls.parquet").filter(pc.equal(pc.field("event"), "attempt"))
    found = {row["media"]: row for row in attempts.to_pylist()}
    assert found["message"]["method"] == "MESSAGE"
    assert found["audio"]["method"] == "INVITE"
    assert found["audio"]["diverted_by"] == "+12025550100"


def test_lines_of_an_agent_or_of_calls_are_read_too(events: pa.RecordBatch, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(write_jsonl(events))
    assert _read(tmp_path / "events.jsonl").equals(pa.Table.from_batches([events]))
    calls = _calls(events)
    parquet.write_table(calls, tmp_path / "calls.parquet")
    (tmp_path / "calls.jsonl").write_bytes(b"".join(map(write_jsonl, calls.combine_chunks().to_batches())))
    assert _read(tmp_path / "calls.jsonl").equals(_read(tmp_path / "calls.parquet"))
    (tmp_path / "bad.jsonl").write_text("{nothing")
    with pytest.raises(InputError, match=r"bad.jsonl: expected a JSON object a line"):
        RecordedCalls([str(tmp_path / "bad.jsonl")])


def test_a_damaged_file_is_named(events: pa.RecordBatch, tmp_path: Path) -> None:
    lines = write_jsonl(events.slice(0, 3))
    (tmp_path / "cut.jsonl").write_bytes(lines[:-40])
    parquet.write_table(pa.Table.from_batches([events]), tmp_path / "cut.parquet")
    data = bytearray((tmp_path / "cut.parquet").read_bytes())
    data[100:4000] = bytes(3900)
    (tmp_path / "cut.parquet").write_bytes(data)
    with pytest.raises(InputError, match=r"cut.jsonl: expected a file of jsonl"):
        RecordedCalls([str(tmp_path / "cut.jsonl")])
    with pytest.raises(InputError, match=r"cut.parquet: cannot be read to its end"):
        list(RecordedCalls([str(tmp_path / "cut.parquet")]).events())


def test_captures_are_read_too() -> None:
    capture = Path(__file__).parents[2] / "captures" / "wangiri.pcap"
    assert _read(capture).num_rows > 0


def test_calls_without_a_start_are_left_out_and_told(events: pa.RecordBatch, tmp_path: Path) -> None:
    calls = _calls(events).slice(0, 3)
    calls = calls.set_column(1, "start_time", pa.array([None, *calls["start_time"].to_pylist()[1:]]))
    parquet.write_table(calls, tmp_path / "calls.parquet")
    recording = RecordedCalls([str(tmp_path / "calls.parquet")])
    attempts = sum(pc.sum(pc.equal(batch["event"], "attempt")).as_py() for batch in recording.events())
    assert attempts == 2
    assert recording.damages() == ["recorded calls: 1 rows have no start_time and were left out"]


def test_what_cannot_be_read_is_told(events: pa.RecordBatch, tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(InputError, match=r"text.parquet: expected a file of parquet, found"):
        RecordedCalls([str(tmp_path / "text.parquet")])
    parquet.write_table(pa.table({"call_id": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="found none named start_time, end_time"):
        RecordedCalls([str(tmp_path / "other.parquet")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="expected a folder with"):
        RecordedCalls([str(tmp_path / "empty")])
    parquet.write_table(_calls(events), tmp_path / "calls.parquet")
    with pytest.raises(InputError, match="found capture and parquet"):
        RecordedCalls([str(tmp_path / "calls.parquet"), "x.pcap"])
    parquet.write_table(pa.Table.from_batches([events]), tmp_path / "events.parquet")
    with pytest.raises(InputError, match="files of calls or files of events, found both"):
        RecordedCalls([str(tmp_path / "calls.parquet"), str(tmp_path / "events.parquet")])
