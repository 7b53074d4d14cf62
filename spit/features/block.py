"""What neighbours of the caller's number have done: the number without its last 4 digits."""

from __future__ import annotations

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import count, ratio
from spit.features.declare import DAY_S, HOUR_S, MINUTE_S, Feature, SumsDeclaration

ATTEMPTS = SumsDeclaration(
    "block_attempts",
    key="block",
    contributions=(c.ATTEMPTS, c.CALLER_NEW_1H, c.FIRST_CONTACTS),
    windows_s=(MINUTE_S, HOUR_S, DAY_S),
    charges_diverted=False,
)
OUTCOMES = SumsDeclaration(
    "block_outcomes",
    key="block",
    contributions=(c.ENDED, c.ANSWERED, c.TIMED, c.SHORT, c.UNWANTED),
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
            meaning="How many calls numbers of the caller's block of 10,000 have tried",
            source="snowshoe spam from number blocks; this project",
        )
        for window_s in ATTEMPTS.windows_s
    ),
    count(
        "distinct_callers",
        ATTEMPTS,
        c.CALLER_NEW_1H,
        HOUR_S,
        unit="callers",
        meaning="How many different numbers of the caller's block have called",
        source="snowshoe spam from number blocks; this project",
    ),
    ratio(
        "first_contact_ratio",
        ATTEMPTS,
        c.FIRST_CONTACTS,
        c.ATTEMPTS,
        DAY_S,
        priors.FIRST_CONTACT_RATIO,
        meaning="Share of the block's attempts to people whom their caller had not called within 7 days",
        source="X.1244: strangers",
    ),
    ratio(
        "answer_ratio",
        OUTCOMES,
        c.ANSWERED,
        c.ENDED,
        HOUR_S,
        priors.ANSWER_RATIO,
        meaning="Share of the block's finished calls that were answered",
        source="RFC 6076 (SER)",
    ),
    ratio(
        "short_call_ratio",
        OUTCOMES,
        c.SHORT,
        c.TIMED,
        DAY_S,
        priors.SHORT_RATIO,
        meaning="Share of the block's answered calls that lasted at most 6 s",
        source="carriers' short-call limit: 15 % of connected calls",
    ),
    ratio(
        "unwanted_ratio",
        OUTCOMES,
        c.UNWANTED,
        c.ENDED,
        DAY_S,
        priors.UNWANTED_RATIO,
        meaning="Share of the block's finished calls that the callee called unwanted (607)",
        source="RFC 8197",
    ),
)
