"""Which watched callers belong together: log-odds for each pair, and groups of callers that agree on average.

Two callers are alike in one respect by what they share of it, over what any two callers would share:
the sum over values of ``p_i * p_j / q``, with ``p`` a caller's share of calls and ``q`` that of all callers,
watched or not. A rare trunk, hour or callee ties, one that half of them have does not. The weights are
those of a logistic regression on pairs of suspicious callers in simulated traffic (docs/decisions.md); groups
grow by average linkage (Sokal and Michener 1958), so one chance likeness never joins two campaigns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spit.engine.campaigns import Background, Member

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

#: Callers that are compared with one another, each pair; the others join the group they fit best.
MAX_CORE = 2_000
#: Others that are compared with those at a time.
_BLOCK = 1_000
#: Mean log-odds of the pairs of two groups from which they are one.
LEAST_LOG_ODDS = -0.5

_QUARTER_US, _HOUR_US = 900_000_000, 3_600_000_000
_MOST_SIZE_STEPS = 3.0
_MOST_CALLEE = 8.0


@dataclass(frozen=True, slots=True)
class LinkWeights:
    """Log-odds that two suspicious callers are of one campaign, per unit of each likeness."""

    source: float = 0.33
    peer: float = 0.23
    quarter: float = 0.40
    two_hours: float = 0.87
    form: float = 1.53
    calls: float = -1.09
    outcome: float = 0.42
    callee: float = 0.86
    callee_block: float = 0.53
    strangers: float = -3.80
    attestation: float = 0.34
    neighbour: float = 0.70
    intercept: float = -2.75


WEIGHTS = LinkWeights()
NOTHING_USUAL = Background()


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


class Likeness:
    """Log-odds of any of the callers with each of the first ``core``. Memory: the core's values, not all."""

    def __init__(self, members: Sequence[Member], core: int, background: Background = NOTHING_USUAL) -> None:
        self._core = core
        everyone = [*members, *background.members]
        weights = np.ones(len(everyone))
        weights[len(members) :] = background.weight

        def shares(
            counts: Callable[[Member], Mapping[str, int] | Mapping[int, int]],
            *,
            offset: float = 1.0,
            rarest: float = 0.0,
            most: float = np.inf,
        ) -> _Shares:
            held = [counts(member) for member in everyone]
            return _Shares(held, len(members), core, weights, offset=offset, rarest=rarest, most=most)

        # Both halves of a stretch of two hours, so that its edges cut nothing apart.
        self._shares = {
            "source": shares(lambda m: m.ties.get("source", {})),
            "peer": shares(lambda m: m.ties.get("peer", {})),
            "quarter": shares(lambda m: _counted(time // _QUARTER_US for time in m.times_us)),
            "two_hours": shares(
                lambda m: _counted(v for t in m.times_us for v in (t // _HOUR_US, t // _HOUR_US - 1))
            ),
            "callee": shares(lambda m: _counted(m.callees), most=_MOST_CALLEE),
            "callee_block": shares(lambda m: m.ties.get("callee_block", {}), most=_MOST_CALLEE),
            "attestation": shares(lambda m: m.ties.get("attestation", {})),
            "form": shares(lambda m: m.forms, offset=0.1, rarest=0.1),
            "outcome": shares(lambda m: m.outcomes, offset=0.2, rarest=0.002),
        }
        self._log_calls = np.log2([m.attempts_before + m.attempts for m in members]).astype(np.float32)
        counted = np.array([max(1, len(m.times_us)) for m in members], np.float32)
        self._strangers = np.array([m.strangers for m in members], np.float32) / counted
        self._is_neighbour = np.array([m.neighbours for m in members], np.float32) > 0.5 * counted

    def log_odds(self, rows: I64) -> F32:
        """float32[len(rows), core]: of being of one campaign. ``rows`` must be consecutive."""
        total = np.full((len(rows), self._core), WEIGHTS.intercept, np.float32)
        for name, likeness in self.respects(rows):
            total += np.float32(getattr(WEIGHTS, name)) * likeness
        return total

    def respects(self, rows: I64) -> Iterator[tuple[str, F32]]:
        """Each likeness by the name of its weight; ``rows`` must be consecutive."""
        core = slice(0, self._core)
        for name, shares in self._shares.items():
            yield name, shares.likeness(rows)
        steps = np.abs(self._log_calls[rows, np.newaxis] - self._log_calls[core])
        yield "calls", np.minimum(steps, _MOST_SIZE_STEPS)
        yield "strangers", np.abs(self._strangers[rows, np.newaxis] - self._strangers[core])
        one, other = self._is_neighbour[rows, np.newaxis], self._is_neighbour[core]
        yield "neighbour", np.asarray((one & other).astype(np.float32) - (one ^ other), np.float32)


class _Shares:
    """One respect: every caller's share of calls per value, over the square root of that of all callers."""

    def __init__(
        self,
        counts: Sequence[Mapping[str, int] | Mapping[int, int]],
        members: int,
        core: int,
        weights: npt.NDArray[np.float64],
        *,
        offset: float,
        rarest: float,
        most: float,
    ) -> None:
        self._core, self._offset, self._most = core, np.float32(offset), np.float32(most)
        codes: dict[str | int, int] = {}
        triples = [
            (row, codes.setdefault(value, len(codes)), count)
            for row, held in enumerate(counts)
            for value, count in held.items()
        ]
        found = np.array(triples, np.int64).reshape(-1, 3)
        row, code, count = found[:, 0], found[:, 1], found[:, 2]
        of_code = np.bincount(code, count * weights[row], len(codes))
        usual = np.maximum(of_code / max(1.0, of_code.sum()), rarest)
        own = row < members
        row, code, count = row[own], code[own], count[own]
        of_row = np.bincount(row, count, members)
        # A value that only one of the core has is shared with nobody there.
        holders = np.bincount(code[row < core], minlength=len(codes))
        kept = holders >= (2 if members == core else 1)
        position = np.cumsum(kept) - 1
        chosen = kept[code]
        self._width = int(kept.sum())
        self._row, self._column = row[chosen], position[code[chosen]]
        scaled = count[chosen] / of_row[row[chosen]] / np.sqrt(usual[code[chosen]])
        self._value = scaled.astype(np.float32)
        self._starts = np.searchsorted(self._row, np.arange(members + 1))
        self._unknown = of_row == 0
        self._dense_core = self._dense(np.arange(core))

    def likeness(self, rows: I64) -> F32:
        """float32[len(rows), core]; 0 with a caller of whom nothing of this is known."""
        product = self._dense(rows) @ self._dense_core.T
        found = np.minimum(np.log(self._offset + product), self._most)
        found[self._unknown[rows]] = 0.0
        found[:, self._unknown[: self._core]] = 0.0
        return np.asarray(found, dtype=np.float32)

    def _dense(self, rows: I64) -> F32:
        """``rows`` must be consecutive."""
        first, last = self._starts[rows[0]], self._starts[rows[-1] + 1]
        dense = np.zeros((len(rows), self._width), np.float32)
        dense[self._row[first:last] - rows[0], self._column[first:last]] = self._value[first:last]
        return dense


def _counted(values: Iterable[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts
