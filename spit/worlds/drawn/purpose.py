"""What a purpose allows: options of each component with weights, and ranges of the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spit.worlds.drawn.draws import Range

# Weights or ranges: one for all, or three for how far a campaign goes to hide (blatant, medium, stealthy).
Weights = Mapping[str, float | tuple[float, float, float]]
Ranges = tuple[Range, ...]


@dataclass(frozen=True)
class Purpose:
    """Bounds of the compositions of a purpose.

    ``weight``: how often a seed draws it; ``share``: its relative part of the traffic; ``calls``: median
    calls per member. ``personal`` callers have lines of their own. ``crowd`` callers share targets and
    events. ``dead``, ``repeats``, ``per_number``, ``window_h``, ``rate`` (calls per hour) and ``period_s`` as
    in ``scene.Kind``.
    """

    name: str
    who: Weights
    when: Weights
    shown: Weights
    entry: Weights
    manner: Weights
    weight: float = 1.0
    share: Range = (0.3, 1.5)
    calls: Range = (4, 300)
    spread: Range = (0.3, 1.4)
    expected: Range = (0.0, 0.0)
    messages: Range = (0.0, 0.0)
    dead: Ranges = ((0.0, 0.05),)
    repeats: Range = (1.0, 3.0)
    per_number: Ranges = ((1.2, 400.0),)
    window_h: Ranges = ((1.5, 30.0),)
    rate: Ranges = ((15.0, 900.0),)
    period_s: Range = (300.0, 20_000.0)
    rhythms: tuple[str, ...] = ("office", "shop", "calling-hours")
    equipment: tuple[str, ...] = ("pbx", "pbx", "dialler", "cloud", "desk", "gateway")
    personal: bool = False
    crowd: bool = False
    camouflage: Ranges = ((0.0, 0.0),)


def at(ranges: Ranges, level: int) -> Range:
    """The range that holds at a level of hiding."""
    return ranges[min(level, len(ranges) - 1)]


def options(weights: Weights, level: int) -> dict[str, float]:
    """The weights that hold at a level of hiding."""
    return {name: value[level] if isinstance(value, tuple) else value for name, value in weights.items()}
