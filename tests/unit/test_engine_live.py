"""The intake takes every event of a source to its sink, and says when capture stops and when drops happen."""

from __future__ import annotations

import logging
import threading

import pyarrow as pa
import pytest
from fake_live_reader import FakeLiveReader, events

from spit.engine.drops import QUIET_S, DropWatch
from spit.engine.live import LiveIntake


class ListSink:
    def __init__(self) -> None:
        self.call_ids: list[str] = []
        self.flushed = False
        self.idled = threading.Event()
        self.failure: Exception | None = None

    def take(self, batch: pa.RecordBatch) -> None:
        if self.failure is not None:
            raise self.failure
        self.call_ids += batch["call_id"].to_pylist()

    def idle(self) -> None:
        self.idled.set()

    def flush(self) -> None:
        self.flushed = True


def intake_of(source: FakeLiveReader, sink: ListSink) -> tuple[LiveIntake, threading.Event]:
    ended = threading.Event()
    return LiveIntake(source, sink, clock=lambda: 0.0, on_end=ended.set), ended


def test_everything_queued_is_taken_before_it_ends() -> None:
    source, sink = FakeLiveReader(interfaces=["eth1"]), ListSink()
    intake, ended = intake_of(source, sink)
    assert intake.failure() == "capture has not started"
    intake.start()
    assert intake.failure() is None
    assert sink.idled.wait(30)
    source.feed(*(events(f"c{number}") for number in range(50)))
    intake.stop()
    assert intake.join(30)
    assert sink.call_ids == [f"c{number}" for number in range(50)]
    assert sink.flushed
    assert ended.is_set()
    assert intake.counters()["events"] == 50
    assert intake.failure() == "capture was stopped"


def test_a_source_that_fails_is_said(caplog: pytest.LogCaptureFixture) -> None:
    source, sink = FakeLiveReader(), ListSink()
    intake, ended = intake_of(source, sink)
    source.feed(events("a"), OSError(100, "Network is down"))
    with caplog.at_level(logging.ERROR, "spit.live"):
        intake.start()
        assert ended.wait(30)
        assert intake.join(30)
    assert sink.call_ids == ["a"]
    assert intake.failure() == "capture has stopped: [Errno 100] Network is down"
    assert caplog.messages == [intake.failure()]
    up = {sample.name: sample.value for sample in intake.samples()}["spit_capture_up"]
    assert up == 0


def test_a_sink_that_fails_ends_it_with_a_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    source, sink = FakeLiveReader(), ListSink()
    sink.failure = RuntimeError("broken")
    intake, ended = intake_of(source, sink)
    source.feed(events("a"))
    with caplog.at_level(logging.ERROR, "spit.live"):
        intake.start()
        assert ended.wait(30)
        assert intake.join(30)
    assert intake.failure() == "capture has stopped: broken"
    assert caplog.records[0].exc_info is not None


def test_a_source_that_ends_by_itself_is_no_orderly_end() -> None:
    source, sink = FakeLiveReader(), ListSink()
    intake, ended = intake_of(source, sink)
    source.stop()  # not by the intake: the interface went away
    intake.start()
    assert ended.wait(30)
    assert intake.join(30)
    assert intake.failure() == "capture has ended by itself"


def test_every_counter_is_a_metric_with_words() -> None:
    source = FakeLiveReader()
    source.counts.update(kernel_dropped=3, of_another_version=1)
    intake, _ = intake_of(source, ListSink())
    samples = {sample.name: sample for sample in intake.samples()}
    assert samples["spit_capture_kernel_dropped_total"].value == 3
    assert "ring" in samples["spit_capture_kernel_dropped_total"].help
    assert "docs/counters.md" in samples["spit_capture_of_another_version_total"].help
    assert all(sample.kind == "counter" for sample in samples.values() if sample.name.endswith("_total"))


def test_drops_of_others_are_said_too(caplog: pytest.LogCaptureFixture) -> None:
    source, said = FakeLiveReader(), threading.Event()
    ticks = iter(range(10**6))

    def spool() -> dict[str, int]:
        if caplog.messages:
            said.set()
        return {"spool_events_dropped": 40}

    intake = LiveIntake(
        source, ListSink(), clock=lambda: float(next(ticks)), on_end=lambda: None, also_watched=spool
    )
    with caplog.at_level(logging.WARNING, "spit.live"):
        intake.start()
        assert said.wait(30)
        intake.stop()
        assert intake.join(30)
    assert caplog.messages[0] == "spool_events_dropped: drops began, 40 so far"


def test_drops_are_said_when_they_begin_and_when_they_end(caplog: pytest.LogCaptureFixture) -> None:
    watch = DropWatch()
    with caplog.at_level(logging.WARNING, "spit.live"):
        watch.look({"kernel_dropped": 0, "packets": 10}, 0)
        watch.look({"kernel_dropped": 5, "packets": 20}, 1)
        watch.look({"kernel_dropped": 9, "packets": 30}, 2)
        watch.look({"kernel_dropped": 9, "packets": 40}, 2 + QUIET_S - 1)
        watch.look({"kernel_dropped": 9, "packets": 50}, 2 + QUIET_S)
        watch.look({"kernel_dropped": 9, "packets": 60}, 100)
        watch.look({"kernel_dropped": 10, "queue_dropped": 1}, 200)
    assert caplog.messages == [
        "kernel_dropped: drops began, 5 so far",
        "kernel_dropped: drops ended, 9 in 1 s",
        "kernel_dropped: drops began, 1 so far",
        "queue_dropped: drops began, 1 so far",
    ]
