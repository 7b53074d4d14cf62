"""A numbered batch is counted once, also across a saved state; agents are bounded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spit.engine.receipts import WINDOW, Receipts, StaleBatchError
from spit.errors import InputError


def saved(receipts: Receipts, **bounds: int) -> Receipts:
    again = Receipts(**bounds)
    again.restore(json.loads(json.dumps(receipts.state())))
    return again


@given(st.lists(st.integers(0, 3 * WINDOW), max_size=60), st.integers(0, 60))
def test_it_answers_as_a_set_would_within_the_window(numbers: list[int], cut: int) -> None:
    receipts = Receipts()
    applied: set[int] = set()
    for index, number in enumerate(numbers):
        if index == cut:
            receipts = saved(receipts)
        if applied and max(applied) - number >= WINDOW:
            with pytest.raises(StaleBatchError):
                receipts.is_applied("edge", number)
            continue
        assert receipts.is_applied("edge", number) == (number in applied)
        receipts.add("edge", number)
        applied.add(number)


def test_agents_count_apart_and_the_oldest_is_forgotten_first() -> None:
    receipts = Receipts(max_agents=2)
    for agent in ("a", "b", "a", "c"):
        receipts.add(agent, 1)
    assert [receipts.is_applied(agent, 1) for agent in "abc"] == [True, False, True]
    assert (len(receipts), receipts.evicted) == (2, 1)
    fewer = saved(receipts, max_agents=1)
    assert [fewer.is_applied(agent, 1) for agent in "ac"] == [False, True]


def test_a_state_of_before_there_were_receipts_is_taken() -> None:
    receipts = Receipts()
    receipts.add("edge", 1)
    receipts.restore(None)
    assert len(receipts) == 0


@pytest.mark.parametrize(
    "state",
    [
        {"version": 2, "agents": []},
        [],
        {"version": 1},
        {"version": 1, "agents": [["edge", -1, "1"]]},
        {"version": 1, "agents": [["edge", 1, "zz"]]},
        {"version": 1, "agents": [["edge", "1", "1"]]},
        {"version": 1, "agents": [["edge", 1, "1" * 257]]},
        {"version": 1, "agents": [["edge", 1, None]]},
    ],
)
def test_a_damaged_state_is_refused(state: object) -> None:
    with pytest.raises(InputError, match=r"^receipts: expected"):
        Receipts().restore(state)
