"""Keeps the memory of grey callers with the saved state: a restart must not make them wait once more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from spit.engine import checkpoint
from spit.engine.scored import Scored
from spit.errors import InputError
from spit.policy.grey import GreyMemory, GreyPair

_FILE = "grey.arrow"
_SCHEMA = pa.schema(
    [
        pa.field("tenant", pa.string(), nullable=False),
        pa.field("caller", pa.string(), nullable=False),
        pa.field("callee", pa.string()),
        pa.field("first_us", pa.int64(), nullable=False),
        pa.field("passed_us", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class _FrozenGrey:
    pairs: list[GreyPair]

    def write(self, snapshot: Path) -> None:
        rows = [(*key, *times) for key, times in self.pairs]
        columns = list(zip(*rows, strict=True)) or [()] * len(_SCHEMA)
        arrays = [pa.array(values, one.type) for values, one in zip(columns, _SCHEMA, strict=True)]
        checkpoint.write_batch(snapshot / _FILE, pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA))

    def saved(self) -> None:
        """Nothing waits for it."""


class GreyState:
    """Saves a ``GreyMemory`` with an engine (``Engine(saved=...)``).

    Questions are not in the journal: who was refused after the last save, and before a crash, waits anew.
    """

    def __init__(self, memory: GreyMemory) -> None:
        self._memory = memory

    def observe(self, _events: pa.RecordBatch, _scored: Scored) -> None:
        """Nothing: questions are what it remembers."""

    def freeze(self) -> _FrozenGrey:
        """A copy."""
        return _FrozenGrey(self._memory.pairs())

    def restore(self, snapshot: Path) -> None:
        """Go on from what was frozen. Raises InputError; nothing is changed then."""
        if not (snapshot / _FILE).exists():  # a state of a version that did not save it
            return
        found = checkpoint.read_batch(snapshot / _FILE)
        if not found.schema.equals(_SCHEMA):
            raise InputError(f"{snapshot / _FILE}: expected grey callers of this version, found others")
        columns = [column.to_pylist() for column in found.columns]
        keys, times = zip(*columns[:3], strict=True), zip(*columns[3:], strict=True)
        self._memory.restore(list(zip(keys, times, strict=True)))
