"""A detector for day one, without labels: how unusual an attempt is among the operator's own.

For each feature that is worse in one direction by its meaning, it takes the share of the population that is
at least as bad; the mean of their negative logarithms is the attempt's oddity (ECOD, Li et al. 2022, with the
tail chosen by meaning instead of by skewness). Its log-odds are the robust z-score of the oddity less 3:
median and median absolute deviation hardly move while a quarter of the population is spam, where the tail
itself would be made of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spit.errors import ModelError
from spit.model.decision import DecisionParameters
from spit.model.error_budget import ErrorBudget
from spit.model.scorer import F32, F64

NAME = "novelty/1"
#: Fewer attempts than this are no population: one busy caller would be most of it.
MIN_ROWS = 200
#: As the trained model's: a caller of whom nothing is known is probably none.
DEFAULT_PRIOR = 0.1
#: The robust z-score at even odds: beyond it lies 1 in 700 of a normal population.
EVEN_ODDS_Z = 3.0
#: Scales the median absolute deviation to the standard deviation of a normal population.
_MAD_TO_SD = 1.4826


class NoveltyModel:
    """Scores attempts against a population; a ``spit.model.scorer.Detector``. Immutable.

    ``directions``: +1 or -1 for each feature that is suspicious when high or low; the others are not used.
    """

    def __init__(
        self,
        population: F32,
        *,
        features: Sequence[str],
        directions: Mapping[str, int],
        prior: float = DEFAULT_PRIOR,
    ) -> None:
        self.name = NAME
        self.features = tuple(features)
        self.prior = prior
        # The tests per campaign need calibrated log-odds, which nobody can have without labels.
        self.decision = DecisionParameters(campaign_weight=0.0)
        self.error_budget: ErrorBudget | None = None
        self._columns = np.array(
            [i for i, name in enumerate(self.features) if directions.get(name)], np.int64
        )
        self._signs = np.array([directions[self.features[i]] for i in self._columns], np.float32)
        if len(self._columns) == 0:
            raise ModelError("novelty: expected features with a direction, found none")
        rows = population[:, self._columns] * self._signs
        self._sorted: F32 = np.sort(rows, axis=0)  # NaN last: unknown is never bad
        self._known = np.isfinite(rows).sum(axis=0)
        known = np.where(np.isfinite(population), population, np.nan)
        self.baseline: F32 = np.nanmedian(known, axis=0).astype(np.float32)
        oddity = self._oddity(population)
        self._median = float(np.median(oddity))
        spread = _MAD_TO_SD * float(np.median(np.abs(oddity - self._median)))
        if not spread > 0.0:
            raise ModelError("novelty: expected a population whose attempts differ, found all alike")
        self._spread = spread

    @classmethod
    def fit(
        cls,
        values: F32,
        *,
        features: Sequence[str],
        directions: Mapping[str, int],
        prior: float = DEFAULT_PRIOR,
    ) -> NoveltyModel:
        """From the attempts of the operator's first hours, float32[n, F]. Raises ModelError: too few rows."""
        if values.ndim != 2 or values.shape[1] != len(features):
            raise ModelError(f"novelty: expected rows of {len(features)} features, found {values.shape}")
        if len(values) < MIN_ROWS:
            raise ModelError(
                f"novelty: expected at least {MIN_ROWS} attempts to learn from, found {len(values)}"
            )
        return cls(values, features=features, directions=directions, prior=prior)

    def log_odds(self, values: F32) -> F64:
        """float64[n]: how many robust standard deviations the oddity lies above EVEN_ODDS_Z of them."""
        if values.ndim != 2 or values.shape[1] != len(self.features):
            raise ModelError(f"novelty: expected rows of {len(self.features)} features, found {values.shape}")
        return np.asarray(
            (self._oddity(values) - self._median) / self._spread - EVEN_ODDS_Z, dtype=np.float64
        )

    def _oddity(self, values: F32) -> F64:
        """float64[n]: mean negative log tail probability over the features."""
        total = np.zeros(len(values))
        for at, (column, sign) in enumerate(zip(self._columns, self._signs, strict=True)):
            row, known = values[:, column] * sign, self._known[at]
            worse = known - np.searchsorted(self._sorted[:known, at], row, side="left")
            tail = (1.0 + np.maximum(worse, 0)) / (known + 1.0)
            total += np.where(np.isfinite(row), -np.log(tail), 0.0)
        return total / len(self._columns)
