"""Simulated traffic, and that of other worlds, as training rows.

They are folded by the same code that scores live traffic.

Rows are thinned per caller while they are made: what is held is the traffic of one seed and the rows kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spit.capture.recorded import call_events
from spit.engine.evaluation import Progress, kinds_of, silent
from spit.errors import ConfigError
from spit.features.table import FeatureTable
from spit.model.train import TrainingRows, join_rows, kept_rows
from spit.records import EventKind
from spit.simulate.events import to_events
from spit.simulate.labels import to_labels
from spit.simulate.scenario import scenario
from spit.simulate.spec import SimulationSpec
from spit.simulate.traffic import simulate
from spit.worlds.records import to_labels as to_world_labels
from spit.worlds.records import to_records
from spit.worlds.traffic import CALLS, HOURS, WORLDS, generate

#: Rows folded at a time; results do not depend on it.
BATCH_EVENTS = 65_536

#: Seeds below are those of this project's own simulation; those of every world come after.
WORLD_SEEDS = 1_000_000


def training_spec(seed: int) -> SimulationSpec:
    """The scenario ``training`` at this seed: everything about it is drawn, the hours that it lasts too."""
    return scenario("training", seed)


def world_row_seed(world: str, seed: int) -> int:
    """What TrainingRows.seeds says of a seed of a world, so that its callers are nobody else's.

    Raises ConfigError where there is no such world or seed.
    """
    if world not in WORLDS:
        raise ConfigError(f"world: expected one of {', '.join(WORLDS)}, found {world!r}")
    if not 0 < seed < WORLD_SEEDS:
        raise ConfigError(f"world {world}: expected a seed from 1 to {WORLD_SEEDS - 1}, found {seed}")
    return WORLD_SEEDS * (list(WORLDS).index(world) + 1) + seed


def check_world_seeds(seeds: Sequence[int]) -> None:
    """Raises ConfigError, before any work is done, where one cannot be the seed of a world."""
    for world in WORLDS:
        for seed in seeds:
            world_row_seed(world, seed)


@dataclass(frozen=True, slots=True)
class LabelledEvents:
    """The events of one capture (records.EVENT_SCHEMA) and the label of every call."""

    events: pa.RecordBatch
    labels: pa.Table
    seed: int

    @classmethod
    def simulated(cls, spec: SimulationSpec) -> LabelledEvents:
        """The traffic of ``spec``."""
        plan = simulate(spec)
        return cls(to_events(plan), to_labels(plan), spec.seed)

    @classmethod
    def of_world(cls, world: str, seed: int, calls: int = CALLS, hours: float = HOURS) -> LabelledEvents:
        """The traffic of a world (spit.worlds); ``seed`` is then ``world_row_seed``. Raises ConfigError."""
        row_seed = world_row_seed(world, seed)
        frame = generate(world, seed, calls, hours)
        return cls(call_events(to_records(frame)), to_world_labels(frame), row_seed)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The events, BATCH_EVENTS at a time."""
        for start in range(0, max(self.events.num_rows, 1), BATCH_EVENTS):
            yield self.events.slice(start, BATCH_EVENTS)

    def attempts(self) -> pa.RecordBatch:
        """The attempts alone, in order."""
        return self.events.filter(pc.equal(self.events["event"], EventKind.ATTEMPT.value))

    def campaign_kinds(self) -> list[str]:
        """The kinds of spam campaign in it."""
        spam = pc.equal(self.labels["label"], "spam")
        return sorted(set(kinds_of(self.labels).filter(spam).to_pylist()))

    def without(self, kind: str) -> LabelledEvents:
        """The same without the spam calls of this kind: they leave no trace in the state of others."""
        dropped = pc.and_(pc.equal(self.labels["label"], "spam"), pc.equal(kinds_of(self.labels), kind))
        calls = self.labels["call_id"].filter(dropped).combine_chunks()
        kept = pc.invert(pc.is_in(self.events["call_id"], value_set=calls))
        return LabelledEvents(self.events.filter(kept), self.labels, self.seed)

    def rows(self, max_rows_per_caller: int) -> TrainingRows:
        """Feature rows of its attempts, at most so many of each caller, folded from an empty state."""
        attempts = self.attempts()
        callers = pc.dictionary_encode(attempts["caller"].fill_null(""))
        codes = callers.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        kept = kept_rows(codes, max_rows_per_caller)
        width = len(FeatureTable.names)
        values = np.empty((int(kept.sum()), width), np.float32)
        table, at, seen = FeatureTable(), 0, 0
        for found in (table.observe(batch).values for batch in self.batches()):
            chosen = found[kept[seen : seen + len(found)]]
            values[at : at + len(chosen)] = chosen
            at, seen = at + len(chosen), seen + len(found)
        taken = attempts.filter(pa.array(kept))
        names = np.array(callers.dictionary.to_pylist(), dtype=np.str_)[codes[kept]]
        return TrainingRows(
            values, labels_of(taken, self.labels), names, np.full(len(values), self.seed, np.int64)
        )


def training_rows(
    seeds: Sequence[int],
    *,
    world_seeds: Sequence[int] = (),
    max_rows_per_caller: int = 60,
    progress: Progress | None = None,
) -> TrainingRows:
    """Feature rows of the scenario ``training`` at each seed and of every world at each of ``world_seeds``; a
    fresh state for each. Raises ConfigError where a seed is not one.
    """
    say = progress or silent
    check_world_seeds(world_seeds)
    if world_seeds and max(seeds, default=0) >= WORLD_SEEDS:
        raise ConfigError(
            f"training: expected seeds below {WORLD_SEEDS} beside those of worlds, found {max(seeds)}"
        )

    def parts() -> Iterator[TrainingRows]:
        for at, seed in enumerate(seeds):
            part = LabelledEvents.simulated(training_spec(seed))
            rows = part.rows(max_rows_per_caller)
            say(f"seed {seed} ({at + 1} of {len(seeds)}): {part.labels.num_rows} calls, {len(rows)} rows")
            yield rows
        for world in WORLDS if world_seeds else ():
            for at, seed in enumerate(world_seeds):
                part = LabelledEvents.of_world(world, seed)
                rows = part.rows(max_rows_per_caller)
                where = f"world {world}, seed {seed} ({at + 1} of {len(world_seeds)})"
                say(f"{where}: {part.labels.num_rows} calls, {len(rows)} rows")
                yield rows

    return join_rows(parts())


def rows_without(parts: Iterable[LabelledEvents], kind: str, max_rows_per_caller: int) -> TrainingRows:
    """Rows of all parts, one kind of campaign left out."""
    return join_rows(part.without(kind).rows(max_rows_per_caller) for part in parts)


def labels_of(attempts: pa.RecordBatch, labels: pa.Table) -> npt.NDArray[np.bool_]:
    """bool[n]: whether each attempt is spam, by its Call-ID. Raises ConfigError where there is no label."""
    at = pc.index_in(attempts["call_id"], value_set=labels["call_id"].combine_chunks())
    if at.null_count:
        missing = attempts["call_id"].filter(pc.is_null(at))[0].as_py()
        raise ConfigError(f"training: expected a label for every attempt, found none for {missing!r}")
    label = labels["label"].combine_chunks().take(at)
    spam: npt.NDArray[np.bool_] = pc.equal(label, "spam").to_numpy(zero_copy_only=False)
    return spam
