"""How alike two watched callers are, at a first look: nine respects and three sizes, weighted.

Two callers are alike in one respect by what they share of it, over what any two callers would share:
the sum over values of ``p_i * p_j / q``, with ``p`` a caller's share of calls and ``q`` that of all callers,
watched or not. A rare trunk, hour or callee ties, one that half of them have does not. The weights are
those of a logistic regression on pairs of suspicious callers in simulated traffic (docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spit.engine.campaign_shares import F32, I64, Shares, how_often
from spit.engine.campaigns import Background, Member

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
        ) -> Shares:
            held = [counts(member) for member in everyone]
            return Shares(held, len(members), core, weights, offset=offset, rarest=rarest, most=most)

        # Both halves of a stretch of two hours, so that its edges cut nothing apart.
        self._shares = {
            "source": shares(lambda m: m.ties.get("source", {})),
            "peer": shares(lambda m: m.ties.get("peer", {})),
            "quarter": shares(lambda m: how_often(time // _QUARTER_US for time in m.times_us)),
            "two_hours": shares(
                lambda m: how_often(v for t in m.times_us for v in (t // _HOUR_US, t // _HOUR_US - 1))
            ),
            "callee": shares(lambda m: how_often(m.callees), most=_MOST_CALLEE),
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
        return self.weighted(list(self.respects(rows)))

    def weighted(self, respects: Sequence[tuple[str, F32]]) -> F32:
        """The log-odds of what ``respects`` gave."""
        total = np.full_like(respects[0][1], WEIGHTS.intercept)
        for name, likeness in respects:
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
