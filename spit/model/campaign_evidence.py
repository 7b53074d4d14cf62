"""Evidence of campaigns: a sequential test of each thing that attempts may share (docs/decisions.md).

A campaign rotates its numbers, so its callers stay young; what it shares stays. For each key (peer, source,
origid, block of the caller, block of the callee) the test asks whether a share ``campaign_share`` of the
attempts by young callers is spam rather than the usual ``background_share``. Attempts that look legitimate
count against it, so a busy trunk is not condemned by its size, nor is a campaign on it diluted beyond that
share. Source: Wald 1945, the likelihood ratio of two mixtures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from spit._core import Sums
from spit.errors import InputError
from spit.model.decision import DecisionParameters
from spit.model.evidence import I64, MAX_ABS_LOG_ODDS, U64, Mask
from spit.model.scorer import F64, logit, sigmoid

#: What attempts of a campaign may share, in the order of the columns of ``keys``.
TIES = ("peer", "source", "origid", "caller_block", "callee_block")


@dataclass(frozen=True, slots=True)
class CampaignReading:
    """What the ties of each of n attempts said before it.

    ``log_likelihood_ratio``: float64[n], of the strongest tie; ``tie``: its position in TIES; ``shift``: what
    that adds to the log-odds of an attempt that fits; ``is_established``: the ratio has reached the bound.
    """

    log_likelihood_ratio: F64
    tie: I64
    shift: F64
    is_established: Mask


class CampaignEvidence:
    """One decayed test per key, of each tie at most ``max_keys`` keys. Order-exact, as CallerEvidence is."""

    def __init__(self, parameters: DecisionParameters, *, prior: float, max_keys: int = 1_000_000) -> None:
        self._parameters = parameters
        self._prior_log_odds = logit(prior)
        time_constant_s = parameters.campaign_time_constant_s
        # After 24 time constants the weight of an attempt is e^-24: nothing is lost by forgetting the key.
        self._sums = {
            tie: Sums(2, [time_constant_s], idle_s=24.0 * time_constant_s, max_keys=max_keys) for tie in TIES
        }

    def update(self, keys: Sequence[U64], times_us: I64, log_odds: F64, *, feeds: Mask) -> CampaignReading:
        """What was known before each attempt; then counts those that ``feeds`` marks.

        ``keys``: uint64[n] for each of TIES, 0 where the attempt has no such tie.
        """
        contributions = np.stack([self._increments(log_odds), np.ones(len(log_odds))], axis=1)
        contributions[~feeds] = 0.0
        return self._reading(
            [
                sums.fold(key, times_us, contributions)
                for sums, key in zip(self._sums.values(), keys, strict=True)
            ]
        )

    def read(self, keys: Sequence[U64], times_us: I64) -> CampaignReading:
        """As ``update``, and counts nothing."""
        return self._reading(
            [sums.read(key, times_us) for sums, key in zip(self._sums.values(), keys, strict=True)]
        )

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

    def _increments(self, log_odds: F64) -> F64:
        """The log of how much more likely the attempt is where ``campaign_share`` of them is spam."""
        ratio = np.exp(np.clip(log_odds, -MAX_ABS_LOG_ODDS, MAX_ABS_LOG_ODDS) - self._prior_log_odds)
        share, background = self._parameters.campaign_share, self._parameters.background_share
        mixed = np.log1p(share * (ratio - 1.0)) - np.log1p(background * (ratio - 1.0))
        return np.asarray(mixed, dtype=np.float64)

    def _reading(self, before: list[F64]) -> CampaignReading:
        parameters = self._parameters
        known = np.nan_to_num(np.stack(before), nan=0.0)  # [ties, n, 2]
        ratios = known[:, :, 0] / (1.0 + parameters.campaign_dependence * known[:, :, 1])
        tie = np.argmax(ratios, axis=0)
        strongest = np.take_along_axis(ratios, tie[np.newaxis, :], axis=0)[0]
        belief = sigmoid(strongest - parameters.campaign_bound)
        share = belief * parameters.campaign_share + (1.0 - belief) * parameters.background_share
        shift = np.log(share) - np.log1p(-share) - logit(parameters.background_share)
        return CampaignReading(
            log_likelihood_ratio=strongest,
            tie=tie.astype(np.int64),
            shift=np.asarray(shift, dtype=np.float64),
            is_established=strongest >= parameters.campaign_bound,
        )
