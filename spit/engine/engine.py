"""The engine: features, model, evidence and policy joined, for live traffic, replay and single questions."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from spit._core import OneAttempt
from spit.engine import checkpoint
from spit.engine.callers import F32, F64, LABELS, SUSPECT_RANK, CallerColumns, CallerTable
from spit.engine.campaign_rows import Campaign, campaign_rows, group
from spit.engine.campaigns import WATCHED_LOG_ODDS, Background, CampaignTable, Member
from spit.engine.moments import FrozenEngine
from spit.engine.moments import Observer as Observer
from spit.engine.moments import Restored as Restored
from spit.engine.moments import SavedObserver as SavedObserver
from spit.engine.own_answers import OwnAnswers
from spit.engine.questions import (
    AttemptRow,
    QuestionReader,
    attempt_batch,
    attempt_row,
    attempt_time_us,
    text,
)
from spit.engine.receipts import Receipts, StaleBatchError
from spit.engine.scored import AttemptContext, Scored, concatenate, margins
from spit.engine.summaries import CallerSummary, caller_rows, summaries
from spit.engine.ties import caller_keys, is_first_contact, tie_keys
from spit.engine.turns import FairLock
from spit.errors import ModelError
from spit.features.table import FeatureTable
from spit.model.campaign_evidence import TIES
from spit.model.context import context_reasons
from spit.model.evidence_state import Evidence, OneDecision
from spit.model.reasons import explain
from spit.model.scorer import Detector, sigmoid
from spit.model.spoofing import SpoofVictims
from spit.policy.budget import PolicyBudget
from spit.policy.policy import Policy
from spit.records import Action, Label, Reason, Verdict
from spit.storage.journal import Journal, Position

#: Callers watched for campaigns: the suspicious ones, of whom there are far fewer than callers.
MAX_CAMPAIGN_CALLERS = 50_000
#: Events folded per hold of the lock.
MAX_CHUNK_EVENTS = 8192
#: The same while questions are asked: some 3 ms, the longest that one waits, of which 2 ms are the same for
#: any number (docs/decisions/0020).
QUESTION_CHUNK_EVENTS = 256
#: Attempts of questions that are counted once a state has been copied; more of them wait for it.
MAX_DEFERRED = 10_000

_log = logging.getLogger("spit.engine")


@dataclass(frozen=True, slots=True)
class Assessment:
    """The answer to one attempt."""

    verdict: Verdict
    action: Action


class Engine:
    """Scores attempts as events come in. Thread-safe; a chunk of events is visible whole or not at all.

    ``features``: a table with state to go on from; a fresh one when None. ``max_callers`` bounds evidence and
    summaries. ``policy`` may be replaced at any time by assignment; it takes its thresholds from the model's
    calibration. Raises ModelError when ``model`` was made for other features, or can't vouch for the policy's
    budget of wrong blocks. ``observers`` see every chunk once it is counted, and so do those ``saved`` with
    it. ``journal``: where events that were sent to us are kept before they are counted; set it once what is
    in it has been replayed.
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
        self.journal: Journal | None = None
        #: Calls that answers of this engine refused: ``receive`` takes no end of them for the callee's word.
        self.own_answers = OwnAnswers()
        self._features = FeatureTable(max_keys=max_callers) if features is None else features
        if tuple(self._features.names) != model.features:
            raise ModelError(
                f"model {model.name}: expected the features of this version, found others: "
                f"{sorted(set(self._features.names) ^ set(model.features))}"
            )
        self._model = model
        self.policy = policy
        self._evidence = Evidence(model.decision, prior=model.prior, max_keys=max_callers)
        self._victims = SpoofVictims(max_callers=max_callers)
        self._budget = PolicyBudget()
        self._campaigns = CampaignTable(max_members=min(max_callers, MAX_CAMPAIGN_CALLERS))
        self._callers = CallerTable(max_callers=max_callers)
        self._chunk = min(MAX_CHUNK_EVENTS, max_callers)
        self._asked = 0
        self._now_us: int | None = None
        self._attempts = 0
        self._events = 0
        self._lock = FairLock()
        # While a state is copied nothing is counted; questions are answered.
        self._may_count = self._lock.condition()
        self._copying = False
        self._deferred: list[tuple[pa.RecordBatch, int | None]] = []
        self._questions = QuestionReader(
            self._features, model, self._evidence, self._victims, self._budget, self._callers
        )
        self._observers = (*observers, *saved)
        self._saved = tuple(saved)
        self._replaying = False
        self._receipts = Receipts()
        self._duplicates = 0
        # Held while a numbered batch is applied and noted: a saved state has both or neither.
        self._receiving = threading.Lock()

    @property
    def policy(self) -> Policy:
        """What is done with a verdict."""
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        budget = self._model.error_budget
        self._policy = policy.calibrated(None if budget is None else budget.threshold)

    @property
    def model_name(self) -> str:
        """``name/version`` of the model."""
        return self._model.name

    def now_us(self) -> int | None:
        """The latest event time seen, epoch µs; None before the first event."""
        return self._now_us

    def observe(self, events: pa.RecordBatch) -> Scored:
        """Fold all events (records.EVENT_SCHEMA) in order and score the attempts among them."""
        parts: list[Scored] = []
        done = 0
        while done < events.num_rows or not parts:
            length = self._chunk_events()
            parts.append(self._observe_chunk(events, done, length)[0])
            done += length
        return concatenate(parts)

    def _chunk_events(self) -> int:
        """How many events the next hold of the lock may fold. Nothing that is counted depends on it."""
        asked, self._asked = self._asked, self._questions.asked
        return self._chunk if asked == self._asked else min(self._chunk, QUESTION_CHUNK_EVENTS)

    def receive(self, events: pa.RecordBatch, agent: str | None = None, number: int = 0) -> bool:
        """Fold events that were sent to us, once they are in the journal where there is one.

        Batch ``number`` of ``agent`` is folded once: False, and nothing is done, when it was applied before.
        Raises StaleBatchError when that cannot be known any more, JournalError when they cannot be kept; then
        nothing is done either.
        """
        events = self.own_answers.mask(events)  # before it is kept: what is replayed is what was counted
        if self.journal is None:
            return self._apply(events, agent, number)
        with self._receiving:
            if self._is_duplicate(agent, number):
                return False
        return self._apply(events, agent, number, self.journal.keep(events, agent, number))

    def replay(self, journal: Journal, position: Position) -> int:
        """Fold what was accepted after a state of ``position`` was saved; how many events. Before the first
        question.

        Those who look on are not told again what they were told before, but for those saved with the engine.
        """
        before, self._replaying = self._events, True
        try:
            for entry in journal.entries(position):
                try:
                    self._apply(entry.events, entry.agent, entry.number)
                except StaleBatchError:
                    continue  # it was refused then
                except Exception:  # noqa: BLE001  one entry must not keep the service from starting
                    _log.exception("entry %d of the journal cannot be counted", entry.sequence)
        finally:
            self._replaying = False
        return self._events - before

    def _apply(
        self, events: pa.RecordBatch, agent: str | None, number: int, sequence: int | None = None
    ) -> bool:
        with self._receiving:
            try:
                if self._is_duplicate(agent, number):
                    return False
                if events.num_rows:
                    self.observe(events)
                if agent is not None:
                    self._receipts.add(agent, number)
                return True
            finally:
                self._done(sequence)

    def _is_duplicate(self, agent: str | None, number: int) -> bool:
        if agent is None or not self._receipts.is_applied(agent, number):
            return False
        self._duplicates += 1
        return True

    def _done(self, sequence: int | None) -> None:
        if sequence is not None and self.journal is not None:
            self.journal.applied(sequence)

    def _observe_chunk(
        self, batch: pa.RecordBatch, offset: int, length: int, sequence: int | None = None
    ) -> tuple[Scored, AttemptContext]:
        policy = self.policy
        events = batch.slice(offset, length)
        with self._lock:
            while self._copying:
                self._may_count.wait()
            rows = self._features.observe(events)
            attempts = events.take(pa.array(rows.rows))
            callers, source_ips = attempts["caller"], attempts["source_ip"]
            times_us = attempts["time_us"].to_numpy()
            log_odds = self._model.log_odds(rows.values)
            strangers = is_first_contact(self._model.features, rows.values)
            victims = self._victims.update(callers, attempts["callee"], source_ips, times_us, strangers)
            keys = caller_keys(attempts)
            decision = self._evidence.update(
                keys,
                tie_keys(attempts),
                times_us,
                log_odds,
                first_contact=strangers,
                frozen=victims,
            )
            levels = self._budget.count_callers(times_us, decision.is_new, policy.max_wrong_per_10000)
            ranks = policy.label_ranks(decision.score, levels, may_block=decision.may_block & ~victims)
            state = self._callers.update(
                callers, times_us, decision.score, ranks, rows.values, source_ips, attempts["call_id"]
            )
            self._campaigns.update(
                attempts,
                keys,
                ranks,
                decision.score,
                state.attempts,
                state.first_seen_us,
                (ranks >= SUSPECT_RANK) | (log_odds >= WATCHED_LOG_ODDS),
                strangers,
            )
            self._campaigns.learn_outcomes(events)
            self._budget.count_blocks(int((state.flagged_at_attempt == state.attempts).sum()))
            if events.num_rows:
                latest = int(events["time_us"].to_numpy().max())
                self._now_us = latest if self._now_us is None else max(self._now_us, latest)
            self._events += events.num_rows
            self._attempts += len(rows.rows)
            self._done(sequence)
        context = AttemptContext(decision, victims, levels, state.call_ids)
        scored = Scored(
            batch=batch,
            rows=rows.rows + offset,
            values=rows.values,
            probability=sigmoid(log_odds),
            score=decision.score,
            label_rank=ranks,
            attempts=state.attempts,
            flagged_at_attempt=state.flagged_at_attempt,
            first_seen_us=state.first_seen_us,
            model=self._model.name,
            policy=policy,
            explain=self._explain,
            context=context,
        )
        for observer in self._saved if self._replaying else self._observers:
            observer.observe(events, scored)
        return scored, context

    def assess(
        self, attempt: pa.RecordBatch | AttemptRow, *, observe: bool = False, tenant: str = ""
    ) -> Assessment:
        """The verdict on one attempt (one row, or columns by name, of records.EVENT_SCHEMA), and the action.

        ``tenant``: whose lists are asked beside those of all. Counts nothing unless
        ``observe``. Raises InputError when it is not one attempt.
        """
        answer = self._answer(attempt, observe=observe, wait=True, tenant=tenant)
        assert answer is not None  # noqa: S101  it has waited
        return answer

    def assess_now(self, attempt: AttemptRow, *, tenant: str = "") -> Assessment | None:
        """``assess`` without observing and without waiting: None while events are counted."""
        return self._answer(attempt, observe=False, wait=False, tenant=tenant)

    def _answer(
        self, attempt: pa.RecordBatch | AttemptRow, *, observe: bool, wait: bool, tenant: str
    ) -> Assessment | None:
        row = attempt_row(attempt)
        policy = self.policy
        caller, callee = text(row, "caller"), text(row, "callee")
        call_ids: tuple[str, ...] = ()
        batch = attempt_batch(attempt) if observe else None
        sequence = self.journal.note(batch) if batch is not None and self.journal is not None else None
        if batch is not None and not self._defer(batch, sequence):
            scored, context = self._observe_chunk(batch, 0, 1, sequence)
            values, several = scored.values, context.decision
            decision = OneDecision(*(getattr(several, name)[0].item() for name in OneDecision._fields))
            tells, attempts = bool(scored.probability[0] >= 0.5), int(scored.attempts[0])
            with self._lock:
                *_, telling = self._callers.seen(caller)
            victim, level = bool(context.is_victim[0]), int(context.levels[0])
            label, call_ids = scored.labels()[0], context.call_ids.get(0, ())
        else:
            one = OneAttempt(row)
            if wait:
                self._lock.acquire()
            elif not self._lock.try_acquire():
                return None
            try:
                known = self._questions.read(one, caller, policy.max_wrong_per_10000)
            finally:
                self._lock.release()
            values, decision, victim, level = known.values, known.decision, known.is_victim, known.level
            tells, attempts, call_ids = known.log_odds >= 0.0, known.attempts + 1, known.call_ids
            telling = known.telling
            label = policy.label(decision.score, level=level)
            if label is Label.SPAM and (victim or not decision.may_block):
                label = Label.SUSPECT
        reasons: tuple[Reason, ...] = ()
        if label is not Label.LEGIT:
            rank, score = np.array([LABELS.index(label)], np.int8), np.array([decision.score])
            # The attempt's own row; where earlier attempts made the score, the row of the one that said most.
            why = values if tells or telling is None else telling.reshape(1, -1)
            tie = TIES[decision.tie] if decision.fits_campaign else None
            reasons = (
                *context_reasons(tie, decision.shift, is_victim=victim),
                *self._explain(why, margins(policy, score, rank))[0],
            )
        verdict = Verdict(caller, decision.score, label, reasons, self._model.name, attempts, call_ids)
        action = policy.decide(
            verdict,
            callee=callee,
            exemption=text(row, "exemption"),
            level=level,
            tenant=tenant,
            time_us=attempt_time_us(row),
            remember=True,
        )
        self.own_answers.note(text(row, "call_id"), action)
        return Assessment(verdict, action)

    def report_wrong_block(self, time_us: int, caller: str) -> bool:
        """Count an appeal that was right; False where the caller was never blocked, or was reported before.

        The policy's budget is charged: it holds back once more is spent than the operator allows.
        """
        with self._lock:
            while self._copying:
                self._may_count.wait()
            known = self._callers.get(caller)
            if known is None or known.flagged_at_attempt is None:
                return False
            return self._budget.report_wrong_block(time_us, caller)

    def caller(self, caller: str) -> CallerSummary | None:
        """What is known of one caller; None when it was never seen or has been evicted."""
        with self._lock:
            held = self._callers.columns([caller])
        return next(iter(summaries(self._rows(held))), None)

    def callers(self) -> list[CallerSummary]:
        """Every caller known, the highest score first."""
        return summaries(self.caller_rows())

    def caller_rows(self) -> pa.RecordBatch:
        """``callers`` in columns (summaries.CALLER_SCHEMA)."""
        with self._lock:
            held = self._callers.columns()
        return self._rows(held)

    def campaigns(self) -> list[Campaign]:
        """The campaigns among the callers that are spam or suspect, with all their callers."""
        return group(*self.watched_callers())

    def watched_callers(self) -> tuple[list[Member], Background]:
        """A copy of what campaigns are grouped from: the suspicious callers, and what is usual."""
        with self._lock:
            return copy.deepcopy(self._campaigns.members()), copy.deepcopy(self._campaigns.background())

    def campaign_rows(self) -> pa.RecordBatch:
        """``campaigns`` in columns (campaign_rows.CAMPAIGN_SCHEMA), the worst first."""
        return campaign_rows(self.campaigns(), reasons_of=self._reasons_of, model=self._model.name)

    def counters(self) -> dict[str, int]:
        """Events, attempts, callers, evictions, by name."""
        with self._lock:
            return {
                "events": self._events,
                "attempts": self._attempts,
                "agents": len(self._receipts),
                "agents_evicted": self._receipts.evicted,
                "batches_duplicate": self._duplicates,
                **self._callers.counters(),
                **self._budget.totals(),
                "budget_level": self._level(),
                **self._campaigns.counters(),
                **self.own_answers.counters(),
                **{f"evidence_{name}": count for name, count in self._evidence.counters().items()},
                **{f"spoofing_{name}": count for name, count in self._victims.counters().items()},
                **{f"features_{name}": count for name, count in self._features.counters().items()},
            }

    def save(
        self, directory: Path, *, saved_at_us: int | None = None, tracker: bytes | None = None
    ) -> Position:
        """Write everything; a reader of ``directory`` sees the old state or the new one. The answer: which
        entries of the journal it holds.

        ``saved_at_us``: by the caller's wall clock, epoch µs. ``tracker``: the open calls of a live capture,
        to keep beside. While state is copied nothing is counted, but questions are answered: those that count
        their attempt do so afterwards. It is written when all goes on. Raises OSError.
        """
        with self._receiving:
            with self._lock:
                self._copying = True
            try:
                frozen = self._freeze(saved_at_us)
            finally:
                self._go_on()
        with checkpoint.new_snapshot(directory) as snapshot:
            self._features.save(snapshot / "features", frozen.features)
            for name, state in frozen.states.items():
                checkpoint.write_batch(snapshot / f"{name}.arrow", state)
            checkpoint.write_batch(snapshot / "callers.arrow", frozen.callers())
            for one in frozen.beside:
                one.write(snapshot)
            if tracker is not None:
                (snapshot / checkpoint.TRACKER).write_bytes(tracker)
            checkpoint.write_facts(snapshot, frozen.facts)
        for one in frozen.beside:
            one.saved()
        return frozen.position

    def load(self, directory: Path) -> Restored:
        """Go on from a saved state, by whichever model it was made. Raises InputError when it is damaged or
        was made with other features; the engine is then to be thrown away."""
        snapshot = checkpoint.current_snapshot(directory)
        facts = checkpoint.read_facts(snapshot, schema_hash=self._features.schema_hash)
        with self._receiving, self._lock:
            self._features.load(snapshot / "features")
            self._evidence.restore(checkpoint.read_batches(snapshot, "evidence"))
            self._victims.restore(checkpoint.read_batches(snapshot, "spoofing"))
            self._budget.restore(checkpoint.read_batches(snapshot, "budget"), facts.get("budget") or {})
            self._callers.restore(checkpoint.read_batch(snapshot / "callers.arrow"))
            self._campaigns.restore(checkpoint.read_batch(snapshot / "campaigns.arrow"))
            self._receipts.restore(facts.get("receipts"))
            self._now_us = facts["now_us"]
            self._events = facts["events"]
            self._attempts = facts["attempts"]
            for one in self._saved:
                one.restore(snapshot)
        position = Position.from_json(facts.get("journal"))
        return Restored(facts.get("saved_at_us"), checkpoint.read_tracker(snapshot), position)

    def _freeze(self, saved_at_us: int | None) -> FrozenEngine:
        """A copy of everything; nothing is counted meanwhile, so no lock is needed to read."""
        position = Position() if self.journal is None else self.journal.position()
        return FrozenEngine(
            features=self._features.states(),
            states={
                **{f"evidence-{name}": state for name, state in self._evidence.states().items()},
                **{f"spoofing-{name}": state for name, state in self._victims.states().items()},
                **{f"budget-{name}": state for name, state in self._budget.states().items()},
                "campaigns": self._campaigns.state(),
            },
            callers=self._callers.freeze(),
            beside=[one.freeze() for one in self._saved],
            position=position,
            facts={
                "schema_hash": self._features.schema_hash,
                "model": self._model.name,
                "now_us": self._now_us,
                "events": self._events,
                "attempts": self._attempts,
                "saved_at_us": saved_at_us,
                "receipts": self._receipts.state(),
                "budget": self._budget.totals(),
                "journal": position.to_json(),
            },
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
                self._observe_chunk(attempt, 0, 1, sequence)
            except Exception:  # noqa: BLE001  its question has been answered; the state is saved
                _log.exception("an attempt cannot be counted")
                self._done(sequence)

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
            time_us=self._now_us,
        )

    def _reasons_of(self, callers: Sequence[str]) -> list[tuple[Reason, ...]]:
        """The reasons of each caller's highest score, none for those that have been evicted."""
        with self._lock:
            held = self._callers.columns(callers)
        known = {one.caller: one.reasons for one in summaries(self._rows(held))}
        return [known.get(caller, ()) for caller in callers]

    def budget_level(self) -> int:
        """How far the budget of wrong blocks is overspent now (``Policy.decide``)."""
        with self._lock:
            return self._level()

    def _level(self) -> int:
        now_us = self._now_us
        return 0 if now_us is None else self._budget.level(now_us, self.policy.max_wrong_per_10000)
