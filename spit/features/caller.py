"""What the caller's identity has done. Key: the canonical caller; none when withheld."""

from __future__ import annotations

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import count, ratio, spread
from spit.features.declare import (
    DAY_S,
    HOUR_S,
    MINUTE_S,
    TEN_MINUTES_S,
    Age,
    Contribution,
    Feature,
    LastDeclaration,
    Prior,
    SumsDeclaration,
)

LAST = LastDeclaration("caller_last", key="caller", charges_diverted=False)

ATTEMPTS = SumsDeclaration(
    "caller_attempts",
    key="caller",
    contributions=(c.ATTEMPTS, c.FIRST_CONTACTS),
    windows_s=(MINUTE_S, TEN_MINUTES_S, HOUR_S, DAY_S),
    charges_diverted=False,
)
PATTERN = SumsDeclaration(
    "caller_pattern",
    key="caller",
    contributions=(
        c.ATTEMPTS,
        c.CONTACT_NEW_1H,
        c.REDIALS,
        c.RECIPROCAL,
        c.SEQUENTIAL,
        c.SAME_BLOCK,
        c.GAPS,
        c.GAP_S,
        c.GAP_S2,
        c.LOG_GAP,
        c.LOG_GAP2,
    ),
    windows_s=(HOUR_S, DAY_S),
    charges_diverted=False,
)
OUTCOMES = SumsDeclaration(
    "caller_outcomes",
    key="caller",
    contributions=(
        c.ENDED,
        c.ANSWERED,
        c.TIMED,
        c.TALK_S,
        c.TALK_S2,
        c.SHORT,
        c.CANCELLED,
        c.RANG_CANCELLED,
        c.ONE_RING,
        c.CANCELLED_RING_S,
        c.NOT_FOUND,
        c.REFUSED,
        c.NO_ANSWER,
        c.UNWANTED,
        c.CALLEE_HUNG_UP,
    ),
    windows_s=(HOUR_S, DAY_S),
    charges_diverted=False,
)
SUMS = (ATTEMPTS, PATTERN, OUTCOMES)


def _rates() -> list[Feature]:
    features = [
        count(
            "attempts",
            ATTEMPTS,
            c.ATTEMPTS,
            window_s,
            unit="attempts",
            meaning="How many calls the caller has tried",
            source="carriers' ANI profiling: batches of attempts per minute, hours of history",
        )
        for window_s in ATTEMPTS.windows_s
    ]
    features.append(
        count(
            "distinct_callees",
            PATTERN,
            c.CONTACT_NEW_1H,
            HOUR_S,
            unit="callees",
            meaning="How many different people the caller has tried to reach",
            source="Caller-REP 2013: out-degree",
        )
    )
    return features


def _patterns() -> list[Feature]:
    features = []
    for window_s in (HOUR_S, DAY_S):
        for name, sums, numerator, prior, meaning, source in (
            (
                "first_contact_ratio",
                ATTEMPTS,
                c.FIRST_CONTACTS,
                priors.FIRST_CONTACT_RATIO,
                "Share of the caller's attempts to people not called within 7 days",
                "X.1244: strangers; residential callers know 60 to 80 % of whom they call",
            ),
            (
                "redial_ratio",
                PATTERN,
                c.REDIALS,
                priors.REDIAL_RATIO,
                "Share of the caller's attempts to somebody called within the last 10 min",
                "Caller-REP 2013: repetitive calls",
            ),
            (
                "sequential_ratio",
                PATTERN,
                c.SEQUENTIAL,
                priors.SEQUENTIAL_RATIO,
                "Share of the caller's attempts to a number 1 to 3 beside the one before",
                "dictionary dialling; this project",
            ),
            (
                "same_block_ratio",
                PATTERN,
                c.SAME_BLOCK,
                priors.SAME_BLOCK_RATIO,
                "Share of the caller's attempts to another number of the same 10,000 as the one before",
                "dictionary dialling; this project",
            ),
        ):
            features.append(
                ratio(name, sums, numerator, c.ATTEMPTS, window_s, prior, meaning=meaning, source=source)
            )
    features.append(
        ratio(
            "reciprocal_ratio",
            PATTERN,
            c.RECIPROCAL,
            c.ATTEMPTS,
            DAY_S,
            priors.RECIPROCAL_RATIO,
            meaning="Share of the caller's attempts to people who had called the caller within 7 days",
            source="CallRank 2007: calls go both ways between people",
        )
    )
    return features


