"""From a model and labelled traffic to the parameters of the decision and the budget of wrong blocks.

The traffic is replayed through the same features, evidence and guards that score live traffic. Parameters
are chosen on one half of the captures and the budget is measured on the other: scores of callers that took
part in a choice are no longer exchangeable with those of new ones (docs/decisions.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from spit.engine.call_labels import UNLABELLED, CallLabels
from spit.engine.callers import F32, F64, I64
from spit.engine.ties import caller_keys, is_first_contact, tie_keys
from spit.errors import InputError
from spit.features.table import FeatureTable
from spit.model.decision import DEFAULT_WRONG_PER_10000, PENALTY_RANGE, STAGE_ATTEMPTS, DecisionParameters
from spit.model.error_budget import ErrorBudget
from spit.model.evidence import U64, Mask
from spit.model.evidence_state import Evidence
from spit.model.scorer import Detector
from spit.model.spoofing import SpoofVictims

#: Budgets per 10,000 whose recall is averaged in the choice: one order statistic alone is mostly noise.
_BUDGETS = (5.0, 10.0, 20.0)
#: What each parameter may become, tried in this order. Those of campaigns are not chosen: a few captures with
#: a large campaign would decide them, and the next capture has another.
_GRID: dict[str, tuple[float, ...]] = {
    "own_share": (0.4, 0.5, 0.6),
    "newcomer_log_odds": (-3.0, -4.0, -5.0),
    "newcomer_weight": (1.0, 2.0),
}
#: Where the threshold of the default budget comes to lie: a little above ``policy.suspect_threshold`` (0.5).
ANCHOR = 0.55
#: Log-odds that scores are moved at most: a calibration of few callers may have an odd threshold.
MOST_MOVED = 2.0
_NOTHING_SEEN = 1e-6
#: By how much the penalty of a stage is moved, up and down, while that flags more.
_PENALTY_STEPS = (1.0, 0.5)
#: What the search starts from. Penalties lower scores: only a calibrated threshold goes with them.
_START = DecisionParameters(experience_penalties=(0.0, 1.0, 1.5, 2.0, 2.0, 1.0))

#: Log-odds of n attempts (their columns of records.EVENT_SCHEMA) with features float32[n, F].
LogOdds = Callable[[pa.RecordBatch, F32], F64]


@dataclass(frozen=True, slots=True)
class Recording:
    """What the decision reads of the n attempts of one capture, in order, and whether each is spam."""

    log_odds: F64
    callers: U64
    ties: list[U64]
    times_us: I64
    first_contact: Mask
    is_victim: Mask
    spam: Mask

    def scores(self, parameters: DecisionParameters, *, prior: float) -> F64:
        """float64[n]: the score of each attempt; 0 where it could not have led to a block."""
        evidence = Evidence(parameters, prior=prior, max_keys=max(1, len(self.log_odds)))
        decision = evidence.update(
            self.callers,
            self.ties,
            self.times_us,
            self.log_odds,
            first_contact=self.first_contact,
            frozen=self.is_victim,
        )
        return np.where(decision.may_block & ~self.is_victim, decision.score, 0.0)


def record(
    model: Detector,
    events: Iterable[pa.RecordBatch],
    labels: CallLabels,
    *,
    log_odds: LogOdds | None = None,
) -> Recording:
    """Replay ``events`` (in time order) through fresh features and ``model``.

    Attempts without a label take part in the features alone. ``log_odds``: what scores the labelled attempts
    instead of ``model``. Raises InputError when no attempt has a label.
    """
    scored = log_odds or (lambda _, values: model.log_odds(values))
    table, victims = FeatureTable(), SpoofVictims()
    parts: list[Recording] = []
    for batch in events:
        rows = table.observe(batch)
        attempts = batch.take(pa.array(rows.rows))
        times_us = attempts["time_us"].to_numpy()
        strangers = is_first_contact(model.features, rows.values)
        is_victim = victims.update(
            attempts["caller"], attempts["callee"], attempts["source_ip"], times_us, strangers
        )
        label, _ = labels.find(attempts)
        known = label != UNLABELLED
        parts.append(
            Recording(
                log_odds=scored(attempts.filter(pa.array(known)), rows.values[known]),
                callers=caller_keys(attempts)[known],
                ties=[keys[known] for keys in tie_keys(attempts)],
                times_us=times_us[known],
                first_contact=strangers[known],
                is_victim=is_victim[known],
                spam=label[known] == 1,
            )
        )
    if not sum(len(part.spam) for part in parts):
        raise InputError("calibration: expected attempts with labels, found none")
    return _joined(parts)


def measure_budget(
    recordings: Sequence[Recording], parameters: DecisionParameters, *, prior: float
) -> ErrorBudget:
    """The highest score of every named legitimate caller; those of two recordings differ."""
    return budget_of(recordings, [recording.scores(parameters, prior=prior) for recording in recordings])


def choose_parameters(recordings: Sequence[Recording], *, prior: float) -> DecisionParameters:
    """Those that flag most spam attempts within the budget, by a search of one parameter at a time.

    A penalty for each stage of a caller's experience, because one threshold holds for all of them: otherwise
    the kind of caller that looks worst at a thousand calls decides what a newcomer may do.
    """
    best = _START
    highest = _merit(recordings, best, prior)
    for name, values in _GRID.items():
        for value in values:
            tried = replace(best, **{name: value})  # type: ignore[arg-type]  # all three are numbers
            merit = _merit(recordings, tried, prior)
            if merit > highest:
                best, highest = tried, merit
    for step in _PENALTY_STEPS:
        # The first stage stays: to move all is to move the threshold.
        for stage in range(1, len(STAGE_ATTEMPTS)):
            for moved in (step, -step):
                penalties = list(best.experience_penalties)
                penalties[stage] += moved
                tried = replace(best, experience_penalties=tuple(penalties))
                merit = _merit(recordings, tried, prior)
                if merit > highest:
                    best, highest = tried, merit
                    break
    return best


def calibrate(
    recordings: Sequence[Recording], *, prior: float, choose: bool = True
) -> tuple[DecisionParameters, ErrorBudget]:
    """Parameters chosen on every second recording, and the budget measured on the others.

    ``choose``: False keeps the defaults and measures on all. Raises InputError with fewer than two.
    """
    if not choose:
        return _START, measure_budget(recordings, _START, prior=prior)
    if len(recordings) < 2:
        raise InputError(f"calibration: expected at least 2 captures, found {len(recordings)}")
    parameters = choose_parameters(recordings[1::2], prior=prior)
    budget = measure_budget(recordings[0::2], parameters, prior=prior)
    parameters = anchored(parameters, budget.threshold(max(DEFAULT_WRONG_PER_10000, budget.least)))
    return parameters, measure_budget(recordings[0::2], parameters, prior=prior)


def anchored(parameters: DecisionParameters, threshold: float) -> DecisionParameters:
    """The same decisions with scores moved, in log-odds, so that ``threshold`` (0 to 1) becomes ANCHOR.

    Thresholds are compared with others that do not know the model: below ``policy.suspect_threshold`` no
    budget is heard. By MOST_MOVED at most; not at all where the threshold is 0, since nobody could have been
    blocked then: that vouches for nothing.
    """
    if threshold < _NOTHING_SEEN:
        return parameters
    held = min(threshold, 1.0 - _NOTHING_SEEN)
    up = math.log(ANCHOR / (1.0 - ANCHOR)) - math.log(held / (1.0 - held))
    up = min(max(up, -MOST_MOVED), MOST_MOVED)
    low, high = PENALTY_RANGE
    moved = tuple(min(max(penalty - up, low), high) for penalty in parameters.experience_penalties)
    return replace(parameters, experience_penalties=moved)


def _merit(recordings: Sequence[Recording], parameters: DecisionParameters, prior: float) -> float:
    """The share of spam attempts flagged at the thresholds that budgets give, size classes included."""
    scores = [recording.scores(parameters, prior=prior) for recording in recordings]
    budget = budget_of(recordings, scores)
    spam = np.concatenate([s[recording.spam] for s, recording in zip(scores, recordings, strict=True)])
    thresholds = [budget.threshold(max(wrong, budget.least)) for wrong in _BUDGETS]
    return float(np.mean([(spam >= threshold).mean() for threshold in thresholds]))


def budget_of(recordings: Sequence[Recording], scores: Sequence[F64]) -> ErrorBudget:
    """The highest of ``scores``, those of each recording, of every named legitimate caller."""
    maxima, attempts = [], []
    for recording, score in zip(recordings, scores, strict=True):
        legit = ~recording.spam & (recording.callers != 0)
        _, caller, counts = np.unique(recording.callers[legit], return_inverse=True, return_counts=True)
        highest = np.zeros(len(counts))
        np.maximum.at(highest, caller.reshape(-1), score[legit])
        maxima.append(highest)
        attempts.append(counts.astype(np.int64))
    return ErrorBudget.from_maxima(np.concatenate(maxima), np.concatenate(attempts))


def _joined(parts: Sequence[Recording]) -> Recording:
    return Recording(
        log_odds=np.concatenate([part.log_odds for part in parts]),
        callers=np.concatenate([part.callers for part in parts]),
        ties=[np.concatenate(keys) for keys in zip(*(part.ties for part in parts), strict=True)],
        times_us=np.concatenate([part.times_us for part in parts]),
        first_contact=np.concatenate([part.first_contact for part in parts]),
        is_victim=np.concatenate([part.is_victim for part in parts]),
        spam=np.concatenate([part.spam for part in parts]),
    )
