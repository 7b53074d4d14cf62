"""Train a model on simulated traffic: simulate, replay through the features, fit.

The features are folded by the same code that scores live traffic: what the model learns is what it will see.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spit.config import PolicyConfig
from spit.engine.evaluation import Progress, evaluate_on_simulation, silent
from spit.engine.model_card import model_card, seed_words
from spit.engine.training_traffic import training_rows, training_spec
from spit.errors import ConfigError
from spit.features.table import FeatureTable
from spit.model.train import TrainedModel, TrainingSettings, train
from spit.policy.policy import Policy
from spit.simulate.scenario import scenario

#: What holds by the meaning of a feature: worse behaviour never lowers a score, so nobody evades by it.
MONOTONIC = {
    **{
        f"{key}_{name}_{window}": sign
        for key in ("caller", "peer", "source", "block")
        for name, sign in {
            "sequential_ratio": 1,
            "short_call_ratio": 1,
            "one_ring_ratio": 1,
            "not_found_ratio": 1,
            "unwanted_ratio": 1,
            "callee_hang_up_ratio": 1,
            "first_contact_ratio": 1,
            "answer_ratio": -1,
            "reciprocal_ratio": -1,
        }.items()
        for window in ("1h", "1d")
    },
    "identity_asserted_differs": 1,
}


def monotonic(names: Sequence[str]) -> dict[str, int]:
    """The constraints of ``MONOTONIC`` on the features that there are."""
    return {name: MONOTONIC[name] for name in names if name in MONOTONIC}


def train_on_simulation(
    seeds: Sequence[int],
    test_seeds: Sequence[int],
    *,
    settings: TrainingSettings | None = None,
    progress: Progress = silent,
) -> TrainedModel:
    """Fit on ``seeds`` and measure on ``test_seeds``. Raises ConfigError when they overlap."""
    both = sorted(set(seeds) & set(test_seeds))
    if both:
        raise ConfigError(f"training: expected test seeds that are not trained on, found {both} in both")
    names = FeatureTable.names
    settings = settings or TrainingSettings(monotonic=monotonic(names))
    rows = training_rows(
        [*seeds, *test_seeds], max_rows_per_caller=settings.max_rows_per_caller, progress=progress
    )
    progress(f"fitting {len(rows)} rows")
    return train(rows, names=names, test_seeds=test_seeds, settings=settings)


def make_model(
    directory: Path,
    *,
    name: str,
    version: str,
    seeds: Sequence[int],
    test_seeds: Sequence[int],
    demo_seeds: Sequence[int],
    settings: TrainingSettings | None = None,
    progress: Progress = silent,
) -> Path:
    """Train, measure with the default policy, and write ``directory/name/version``; returns that path.

    The model is fitted on ``seeds``; ``test_seeds`` (the same scenario) and ``demo_seeds`` (the scenario
    ``demo``) are only measured, and the result goes into the model card. Raises ConfigError when ``seeds``
    and ``test_seeds`` overlap, ModelError when this version exists.
    """
    trained = train_on_simulation(seeds, test_seeds, settings=settings, progress=progress)
    policy = Policy(PolicyConfig())
    model = trained.model(name=name, version=version, features=FeatureTable.names)
    specs = {
        f"scenario training, seeds {seed_words(test_seeds)}": [training_spec(seed) for seed in test_seeds],
        f"scenario demo, seeds {seed_words(demo_seeds)}": [scenario("demo", seed) for seed in demo_seeds],
    }
    measured = {
        title: evaluate_on_simulation(model, policy, found, progress=progress)
        for title, found in specs.items()
        if found
    }
    return trained.write(
        directory,
        name=name,
        version=version,
        features=FeatureTable.names,
        schema_hash=FeatureTable.schema_hash,
        metrics={title: evaluation.overall for title, evaluation in measured.items()},
        model_card=model_card(
            trained,
            name=name,
            version=version,
            features=len(FeatureTable.names),
            measured={title: evaluation.to_text() for title, evaluation in measured.items()},
        ),
    )
