"""The engine: features, model, evidence and policy joined, for live traffic, replay and single questions."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from spit._core import hash_keys
from spit.engine import checkpoint
from spit.engine.callers import F32, CallerColumns, CallerTable
from spit.engine.receipts import Receipts
from spit.engine.scored import Scored, concatenate
from spit.engine.summaries import CallerSummary, caller_rows, summaries
from spit.errors import InputError, ModelError
from spit.features.table import FeatureTable
from spit.model.evidence import CallerEvidence
from spit.model.reasons import explain
from spit.model.scorer import Model, sigmoid
from spit.policy.policy import Policy
from spit.records import Action, Label, Reason, Verdict

#: Events folded per hold of the lock: a question never waits for more than this much work.
MAX_CHUNK_EVENTS = 8192


@dataclass(frozen=True, slots=True)
class Assessment:
    """The answer to one attempt."""

    verdict: Verdict
    action: Action


@dataclass(frozen=True, slots=True)
class Restored:
    """What a saved state says of itself."""

    saved_at_us: int | None  # wall clock, epoch µs; None where it was not told
    tracker: bytes | None  # the open calls of a live capture, where there was one


class Observer(Protocol):
    """Looks on: what it finds never reaches a verdict (challenger.py, drift.py)."""

    def observe(self, events: pa.RecordBatch, scored: Scored) -> None:
        """A chunk of events and its scored attempts; called outside of the engine's lock. Must not raise."""


class Engine:
    """Scores attempts as events come in. Thread-safe; a chunk of events is visible whole or not at all.

    ``features``: a table with state to go on from; a fresh one when None. ``max_callers`` bounds evidence and
    summaries. ``policy`` may be replaced at any time by assignment. ``observers`` see every chunk once it is
    counted. Raises ModelError when ``model`` was made for other features.
    """

    def __init__(
        self,
        model: Model,
        policy: Policy,
        *,
        features: FeatureTable | None = None,
        max_callers: int = 1_000_000,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._features = FeatureTable(max_keys=max_callers) if features is None else features
        if tuple(self._features.names) != model.features:
            raise ModelError(
                f"model {model.name}: expected the features of this version, found others: "
                f"{sorted(set(self._features.names) ^ set(model.features))}"
            )
        self.policy = policy
        self._model = model
        self._evidence = CallerEvidence(prior=model.prior, max_callers=max_callers)
        self._callers = CallerTable(max_callers=max_callers)
        self._chunk = min(MAX_CHUNK_EVENTS, max_callers)
        self._now_us: int | None = None
        self._attempts = 0
        self._events = 0
        self._lock = threading.Lock()
        self._observers = tuple(observers)
        self._receipts = Receipts()
        self._duplicates = 0
        # Held while a numbered batch is applied and noted: a saved state has both or neither.
        self._receiving = threading.Lock()

    @property
    def model_name(self) -> str:
        """``name/version`` of the model."""
        return self._model.name

    def now_us(self) -> int | None:
        """The latest event time seen, epoch µs; None before the first event."""
        return self._now_us

    def observe(self, events: pa.RecordBatch) -> Scored:
        """Fold all events (records.EVENT_SCHEMA) in order and score the attempts among them."""
        starts = range(0, max(events.num_rows, 1), self._chunk)
        return concatenate([self._observe_chunk(events, at, self._chunk) for at in starts])

    def receive(self, events: pa.RecordBatch, agent: str, number: int) -> bool:
        """Fold batch ``number`` of ``agent`` once: False, and nothing is done, when it was applied before.

        Raises StaleBatchError when that cannot be known any more.
        """
        with self._receiving:
            if self._receipts.is_applied(agent, number):
                self._duplicates += 1
                return False
            if events.num_rows:
                self.observe(events)
            self._receipts.add(agent, number)
            return True

    def _observe_chunk(self, batch: pa.RecordBatch, offset: int, length: int) -> Scored:
        policy = self.policy
        events = batch.slice(offset, length)
        with self._lock:
            rows = self._features.observe(events)
            callers, source_ips = (events[name].take(pa.array(rows.rows)) for name in ("caller", "source_ip"))
            times_us = events["time_us"].to_numpy()[rows.rows]
            log_odds = self._model.log_odds(rows.values)
            score = self._evidence.update(hash_keys(callers), times_us, log_odds)
            ranks = policy.label_ranks(score)
            state = self._callers.update(callers, times_us, score, ranks, rows.values, source_ips)
            if events.num_rows:
                latest = int(events["time_us"].to_numpy().max())
                self._now_us = latest if self._now_us is None else max(self._now_us, latest)
            self._events += events.num_rows
            self._attempts += len(rows.rows)
        scored = Scored(
            batch=batch,
            rows=rows.rows + offset,
            values=rows.values,
            probability=sigmoid(log_odds),
            score=score,
            label_rank=ranks,
            attempts=state.attempts,
            flagged_at_attempt=state.flagged_at_attempt,
            first_seen_us=state.first_seen_us,
            model=self._model.name,
            policy=policy,
            explain=self._explain,
        )
        for observer in self._observers:
            observer.observe(events, scored)
        return scored

    def assess(self, attempt: pa.RecordBatch, *, observe: bool = False) -> Assessment:
        """The verdict on one attempt (one row of records.EVENT_SCHEMA), and the action.

        Counts nothing unless ``observe``. Raises InputError when it is not one attempt.
        """
        if attempt.num_rows != 1 or attempt["event"][0].as_py() != "attempt":
            kinds = attempt["event"].unique().to_pylist()
            raise InputError(f"expected one attempt, found {attempt.num_rows} rows of {kinds}")
        policy = self.policy
        caller: str | None = attempt["caller"][0].as_py()
        if observe:
            scored = self._observe_chunk(attempt, 0, 1)
            values, score, attempts = scored.values, float(scored.score[0]), int(scored.attempts[0])
            own = float(scored.probability[0])
        else:
            times_us = attempt["time_us"].to_numpy()
            with self._lock:
                values = self._features.read(attempt)
                log_odds = self._model.log_odds(values)
                score = float(self._evidence.read(hash_keys(attempt["caller"]), times_us, log_odds)[0])
                attempts = self._callers.attempts(caller) + 1
            own = float(sigmoid(log_odds)[0])
        label = policy.label(score)
        reasons = () if label is Label.LEGIT else self._explain(self._telling_values(caller, values, own))[0]
        verdict = Verdict(caller, score, label, reasons, self._model.name, attempts)
        callee, exemption = attempt["callee"][0].as_py(), attempt["exemption"][0].as_py()
        return Assessment(verdict, policy.decide(verdict, callee=callee, exemption=exemption))

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
                **{f"evidence_{name}": count for name, count in self._evidence.counters().items()},
                **{f"features_{name}": count for name, count in self._features.counters().items()},
            }

    def save(self, directory: Path, *, saved_at_us: int | None = None, tracker: bytes | None = None) -> None:
        """Write everything; a reader of ``directory`` sees the old state or the new one.

        ``saved_at_us``: by the caller's wall clock, epoch µs. ``tracker``: the open calls of a live capture,
        to keep beside. State is copied under the lock and written outside of it: no question waits for the
        disk. Raises OSError.
        """
        with self._receiving, self._lock:
            features = self._features.states()
            evidence = self._evidence.state()
            callers = self._callers.freeze()
            facts = {
                "schema_hash": self._features.schema_hash,
                "model": self._model.name,
                "now_us": self._now_us,
                "events": self._events,
                "attempts": self._attempts,
                "saved_at_us": saved_at_us,
                "receipts": self._receipts.state(),
            }
        with checkpoint.new_snapshot(directory) as snapshot:
            self._features.save(snapshot / "features", features)
            checkpoint.write_batch(snapshot / "evidence.arrow", evidence)
            checkpoint.write_batch(snapshot / "callers.arrow", callers())
            if tracker is not None:
                (snapshot / checkpoint.TRACKER).write_bytes(tracker)
            checkpoint.write_facts(snapshot, facts)

    def load(self, directory: Path) -> Restored:
        """Go on from a saved state, by whichever model it was made. Raises InputError when it is damaged or
        was made with other features; the engine is then to be thrown away."""
        snapshot = checkpoint.current_snapshot(directory)
        facts = checkpoint.read_facts(snapshot, schema_hash=self._features.schema_hash)
        with self._receiving, self._lock:
            self._features.load(snapshot / "features")
            self._evidence.restore(checkpoint.read_batch(snapshot / "evidence.arrow"))
            self._callers.restore(checkpoint.read_batch(snapshot / "callers.arrow"))
            self._receipts.restore(facts.get("receipts"))
            self._now_us = facts["now_us"]
            self._events = facts["events"]
            self._attempts = facts["attempts"]
        return Restored(facts.get("saved_at_us"), checkpoint.read_tracker(snapshot))

    def _telling_values(self, caller: str | None, values: F32, probability: float) -> F32:
        """The attempt's own row; where earlier attempts made the score, the row of the one that said most."""
        if probability >= 0.5 or caller is None:
            return values
        with self._lock:
            state = self._callers.get(caller)
        return values if state is None or state.values is None else state.values.reshape(1, -1)

    def _explain(self, values: F32) -> list[tuple[Reason, ...]]:
        return explain(self._model, values)

    def _rows(self, held: CallerColumns) -> pa.RecordBatch:
        return caller_rows(held, policy=self.policy, explain=self._explain, model=self._model.name)
