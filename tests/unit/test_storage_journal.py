"""The journal: one sync for many, what was kept is read again, what was refused is not."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from fake_live_reader import events

from spit.errors import ConfigError
from spit.records import EVENT_SCHEMA
from spit.storage import journal_files
from spit.storage.journal import Journal, JournalError, Position


@contextmanager
def writing(directory: Path, **options: object) -> Iterator[Journal]:
    journal = Journal(directory, **options)  # type: ignore[arg-type]
    journal.lock()
    list(journal.entries(Position()))
    journal.start()
    try:
        yield journal
    finally:
        journal.close()


def kept(directory: Path, position: Position | None = None) -> list[tuple[int, list[str], str | None, int]]:
    """Sequence, Call-IDs, agent and number of what a restart reads."""
    return [
        (entry.sequence, entry.events["call_id"].to_pylist(), entry.agent, entry.number)
        for entry in Journal(directory).entries(position or Position())
    ]


def test_what_was_kept_is_read_again_in_order(tmp_path: Path) -> None:
    sent = events("b", "c", caller="+12025550199")
    with writing(tmp_path) as journal:
        assert journal.keep(events("a")) == 1
        assert journal.keep(sent, "edge", 7) == 2
    assert kept(tmp_path) == [(1, ["a"], None, 0), (2, ["b", "c"], "edge", 7)]
    again = [entry.events for entry in Journal(tmp_path).entries(Position())]
    assert again[1].equals(sent)
    with writing(tmp_path) as journal:
        assert journal.keep(events("d")) == 3
    assert [entry[0] for entry in kept(tmp_path)] == [1, 2, 3]


def test_many_requests_share_one_sync(tmp_path: Path) -> None:
    calls, first_syncs, go_on = [], threading.Event(), threading.Event()

    def sync(file: int) -> None:
        calls.append(file)
        if len(calls) == 2:  # the first is of the new segment's header
            first_syncs.set()
            assert go_on.wait(30)

    with writing(tmp_path, sync=sync) as journal:
        threads = [threading.Thread(target=journal.keep, args=(events("first"),))]
        threads[0].start()
        assert first_syncs.wait(30)
        for number in range(20):
            threads.append(threading.Thread(target=journal.keep, args=(events(f"c{number}"), "edge", number)))
            threads[-1].start()
        while len(journal.position().open) < 21:
            pass
        go_on.set()
        for thread in threads:
            thread.join(30)
        assert journal.counters()["syncs"] == 2
        assert journal.counters()["entries"] == 21
    assert len(kept(tmp_path)) == 21


def test_nothing_is_answered_before_the_sync(tmp_path: Path) -> None:
    syncs, go_on, answered = threading.Event(), threading.Event(), threading.Event()

    def sync(_file: int) -> None:
        syncs.set()
        assert go_on.wait(30)

    def keep() -> None:
        journal.keep(events("a"))
        answered.set()

    with writing(tmp_path, sync=sync) as journal:
        thread = threading.Thread(target=keep)
        thread.start()
        assert syncs.wait(30)
        assert not answered.is_set()
        go_on.set()
        thread.join(30)
        assert answered.is_set()


@pytest.mark.parametrize("always", [True, False])
def test_what_was_refused_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, always: bool
) -> None:
    write, full = os.write, False

    def fills_up(file: int, data: memoryview) -> int:
        if full and len(data) > 10:
            return write(file, data[:10])  # some of it finds room
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    with writing(tmp_path, always=always) as journal:
        journal.keep(events("a"))
        monkeypatch.setattr(os, "write", fills_up)
        full = True
        with pytest.raises(JournalError, match="events cannot be kept: No space left on device"):
            journal.keep(events("refused"), "edge", 1)
        assert journal.failing()
        assert journal.position().open == {1}  # of the refused one nothing is expected any more
        full = False
        journal.keep(events("b"))
        assert not journal.failing()
        assert journal.counters()["events_refused"] == 1
    assert [entry[1] for entry in kept(tmp_path)] == [["a"], ["b"]]


def test_after_a_sync_that_failed_the_entry_is_refused_and_gone(tmp_path: Path) -> None:
    fails = False

    def sync(_file: int) -> None:
        if fails:
            raise OSError(errno.EIO, "Input/output error")

    with writing(tmp_path, sync=sync) as journal:
        journal.keep(events("a"))
        fails = True
        with pytest.raises(JournalError, match="Input/output error"):
            journal.keep(events("refused"))
        fails = False
        journal.keep(events("b"))
    assert [entry[1] for entry in kept(tmp_path)] == [["a"], ["b"]]


def test_a_torn_tail_is_counted_and_a_damaged_entry_passed_over(tmp_path: Path) -> None:
    with writing(tmp_path) as journal:
        for name in "abc":
            journal.keep(events(name))
    (_, path), *_ = journal_files.segments(tmp_path)
    data = bytearray(path.read_bytes())
    frame = (len(data) - len(journal_files.encode_header())) // 3
    data[-2 * frame + 100] ^= 1
    path.write_bytes(data[:-1])
    journal = Journal(tmp_path)
    assert [entry.events["call_id"].to_pylist() for entry in journal.entries(Position())] == [["a"]]
    path.write_bytes(data)
    journal = Journal(tmp_path)
    assert [entry.events["call_id"].to_pylist() for entry in journal.entries(Position())] == [["a"], ["c"]]
    assert journal.counters()["damaged_bytes"] == frame
    path.write_bytes(data[:10])
    journal = Journal(tmp_path)
    assert list(journal.entries(Position())) == []
    assert journal.counters()["torn_bytes"] == 10


def test_every_cut_leaves_the_entries_before_it(tmp_path: Path) -> None:
    with writing(tmp_path) as journal:
        for name in "abc":
            journal.keep(events(name))
    (_, path), *_ = journal_files.segments(tmp_path)
    data = path.read_bytes()
    header = len(journal_files.encode_header())
    frame = (len(data) - header) // 3
    for length in range(header, len(data), 97):
        path.write_bytes(data[:length])
        assert len(kept(tmp_path)) == (length - header) // frame


def test_a_position_leaves_out_what_the_state_holds(tmp_path: Path) -> None:
    with writing(tmp_path) as journal:
        for name in "abc":
            journal.applied(journal.keep(events(name)))
        journal.keep(events("not applied yet"))
        position = journal.position()
        journal.keep(events("later"))
    assert [entry[1] for entry in kept(tmp_path, position)] == [["not applied yet"], ["later"]]
    assert Position.from_json(position.to_json()) == position


def test_segments_go_once_a_saved_state_holds_them(tmp_path: Path) -> None:
    with writing(tmp_path) as journal:
        journal.applied(journal.keep(events("a")))
        journal.rotate()
        waits = journal.keep(events("b"))
        journal.rotate()
        journal.release(journal.position())
        assert [entry[1] for entry in kept(tmp_path)] == [["b"]]
        journal.applied(waits)
        journal.release(journal.position())
        assert journal_files.segments(tmp_path) == []
        assert journal.keep(events("c")) == 3


def test_a_number_is_never_used_again_though_every_segment_is_gone(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert list(journal.entries(Position(41, frozenset({40, 50})))) == []
    journal.start()
    assert journal.keep(events("a")) == 51
    journal.close()


def test_large_journals_have_several_segments(tmp_path: Path) -> None:
    with writing(tmp_path, segment_bytes=1) as journal:
        for name in "abc":
            journal.keep(events(name))
        assert journal.segments() == 3
    assert [entry[0] for entry in kept(tmp_path)] == [1, 2, 3]


def test_noted_entries_wait_for_nobody_and_refuse_nothing(tmp_path: Path) -> None:
    with writing(tmp_path) as journal:
        journal.note(events("a"))
        journal.keep(events("b"))
    assert [entry[1] for entry in kept(tmp_path)] == [["a"], ["b"]]


def test_with_an_interval_closing_syncs(tmp_path: Path) -> None:
    synced: list[int] = []
    with writing(tmp_path, always=False, sync=synced.append) as journal:
        journal.keep(events("a"))
        journal.keep(events("b"))
    assert len(synced) == 2  # the segment's header, and at the end what it holds


def test_one_process_writes(tmp_path: Path) -> None:
    with writing(tmp_path), pytest.raises(ConfigError, match="in use by another process"):
        Journal(tmp_path).lock()


def test_a_folder_that_cannot_be_made_refuses_until_it_can(tmp_path: Path) -> None:
    place = tmp_path / "state"
    place.write_text("in the way")
    with writing(place / "journal") as journal:
        with pytest.raises(JournalError):
            journal.keep(events("a"))
        place.unlink()
        journal.keep(events("b"))
    assert [entry[1] for entry in kept(place / "journal")] == [["b"]]


def test_entries_of_a_version_with_fewer_columns_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = pa.schema([field for field in EVENT_SCHEMA if field.name != "passport_iat_age_s"])
    batch = events("a").select(older.names)
    monkeypatch.setattr(journal_files, "EVENT_SCHEMA", older)
    with writing(tmp_path) as journal:
        journal.keep(batch)
    monkeypatch.setattr(journal_files, "EVENT_SCHEMA", EVENT_SCHEMA)
    (entry,) = Journal(tmp_path).entries(Position())
    assert entry.events.schema.equals(EVENT_SCHEMA)
    assert entry.events["passport_iat_age_s"].null_count == 1
