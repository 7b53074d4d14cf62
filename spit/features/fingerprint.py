"""What a peer has done: source address and fingerprint together. Survives the rotation of numbers.

Forwarded calls are charged here: a header that anybody can write must not be a way to stay unseen.
"""

from __future__ import annotations

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import count, ratio, spread
from spit.features.declare import (
    DAY_S,
    HOUR_S,
    MINUTE_S,
    Contribution,
    Feature,
    LastDeclaration,
    PairsDeclaration,
    Prior,
    SumsDeclaration,
)

LAST = LastDeclaration("peer_last", key="peer", charges_diverted=True)
CALLERS = PairsDeclaration("peer_caller", key="peer_caller", charges_diverted=True)
CALLEES = PairsDeclaration("peer_callee", key="peer_callee", charges_diverted=True)

ATTEMPTS = SumsDeclaration(
    "peer_attempts",
    key="peer",
    contributions=(
        c.ATTEMPTS,
        c.PEER_CALLER_NEW_1H,
        c.PEER_CALLER_NEW,
        c.PEER_CALLEE_NEW_1H,
        c.PEER_FIRST_CONTACTS,
        c.PEER_SEQUENTIAL,
        c.PEER_SAME_BLOCK,
        c.DIVERTED,
        c.WITHHELD,
        c.PEER_GAPS,
        c.PEER_LOG_GAP,
        c.PEER_LOG_GAP2,
    ),
    windows_s=(MINUTE_S, HOUR_S, DAY_S),
    charges_diverted=True,
)
OUTCOMES = SumsDeclaration(
    "peer_outcomes",
    key="peer",
    contributions=(
        c.ENDED,
        c.ANSWERED,
        c.TIMED,
        c.TALK_S,
        c.SHORT,
        c.CANCELLED,
        c.ONE_RING,
        c.NOT_FOUND,
        c.REFUSED,
        c.UNWANTED,
        c.CALLEE_HUNG_UP,
    ),
    windows_s=(HOUR_S, DAY_S),
    charges_diverted=True,
)
SUMS = (ATTEMPTS, OUTCOMES)


def _attempts() -> list[Feature]:
    features = [
        count(
            "attempts",
            ATTEMPTS,
            c.ATTEMPTS,
            window_s,
            unit="attempts",
            meaning="How many calls have come from this source with this fingerprint",
            source="X.1244: network-level rate features",
        )
        for window_s in ATTEMPTS.windows_s
    ]
    features += [
        count(
            "distinct_callers",
            ATTEMPTS,
            c.PEER_CALLER_NEW_1H,
            HOUR_S,
            unit="callers",
            meaning="How many different caller identities this source and fingerprint have used",
            source="number rotation: campaigns reuse caller identities little",
        ),
        count(
            "distinct_callees",
            ATTEMPTS,
            c.PEER_CALLEE_NEW_1H,
            HOUR_S,
            unit="callees",
            meaning="How many different people this source and fingerprint have tried to reach",
            source="Caller-REP 2013: out-degree",
        ),
        spread(
            "log_gap_spread",
            ATTEMPTS,
            (c.PEER_GAPS, c.PEER_LOG_GAP, c.PEER_LOG_GAP2),
            HOUR_S,
            priors.LOG_GAP_SPREAD,
            relative=False,
            unit="ln s",
            meaning="Spread of the logarithm of the time between attempts of the peer; low is regular",
            source="gaps of people: Weibull; of machines: regular",
        ),
    ]
    both, hour, day = (HOUR_S, DAY_S), (HOUR_S,), (DAY_S,)
    table: tuple[tuple[str, Contribution, tuple[float, ...], Prior, str, str], ...] = (
        (
            "rotation_ratio",
            c.PEER_CALLER_NEW_1H,
            hour,
            priors.ROTATION_RATIO,
            "Share of the peer's attempts under a caller identity it had not used within 1 h",
            "number rotation (snowshoe: 2 to 20 calls per number)",
        ),
        (
            "new_caller_ratio",
            c.PEER_CALLER_NEW,
            both,
            priors.NEW_CALLER_RATIO,
            "Share of the peer's attempts under a caller identity it had not used within 7 days",
            "number rotation (snowshoe: 2 to 20 calls per number)",
        ),
        (
            "first_contact_ratio",
            c.PEER_FIRST_CONTACTS,
            both,
            priors.FIRST_CONTACT_RATIO,
            "Share of the peer's attempts to people it had not called within 7 days",
            "X.1244: strangers",
        ),
        (
            "sequential_ratio",
            c.PEER_SEQUENTIAL,
            both,
            priors.SEQUENTIAL_RATIO,
            "Share of the peer's attempts to a number 1 to 3 beside the one before",
            "dictionary dialling; this project",
        ),
        (
            "same_block_ratio",
            c.PEER_SAME_BLOCK,
            hour,
            priors.SAME_BLOCK_RATIO,
            "Share of the peer's attempts to another number of the same 10,000 as the one before",
            "dictionary dialling; this project",
        ),
        (
            "diverted_ratio",
            c.DIVERTED,
            day,
            priors.RARE_RATIO,
            "Share of the peer's attempts that claim to be forwarded",
            "RFC 5806, RFC 7044: forwarding is not charged to the caller, so it may be feigned",
        ),
        (
            "withheld_ratio",
            c.WITHHELD,
            day,
            priors.RARE_RATIO,
            "Share of the peer's attempts whose caller withheld his identity",
            "RFC 3323; X.1244: address masking",
        ),
    )
    features += [
        ratio(name, ATTEMPTS, numerator, c.ATTEMPTS, window_s, prior, meaning=meaning, source=source)
        for name, numerator, windows_s, prior, meaning, source in table
        for window_s in windows_s
    ]
    return features


