"""All that is known of callers and campaigns, and how attempts are scored by it: one flow without locks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from spit._core import Events, Held, OneAttempt
from spit.engine import checkpoint
from spit.engine.callers import SUSPECT_RANK, CallerColumns, CallerTable
from spit.engine.campaigns import WATCHED_LOG_ODDS, Background, CampaignTable, Member
from spit.engine.questions import QuestionReader, Reading
from spit.engine.scored import AttemptContext, Explain, Scored
from spit.engine.ties import is_first_contact, ties_of
from spit.errors import ModelError
from spit.features.table import FeatureRows, FeatureTable
from spit.model.evidence import Mask
from spit.model.evidence_state import Evidence
from spit.model.scorer import F32, Detector, sigmoid
from spit.model.spoofing import SpoofVictims
from spit.policy.budget import PolicyBudget
from spit.policy.policy import Policy

#: Callers watched for campaigns: the suspicious ones, of whom there are far fewer than callers.
MAX_CAMPAIGN_CALLERS = 50_000


@dataclass(frozen=True, slots=True)
class FrozenDetection:
    """A copy of all that is known, to be written while counting goes on."""

    features: list[tuple[str, pa.RecordBatch]]
    states: dict[str, pa.RecordBatch]
    callers: Callable[[], pa.RecordBatch]
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Events, and what ``fold`` reads of them, taken over once for all holds of the lock."""

    events: pa.RecordBatch
    taken: Events


@dataclass(frozen=True, slots=True)
class Folded:
    """These rows of a batch and the features of the attempts among them, not counted yet."""

    batch: Batch
    offset: int
    length: int
    rows: FeatureRows


@dataclass(frozen=True, slots=True)
class Counted:
    """Attempts that have been scored and counted; ``watch`` has not seen them yet.

    Of the n attempts: ``suspicious``: attempts from which on a caller is watched; ``strangers``: the caller
    had not called the callee before.
    """

    scored: Scored
    context: AttemptContext
    folded: Folded
    suspicious: Mask
    strangers: Mask

    @property
    def events(self) -> pa.RecordBatch:
        """The rows folded."""
        return self.folded.batch.events.slice(self.folded.offset, self.folded.length)


