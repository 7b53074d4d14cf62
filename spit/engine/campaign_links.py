"""Which watched callers belong together: log-odds for each pair, and groups of callers that agree on average.

Groups grow by average linkage (Sokal and Michener 1958), so one chance likeness never joins two campaigns.
The log-odds of a pair are those of campaign_pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from spit.engine.campaign_likeness import NOTHING_USUAL
from spit.engine.campaign_pairs import Pairs
from spit.engine.campaign_shares import F32, I64
from spit.engine.campaigns import Background, Member

F64 = npt.NDArray[np.float64]

#: Callers that are compared with one another, each pair; the others join the group they fit best.
MAX_CORE = 2_000
#: Others that are compared with those at a time.
_BLOCK = 1_000
#: Mean log-odds of the pairs of two groups from which they may be one.
LEAST_LOG_ODDS = -1.0
#: The same of a caller beyond those compared in pairs, with a group: it is less suspicious than all of them.
ADMITTED_LOG_ODDS = 1.0
#: From this they are one; below, two groups stay apart when they agree so much less than each within itself.
SURE_LOG_ODDS = 2.5
MOST_FALL = 1.5
#: Callers of a group that tell how much it agrees within itself.
_LEAST_GROUP = 3


def worst_first(member: Member) -> tuple[int, float, int, str]:
    """Sorts callers: those compared in pairs first."""
    return -member.rank, -member.score, member.first_us, member.caller


def linked(members: Sequence[Member], background: Background = NOTHING_USUAL) -> list[list[int]]:
    """Positions of the members of each group, those alone too; the order of ``members`` does not matter."""
    if not members:
        return []
    order = sorted(range(len(members)), key=lambda at: worst_first(members[at]))
    ordered = [members[at] for at in order]
    core = min(len(ordered), MAX_CORE)
    pairs = Pairs(ordered, core, background)
    groups = average_linkage(pairs.log_odds(np.arange(core)), LEAST_LOG_ODDS)
    for start in range(core, len(ordered), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(ordered)))
        _admit(pairs.log_odds(rows), rows, groups, core)
    return [sorted(order[at] for at in group) for group in groups]


def average_linkage(
    log_odds: F32, least: float, *, sure: float = SURE_LOG_ODDS, most_fall: float = MOST_FALL
) -> list[list[int]]:
    """Groups of the n rows of a symmetric matrix: the two whose pairs have the highest mean are joined first,
    until none reaches ``least``.

    Below ``sure``, two groups whose own pairs have means higher by more than ``most_fall`` are two for good:
    what holds a campaign together differs from campaign to campaign, and no single bound cuts all of them.
    """
    count = len(log_odds)
    sums = log_odds.copy()
    means = log_odds.copy()
    np.fill_diagonal(means, -np.inf)
    within = np.zeros(count)  # sums over the pairs of a group
    sizes, alive = np.ones(count, np.float32), np.ones(count, np.bool_)
    groups = [[at] for at in range(count)]
    best = means.argmax(axis=1)
    value = means[np.arange(count), best]
    while True:
        one = int(value.argmax())
        if not value[one] >= least:
            return [group for group in groups if group]
        other = int(best[one])
        if value[one] < sure and _falls(value[one], (one, other), within, sizes, most_fall):
            closed = [one, other]
            alive[closed] = False
            means[closed], means[:, closed] = -np.inf, -np.inf
            value[closed] = -np.inf
            stale = np.flatnonzero(alive & np.isin(best, closed))
            best[stale] = means[stale].argmax(axis=1)
            value[stale] = means[stale, best[stale]]
            continue
        within[one] += within[other] + sums[one, other]
        sums[one] += sums[other]
        sums[:, one] = sums[one]
        sizes[one] += sizes[other]
        alive[other] = False
        groups[one] += groups[other]
        groups[other] = []
        row = np.where(alive, sums[one] / (sizes * sizes[one]), -np.inf)
        row[one] = -np.inf
        means[one], means[:, one] = row, row
        means[other], means[:, other] = -np.inf, -np.inf
        value[other] = -np.inf
        stale = np.flatnonzero(alive & ((best == one) | (best == other)))
        best[stale] = means[stale].argmax(axis=1)
        value[stale] = means[stale, best[stale]]
        better = alive & (row > value)
        best[better], value[better] = one, row[better]
        best[one] = row.argmax()
        value[one] = row[best[one]]


def _falls(mean: float, pair: tuple[int, int], within: F64, sizes: F32, most_fall: float) -> bool:
    """Whether two groups agree so much less with one another than each within itself."""
    held = [float(sizes[at]) for at in pair]
    if min(held) < _LEAST_GROUP:
        return False
    own = min(within[at] / (size * (size - 1.0) / 2.0) for at, size in zip(pair, held, strict=True))
    return bool(mean < own - most_fall)


def _admit(log_odds: F32, rows: I64, groups: list[list[int]], core: int) -> None:
    """Adds each row to the group whose core it is most alike, or as a group of its own."""
    is_member = np.zeros((core, len(groups)), np.float32)
    for at, group in enumerate(groups):
        held = [position for position in group if position < core]
        if held:  # a caller admitted alone has no core to be compared with
            is_member[held, at] = 1.0 / len(held)
    means = log_odds @ is_member
    means[:, ~is_member.any(axis=0)] = -np.inf
    best = means.argmax(axis=1)
    for row, at, mean in zip(rows.tolist(), best.tolist(), means.max(axis=1).tolist(), strict=True):
        if mean >= ADMITTED_LOG_ODDS:
            groups[at].append(row)
        else:
            groups.append([row])
