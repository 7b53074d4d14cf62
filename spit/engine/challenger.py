"""A second model beside the one that decides: it scores the same attempts and never acts."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from spit.engine.callers import LABELS, SPAM_RANK
from spit.engine.scored import Scored
from spit.engine.ties import caller_keys, is_first_contact, tie_keys
from spit.errors import ModelError
from spit.model.evidence_state import Evidence
from spit.model.scorer import Model


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the two models said so far. ``labels[i][j]``: attempts that the champion gave label i and the
    challenger label j (legit, suspect, spam)."""

    champion: str
    challenger: str
    labels: tuple[tuple[int, ...], ...]

    @property
    def attempts(self) -> int:
        """Attempts that both have scored."""
        return sum(map(sum, self.labels))

    @property
    def agreed(self) -> int:
        """Attempts with the same label."""
        return sum(self.labels[i][i] for i in range(len(self.labels)))

    @property
    def only_champion(self) -> int:
        """Attempts that only the champion calls spam."""
        return sum(self.labels[SPAM_RANK][:SPAM_RANK])

    @property
    def only_challenger(self) -> int:
        """Attempts that only the challenger calls spam."""
        return sum(row[SPAM_RANK] for row in self.labels[:SPAM_RANK])


class Challenger:
    """Scores what the engine has scored (``Engine(observers=...)``) by another model, with its own evidence.

    It is judged by the policy in force, with the thresholds of its own calibration. Thread-safe. Its
    evidence isn't saved: after a restart it starts with none, as its counts do. Raises ModelError when
    ``model`` was made for other features than the champion's.
    """

    def __init__(self, model: Model, *, champion: Model, max_callers: int = 1_000_000) -> None:
        if model.features != champion.features:
            raise ModelError(
                f"challenger {model.name}: expected the features of {champion.name}, found others: "
                f"{sorted(set(model.features) ^ set(champion.features))}"
            )
        self._model = model
        self._champion = champion.name
        self._evidence = Evidence(model.decision, prior=model.prior, max_keys=max_callers)
        self._counts = np.zeros((len(LABELS), len(LABELS)), np.int64)
        self._lock = threading.Lock()

    @property
    def model_name(self) -> str:
        """``name/version``."""
        return self._model.name

    def observe(self, _events: pa.RecordBatch, scored: Scored) -> None:
        """Score the attempts of a chunk and count how the labels compare."""
        if len(scored) == 0:
            return
        attempts = scored.events
        times_us = attempts["time_us"].to_numpy()
        victims = np.zeros(len(scored), np.bool_) if scored.context is None else scored.context.is_victim
        budget = self._model.error_budget
        policy = scored.policy.calibrated(None if budget is None else budget.threshold)
        log_odds = self._model.log_odds(scored.values)
        with self._lock:
            decision = self._evidence.update(
                caller_keys(attempts),
                tie_keys(attempts),
                times_us,
                log_odds,
                first_contact=is_first_contact(self._model.features, scored.values),
                frozen=victims,
            )
            ranks = policy.label_ranks(decision.score, may_block=decision.may_block & ~victims)
            np.add.at(self._counts, (scored.label_rank.astype(np.int64), ranks.astype(np.int64)), 1)

    def comparison(self) -> Comparison:
        """The counts so far."""
        with self._lock:
            counts = tuple(tuple(row) for row in self._counts.tolist())
        return Comparison(self._champion, self._model.name, counts)
