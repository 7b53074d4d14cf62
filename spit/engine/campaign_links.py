"""Which watched callers belong together: log-odds for each pair, and groups of callers that agree on average.

Groups grow by average linkage (Sokal and Michener 1958), so one chance likeness never joins two campaigns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spit.engine.campaign_likeness import NOTHING_USUAL, Likeness
from spit.engine.campaign_shares import F32, I64
from spit.engine.campaigns import Background, Member

#: Callers that are compared with one another, each pair; the others join the group they fit best.
MAX_CORE = 2_000
#: Others that are compared with those at a time.
_BLOCK = 1_000
#: Mean log-odds of the pairs of two groups from which they are one.
LEAST_LOG_ODDS = -0.5


def linked(members: Sequence[Member], background: Background = NOTHING_USUAL) -> list[list[int]]:
    """Positions of the members of each group, those alone too; the order of ``members`` does not matter."""
    if not members:
        return []
    worst_first = sorted(
        range(len(members)),
        key=lambda at: (-members[at].rank, -members[at].score, members[at].first_us, members[at].caller),
    )
    ordered = [members[at] for at in worst_first]
    core = min(len(ordered), MAX_CORE)
    likeness = Likeness(ordered, core, background)
    groups = average_linkage(likeness.log_odds(np.arange(core)), LEAST_LOG_ODDS)
    for start in range(core, len(ordered), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(ordered)))
        _admit(likeness.log_odds(rows), rows, groups, core)
    return [sorted(worst_first[at] for at in group) for group in groups]


def average_linkage(log_odds: F32, least: float) -> list[list[int]]:
    """Groups of the n rows of a symmetric matrix: the two whose pairs have the highest mean are joined first,
    until none reaches ``least``."""
    count = len(log_odds)
    sums = log_odds.copy()
    means = log_odds.copy()
    np.fill_diagonal(means, -np.inf)
    sizes, alive = np.ones(count, np.float32), np.ones(count, np.bool_)
    groups = [[at] for at in range(count)]
    best = means.argmax(axis=1)
    value = means[np.arange(count), best]
    while True:
        one = int(value.argmax())
        if not value[one] >= least:
            return [group for group in groups if group]
        other = int(best[one])
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
        if mean >= LEAST_LOG_ODDS:
            groups[at].append(row)
        else:
            groups.append([row])
