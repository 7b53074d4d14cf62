"""What a peer has done: source address and fingerprint together. Survives the rotation of numbers.

Forwarded calls are charged here: a header that anybody can write must not be a way to stay unseen.
"""

from __future__ import annotations

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import change, counts, ratios, spread, surge
from spit.features.declare import (
    DAY_S,
    HOUR_S,
    IDLE_S,
    MINUTE_S,
    Age,
    Feature,
    LastDeclaration,
    PairsDeclaration,
    SumsDeclaration,
)
from spit.features.end_columns import OPEN_WINDOW_S
from spit.features.strangers import neighbours, young_attempts, young_outcomes

LAST = LastDeclaration("peer_last", key="peer", charges_diverted=True)
YOUNG_LAST = LastDeclaration("peer_young_last", key="peer", charges_diverted=True, young=True)
CALLERS = PairsDeclaration("peer_caller", key="peer_caller", charges_diverted=True)
CALLEES = PairsDeclaration("peer_callee", key="peer_callee", charges_diverted=True)
SUMS = SumsDeclaration("peer", charges_diverted=True)

_BOTH = (HOUR_S, DAY_S)
_HOUR = (HOUR_S,)
_DAY = (DAY_S,)

_ATTEMPTS = (
    *counts(
        SUMS,
        [
            (
                "attempts",
                c.ATTEMPTS,
                (MINUTE_S, HOUR_S, DAY_S),
                "attempts",
                "How many calls have come from this source with this fingerprint",
                "X.1244: network-level rate features",
            ),
            (
                "distinct_callers",
                c.PEER_CALLER_NEW_1H,
                _HOUR,
                "callers",
                "How many different caller identities this source and fingerprint have used",
                "number rotation: campaigns reuse caller identities little",
            ),
            (
                "distinct_callees",
                c.PEER_CALLEE_NEW_1H,
                _HOUR,
                "callees",
                "How many different people this source and fingerprint have tried to reach",
                "Caller-REP 2013: out-degree",
            ),
            (
                "open_calls",
                c.OPEN,
                (OPEN_WINDOW_S,),
                "calls",
                "How many calls of the peer are going on",
                "concurrent calls: the channels of a dialler; this project",
            ),
        ],
    ),
    surge(
        "surge",
        SUMS,
        c.ATTEMPTS,
        HOUR_S,
        DAY_S,
        priors.SURGE,
        meaning="How many calls have come from this source with this fingerprint",
        source="campaigns begin at once; this project",
    ),
    change(
        "first_contact_change",
        SUMS,
        (c.PEER_FIRST_CONTACTS, c.ATTEMPTS),
        HOUR_S,
        DAY_S,
        priors.CHANGE_OF_FIRST_CONTACTS,
        unit="ratio",
        meaning="By how much the share of attempts to people the peer had not called within 7 days",
        source="campaigns begin at once; this project",
    ),
    spread(
        "log_gap_spread",
        SUMS,
        (c.PEER_GAPS, c.PEER_LOG_GAP, c.PEER_LOG_GAP2),
        HOUR_S,
        priors.LOG_GAP_SPREAD,
        relative=False,
        unit="ln s",
        meaning="Spread of the logarithm of the time between attempts of the peer; low is regular",
        source="gaps of people: Weibull; of machines: regular",
    ),
    *ratios(
        SUMS,
        [
            (
                "rotation_ratio",
                c.PEER_CALLER_NEW_1H,
                c.ATTEMPTS,
                _HOUR,
                priors.ROTATION_RATIO,
                "Share of the peer's attempts under a caller identity it had not used within 1 h",
                "number rotation (snowshoe: 2 to 20 calls per number)",
            ),
            (
                "new_caller_ratio",
                c.PEER_CALLER_NEW,
                c.ATTEMPTS,
                _BOTH,
                priors.NEW_CALLER_RATIO,
                "Share of the peer's attempts under a caller identity it had not used within 7 days",
                "number rotation (snowshoe: 2 to 20 calls per number)",
            ),
            (
                "first_contact_ratio",
                c.PEER_FIRST_CONTACTS,
                c.ATTEMPTS,
                _BOTH,
                priors.FIRST_CONTACT_RATIO,
                "Share of the peer's attempts to people it had not called within 7 days",
                "X.1244: strangers",
            ),
            (
                "sequential_ratio",
                c.PEER_SEQUENTIAL,
                c.ATTEMPTS,
                _BOTH,
                priors.SEQUENTIAL_RATIO,
                "Share of the peer's attempts to a number 1 to 3 beside the one before",
                "dictionary dialling; this project",
            ),
            (
                "same_block_ratio",
                c.PEER_SAME_BLOCK,
                c.ATTEMPTS,
                _HOUR,
                priors.SAME_BLOCK_RATIO,
                "Share of the peer's attempts to another number of the same 10,000 as the one before",
                "dictionary dialling; this project",
            ),
            (
                "neighbour_ratio",
                c.NEIGHBOURS,
                c.ATTEMPTS,
                _HOUR,
                priors.NEIGHBOUR_RATIO,
                "Share of the peer's attempts whose caller's number is a neighbour of the callee's",
                "neighbour spoofing; this project",
            ),
            (
                "diverted_ratio",
                c.DIVERTED,
                c.ATTEMPTS,
                _DAY,
                priors.RARE_RATIO,
                "Share of the peer's attempts that claim to be forwarded",
                "RFC 5806, RFC 7044: forwarding is not charged to the caller, so it may be feigned",
            ),
            (
                "withheld_ratio",
                c.WITHHELD,
                c.ATTEMPTS,
                _DAY,
                priors.RARE_RATIO,
                "Share of the peer's attempts whose caller withheld his identity",
                "RFC 3323; X.1244: address masking",
            ),
            (
                "message_ratio",
                c.MESSAGES,
                c.ATTEMPTS,
                _DAY,
                priors.MESSAGE_RATIO,
                "Share of the peer's attempts that are text messages",
                "RFC 3428; X.1244: text spam",
            ),
            (
                "differing_identity_ratio",
                c.DIFFERING,
                c.ATTEMPTS,
                _DAY,
                priors.RARE_RATIO,
                "Share of the peer's attempts where the network asserts or signs another caller",
                "RFC 3325; RFC 8225 (orig)",
            ),
        ],
    ),
    *ratios(
        SUMS,
        [
            (
                "young_mean_attestation",
                c.YOUNG_LEVEL,
                c.YOUNG_ATTEMPTS,
                _DAY,
                priors.MEAN_LEVEL,
                "Mean attestation of young callers' attempts from the peer (A 3, B 2, C 1, unsigned 0)",
                "RFC 8588",
            )
        ],
        unit="0 to 3",
    ),
)

