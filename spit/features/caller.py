"""What the caller's identity has tried. Key: the canonical caller; none when withheld."""

from __future__ import annotations

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import change, counts, ratios, spread, surge
from spit.features.declare import (
    DAY_S,
    HOUR_S,
    MINUTE_S,
    TEN_MINUTES_S,
    WEEK_S,
    Age,
    Feature,
    Habit,
    LastDeclaration,
    SumsDeclaration,
    Term,
)
from spit.features.end_columns import OPEN_WINDOW_S

LAST = LastDeclaration("caller_last", key="caller", charges_diverted=False)
#: Also read with the callee's identity: whether he whom one calls is himself a caller.
SUMS = SumsDeclaration("caller", charges_diverted=False, seen_from="callee", as_name="callee_outbound")

_BOTH = (HOUR_S, DAY_S)
_DAY = (DAY_S,)
_LONG = (DAY_S, WEEK_S)

_RATES = counts(
    SUMS,
    [
        (
            "attempts",
            c.ATTEMPTS,
            (MINUTE_S, TEN_MINUTES_S, HOUR_S, DAY_S, WEEK_S),
            "attempts",
            "How many calls the caller has tried",
            "carriers' ANI profiling: batches of attempts per minute, hours of history",
        ),
        (
            "distinct_callees",
            c.CONTACT_NEW_1H,
            (HOUR_S,),
            "callees",
            "How many different people the caller has tried to reach",
            "Caller-REP 2013: out-degree",
        ),
        (
            "new_callees",
            c.FIRST_CONTACTS,
            _LONG,
            "callees",
            "How many people not called within 7 days the caller has tried to reach",
            "Caller-REP 2013: out-degree; low and slow callers show over days",
        ),
        (
            "messages",
            c.MESSAGES,
            (TEN_MINUTES_S, DAY_S),
            "messages",
            "How many text messages the caller has sent",
            "RFC 3428; X.1244: text spam",
        ),
        (
            "new_routes",
            c.PEER_CALLER_NEW,
            _DAY,
            "peers",
            "From how many sources and fingerprints new to it the caller has called",
            "spoofed and shopped-around numbers come from everywhere; this project",
        ),
        (
            "open_calls",
            c.OPEN,
            (OPEN_WINDOW_S,),
            "calls",
            "How many calls of the caller are going on",
            "concurrent calls: one person has one mouth; this project",
        ),
    ],
)

_PATTERNS = ratios(
    SUMS,
    [
        (
            "first_contact_ratio",
            c.FIRST_CONTACTS,
            c.ATTEMPTS,
            (HOUR_S, DAY_S, WEEK_S),
            priors.FIRST_CONTACT_RATIO,
            "Share of the caller's attempts to people not called within 7 days",
            "X.1244: strangers; residential callers know 60 to 80 % of whom they call",
        ),
        (
            "redial_ratio",
            c.REDIALS,
            c.ATTEMPTS,
            _BOTH,
            priors.REDIAL_RATIO,
            "Share of the caller's attempts to somebody called within the last 10 min",
            "Caller-REP 2013: repetitive calls",
        ),
        (
            "sequential_ratio",
            c.SEQUENTIAL,
            c.ATTEMPTS,
            _BOTH,
            priors.SEQUENTIAL_RATIO,
            "Share of the caller's attempts to a number 1 to 3 beside the one before",
            "dictionary dialling; this project",
        ),
        (
            "same_block_ratio",
            c.SAME_BLOCK,
            c.ATTEMPTS,
            _BOTH,
            priors.SAME_BLOCK_RATIO,
            "Share of the caller's attempts to another number of the same 10,000 as the one before",
            "dictionary dialling; this project",
        ),
        (
            "reciprocal_ratio",
            c.RECIPROCAL,
            c.ATTEMPTS,
            _LONG,
            priors.RECIPROCAL_RATIO,
            "Share of the caller's attempts to people who had called the caller within 7 days",
            "CallRank 2007: calls go both ways between people",
        ),
        (
            "known_callee_ratio",
            c.KNOWN,
            c.ATTEMPTS,
            _LONG,
            priors.KNOWN_RATIO,
            "Share of the caller's attempts to people with whom it had talked within 7 days",
            "Azad 2023, Caller-REP 2013: strong ties",
        ),
        (
            "neighbour_ratio",
            c.NEIGHBOURS,
            c.ATTEMPTS,
            _DAY,
            priors.NEIGHBOUR_RATIO,
            "Share of the caller's attempts to numbers that differ from its own in at most 5 last digits",
            "neighbour spoofing; this project",
        ),
        (
            "differing_identity_ratio",
            c.DIFFERING,
            c.ATTEMPTS,
            _DAY,
            priors.RARE_RATIO,
            "Share of the caller's attempts where the network asserts or signs another caller",
            "RFC 3325; RFC 8225 (orig)",
        ),
    ],
)

_REGULARITY = [
    Feature(
        name="caller_gap_s",
        key="caller",
        unit="s",
        meaning="Seconds since the caller's last attempt, at most 1 day.",
        source="this project",
        expression=Age("caller_gap_s", DAY_S),
    )
]
for _window_s in _BOTH:
    _REGULARITY += [
        spread(
            "gap_variation",
            SUMS,
            (c.GAPS, c.GAP_S, c.GAP_S2),
            _window_s,
            priors.GAP_VARIATION,
            relative=True,
            unit="ratio",
            meaning="How much the time between the caller's attempts varies, relative to its mean",
            source="gaps of people: Weibull; of machines: regular",
        ),
        spread(
            "log_gap_spread",
            SUMS,
            (c.GAPS, c.LOG_GAP, c.LOG_GAP2),
            _window_s,
            priors.LOG_GAP_SPREAD,
            relative=False,
            unit="ln s",
            meaning="Spread of the logarithm of the time between the caller's attempts; low is regular",
            source="gaps of people: Weibull; of machines: regular",
        ),
    ]

_CALLS = "How many calls the caller has tried"
_TAKEN_OVER = "accounts taken over behave unlike their own past; this project"
_PAST = (
    surge(
        "surge",
        SUMS,
        c.ATTEMPTS,
        MINUTE_S,
        HOUR_S,
        priors.SURGE,
        meaning=_CALLS,
        source="bursts: carriers' ANI profiling in batches of a minute",
    ),
    surge(
        "surge",
        SUMS,
        c.ATTEMPTS,
        TEN_MINUTES_S,
        DAY_S,
        priors.SURGE,
        meaning=_CALLS,
        source="bursts: carriers' ANI profiling in batches of a minute",
    ),
    surge("surge", SUMS, c.ATTEMPTS, HOUR_S, WEEK_S, priors.SURGE, meaning=_CALLS, source=_TAKEN_OVER),
    surge("surge", SUMS, c.ATTEMPTS, DAY_S, WEEK_S, priors.SURGE, meaning=_CALLS, source=_TAKEN_OVER),
    change(
        "first_contact_change",
        SUMS,
        (c.FIRST_CONTACTS, c.ATTEMPTS),
        HOUR_S,
        WEEK_S,
        priors.CHANGE_OF_FIRST_CONTACTS,
        unit="ratio",
        meaning="By how much the share of attempts to people not called within 7 days",
        source=_TAKEN_OVER,
    ),
    change(
        "answer_change",
        SUMS,
        (c.ANSWERED, c.ENDED),
        HOUR_S,
        WEEK_S,
        priors.CHANGE_OF_ANSWERS,
        unit="ratio",
        meaning="By how much the share of answered calls",
        source=_TAKEN_OVER,
    ),
    change(
        "talk_change",
        SUMS,
        (c.TALK_S, c.TIMED),
        HOUR_S,
        WEEK_S,
        priors.CHANGE_OF_TALK_S,
        unit="s",
        meaning="By how much the mean duration of answered calls",
        source=_TAKEN_OVER,
    ),
    Feature(
        name="caller_usual_hour_7d",
        key="caller",
        unit="-1 to 1",
        window_s=WEEK_S,
        meaning="How near the time of day is to when the caller usually calls (over 7 days).",
        source="circular statistics (Mardia); " + _TAKEN_OVER,
        expression=Habit(
            Term("caller", c.ATTEMPTS, WEEK_S),
            Term("caller", c.HOUR_COS, WEEK_S),
            Term("caller", c.HOUR_SIN, WEEK_S),
            priors.HABIT,
        ),
    ),
)

_ATTESTATION = (
    *ratios(
        SUMS,
        [
            (
                "mean_attestation",
                c.LEVEL,
                c.ATTEMPTS,
                _DAY,
                priors.MEAN_LEVEL,
                "Mean attestation of the caller's attempts (A 3, B 2, C 1, unsigned 0)",
                "RFC 8588",
            )
        ],
        unit="0 to 3",
    ),
    spread(
        "attestation_spread",
        SUMS,
        (c.ATTEMPTS, c.LEVEL, c.LEVEL2),
        DAY_S,
        priors.LEVEL_SPREAD,
        relative=False,
        unit="0 to 1.5",
        meaning="How much the attestation of the caller's attempts varies",
        source="attestation shopping: one number signed now by this provider, now by that",
    ),
)

_OUTBOUND = SUMS.elsewhere
CALLEE_OUTBOUND: tuple[Feature, ...] = (
    *counts(
        _OUTBOUND,
        [
            (
                "attempts",
                c.ATTEMPTS,
                _DAY,
                "attempts",
                "How many calls the callee himself has tried",
                "Caller-REP 2013: in- and out-degree; numbers that only receive are decoys or lines",
            )
        ],
    ),
)

FEATURES: tuple[Feature, ...] = (*_RATES, *_PATTERNS, *_REGULARITY, *_PAST, *_ATTESTATION)
