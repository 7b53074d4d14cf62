"""What the neighbours of the callee are offered: the callee's number without its last 4 digits.

Neighbour spoofing and dialling through an exchange show here, whatever numbers and trunks they use.
"""

from __future__ import annotations

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import counts, spread
from spit.features.declare import DAY_S, HOUR_S, TEN_MINUTES_S, Feature, SumsDeclaration
from spit.features.strangers import neighbours, young_attempts, young_outcomes

SUMS = SumsDeclaration("callee_block", charges_diverted=False)

_BOTH = (HOUR_S, DAY_S)
_DAY = (DAY_S,)

FEATURES: tuple[Feature, ...] = (
    *counts(
        SUMS,
        [
            (
                "attempts",
                c.ATTEMPTS,
                _BOTH,
                "attempts",
                "How many calls numbers of the callee's block of 10,000 have been offered",
                "dialling through an exchange; this project",
            )
        ],
    ),
    *young_attempts(SUMS, "to the callee's block", (TEN_MINUTES_S, *_BOTH), _BOTH),
    *neighbours(SUMS, "to the callee's block", counts_s=_BOTH, shares_s=_DAY),
    *young_outcomes(
        SUMS,
        "to the callee's block",
        answer=_DAY,
        short_call=_DAY,
        mean_talk=_DAY,
        not_found=_DAY,
        declined=_DAY,
    ),
    spread(
        "attestation_spread",
        SUMS,
        (c.ATTEMPTS, c.LEVEL, c.LEVEL2),
        DAY_S,
        priors.LEVEL_SPREAD,
        relative=False,
        unit="0 to 1.5",
        meaning="How much the attestation of calls to the callee's block varies",
        source="attestation shopping: a campaign signed now by this provider, now by that",
    ),
)
