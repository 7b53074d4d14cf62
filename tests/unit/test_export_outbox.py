"""Live events become batches that a scorer takes, whatever their clocks say; nothing leaves uncounted."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from fake_live_reader import T0_US, events

from spit.export import outbox as outbox_module
from spit.export.encode import cut_to_size, encode_events, make_acceptable
from spit.export.outbox import Outbox
from spit.export.spool import Spool
from spit.records import EVENT_SCHEMA
from spit.service.event_batches import decode_arrow


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    one = Spool(tmp_path / "spool", max_bytes=2**24, first_number=1)
    yield one
    one.close()


def call_ids(spool: Spool) -> list[list[str]]:
    found = []
    while (taken := spool.take(0)) is not None:
        batch, body = taken
        rows = pa.ipc.open_stream(body).read_all()["call_id"].to_pylist()
        assert len(rows) == batch.events
        found.append(rows)
        spool.acknowledge(batch.number)
    return found


def test_a_batch_is_what_came_within_a_second(spool: Spool) -> None:
    now_s = [0.0]
    outbox = Outbox(spool, clock=lambda: now_s[0])
    outbox.take(events("a"))
    now_s[0] = 0.9
    outbox.take(events("b"))
    outbox.idle()
    assert call_ids(spool) == []
    now_s[0] = 1.0
    outbox.idle()
    outbox.idle()
    outbox.take(events("c"))
    outbox.flush()
    outbox.flush()
    assert call_ids(spool) == [["a", "b"], ["c"]]


def test_a_full_batch_does_not_wait(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "MAX_ROWS", 2)
    outbox = Outbox(spool, clock=lambda: 0.0)
    for name in "abc":
        outbox.take(events(name))
    assert call_ids(spool) == [["a", "b"]]


def test_a_spool_that_cannot_be_written_is_said_once_and_counted(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = Outbox(spool, clock=lambda: 0.0)
    put = spool.put

    def full(_body: bytes, _events: int) -> None:
        raise OSError(28, "No space left on device")

    with caplog.at_level(logging.WARNING, "spit.export"):
        monkeypatch.setattr(spool, "put", full)
        for name in "ab":
            outbox.take(events(name, name))
            outbox.flush()
        monkeypatch.setattr(spool, "put", put)
        outbox.take(events("c"))
        outbox.flush()
    assert call_ids(spool) == [["c"]]
    assert outbox.counters()["events_unspooled"] == 4
    assert [record.getMessage() for record in caplog.records] == [
        "the spool cannot be written, events are lost: [Errno 28] No space left on device",
        "the spool is written again; 4 events were lost",
    ]


def test_events_of_wrong_clocks_do_not_take_their_batch_with_them(spool: Spool) -> None:
    outbox = Outbox(spool, clock=lambda: 0.0)
    outbox.take(events("good"))
    outbox.take(events("before 1970", time_us=-1, start_time_us=-1))
    outbox.take(events("nanoseconds", time_us=T0_US * 1000))
    outbox.take(events("began later", start_time_us=T0_US + 1))
    outbox.take(events("ended never", event="end", outcome="busy", end_time_us=2**62))
    outbox.take(events("rang back", event="end", outcome="busy", end_time_us=T0_US, ring_time_s=-0.5))
    outbox.flush()
    taken = spool.take(0)
    assert taken is not None
    accepted = decode_arrow(taken[1])  # the receiver's own rules
    assert accepted["call_id"].to_pylist() == ["good", "began later", "rang back"]
    assert accepted["start_time_us"].to_pylist() == [T0_US] * 3
    assert accepted["ring_time_s"].to_pylist() == [None, None, 0.0]
    assert outbox.counters()["events_unsendable"] == 3


def test_sound_events_are_left_as_they_are() -> None:
    sound = events("a", "b")
    assert make_acceptable(sound) is not None
    assert make_acceptable(sound).equals(sound)
    assert make_acceptable(sound).schema == EVENT_SCHEMA


def test_large_batches_are_cut_in_order() -> None:
    names = [f"{number:04d}" * 200 for number in range(64)]
    parts = cut_to_size(events(*names), max_bytes=20_000)
    assert len(parts) > 1
    assert [name for part in parts for name in part["call_id"].to_pylist()] == names
    for part in parts:
        assert len(encode_events(part)) < 20_000
    assert cut_to_size(events("x" * 30_000), max_bytes=20_000)[0].num_rows == 1
