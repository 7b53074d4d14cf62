"""Evidence of a caller, accumulated over its attempts (docs/decisions.md, docs/decisions/0014).

One attempt says little; a caller's attempts together say much, but they are not independent (each row of
features already summarises the earlier ones). The sum of Wald's sequential test is therefore divided by the
design effect of correlated observations (Kish 1965), with a prior that a new caller has to overcome.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spit._core import Sums
from spit.model.scorer import F64, logit, sigmoid

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: No single attempt may be more certain than this (p = 0.9975): a bound on what one odd row can do.
MAX_ABS_LOG_ODDS = 6.0

TIME_CONSTANT_S = 3600.0
#: For how long a number counts as known: a subscriber who calls once a day is no newcomer.
EXPERIENCE_S = 7 * 86_400.0
#: Columns of ``Sums``: increments and count over the hour, increments and count over the week.
_SUM_1H, _COUNT_1H, _, _COUNT_7D = range(4)


@dataclass(frozen=True, slots=True)
class CallerReading:
    """What is known of the caller of each of n attempts, the attempt included in ``log_odds``.

    ``experience``: the decayed count of the caller's earlier attempts over a week; exactly 0 for an unknown
    one.
    """

    log_odds: F64
    experience: F64

    @property
    def score(self) -> F64:
        """float64[n]: the probability of the evidence."""
        return sigmoid(self.log_odds)

    @property
    def is_first(self) -> Mask:
        """bool[n]: nothing was known of the caller, or nobody was named."""
        return np.asarray(self.experience == 0.0, dtype=np.bool_)


class CallerEvidence:
    """Decayed sequential test of each caller; bounded to ``max_callers`` keys.

    ``log_odds = l0 + (S + u) / (w + 1 + rho * N)`` with ``l0 = logit(prior)``: ``u`` is the attempt's clipped
    log-odds less ``l0``, ``S`` and ``N`` are the decayed sum and count of the caller's earlier ones, ``w`` is
    ``prior_weight`` and ``rho`` is ``dependence``. With ``rho = 1`` it is a mean, with ``rho = w = 0`` Wald's
    sum (Wald 1945). Rows of one batch see each other in order, so the answer does not depend on how attempts
    are cut into batches.
    """

    def __init__(
        self,
        *,
        prior: float,
        prior_weight: float = 1.0,
        dependence: float = 1.0,
        max_callers: int = 1_000_000,
    ) -> None:
        if not 0.0 < prior < 1.0 or prior_weight <= 0.0:
            raise ValueError(f"expected 0 < prior < 1 and prior_weight > 0, found {prior} and {prior_weight}")
        if not 0.0 <= dependence <= 1.0:
            raise ValueError(f"expected 0 <= dependence <= 1, found {dependence}")
        self._prior_log_odds = logit(prior)
        self._prior_weight = prior_weight
        self._dependence = dependence
        self._sums = Sums(2, [TIME_CONSTANT_S, EXPERIENCE_S], idle_s=EXPERIENCE_S, max_keys=max_callers)

    def update(self, keys: U64, times_us: I64, log_odds: F64, *, frozen: Mask | None = None) -> CallerReading:
        """The evidence of each attempt's caller, this attempt included; then counts the attempts.

        ``keys``: 0 where the caller is unknown (nothing is kept, the prior alone stands beside the attempt).
        ``frozen``: attempts that must not count.
        """
        increments = self._increments(log_odds)
        contributions = np.stack([increments, np.ones_like(increments)], axis=1)
        if frozen is not None:
            contributions[frozen] = 0.0
        return self._reading(self._sums.fold(keys, times_us, contributions), increments)

    def read(self, keys: U64, times_us: I64, log_odds: F64) -> CallerReading:
        """As ``update``, and counts nothing."""
        return self._reading(self._sums.read(keys, times_us), self._increments(log_odds))

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

    def _increments(self, log_odds: F64) -> F64:
        clipped = np.clip(log_odds, -MAX_ABS_LOG_ODDS, MAX_ABS_LOG_ODDS)
        return np.asarray(clipped - self._prior_log_odds, dtype=np.float64)

    def _reading(self, before: F64, increments: F64) -> CallerReading:
        known = np.nan_to_num(before, nan=0.0)
        weight = self._prior_weight + 1.0 + self._dependence * known[:, _COUNT_1H]
        return CallerReading(
            log_odds=self._prior_log_odds + (known[:, _SUM_1H] + increments) / weight,
            experience=known[:, _COUNT_7D],
        )
