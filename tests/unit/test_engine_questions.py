"""Single questions while events are counted: answered at once or not at all; counting goes on as before."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from feature_events import attempt, batch, end
from rate_model import rate_model

from spit.config import PolicyConfig
from spit.engine.answers import Assessment
from spit.engine.detection import Counted, Folded
from spit.engine.engine import MOST_PAUSE_S, QUESTION_CHUNK_EVENTS, UNHURRIED_EVENTS, Engine
from spit.engine.scored import Scored, concatenate
from spit.engine.turns import FairLock
from spit.errors import InputError
from spit.policy.policy import Policy
from spit.records import Label
from spit.storage.journal import Journal, Position

#: Longer than any test: what is waited for comes or the test fails.
PATIENCE_S = 60.0


class Sizes:
    """Notes how many events come at a time."""

    def __init__(self) -> None:
        self.found: list[int] = []

    def observe(self, events: pa.RecordBatch, scored: Scored) -> None:
        assert scored.batch.num_rows >= events.num_rows
        self.found.append(events.num_rows)


def engine_of(*observers: Sizes) -> Engine:
    return Engine(rate_model("rate/1", 0.5), Policy(PolicyConfig()), observers=observers)


def traffic(count: int) -> pa.RecordBatch:
    rows: list[dict[str, Any]] = []
    for i in range(count):
        caller, callee = f"+49301234{i % 7:04d}", f"+49891234{i % 31:04d}"
        rows.append(attempt(10.0 * i, caller, callee))
        rows.append(end(10.0 * i + 5.0, "answered" if i % 3 else "busy", caller, callee))
    return batch(*rows)


def test_columns_by_name_are_a_batch_of_one() -> None:
    engine = engine_of()
    engine.observe(traffic(60))
    for number in range(7):
        row = attempt(700.0, f"+49301234{number:04d}", "+498912340099")
        by_name = engine.assess(row)
        assert by_name == engine.assess(batch(row)) == engine.assess_now(row)
        assert by_name.verdict.attempts > 1
    counted = engine.assess(row, observe=True)
    assert counted.verdict.score == pytest.approx(by_name.verdict.score, abs=1e-12)
    assert engine.assess(row).verdict.attempts == counted.verdict.attempts + 1


def test_what_is_asked_is_what_counting_says() -> None:
    engine = engine_of()
    labels = set()
    for row in traffic(120).to_pylist():
        if row["event"] != "attempt":
            engine.observe(batch(row))
            continue
        asked = engine.assess_now(row)
        counted = engine.assess(row, observe=True)
        assert asked is not None
        assert asked.verdict.score == pytest.approx(counted.verdict.score, abs=1e-9)
        assert (asked.verdict.label, asked.verdict.attempts, asked.action) == (
            *(counted.verdict.label, counted.verdict.attempts),
            counted.action,
        )
        labels.add(asked.verdict.label)
    assert labels >= {Label.LEGIT, Label.SUSPECT}


def test_who_would_have_to_wait_long_is_told_so() -> None:
    engine = engine_of()
    row = attempt(0.0)
    with engine._lock:
        assert engine.assess_now(row) is None
    assert engine.assess_now(row) is not None


def test_a_question_waits_for_a_few_events_that_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spit.engine.engine.BRIEF_WAIT_S", PATIENCE_S)
    engine = engine_of()
    row = attempt(10_000.0, "+493012340001")
    asking, fold = threading.Event(), engine._detection.fold
    answers: list[Assessment | None] = []

    def ask() -> None:
        asking.set()
        answers.append(engine.assess_now(row))

    thread = threading.Thread(target=ask)

    def fold_asked_meanwhile(batch: pa.RecordBatch, offset: int, length: int) -> Folded:
        thread.start()
        assert asking.wait(PATIENCE_S)
        while engine._lock._next.acquire(blocking=False):  # until it stands in line
            engine._lock._next.release()
        return fold(batch, offset, length)

    engine._detection.fold = fold_asked_meanwhile  # type: ignore[method-assign]
    engine.observe(traffic(100))
    thread.join()
    assert answers == [engine.assess(row)]


def test_a_question_does_not_wait_for_many_events() -> None:
    engine = engine_of()
    row = attempt(10_000.0, "+493012340001")
    fold, answers = engine._detection.fold, []

    def fold_asked_meanwhile(batch: pa.RecordBatch, offset: int, length: int) -> Folded:
        answers.append(engine.assess_now(row))
        return fold(batch, offset, length)

    engine._detection.fold = fold_asked_meanwhile  # type: ignore[method-assign]
    engine.observe(traffic(400))
    assert answers == [None]


def test_while_campaigns_are_counted_questions_are_answered() -> None:
    engine = engine_of()
    row = attempt(10_000.0, "+493012340001")
    watch, answers = engine._detection.watch, []

    def watch_asked_meanwhile(counted: Counted) -> None:
        answers.append(engine.assess_now(row))
        watch(counted)

    engine._detection.watch = watch_asked_meanwhile  # type: ignore[method-assign]
    engine.observe(traffic(100))
    assert answers == [engine.assess(row)]


def save_meanwhile(engine: Engine, folder: Path) -> threading.Thread:
    """Saves while the next events are between the questions' lock and the campaigns; to be joined."""
    watch = engine._detection.watch
    saving = threading.Thread(target=engine.save, args=(folder,))

    def watch_saved_meanwhile(counted: Counted) -> None:
        saving.start()
        while engine._counting._next.acquire(blocking=False):  # until it stands in line
            engine._counting._next.release()
        watch(counted)

    engine._detection.watch = watch_saved_meanwhile  # type: ignore[method-assign]
    return saving


