"""Evidence of a caller, accumulated over its attempts (docs/decisions.md, docs/decisions/0014).

One attempt says little; a caller's attempts together say much, but they are not independent: each row of
features already summarises the earlier ones. They are therefore averaged, not added as Wald's sequential test
does, with what is thought of a newcomer among them. The attempt itself keeps a share of its own, so that a
caller who changes is seen at once and a single odd row decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spit._core import Sums
from spit.model.scorer import F64, sigmoid

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: No single attempt may be more certain than this (p = 0.9975): a bound on what one odd row can do.
MAX_ABS_LOG_ODDS = 6.0

TIME_CONSTANT_S = 6 * 3600.0
#: For how long a number counts as known: a subscriber who calls once a day is no newcomer.
EXPERIENCE_S = 7 * 86_400.0
#: Columns of ``Sums``: log-odds and count over hours, log-odds and count over the week.
_SUM_6H, _COUNT_6H, _, _COUNT_7D = range(4)
_NOTHING_KNOWN = [0.0] * 4
_Numbers = TypeVar("_Numbers", float, F64)


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
    """What each caller's attempts say together; bounded to ``max_callers`` keys.

    ``log_odds = a * x + (1 - a) * (w * l0 + S) / (w + N)``: ``x`` is the attempt's clipped log-odds, ``S``
    and ``N`` are the decayed sum and count of the caller's earlier ones, ``a`` is ``own_share``; ``l0``
    (``newcomer_log_odds``), counted as ``w`` attempts (``newcomer_weight``), is what is thought of a caller
    of whom nothing is known.
    """

    def __init__(
        self,
        *,
        newcomer_log_odds: float = -4.0,
        newcomer_weight: float = 1.0,
        own_share: float = 0.5,
        max_callers: int = 1_000_000,
    ) -> None:
        if not newcomer_weight > 0.0 or not 0.0 < own_share <= 1.0:
            raise ValueError(
                "expected newcomer_weight > 0 and 0 < own_share <= 1, "
                f"found {newcomer_weight} and {own_share}"
            )
        self._newcomer_log_odds = newcomer_log_odds
        self._newcomer_weight = newcomer_weight
        self._own_share = own_share
        self._sums = Sums(2, [TIME_CONSTANT_S, EXPERIENCE_S], idle_s=EXPERIENCE_S, max_keys=max_callers)

    @property
    def sums(self) -> Sums:
        """What ``_core.EvidenceSums`` folds: log-odds and count of each caller's attempts."""
        return self._sums

    def reading(self, total: F64, count: F64, experience: F64, own: F64) -> CallerReading:
        """The evidence of each attempt's caller, from what was known of the caller before it.

        ``total``, ``count``: of the earlier attempts, over hours; ``own``: ``clipped`` log-odds.
        """
        return CallerReading(log_odds=self._joined(total, count, own), experience=experience)

    def read_one(self, key: int, time_us: int, log_odds: float) -> tuple[float, float]:
        """``reading`` of one attempt: log-odds and experience."""
        own = min(max(log_odds, -MAX_ABS_LOG_ODDS), MAX_ABS_LOG_ODDS)
        known = self._sums.read_one(key, time_us) if key else _NOTHING_KNOWN
        return self._joined(known[_SUM_6H], known[_COUNT_6H], own), known[_COUNT_7D]

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

    def _joined(self, total: _Numbers, count: _Numbers, own: _Numbers) -> _Numbers:
        """The mean of a caller's attempts, for one or for many; ``total``, ``count``: of the earlier ones."""
        weight = self._newcomer_weight
        earlier = (weight * self._newcomer_log_odds + total) / (weight + count)
        return self._own_share * own + (1.0 - self._own_share) * earlier


def clipped(log_odds: F64) -> F64:
    """Log-odds of attempts, none more certain than MAX_ABS_LOG_ODDS."""
    return np.asarray(np.minimum(np.maximum(log_odds, -MAX_ABS_LOG_ODDS), MAX_ABS_LOG_ODDS), dtype=np.float64)
