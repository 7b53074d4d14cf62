"""What is saved beside the features: receipts, open calls, when; and the line that tells what is missing."""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from fake_live_reader import T0_US, events

from spit.cli.detector import build_engine
from spit.config import Config
from spit.engine import checkpoint
from spit.engine.engine import Engine
from spit.engine.periodic import PeriodicSave, restored_line
from spit.errors import InputError


@pytest.fixture
def engine() -> Engine:
    return build_engine(Config())


def test_a_batch_that_came_before_the_save_is_known_after_it(engine: Engine, tmp_path: Path) -> None:
    assert engine.receive(events("a", caller="+12025550199"), "edge", 7)
    assert not engine.receive(events("a", caller="+12025550199"), "edge", 7)
    engine.save(tmp_path, saved_at_us=T0_US, tracker=b"open calls")
    again = build_engine(Config())
    restored = again.load(tmp_path)
    assert (restored.saved_at_us, restored.tracker) == (T0_US, b"open calls")
    assert not again.receive(events("a", caller="+12025550199"), "edge", 7)
    assert again.counters()["attempts"] == 1
    assert again.counters()["batches_duplicate"] == 1


def test_a_state_of_before_receipts_is_loaded(engine: Engine, tmp_path: Path) -> None:
    engine.receive(events("a"), "edge", 7)
    engine.save(tmp_path)
    facts_file = checkpoint.current_snapshot(tmp_path) / "engine.json"
    facts = json.loads(facts_file.read_text())
    del facts["receipts"], facts["saved_at_us"]
    facts_file.write_text(json.dumps(facts))
    again = build_engine(Config())
    restored = again.load(tmp_path)
    assert (restored.saved_at_us, restored.tracker) == (None, None)
    assert again.counters()["attempts"] == 1
    assert again.receive(events("b"), "edge", 7)


