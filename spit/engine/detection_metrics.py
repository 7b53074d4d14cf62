"""What a detector found, from a table of calls: rates, delays, the operating curve. Knows no model.

A table of calls (``CALL_COLUMNS``) has a row per attempt, those of one caller in time order. ``caller`` is an
int64 that no two callers share, also not those of two captures. ``score`` is what was known *at* the attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spit.engine.intervals import F64, I64, NOTHING, Bools, Estimate, bootstrap, clustered_rate, wilson

if TYPE_CHECKING:
    import pandas as pd

CALL_COLUMNS = ("caller", "spam", "kind", "strength", "campaign", "score", "flagged")
#: Shares of legitimate callers that may ever be flagged: the points of the operating curve.
BUDGETS = (0.0005, 0.001, 0.002, 0.005, 0.01)
#: A caller with fewer calls gives a detector that goes by behaviour little to go by.
ESTABLISHED_CALLS = 10
_SEED = 20_060


@dataclass(frozen=True, slots=True)
class Group:
    """The measurements of one kind of caller. Rates as Estimate; None where they have no meaning.

    ``flagged`` callers had at least one flagged call; ``established`` ones made ESTABLISHED_CALLS or more.
    ``calls_before_detection``: calls of a flagged caller that went by before its first flagged one.
    """

    label: str
    kind: str
    strength: str
    callers: int
    calls: int
    calls_flagged: Estimate
    callers_flagged: Estimate
    established_callers: int
    established_flagged: Estimate
    average_precision: Estimate
    calls_before_detection_median: Estimate
    calls_before_detection_p95: Estimate


def callers_of(calls: pd.DataFrame) -> pd.DataFrame:
    """A row per caller and side (a spoofed number may be on both): calls, flagged, highest score, delay."""
    position = calls.groupby(["caller", "spam"], sort=False).cumcount()
    work = calls.assign(position=position.where(calls["flagged"]))
    return work.groupby(["spam", "kind", "strength", "caller"], as_index=False, observed=True).agg(
        calls=("score", "size"),
        flagged=("flagged", "any"),
        highest=("score", "max"),
        delay=("position", "min"),
    )


def groups_of(calls: pd.DataFrame) -> list[Group]:
    """Every kind and strength of campaign, every kind of legitimate caller; each side's total comes first."""
    callers = callers_of(calls)
    spam_kinds = sorted(set(calls.loc[calls["spam"], "kind"]))
    wanted: list[tuple[bool, str | None, str | None]] = [(True, None, None)]
    strengths = [s for s in ("blatant", "medium", "stealthy") if (callers["strength"] == s).any()]
    wanted += [(True, None, strength) for strength in strengths]
    for kind in spam_kinds:
        found = set(callers.loc[callers["spam"] & (callers["kind"] == kind), "strength"])
        wanted.append((True, kind, None))
        wanted += [(True, kind, s) for s in strengths if s in found and len(found) > 1]
    wanted.append((False, None, None))
    wanted += [(False, kind, None) for kind in sorted(set(calls.loc[~calls["spam"], "kind"]))]
    return [_group(calls, callers, spam, kind, strength) for spam, kind, strength in wanted]


def _group(
    calls: pd.DataFrame, callers: pd.DataFrame, spam: bool, kind: str | None, strength: str | None
) -> Group:
    def chosen(frame: pd.DataFrame) -> Any:
        mask = frame["spam"] == spam
        if kind is not None:
            mask &= frame["kind"] == kind
        if strength is not None:
            mask &= frame["strength"] == strength
        return mask

    own_calls, own = calls[chosen(calls)], callers[chosen(callers)]
    established = own[own["calls"] >= ESTABLISHED_CALLS]
    delays = own["delay"].to_numpy(dtype=np.float64)
    found = np.flatnonzero(~np.isnan(delays))

    def delay(q: float) -> Estimate:
        return weighted_quantile_estimate(delays[found], q) if spam else NOTHING

    return Group(
        label="spam" if spam else "ham",
        kind=kind or "(all)",
        strength=strength or "",
        callers=len(own),
        calls=len(own_calls),
        calls_flagged=clustered_rate(
            own_calls["flagged"].to_numpy(dtype=np.bool_), own_calls["caller"].to_numpy()
        ),
        callers_flagged=wilson(int(own["flagged"].sum()), len(own)),
        established_callers=len(established),
        established_flagged=wilson(int(established["flagged"].sum()), len(established)),
        average_precision=_average_precision(calls[chosen(calls) | ~calls["spam"]]) if spam else NOTHING,
        calls_before_detection_median=delay(0.5),
        calls_before_detection_p95=delay(0.95),
    )


