"""Evidence of a caller, accumulated over its attempts (docs/decisions/0005).

One attempt says little; a caller's attempts together say much, but they are not independent (each row of
features already summarises the earlier ones), so their log-odds are averaged, not added, together with a
prior that a new caller has to overcome.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spit._core import Sums
from spit.model.scorer import F64, logit, sigmoid

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

#: No single attempt may be more certain than this (p = 0.9975): a bound on what one odd row can do.
MAX_ABS_LOG_ODDS = 6.0

TIME_CONSTANT_S = 3600.0
#: After a day the weight of an attempt is e^-24: nothing is lost by forgetting the key.
IDLE_S = 86_400.0


class CallerEvidence:
    """Decayed mean of each caller's log-odds and a prior; bounded to ``max_callers`` keys.

    ``score = sigmoid((w * logit(prior) + S + x) / (w + N + 1))``: ``x`` is the attempt's clipped log-odds,
    ``S`` and ``N`` are the decayed sum and count of the caller's earlier ones. Rows of one batch see each
    other in order, so the answer does not depend on how attempts are cut into batches.
    """

    def __init__(self, *, prior: float, prior_weight: float = 1.0, max_callers: int = 1_000_000) -> None:
        if not 0.0 < prior < 1.0 or prior_weight <= 0.0:
            raise ValueError(f"expected 0 < prior < 1 and prior_weight > 0, found {prior} and {prior_weight}")
        self._prior_log_odds = logit(prior)
        self._prior_weight = prior_weight
        self._sums = Sums(2, [TIME_CONSTANT_S], idle_s=IDLE_S, max_keys=max_callers)

    def update(self, keys: U64, times_us: I64, log_odds: F64) -> F64:
        """float64[n]: score of each attempt's caller, this attempt included; then counts the attempts.

        ``keys``: 0 where the caller is unknown (nothing is kept, the prior alone stands beside the attempt).
        """
        clipped = _clip(log_odds)
        contributions = np.stack([clipped, np.ones_like(clipped)], axis=1)
        return self._score(self._sums.fold(keys, times_us, contributions), clipped)

    def read(self, keys: U64, times_us: I64, log_odds: F64) -> F64:
        """As ``update``, and counts nothing."""
        return self._score(self._sums.read(keys, times_us), _clip(log_odds))

    def merge(self, other: CallerEvidence) -> None:
        """Add the evidence another scorer gathered from other attempts."""
        self._sums.merge(other._sums)

    def state(self) -> pa.RecordBatch:
        """Everything that ``restore`` needs."""
        return self._sums.state()

    def restore(self, state: pa.RecordBatch) -> None:
        """Replace the evidence by a saved state."""
        self._sums.restore(state)

    def counters(self) -> dict[str, int]:
        """Keys held and evicted, by name."""
        return self._sums.counters()

    def _score(self, before: F64, clipped: F64) -> F64:
        known = np.nan_to_num(before, nan=0.0)
        total = self._prior_weight * self._prior_log_odds + known[:, 0] + clipped
        return sigmoid(np.asarray(total / (self._prior_weight + known[:, 1] + 1.0), dtype=np.float64))


def _clip(log_odds: F64) -> F64:
    return np.asarray(np.clip(log_odds, -MAX_ABS_LOG_ODDS, MAX_ABS_LOG_ODDS), dtype=np.float64)
