"""The simulated span, the operator's local hours and the daily rhythms of callers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from spit.worlds.drawn.draws import Range, Rng

_DAY_S = 86_400.0
_STEP_S = 900.0


@dataclass(frozen=True)
class Rhythm:
    """Call intensity over a day as bumps of (local hour, width in hours, height) over a floor."""

    bumps: tuple[tuple[float, float, float], ...]
    floor: float
    weekend: float


# Residential voice peaks in the early evening; business voice before and after noon (common finding of
# call-detail-record studies); the rest follows from sleep, school and opening hours.
RHYTHMS: dict[str, Rhythm] = {
    "worker": Rhythm(((8.0, 1.0, 0.5), (12.5, 1.5, 0.7), (18.5, 2.2, 1.3)), 0.03, 1.0),
    "family": Rhythm(((8.0, 0.8, 0.9), (15.5, 2.0, 1.1), (18.5, 1.5, 0.9)), 0.03, 1.1),
    "student": Rhythm(((12.5, 1.5, 0.5), (16.5, 2.0, 0.9), (21.5, 2.5, 1.3)), 0.12, 1.3),
    "retired": Rhythm(((10.5, 1.8, 1.3), (15.0, 2.5, 0.9)), 0.02, 0.9),
    "shift": Rhythm(((5.0, 2.0, 0.7), (14.0, 2.0, 0.7), (22.5, 2.0, 0.9)), 0.15, 1.0),
    "office": Rhythm(((10.3, 1.3, 1.2), (14.7, 1.5, 1.1)), 0.02, 0.12),
    "shop": Rhythm(((11.0, 1.8, 1.0), (16.5, 2.2, 1.1)), 0.02, 0.8),
    "calling-hours": Rhythm(((10.5, 1.6, 0.9), (14.5, 2.0, 0.9), (18.0, 1.6, 1.1)), 0.0, 0.5),
    "evening": Rhythm(((19.0, 1.6, 1.3),), 0.03, 0.9),
    "early": Rhythm(((6.5, 1.2, 1.4),), 0.04, 0.6),
    "night": Rhythm(((1.0, 3.0, 1.0), (24.5, 2.0, 1.0)), 0.05, 1.0),
    "flat": Rhythm((), 1.0, 1.0),
}


class Clock:
    """Times in a span, in seconds from its start."""

    def __init__(self, rng: Rng, hours: float, utc_offset_h: float, summer_time: bool) -> None:
        day = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(
            days=7 * int(rng.integers(51)) + int(rng.integers(5))
        )
        if summer_time and 4 <= day.month <= 10:
            utc_offset_h += 1.0
        self.span_s = hours * 3600.0
        self._local_s = float(rng.random()) * _DAY_S
        self._weekday = day.weekday()
        self._lag_h = float(rng.normal(0.0, 0.8))
        self.start_us = int((day.timestamp() + self._local_s - utc_offset_h * 3600.0) * 1e6)

    def hour(self, time_s: float) -> float:
        """Local hour of day."""
        return ((self._local_s + time_s) % _DAY_S) / 3600.0

    def times(self, rng: Rng, rhythm: str, count: int, window: Range | None = None) -> list[float]:
        """Ordered times that follow a rhythm inside a window, the whole span by default."""
        low, high = window if window is not None else (0.0, self.span_s)
        shape = RHYTHMS[rhythm]
        edges = np.linspace(low, high, max(3, int((high - low) / _STEP_S) + 2))
        local = self._local_s + (edges[:-1] + edges[1:]) / 2.0
        hour = (local / 3600.0 - self._lag_h) % 24.0
        level = np.full(len(hour), shape.floor)
        for centre, width, height in shape.bumps:
            level += height * np.exp(-0.5 * ((hour - centre) / width) ** 2)
        level *= np.where((self._weekday + np.floor(local / _DAY_S)) % 7 >= 5, shape.weekend, 1.0)
        # A window outside the rhythm's active hours still gets its calls: someone scheduled them there.
        total = np.concatenate([[0.0], np.cumsum(level + 1e-6)])
        drawn = np.interp(rng.random(count) * total[-1], total, edges)
        return [float(value) for value in np.sort(drawn)]

    def window(self, rng: Rng, rhythm: str, length_s: float) -> Range:
        """A window of a length around a likely hour, inside the span."""
        length_s = min(length_s, self.span_s)
        middle = self.times(rng, rhythm, 1)[0]
        low = min(max(0.0, middle - length_s * float(rng.random())), self.span_s - length_s)
        return low, low + length_s
