"""Leave one kind of campaign out: train without it, then look for it.

What a detector makes of the next kind of campaign, one that nobody has simulated yet, is better told by this
than by any figure on kinds that it was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spit.engine.benchmark import Benchmark, join_parts, scored_part
from spit.engine.detection_metrics import OperatingPoint, callers_of, operating_point, threshold_for
from spit.engine.engine import Engine
from spit.engine.evaluation import Progress, silent
from spit.engine.training_traffic import LabelledEvents, rows_without
from spit.features.table import FeatureTable
from spit.model.decision import DEFAULT_WRONG_PER_10000
from spit.model.scorer import Model
from spit.model.train import TrainingSettings, train
from spit.policy.policy import Policy

if TYPE_CHECKING:
    import pandas as pd

#: Share of the legitimate callers ever flagged where the threshold is chosen: the default policy's.
CHOSEN_BUDGET = DEFAULT_WRONG_PER_10000 / 1e4


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a model that never saw ``kind`` makes of it.

    ``chosen``: at the threshold that keeps CHOSEN_BUDGET on other traffic, without the kind too;
    ``at_budget``: at the one that the benchmark's budget allows on this very traffic.
    """

    kind: str
    callers: int
    chosen: OperatingPoint
    at_budget: OperatingPoint


def leave_one_out(
    benchmark: Benchmark,
    policy: Policy,
    *,
    settings: TrainingSettings,
    progress: Progress = silent,
) -> list[LeftOut]:
    """Train once per kind of campaign in the traffic to fit, and measure each model on the traffic to test.

    The threshold of each is chosen on traffic without the kind too, as those of baselines are: the default is
    that of a model without a calibration, and with it a fraction of the budget was used.
    Costs a training and an evaluation per kind (docs/evaluation.md states the time).
    """
    names = FeatureTable.names
    parts = [LabelledEvents.simulated(spec) for spec in benchmark.left_out_fit.specs()]
    choose, test = (
        [LabelledEvents.simulated(spec) for spec in traffic.specs()]
        for traffic in (benchmark.left_out_choose, benchmark.left_out_test)
    )
    kinds = sorted({kind for part in parts for kind in part.campaign_kinds()})
    found = []
    for at, kind in enumerate(kinds):
        progress(f"leaving out {kind} ({at + 1} of {len(kinds)})")
        rows = rows_without(parts, kind, settings.max_rows_per_caller)
        trained = train(rows, names=names, test_seeds=(), settings=settings)
        model = trained.model(name=f"without-{kind}", version="0", features=names)
        threshold = threshold_for(
            callers_of(_scored(model, policy, [part.without(kind) for part in choose])), CHOSEN_BUDGET
        )
        calls = _scored(model, policy, test)
        # The other kinds are not asked for here.
        calls = calls[~calls["spam"] | (calls["kind"] == kind)]
        callers = callers_of(calls)
        chosen = operating_point(calls, CHOSEN_BUDGET, threshold, callers)
        point = operating_point(calls, benchmark.budget, threshold_for(callers, benchmark.budget), callers)
        found.append(LeftOut(kind, int(callers["spam"].sum()), chosen, point))
    return found


def _scored(model: Model, policy: Policy, parts: Sequence[LabelledEvents]) -> pd.DataFrame:
    """The attempts of all parts, each scored by an engine of its own. Callers become numbers."""
    return join_parts([scored_part(Engine(model, policy), part, str(part.seed)) for part in parts])
