"""The engine: detection and policy joined, for live traffic, replay and single questions; thread-safe."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from spit._core import OneAttempt
from spit.engine import checkpoint
from spit.engine.answers import Assessment as Assessment
from spit.engine.answers import answer, basis_of_reading, basis_of_scored
from spit.engine.callers import F32, F64, CallerColumns
from spit.engine.campaign_rows import Campaign, campaign_rows, group
from spit.engine.campaigns import Background, Member
from spit.engine.deliveries import Deliveries
from spit.engine.detection import Batch, Counted, Detection, Folded
from spit.engine.moments import FrozenEngine
from spit.engine.moments import Observer as Observer
from spit.engine.moments import Restored as Restored
from spit.engine.moments import SavedObserver as SavedObserver
from spit.engine.own_answers import OwnAnswers
from spit.engine.questions import AttemptRow, attempt_batch, attempt_row, text
from spit.engine.scored import AttemptContext, Scored, concatenate
from spit.engine.summaries import CallerSummary, caller_rows, summaries
from spit.engine.turns import FairLock
from spit.features.table import FeatureTable
from spit.model.reasons import explain
from spit.model.scorer import Detector
from spit.policy.policy import Policy
from spit.records import Reason
from spit.storage.journal import Journal, Position

#: Events folded per hold of the lock.
MAX_CHUNK_EVENTS = 8192
#: The same while questions are asked: some 0.4 ms, the longest that one waits, of which 0.15 ms are the same
#: for any number (docs/decisions/0022).
QUESTION_CHUNK_EVENTS = 64
#: A hold of so many lasts a millisecond or two.
BRIEF_EVENTS = 320
#: How long a question waits on its own thread for a hold of that size, twice at most. To hand it to another
#: takes longer than most of them last, and makes them last longer.
BRIEF_WAIT_S = 0.01
#: While questions are asked, who counts sleeps between two holds, as long as the last one took and at most so
#: long: the thread that answers, which has used as much of the processor by then, had to wait for several.
MOST_PAUSE_S = 0.002
#: Of more events than these in a batch none is waited between: they come faster than that.
UNHURRIED_EVENTS = 1_024
#: Attempts of questions that are counted once a state has been copied; more of them wait for it.
MAX_DEFERRED = 10_000

_log = logging.getLogger("spit.engine")


class Engine:
    """Scores attempts as events come in. Thread-safe; a chunk of events is visible whole or not at all.

    ``features``: a table with state to go on from; a fresh one when None. ``max_callers`` bounds evidence and
    summaries. ``policy`` may be replaced at any time by assignment; it takes its thresholds from the model's
    calibration. Raises ModelError when ``model`` was made for other features, or can't vouch for the policy's
    budget of wrong blocks. ``observers`` see every chunk once it is counted, and so do those ``saved`` with
    it.
    """

    def __init__(
        self,
        model: Detector,
        policy: Policy,
        *,
        features: FeatureTable | None = None,
        max_callers: int = 1_000_000,
        observers: Sequence[Observer] = (),
        saved: Sequence[SavedObserver] = (),
    ) -> None:
        #: Calls that answers of this engine refused: ``receive`` takes no end of them for the callee's word.
        self.own_answers = OwnAnswers()
        self._model = model
        self._detection = Detection(model, features=features, max_callers=max_callers, explain=self._explain)
        self.policy = policy
        self._chunk = min(MAX_CHUNK_EVENTS, max_callers)
        self._asked = 0
        # Held for a chunk of events, one after another; ``_lock``, within it, for what questions read.
        self._counting = FairLock()
        self._lock = FairLock()
        # Whether whoever holds the lock gives it back within a few milliseconds.
        self._is_brief = False
        # While a state is copied nothing is counted; questions are answered.
        self._may_count = self._lock.condition()
        self._copying = False
        self._deferred: list[tuple[pa.RecordBatch, int | None]] = []
        self._observers = (*observers, *saved)
        self._saved = tuple(saved)
        self._deliveries = Deliveries(lambda events: self.observe(events))

    @property
    def policy(self) -> Policy:
        """What is done with a verdict."""
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        budget = self._model.error_budget
        self._policy = policy.calibrated(None if budget is None else budget.threshold)

    @property
    def journal(self) -> Journal | None:
        """Where events that were sent to us are kept before they are counted; set it once what is in it has
        been replayed.
        """
        return self._deliveries.journal

    @journal.setter
    def journal(self, journal: Journal | None) -> None:
        self._deliveries.journal = journal

    @property
    def model_name(self) -> str:
        """``name/version`` of the model."""
        return self._model.name

    def now_us(self) -> int | None:
        """The latest event time seen, epoch µs; None before the first event."""
        return self._detection.now_us

    def observe(self, events: pa.RecordBatch) -> Scored:
        """Fold all events (records.EVENT_SCHEMA) in order and score the attempts among them."""
        parts: list[Scored] = []
        batch = self._detection.take(events)
        done = 0
        # As of the batch before: holds are shorter than the time between two questions.
        asked, self._asked = self._asked, self._detection.asked
        while done < events.num_rows or not parts:
            is_asked = self._detection.asked != asked
            length = self._chunk_events(events.num_rows - done, is_asked=is_asked)
            began_s = time.perf_counter()
            parts.append(self._observe_chunk(batch, done, length)[0])
            done += length
            if is_asked and done < events.num_rows <= UNHURRIED_EVENTS:
                time.sleep(min(time.perf_counter() - began_s, MOST_PAUSE_S))
        return concatenate(parts)

    def _chunk_events(self, left: int, *, is_asked: bool) -> int:
        """How many of the events that are left the next hold of the lock folds, the holds being of like size.

        Nothing that is counted depends on it. ``is_asked``: questions have come of late.
        """
        most = min(self._chunk, QUESTION_CHUNK_EVENTS) if is_asked else self._chunk
        return math.ceil(left / max(math.ceil(left / most), 1))

    def _observe_chunk(
        self, batch: Batch, offset: int, length: int, sequence: int | None = None
    ) -> tuple[Scored, AttemptContext]:
        policy = self.policy
        with self._counting:
            with self._lock:
                while self._copying:
                    self._may_count.wait()
                self._is_brief = length <= BRIEF_EVENTS
                try:
                    counted = self._detection.count(self._detection.fold(batch, offset, length), policy)
                finally:
                    self._is_brief = False
            self._lock.give_way()
            self._detection.watch(counted)
            self._deliveries.done(sequence)
        self._show(counted)
        return counted.scored, counted.context

    def _show(self, counted: Counted) -> None:
        observers = self._saved if self._deliveries.replaying else self._observers
        if observers:
            events = counted.events
            for observer in observers:
                observer.observe(events, counted.scored)

    def fold_ahead(self, batch: pa.RecordBatch) -> list[Folded]:
        """Fold a batch whose attempts ``count_folded`` will score: the first half of ``observe``, in chunks.

        For captures (``spit.engine.replaying``), which are read to the end before anything is asked or saved:
        in between the features know more than the evidence. Batches are folded one after another.
        """
        taken, rows = self._detection.take(batch), batch.num_rows
        starts = range(0, max(rows, 1), self._chunk)
        return [self._detection.fold(taken, start, min(self._chunk, rows - start)) for start in starts]

    def count_folded(self, folded: Folded) -> Scored:
        """Score what was folded ahead, in the same order: the second half of ``observe``."""
        with self._counting:
            with self._lock:
                counted = self._detection.count(folded, self.policy)
            self._detection.watch(counted)
        self._show(counted)
        return counted.scored

    def receive(self, events: pa.RecordBatch, agent: str | None = None, number: int = 0) -> bool:
        """Fold events that were sent to us, once they are in the journal where there is one.

        Batch ``number`` of ``agent`` is folded once: False, and nothing is done, when it was applied before.
        Raises StaleBatchError when that cannot be known any more, JournalError when they cannot be kept; then
        nothing is done either.
        """
        # Before it is kept: what is replayed is what was counted.
        return self._deliveries.receive(self.own_answers.mask(events), agent, number)

    def replay(self, journal: Journal, position: Position) -> int:
        """Fold what was accepted after a state of ``position`` was saved; how many events. Before the first
        question.

        Those who look on are not told again what they were told before, but for those saved with the engine.
        """
        before = self._detection.events
        self._deliveries.replay(journal, position)
        return self._detection.events - before

    def assess(
        self, attempt: pa.RecordBatch | AttemptRow, *, observe: bool = False, tenant: str = ""
    ) -> Assessment:
        """The verdict on one attempt (one row, or columns by name, of records.EVENT_SCHEMA), and the action.

        ``tenant``: whose lists are asked beside those of all. Counts nothing unless
        ``observe``. Raises InputError when it is not one attempt.
        """
        assessment = self._assess(attempt, observe=observe, wait=True, tenant=tenant)
        assert assessment is not None  # noqa: S101  it has waited
        return assessment

    def assess_now(self, attempt: AttemptRow, *, tenant: str = "") -> Assessment | None:
        """``assess`` without observing, for a thread that has others to answer.

        None where it would have to wait for more than a few events to be counted.
        """
        return self._assess(attempt, observe=False, wait=False, tenant=tenant)

    def _assess(
        self, attempt: pa.RecordBatch | AttemptRow, *, observe: bool, wait: bool, tenant: str
    ) -> Assessment | None:
        row = attempt_row(attempt)
        policy = self.policy
        caller = text(row, "caller")
        batch = attempt_batch(attempt) if observe else None
        sequence = None if batch is None else self._deliveries.note(batch)
        if batch is not None and not self._defer(batch, sequence):
            counted = self._observe_chunk(self._detection.take(batch), 0, 1, sequence)
            with self._lock:
                telling = self._detection.telling(caller)
            basis = basis_of_scored(*counted, telling)
        else:
            one = OneAttempt(row)
            if wait:
                self._lock.acquire()
            elif not self._lock.try_acquire() and not self._await_brief_hold():
                return None
            try:
                known = self._detection.read(one, caller, policy.max_wrong_per_10000)
            finally:
                self._lock.release()
            basis = basis_of_reading(known, policy)
        assessment = answer(row, basis, policy, explain=self._explain, model=self._model.name, tenant=tenant)
        self.own_answers.note(text(row, "call_id"), assessment.action)
        return assessment

    def _await_brief_hold(self) -> bool:
        """Take the lock from who counts a few events; whether it was had in time."""
        return self._is_brief and self._lock.acquire_within(BRIEF_WAIT_S)

    def report_wrong_block(self, time_us: int, caller: str) -> bool:
        """Count an appeal that was right; False where the caller was never blocked, or was reported before.

        The policy's budget is charged: it holds back once more is spent than the operator allows.
        """
        with self._lock:
            while self._copying:
                self._may_count.wait()
            return self._detection.report_wrong_block(time_us, caller)

    def caller(self, caller: str) -> CallerSummary | None:
        """What is known of one caller; None when it was never seen or has been evicted."""
        with self._lock:
            held = self._detection.callers([caller])
        return next(iter(summaries(self._rows(held))), None)

    def callers(self) -> list[CallerSummary]:
        """Every caller known, the highest score first."""
        return summaries(self.caller_rows())

    def caller_rows(self) -> pa.RecordBatch:
        """``callers`` in columns (summaries.CALLER_SCHEMA)."""
        with self._lock:
            held = self._detection.callers()
        return self._rows(held)

    def campaigns(self) -> list[Campaign]:
        """The campaigns among the callers that are spam or suspect, with all their callers."""
        return group(*self.watched_callers())

    def watched_callers(self) -> tuple[list[Member], Background]:
        """A copy of what campaigns are grouped from: the suspicious callers, and what is usual."""
        with self._counting:
            return self._detection.campaign_members()

    def campaign_rows(self) -> pa.RecordBatch:
        """``campaigns`` in columns (campaign_rows.CAMPAIGN_SCHEMA), the worst first."""
        return campaign_rows(self.campaigns(), reasons_of=self._reasons_of, model=self._model.name)

    def counters(self) -> dict[str, int]:
        """Events, attempts, callers, evictions, by name."""
        with self._lock:
            return {
                **self._detection.counters(),
                **self._deliveries.counters(),
                "budget_level": self._level(),
                **self.own_answers.counters(),
            }

    def budget_level(self, time_us: int) -> int:
        """How far the budget of wrong blocks is overspent at ``time_us`` (epoch µs), as a question then would
        find it (``Policy.decide``)."""
        with self._lock:
            return self._detection.level(self.policy.max_wrong_per_10000, time_us)

    def save(
        self, directory: Path, *, saved_at_us: int | None = None, tracker: bytes | None = None
    ) -> Position:
        """Write everything; a reader of ``directory`` sees the old state or the new one. The answer: which
        entries of the journal it holds.

        ``saved_at_us``: by the caller's wall clock, epoch µs. ``tracker``: the open calls of a live capture,
        to keep beside. While state is copied nothing is counted, but questions are answered: those that count
        their attempt do so afterwards. It is written when all goes on. Raises OSError.
        """
        with self._deliveries.receiving:
            with self._counting, self._lock:
                self._copying = True
            try:
                frozen = self._freeze()
            finally:
                self._go_on()
        with checkpoint.new_snapshot(directory) as snapshot:
            self._detection.write(frozen.detection, snapshot)
            for one in frozen.beside:
                one.write(snapshot)
            if tracker is not None:
                (snapshot / checkpoint.TRACKER).write_bytes(tracker)
            facts = {**frozen.detection.facts, **frozen.facts, "saved_at_us": saved_at_us}
            checkpoint.write_facts(snapshot, facts)
        for one in frozen.beside:
            one.saved()
        return frozen.position

    def load(self, directory: Path) -> Restored:
        """Go on from a saved state, by whichever model it was made. Raises InputError when it is damaged or
        was made with other features; the engine is then to be thrown away."""
        snapshot = checkpoint.current_snapshot(directory)
        facts = checkpoint.read_facts(snapshot, schema_hash=self._detection.schema_hash)
        with self._deliveries.receiving, self._counting, self._lock:
            self._detection.restore(snapshot, facts)
            self._deliveries.restore(facts.get("receipts"))
            for one in self._saved:
                one.restore(snapshot)
        position = Position.from_json(facts.get("journal"))
        return Restored(facts.get("saved_at_us"), checkpoint.read_tracker(snapshot), position)

    def _freeze(self) -> FrozenEngine:
        """A copy of everything; nothing is counted meanwhile, so no lock is needed to read."""
        position = self._deliveries.position()
        return FrozenEngine(
            detection=self._detection.freeze(),
            beside=[one.freeze() for one in self._saved],
            position=position,
            facts={"receipts": self._deliveries.state(), "journal": position.to_json()},
        )

    def _defer(self, attempt: pa.RecordBatch, sequence: int | None) -> bool:
        """Whether the attempt will be counted later, because a state is being copied."""
        with self._lock:
            if not self._copying or len(self._deferred) >= MAX_DEFERRED:
                return False
            self._deferred.append((attempt, sequence))
            return True

    def _go_on(self) -> None:
        """A state has been copied: count what came meanwhile."""
        with self._lock:
            self._copying = False
            self._may_count.notify_all()
            deferred, self._deferred = self._deferred, []
        for attempt, sequence in deferred:
            try:
                self._observe_chunk(self._detection.take(attempt), 0, 1, sequence)
            except Exception:  # noqa: BLE001
                # Its question has been answered, so nobody is left to hear of it. Whatever is wrong with this
                # attempt must neither cost the other ones that wait here nor fail the save, which is done.
                _log.exception("an attempt cannot be counted")
                self._deliveries.done(sequence)

    def _explain(self, values: F32, to_pass: F64) -> list[tuple[Reason, ...]]:
        return explain(self._model, values, to_pass=to_pass)

    def _rows(self, held: CallerColumns) -> pa.RecordBatch:
        with self._lock:
            level = self._level()
        return caller_rows(
            held,
            policy=self.policy,
            explain=self._explain,
            model=self._model.name,
            level=level,
            time_us=self._detection.now_us,
        )

    def _reasons_of(self, callers: Sequence[str]) -> list[tuple[Reason, ...]]:
        """The reasons of each caller's highest score, none for those that have been evicted."""
        with self._lock:
            held = self._detection.callers(callers)
        known = {one.caller: one.reasons for one in summaries(self._rows(held))}
        return [known.get(caller, ()) for caller in callers]

    def _level(self) -> int:
        return self._detection.level(self.policy.max_wrong_per_10000, self._detection.now_us)
