"""Train a model on simulated traffic, and that of other worlds: make it, replay it through the features, fit.

The features are folded by the same code that scores live traffic: what the model learns is what it will see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from spit.config import PolicyConfig
from spit.engine.ablation import ablation
from spit.engine.benchmark import Benchmark
from spit.engine.benchmark_report import to_markdown
from spit.engine.benchmark_run import measure_model
from spit.engine.calibration import Recording, calibrate, record
from spit.engine.call_labels import CallLabels
from spit.engine.evaluation import Progress, evaluate_on_simulation, silent
from spit.engine.model_card import model_card, seed_words
from spit.engine.training_traffic import LabelledEvents, check_world_seeds
from spit.engine.training_traffic import training_rows as training_rows
from spit.engine.training_traffic import training_spec as training_spec
from spit.errors import ConfigError
from spit.features.monotonic import MONOTONIC
from spit.features.table import FeatureTable
from spit.model.bundle import with_decision
from spit.model.scorer import Model
from spit.model.train import Member, TrainedModel, TrainingRows, TrainingSettings, train
from spit.policy.policy import Policy
from spit.simulate.scenario import scenario
from spit.worlds.traffic import WORLDS

#: Seeds of the own simulator beside each seed of every world: so many have about as many rows as one world.
OWN_SEEDS_PER_WORLD_SEED = 10


def monotonic(names: Sequence[str]) -> dict[str, int]:
    """The constraints of ``MONOTONIC`` on the features that there are."""
    return {name: MONOTONIC[name] for name in names if name in MONOTONIC}


def train_on_simulation(
    seeds: Sequence[int],
    test_seeds: Sequence[int],
    *,
    world_seeds: Sequence[int] = (),
    settings: TrainingSettings | None = None,
    progress: Progress | None = None,
) -> TrainedModel:
    """Fit on ``seeds`` and on every world (spit.worlds) at ``world_seeds``, and measure on ``test_seeds``.

    Raises ConfigError when seeds and test seeds overlap.
    """
    return _rows_and_model(seeds, test_seeds, world_seeds, settings, progress or silent)[1]


def default_settings(*, worlds: bool = False) -> TrainingSettings:
    """One forest, with the constraints of the features; ``worlds``: for those of several authors' traffic
    (``train_beside``), each of fewer trees and of more rows a caller."""
    one = TrainingSettings(monotonic=monotonic(FeatureTable.names))
    if not worlds:
        return one
    return replace(one, trees=60, learning_rate=0.15, max_rows_per_caller=60, max_weight_per_caller=40.0)


def _rows_and_model(
    seeds: Sequence[int],
    test_seeds: Sequence[int],
    world_seeds: Sequence[int],
    settings: TrainingSettings | None,
    progress: Progress,
) -> tuple[TrainingRows, TrainedModel]:
    """The model and the rows that it, or with worlds its latest forests, was fitted on."""
    own_settings = settings or default_settings()
    if not world_seeds:
        rows = _rows(seeds, test_seeds, (), own_settings, progress)
        return rows, train(rows, names=FeatureTable.names, test_seeds=test_seeds, settings=own_settings)
    check_world_seeds(world_seeds)
    own = train_on_simulation(seeds, test_seeds, settings=own_settings, progress=progress)
    settings = settings or default_settings(worlds=True)
    beside = seeds[: OWN_SEEDS_PER_WORLD_SEED * len(world_seeds)]
    rows = _rows(beside, test_seeds, world_seeds, settings, progress)
    return rows, train_beside(own, rows, test_seeds, world_seeds, settings)


def _rows(
    seeds: Sequence[int],
    test_seeds: Sequence[int],
    world_seeds: Sequence[int],
    settings: TrainingSettings,
    progress: Progress,
) -> TrainingRows:
    both = sorted(set(seeds) & set(test_seeds))
    if both:
        raise ConfigError(f"training: expected test seeds that are not trained on, found {both} in both")
    rows = training_rows(
        [*seeds, *test_seeds],
        world_seeds=world_seeds,
        max_rows_per_caller=settings.max_rows_per_caller,
        progress=progress,
    )
    progress(f"fitting {len(rows)} rows")
    return rows


def train_beside(
    own: TrainedModel,
    rows: TrainingRows,
    test_seeds: Sequence[int],
    world_seeds: Sequence[int],
    settings: TrainingSettings,
) -> TrainedModel:
    """The mean of ``own``, the forest of the own simulator alone, and of two of ``rows``, which are of worlds
    too: one of their values, one of these as they rank in their own network.

    ``own`` counts as much as the other two (docs/decisions/0026).
    """
    everything = set(rows.seeds.tolist()) - set(test_seeds)
    members = [
        Member(everything),
        Member(everything, matched=True),
        Member(own.trained_on["seeds"], onnx=own.onnx, weight=2.0),
    ]
    trained = train(rows, names=FeatureTable.names, test_seeds=test_seeds, settings=settings, members=members)
    facts = {"seeds": own.trained_on["seeds"], "worlds": list(WORLDS), "world_seeds": sorted(world_seeds)}
    return replace(trained, trained_on={**trained.trained_on, **facts})


def make_model(
    directory: Path,
    *,
    name: str,
    version: str,
    seeds: Sequence[int],
    test_seeds: Sequence[int],
    demo_seeds: Sequence[int],
    calibration_seeds: Sequence[int] = (),
    world_seeds: Sequence[int] = (),
    world_calibration_seeds: Sequence[int] = (),
    settings: TrainingSettings | None = None,
    benchmark: Benchmark | None = None,
    ablate: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Train, measure with the default policy, and write ``directory/name/version``; returns that path.

    The model is fitted on ``seeds`` and on every world (spit.worlds) at ``world_seeds``; ``test_seeds`` (the
    same scenario) and ``demo_seeds`` (the scenario ``demo``) are only measured, and the result goes into the
    model card, as that of ``benchmark`` does. On ``calibration_seeds`` (the same scenario) and on every world
    at ``world_calibration_seeds`` the parameters of the decision are chosen and the budget of wrong blocks is
    measured; without any, the bundle has the defaults and no budget. ``ablate``: say for every feature what
    it is worth, which costs a training per family of features. Raises ConfigError when seeds overlap with
    those of another purpose, ModelError when this version exists.
    """
    say = progress or silent
    both = sorted(set(calibration_seeds) & {*seeds, *test_seeds})
    if both:
        raise ConfigError(f"training: expected calibration seeds of their own, found {both} used twice")
    check_world_seeds(world_calibration_seeds)
    both = sorted(set(world_calibration_seeds) & set(world_seeds))
    if both:
        raise ConfigError(f"training: expected world calibration seeds of their own, found {both} used twice")
    if benchmark is not None:
        benchmark.refuse_trained_on([*seeds, *calibration_seeds])
    rows, trained = _rows_and_model(seeds, test_seeds, world_seeds, settings, say)
    if world_calibration_seeds:
        facts = {"worlds": list(WORLDS), "world_calibration_seeds": sorted(world_calibration_seeds)}
        trained = replace(trained, trained_on={**trained.trained_on, **facts})
    policy = Policy(PolicyConfig())
    model = trained.model(name=name, version=version, features=FeatureTable.names)
    recordings = [
        *(_recorded(model, seed, say) for seed in calibration_seeds),
        # Every second one is chosen on: in this order, some of each world.
        *(_recorded_world(model, world, seed, say) for world in WORLDS for seed in world_calibration_seeds),
    ]
    if recordings:
        model = model.deciding_by(*calibrate(recordings, prior=model.prior))
    metrics: dict[str, Any] = {}
    if ablate:
        whole = settings or default_settings(worlds=bool(world_seeds))
        metrics["ablation"] = ablation(rows, model, test_seeds=test_seeds, settings=whole, progress=say)
    del rows
    specs = {
        f"scenario training, seeds {seed_words(test_seeds)}": [training_spec(seed) for seed in test_seeds],
        f"scenario demo, seeds {seed_words(demo_seeds)}": [scenario("demo", seed) for seed in demo_seeds],
    }
    measured = {
        title: evaluate_on_simulation(model, policy, found, progress=progress)
        for title, found in specs.items()
        if found
    }
    sections = ""
    if benchmark is not None:
        result = measure_model(
            benchmark, model, policy, ("traffic", "baselines"), trained_seeds=seeds, progress=say
        )
        sections = to_markdown(result, heading="##")
    path = trained.write(
        directory,
        name=name,
        version=version,
        features=FeatureTable.names,
        schema_hash=FeatureTable.schema_hash,
        metrics={**{title: evaluation.overall for title, evaluation in measured.items()}, **metrics},
        model_card=model_card(
            trained,
            name=name,
            version=version,
            features=len(FeatureTable.names),
            measured={title: evaluation.to_text() for title, evaluation in measured.items()},
            benchmark=sections,
        ),
    )
    if recordings:
        with_decision(path, model.decision, model.error_budget)
    return path


def _recorded(model: Model, seed: int, progress: Progress) -> Recording:
    traffic = LabelledEvents.simulated(training_spec(seed))
    progress(f"calibrating on seed {seed}: {traffic.labels.num_rows} calls")
    return record(model, traffic.batches(), CallLabels(traffic.labels))


def _recorded_world(model: Model, world: str, seed: int, progress: Progress) -> Recording:
    traffic = LabelledEvents.of_world(world, seed)
    progress(f"calibrating on world {world}, seed {seed}: {traffic.labels.num_rows} calls")
    return record(model, traffic.batches(), CallLabels(traffic.labels))
