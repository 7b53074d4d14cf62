"""One attempt asked about: what is known of it is read without arrays, in about a tenth of a millisecond.

The answer is the one that counting the attempt would give (tests/property/test_single_questions.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

import pyarrow as pa

from spit._core import OneAttempt
from spit.engine.callers import F32, CallerTable
from spit.engine.ties import CONTACT_AGE, FORGOTTEN_S, tie_keys_of_one
from spit.errors import InputError
from spit.features.table import FeatureTable
from spit.model.evidence_state import Evidence, OneDecision
from spit.model.scorer import Detector
from spit.model.spoofing import SpoofVictims
from spit.policy.budget import PolicyBudget
from spit.records import EVENT_SCHEMA, EventKind

#: An attempt as a question has it: columns of records.EVENT_SCHEMA by name; those that lack are null.
AttemptRow = Mapping[str, object]


@dataclass(slots=True)
class Reading:
    """What is known of one attempt before it.

    ``values``: float32[1, F]; ``level``: of the budget; ``telling``: float32[F] of the caller's attempt with
    the highest score, None below suspect.
    """

    values: F32
    log_odds: float
    decision: OneDecision
    is_victim: bool
    level: int
    attempts: int
    call_ids: tuple[str, ...]
    telling: F32 | None


class QuestionReader:
    """Reads all that an answer needs from the engine's parts. Not thread-safe: the engine holds its lock."""

    def __init__(
        self,
        features: FeatureTable,
        model: Detector,
        evidence: Evidence,
        victims: SpoofVictims,
        budget: PolicyBudget,
        callers: CallerTable,
    ) -> None:
        self._features, self._model, self._evidence = features, model, evidence
        self._victims, self._budget, self._callers = victims, budget, callers
        self.asked = 0
        self._contact = model.features.index(CONTACT_AGE) if CONTACT_AGE in model.features else None

    def read(self, attempt: OneAttempt, caller: str | None, max_wrong_per_10000: float) -> Reading:
        """Counts nothing but the question."""
        self.asked += 1
        time_us = attempt.time_us
        values = self._features.read_one(attempt)
        log_odds = float(self._model.log_odds(values)[0])
        decision = self._evidence.read_one(
            attempt.key("caller"),
            partial(tie_keys_of_one, attempt),
            time_us,
            log_odds,
            first_contact=self._contact is None or bool(values[0, self._contact] >= FORGOTTEN_S),
        )
        is_victim = self._victims.read_one(attempt.key("identity"), attempt.key("identity_source"), time_us)
        level = self._budget.level(time_us, max_wrong_per_10000)
        known = self._callers.seen(caller)
        return Reading(values, log_odds, decision, is_victim, level, *known)


def attempt_row(attempt: pa.RecordBatch | AttemptRow) -> AttemptRow:
    """The one attempt of a batch. Raises InputError when it is not one."""
    if isinstance(attempt, pa.RecordBatch):
        if attempt.num_rows != 1 or attempt["event"][0].as_py() != EventKind.ATTEMPT:
            kinds = attempt["event"].unique().to_pylist()
            raise InputError(f"expected one attempt, found {attempt.num_rows} rows of {kinds}")
        row: AttemptRow = attempt.to_pylist()[0]
        return row
    if attempt.get("event") != EventKind.ATTEMPT:
        raise InputError(f"expected one attempt, found {attempt.get('event')!r}")
    return attempt


def attempt_batch(attempt: pa.RecordBatch | AttemptRow) -> pa.RecordBatch:
    """The attempt as a batch of one (records.EVENT_SCHEMA)."""
    if isinstance(attempt, pa.RecordBatch):
        return attempt
    columns = [pa.array([attempt.get(field.name)], field.type) for field in EVENT_SCHEMA]
    return pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA)


def attempt_time_us(row: AttemptRow) -> int:
    """When it was made, epoch µs."""
    return cast(int, row["time_us"])


def text(row: AttemptRow, name: str) -> str | None:
    """A column of texts."""
    value = row.get(name)
    return value if isinstance(value, str) else None