def test_a_batch_is_in_a_saved_state_whole_or_not_at_all(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_done, go_on = threading.Event(), threading.Event()
    observe = engine.observe

    def slow(batch: pa.RecordBatch) -> object:
        observe(batch.slice(0, 1))
        half_done.set()
        assert go_on.wait(30)
        return observe(batch.slice(1))

    monkeypatch.setattr(engine, "observe", slow)
    receiving = threading.Thread(target=engine.receive, args=(events("a", "b"), "edge", 1))
    receiving.start()
    assert half_done.wait(30)
    saving = threading.Thread(target=engine.save, args=(tmp_path,))
    saving.start()
    go_on.set()
    receiving.join(30)
    saving.join(30)
    again = build_engine(Config())
    again.load(tmp_path)
    assert again.counters()["attempts"] == 2
    assert not again.receive(events("a", "b"), "edge", 1)


def test_questions_are_answered_while_the_state_is_written(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.observe(events("a", caller="+12025550199"))
    answered: list[object] = []
    write = checkpoint.write_facts

    def asked_meanwhile(snapshot: Path, facts: dict[str, object]) -> None:
        asking = threading.Thread(target=lambda: answered.append(engine.caller("+12025550199")))
        asking.start()
        asking.join(30)
        write(snapshot, facts)

    monkeypatch.setattr(checkpoint, "write_facts", asked_meanwhile)
    engine.save(tmp_path)
    assert len(answered) == 1


def test_what_comes_while_it_is_written_is_not_in_it(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.observe(events("a", caller="+12025550199"))
    write = checkpoint.write_batch

    def observed_meanwhile(path: Path, batch: pa.RecordBatch) -> None:
        engine.observe(events("b", caller="+12025550198"))
        write(path, batch)

    monkeypatch.setattr(checkpoint, "write_batch", observed_meanwhile)
    engine.save(tmp_path)
    again = build_engine(Config())
    again.load(tmp_path)
    assert [caller.caller for caller in again.callers()] == ["+12025550199"]
    assert again.counters()["attempts"] == 1


def test_calls_of_an_agent_are_saved_and_read(tmp_path: Path) -> None:
    assert not checkpoint.has_state(tmp_path)
    checkpoint.save_tracker(tmp_path, b"calls", saved_at_us=T0_US)
    checkpoint.save_tracker(tmp_path, b"more calls", saved_at_us=T0_US + 1)
    assert checkpoint.has_state(tmp_path)
    assert checkpoint.load_tracker(tmp_path) == (T0_US + 1, b"more calls")
    (checkpoint.current_snapshot(tmp_path) / "agent.json").write_text("[]")
    with pytest.raises(InputError, match="expected the facts of a saved state"):
        checkpoint.load_tracker(tmp_path)


def test_a_state_put_aside_is_kept_once(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        checkpoint.save_tracker(tmp_path, content, saved_at_us=T0_US)
        place = checkpoint.set_aside(tmp_path)
        assert not checkpoint.has_state(tmp_path)
    assert checkpoint.load_tracker(place)[1] == b"second"
    checkpoint.save_tracker(tmp_path, b"third", saved_at_us=T0_US)
    assert checkpoint.load_tracker(tmp_path)[1] == b"third"
    assert checkpoint.load_tracker(place)[1] == b"second"


def test_it_saves_at_the_start_and_at_the_end_and_marks_itself_alive_between(tmp_path: Path) -> None:
    saves: list[int] = []
    saving = PeriodicSave(tmp_path, lambda: saves.append(1), interval_s=3600, clock=lambda: 0.0)
    assert checkpoint.last_alive_us(tmp_path) is None
    saving.start()
    assert len(saves) == 1
    assert checkpoint.last_alive_us(tmp_path) is not None
    assert saving.finish(30)
    assert len(saves) == 2
    assert checkpoint.last_alive_us(tmp_path) is None
    assert saving.counters() == {"state_saves": 2, "state_save_failures": 0}


def test_it_saves_whenever_the_interval_is_over(tmp_path: Path) -> None:
    ticks = iter(range(10**6))
    saves, third = [], threading.Event()

    def save() -> None:
        saves.append(1)
        if len(saves) == 3:
            third.set()

    saving = PeriodicSave(tmp_path, save, interval_s=1, clock=lambda: float(next(ticks)), beat_s=0.001)
    saving.start()
    assert third.wait(30)
    assert saving.finish(30)


def test_saves_that_fail_are_said_once_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    failing = True

    def save() -> None:
        if failing:
            raise OSError(28, "No space left on device")

    saving = PeriodicSave(tmp_path, save, interval_s=1, clock=lambda: 0.0)
    with caplog.at_level(logging.WARNING, "spit.state"):
        assert [saving.save_once(), saving.save_once()] == [False, False]
        failing = False
        assert saving.save_once()
    assert [message.partition(":")[0] for message in caplog.messages] == [
        "the state cannot be saved",
        "the state is saved again",
    ]
    assert saving.counters() == {"state_saves": 1, "state_save_failures": 2}


@pytest.mark.parametrize(
    ("saved_at_us", "last_alive_us", "words"),
    [
        (None, None, "state restored: 3 callers; it does not say when it was saved"),
        (
            T0_US,
            T0_US + 41_500_000,
            "state restored: 3 callers, saved 2023-11-14T22:13:20Z (100 s ago); up to 43 s of captured "
            "traffic before the stop were not saved; stopped for 58 s",
        ),
        (
            T0_US,
            None,
            "state restored: 3 callers, saved 2023-11-14T22:13:20Z (100 s ago) when it stopped: nothing "
            "before that is missing",
        ),
    ],
)
def test_the_line_says_age_and_what_is_missing(
    saved_at_us: int | None, last_alive_us: int | None, words: str
) -> None:
    line = restored_line(
        "3 callers", saved_at_us=saved_at_us, last_alive_us=last_alive_us, now_us=T0_US + 100_000_000
    )
    assert line == words


def test_the_last_sign_of_life_is_the_files_time(tmp_path: Path) -> None:
    checkpoint.mark_alive(tmp_path)
    os.utime(tmp_path / "alive", ns=(0, T0_US * 1_000))
    assert checkpoint.last_alive_us(tmp_path) == T0_US
