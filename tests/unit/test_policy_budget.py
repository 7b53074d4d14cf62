"""The budget as it is spent: it holds back when complaints exceed it, and recovers by itself."""

from __future__ import annotations

import numpy as np
import pytest

from spit.config import PolicyConfig
from spit.errors import InputError
from spit.policy.budget import TIME_CONSTANT_S, PolicyBudget
from spit.policy.policy import TIGHTENINGS, Policy
from spit.records import ActionKind, Label, Verdict

WEEK_US = int(TIME_CONSTANT_S * 1e6)
N = 5.0


def _seen(budget: PolicyBudget, callers: int, time_us: int = 0) -> None:
    budget.count_callers(np.full(callers, time_us, np.int64), np.ones(callers, np.bool_), N)


def _report(budget: PolicyBudget, count: int, time_us: int = 0) -> None:
    for i in range(count):
        assert budget.report_wrong_block(time_us, f"+4930{i:05}")


@pytest.mark.parametrize(
    ("callers", "reports", "level"),
    [
        (0, 1, 0),
        (0, 2, 1),
        (20_000, 10, 0),
        (20_000, 11, 1),
        (20_000, 21, 2),
        (20_000, 41, 3),
        (20_000, 900, 3),
    ],
)
def test_each_doubling_of_the_allowance_is_a_level(callers: int, reports: int, level: int) -> None:
    budget = PolicyBudget()
    _seen(budget, callers)
    _report(budget, reports)
    assert budget.level(0, N) == level


def test_it_recovers_as_complaints_age_while_callers_go_on() -> None:
    budget = PolicyBudget()
    _seen(budget, 20_000)
    _report(budget, 60)
    levels = []
    for week in range(1, 5):
        _seen(budget, 20_000, week * WEEK_US)
        levels.append(budget.level(week * WEEK_US, N))
    assert levels == sorted(levels, reverse=True)
    assert (levels[0], levels[-1]) == (1, 0)


def test_an_appeal_counts_once() -> None:
    budget = PolicyBudget()
    assert budget.report_wrong_block(0, "+4930")
    assert not budget.report_wrong_block(1_000_000, "+4930")
    assert budget.report_wrong_block(2 * WEEK_US, "+4930")
    assert budget.totals() == {"blocks_decided": 0, "wrong_blocks_reported": 2}


def test_levels_do_not_depend_on_the_cut_and_survive_saving() -> None:
    times = np.arange(100, dtype=np.int64) * 60_000_000
    new = np.arange(100) % 3 == 0
    whole, cut = PolicyBudget(), PolicyBudget()
    for budget in (whole, cut):
        _report(budget, 3)
    expected = whole.count_callers(times, new, 300.0)
    first = cut.count_callers(times[:37], new[:37], 300.0)
    restored = PolicyBudget()
    restored.restore(cut.states(), cut.totals())
    rest = restored.count_callers(times[37:], new[37:], 300.0)
    np.testing.assert_array_equal(np.r_[first, rest], expected)
    assert restored.totals() == cut.totals()
    with pytest.raises(InputError, match="budget state"):
        restored.restore({}, {})


def test_far_overspent_nothing_is_rejected_any_more() -> None:
    policy = Policy(PolicyConfig(mode="enforce"))
    verdict = Verdict("+4930", 0.99, Label.SPAM, (), "m/1", 9)
    kinds = [
        policy.decide(verdict, callee=None, exemption=None, level=level).kind
        for level in range(TIGHTENINGS + 2)
    ]
    assert kinds == [ActionKind.REJECT] * (TIGHTENINGS + 1) + [ActionKind.TAG]
    mild = Policy(PolicyConfig(mode="enforce", spam_action="allow"))
    assert mild.decide(verdict, callee=None, exemption=None, level=9).kind is ActionKind.ALLOW


def test_each_level_asks_for_a_higher_score() -> None:
    policy = Policy(PolicyConfig())
    at_least = [
        min(s for s in np.linspace(0, 1, 2001) if policy.label(float(s), level=level) is Label.SPAM)
        for level in range(TIGHTENINGS + 1)
    ]
    assert at_least == sorted(set(at_least))
    levels = np.arange(4) % 4
    scores = np.array([0.9, 0.9, 0.96, 0.96])
    assert policy.label_ranks(scores, levels).tolist() == [
        [Label.LEGIT, Label.SUSPECT, Label.SPAM].index(policy.label(s, level=level))
        for s, level in zip(scores.tolist(), levels.tolist(), strict=True)
    ]
    held_back = np.array([False, True, False, False])
    ranks = policy.label_ranks(scores, levels, may_block=~held_back)
    assert ranks.tolist() == np.where(held_back, 1, policy.label_ranks(scores, levels)).tolist()
    assert ranks.tolist() != policy.label_ranks(scores).tolist()
