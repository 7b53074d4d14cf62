"""What young callers have done at a key: campaigns that rotate numbers, undiluted by regular customers.

A campaign that shows each number a few times leaves every number unsuspicious, and shares its trunk with
customers who make the trunk's ratios good. What it cannot do is call under numbers that have a history. Only
calls of young callers (``attempt_columns.YOUNG_ATTEMPTS``) count here.
"""

from __future__ import annotations

from collections.abc import Iterator

from spit.features import contributions as c
from spit.features import priors
from spit.features.build import RatioRow, counts, ratios, surge
from spit.features.declare import DAY_S, HOUR_S, Contribution, Feature, Prior, SumsDeclaration

_SOURCE = "number rotation (snowshoe: 2 to 20 calls per number); this project"


def young_attempts(
    sums: SumsDeclaration,
    whose: str,
    windows_s: tuple[float, ...],
    shares_s: tuple[float, ...],
    *,
    surges: bool = True,
) -> Iterator[Feature]:
    """How many there are, their share, the share of strangers among them, and whether they surge."""
    yield from counts(
        sums,
        [
            (
                "young_attempts",
                c.YOUNG_ATTEMPTS,
                windows_s,
                "attempts",
                f"How many calls {whose} young callers have tried",
                _SOURCE,
            )
        ],
    )
    yield from ratios(
        sums,
        [
            (
                "young_ratio",
                c.YOUNG_ATTEMPTS,
                c.ATTEMPTS,
                shares_s,
                priors.YOUNG_RATIO,
                f"Share of the calls {whose} that young callers have tried",
                _SOURCE,
            ),
            (
                "young_first_contact_ratio",
                c.YOUNG_FIRST_CONTACTS,
                c.YOUNG_ATTEMPTS,
                shares_s[-1:],
                priors.YOUNG_FIRST_CONTACT_RATIO,
                f"Share of young callers' attempts {whose} to people not called within 7 days",
                "X.1244: strangers",
            ),
        ],
    )
    if surges:
        yield surge(
            "young_surge",
            sums,
            c.YOUNG_ATTEMPTS,
            HOUR_S,
            DAY_S,
            priors.SURGE,
            meaning=f"How many calls {whose} young callers have tried",
            source="campaigns begin at once; carriers' ANI profiling",
        )


_OUTCOMES: dict[str, tuple[Contribution, Contribution, Prior, str, str]] = {
    "answer": (
        c.YOUNG_ANSWERED,
        c.YOUNG_ENDED,
        priors.ANSWER_RATIO,
        "finished calls {whose} that were answered",
        "RFC 6076 (SER)",
    ),
    "short_call": (
        c.YOUNG_SHORT,
        c.YOUNG_TIMED,
        priors.SHORT_RATIO,
        "answered calls {whose} that lasted at most 6 s",
        "carriers' short-call limit: 15 % of connected calls",
    ),
    "not_found": (
        c.YOUNG_NOT_FOUND,
        c.YOUNG_ENDED,
        priors.NOT_FOUND_RATIO,
        "finished calls {whose} to numbers that nobody has",
        "RFC 3261 sections 21.4.5, 21.6.3; dictionary dialling",
    ),
    "one_ring": (
        c.YOUNG_ONE_RING,
        c.YOUNG_ENDED,
        priors.ONE_RING_RATIO,
        "finished calls {whose} given up after ringing at most 6 s",
        "wangiri: 1 to 5 s of ringing, then CANCEL",
    ),
    "cancelled": (
        c.YOUNG_CANCELLED,
        c.YOUNG_ENDED,
        priors.CANCELLED_RATIO,
        "finished calls {whose} given up before an answer",
        "RFC 3261 section 9; this project",
    ),
    "declined": (
        c.YOUNG_DECLINED,
        c.YOUNG_ENDED,
        priors.DECLINED_RATIO,
        "finished calls {whose} that the callee declined or called unwanted",
        "RFC 3261 section 21.6.2; RFC 8197",
    ),
    "unwanted": (
        c.YOUNG_UNWANTED,
        c.YOUNG_ENDED,
        priors.UNWANTED_RATIO,
        "finished calls {whose} that the callee called unwanted (607)",
        "RFC 8197",
    ),
    "callee_hang_up": (
        c.YOUNG_CALLEE_HUNG_UP,
        c.YOUNG_TIMED,
        priors.CALLEE_HANG_UP_RATIO,
        "answered calls {whose} that the callee ended",
        "this project",
    ),
}


def young_outcomes(sums: SumsDeclaration, whose: str, **windows_s: tuple[float, ...]) -> Iterator[Feature]:
    """How young callers' calls end; ``windows_s`` has the names of ``_OUTCOMES``, and ``mean_talk``."""
    rows: list[RatioRow] = []
    for name, (numerator, denominator, prior, meaning, source) in _OUTCOMES.items():
        words = f"Share of young callers' {meaning.format(whose=whose)}"
        if name in windows_s:
            rows.append(
                (f"young_{name}_ratio", numerator, denominator, windows_s[name], prior, words, source)
            )
    yield from ratios(sums, rows)
    if "mean_talk" in windows_s:
        row = (
            "young_mean_talk_s",
            c.YOUNG_TALK_S,
            c.YOUNG_TIMED,
            windows_s["mean_talk"],
            priors.MEAN_TALK_S,
            f"Mean duration of young callers' answered calls {whose}",
            "carriers' ACD; people talk longer with those they know",
        )
        yield from ratios(sums, [row], unit="s")


def neighbours(
    sums: SumsDeclaration, whose: str, *, counts_s: tuple[float, ...], shares_s: tuple[float, ...]
) -> Iterator[Feature]:
    """Calls under numbers that look as if they were from next door."""
    source = "neighbour spoofing: caller's number made to share the callee's first digits; this project"
    yield from counts(
        sums,
        [
            (
                "young_neighbour_attempts",
                c.YOUNG_NEIGHBOURS,
                counts_s,
                "attempts",
                f"How many calls {whose} young callers tried whose number is a neighbour of the callee's",
                source,
            )
        ],
    )
    yield from ratios(
        sums,
        [
            (
                "young_neighbour_ratio",
                c.YOUNG_NEIGHBOURS,
                c.YOUNG_ATTEMPTS,
                shares_s,
                priors.NEIGHBOUR_RATIO,
                f"Share of young callers' attempts {whose} whose number is a neighbour of the callee's",
                source,
            )
        ],
    )
