"""What calls under the same origination identifier (PASSporT ``origid``) have done: one signer's customer."""

from __future__ import annotations

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import count, ratio
from spit.features.declare import DAY_S, HOUR_S, Feature, SumsDeclaration

ATTEMPTS = SumsDeclaration(
    "origid_attempts",
    key="origid",
    contributions=(c.ATTEMPTS,),
    windows_s=(HOUR_S,),
    charges_diverted=True,
)
OUTCOMES = SumsDeclaration(
    "origid_outcomes",
    key="origid",
    contributions=(c.ENDED, c.ANSWERED, c.TIMED, c.SHORT),
    windows_s=(DAY_S,),
    charges_diverted=True,
)
SUMS = (ATTEMPTS, OUTCOMES)

FEATURES: tuple[Feature, ...] = (
    count(
        "attempts",
        ATTEMPTS,
        c.ATTEMPTS,
        HOUR_S,
        unit="attempts",
        meaning="How many calls have come under this origination identifier",
        source="RFC 8588 (origid)",
    ),
    ratio(
        "answer_ratio",
        OUTCOMES,
        c.ANSWERED,
        c.ENDED,
        DAY_S,
        priors.ANSWER_RATIO,
        meaning="Share of finished calls under this origination identifier that were answered",
        source="RFC 8588 (origid); RFC 6076 (SER)",
    ),
    ratio(
        "short_call_ratio",
        OUTCOMES,
        c.SHORT,
        c.TIMED,
        DAY_S,
        priors.SHORT_RATIO,
        meaning="Share of answered calls under this origination identifier that lasted at most 6 s",
        source="RFC 8588 (origid); carriers' short-call limit",
    ),
)
