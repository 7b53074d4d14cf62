"""When calls are placed: renewal processes and inhomogeneous Poisson arrivals under a daily profile."""

from __future__ import annotations

import numpy as np

from spit.simulate.network import F64, I64

#: Relative intensity per hour of the day, 0 to 23 o'clock.
RESIDENTIAL_HOURS = (
    *(0.10, 0.05, 0.04, 0.03, 0.05, 0.12, 0.3, 0.7, 1.1, 1.4, 1.5, 1.5),
    *(1.4, 1.3, 1.3, 1.4, 1.5, 1.7, 1.9, 1.8, 1.5, 1.1, 0.6, 0.25),
)
OFFICE_HOURS = (
    *(0.02, 0.02, 0.02, 0.02, 0.02, 0.05, 0.2, 0.7, 1.8, 2.6, 2.8, 2.6),
    *(1.7, 2.2, 2.6, 2.5, 2.1, 1.2, 0.5, 0.2, 0.1, 0.06, 0.03, 0.02),
)
#: Diallers keep to the hours in which calling is lawful in most places, 8 to 21 o'clock.
DIALLER_HOURS = (*([0.03] * 8), *([1.6] * 3), 1.5, 1.3, *([1.6] * 4), *([1.8] * 3), 1.2, *([0.03] * 3))
FLAT_HOURS = (1.0,) * 24


def shifted_hours(hours: tuple[float, ...], shift_h: float, flat_ratio: float) -> tuple[float, ...]:
    """A daily profile moved by whole hours, and mixed with one that knows no time of day."""
    shift = round(shift_h)
    if not shift and not flat_ratio:
        return hours
    mean = sum(hours) / len(hours)
    moved = (hours[(hour - shift) % len(hours)] for hour in range(len(hours)))
    return tuple((1.0 - flat_ratio) * hour + flat_ratio * mean for hour in moved)


class DailyClock:
    """Maps seconds of a capture to operational time, in days, under an hourly profile.

    One operational day passes per calendar day; the intensity is in the mapping. ``start_s``: epoch seconds.
    """

    def __init__(self, hours: tuple[float, ...], start_s: float, duration_s: float) -> None:
        weights = np.array(hours, dtype=np.float64)
        weights /= weights.sum() * 3600.0  # per second, one per day
        first_hour = start_s // 3600
        edges = np.arange(first_hour, (start_s + duration_s) // 3600 + 2) * 3600.0
        rates = weights[(edges[:-1] // 3600).astype(np.int64) % 24]
        elapsed = np.concatenate([[0.0], np.cumsum(rates * 3600.0)])
        self._edges = edges
        self._elapsed = elapsed
        self._first = float(np.interp(start_s, edges, elapsed))
        self.days = float(np.interp(start_s + duration_s, edges, elapsed)) - self._first

    def to_seconds(self, operational_days: F64) -> F64:
        """Epoch seconds of operational times counted from the start."""
        times: F64 = np.interp(operational_days + self._first, self._elapsed, self._edges)
        return times


def renewal_arrivals(
    rng: np.random.Generator, clock: DailyClock, calls_per_day: F64, shape: F64
) -> tuple[I64, F64]:
    """Weibull gaps per caller: the caller's row and the epoch seconds of every call, in no order.

    Source of the Weibull gaps: docs/simulation.md (73 % of users). ``shape`` below 1 is bursty.
    """
    expected = calls_per_day * clock.days
    # Room for the mean plus six deviations of a bursty process; the loop adds more where it was not enough.
    width = int(np.ceil(expected.max(initial=0.0) + 8.0 * np.sqrt(expected.max(initial=0.0) + 1.0))) + 4
    from_gamma = np.array([_weibull_mean(k) for k in shape.tolist()])
    scale = 1.0 / (np.maximum(calls_per_day, 1e-9) * from_gamma)
    # A random phase: the first gap is cut by the start of the capture.
    reached = -rng.random(len(calls_per_day)) * scale
    rows: list[I64] = []
    times: list[F64] = []
    open_rows = np.flatnonzero(calls_per_day > 0)
    while len(open_rows):
        gaps = rng.weibull(shape[open_rows, None], (len(open_rows), width)) * scale[open_rows, None]
        at = reached[open_rows, None] + np.cumsum(gaps, axis=1)
        inside = (at > 0) & (at < clock.days)
        row, column = np.nonzero(inside)
        rows.append(open_rows[row].astype(np.int64))
        times.append(at[row, column])
        reached[open_rows] = at[:, -1]
        open_rows = open_rows[at[:, -1] < clock.days]
    if not rows:
        return np.empty(0, dtype=np.int64), np.empty(0)
    return np.concatenate(rows), clock.to_seconds(np.concatenate(times))


def poisson_arrivals(rng: np.random.Generator, clock: DailyClock, calls_per_day: float) -> F64:
    """Epoch seconds of an inhomogeneous Poisson process, ascending."""
    count = rng.poisson(calls_per_day * clock.days)
    return clock.to_seconds(np.sort(rng.random(count)) * clock.days)


def _weibull_mean(shape: float) -> float:
    from math import gamma

    return gamma(1.0 + 1.0 / shape)
