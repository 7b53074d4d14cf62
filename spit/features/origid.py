"""What calls under the same origination identifier (PASSporT ``origid``) have done: one signer's customer."""

from __future__ import annotations

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import counts, ratios
from spit.features.declare import DAY_S, HOUR_S, Feature, SumsDeclaration
from spit.features.strangers import young_attempts, young_outcomes

SUMS = SumsDeclaration("origid", charges_diverted=True)

_DAY = (DAY_S,)

FEATURES: tuple[Feature, ...] = (
    *counts(
        SUMS,
        [
            (
                "attempts",
                c.ATTEMPTS,
                (HOUR_S,),
                "attempts",
                "How many calls have come under this origination identifier",
                "RFC 8588 (origid)",
            ),
            (
                "distinct_callers",
                c.CALLER_NEW_1H,
                (HOUR_S,),
                "callers",
                "How many different callers have come under this origination identifier",
                "RFC 8588 (origid): a customer who rotates numbers",
            ),
        ],
    ),
    *ratios(
        SUMS,
        [
            (
                "first_contact_ratio",
                c.FIRST_CONTACTS,
                c.ATTEMPTS,
                _DAY,
                priors.FIRST_CONTACT_RATIO,
                "Share of attempts under this origination identifier to people not called within 7 days",
                "RFC 8588 (origid); X.1244: strangers",
            ),
            (
                "answer_ratio",
                c.ANSWERED,
                c.ENDED,
                _DAY,
                priors.ANSWER_RATIO,
                "Share of finished calls under this origination identifier that were answered",
                "RFC 8588 (origid); RFC 6076 (SER)",
            ),
            (
                "short_call_ratio",
                c.SHORT,
                c.TIMED,
                _DAY,
                priors.SHORT_RATIO,
                "Share of answered calls under this origination identifier that lasted at most 6 s",
                "RFC 8588 (origid); carriers' short-call limit",
            ),
        ],
    ),
    *young_attempts(SUMS, "under this origination identifier", _DAY, _DAY, surges=False),
    *young_outcomes(SUMS, "under this origination identifier", answer=_DAY, mean_talk=_DAY),
)
