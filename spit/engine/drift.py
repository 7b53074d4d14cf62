"""Has traffic changed since the model was trained? Population stability of features and scores, as they come.

The source of the measure and of its limits is in spit/model/reference.py. Counts decay with event time, so
that "now" means about the last day; memory is one row of bins per feature.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spit.engine.scored import Scored
from spit.model.reference import BINS, CHANGED_PSI, MIN_ROWS, MODERATE_PSI, SCORE, Reference, psi

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

TIME_CONSTANT_S = 86_400.0
#: Without a reference in the bundle: the traffic of so long a time becomes one.
WARM_UP_S = 6 * 3_600.0
_WARM_UP_ROWS = 20_000
#: Attempts counted of a batch: a histogram of ten bins needs no more, and throughput does not notice.
ROWS_PER_BATCH = 1_024


@dataclass(frozen=True, slots=True)
class Drift:
    """One feature, or SCORE. ``psi`` is None while there are too few rows. Medians: then, and about now."""

    name: str
    psi: float | None
    median_then: float
    median_now: float | None

    @property
    def words(self) -> str:
        """What the number means."""
        if self.psi is None:
            return "too few calls to tell"
        if self.psi < MODERATE_PSI:
            return "stable"
        return "shifted a little" if self.psi <= CHANGED_PSI else "changed"


class DriftMonitor:
    """Compares the attempts that it is given with a reference. Thread-safe.

    ``reference``: of the bundle; None makes one of the first WARM_UP_S of traffic. ``features``: names of the
    columns of what will be observed.
    """

    def __init__(
        self,
        features: tuple[str, ...],
        reference: Reference | None,
        *,
        time_constant_s: float = TIME_CONSTANT_S,
        warm_up_s: float = WARM_UP_S,
    ) -> None:
        self._features = features
        self._time_constant_s = time_constant_s
        self._warm_up_s = warm_up_s
        self._lock = threading.Lock()
        self._warm_up: list[tuple[F32, F64]] = []
        self._warm_up_rows = 0
        self._first_us: int | None = None
        self._latest_us: int | None = None
        self._reference: Reference | None = None
        #: Where each of the reference's columns is among the features; -1 is the score. Others are left out.
        self._columns: list[tuple[int, int]] = []
        self._counts: F64 = np.zeros((0, BINS))
        if reference is not None:
            self._use(reference)

    @property
    def reference_rows(self) -> int:
        """Rows that the reference was made from; 0 while it is being gathered."""
        return 0 if self._reference is None else self._reference.rows

    def observe(self, _events: pa.RecordBatch, scored: Scored) -> None:
        """Count the attempts of a chunk."""
        if len(scored):
            times_us = scored.batch["time_us"].to_numpy()[scored.rows]
            self.add(scored.values, scored.probability, int(times_us.max()))

    def add(self, values: F32, score: F64, time_us: int) -> None:
        """Count rows float32[n, F] with probabilities float64[n], seen up to ``time_us``."""
        step = -(-len(values) // ROWS_PER_BATCH) or 1
        values, score = values[::step], score[::step]
        with self._lock:
            if self._reference is None:
                self._gather(values, score, time_us)
                return
            if self._latest_us is not None and time_us > self._latest_us:
                elapsed_s = (time_us - self._latest_us) / 1e6
                self._counts *= np.exp(-elapsed_s / self._time_constant_s)
            self._latest_us = time_us if self._latest_us is None else max(self._latest_us, time_us)
            for row, (at, column) in enumerate(self._columns):
                bins = self._reference.bins(at, score if column < 0 else values[:, column])
                self._counts[row] += np.bincount(bins[bins >= 0], minlength=BINS) * step

    def drifts(self) -> list[Drift]:
        """Every feature and the score, the most changed first; empty while a reference is gathered."""
        with self._lock:
            reference, counts = self._reference, self._counts.copy()
        if reference is None:
            return []
        found = []
        for row, (at, _) in enumerate(self._columns):
            shares = np.asarray(reference.shares[at])
            now = counts[row, : len(shares)]
            enough = min(float(now.sum()), reference.rows) >= MIN_ROWS
            found.append(
                Drift(
                    reference.names[at],
                    psi(shares, reference.rows, now) if enough else None,
                    reference.medians[at],
                    _median(reference.edges[at], now),
                )
            )
        return sorted(found, key=lambda drift: (-1.0 if drift.psi is None else -drift.psi, drift.name))

    def score(self) -> Drift | None:
        """That of the score alone; None while a reference is gathered."""
        return next((drift for drift in self.drifts() if drift.name == SCORE), None)

    def _gather(self, values: F32, score: F64, time_us: int) -> None:
        self._first_us = time_us if self._first_us is None else self._first_us
        if self._warm_up_rows < _WARM_UP_ROWS:
            self._warm_up.append((values.copy(), score.copy()))
            self._warm_up_rows += len(values)
        if time_us - self._first_us >= self._warm_up_s * 1e6 and self._warm_up_rows >= MIN_ROWS:
            rows, scores = (np.concatenate(parts) for parts in zip(*self._warm_up, strict=True))
            self._warm_up = []
            self._use(Reference.of(self._features, rows, scores))

    def _use(self, reference: Reference) -> None:
        place = {name: column for column, name in enumerate(self._features)} | {SCORE: -1}
        self._columns = [(at, place[name]) for at, name in enumerate(reference.names) if name in place]
        self._counts = np.zeros((len(self._columns), BINS))
        self._reference = reference


def _median(edges: tuple[float, ...], counts: F64) -> float | None:
    """The upper limit of the bin in which half of the rows are reached; None without rows or above all."""
    total = float(counts.sum())
    if total <= 0:
        return None
    at = int(np.searchsorted(np.cumsum(counts), total / 2))
    return edges[at] if at < len(edges) else None
