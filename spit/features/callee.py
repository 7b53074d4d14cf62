"""What has happened to the callee: storms of calls, and whether he knows who calls."""

from __future__ import annotations

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import count, ratio
from spit.features.declare import DAY_S, HOUR_S, MINUTE_S, Feature, SumsDeclaration

ATTEMPTS = SumsDeclaration(
    "callee_attempts",
    key="callee",
    contributions=(c.ATTEMPTS, c.CONTACT_NEW_1M, c.CONTACT_NEW_1H, c.FIRST_CONTACTS, c.RECIPROCAL),
    windows_s=(MINUTE_S, HOUR_S, DAY_S),
    charges_diverted=False,
)
OUTCOMES = SumsDeclaration(
    "callee_outcomes",
    key="callee",
    contributions=(c.ENDED, c.ANSWERED, c.ONE_RING),
    windows_s=(HOUR_S, DAY_S),
    charges_diverted=False,
)
SUMS = (ATTEMPTS, OUTCOMES)

FEATURES: tuple[Feature, ...] = (
    *(
        count(
            "attempts",
            ATTEMPTS,
            c.ATTEMPTS,
            window_s,
            unit="attempts",
            meaning="How many calls the callee has been offered",
            source="call storms (call-backs to a spoofed number); this project",
        )
        for window_s in ATTEMPTS.windows_s
    ),
    *(
        count(
            "distinct_callers",
            ATTEMPTS,
            contribution,
            window_s,
            unit="callers",
            meaning="How many different callers have tried the callee",
            source="call storms (call-backs to a spoofed number); this project",
        )
        for contribution, window_s in ((c.CONTACT_NEW_1M, MINUTE_S), (c.CONTACT_NEW_1H, HOUR_S))
    ),
    ratio(
        "first_contact_ratio",
        ATTEMPTS,
        c.FIRST_CONTACTS,
        c.ATTEMPTS,
        DAY_S,
        priors.FIRST_CONTACT_RATIO,
        meaning="Share of the calls offered to the callee from people who had not called him within 7 days",
        source="X.1244: strangers",
    ),
    ratio(
        "call_back_ratio",
        ATTEMPTS,
        c.RECIPROCAL,
        c.ATTEMPTS,
        HOUR_S,
        priors.RECIPROCAL_RATIO,
        meaning="Share of the calls offered to the callee from people whom he had called within 7 days",
        source="CallRank 2007; call-backs after wangiri",
    ),
    ratio(
        "answer_ratio",
        OUTCOMES,
        c.ANSWERED,
        c.ENDED,
        DAY_S,
        priors.ANSWER_RATIO,
        meaning="Share of finished calls to the callee that were answered",
        source="RFC 6076 (SER)",
    ),
    ratio(
        "one_ring_ratio",
        OUTCOMES,
        c.ONE_RING,
        c.ENDED,
        DAY_S,
        priors.ONE_RING_RATIO,
        meaning="Share of finished calls to the callee given up after ringing at most 6 s",
        source="wangiri: 1 to 5 s of ringing, then CANCEL",
    ),
)
