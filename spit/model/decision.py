"""How evidence becomes one score: the parameters of the formula (docs/decisions.md), kept in the bundle.

    log-odds = a * x  +  (1 - a) * (w * l0 + S) / (w + N)  -  p(M)  +  c * shift
               attempt   the caller's earlier ones            experience   campaign

The score is the sigmoid of it. ``spit.model.evidence`` gives the first term, ``campaign_evidence`` the shift.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import numpy.typing as npt

#: ``policy.max_wrong_blocks_per_10000`` where nothing is set, and the missed share beside it: Wald's bound
#: log((1 - beta) / alpha) of these two is the default ``campaign_bound``.
DEFAULT_WRONG_PER_10000 = 5.0
_MISSED_SHARE = 0.05


#: Attempts of a caller in a week (decayed) at which ``experience_penalties`` hold; between them, lines.
STAGE_ATTEMPTS = (0.0, 1.0, 5.0, 15.0, 60.0, 300.0)
PENALTY_RANGE = (-20.0, 20.0)


def wald_bound(wrong_per_10000: float, missed_share: float = _MISSED_SHARE) -> float:
    """``log((1 - beta) / alpha)``: where a sequential test of these error rates decides (Wald 1945)."""
    return math.log((1.0 - missed_share) * 10_000.0 / wrong_per_10000)


@dataclass(frozen=True, slots=True)
class DecisionParameters:
    """The formula's parameters. A field that ``bundle.json`` lacks has the default here."""

    own_share: float = 0.5  # a: the attempt itself; the rest is the mean of the caller's earlier ones
    newcomer_log_odds: float = -4.0  # l0: what is thought of a caller of whom nothing is known
    newcomer_weight: float = 1.0  # w: how many attempts that counts as
    #: p: log-odds that evidence has to overcome, by how much the caller has called (STAGE_ATTEMPTS)
    experience_penalties: tuple[float, ...] = (0.0,) * len(STAGE_ATTEMPTS)
    campaign_weight: float = (
        0.15  # c: below 1 because the features know of sources and blocks too; 0 leaves campaigns out
    )
    campaign_share: float = 0.5  # share of spam among young callers' attempts under a campaign
    background_share: float = 0.05  # the same without one
    campaign_bound: float = round(wald_bound(DEFAULT_WRONG_PER_10000), 3)  # where a campaign is established
    campaign_dependence: float = 0.05  # bounds the test at 20 times the mean increment
    campaign_time_constant_s: float = 3600.0
    campaign_floor: float = 1.0  # own log-odds that an attempt needs to fit a campaign
    young_attempts: float = 2.0  # a caller with fewer attempts in a week is young

    def __post_init__(self) -> None:
        for field in fields(self):
            value, (low, high) = getattr(self, field.name), _RANGES[field.name]
            if field.name == "experience_penalties":
                if not _is_penalties(value, low, high):
                    raise ValueError(
                        f"{field.name}: expected {len(STAGE_ATTEMPTS)} numbers from {low:g} to {high:g}, "
                        f"found {value!r}"
                    )
            elif not _is_number(value, low, high):
                raise ValueError(f"{field.name}: expected a number from {low:g} to {high:g}, found {value!r}")
        if self.campaign_share <= self.background_share:
            raise ValueError(
                f"campaign_share: expected more than background_share ({self.background_share:g}), "
                f"found {self.campaign_share:g}"
            )

    @classmethod
    def from_document(cls, document: Mapping[str, object]) -> DecisionParameters:
        """From the object ``decision`` of ``bundle.json``. Raises ValueError: expected, found."""
        known = {field.name for field in fields(cls)}
        given = _of_today(document)
        unknown = sorted(set(given) - known)
        if unknown:
            raise ValueError(f"expected {', '.join(sorted(known))}, found {unknown[0]}")
        return cls(**given)  # type: ignore[arg-type]  # __post_init__ checks each

    def penalty(self, experience: float) -> float:
        """What evidence has to overcome for a caller of so many attempts; ``penalties`` of one."""
        held = self.experience_penalties
        for (low, high), (left, right) in zip(pairwise(STAGE_ATTEMPTS), pairwise(held), strict=True):
            if experience < high:
                # In this order it rounds as numpy.interp does.
                return (right - left) / (high - low) * (experience - low) + left
        return held[-1]

    def penalties(self, experience: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """float64[n] of so many attempts."""
        return np.interp(experience, STAGE_ATTEMPTS, self.experience_penalties)


def _is_number(value: object, low: float, high: float) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and low <= value <= high


def _is_penalties(value: object, low: float, high: float) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == len(STAGE_ATTEMPTS)
        and all(_is_number(one, low, high) for one in value)
    )


def _of_today(document: Mapping[str, object]) -> dict[str, object]:
    """JSON has lists; bundles of before had one penalty, reached at so many attempts."""
    given = dict(document)
    penalties = given.get("experience_penalties")
    if isinstance(penalties, Sequence) and not isinstance(penalties, str):
        given["experience_penalties"] = tuple(penalties)
    elif penalties is None and "experience_penalty" in given:
        most, attempts = given.pop("experience_penalty"), given.pop("experience_attempts", 5.0)
        if not _is_number(most, *_RANGES["experience_penalties"]) or not _is_number(attempts, 1.0, 300.0):
            raise ValueError(
                f"experience_penalty, experience_attempts: expected numbers, found {most!r}, {attempts!r}"
            )
        shares = (min(1.0, stage / float(attempts)) for stage in STAGE_ATTEMPTS)  # type: ignore[arg-type]
        given["experience_penalties"] = tuple(float(most) * share for share in shares)  # type: ignore[arg-type]
    return given


_RANGES = {
    "own_share": (0.01, 1.0),
    "newcomer_log_odds": (-20.0, 20.0),
    "newcomer_weight": (0.01, 100.0),
    "experience_penalties": PENALTY_RANGE,
    "campaign_weight": (0.0, 10.0),
    "campaign_share": (0.01, 0.99),
    "background_share": (0.0001, 0.9),
    "campaign_bound": (0.0, 100.0),
    "campaign_dependence": (0.0, 1.0),
    "campaign_time_constant_s": (60.0, 30 * 86_400.0),
    "campaign_floor": (-20.0, 20.0),
    "young_attempts": (0.0, 10_000.0),
}