_FROM_PEER = "from this source and fingerprint"
_YOUNG = (
    *young_attempts(SUMS, _FROM_PEER, _BOTH, _BOTH),
    *neighbours(SUMS, _FROM_PEER, counts_s=_HOUR, shares_s=_BOTH),
    spread(
        "young_log_gap_spread",
        SUMS,
        (c.YOUNG_GAPS, c.YOUNG_LOG_GAP, c.YOUNG_LOG_GAP2),
        HOUR_S,
        priors.LOG_GAP_SPREAD,
        relative=False,
        unit="ln s",
        meaning=f"Spread of the logarithm of the time between young callers' attempts {_FROM_PEER}",
        source="gaps of people: Weibull; of machines: regular, whatever numbers they show",
    ),
    *ratios(
        SUMS,
        [
            (
                "young_sequential_ratio",
                c.YOUNG_SEQUENTIAL,
                c.YOUNG_ATTEMPTS,
                _BOTH,
                priors.SEQUENTIAL_RATIO,
                "Share of young callers' attempts to a number 1 to 3 beside the young caller's before",
                "dictionary dialling under rotating numbers; this project",
            ),
            (
                "young_same_block_ratio",
                c.YOUNG_SAME_BLOCK,
                c.YOUNG_ATTEMPTS,
                _HOUR,
                priors.SAME_BLOCK_RATIO,
                "Share of young callers' attempts to the same 10,000 numbers as the young caller's before",
                "dictionary dialling under rotating numbers; this project",
            ),
            (
                "young_near_caller_ratio",
                c.YOUNG_NEAR_CALLERS,
                c.YOUNG_ATTEMPTS,
                _DAY,
                priors.NEAR_CALLER_RATIO,
                "Share of young callers' attempts under a number within 100 of the young caller's before",
                "numbers rotated through a rented range; this project",
            ),
        ],
    ),
    *young_outcomes(
        SUMS,
        _FROM_PEER,
        answer=_BOTH,
        short_call=_BOTH,
        not_found=_BOTH,
        one_ring=_BOTH,
        declined=_DAY,
        callee_hang_up=_DAY,
        mean_talk=_BOTH,
    ),
    spread(
        "young_talk_variation",
        SUMS,
        (c.YOUNG_TIMED, c.YOUNG_TALK_S, c.YOUNG_TALK_S2),
        DAY_S,
        priors.TALK_VARIATION,
        relative=True,
        unit="ratio",
        meaning=f"How much the duration of young callers' answered calls {_FROM_PEER} varies",
        source="lognormal durations of people; recorded messages all last as long",
    ),
)