def test_a_state_that_is_saved_meanwhile_has_the_campaigns_too(tmp_path: Path) -> None:
    engine, restored = engine_of(), engine_of()
    saving = save_meanwhile(engine, tmp_path)
    engine.observe(traffic(100))
    saving.join()
    restored.load(tmp_path)
    members, background = engine.watched_callers()
    assert members
    assert restored.watched_callers() == (members, background)
    assert restored.counters() == engine.counters()


def test_an_attempt_that_is_counted_meanwhile_is_counted_once(tmp_path: Path) -> None:
    engine, restored = engine_of(), engine_of()
    journal = Journal(tmp_path / "journal")
    assert list(journal.entries(Position())) == []
    journal.start()
    engine.journal = journal
    saving = save_meanwhile(engine, tmp_path / "state")
    engine.assess(attempt(0.0), observe=True)
    saving.join()
    journal.close()
    position = restored.load(tmp_path / "state").position
    assert restored.replay(Journal(tmp_path / "journal"), position) == 0
    assert restored.counters()["attempts"] == 1


def test_who_goes_on_lets_those_in_line_have_it_first() -> None:
    lock, order = FairLock(), []

    def wait() -> None:
        assert lock.acquire_within(PATIENCE_S)
        order.append("waited")
        lock.release()

    waiting = threading.Thread(target=wait)
    lock.acquire()
    waiting.start()
    while lock._next.acquire(blocking=False):  # until the other stands in line
        lock._next.release()
    lock.release()
    lock.give_way()
    with lock:
        order.append("again")
    waiting.join()
    assert order == ["waited", "again"]


def test_who_waits_in_vain_is_told_so_and_leaves_the_line() -> None:
    lock = FairLock()
    with lock:
        assert not lock.acquire_within(0.0)
        with lock._next:
            assert not lock.acquire_within(0.0)
    assert lock.acquire_within(0.0)


@pytest.mark.parametrize("kind", ["end", "answer", None])
def test_only_attempts_are_answered(kind: str | None) -> None:
    with pytest.raises(InputError, match="expected one attempt"):
        engine_of().assess_now({**attempt(0.0), "event": kind})


def test_events_are_counted_in_small_parts_while_questions_are_asked() -> None:
    sizes = Sizes()
    asked, alone = engine_of(sizes), engine_of()
    events = traffic(400)
    expected = alone.observe(events)
    asked.observe(events.slice(0, 100))
    asked.assess(attempt(0.0))
    parts = [asked.observe(events.slice(start, count)) for start, count in [(100, 300), (400, 400)]]
    # Holds are shorter than the time between two questions: what counts is the time since the last batch.
    small = sizes.found[1:-1]
    assert sum(small) == 300
    assert max(small) <= QUESTION_CHUNK_EVENTS
    assert sizes.found[-1] == 400  # nobody has asked any more
    np.testing.assert_array_equal(concatenate(parts).score, expected.score[50:])
    counters = asked.counters()
    assert counters == alone.counters()


def test_who_counts_waits_between_holds_while_questions_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("spit.engine.engine.time.sleep", pauses.append)
    engine = engine_of()
    events = traffic(UNHURRIED_EVENTS + 400)
    engine.observe(events.slice(0, 100))
    assert not pauses
    engine.assess(attempt(0.0))
    engine.observe(events.slice(100, 3 * QUESTION_CHUNK_EVENTS))
    assert len(pauses) == 2  # and not after the last
    assert all(0.0 < pause <= MOST_PAUSE_S for pause in pauses)
    engine.assess(attempt(0.0))
    engine.observe(events.slice(300, UNHURRIED_EVENTS + 1))
    assert len(pauses) == 2


def test_what_is_left_is_cut_into_holds_of_like_size() -> None:
    sizes = Sizes()
    engine = engine_of(sizes)
    engine.assess(attempt(0.0))
    engine.observe(traffic(400).slice(0, QUESTION_CHUNK_EVENTS + 2))
    assert sizes.found[0] == QUESTION_CHUNK_EVENTS // 2 + 1  # and not all but two


def test_who_waits_is_next() -> None:
    lock, order = FairLock(), []

    def wait() -> None:
        with lock:
            order.append("waited")

    waiting = threading.Thread(target=wait)
    lock.acquire()
    waiting.start()
    while lock._next.acquire(blocking=False):  # until the other stands in line
        lock._next.release()
    assert not lock.try_acquire()
    lock.release()
    with lock:
        order.append("again")
    waiting.join()
    assert order == ["waited", "again"]
