"""What has happened to the callee, and to the caller's own number as a callee."""

from __future__ import annotations

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import counts, ratios, surge
from spit.features.declare import (
    DAY_S,
    HOUR_S,
    MINUTE_S,
    TEN_MINUTES_S,
    WEEK_S,
    Feature,
    SumsDeclaration,
)
from spit.features.strangers import young_attempts

#: Also read with the caller's identity: whether anybody calls him, and whether his number exists.
SUMS = SumsDeclaration("callee", charges_diverted=False, seen_from="caller", as_name="inbound")

_STORM = "call storms (call-backs to a spoofed number, telephony denial of service); this project"
_DAY = (DAY_S,)
_WEEK = (WEEK_S,)

FEATURES: tuple[Feature, ...] = (
    *counts(
        SUMS,
        [
            (
                "attempts",
                c.ATTEMPTS,
                (MINUTE_S, TEN_MINUTES_S, HOUR_S, DAY_S),
                "attempts",
                "How many calls the callee has been offered",
                _STORM,
            ),
            (
                "distinct_callers",
                c.CONTACT_NEW_1M,
                (MINUTE_S,),
                "callers",
                "How many different callers have tried the callee",
                _STORM,
            ),
            (
                "distinct_callers",
                c.CONTACT_NEW_1H,
                (HOUR_S,),
                "callers",
                "How many different callers have tried the callee",
                _STORM,
            ),
        ],
    ),
    *young_attempts(SUMS, "to the callee", (TEN_MINUTES_S, HOUR_S, DAY_S), (HOUR_S, DAY_S)),
    surge(
        "surge",
        SUMS,
        c.ATTEMPTS,
        TEN_MINUTES_S,
        WEEK_S,
        priors.SURGE,
        meaning="How many calls the callee has been offered",
        source=_STORM,
    ),
    *ratios(
        SUMS,
        [
            (
                "first_contact_ratio",
                c.FIRST_CONTACTS,
                c.ATTEMPTS,
                (HOUR_S, DAY_S),
                priors.FIRST_CONTACT_RATIO,
                "Share of the calls offered to the callee from people who had not called him within 7 days",
                "X.1244: strangers",
            ),
            (
                "call_back_ratio",
                c.RECIPROCAL,
                c.ATTEMPTS,
                (HOUR_S,),
                priors.RECIPROCAL_RATIO,
                "Share of the calls offered to the callee from people whom he had called within 7 days",
                "CallRank 2007; call-backs after wangiri",
            ),
            (
                "answer_ratio",
                c.ANSWERED,
                c.ENDED,
                (DAY_S, WEEK_S),
                priors.ANSWER_RATIO,
                "Share of finished calls to the callee that were answered",
                "RFC 6076 (SER)",
            ),
            (
                "stranger_answer_ratio",
                c.STRANGERS_ANSWERED,
                c.STRANGERS_ENDED,
                _WEEK,
                priors.STRANGER_ANSWER_RATIO,
                "Share of finished calls from people the callee had not talked with that were answered",
                "the callee's own habit; this project",
            ),
            (
                "declined_ratio",
                c.DECLINED,
                c.ENDED,
                _WEEK,
                priors.DECLINED_RATIO,
                "Share of finished calls that the callee declined or called unwanted",
                "RFC 3261 section 21.6.2; RFC 8197",
            ),
            (
                "one_ring_ratio",
                c.ONE_RING,
                c.ENDED,
                _DAY,
                priors.ONE_RING_RATIO,
                "Share of finished calls to the callee given up after ringing at most 6 s",
                "wangiri: 1 to 5 s of ringing, then CANCEL",
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
                _WEEK,
                priors.MEAN_TALK_S,
                "Mean duration of answered calls to the callee",
                "the callee's own habit; this project",
            )
        ],
        unit="s",
    ),
)

_INBOUND = SUMS.elsewhere
INBOUND: tuple[Feature, ...] = (
    *counts(
        _INBOUND,
        [
            (
                "attempts",
                c.ATTEMPTS,
                (DAY_S, WEEK_S),
                "attempts",
                "How many calls the caller's own number has been offered",
                "CallRank 2007: calls go both ways between people",
            ),
            (
                "new_callers",
                c.FIRST_CONTACTS,
                (WEEK_S,),
                "callers",
                "How many people who had not within 7 days have called the caller's own number",
                "Caller-REP 2013: in-degree",
            ),
        ],
    ),
    *ratios(
        _INBOUND,
        [
            (
                "answer_ratio",
                c.ANSWERED,
                c.ENDED,
                _WEEK,
                priors.ANSWER_RATIO,
                "Share of finished calls to the caller's own number that were answered",
                "a number that nobody ever answers is a shown one, not a used one; this project",
            ),
            (
                "not_found_ratio",
                c.NOT_FOUND,
                c.ENDED,
                _WEEK,
                priors.INBOUND_NOT_FOUND_RATIO,
                "Share of finished calls to the caller's own number that found nobody to have it",
                "call-backs to a spoofed, unallocated number: RFC 3261 section 21.4.5",
            ),
            (
                "call_back_ratio",
                c.RECIPROCAL,
                c.ATTEMPTS,
                _DAY,
                priors.RECIPROCAL_RATIO,
                "Share of the calls to the caller's own number from people it had called within 7 days",
                "call-backs after wangiri or to a spoofed number; this project",
            ),
        ],
    ),
)
