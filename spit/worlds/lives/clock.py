"""Local time of the operator and daily rhythms.

Simulation time is in seconds since the start of the log.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from spit.worlds.lives.draws import Rng, below, between

DAY_S = 86_400.0
HOUR_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Converts seconds since the start of the log to local hour and weekday."""

    start_us: int
    local_start_h: float
    weekday: int
    length_s: float

    def hour(self, t: float) -> float:
        """Local hour of the day, 0 to 24."""
        return (self.local_start_h + t / HOUR_S) % 24.0

    def is_weekend(self, t: float) -> bool:
        """True on Saturday and Sunday."""
        return (self.weekday + int((self.local_start_h + t / HOUR_S) // 24.0)) % 7 >= 5

    def spans(self, opens: float, closes: float) -> list[tuple[float, float]]:
        """Stretches of the log, in seconds, within the local hours opens to closes."""
        found: list[tuple[float, float]] = []
        for day in range(-1, int(self.length_s // DAY_S) + 2):
            midnight = day * DAY_S - self.local_start_h * HOUR_S
            begin = max(0.0, midnight + opens * HOUR_S)
            end = min(self.length_s, midnight + closes * HOUR_S)
            if end > begin:
                found.append((begin, end))
        return found


def draw_clock(rng: Rng, hours: float, utc_offset_h: float) -> Clock:
    """A start on some weekday (Monday to Friday) of 2026, at any second of the local day."""
    day = dt.date(2026, 1, 1) + dt.timedelta(days=below(rng, 365))
    while day.weekday() >= 5:
        day -= dt.timedelta(days=1)
    if day.year != 2026:
        day = dt.date(2026, 1, 1)
    local_s = between(rng, 0, 86_399)
    midnight = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    utc = midnight.timestamp() + local_s - utc_offset_h * HOUR_S
    return Clock(int(utc * 1_000_000), local_s / HOUR_S, day.weekday(), hours * HOUR_S)


def times_by_hour(rng: Rng, clock: Clock, weights: np.ndarray, count: int) -> list[float]:
    """Sorted times (s) of count events whose rate follows 24 hourly weights of the local day."""
    if count <= 0:
        return []
    edges = np.arange(0.0, clock.length_s, HOUR_S / 2.0)
    mass = weights[((clock.local_start_h + edges / HOUR_S) % 24.0).astype(int)]
    total = float(mass.sum())
    shares = mass / total if total > 0.0 else np.full(len(edges), 1.0 / len(edges))
    slots = rng.choice(len(edges), size=count, p=shares)
    times = edges[slots] + rng.random(count) * HOUR_S / 2.0
    return [float(t) for t in np.sort(times) if t < clock.length_s]


def bump(hour: float, centre: float, width: float) -> float:
    """A smooth daily bump, 1 at its centre; hours wrap round midnight."""
    gap = abs((hour - centre + 12.0) % 24.0 - 12.0)
    return float(np.exp(-0.5 * (gap / width) ** 2))
