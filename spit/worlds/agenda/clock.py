"""Hours of the day: rhythms of people and opening hours of firms, both in local time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spit.worlds.agenda.settings import Operator

_SLOT_S = 900.0

# Relative rate of calls in each local hour: work, family, teenager, pensioner, shift worker.
_RHYTHMS = (
    (2, 1, 1, 1, 1, 3, 10, 25, 50, 60, 60, 58, 55, 55, 55, 58, 65, 75, 70, 55, 40, 25, 12, 5),
    (2, 1, 1, 1, 1, 2, 8, 20, 30, 40, 45, 50, 45, 40, 45, 55, 65, 75, 80, 80, 65, 35, 15, 5),
    (15, 8, 4, 2, 1, 1, 4, 12, 8, 10, 14, 18, 25, 28, 40, 55, 65, 70, 75, 80, 85, 75, 50, 30),
    (1, 1, 1, 1, 1, 3, 10, 30, 55, 75, 80, 70, 45, 30, 40, 55, 60, 60, 55, 40, 20, 8, 3, 1),
    (30, 25, 20, 18, 20, 30, 35, 25, 15, 15, 20, 25, 30, 35, 40, 45, 45, 45, 45, 45, 45, 45, 45, 40),
)
RHYTHM_COUNT = len(_RHYTHMS)


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening hours on the local clock; closes after opening, may pass midnight (close above 24)."""

    opens: float
    closes: float

    def next_open(self, local_hour: float) -> float:
        """Seconds until open, 0 when it is open now."""
        hour = local_hour % 24.0
        if self.opens <= hour < self.closes or hour + 24.0 < self.closes:
            return 0.0
        return ((self.opens - hour) % 24.0) * 3600.0


ALWAYS = Hours(0.0, 24.0)


class Clock:
    """Simulated seconds against the local hour of the day."""

    def __init__(self, operator: Operator) -> None:
        self._start = operator.start_local_hour
        self.horizon_s = operator.horizon_s
        slots = max(1, int(np.ceil(self.horizon_s / _SLOT_S)))
        hour = ((self._start + (np.arange(slots) + 0.5) * _SLOT_S / 3600.0) % 24.0).astype(np.int64)
        rates = np.asarray(_RHYTHMS, dtype=np.float64)
        night = (np.arange(24) < 6) | (np.arange(24) > 22)
        rates[:, night] *= operator.night_scale
        self._by_hour = rates / rates.max(axis=1, keepdims=True)
        self._cumulative = np.cumsum(rates[:, hour], axis=1)
        self._cumulative /= self._cumulative[:, -1:]
        self._slots = slots

    def hour(self, now_s: float) -> float:
        """Local hour of the day, between 0 and 24."""
        return (self._start + now_s / 3600.0) % 24.0

    def awake(self, now_s: float, rhythm: int) -> float:
        """How far into the day a person of the rhythm is: 1 at the busiest hour."""
        return float(self._by_hour[rhythm, int(self.hour(now_s)) % 24])

    def draw_times(self, rng: np.random.Generator, rhythms: NDArray[np.int64]) -> NDArray[np.float64]:
        """One moment in seconds for each given rhythm."""
        slot = np.empty(len(rhythms))
        uniform = rng.random(len(rhythms))
        for rhythm in range(RHYTHM_COUNT):
            chosen = rhythms == rhythm
            slot[chosen] = np.searchsorted(self._cumulative[rhythm], uniform[chosen])
        return np.minimum((slot + rng.random(len(rhythms))) * _SLOT_S, self.horizon_s - 1.0)

    def open_seconds(self, hours: Hours, start_s: float, end_s: float) -> float:
        """Open time between two moments, to a resolution of ten minutes."""
        moments = np.arange(start_s, max(end_s, start_s + 1.0), 600.0)
        return 600.0 * sum(hours.next_open(self.hour(float(moment))) == 0.0 for moment in moments)
