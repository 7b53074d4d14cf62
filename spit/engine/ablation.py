"""What each feature is worth: how far the average precision falls without it.

* Permutation importance (Breiman 2001) of every feature on the test rows. Values are exchanged between
  callers, not between rows: the rows of one caller resemble each other, and exchanging those would hide what
  a feature tells.
* Every family (the features of one key) left out of training altogether. What other families also know is not
  missed then: a family may matter by permutation and still be replaceable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spit.engine.evaluation import Progress, silent
from spit.errors import ConfigError
from spit.features.declare import Feature
from spit.features.table import FEATURES
from spit.model.scorer import Model
from spit.model.train import TrainingRows, TrainingSettings, caller_weights, train

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

#: Test rows that permutation looks at: beyond these, more of them only take time.
MAX_ROWS = 20_000
#: Rows and trees of the trainings without a family: enough to compare them, a fraction of a whole training.
FAMILY_ROWS, FAMILY_TREES = 150_000, 60
_SEED = 11


def ablation(
    rows: TrainingRows,
    model: Model,
    *,
    test_seeds: Sequence[int],
    settings: TrainingSettings,
    progress: Progress = silent,
) -> dict[str, Any]:
    """The figures as the bundle's metrics hold them: ``features`` and ``families``, falls of AUC-PR.

    ``rows``: those that ``model`` was trained with, test rows included. Raises ConfigError without test rows.
    """
    test = rows.taken(np.isin(rows.seeds, np.asarray(test_seeds, np.int64)))
    if len(test) == 0:
        raise ConfigError("ablation: expected rows of test seeds, found none")
    progress(f"permuting {len(FEATURES)} features")
    features = permutation_falls(model, _some_callers(test, MAX_ROWS))
    rows = _some_callers(rows, FAMILY_ROWS)
    settings = replace(settings, trees=min(settings.trees, FAMILY_TREES))
    whole = _test_precision(rows, list(range(len(FEATURES))), test_seeds, settings)
    families = {}
    for family in dict.fromkeys(feature.key for feature in FEATURES):
        progress(f"training without the family {family}")
        kept = [i for i, feature in enumerate(FEATURES) if feature.key != family]
        families[family] = round(whole - _test_precision(rows, kept, test_seeds, settings), 6)
    return {"features": features, "families": families, "average_precision": round(whole, 6)}


def permutation_falls(model: Model, rows: TrainingRows) -> dict[str, float]:
    """By feature: the average precision of ``rows`` less that with the feature's values of other callers."""
    from sklearn.metrics import average_precision_score

    groups = rows.groups()
    weights = caller_weights(groups, TrainingSettings().max_weight_per_caller)
    donors = exchanged(groups, np.random.default_rng(_SEED))

    def precision(values: npt.NDArray[np.float32]) -> float:
        return float(average_precision_score(rows.spam, model.raw_log_odds(values), sample_weight=weights))

    whole, falls, values = precision(rows.values), {}, rows.values.copy()
    for i, name in enumerate(model.features):
        values[:, i] = rows.values[donors, i]
        falls[name] = round(whole - precision(values), 6)
        values[:, i] = rows.values[:, i]
    return falls


def exchanged(groups: I64, rng: np.random.Generator) -> I64:
    """int64[n]: for each row a row of the caller that takes its caller's place, as far along as it is."""
    count = int(groups.max()) + 1
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups, minlength=count)
    starts = np.cumsum(sizes) - sizes
    rank = np.empty(len(groups), np.int64)
    rank[order] = np.arange(len(groups)) - np.repeat(starts, sizes)
    # A round trip through all callers in random order: nobody keeps its own.
    tour = rng.permutation(count)
    other = np.empty(count, np.int64)
    other[tour] = np.roll(tour, 1)
    donor = other[groups]
    result: I64 = order[starts[donor] + rank * sizes[donor] // sizes[groups]]
    return result


def _some_callers(rows: TrainingRows, count: int) -> TrainingRows:
    """About ``count`` rows: whole callers, at random."""
    if len(rows) <= count:
        return rows
    groups = rows.groups()
    chosen = np.random.default_rng(_SEED).random(int(groups.max()) + 1) < count / len(rows)
    return rows.taken(chosen[groups])


def _test_precision(
    rows: TrainingRows, kept: Sequence[int], test_seeds: Sequence[int], settings: TrainingSettings
) -> float:
    names = [FEATURES[i].name for i in kept]
    narrow = TrainingRows(np.ascontiguousarray(rows.values[:, kept]), rows.spam, rows.callers, rows.seeds)
    constraints = {name: sign for name, sign in settings.monotonic.items() if name in names}
    trained = train(
        narrow, names=names, test_seeds=test_seeds, settings=replace(settings, monotonic=constraints)
    )
    return float(trained.metrics["test"]["average_precision"])


def render_markdown(figures: Mapping[str, Any], model: str, features: Sequence[Feature] = FEATURES) -> str:
    """docs/ablation.md. Raises ConfigError when a feature has no figure."""
    falls = figures.get("features", {})
    missing = [feature.name for feature in features if feature.name not in falls]
    if missing:
        raise ConfigError(
            f"{model}: expected an ablation figure for every feature, found none for {missing[0]} "
            f"(and {len(missing) - 1} more); train the model with this version"
        )
    lines = [
        "# What each feature is worth",
        "",
        f"Generated from the bundle `{model}` by `python -m spit.engine.ablation_document`; do not edit.",
        "",
        "By how much the average precision (AUC-PR, "
        f"{figures['average_precision']:.4f} with all features) of single attempts falls on simulated test "
        "traffic. How it is measured, and why a small figure does not mean that a feature is useless: "
        "docs/evaluation.md.",
        "",
        "## Families, left out of training",
        "",
        "| Family | Features | Fall of AUC-PR |",
        "|---|---|---|",
        *(
            f"| {family} | {sum(feature.key == family for feature in features)} | {fall:+.4f} |"
            for family, fall in figures["families"].items()
        ),
        "",
        "## Features, exchanged between callers",
        "",
        "| Feature | Fall of AUC-PR |",
        "|---|---|",
        *(
            f"| `{feature.name}` | {falls[feature.name]:+.4f} |"
            for feature in sorted(features, key=lambda f: -falls[f.name])
        ),
        "",
    ]
    return "\n".join(lines)