class Detection:
    """Features, model, evidence, callers and campaigns joined. Not thread-safe: the engine holds its locks.

    ``features``: a table with state to go on from; a fresh one when None. ``max_callers`` bounds evidence and
    summaries. ``explain``: gives the reasons of what is scored. Raises ModelError when ``model`` was made for
    other features.
    """

    def __init__(
        self, model: Detector, *, features: FeatureTable | None, max_callers: int, explain: Explain
    ) -> None:
        self._features = FeatureTable(max_keys=max_callers) if features is None else features
        if tuple(self._features.names) != model.features:
            raise ModelError(
                f"model {model.name}: expected the features of this version, found others: "
                f"{sorted(set(self._features.names) ^ set(model.features))}"
            )
        self._model = model
        self._explain = explain
        self.evidence = Evidence(model.decision, prior=model.prior, max_keys=max_callers)
        self._victims = SpoofVictims(max_callers=max_callers)
        self._budget = PolicyBudget()
        self._campaigns = CampaignTable(max_members=min(max_callers, MAX_CAMPAIGN_CALLERS))
        self._callers = CallerTable(max_callers=max_callers)
        self._questions = QuestionReader(
            self._features, model, self.evidence, self._victims, self._budget, self._callers
        )
        self.now_us: int | None = None
        self.events = 0
        self._attempts = 0

    @property
    def schema_hash(self) -> str:
        """Of the features."""
        return self._features.schema_hash

    @property
    def asked(self) -> int:
        """Questions so far."""
        return self._questions.asked

    def take(self, events: pa.RecordBatch) -> Batch:
        """Events (records.EVENT_SCHEMA) for ``fold``; touches nothing. Raises InputError as it does."""
        return Batch(events, self._features.take(events))

    def fold(self, batch: Batch, offset: int, length: int) -> Folded:
        """Fold these rows of a batch in order. ``count`` sees every answer, in order.

        Touches nothing but the features, so the next rows may be folded while these are counted.
        """
        return Folded(batch, offset, length, self._features.fold(batch.taken, offset, length))

    def count(self, folded: Folded, policy: Policy) -> Counted:
        """Score the attempts among the rows folded, and count them. ``watch`` sees every answer, in order."""
        rows = folded.rows
        times_us = rows.times_us
        keys = rows.keys
        log_odds = self._model.log_odds(rows.values)
        strangers = is_first_contact(self._model.features, rows.values)
        victims = self._victims.update_keys(
            keys["identity"], keys["callee"], keys["identity_source"], times_us, strangers
        )
        decision = self.evidence.update(
            keys["caller"], ties_of(keys), times_us, log_odds, first_contact=strangers, frozen=victims
        )
        levels = self._budget.count_callers(times_us, decision.is_new, policy.max_wrong_per_10000)
        ranks = policy.label_ranks(decision.score, levels, may_block=decision.may_block & ~victims)
        state = self._callers.update(rows.attempts, times_us, decision.score, ranks, rows.values)
        self._budget.count_blocks(int((state.flagged_at_attempt == state.attempts).sum()))
        if rows.latest_us is not None:
            self.now_us = rows.latest_us if self.now_us is None else max(self.now_us, rows.latest_us)
        self.events += folded.length
        self._attempts += len(rows.rows)
        context = AttemptContext(decision, victims, levels, state.call_ids)
        scored = Scored(
            batch=folded.batch.events,
            rows=rows.rows,
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
        suspicious = (ranks >= SUSPECT_RANK) | (log_odds >= WATCHED_LOG_ODDS)
        return Counted(scored, context, folded, suspicious, strangers)

    def watch(self, counted: Counted) -> None:
        """Count what campaigns are grouped from: the part of counting of which no question reads anything."""
        rows, scored = counted.folded.rows, counted.scored
        self._campaigns.update(
            counted.folded.batch.taken,
            rows.attempts,
            rows.rows,
            rows.ends,
            rows.keys["caller"],
            scored.label_rank,
            scored.score,
            scored.attempts,
            scored.first_seen_us,
            counted.suspicious,
            counted.strangers,
        )

    def read(self, attempt: OneAttempt, caller: str | None, max_wrong_per_10000: float) -> Reading:
        """What is known of one attempt; counts nothing but the question."""
        return self._questions.read(attempt, caller, max_wrong_per_10000)

    def telling(self, caller: str | None) -> F32 | None:
        """float32[F] of the caller's attempt with the highest score, None below suspect."""
        return self._callers.seen(caller)[2]

    def report_wrong_block(self, time_us: int, caller: str) -> bool:
        """As ``Engine.report_wrong_block``."""
        known = self._callers.get(caller)
        if known is None or known.flagged_at_attempt is None:
            return False
        return self._budget.report_wrong_block(time_us, caller)

    def level(self, max_wrong_per_10000: float, time_us: int | None) -> int:
        """How far the budget of wrong blocks is overspent at ``time_us``; None: before the first event."""
        return 0 if time_us is None else self._budget.level(time_us, max_wrong_per_10000)

    def callers(self, callers: Sequence[str] | None = None) -> CallerColumns:
        """Those of these callers that are known; all when None. A copy."""
        return self._callers.columns(callers)

    def campaign_members(self) -> tuple[list[Member], Background]:
        """The watched callers, and what is usual. A copy."""
        return copy.deepcopy(self._campaigns.members()), copy.deepcopy(self._campaigns.background())

    def counters(self) -> dict[str, int]:
        """Events, attempts, callers, evictions, by name."""
        return {
            "events": self.events,
            "attempts": self._attempts,
            **self._callers.counters(),
            **self._budget.totals(),
            **self._campaigns.counters(),
            **{f"evidence_{name}": count for name, count in self.evidence.counters().items()},
            **{f"spoofing_{name}": count for name, count in self._victims.counters().items()},
            **{f"features_{name}": count for name, count in self._features.counters().items()},
        }

    def freeze(self) -> FrozenDetection:
        """A copy of everything."""
        return FrozenDetection(
            features=self._features.states(),
            states={
                **{f"evidence-{name}": state for name, state in self.evidence.states().items()},
                **{f"spoofing-{name}": state for name, state in self._victims.states().items()},
                **{f"budget-{name}": state for name, state in self._budget.states().items()},
                "campaigns": self._campaigns.state(),
            },
            callers=self._callers.freeze(),
            facts={
                "schema_hash": self._features.schema_hash,
                "model": self._model.name,
                "now_us": self.now_us,
                "events": self.events,
                "attempts": self._attempts,
                "budget": self._budget.totals(),
            },
        )

    def write(self, frozen: FrozenDetection, snapshot: Path) -> None:
        """Everything but the facts, as files; ``features`` is empty afterwards. Raises OSError."""
        # The largest takes 56 MB for 100,000 callers: to free it would stop every question for milliseconds.
        held = [Held(state) for _, state in frozen.features]
        self._features.save(snapshot / "features", frozen.features)
        for one in held:
            one.release()
        for name, state in frozen.states.items():
            checkpoint.write_batch(snapshot / f"{name}.arrow", state)
        checkpoint.write_batch(snapshot / "callers.arrow", frozen.callers())

    def restore(self, snapshot: Path, facts: dict[str, Any]) -> None:
        """Go on from what ``write`` wrote, by whichever model it was made. Raises InputError."""
        self._features.load(snapshot / "features")
        self.evidence.restore(checkpoint.read_batches(snapshot, "evidence"))
        self._victims.restore(checkpoint.read_batches(snapshot, "spoofing"))
        self._budget.restore(checkpoint.read_batches(snapshot, "budget"), facts.get("budget") or {})
        self._callers.restore(checkpoint.read_batch(snapshot / "callers.arrow"))
        self._campaigns.restore(checkpoint.read_batch(snapshot / "campaigns.arrow"))
        self.now_us = facts["now_us"]
        self.events = facts["events"]
        self._attempts = facts["attempts"]
