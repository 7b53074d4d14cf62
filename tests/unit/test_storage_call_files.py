"""Call records on disk: by hour, whole or not there, merged without a call lost or twice, bounded."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_live_reader import T0_US
from recorded_calls import HOUR_US, files, recorded

from spit.errors import ConfigError
from spit.records import RECORD_SCHEMA
from spit.storage import call_files
from spit.storage.call_files import CallFiles, all_parts, hour_folders

T0_S = T0_US / 1e6  # 2023-11-14 22:13:20
HOUR_S = HOUR_US / 1e6


def calls(**start_s: float) -> pa.Table:
    rows = [{"call_id": name, "start_time": at, "caller": f"+1202555{name}"} for name, at in start_s.items()]
    return pa.Table.from_pylist(rows, schema=RECORD_SCHEMA)


@pytest.fixture
def store(tmp_path: Path) -> CallFiles:
    found = CallFiles(tmp_path)
    assert found.open() == 0
    return found


def test_calls_are_filed_by_the_hour_of_their_start(store: CallFiles, tmp_path: Path) -> None:
    store.write(calls(a=T0_S, b=T0_S + HOUR_S, c=T0_S + 2 * HOUR_S, d=T0_S + 1), 7)
    assert files(tmp_path) == [
        "date=2023-11-14/hour=22/part-000000000007-000000000007.parquet",
        "date=2023-11-14/hour=23/part-000000000007-000000000007.parquet",
        "date=2023-11-15/hour=00/part-000000000007-000000000007.parquet",
    ]
    first = pq.ParquetFile(tmp_path / files(tmp_path)[0])
    assert first.schema_arrow.equals(RECORD_SCHEMA)
    assert first.metadata.row_group(0).column(0).compression == "ZSTD"
    assert first.read()["call_id"].to_pylist() == ["a", "d"]


def test_a_late_call_goes_to_a_new_part_of_its_hour(store: CallFiles, tmp_path: Path) -> None:
    store.write(calls(a=T0_S), 1)
    store.write(calls(b=T0_S + 5 * HOUR_S), 2)
    store.write(calls(late=T0_S), 3)
    assert [part.first for _, part in all_parts(tmp_path)] == [1, 3, 2]
    assert recorded(tmp_path) == ["a", "b", "late"]


def test_a_part_written_again_is_there_once(store: CallFiles, tmp_path: Path) -> None:
    two_hours = calls(a=T0_S, b=T0_S + HOUR_S)
    store.write(two_hours, 1)
    # A crash between the two files: one of them is missing.
    (tmp_path / files(tmp_path)[1]).unlink()
    store.write(two_hours, 1)
    assert recorded(tmp_path) == ["a", "b"]
    store.write(calls(c=T0_S), 2)
    store.write(calls(d=T0_S + 9 * HOUR_S), 3)
    store.merge()
    store.write(two_hours, 1)
    assert recorded(tmp_path) == ["a", "b", "c", "d"]


def test_a_file_that_could_not_be_finished_is_not_there(
    store: CallFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(OSError, match="No space left"):
            store.write(calls(a=T0_S), 1)
    assert files(tmp_path) == []
    store.write(calls(a=T0_S), 1)
    assert recorded(tmp_path) == ["a"]


def test_unfinished_files_of_a_crash_go_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "date=2023-11-14" / "hour=22"
    folder.mkdir(parents=True)
    (folder / ".part-000000000001-000000000001.parquet.tmp").write_bytes(b"half")
    CallFiles(tmp_path).open()
    assert files(tmp_path) == []


def test_small_parts_are_merged_when_their_hour_is_over(store: CallFiles, tmp_path: Path) -> None:
    for number, name in enumerate("zya", 1):
        store.write(calls(**{name: T0_S + number}), number)
    store.merge()
    assert len(files(tmp_path)) == 3  # calls of this hour may still come
    store.write(calls(later=T0_S + 2 * HOUR_S), 4)
    store.merge()
    assert files(tmp_path)[0] == "date=2023-11-14/hour=22/part-000000000001-000000000003.parquet"
    merged = pq.read_table(tmp_path / files(tmp_path)[0], partitioning=None)
    assert merged["call_id"].to_pylist() == ["a", "y", "z"]  # by caller
    assert store.files_merged == 3
    store.write(calls(late=T0_S), 5)
    store.merge()
    assert recorded(tmp_path) == ["a", "late", "later", "y", "z"]
    assert len(files(tmp_path)) == 2


def test_what_a_crash_leaves_of_a_merge_is_not_read_twice(store: CallFiles, tmp_path: Path) -> None:
    store.write(calls(a=T0_S), 1)
    store.write(calls(b=T0_S), 2)
    folder = hour_folders(tmp_path)[0][1]
    before = {path: path.read_bytes() for path in folder.iterdir()}
    store.write(calls(later=T0_S + 2 * HOUR_S), 3)
    store.merge()
    for path, content in before.items():
        path.write_bytes(content)
    names = [part.path.name for _, part in all_parts(tmp_path)]
    assert names[0] == "part-000000000001-000000000002.parquet"
    assert len(names) == 2
    store.close()
    again = CallFiles(tmp_path)
    assert again.open() == 3
    again.write(calls(last=T0_S + 3 * HOUR_S), 4)
    again.merge()
    assert recorded(tmp_path) == ["a", "b", "last", "later"]


def test_large_parts_stay_apart(store: CallFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_files, "MERGE_ROWS", 2)
    for number in range(1, 6):
        store.write(calls(**{f"c{number}": T0_S}), number)
    store.write(calls(later=T0_S + 2 * HOUR_S), 6)
    store.merge()
    assert [(part.first, part.last) for _, part in all_parts(tmp_path)] == [(1, 2), (3, 4), (5, 5), (6, 6)]


def test_old_hours_are_removed_by_the_calls_own_time(store: CallFiles, tmp_path: Path) -> None:
    day_s = 86_400
    store.write(calls(old=T0_S, new=T0_S + 3 * day_s), 1)
    (tmp_path / "date=2023-11-14" / "hour=22" / "of somebody else").write_text("stays")
    store.expire(wall_s=T0_S + 3 * day_s, retention_days=4, max_bytes=0)
    assert recorded(tmp_path) == ["new", "old"]
    # A clock that jumps ahead removes nothing; neither does a call from the future.
    store.expire(wall_s=T0_S + 9_999 * day_s, retention_days=4, max_bytes=0)
    store.write(calls(future=T0_S + 9_000 * day_s), 2)
    store.expire(wall_s=T0_S + 3 * day_s, retention_days=4, max_bytes=0)
    assert recorded(tmp_path) == ["future", "new", "old"]
    store.expire(wall_s=T0_S + 6 * day_s, retention_days=4, max_bytes=0)
    assert recorded(tmp_path) == ["future", "new"]
    assert (tmp_path / "date=2023-11-14" / "hour=22" / "of somebody else").exists()
    assert store.hours_expired == 1


def test_the_oldest_hours_go_when_there_is_too_much(store: CallFiles, tmp_path: Path) -> None:
    for number in range(4):
        store.write(calls(**{f"c{number}": T0_S + number * HOUR_S}), number + 1)
    size = (tmp_path / files(tmp_path)[0]).stat().st_size
    store.expire(wall_s=T0_S, retention_days=0, max_bytes=2 * size + 100)
    assert recorded(tmp_path) == ["c2", "c3"]
    store.expire(wall_s=T0_S, retention_days=0, max_bytes=1)
    assert recorded(tmp_path) == ["c3"]  # the hour that is written is never removed


def test_one_process_writes(store: CallFiles, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in use by another process"):
        CallFiles(tmp_path).open()
    store.close()
    CallFiles(tmp_path).open()


def test_folders_of_others_are_left_alone(store: CallFiles, tmp_path: Path) -> None:
    other = tmp_path / "date=yesterday" / "hour=99"
    other.mkdir(parents=True)
    store.write(calls(a=T0_S), 1)
    assert [folder.name for _, folder in hour_folders(tmp_path)] == ["hour=22"]