_OUTCOMES = (
    *ratios(
        SUMS,
        [
            (
                "answer_ratio",
                c.ANSWERED,
                c.ENDED,
                _BOTH,
                priors.ANSWER_RATIO,
                "Share of the peer's finished calls that were answered",
                "RFC 6076 (SER); ITU-T E.411 (ASR)",
            ),
            (
                "short_call_ratio",
                c.SHORT,
                c.TIMED,
                _BOTH,
                priors.SHORT_RATIO,
                "Share of the peer's answered calls that lasted at most 6 s",
                "carriers' short-call limit: 15 % of connected calls",
            ),
            (
                "cancelled_ratio",
                c.CANCELLED,
                c.ENDED,
                _HOUR,
                priors.CANCELLED_RATIO,
                "Share of the peer's finished calls given up before an answer",
                "RFC 3261 section 9; this project",
            ),
            (
                "one_ring_ratio",
                c.ONE_RING,
                c.ENDED,
                _BOTH,
                priors.ONE_RING_RATIO,
                "Share of the peer's finished calls given up after ringing at most 6 s",
                "wangiri: 1 to 5 s of ringing, then CANCEL",
            ),
            (
                "not_found_ratio",
                c.NOT_FOUND,
                c.ENDED,
                _BOTH,
                priors.NOT_FOUND_RATIO,
                "Share of the peer's finished calls to numbers that nobody has",
                "RFC 3261 sections 21.4.5, 21.6.3; dictionary dialling",
            ),
            (
                "refused_ratio",
                c.REFUSED,
                c.ENDED,
                _DAY,
                priors.REFUSED_RATIO,
                "Share of the peer's finished calls that were busy or declined",
                "RFC 3261 sections 21.4.24, 21.6.2",
            ),
            (
                "unwanted_ratio",
                c.UNWANTED,
                c.ENDED,
                _DAY,
                priors.UNWANTED_RATIO,
                "Share of the peer's finished calls that the callee called unwanted (607)",
                "RFC 8197",
            ),
            (
                "callee_hang_up_ratio",
                c.CALLEE_HUNG_UP,
                c.TIMED,
                _DAY,
                priors.CALLEE_HANG_UP_RATIO,
                "Share of the peer's answered calls that the callee ended",
                "this project",
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
                _DAY,
                priors.MEAN_TALK_S,
                "Mean duration of the peer's answered calls",
                "carriers' ACD; RFC 6076 (SDT)",
            ),
            (
                "mean_pdd_s",
                c.PDD_S,
                c.PROGRESSED,
                _DAY,
                priors.PDD_S,
                "Mean post-dial delay of the peer's calls",
                "RFC 6076 (SRD)",
            ),
        ],
        unit="s",
    ),
)

_ROUTE = Feature(
    name="peer_caller_age_s",
    key="peer",
    unit="s",
    meaning="Seconds since the caller last came from this source and fingerprint, at most 7 days.",
    source="a spoofed number comes by another way than its owner; this project",
    expression=Age("peer_caller_age_s", IDLE_S),
)

FEATURES: tuple[Feature, ...] = (_ROUTE, *_ATTEMPTS, *_YOUNG, *_OUTCOMES)
