"""A model without a network: its log-odds are a line through the caller's attempts of the last hour."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from spit.features.table import FeatureTable
from spit.model.decision import DecisionParameters
from spit.model.scorer import Model

FEATURE = "caller_attempts_1h"


class _RateModel:
    def __init__(self, name: str, slope: float, features: tuple[str, ...]) -> None:
        self.name = name
        self.features = features
        self.baseline = np.zeros(len(features), np.float32)
        self.prior = 0.1
        self.decision = DecisionParameters()
        self.error_budget = None
        self._slope = slope

    def log_odds(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        attempts = values[:, self.features.index(FEATURE)].astype(np.float64)
        return self._slope * attempts - 3.0


def rate_model(name: str, slope: float, features: tuple[str, ...] = FeatureTable.names) -> Model:
    """Spam once ``slope`` times the attempts outweigh 3."""
    return cast(Model, _RateModel(name, slope, features))
