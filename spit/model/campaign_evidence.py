"""Evidence of campaigns: a sequential test of each thing that attempts may share (docs/decisions.md).

A campaign rotates its numbers, so its callers stay young; what it shares stays. For each key (peer, source,
origid, block of the caller, block of the callee) the test asks whether a share ``campaign_share`` of the
attempts by young callers is spam rather than the usual ``background_share``. Attempts that look legitimate
count against it, so a busy trunk is not condemned by its size, nor is a campaign on it diluted beyond that
share. Source: Wald 1945, the likelihood ratio of two mixtures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from spit._core import Sums
from spit.errors import InputError
from spit.model.decision import DecisionParameters
from spit.model.evidence import Mask
from spit.model.scorer import F64, logit, sigmoid

#: What attempts of a campaign may share.
TIES = ("peer", "source", "origid", "caller_block", "callee_block")


@dataclass(frozen=True, slots=True)
class CampaignReading:
    """What the ties of each of n attempts said before it.

    ``shift``: what that adds to the log-odds of an attempt that fits; ``is_established``: the ratio has
    reached the bound.
    """

    shift: F64
    is_established: Mask


class CampaignEvidence:
    """One decayed test per key, of each tie at most ``max_keys`` keys."""

    def __init__(self, parameters: DecisionParameters, *, prior: float, max_keys: int = 1_000_000) -> None:
        self._parameters = parameters
        self._prior_log_odds = logit(prior)
        self._background_log_odds = logit(parameters.background_share)
        time_constant_s = parameters.campaign_time_constant_s
        # After 24 time constants the weight of an attempt is e^-24: nothing is lost by forgetting the key.
        self._sums = {
            tie: Sums(2, [time_constant_s], idle_s=24.0 * time_constant_s, max_keys=max_keys) for tie in TIES
        }

    @property
    def sums(self) -> list[Sums]:
        """What ``_core.EvidenceSums`` folds, in the order of TIES: ``increments`` and their count."""
        return list(self._sums.values())

    def merge(self, other: CampaignEvidence) -> None:
        """Add the evidence another scorer gathered from other attempts."""
        for tie, sums in self._sums.items():
            sums.merge(other._sums[tie])

    def states(self) -> dict[str, pa.RecordBatch]:
        """Everything that ``restore`` needs, by tie."""
        return {tie: sums.state() for tie, sums in self._sums.items()}

    def restore(self, states: Mapping[str, pa.RecordBatch]) -> None:
        """Replace the evidence by saved states. Raises InputError when a tie is missing."""
        if set(states) != set(TIES):
            raise InputError(f"campaign state: expected {', '.join(TIES)}, found {', '.join(states)}")
        for tie, sums in self._sums.items():
            sums.restore(states[tie])

    def counters(self) -> dict[str, int]:
        """Keys held and evicted, by tie and name."""
        return {
            f"{tie}_{name}": count
            for tie, sums in self._sums.items()
            for name, count in sums.counters().items()
        }

    def increments(self, own: F64) -> F64:
        """The log of how much more likely each attempt is where ``campaign_share`` of them is spam.

        ``own``: ``clipped`` log-odds.
        """
        excess = np.exp(own - self._prior_log_odds) - 1.0
        share, background = self._parameters.campaign_share, self._parameters.background_share
        mixed = np.log1p(share * excess) - np.log1p(background * excess)
        return np.asarray(mixed, dtype=np.float64)

    def reading(self, strongest: F64) -> CampaignReading:
        """What follows from the log likelihood ratio of the strongest tie."""
        parameters = self._parameters
        belief = sigmoid(strongest - parameters.campaign_bound)
        share = belief * parameters.campaign_share + (1.0 - belief) * parameters.background_share
        shift = np.log(share) - np.log1p(-share) - self._background_log_odds
        return CampaignReading(
            shift=np.asarray(shift, dtype=np.float64),
            is_established=strongest >= parameters.campaign_bound,
        )
