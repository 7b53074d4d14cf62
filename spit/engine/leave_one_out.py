"""Leave one kind of campaign out: train without it, then look for it.

What a detector makes of the next kind of campaign, one that nobody has simulated yet, is better told by this
than by any figure on kinds that it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

from spit.engine.benchmark import Benchmark, measured
from spit.engine.calibration import calibrate, record
from spit.engine.detection_metrics import (
    Group,
    OperatingPoint,
    callers_of,
    groups_of,
    operating_point,
    threshold_for,
)
from spit.engine.evaluation import Progress, silent
from spit.engine.intervals import Estimate
from spit.engine.training_traffic import LabelledEvents, rows_without
from spit.features.table import FeatureTable
from spit.model.train import TrainingSettings, train
from spit.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a model that never saw ``kind`` makes of it.

    ``group``: with the default policy; ``at_budget``: at the threshold that the budget allows on this very
    traffic.
    """

    kind: str
    group: Group
    legitimate_flagged: Estimate
    at_budget: OperatingPoint


def leave_one_out(
    benchmark: Benchmark,
    policy: Policy,
    *,
    settings: TrainingSettings,
    progress: Progress = silent,
) -> list[LeftOut]:
    """Train once per kind of campaign in the traffic to fit, and measure each model on the traffic to test.

    The decision of each is calibrated as that of a shipped model is, on traffic without the kind too: by the
    default parameters a model uses a fraction of its budget, and that was measured, not what it can tell.
    Costs a training and an evaluation per kind (docs/evaluation.md states the time).
    """
    names = FeatureTable.names
    parts = [LabelledEvents.simulated(spec) for spec in benchmark.left_out_fit.specs()]
    calibration = [LabelledEvents.simulated(spec) for spec in benchmark.left_out_calibrate.specs()]
    kinds = sorted({kind for part in parts for kind in part.campaign_kinds()})
    found = []
    for at, kind in enumerate(kinds):
        progress(f"leaving out {kind} ({at + 1} of {len(kinds)})")
        rows = rows_without(parts, kind, settings.max_rows_per_caller)
        trained = train(rows, names=names, test_seeds=(), settings=settings)
        model = trained.model(name=f"without-{kind}", version="0", features=names)
        recordings = [
            record(model, part.batches(), part.labels) for part in (one.without(kind) for one in calibration)
        ]
        model = model.deciding_by(*calibrate(recordings, prior=model.prior))
        calls = measured(model, policy, benchmark.left_out_test).calls
        # The other kinds are not asked for here.
        calls = calls[~calls["spam"] | (calls["kind"] == kind)]
        callers = callers_of(calls)
        groups = groups_of(calls)
        point = operating_point(calls, benchmark.budget, threshold_for(callers, benchmark.budget), callers)
        everyone = {group.label: group for group in groups if group.kind == "(all)" and not group.strength}
        found.append(LeftOut(kind, everyone["spam"], everyone["ham"].callers_flagged, point))
    return found
