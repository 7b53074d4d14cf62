"""Time of day: where the log lies in the year and when whom one calls or is awake."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from spit.worlds.border.arrays import Floats, Rng

_FLOOR = 0.004  # even shops ring at night now and then, and a log that lies in the night is not empty

# Knots (hour, relative rate) of the daily curves; the rest is interpolated.
_CURVES: dict[str, list[tuple[float, float]]] = {
    "family": [
        (0, 0.1),
        (5, 0.02),
        (8, 0.4),
        (11, 0.8),
        (14, 0.7),
        (18, 1.2),
        (20, 1.4),
        (22, 0.6),
        (24, 0.1),
    ],
    "work": [
        (0, 0.02),
        (6, 0.05),
        (9, 1.2),
        (11, 1.4),
        (12.5, 0.8),
        (15, 1.3),
        (18, 0.7),
        (21, 0.3),
        (24, 0.02),
    ],
    "young": [(0, 0.7), (3, 0.15), (8, 0.15), (13, 0.6), (17, 1.0), (21, 1.5), (23, 1.2), (24, 0.7)],
    "old": [(0, 0.01), (6, 0.1), (9, 1.4), (11, 1.3), (13, 0.5), (16, 1.1), (19, 0.8), (21, 0.2), (24, 0.01)],
    "office": [
        (0, 0.0),
        (7, 0.0),
        (8.5, 1.0),
        (11.5, 1.3),
        (12.5, 0.7),
        (14.5, 1.3),
        (17, 0.7),
        (18.5, 0.0),
        (24, 0.0),
    ],
    "selling": [(0, 0.0), (8.5, 0.0), (9.5, 1.0), (13, 0.9), (16, 1.1), (19.5, 1.2), (21, 0.1), (24, 0.0)],
    "evening": [(0, 0.1), (3, 0.05), (9, 0.1), (16, 0.5), (19, 1.6), (22, 1.0), (24, 0.1)],
    "flat": [(0, 1.0), (24, 1.0)],
    "abroad": [(0, 1.0), (4, 0.9), (8, 0.5), (13, 0.5), (18, 1.0), (22, 1.3), (24, 1.0)],
    "shift": [(0, 0.5), (6, 0.7), (9, 1.1), (18, 1.1), (24, 0.5)],
}
_OFFICES = ("office", "selling", "work")


@dataclass(frozen=True, slots=True)
class Clock:
    """The log's beginning and the rate of every rhythm in each five minutes of it."""

    epoch_us: int
    start_hour: float  # local hour of the day at which the log starts
    hours: float
    rates: dict[str, Floats]

    @property
    def seconds(self) -> float:
        """Length of the log in seconds."""
        return self.hours * 3600.0

    def sample(
        self, rng: Rng, count: int, rhythm: str, start_s: float = 0.0, end_s: float = np.inf
    ) -> Floats:
        """Draw `count` times (seconds from the log's beginning) between two times, by a rhythm."""
        rate = self.rates[rhythm]
        middle = (np.arange(rate.size) + 0.5) * 300.0
        weight = np.where((middle >= start_s - 150.0) & (middle <= end_s + 150.0), rate, 0.0)
        if weight.sum() <= 0.0:
            return np.asarray(rng.uniform(start_s, min(end_s, self.seconds), count), dtype=np.float64)
        cells = rng.choice(rate.size, count, p=weight / weight.sum())
        drawn = (cells + rng.random(count)) * 300.0
        return np.clip(drawn, start_s, min(end_s, self.seconds - 0.001))

    def local_hour(self, second: float) -> int:
        """Hour of the local day at a time of the log."""
        return int(self.start_hour + second / 3600.0) % 24


def draw_clock(rng: Rng, hours: float) -> Clock:
    """Choose a weekday of 2026, an hour and a time zone, and shift every daily curve a little."""
    day = date(2026, 1, 1) + timedelta(days=int(rng.integers(0, 363)))
    while day.weekday() > 4:
        day += timedelta(days=1)
    start_hour = float(rng.integers(0, 24)) + float(rng.choice([0.0, 0.25, 0.5]))
    zone_h = float(rng.choice([-8, -6, -5, -3, 0, 1, 2, 3, 5.5, 8, 9]))
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    epoch_us = int((midnight.timestamp() + (start_hour - zone_h) * 3600.0) * 1_000_000)
    cells = max(1, int(np.ceil(hours * 12.0)))
    clock_h = start_hour + (np.arange(cells) + 0.5) / 12.0
    weekend = np.array([(day + timedelta(days=int(h // 24))).weekday() > 4 for h in clock_h])
    rates: dict[str, Floats] = {}
    for name, knots in _CURVES.items():
        shift_h = float(rng.normal(0.0, 0.7))
        rate = np.interp((clock_h - shift_h) % 24.0, [h for h, _ in knots], [r for _, r in knots])
        quiet = rng.uniform(0.05, 0.4) if name in _OFFICES else rng.uniform(0.7, 1.1)
        rates[name] = np.asarray(np.where(weekend, rate * quiet, rate) + _FLOOR, dtype=np.float64)
    return Clock(epoch_us, start_hour, hours, rates)
