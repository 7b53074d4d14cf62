"""When people and machines call: the start and profiles of the day. Times are in s from the start."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .draws import Draws

HOURS = 30
END_S = HOURS * 3600.0
_FIRST_DAY_S = 1_740_355_200  # a midnight in UTC

#: Weights of the hours of the day, from midnight.
_PROFILES: dict[str, list[float]] = {
    "home": [1, 0.6, 0.4, 0.3, 0.3, 0.7, 2, 4, 5.5, 7, 8, 8, 7, 6, 6, 7, 8, 10, 11, 11, 9, 6, 4, 2],
    "teen": [2, 1, 0.5, 0.3, 0.2, 0.2, 1, 3, 1.5, 1.5, 2, 2, 3, 5, 6, 8, 9, 10, 10, 10, 10, 9, 7, 4],
    "old": [0.2, 0.1, 0.1, 0.1, 0.2, 0.6, 2, 5, 9, 11, 11, 9, 5, 4, 7, 8, 8, 7, 6, 4, 2, 1, 0.5, 0.3],
    "business": [
        0.1, 0.05, 0.05, 0.05, 0.1, 0.4, 1.5, 5, 10, 12, 12, 10, 6, 9, 11, 11, 9, 5, 2, 1, 0.5, 0.3, 0.2, 0.1,
    ],
    "taxi": [7, 6, 5, 4, 4, 4, 5, 6, 5, 4, 4, 4, 4, 4, 4, 5, 6, 7, 8, 9, 9, 10, 10, 9],
    "selling": [
        0.1, 0.05, 0.05, 0.05, 0.05, 0.1, 0.3, 1, 6, 10, 11, 10, 8, 8, 9, 10, 11, 11, 10, 7, 2, 0.5, 0.2, 0.1,
    ],
    "flat": [1] * 24,
    "evening": [3, 2, 1, 1, 1, 1, 1, 1, 2, 3, 3, 4, 4, 4, 5, 6, 8, 10, 11, 10, 9, 7, 6, 4],
}  # fmt: skip


class Timing:
    """The start of the capture, whose hour differs by seed, and moments drawn from profiles of the day."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        day, hour = draws.randint(0, 3), draws.choice([0, 3, 5, 6, 9, 14])
        #: Unix time at which the capture begins.
        self.start_s = _FIRST_DAY_S + 86_400 * day + 3600 * hour
        self.start_hour = (self.start_s % 86_400) // 3600
        self._hours_s = np.arange(HOURS + 1) * 3600.0
        self._cumulative = {name: self._shares(weights) for name, weights in _PROFILES.items()}

    def _shares(self, weights: list[float]) -> npt.NDArray[np.float64]:
        by_hour = np.cumsum(np.array([weights[(self.start_hour + i) % 24] for i in range(HOURS)], float))
        shares: npt.NDArray[Any] = np.concatenate([[0], by_hour / by_hour[-1]])
        return shares

    def hour_of_day(self, time_s: float) -> float:
        return (self.start_hour + time_s / 3600.0) % 24

    def moments(self, profile: str, count: int) -> list[float]:
        """Independent moments that follow the profile, in no order."""
        chance = self._draws.arrays.random(count)
        moments: list[float] = np.interp(chance, self._cumulative[profile], self._hours_s).tolist()
        return moments

    def moment(self, profile: str) -> float:
        return self.moments(profile, 1)[0]

    def sessions(self, profile: str, count: int) -> list[float]:
        """A person's calls, in order: some in a row, with Weibull gaps."""
        draws, found = self._draws, list[float]()
        while len(found) < count:
            time_s = self.moment(profile)
            found.append(time_s)
            while len(found) < count and draws.random() < 0.38:
                time_s += 25 + draws.weibullvariate(240, 0.6)
                found.append(time_s)
        return sorted(found)
