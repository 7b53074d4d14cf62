"""Time of the simulated span, the operator's local hours and the daily rhythms of callers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from spit.worlds.carrier.draws import Floats, Rng

_STEP_S = 300.0
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Rhythm:
    """Relative call intensity by local hour on a weekday, and the level of a weekend day."""

    hourly: tuple[float, ...]
    weekend: float


def _rhythm(night: float, points: dict[int, float], weekend: float) -> Rhythm:
    """Interpolate a day from a few (hour, level) points; ``night`` holds at 0 h and 24 h."""
    hours = [0.0, *[float(hour) for hour in points], 24.0]
    levels = [night, *points.values(), night]
    return Rhythm(tuple(float(v) for v in np.interp(np.arange(24) + 0.5, hours, levels)), weekend)


# Shapes follow the common finding that residential voice peaks in the early evening and business
# voice has a morning and an afternoon peak with a dip at noon.
RHYTHMS: dict[str, Rhythm] = {
    "worker": _rhythm(0.06, {6: 0.05, 8: 0.6, 12: 0.9, 15: 0.7, 18: 1.3, 21: 0.8}, 1.0),
    "parent": _rhythm(0.04, {6: 0.1, 8: 1.0, 12: 0.7, 15: 1.2, 18: 1.2, 21: 0.4}, 1.1),
    "teen": _rhythm(0.25, {5: 0.03, 7: 0.3, 12: 0.5, 15: 1.1, 19: 1.4, 22: 1.1}, 1.4),
    "retiree": _rhythm(0.02, {6: 0.1, 9: 1.2, 11: 1.3, 14: 0.9, 18: 0.9, 21: 0.2}, 0.8),
    "night_worker": _rhythm(0.8, {4: 0.5, 8: 0.6, 11: 0.1, 15: 0.5, 19: 1.0, 22: 0.9}, 0.9),
    "office": _rhythm(0.02, {6: 0.03, 9: 1.3, 12: 0.8, 14: 1.2, 17: 0.7, 19: 0.1}, 0.15),
    "shop": _rhythm(0.03, {7: 0.05, 10: 0.9, 13: 1.0, 18: 1.2, 21: 0.4}, 0.9),
    "dialling_day": _rhythm(0.0, {7: 0.0, 8: 0.2, 10: 1.0, 14: 1.0, 17: 1.2, 20: 0.9, 21: 0.05}, 0.4),
    "evening": _rhythm(0.05, {12: 0.1, 16: 0.5, 18: 1.3, 20: 1.4, 22: 0.4}, 0.9),
    "early": _rhythm(0.05, {4: 0.4, 6: 1.6, 8: 1.2, 10: 0.3, 16: 0.3, 20: 0.1}, 0.6),
    "night": _rhythm(1.0, {5: 0.8, 7: 0.2, 12: 0.1, 20: 0.3}, 1.0),
    "flat": _rhythm(1.0, {12: 1.0}, 1.0),
}


class Clock:
    """The span being simulated. Simulated times are seconds from its start."""

    def __init__(self, rng: Rng, hours: float, utc_offset_h: int) -> None:
        midnight = datetime(2026, 1, 5, tzinfo=UTC)
        day = midnight + timedelta(days=7 * int(rng.integers(0, 51)) + int(rng.integers(0, 5)))
        local = day + timedelta(seconds=float(rng.random()) * _DAY_S)
        self.span_s = hours * 3600.0
        self._local_start_s = (local - day).total_seconds()
        self._weekday = day.weekday()
        # North American daylight time: second Sunday of March to first Sunday of November.
        if datetime(2026, 3, 8, tzinfo=UTC) <= day < datetime(2026, 11, 1, tzinfo=UTC):
            utc_offset_h += 1
        self.start_us = int((local.timestamp() - utc_offset_h * 3600.0) * 1e6)
        # Operators differ in how late their customers live: shift every rhythm a little.
        self._lag_h = float(rng.normal(0.0, 0.7))

    def local_hour(self, time_s: float) -> float:
        """Local hour of day, 0 to 24."""
        return ((self._local_start_s + time_s) % _DAY_S) / 3600.0

    def _levels(self, rhythm: Rhythm, at_s: Floats) -> Floats:
        clock_s = self._local_start_s + at_s
        hour = ((clock_s / 3600.0 - self._lag_h) % 24.0).astype(np.int64)
        weekend = (self._weekday + np.floor(clock_s / _DAY_S)) % 7 >= 5
        level = np.asarray(rhythm.hourly)[hour] * np.where(weekend, rhythm.weekend, 1.0)
        return np.asarray(level, dtype=np.float64)

    def times(
        self, rng: Rng, rhythm: Rhythm, count: int, window: tuple[float, float] | None = None
    ) -> list[float]:
        """Ordered times that follow a rhythm inside a window of the span (all of it by default)."""
        low, high = window if window is not None else (0.0, self.span_s)
        edges = np.linspace(low, high, max(2, int((high - low) / _STEP_S) + 2))
        # A window that misses the rhythm's active hours still gets its calls: someone scheduled them.
        weights = self._levels(rhythm, (edges[:-1] + edges[1:]) / 2.0) + 1e-6
        cumulative = np.concatenate([[0.0], np.cumsum(weights)])
        drawn = np.interp(rng.random(count) * cumulative[-1], cumulative, edges)
        return [float(value) for value in np.sort(drawn)]

    def moment(self, rng: Rng, rhythm: Rhythm) -> float:
        """One time that follows a rhythm."""
        return self.times(rng, rhythm, 1)[0]

    def window(self, rng: Rng, rhythm: Rhythm, length_s: float) -> tuple[float, float]:
        """A window of the given length starting at a likely hour, cut at the end of the span."""
        low = min(self.moment(rng, rhythm), max(0.0, self.span_s - length_s))
        return low, min(self.span_s, low + length_s)
