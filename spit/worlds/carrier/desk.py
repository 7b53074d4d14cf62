"""Dialling a list: shared by every caller, honest or not, who works through one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from spit.worlds.carrier.attempts import Attempt, Label, Style
from spit.worlds.carrier.draws import Rng, pick
from spit.worlds.carrier.numbering import npa
from spit.worlds.carrier.sender import Sender

Chooser = Callable[[str], str]


def fixed(number: str) -> Chooser:
    """Always the same number."""
    return lambda _callee: number


def rotating(rng: Rng, numbers: list[str]) -> Chooser:
    """Any number of a pool."""
    return lambda _callee: pick(rng, numbers)


def local_presence(rng: Rng, numbers: list[str]) -> Chooser:
    """A number of the callee's area code if the pool has one."""
    by_area: dict[str, list[str]] = {}
    for number in numbers:
        by_area.setdefault(npa(number), []).append(number)
    return lambda callee: pick(rng, by_area.get(npa(callee), numbers))


def replaced_after(rng: Rng, supply: Callable[[str], str], calls: int) -> Chooser:
    """A number from a supply, thrown away after about so many calls."""
    current = ""
    left = 0

    def choose(callee: str) -> str:
        nonlocal current, left
        if left <= 0:
            current = supply(callee)
            left = 1 if calls <= 1 else int(rng.integers(max(1, calls // 2), calls * 3 // 2 + 1))
        left -= 1
        return current

    return choose


@dataclass(frozen=True)
class Desk:
    """A list dialler: one or more senders that share a way of choosing the number they show."""

    senders: list[Sender]
    number_for: Chooser
    style: Style
    label: Label
    method: str = "INVITE"

    def dial(self, rng: Rng, times: list[float], callees: list[str]) -> Iterator[Attempt]:
        """One attempt a time; a list shorter than the times is worked through again."""
        if not callees:
            return
        for place, time_s in enumerate(times):
            callee = callees[place % len(callees)]
            number = self.number_for(callee)
            if number != callee:
                yield Attempt(
                    time_s, pick(rng, self.senders), number, callee, self.style, self.label, self.method
                )