def _regularity() -> list[Feature]:
    features = [
        Feature(
            name="caller_gap_s",
            key="caller",
            unit="s",
            meaning="Seconds since the caller's last attempt, at most 1 day.",
            source="this project",
            expression=Age("caller_gap_s", DAY_S),
        )
    ]
    for window_s in (HOUR_S, DAY_S):
        features += [
            spread(
                "gap_variation",
                PATTERN,
                (c.GAPS, c.GAP_S, c.GAP_S2),
                window_s,
                priors.GAP_VARIATION,
                relative=True,
                unit="ratio",
                meaning="How much the time between the caller's attempts varies, relative to its mean",
                source="gaps of people: Weibull; of machines: regular",
            ),
            spread(
                "log_gap_spread",
                PATTERN,
                (c.GAPS, c.LOG_GAP, c.LOG_GAP2),
                window_s,
                priors.LOG_GAP_SPREAD,
                relative=False,
                unit="ln s",
                meaning="Spread of the logarithm of the time between the caller's attempts; low is regular",
                source="gaps of people: Weibull; of machines: regular",
            ),
        ]
    return features


def _outcomes() -> list[Feature]:
    both = (HOUR_S, DAY_S)
    day = (DAY_S,)
    table: tuple[tuple[str, Contribution, Contribution, tuple[float, ...], Prior, str, str], ...] = (
        (
            "answer_ratio",
            c.ANSWERED,
            c.ENDED,
            both,
            priors.ANSWER_RATIO,
            "Share of the caller's finished calls that were answered",
            "RFC 6076 (SER); ITU-T E.411 (ASR)",
        ),
        (
            "short_call_ratio",
            c.SHORT,
            c.TIMED,
            both,
            priors.SHORT_RATIO,
            "Share of the caller's answered calls that lasted at most 6 s",
            "carriers' short-call limit: 15 % of connected calls",
        ),
        (
            "cancelled_ratio",
            c.CANCELLED,
            c.ENDED,
            both,
            priors.CANCELLED_RATIO,
            "Share of the caller's finished calls that the caller gave up before an answer",
            "RFC 3261 section 9; this project",
        ),
        (
            "one_ring_ratio",
            c.ONE_RING,
            c.ENDED,
            both,
            priors.ONE_RING_RATIO,
            "Share of the caller's finished calls given up after ringing at most 6 s",
            "wangiri: 1 to 5 s of ringing, then CANCEL",
        ),
        (
            "not_found_ratio",
            c.NOT_FOUND,
            c.ENDED,
            both,
            priors.NOT_FOUND_RATIO,
            "Share of the caller's finished calls to numbers that nobody has",
            "RFC 3261 sections 21.4.5, 21.6.3; dictionary dialling",
        ),
        (
            "refused_ratio",
            c.REFUSED,
            c.ENDED,
            day,
            priors.REFUSED_RATIO,
            "Share of the caller's finished calls that were busy or declined",
            "RFC 3261 sections 21.4.24, 21.6.2",
        ),
        (
            "no_answer_ratio",
            c.NO_ANSWER,
            c.ENDED,
            day,
            priors.NO_ANSWER_RATIO,
            "Share of the caller's finished calls that nobody picked up",
            "RFC 3261 section 21.4.9; this project",
        ),
        (
            "unwanted_ratio",
            c.UNWANTED,
            c.ENDED,
            day,
            priors.UNWANTED_RATIO,
            "Share of the caller's finished calls that the callee called unwanted (607)",
            "RFC 8197",
        ),
        (
            "callee_hang_up_ratio",
            c.CALLEE_HUNG_UP,
            c.TIMED,
            day,
            priors.CALLEE_HANG_UP_RATIO,
            "Share of the caller's answered calls that the callee ended",
            "this project",
        ),
    )
    features = [
        ratio(name, OUTCOMES, numerator, denominator, window_s, prior, meaning=meaning, source=source)
        for name, numerator, denominator, windows_s, prior, meaning, source in table
        for window_s in windows_s
    ]
    features += [
        ratio(
            "mean_talk_s",
            OUTCOMES,
            c.TALK_S,
            c.TIMED,
            window_s,
            priors.MEAN_TALK_S,
            unit="s",
            meaning="Mean duration of the caller's answered calls",
            source="carriers' ACD; RFC 6076 (SDT)",
        )
        for window_s in both
    ]
    features += [
        spread(
            "talk_variation",
            OUTCOMES,
            (c.TIMED, c.TALK_S, c.TALK_S2),
            DAY_S,
            priors.TALK_VARIATION,
            relative=True,
            unit="ratio",
            meaning="How much the duration of the caller's answered calls varies, relative to its mean",
            source="lognormal durations of people; recorded messages all last as long",
        ),
        ratio(
            "mean_ring_before_cancel_s",
            OUTCOMES,
            c.CANCELLED_RING_S,
            c.RANG_CANCELLED,
            DAY_S,
            priors.MEAN_RING_S,
            unit="s",
            meaning="Mean seconds of ringing before the caller gave up",
            source="wangiri: 1 to 5 s of ringing; lawful diallers ring 15 s or more",
        ),
    ]
    return features


FEATURES: tuple[Feature, ...] = (*_rates(), *_patterns(), *_regularity(), *_outcomes())
