"""Whom an agent calls next."""

from dataclasses import dataclass
from typing import Protocol

from spit.worlds.agenda.dice import Dice
from spit.worlds.agenda.numbering import NumberPlan


class Targets(Protocol):
    """A source of callees."""

    def next(self) -> str: ...


class ListTargets:
    """A list in random order, with dead entries, called through and then called through again."""

    def __init__(self, dice: Dice, plan: NumberPlan, numbers: list[str], size: int, stale: float) -> None:
        self._dice = dice
        self._plan = plan
        self._stale = stale
        chosen = dice.rng.choice(len(numbers), min(size, len(numbers)), replace=False)
        self._entries = [numbers[int(index)] for index in chosen]
        dead = int(len(self._entries) * stale)
        for place in range(dead):
            self._entries[place] = plan.any_of(dice, plan.mobile + plan.fixed)
        dice.rng.shuffle(self._entries)
        self._next = 0

    def next(self) -> str:
        """The next entry."""
        entry = self._entries[self._next % len(self._entries)]
        self._next += 1
        return entry


@dataclass(slots=True)
class Regulars:
    """Few callees again and again, as an office, a family doctor or a machine has them."""

    dice: Dice
    entries: list[str]

    def next(self) -> str:
        """One of them, the first more often."""
        return self.entries[int(len(self.entries) * self.dice.uniform() ** 2)]


@dataclass(slots=True)
class RandomDial:
    """No list: numbers made up within the operator's blocks, or beyond them."""

    dice: Dice
    prefixes: tuple[str, ...]
    plan: NumberPlan

    def next(self) -> str:
        """A number that may exist."""
        return self.plan.any_of(self.dice, self.prefixes)


@dataclass(slots=True)
class Sequential:
    """No list either: upwards through blocks, in small steps so as not to look it."""

    dice: Dice
    prefixes: tuple[str, ...]
    stride: int
    position: int = 0

    def next(self) -> str:
        """The next number upwards."""
        self.position += 1 + self.dice.index(self.stride)
        block, rest = divmod(self.position, 1000)
        return f"{self.prefixes[block % len(self.prefixes)]}{rest:03d}"


@dataclass(slots=True)
class Extensions:
    """Short numbers inside telephone systems, upwards, with the odd well-known name between."""

    dice: Dice
    known: list[str]
    guess: float
    position: int = 99

    def next(self) -> str:
        """An extension that may exist."""
        if not self.dice.chance(self.guess):
            return self.dice.pick(self.known)
        self.position += 1
        return (
            str(self.position)
            if self.dice.chance(0.9)
            else self.dice.pick(("admin", "test", "1000", "trunk"))
        )
