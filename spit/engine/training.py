"""Train a model on simulated traffic: simulate, replay through the features, fit.

The features are folded by the same code that scores live traffic: what the model learns is what it will see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from spit.engine.model_card import model_card
from spit.errors import ConfigError
from spit.features.table import FeatureTable
from spit.model.train import TrainedModel, TrainingRows, TrainingSettings, train
from spit.simulate.events import to_events
from spit.simulate.labels import to_labels
from spit.simulate.scenario import scenario
from spit.simulate.traffic import simulate

#: Rows folded at a time; results do not depend on it.
BATCH_EVENTS = 65_536

Progress = Callable[[str], None]


def training_rows(seeds: Sequence[int], *, progress: Progress | None = None) -> TrainingRows:
    """Feature rows of every attempt of the scenario ``training`` at each seed; a fresh state for each."""
    values, spam, callers, origins = [], [], [], []
    for at, seed in enumerate(seeds):
        plan = simulate(scenario("training", seed))
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
    if progress is not None:
        progress(f"fitting {len(rows.values)} attempts")
    return train(
        rows,
        names=FeatureTable().names,
        test_seeds=test_seeds,
        settings=settings if settings is not None else TrainingSettings(),
    )


def write_model(trained: TrainedModel, directory: Path, *, name: str, version: str) -> Path:
    """Write the bundle and its card to ``directory/name/version``; returns that path. Raises ModelError."""
    table = FeatureTable()
    return trained.write(
        directory,
        name=name,
        version=version,
        features=table.names,
        schema_hash=table.schema_hash,
        model_card=model_card(trained, name=name, version=version, features=len(table.names)),
    )