def _average_precision(calls: pd.DataFrame) -> Estimate:
    """Area under precision over recall of single calls (AUC-PR); the interval is over callers."""
    score = calls["score"].to_numpy(dtype=np.float64)
    spam = calls["spam"].to_numpy(dtype=np.bool_)
    if not spam.any() or spam.all():
        return NOTHING
    _, codes = np.unique(calls["caller"].to_numpy(), return_inverse=True)
    ranked = RankedCalls(score, spam, codes.astype(np.int64))
    return bootstrap(ranked.average_precision, int(codes.max()) + 1, _SEED)


class RankedCalls:
    """Calls in falling order of score, so that a resampled average precision costs no new sort."""

    def __init__(self, score: F64, spam: Bools, clusters: I64) -> None:
        order = np.argsort(-score, kind="stable")
        self._clusters, self._spam = clusters[order], spam[order]
        ranked = score[order]
        # Calls of one score are one step: no order among them may be claimed.
        self._ends = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])

    def average_precision(self, weights: F64) -> float | None:
        """Of the calls weighted by their cluster's weight; None where no spam has any."""
        row = weights[self._clusters]
        found = np.cumsum(row * self._spam)[self._ends]
        flagged = np.cumsum(row)[self._ends]
        if found[-1] <= 0.0:
            return None
        precision = found / np.maximum(flagged, 1e-300)
        return float((np.diff(found, prepend=0.0) * precision).sum() / found[-1])


def weighted_quantile_estimate(values: F64, q: float) -> Estimate:
    """The lower ``q`` quantile of one value per caller; the interval is over callers."""
    if len(values) == 0:
        return NOTHING
    ordered = np.sort(values)

    def quantile(weights: F64) -> float:
        total = np.cumsum(weights)
        return float(ordered[int(np.searchsorted(total, q * total[-1]))])

    return bootstrap(quantile, len(ordered), _SEED)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What flagging ``score > threshold`` finds, where at most ``budget`` of legitimate callers are ever
    flagged."""

    budget: float
    threshold: float
    callers_wrongly_flagged: Estimate
    calls_flagged: Estimate
    callers_flagged: Estimate
    established_flagged: Estimate


def least_threshold(highest: F64, budget: float) -> float:
    """The least score that at most a share ``budget`` of callers, by their highest score, exceeds."""
    if len(highest) == 0:
        return float("-inf")
    falling = np.sort(highest)[::-1]
    return float(falling[min(int(budget * len(falling) + 1e-9), len(falling) - 1)])


def threshold_for(callers: pd.DataFrame, budget: float) -> float:
    """The least score that flags at most ``budget`` (a share) of the legitimate callers when exceeded."""
    return least_threshold(callers.loc[~callers["spam"], "highest"].to_numpy(dtype=np.float64), budget)


def operating_point(
    calls: pd.DataFrame, budget: float, threshold: float, callers: pd.DataFrame | None = None
) -> OperatingPoint:
    """What this threshold finds in ``calls``."""
    callers = callers_of(calls) if callers is None else callers
    spam = calls[calls["spam"]]
    flagged = callers["highest"] > threshold
    is_spam = callers["spam"]
    established = is_spam & (callers["calls"] >= ESTABLISHED_CALLS)
    return OperatingPoint(
        budget=budget,
        threshold=threshold,
        callers_wrongly_flagged=wilson(int((flagged & ~is_spam).sum()), int((~is_spam).sum())),
        calls_flagged=clustered_rate(
            spam["score"].to_numpy(dtype=np.float64) > threshold, spam["caller"].to_numpy()
        ),
        callers_flagged=wilson(int((flagged & is_spam).sum()), int(is_spam.sum())),
        established_flagged=wilson(int((flagged & established).sum()), int(established.sum())),
    )


def operating_curve(calls: pd.DataFrame, budgets: Sequence[float] = BUDGETS) -> list[OperatingPoint]:
    """The points of ``budgets``, each at the threshold that these very calls allow."""
    callers = callers_of(calls)
    return [operating_point(calls, b, threshold_for(callers, b), callers) for b in budgets]