def _outcomes() -> list[Feature]:
    both, hour, day = (HOUR_S, DAY_S), (HOUR_S,), (DAY_S,)
    table: tuple[tuple[str, Contribution, Contribution, tuple[float, ...], Prior, str, str], ...] = (
        (
            "answer_ratio",
            c.ANSWERED,
            c.ENDED,
            both,
            priors.ANSWER_RATIO,
            "Share of the peer's finished calls that were answered",
            "RFC 6076 (SER); ITU-T E.411 (ASR)",
        ),
        (
            "short_call_ratio",
            c.SHORT,
            c.TIMED,
            both,
            priors.SHORT_RATIO,
            "Share of the peer's answered calls that lasted at most 6 s",
            "carriers' short-call limit: 15 % of connected calls",
        ),
        (
            "cancelled_ratio",
            c.CANCELLED,
            c.ENDED,
            hour,
            priors.CANCELLED_RATIO,
            "Share of the peer's finished calls given up before an answer",
            "RFC 3261 section 9; this project",
        ),
        (
            "one_ring_ratio",
            c.ONE_RING,
            c.ENDED,
            both,
            priors.ONE_RING_RATIO,
            "Share of the peer's finished calls given up after ringing at most 6 s",
            "wangiri: 1 to 5 s of ringing, then CANCEL",
        ),
        (
            "not_found_ratio",
            c.NOT_FOUND,
            c.ENDED,
            both,
            priors.NOT_FOUND_RATIO,
            "Share of the peer's finished calls to numbers that nobody has",
            "RFC 3261 sections 21.4.5, 21.6.3; dictionary dialling",
        ),
        (
            "refused_ratio",
            c.REFUSED,
            c.ENDED,
            day,
            priors.REFUSED_RATIO,
            "Share of the peer's finished calls that were busy or declined",
            "RFC 3261 sections 21.4.24, 21.6.2",
        ),
        (
            "unwanted_ratio",
            c.UNWANTED,
            c.ENDED,
            day,
            priors.UNWANTED_RATIO,
            "Share of the peer's finished calls that the callee called unwanted (607)",
            "RFC 8197",
        ),
        (
            "callee_hang_up_ratio",
            c.CALLEE_HUNG_UP,
            c.TIMED,
            day,
            priors.CALLEE_HANG_UP_RATIO,
            "Share of the peer's answered calls that the callee ended",
            "this project",
        ),
    )
    features = [
        ratio(name, OUTCOMES, numerator, denominator, window_s, prior, meaning=meaning, source=source)
        for name, numerator, denominator, windows_s, prior, meaning, source in table
        for window_s in windows_s
    ]
    features.append(
        ratio(
            "mean_talk_s",
            OUTCOMES,
            c.TALK_S,
            c.TIMED,
            DAY_S,
            priors.MEAN_TALK_S,
            unit="s",
            meaning="Mean duration of the peer's answered calls",
            source="carriers' ACD; RFC 6076 (SDT)",
        )
    )
    return features


FEATURES: tuple[Feature, ...] = (*_attempts(), *_outcomes())
