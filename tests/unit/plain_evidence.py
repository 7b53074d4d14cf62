"""Evidence as it is defined: one fold after another over whole columns, to be compared with the one pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spit._core import Sums
from spit.model.campaign_evidence import CampaignEvidence
from spit.model.decision import DecisionParameters
from spit.model.evidence import I64, U64, CallerEvidence, Mask, clipped
from spit.model.scorer import F64, sigmoid


class PlainEvidence:
    """The scores, ties and shifts of attempts; state as ``Evidence`` keeps it."""

    def __init__(self, parameters: DecisionParameters, *, prior: float, max_keys: int) -> None:
        self._parameters = parameters
        self.callers = CallerEvidence(
            newcomer_log_odds=parameters.newcomer_log_odds,
            newcomer_weight=parameters.newcomer_weight,
            own_share=parameters.own_share,
            max_callers=max_keys,
        )
        self.campaigns = CampaignEvidence(parameters, prior=prior, max_keys=max_keys)

    def update(
        self,
        callers: U64,
        ties: Sequence[U64],
        times_us: I64,
        log_odds: F64,
        *,
        first_contact: Mask,
        frozen: Mask,
    ) -> tuple[F64, I64, F64]:
        parameters, own = self._parameters, clipped(log_odds)
        counted = np.where(frozen[:, np.newaxis], 0.0, np.stack([own, np.ones_like(own)], axis=1))
        caller = _fold(self.callers.sums, callers, times_us, counted)
        young = caller[:, 3] < parameters.young_attempts
        feeds = (young & first_contact)[:, np.newaxis]
        counted = np.where(feeds, np.stack([self.campaigns.increments(own), np.ones_like(own)], axis=1), 0.0)
        known = np.stack(
            [
                _fold(sums, keys, times_us, counted)
                for sums, keys in zip(self.campaigns.sums, ties, strict=True)
            ]
        )
        ratios = known[:, :, 0] / (1.0 + parameters.campaign_dependence * known[:, :, 1])
        tie = np.argmax(ratios, axis=0)
        strongest = np.max(ratios, axis=0)
        fits = young & first_contact & (log_odds >= parameters.campaign_floor)
        shift = np.where(fits, parameters.campaign_weight * self.campaigns.reading(strongest).shift, 0.0)
        evidence = self.callers.reading(caller[:, 0], caller[:, 1], caller[:, 3], own).log_odds
        return sigmoid(evidence + shift), tie, shift


def _fold(sums: Sums, keys: U64, times_us: I64, counted: F64) -> F64:
    return np.nan_to_num(sums.fold(keys, times_us, np.ascontiguousarray(counted)), nan=0.0)
