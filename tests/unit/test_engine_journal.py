"""An engine with a journal: accepted once, counted once, also when it ends in between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from fake_live_reader import T0_US, events

from spit.cli.detector import build_engine
from spit.config import Config
from spit.engine.engine import Engine
from spit.engine.receipts import StaleBatchError
from spit.engine.scored import Scored
from spit.storage.journal import Journal, JournalError, Position

CALLER = "+12025550199"
Start = Callable[[], Engine]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts an engine on the folder; the one before is gone without a word, as after ``kill -9``."""
    journals: list[Journal] = []

    def begin() -> Engine:
        for one in journals:
            one.close()
        engine = build_engine(Config())
        position = Position()
        if (tmp_path / "state" / "CURRENT").exists():
            position = engine.load(tmp_path / "state").position
        journal = Journal(tmp_path / "journal")
        journals.append(journal)
        engine.replay(journal, position)
        journal.start()
        engine.journal = journal
        return engine

    yield begin
    for one in journals:
        one.close()


def attempts(engine: Engine) -> int:
    return engine.counters()["attempts"]


def test_what_was_accepted_is_counted_after_a_restart(start: Start, tmp_path: Path) -> None:
    engine = start()
    engine.receive(events("a", caller=CALLER), "edge", 1)
    engine.receive(events("b", caller=CALLER))
    engine.save(tmp_path / "state")
    engine.receive(events("c", caller=CALLER), "edge", 2)
    engine.receive(events("d", "e", caller=CALLER))
    again = start()
    assert attempts(again) == 5
    assert not again.receive(events("a", caller=CALLER), "edge", 1)
    assert not again.receive(events("c", caller=CALLER), "edge", 2)
    assert attempts(again) == 5
    summary = again.caller(CALLER)
    assert summary is not None
    assert summary.attempts == 5
    assert attempts(start()) == 5


def test_an_attempt_counted_by_a_question_is_there_too(start: Start) -> None:
    engine = start()
    engine.assess(events("a", caller=CALLER), observe=True)
    engine.assess(events("b", caller=CALLER))
    assert attempts(start()) == 1


def test_a_repeated_batch_is_not_kept_twice(start: Start) -> None:
    engine = start()
    assert engine.receive(events("a"), "edge", 1)
    assert not engine.receive(events("a"), "edge", 1)
    assert engine.journal is not None
    assert engine.journal.counters()["entries"] == 1


def test_a_batch_kept_twice_is_counted_once(start: Start, tmp_path: Path) -> None:
    """Two requests with one batch at the same time: both are kept before either is counted."""
    start()
    journal = Journal(tmp_path / "journal")
    list(journal.entries(Position()))
    journal.start()
    for _ in range(2):
        journal.keep(events("a", caller=CALLER), "edge", 1)
    journal.close()
    assert attempts(start()) == 1


def test_what_cannot_be_kept_is_not_counted_and_questions_are_answered(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = start()

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "_write", fails)
    with pytest.raises(JournalError):
        engine.receive(events("a", caller=CALLER), "edge", 1)
    assert attempts(engine) == 0
    assert engine.assess(events("b", caller=CALLER), observe=True).verdict.attempts == 1
    assert attempts(engine) == 1
    monkeypatch.undo()
    assert engine.receive(events("a", caller=CALLER), "edge", 1)
    # The question's attempt could not be kept, and nobody was promised that it would be.
    assert attempts(start()) == 1


def test_a_stale_batch_is_refused_before_it_is_kept(start: Start) -> None:
    engine = start()
    engine.receive(events("a"), "edge", 5_000)
    with pytest.raises(StaleBatchError):
        engine.receive(events("b"), "edge", 1)
    assert attempts(start()) == 1


def test_an_entry_that_cannot_be_counted_keeps_nobody_from_starting(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = start()
    engine.receive(events("a", caller=CALLER))
    engine.receive(events("bad", caller=CALLER))
    engine.receive(events("c", caller=CALLER))
    observe = Engine.observe

    def fails(self: Engine, batch: pa.RecordBatch) -> Scored:
        if batch["call_id"][0].as_py() == "bad":
            raise ValueError("bad")
        return observe(self, batch)

    monkeypatch.setattr(Engine, "observe", fails)
    assert attempts(start()) == 2


class Copying:
    """Stops an engine in the middle of copying its state."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        states = engine._detection.evidence.states

        def slow() -> dict[str, pa.RecordBatch]:
            self.begun.set()
            assert self.go_on.wait(30)
            return states()

        monkeypatch.setattr(engine._detection.evidence, "states", slow)


def test_questions_do_not_wait_while_state_is_copied_and_events_do(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = start()
    engine.receive(events("a", caller=CALLER))
    copying = Copying(engine, monkeypatch)
    saving = threading.Thread(target=engine.save, args=(tmp_path / "state",))
    saving.start()
    assert copying.begun.wait(30)
    # Each of these would wait for ever if it needed what the copy holds.
    assert engine.assess(events("q", caller=CALLER)).verdict.attempts == 2
    assert engine.assess(events("b", caller=CALLER), observe=True).verdict.attempts == 2
    assert engine.caller(CALLER) is not None
    assert attempts(engine) == 1
    others = [
        threading.Thread(target=engine.receive, args=(events("c", caller=CALLER), "edge", 1)),
        threading.Thread(target=engine.observe, args=(events("d", caller=CALLER),)),
        threading.Thread(target=engine.report_wrong_block, args=(T0_US, CALLER)),
    ]
    for other in others:
        other.start()
    copying.go_on.set()
    for thread in (saving, *others):
        thread.join(30)
        assert not thread.is_alive()
    assert attempts(engine) == 4
    saved = build_engine(Config())
    position = saved.load(tmp_path / "state").position
    assert attempts(saved) == 1
    # What was counted while or after it was copied is in the journal, but for what was captured ("d").
    assert saved.replay(Journal(tmp_path / "journal"), position) == 2
    assert not saved.receive(events("c", caller=CALLER), "edge", 1)
