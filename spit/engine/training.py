"""Train a model on simulated traffic: simulate, replay through the features, fit.

The features are folded by the same code that scores live traffic: what the model learns is what it will see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from spit.config import PolicyConfig
from spit.engine.calibration import Recording, calibrate, record
from spit.engine.evaluation import evaluate_on_simulation
from spit.engine.model_card import model_card, seed_words
from spit.errors import ConfigError
from spit.features.monotonic import MONOTONIC
from spit.features.table import FeatureTable
from spit.model.bundle import with_decision
from spit.model.scorer import Model
from spit.model.train import TrainedModel, TrainingRows, TrainingSettings, train
from spit.policy.policy import Policy
from spit.simulate.events import to_events
from spit.simulate.labels import to_labels
from spit.simulate.scenario import scenario
from spit.simulate.spec import SimulationSpec
from spit.simulate.traffic import simulate

#: Rows folded at a time; results do not depend on it.
BATCH_EVENTS = 65_536
_HOUR_S = 3_600
_DAY_S = 86_400

Progress = Callable[[str], None]


def monotonic(names: Sequence[str]) -> dict[str, int]:
    """The constraints of ``MONOTONIC`` on the features that there are."""
    return {name: MONOTONIC[name] for name in names if name in MONOTONIC}


def training_spec(seed: int) -> SimulationSpec:
    """The scenario ``training``, changed in two ways that make it harder.

    Three seeds of four are a stretch of hours instead of days, because a detector that was just switched on
    knows nobody. Hard negatives (blasts, call centres, reminders) are drawn more often than they occur,
    because the few of a single day teach little.
    """
    spec = scenario("training", seed)
    rng = np.random.default_rng([seed, 5])
    if seed % 4:
        hours, opening_hour = int(rng.integers(1, 9)), int(rng.integers(7, 16))
        midnight_s = spec.start_time_s - spec.start_time_s % _DAY_S
        spec = replace(spec, duration_s=hours * _HOUR_S, start_time_s=midnight_s + opening_hour * _HOUR_S)
    else:
        spec = replace(spec, duration_s=max(spec.duration_s, _DAY_S))
    return replace(
        spec,
        alert_blasts=int(rng.integers(1, 7)),
        call_centres=int(rng.integers(1, 6)),
        reminders=int(rng.integers(2, 9)),
        pbxs=int(rng.integers(2, 9)),
    )


def training_rows(seeds: Sequence[int], *, progress: Progress | None = None) -> TrainingRows:
    """Feature rows of every attempt of the scenario ``training`` at each seed; a fresh state for each."""
    values, spam, callers, origins = [], [], [], []
    for at, seed in enumerate(seeds):
        plan = simulate(training_spec(seed))
        events = to_events(plan)
        rows, attempts = replay(events)
        values.append(rows)
        spam.append(labels_of(attempts, to_labels(plan)))
        callers.append(np.array(attempts["caller"].fill_null("").to_pylist(), dtype=np.str_))
        origins.append(np.full(len(rows), seed, dtype=np.int64))
        if progress is not None:
            progress(f"seed {seed} ({at + 1} of {len(seeds)}): {len(rows)} attempts")
    return TrainingRows(
        np.concatenate(values), np.concatenate(spam), np.concatenate(callers), np.concatenate(origins)
    )


def replay(
    events: pa.RecordBatch,
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float32]], pa.RecordBatch]:
    """float32[n, F] and the attempt rows of ``events``, folded from an empty state."""
    table = FeatureTable()
    values, attempts = [], []
    for start in range(0, max(events.num_rows, 1), BATCH_EVENTS):
        batch = events.slice(start, BATCH_EVENTS)
        found = table.observe(batch)
        values.append(found.values)
        attempts.append(batch.take(pa.array(found.rows)))
    return np.concatenate(values), pa.concat_batches(attempts)


def labels_of(attempts: pa.RecordBatch, labels: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """bool[n]: whether each attempt is spam, by its Call-ID. Raises ConfigError where there is no label."""
    spam = dict(zip(labels["call_id"].to_pylist(), labels["label"].to_pylist(), strict=True))
    try:
        return np.array(
            [spam[call_id] == "spam" for call_id in attempts["call_id"].to_pylist()], dtype=np.bool_
        )
    except KeyError as error:
        raise ConfigError(f"training: expected a label for every attempt, found none for {error}") from None


def train_on_simulation(
    seeds: Sequence[int],
    test_seeds: Sequence[int],
    *,
    settings: TrainingSettings | None = None,
    progress: Progress | None = None,
) -> TrainedModel:
    """Fit on ``seeds`` and measure on ``test_seeds``. Raises ConfigError when they overlap."""
    both = sorted(set(seeds) & set(test_seeds))
    if both:
        raise ConfigError(f"training: expected test seeds that are not trained on, found {both} in both")
    rows = training_rows([*seeds, *test_seeds], progress=progress)
    names = FeatureTable.names
    if progress is not None:
        progress(f"fitting {len(rows.values)} attempts")
    return train(
        rows,
        names=names,
        test_seeds=test_seeds,
        settings=settings if settings is not None else TrainingSettings(monotonic=monotonic(names)),
    )


def make_model(
    directory: Path,
    *,
    name: str,
    version: str,
    seeds: Sequence[int],
    test_seeds: Sequence[int],
    demo_seeds: Sequence[int],
    calibration_seeds: Sequence[int] = (),
    settings: TrainingSettings | None = None,
    progress: Progress | None = None,
) -> Path:
    """Train, measure with the default policy, and write ``directory/name/version``; returns that path.

    The model is fitted on ``seeds``; ``test_seeds`` (the same scenario) and ``demo_seeds`` (the scenario
    ``demo``) are only measured, and the result goes into the model card. On ``calibration_seeds`` (the same
    scenario) the parameters of the decision are chosen and the budget of wrong blocks is measured; without
    any, the bundle has the defaults and no budget. Raises ConfigError when ``seeds`` overlap with those of
    another purpose, ModelError when this version exists.
    """
    both = sorted(set(calibration_seeds) & {*seeds, *test_seeds})
    if both:
        raise ConfigError(f"training: expected calibration seeds of their own, found {both} used twice")
    trained = train_on_simulation(seeds, test_seeds, settings=settings, progress=progress)
    policy = Policy(PolicyConfig())
    model = trained.model(name=name, version=version, features=FeatureTable.names)
    if calibration_seeds:
        recordings = [_recorded(model, seed, progress) for seed in calibration_seeds]
        model = model.deciding_by(*calibrate(recordings, prior=model.prior))
    specs = {
        f"scenario training, seeds {seed_words(test_seeds)}": [training_spec(seed) for seed in test_seeds],
        f"scenario demo, seeds {seed_words(demo_seeds)}": [scenario("demo", seed) for seed in demo_seeds],
    }
    measured = {
        title: evaluate_on_simulation(model, policy, found, progress=progress)
        for title, found in specs.items()
        if found
    }
    path = trained.write(
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
    if calibration_seeds:
        with_decision(path, model.decision, model.error_budget)
    return path


def _recorded(model: Model, seed: int, progress: Progress | None) -> Recording:
    plan = simulate(training_spec(seed))
    events = to_events(plan)
    if progress is not None:
        progress(f"calibrating on seed {seed}: {len(plan)} calls")
    batches = (events.slice(start, BATCH_EVENTS) for start in range(0, events.num_rows, BATCH_EVENTS))
    return record(model, batches, to_labels(plan))
