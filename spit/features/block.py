"""What neighbours of the caller's number have done: the number without its last 4 digits."""

from __future__ import annotations

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import counts, ratios, surge
from spit.features.declare import DAY_S, HOUR_S, MINUTE_S, WEEK_S, Feature, SumsDeclaration
from spit.features.strangers import young_attempts, young_outcomes

SUMS = SumsDeclaration("block", charges_diverted=False)

_SOURCE = "snowshoe spam from number blocks; this project"
_DAY = (DAY_S,)

FEATURES: tuple[Feature, ...] = (
    *counts(
        SUMS,
        [
            (
                "attempts",
                c.ATTEMPTS,
                (MINUTE_S, HOUR_S, DAY_S, WEEK_S),
                "attempts",
                "How many calls numbers of the caller's block of 10,000 have tried",
                _SOURCE,
            ),
            (
                "distinct_callers",
                c.CALLER_NEW_1H,
                (HOUR_S,),
                "callers",
                "How many different numbers of the caller's block have called",
                _SOURCE,
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
                (DAY_S, WEEK_S),
                priors.FIRST_CONTACT_RATIO,
                "Share of the block's attempts to people whom their caller had not called within 7 days",
                "X.1244: strangers",
            ),
            (
                "answer_ratio",
                c.ANSWERED,
                c.ENDED,
                (HOUR_S, WEEK_S),
                priors.ANSWER_RATIO,
                "Share of the block's finished calls that were answered",
                "RFC 6076 (SER)",
            ),
            (
                "short_call_ratio",
                c.SHORT,
                c.TIMED,
                _DAY,
                priors.SHORT_RATIO,
                "Share of the block's answered calls that lasted at most 6 s",
                "carriers' short-call limit: 15 % of connected calls",
            ),
            (
                "unwanted_ratio",
                c.UNWANTED,
                c.ENDED,
                _DAY,
                priors.UNWANTED_RATIO,
                "Share of the block's finished calls that the callee called unwanted (607)",
                "RFC 8197",
            ),
        ],
    ),
    *ratios(
        SUMS,
        [
            (
                "mean_talk_s",
                c.TALK_S,
                c.TIMED,
                (WEEK_S,),
                priors.MEAN_TALK_S,
                "Mean duration of the block's answered calls",
                "carriers' ACD",
            )
        ],
        unit="s",
    ),
    surge(
        "surge",
        SUMS,
        c.ATTEMPTS,
        HOUR_S,
        WEEK_S,
        priors.SURGE,
        meaning="How many calls numbers of the caller's block have tried",
        source=_SOURCE,
    ),
    *young_attempts(SUMS, "of the caller's block", (HOUR_S, DAY_S), _DAY, surges=False),
    *young_outcomes(SUMS, "of the caller's block", answer=_DAY, short_call=_DAY, mean_talk=_DAY),
)
