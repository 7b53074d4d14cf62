"""Pairs of watched callers looked at closely: decision trees over what the two share and how each calls.

The weighted likeness (campaign_likeness) is quick and leaves the plainly different pairs out. Of the others
a small forest gives the log-odds of being of one campaign: a shared trunk says more in one hour than in a
day, and two numbers of one call each need more in common than two of twenty. It is grown on simulated traffic
by ``benches/fit_campaign_links.py``, which writes it beside this file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from spit._core import Forest
from spit.engine.campaign_likeness import NOTHING_USUAL, Likeness
from spit.engine.campaign_shares import F32, I64, Shares, how_often
from spit.engine.campaigns import Background, Member

FOREST_PATH = Path(__file__).with_name("campaign_forest.json")

#: Weighted likeness from which a pair is looked at: 99.9 % of the pairs of one campaign reach it.
LOOKED_AT_LOG_ODDS = -4.5
#: What the others count as.
LEFT_OUT_LOG_ODDS = -8.0

_FIVE_MINUTES_US, _THREE_HOURS_US = 300_000_000, 10_800_000_000
#: Two calls to one callee further apart are not one after the other.
_MOST_APART_S = 7200.0
#: Calls to one callee that are compared with each.
_NEXT_CALLS = 5
_PREFIX_LENGTH = 3
#: Rows of callers at a time: bounds the memory that their pairs take.
_BLOCK = 250


class Pairs:
    """Log-odds of any of the callers with each of the first ``core``. Memory: the core's values, not all."""

    def __init__(self, members: Sequence[Member], core: int, background: Background = NOTHING_USUAL) -> None:
        self._core = core
        self._coarse = Likeness(members, core, background)
        everyone = [*members, *background.members]
        weights = np.ones(len(everyone))
        weights[len(members) :] = background.weight

        def shares(
            counts: Callable[[Member], Mapping[str, int] | Mapping[int, int]],
            *,
            offset: float = 1.0,
            rarest: float = 0.0,
        ) -> Shares:
            held = [counts(member) for member in everyone]
            return Shares(held, len(members), core, weights, offset=offset, rarest=rarest, most=np.inf)

        self._shares = {
            "fingerprint": shares(lambda m: m.ties.get("fingerprint", {})),
            "origid": shares(lambda m: m.ties.get("origid", {})),
            "talk": shares(lambda m: m.ties.get("talk", {})),
            "prefix": shares(lambda m: {m.caller[:_PREFIX_LENGTH]: 1}, offset=0.2, rarest=0.002),
            "caller_block": shares(lambda m: m.ties.get("caller_block", {})),
            "five_minutes": shares(lambda m: how_often(t // _FIVE_MINUTES_US for t in m.times_us)),
            "six_hours": shares(
                lambda m: how_often(
                    v for t in m.times_us for v in (t // _THREE_HOURS_US, t // _THREE_HOURS_US - 1)
                )
            ),
        }

        def column(value: Callable[[Member], float]) -> F32:
            return np.array([value(member) for member in members], np.float32)

        # Seconds from the first of all: float32 holds a day to the hundredth of a second.
        begin_us = min(member.times_us[0] for member in members)
        self._first_s = column(lambda m: (m.times_us[0] - begin_us) / 1e6)
        self._last_s = column(lambda m: (m.times_us[-1] - begin_us) / 1e6)
        calls = column(lambda m: len(m.times_us))
        span_s = self._last_s - self._first_s
        self._sizes = {
            "span": np.log(span_s + 60.0),
            "rate": np.log(np.maximum(calls - 1.0, 0.5) / (span_s + 30.0)),
            "calls": column(lambda m: np.log2(m.attempts_before + m.attempts)),
            "score": column(lambda m: m.score),
            "strangers": column(lambda m: m.strangers) / calls,
            "neighbours": column(lambda m: m.neighbours) / calls,
            "calls_before": column(lambda m: np.log2(m.attempts_before + 1)),
        }
        self._keys, self._apart_s = _calls_to_one_callee(members, core)

    def log_odds(self, rows: I64) -> F32:
        """float32[len(rows), core]. ``rows``: all of the core, or consecutive others."""
        found = np.full((len(rows), self._core), LEFT_OUT_LOG_ODDS, np.float32)
        for start in range(0, len(rows), _BLOCK):
            part = rows[start : start + _BLOCK]
            respects = list(self._coarse.respects(part))
            coarse = self._coarse.weighted(respects)
            # Of two callers of the core one pair is enough.
            is_first = (part[:, np.newaxis] < np.arange(self._core)) | (part[:, np.newaxis] >= self._core)
            at, others = np.nonzero((coarse >= LOOKED_AT_LOG_ODDS) & is_first)
            if len(at):
                found[start + at, others] = forest().sum(self._columns(part, at, others, respects))
        return found if rows[0] >= self._core else np.maximum(found, found.T)

    def looked_at(self) -> tuple[I64, I64]:
        """Positions of the pairs of the core that the forest is asked about, the first of each lower."""
        close = self._coarse.log_odds(np.arange(self._core)) >= LOOKED_AT_LOG_ODDS
        first, second = np.nonzero(np.triu(close, 1))
        return first, second

    def columns(self, rows: I64, at: I64, others: I64) -> F32:
        """float32[pairs, names()]: ``rows[at]`` with ``others`` of the core. ``rows`` must be consecutive."""
        return self._columns(rows, at, others, list(self._coarse.respects(rows)))

    def _columns(self, rows: I64, at: I64, others: I64, respects: Sequence[tuple[str, F32]]) -> F32:
        found = [likeness[at, others] for _, likeness in respects]
        found += [shares.likeness(rows)[at, others] for shares in self._shares.values()]
        one = rows[at]
        pause_s = np.maximum(self._first_s[one], self._first_s[others]) - np.minimum(
            self._last_s[one], self._last_s[others]
        )
        found.append(np.log1p(np.maximum(pause_s, 0.0) / 60.0))
        found.append(np.log1p(np.abs(self._first_s[one] - self._first_s[others]) / 60.0))
        for values in self._sizes.values():
            found += [
                np.minimum(values[one], values[others]),
                np.maximum(values[one], values[others]),
            ]
        found.append(np.log(self._apart(one, others) + 30.0))
        return np.ascontiguousarray(np.stack(found, axis=1), np.float32)

    def names(self) -> list[str]:
        """What ``columns`` holds, in that order."""
        coarse = [name for name, _ in self._coarse.respects(np.arange(1))]
        sizes = [f"{bound}_{name}" for name in self._sizes for bound in ("least", "most")]
        return [*coarse, *self._shares, "pause", "first_apart", *sizes, "callee_apart"]

    def _apart(self, one: I64, others: I64) -> F32:
        """Seconds between their nearest two calls to one callee, _MOST_APART_S where there are none."""
        apart_s = np.full(len(one), _MOST_APART_S, np.float32)
        if len(self._keys):
            key = np.minimum(one, others) * self._core + np.maximum(one, others)
            at = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
            known = (self._keys[at] == key) & (one < self._core)
            apart_s[known] = self._apart_s[at[known]]
        return apart_s


def _calls_to_one_callee(members: Sequence[Member], core: int) -> tuple[I64, F32]:
    """Pairs of the core (``lower * core + higher``, rising) that called one callee soon after one another.

    And how many seconds at least lay between.
    """
    found = [
        (callee, time_us, at)
        for at, member in enumerate(members[:core])
        if len(member.callees) == len(member.times_us)
        for callee, time_us in zip(member.callees, member.times_us, strict=True)
    ]
    calls = np.array(found, np.int64).reshape(-1, 3)
    calls = calls[np.lexsort((calls[:, 1], calls[:, 0]))]
    keys, apart_us = [], []
    for step in range(1, _NEXT_CALLS + 1):
        before, after = calls[:-step], calls[step:]
        apart = after[:, 1] - before[:, 1]
        near = (before[:, 0] == after[:, 0]) & (before[:, 2] != after[:, 2]) & (apart < _MOST_APART_S * 1e6)
        one, other = before[near, 2], after[near, 2]
        keys.append(np.minimum(one, other) * core + np.maximum(one, other))
        apart_us.append(apart[near])
    key, least = np.concatenate(keys), np.concatenate(apart_us)
    order = np.lexsort((least, key))
    key, first = np.unique(key[order], return_index=True)
    return key, (least[order][first] / 1e6).astype(np.float32)


@cache
def forest() -> Forest:
    """The shipped trees."""
    document = json.loads(FOREST_PATH.read_text(encoding="utf-8"))
    nodes = [node if isinstance(node, float) else (*node, False) for node in document["nodes"]]
    return Forest(nodes, document["roots"], document["base"], len(document["columns"]))
