"""How long what is read waits, by turns of an event loop that the test makes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from spit.service.loop_turn import LoopTurn


class Turns:
    """An event loop of which the test makes the turns, and its clock."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self._soon: list[tuple[Callable[..., None], tuple[Any, ...]]] = []

    def call_soon(self, call: Callable[..., None], *arguments: Any) -> None:
        self._soon.append((call, arguments))

    def next(self) -> None:
        soon, self._soon = self._soon, []
        for call, arguments in soon:
            call(*arguments)

    @property
    def is_idle(self) -> bool:
        return not self._soon


class Reading:
    """Requests read in turns; ``read`` says how long each is expected to wait."""

    def __init__(self) -> None:
        self.turns = Turns()
        self._turn = LoopTurn(lambda: self.turns.now_s)

    def read(self, count: int, *, takes_s: float = 0.0, is_answered: bool = False) -> float:
        for _ in range(count):
            wait_s = self._turn.wait_s(cast(asyncio.AbstractEventLoop, self.turns))
            if not is_answered:
                self._turn.take()
            self.turns.now_s += takes_s
        return wait_s


def test_what_is_read_waits_for_what_was_read_before_it() -> None:
    reading = Reading()
    assert reading.read(1) == 0.0
    few, many = reading.read(10), reading.read(90)
    assert 0.0 < few < many
    assert many == pytest.approx(100 / 10 * few)


def test_the_answers_of_a_turn_count_and_say_how_long_the_next_ones_take() -> None:
    reading = Reading()
    for _ in range(100):
        reading.read(20)
        reading.turns.next()
        reading.turns.now_s += 0.2  # 20 answers
        assert reading.read(1) == pytest.approx(0.2)
        assert reading.read(1) >= 0.2
        reading.turns.next()
        reading.turns.next()
    reading.turns.now_s += 10.0
    assert reading.read(1) == 0.0
    assert reading.read(1) == pytest.approx(0.01, rel=0.01)


def test_reading_takes_time_too() -> None:
    assert Reading().read(11, takes_s=0.001) >= 0.010


@pytest.mark.parametrize("count", [1, 100])
def test_a_loop_that_slept_was_not_slow(count: int) -> None:
    reading = Reading()
    reading.read(count)
    reading.turns.next()
    reading.turns.next()
    assert reading.turns.is_idle  # nothing keeps it awake
    reading.turns.now_s += 100.0
    assert reading.read(1) == 0.0


def test_what_is_answered_as_it_is_read_delays_the_rest_of_its_turn_and_nothing_after() -> None:
    reading = Reading()
    owed_s = reading.read(11)  # the first ten of them
    for _ in range(100):
        reading.turns.next()
        reading.turns.next()
        assert reading.read(101, takes_s=0.0001, is_answered=True) == pytest.approx(0.01)
        assert reading.read(11) == pytest.approx(0.0101 + owed_s)  # what an answer takes is as before
        assert reading.read(1, is_answered=True) == pytest.approx(0.0101 + 1.1 * owed_s)
