"""The decision of a model that learned from an operator's calls, and its budget of wrong blocks there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from spit.engine.calibration import anchored, budget_of, record
from spit.engine.call_labels import CallLabels
from spit.engine.learned_forests import Beside
from spit.engine.learned_rows import F32, F64, I64, U64, Mask, caller_keys
from spit.features.table import FeatureTable
from spit.model.bundle import Calibration
from spit.model.decision import DecisionParameters
from spit.model.error_budget import ErrorBudget
from spit.model.train import TrainedModel


@dataclass(frozen=True, slots=True)
class LearnedDecision:
    """How scores become verdicts. ``vouched_by``: the name of the model beside where the budget is its own;
    None where it is that of the operator's callers, or where there is none."""

    calibration: Calibration
    parameters: DecisionParameters
    budget: ErrorBudget | None
    vouched_by: str | None = None


def decide_on_calls(
    events: Iterable[pa.RecordBatch],
    labels: CallLabels,
    trained: TrainedModel,
    beside: Beside | None,
    *,
    folds_of: Callable[[U64], I64],
    is_measured: Callable[[U64, I64], Mask],
    wrong_per_10000: float,
) -> LearnedDecision:
    """The decision of ``trained``, with the budget of the labelled legitimate callers.

    Each of these is scored by the forest that did not learn from it (``TrainedModel.without_fold``), so its
    scores are those of a caller nobody has seen (cross-conformal prediction, Vovk 2015). Legitimate is a
    caller without a spam call: to block a number that spam comes from is no wrong block, and whose number
    others show is guarded elsewhere (``SpoofVictims``). ``folds_of``: the fold of each caller key.
    ``is_measured``: which attempts, by caller keys and times, the budget may not look at.

    Callers too few to vouch for ``wrong_per_10000`` are too few to calibrate on: calibration, parameters and
    budget are then those of ``beside``, whose scores the model's are nearly. Without it, or where that has no
    such budget, there is none, and the policy's fixed thresholds hold.
    """
    features = FeatureTable.names
    model = trained.model(name="learned", version="0", features=features)
    without = {
        fold: replace(trained, onnx=onnx).model(name="fold", version=str(fold), features=features)
        for fold, onnx in trained.without_fold.items()
    }
    measured: list[Mask] = []

    def log_odds(attempts: pa.RecordBatch, values: F32) -> F64:
        callers = caller_keys(attempts["caller"])
        apart = is_measured(callers, attempts["time_us"].to_numpy())
        measured.append(apart)
        found, folds = np.empty(len(values)), folds_of(callers)
        found[apart] = model.log_odds(values[apart])
        for fold, other in without.items():
            at = ~apart & (folds == fold)
            found[at] = other.log_odds(values[at])
        return found

    recording = record(model, events, labels, log_odds=log_odds)
    taken_over = np.isin(recording.callers, np.unique(recording.callers[recording.spam]))
    # A caller without a key is nobody's, and the budget does not count it.
    left_out = np.concatenate(measured) | taken_over
    counted = replace(recording, callers=np.where(left_out, 0, recording.callers))

    def budget(parameters: DecisionParameters) -> ErrorBudget:
        return budget_of([counted], [recording.scores(parameters, prior=model.prior)])

    parameters = DecisionParameters() if beside is None else beside.model.decision
    found = budget(parameters)
    if found.least <= wrong_per_10000:
        moved = anchored(parameters, found.threshold(wrong_per_10000))
        return LearnedDecision(trained.calibration, moved, budget(moved))
    if beside is not None:
        theirs = beside.model.error_budget
        if theirs is not None and theirs.least <= wrong_per_10000:
            return LearnedDecision(beside.calibration, parameters, theirs, beside.model.name)
    return LearnedDecision(trained.calibration, parameters, None)
