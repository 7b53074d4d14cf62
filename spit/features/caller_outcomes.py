"""How the caller's calls end, and with whom it talks. Key: the canonical caller; none when withheld."""

from __future__ import annotations

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import ratios, spread
from spit.features.caller import SUMS
from spit.features.declare import DAY_S, HOUR_S, WEEK_S, Feature

_BOTH = (HOUR_S, DAY_S)
_ALL = (HOUR_S, DAY_S, WEEK_S)
_DAY = (DAY_S,)
_WEEK = (WEEK_S,)

_SHARES = ratios(
    SUMS,
    [
        (
            "answer_ratio",
            c.ANSWERED,
            c.ENDED,
            _ALL,
            priors.ANSWER_RATIO,
            "Share of the caller's finished calls that were answered",
            "RFC 6076 (SER); ITU-T E.411 (ASR)",
        ),
        (
            "short_call_ratio",
            c.SHORT,
            c.TIMED,
            _BOTH,
            priors.SHORT_RATIO,
            "Share of the caller's answered calls that lasted at most 6 s",
            "carriers' short-call limit: 15 % of connected calls",
        ),
        (
            "cancelled_ratio",
            c.CANCELLED,
            c.ENDED,
            _BOTH,
            priors.CANCELLED_RATIO,
            "Share of the caller's finished calls that the caller gave up before an answer",
            "RFC 3261 section 9; this project",
        ),
        (
            "one_ring_ratio",
            c.ONE_RING,
            c.ENDED,
            _BOTH,
            priors.ONE_RING_RATIO,
            "Share of the caller's finished calls given up after ringing at most 6 s",
            "wangiri: 1 to 5 s of ringing, then CANCEL",
        ),
        (
            "not_found_ratio",
            c.NOT_FOUND,
            c.ENDED,
            _BOTH,
            priors.NOT_FOUND_RATIO,
            "Share of the caller's finished calls to numbers that nobody has",
            "RFC 3261 sections 21.4.5, 21.6.3; dictionary dialling",
        ),
        (
            "refused_ratio",
            c.REFUSED,
            c.ENDED,
            _DAY,
            priors.REFUSED_RATIO,
            "Share of the caller's finished calls that were busy or declined",
            "RFC 3261 sections 21.4.24, 21.6.2",
        ),
        (
            "declined_ratio",
            c.DECLINED,
            c.ENDED,
            _DAY,
            priors.DECLINED_RATIO,
            "Share of the caller's finished calls that the callee declined or called unwanted",
            "RFC 3261 section 21.6.2; RFC 8197",
        ),
        (
            "no_answer_ratio",
            c.NO_ANSWER,
            c.ENDED,
            _DAY,
            priors.NO_ANSWER_RATIO,
            "Share of the caller's finished calls that nobody picked up",
            "RFC 3261 section 21.4.9; this project",
        ),
        (
            "unwanted_ratio",
            c.UNWANTED,
            c.ENDED,
            _DAY,
            priors.UNWANTED_RATIO,
            "Share of the caller's finished calls that the callee called unwanted (607)",
            "RFC 8197",
        ),
        (
            "callee_hang_up_ratio",
            c.CALLEE_HUNG_UP,
            c.TIMED,
            _DAY,
            priors.CALLEE_HANG_UP_RATIO,
            "Share of the caller's answered calls that the callee ended",
            "this project",
        ),
        (
            "quick_hang_up_ratio",
            c.QUICK_HANG_UP,
            c.TIMED,
            _BOTH,
            priors.QUICK_HANG_UP_RATIO,
            "Share of the caller's answered calls that the callee ended within 10 s",
            "nobody listens to a recorded message; this project",
        ),
    ],
)

_TIES = (
    *ratios(
        SUMS,
        [
            (
                "stranger_answer_ratio",
                c.STRANGERS_ANSWERED,
                c.STRANGERS_ENDED,
                _DAY,
                priors.STRANGER_ANSWER_RATIO,
                "Share of finished calls to people it had not talked with within 7 days that were answered",
                "X.1244: strangers; RFC 6076 (SER)",
            ),
            (
                "weak_tie_ratio",
                c.STRANGERS_TIMED,
                c.TIMED,
                _WEEK,
                priors.FIRST_CONTACT_RATIO,
                "Share of the caller's answered calls to people it had not talked with within 7 days",
                "Granovetter 1973 (weak ties); Azad 2023",
            ),
            (
                "known_talk_ratio",
                c.KNOWN_TALK_S,
                c.TALK_S,
                _WEEK,
                priors.KNOWN_TALK_RATIO,
                "Share of the time talked that went to people it had talked with within 7 days before",
                "Azad 2023, Caller-REP 2013: strong ties",
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
                _ALL,
                priors.MEAN_TALK_S,
                "Mean duration of the caller's answered calls",
                "carriers' ACD; RFC 6076 (SDT)",
            ),
            (
                "mean_talk_to_strangers_s",
                c.STRANGERS_TALK_S,
                c.STRANGERS_TIMED,
                _DAY,
                priors.MEAN_TALK_S,
                "Mean duration of answered calls to people it had not talked with within 7 days",
                "people talk longer with friends, machines with all alike; this project",
            ),
            (
                "mean_talk_to_known_s",
                c.KNOWN_TALK_S,
                c.KNOWN_TIMED,
                _WEEK,
                priors.MEAN_TALK_S,
                "Mean duration of answered calls to people it had talked with within 7 days",
                "people talk longer with friends, machines with all alike; this project",
            ),
        ],
        unit="s",
    ),
    spread(
        "talk_variation",
        SUMS,
        (c.TIMED, c.TALK_S, c.TALK_S2),
        DAY_S,
        priors.TALK_VARIATION,
        relative=True,
        unit="ratio",
        meaning="How much the duration of the caller's answered calls varies, relative to its mean",
        source="lognormal durations of people; recorded messages all last as long",
    ),
)

_RINGING = (
    *ratios(
        SUMS,
        [
            (
                "mean_ring_before_cancel_s",
                c.CANCELLED_RING_S,
                c.RANG_CANCELLED,
                _DAY,
                priors.MEAN_RING_S,
                "Mean seconds of ringing before the caller gave up",
                "wangiri: 1 to 5 s of ringing; lawful diallers ring 15 s or more",
            ),
            (
                "mean_ring_out_s",
                c.RING_OUT_S,
                c.RANG_OUT,
                _DAY,
                priors.RING_OUT_S,
                "Mean seconds of ringing in vain, of calls that rang longer than 6 s",
                "lawful diallers ring 15 s or more; this project",
            ),
            (
                "mean_answer_ring_s",
                c.ANSWER_RING_S,
                c.RANG_ANSWERED,
                _DAY,
                priors.ANSWER_RING_S,
                "Mean seconds of ringing before the caller's calls were answered",
                "mailboxes and machines answer at a fixed time; this project",
            ),
        ],
        unit="s",
    ),
    spread(
        "ring_out_variation",
        SUMS,
        (c.RANG_OUT, c.RING_OUT_S, c.RING_OUT_S2),
        DAY_S,
        priors.RING_OUT_VARIATION,
        relative=True,
        unit="ratio",
        meaning="How much the seconds of ringing in vain vary, relative to their mean",
        source="people give up when they like, machines after a set time; this project",
    ),
)

FEATURES: tuple[Feature, ...] = (*_SHARES, *_TIES, *_RINGING)
