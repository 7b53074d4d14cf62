"""What each strength of campaign costs in legitimate callers: the trade-off that an operator chooses from.

The operating curve speaks of all spam at once. Here the callers are apart by the strength of their campaign,
and the price is told twice: over all legitimate callers, and by the kinds that pay more than their share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spit.engine.detection_metrics import (
    BUDGETS,
    ESTABLISHED_CALLS,
    callers_of,
    least_threshold,
    threshold_for,
)
from spit.engine.intervals import Estimate, clustered_rate, wilson

if TYPE_CHECKING:
    import pandas as pd

STRENGTHS = ("blatant", "medium", "stealthy")
#: Beyond the operating curve: where the aims for stealthy campaigns would be met, if anywhere.
TRADE_OFF_BUDGETS = (*BUDGETS, 0.02, 0.05)
#: No kind of legitimate caller may be flagged more often than this, however rare the kind is.
MOST_OF_A_KIND = 0.005


@dataclass(frozen=True, slots=True)
class TradeOff:
    """What one threshold finds and costs.

    ``budget``: the share of legitimate callers it may flag; None for the least threshold at which no kind of
    legitimate caller is above MOST_OF_A_KIND. ``established``: by strength, of the campaign callers with
    ESTABLISHED_CALLS calls and more the share ever flagged. ``kinds_above``: kinds of legitimate caller of
    which more than MOST_OF_A_KIND are ever flagged.
    """

    budget: float | None
    threshold: float
    legitimate_flagged: Estimate
    calls_flagged: Estimate
    established: dict[str, Estimate]
    kinds: int
    kinds_above: list[str]


def trade_offs(calls: pd.DataFrame, budgets: Sequence[float] = TRADE_OFF_BUDGETS) -> list[TradeOff]:
    """First the point at which no kind pays too much, then one a budget; thresholds fit these calls."""
    callers = callers_of(calls)
    points = [_trade_off(calls, callers, None, _threshold_by_kind(callers))]
    return points + [_trade_off(calls, callers, b, threshold_for(callers, b)) for b in budgets]


def _threshold_by_kind(callers: pd.DataFrame) -> float:
    legitimate = callers[~callers["spam"]]
    least = [
        least_threshold(one["highest"].to_numpy(dtype=np.float64), MOST_OF_A_KIND)
        for _, one in legitimate.groupby("kind", observed=True)
    ]
    return max(least, default=float("-inf"))


def _trade_off(
    calls: pd.DataFrame, callers: pd.DataFrame, budget: float | None, threshold: float
) -> TradeOff:
    flagged = callers["highest"] > threshold
    legitimate = ~callers["spam"]
    established = callers["spam"] & (callers["calls"] >= ESTABLISHED_CALLS)
    by_kind = flagged[legitimate].groupby(callers.loc[legitimate, "kind"], observed=True).mean()
    spam = calls[calls["spam"]]
    found = {}
    for strength in STRENGTHS:
        own = established & (callers["strength"] == strength)
        if own.any():
            found[strength] = wilson(int((flagged & own).sum()), int(own.sum()))
    return TradeOff(
        budget=budget,
        threshold=threshold,
        legitimate_flagged=wilson(int((flagged & legitimate).sum()), int(legitimate.sum())),
        calls_flagged=clustered_rate(
            spam["score"].to_numpy(dtype=np.float64) > threshold, spam["caller"].to_numpy()
        ),
        established=found,
        kinds=len(by_kind),
        kinds_above=sorted(str(kind) for kind in by_kind.index[by_kind > MOST_OF_A_KIND]),
    )
