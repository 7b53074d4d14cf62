"""What a source address has done, whatever identities and software it showed. Forwarded calls count."""

from __future__ import annotations

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import counts, ratios
from spit.features.declare import DAY_S, HOUR_S, MINUTE_S, Feature, SumsDeclaration
from spit.features.strangers import neighbours, young_attempts, young_outcomes

SUMS = SumsDeclaration("source", charges_diverted=True)

_BOTH = (HOUR_S, DAY_S)
_HOUR = (HOUR_S,)
_DAY = (DAY_S,)

FEATURES: tuple[Feature, ...] = (
    *counts(
        SUMS,
        [
            (
                "attempts",
                c.ATTEMPTS,
                (MINUTE_S, HOUR_S, DAY_S),
                "attempts",
                "How many calls have come from this address",
                "X.1244: network-level rate features",
            )
        ],
    ),
    *ratios(
        SUMS,
        [
            (
                "first_contact_ratio",
                c.FIRST_CONTACTS,
                c.ATTEMPTS,
                _HOUR,
                priors.FIRST_CONTACT_RATIO,
                "Share of attempts from this address to people not called by their caller within 7 days",
                "X.1244: strangers",
            ),
            (
                "answer_ratio",
                c.ANSWERED,
                c.ENDED,
                _BOTH,
                priors.ANSWER_RATIO,
                "Share of finished calls from this address that were answered",
                "RFC 6076 (SER); trunk floor: 40 to 50 %",
            ),
            (
                "short_call_ratio",
                c.SHORT,
                c.TIMED,
                _DAY,
                priors.SHORT_RATIO,
                "Share of answered calls from this address that lasted at most 6 s",
                "carriers' short-call limit: 15 % of connected calls",
            ),
            (
                "not_found_ratio",
                c.NOT_FOUND,
                c.ENDED,
                _HOUR,
                priors.NOT_FOUND_RATIO,
                "Share of finished calls from this address to numbers that nobody has",
                "RFC 3261 sections 21.4.5, 21.6.3; dictionary dialling",
            ),
            (
                "unwanted_ratio",
                c.UNWANTED,
                c.ENDED,
                _DAY,
                priors.UNWANTED_RATIO,
                "Share of finished calls from this address that the callee called unwanted (607)",
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
                _DAY,
                priors.MEAN_TALK_S,
                "Mean duration of answered calls from this address",
                "carriers' ACD; trunk floor: 30 to 60 s",
            )
        ],
        unit="s",
    ),
    *young_attempts(SUMS, "from this address", _BOTH, _BOTH),
    *neighbours(SUMS, "from this address", counts_s=_HOUR, shares_s=_HOUR),
    *young_outcomes(
        SUMS,
        "from this address",
        answer=_BOTH,
        short_call=_DAY,
        mean_talk=_BOTH,
        one_ring=_DAY,
        not_found=_DAY,
        callee_hang_up=_DAY,
    ),
)
