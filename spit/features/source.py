"""What a source address has done, whatever identities and software it showed. Forwarded calls count."""

from __future__ import annotations

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import count, ratio
from spit.features.declare import DAY_S, HOUR_S, MINUTE_S, Feature, SumsDeclaration

ATTEMPTS = SumsDeclaration(
    "source_attempts",
    key="source",
    contributions=(c.ATTEMPTS, c.FIRST_CONTACTS),
    windows_s=(MINUTE_S, HOUR_S, DAY_S),
    charges_diverted=True,
)
OUTCOMES = SumsDeclaration(
    "source_outcomes",
    key="source",
    contributions=(c.ENDED, c.ANSWERED, c.TIMED, c.TALK_S, c.SHORT, c.NOT_FOUND, c.UNWANTED),
    windows_s=(HOUR_S, DAY_S),
    charges_diverted=True,
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
            meaning="How many calls have come from this address",
            source="X.1244: network-level rate features",
        )
        for window_s in ATTEMPTS.windows_s
    ),
    ratio(
        "first_contact_ratio",
        ATTEMPTS,
        c.FIRST_CONTACTS,
        c.ATTEMPTS,
        HOUR_S,
        priors.FIRST_CONTACT_RATIO,
        meaning="Share of attempts from this address to people not called by their caller within 7 days",
        source="X.1244: strangers",
    ),
    *(
        ratio(
            "answer_ratio",
            OUTCOMES,
            c.ANSWERED,
            c.ENDED,
            window_s,
            priors.ANSWER_RATIO,
            meaning="Share of finished calls from this address that were answered",
            source="RFC 6076 (SER); trunk floor: 40 to 50 %",
        )
        for window_s in (HOUR_S, DAY_S)
    ),
    ratio(
        "short_call_ratio",
        OUTCOMES,
        c.SHORT,
        c.TIMED,
        DAY_S,
        priors.SHORT_RATIO,
        meaning="Share of answered calls from this address that lasted at most 6 s",
        source="carriers' short-call limit: 15 % of connected calls",
    ),
    ratio(
        "mean_talk_s",
        OUTCOMES,
        c.TALK_S,
        c.TIMED,
        DAY_S,
        priors.MEAN_TALK_S,
        unit="s",
        meaning="Mean duration of answered calls from this address",
        source="carriers' ACD; trunk floor: 30 to 60 s",
    ),
    ratio(
        "not_found_ratio",
        OUTCOMES,
        c.NOT_FOUND,
        c.ENDED,
        HOUR_S,
        priors.NOT_FOUND_RATIO,
        meaning="Share of finished calls from this address to numbers that nobody has",
        source="RFC 3261 sections 21.4.5, 21.6.3; dictionary dialling",
    ),
    ratio(
        "unwanted_ratio",
        OUTCOMES,
        c.UNWANTED,
        c.ENDED,
        DAY_S,
        priors.UNWANTED_RATIO,
        meaning="Share of finished calls from this address that the callee called unwanted (607)",
        source="RFC 8197",
    ),
)
