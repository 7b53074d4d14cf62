"""Grey callers: the first call is refused, a call back after the delay passes."""

from __future__ import annotations

import pytest

from spit.policy.grey import GreyMemory

KEY = ("", "+12025550100", "+4930123456")
SECOND_US = 1_000_000


def calls(memory: GreyMemory, *times_s: float, key: tuple[str, str, str | None] = KEY) -> list[bool]:
    return [memory.passes(key, round(at * SECOND_US), delay_s=60, window_s=600) for at in times_s]


@pytest.mark.parametrize(
    ("times_s", "passed"),
    [
        ((0,), [False]),
        ((0, 59.9, 60), [False, False, True]),  # the delay counts from the first call
        ((0, 660), [False, True]),
        ((0, 660.1, 720.1), [False, False, True]),  # too late: it is a first call again
        ((0, 60, 61, 600, 1200), [False, True, True, True, True]),  # who has passed goes on passing
        ((0, 60, 661), [False, True, False]),
        ((1000, 0, 60), [False, False, True]),  # the clock was put back
    ],
)
def test_which_calls_pass(times_s: tuple[float, ...], passed: list[bool]) -> None:
    assert calls(GreyMemory(), *times_s) == passed


def test_each_callee_and_tenant_is_called_back_for_itself() -> None:
    memory = GreyMemory()
    assert calls(memory, 0) == [False]
    assert calls(memory, 60, key=("", "+12025550100", "+4930999999")) == [False]
    assert calls(memory, 60, key=("a", "+12025550100", "+4930123456")) == [False]
    assert calls(memory, 60) == [True]


def test_a_question_is_no_call() -> None:
    memory = GreyMemory()
    assert not memory.passes(KEY, 0, delay_s=60, window_s=600, remember=False)
    assert calls(memory, 60) == [False]
    assert memory.passes(KEY, 120 * SECOND_US, delay_s=60, window_s=600, remember=False)
    assert memory.counters() == {
        "grey_pairs": 1,
        "grey_pairs_evicted": 0,
        "grey_refused": 1,
        "grey_passed": 0,
    }


def test_memory_is_bounded_and_the_pair_that_called_longest_ago_leaves() -> None:
    memory = GreyMemory(max_pairs=2)
    first, second, third = (("", f"+1202555010{n}", None) for n in range(3))
    for at, key in enumerate((first, second, first, third)):
        calls(memory, at, key=key)
    assert memory.counters()["grey_pairs"] == 2
    assert memory.counters()["grey_pairs_evicted"] == 1
    assert calls(memory, 61, key=first) == [True]
    assert calls(memory, 62, key=second) == [False]


def test_what_is_remembered_is_told_and_taken_back_the_newest_first() -> None:
    memory, others = GreyMemory(), [("acme", f"+1{n}", None if n else "+49") for n in range(3)]
    for at_s, key in enumerate(others):
        calls(memory, at_s, key=key)
    calls(memory, 3, 63)
    again = GreyMemory()
    calls(again, 1, key=("", "+9", None))
    again.restore(memory.pairs())
    assert again.pairs() == memory.pairs()
    assert [key for key, _ in again.pairs()] == [*others, KEY]
    assert calls(again, 663) == [True]  # it had passed, and goes on
    assert calls(again, 62, key=others[2]) == [True]
    small = GreyMemory(max_pairs=2)
    small.restore(memory.pairs())
    assert [key for key, _ in small.pairs()] == [others[2], KEY]
