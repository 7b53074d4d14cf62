"""The detector for day one: it learns from the first attempts that come, then scores them and all others."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from spit.features.monotonic import MONOTONIC
from spit.features.table import FeatureTable
from spit.model.novelty import NoveltyModel

#: Attempts learned from: some hours of a small operator, minutes of a large one. Bounds what is buffered.
POPULATION_ATTEMPTS = 20_000
#: How much somebody calls is suspicious when it is much; which a ratio does not say.
_VOLUME = ("attempts", "distinct_callees")


def directions(names: Sequence[str]) -> dict[str, int]:
    """+1 or -1 for each feature of caller or peer that is worse in one direction by its meaning."""
    volumes = {name: 1 for name in names if name.startswith(tuple(f"caller_{part}_" for part in _VOLUME))}
    ratios = {
        name: MONOTONIC[name] for name in names if name in MONOTONIC and name.startswith(("caller_", "peer_"))
    }
    return {**volumes, **ratios}


def learn_novelty(
    batches: Iterable[pa.RecordBatch], *, attempts: int = POPULATION_ATTEMPTS
) -> tuple[NoveltyModel, Iterator[pa.RecordBatch]]:
    """A model of the first ``attempts`` attempts of ``batches``, and all batches again from the first.

    Raises ModelError when there are too few attempts to learn from.
    """
    table, read, values, count = FeatureTable(), [], [np.empty((0, len(FeatureTable.names)), np.float32)], 0
    iterator = iter(batches)
    for batch in iterator:
        read.append(batch)
        values.append(table.observe(batch).values)
        count += len(values[-1])
        if count >= attempts:
            break
    model = NoveltyModel.fit(np.concatenate(values), features=table.names, directions=directions(table.names))
    return model, itertools.chain(read, iterator)
