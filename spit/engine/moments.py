"""What an engine is at one moment: what is copied for a saved state, and who looks on beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from spit.engine.detection import FrozenDetection
from spit.engine.scored import Scored
from spit.storage.journal import Position


@dataclass(frozen=True, slots=True)
class Restored:
    """What a saved state says of itself."""

    saved_at_us: int | None  # wall clock, epoch µs; None where it was not told
    tracker: bytes | None  # the open calls of a live capture, where there was one
    position: Position  # which accepted events it holds


class Observer(Protocol):
    """Looks on: what it finds never reaches a verdict (challenger.py, drift.py)."""

    def observe(self, events: pa.RecordBatch, scored: Scored) -> None:
        """A chunk of events and its scored attempts; called outside of the engine's lock. Must not raise."""


class Frozen(Protocol):
    """What a saved observer was at the moment of a save."""

    def write(self, snapshot: Path) -> None:
        """Into files of its own. Raises OSError."""

    def saved(self) -> None:
        """The snapshot counts from now on."""


class SavedObserver(Observer, Protocol):
    """An observer whose state is of the same moment as the engine's, and that sees replayed events too."""

    def freeze(self) -> Frozen:
        """Quickly: events wait."""

    def restore(self, snapshot: Path) -> None:
        """Go on from what ``Frozen.write`` wrote, all or nothing. Raises InputError."""


@dataclass(frozen=True, slots=True)
class FrozenEngine:
    """A copy of all state, to be written while counting goes on."""

    detection: FrozenDetection
    beside: list[Frozen]
    position: Position
    facts: dict[str, Any]
