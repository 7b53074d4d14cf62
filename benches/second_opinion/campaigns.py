"""A campaign: spam calls of one origin. What all kinds share: numbers, targets, moments, trunks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .behaviour import Behaviour
from .draws import Draws
from .parties import Party
from .people import Population
from .timing import END_S
from .trunks import Trunk
from .world import Label, World

STRENGTHS = ("blatant", "medium", "stealthy")


@dataclass(slots=True)
class Campaign:
    """One campaign while it is planned.

    ``strength``: 0 blatant, 1 medium, 2 stealthy. ``calls``: about so many. ``trunks``: where it comes in;
    calls that show foreign numbers mostly come in where foreign carriers hand over.
    """

    world: World
    population: Population
    strength: int
    calls: int
    label: Label
    behaviour: Behaviour
    trunks: list[Trunk]
    identities: dict[str, Party] = field(default_factory=dict)

    @property
    def draws(self) -> Draws:
        return self.world.draws

    def identity(self, number: str) -> Party:
        """The campaign's presentation of this number, the same in all of its calls."""
        party = self.identities.get(number)
        if party is None:
            at_own = number.startswith(self.world.plan.home) or self.draws.random() < 0.2
            trunk = self.draws.choice(self.trunks if at_own else self.world.trunks.international)
            party = self.identities[number] = self.world.party(number, self.label.kind, [trunk])
        return party

    def let_ring_back(self, numbers: Sequence[str], share: float) -> None:
        """Who rings back reaches an announcement, at this share of the numbers."""
        for number in numbers:
            if self.draws.random() < share:
                self.world.answering(self.identity(number), 40)

    def place(self, times_s: Sequence[float], numbers: Sequence[str], targets: Sequence[str]) -> None:
        """Put the calls into the queue: each moment with the number shown and the callee at its place."""
        # A run of two halves may have one moment less than there are numbers.
        for time_s, number, target in zip(times_s, numbers, targets, strict=False):
            self.world.call(time_s, self.identity(number), target, self.behaviour, self.label)

    def moments(self) -> list[float]:
        """Blatant: one or two fast runs; medium: a working shift; stealthy: all day, as people call."""
        draws, timing, count = self.draws, self.world.timing, self.calls
        if self.strength == 0:
            found = []
            runs = draws.choice([1, 1, 2])
            for _ in range(runs):
                time_s = min(timing.moment(draws.choice(["selling", "home", "flat"])), END_S - 7600)
                gap_s = draws.uniform(600, 7200) / (count / runs)
                for _ in range(count // runs):
                    found.append(time_s)
                    time_s += draws.expovariate(1 / gap_s)
            return found
        if self.strength == 1:
            begin_s = min(timing.moment("selling"), END_S - 14400)
            length_s = min(draws.uniform(3, 8) * 3600, END_S - begin_s)
            moments = timing.moments("selling", count * 8)
            found = [t for t in moments if begin_s <= t < begin_s + length_s][:count]
            missing = count - len(found)
            return sorted(found + [draws.uniform(begin_s, begin_s + length_s) for _ in range(missing)])
        return timing.sessions(draws.choice(["selling", "home", "business"]), count)

    def slow_moments(self, count: int) -> list[float]:
        """Over all selling hours, one by one."""
        return sorted(self.world.timing.moments("selling", count))

    def targets(self, count: int, strength: int | None = None) -> list[str]:
        """A call list of people; the stealthier, the fewer numbers of nobody on it."""
        stale = (0.2, 0.1, 0.03)[self.strength if strength is None else strength]
        return [self.target(stale) for _ in range(count)]

    def target(self, stale: float) -> str:
        """A number of the dense blocks that may be nobody's, with probability ``stale``; else a person's."""
        if self.draws.random() < stale:
            return self.world.plan.in_block()
        return self.draws.choice(self.population.persons).number

    def pool(self, foreign: float = 0.06) -> Callable[[], str]:
        """A source of numbers to show: direct-dial ranges or scattered; a share ``foreign`` from abroad."""
        plan = self.world.plan
        ranges = self.strength < 2 and self.draws.choice(["ddi", "geo"]) == "ddi"
        left: list[str] = []

        def next_number() -> str:
            if self.draws.random() < foreign:
                return plan.foreign()
            if not ranges:
                return plan.geographic()
            if not left:
                left.extend(plan.direct_dial(60))
            return left.pop()

        return next_number

    def spread(self, next_number: Callable[[], str], median: float, sigma: float) -> list[str]:
        """The number of each call: consecutive use, a lognormal number of calls of each."""
        found: list[str] = []
        while len(found) < self.calls:
            number = next_number()
            found += [number] * max(1, round(self.draws.lognormvariate(math.log(median), sigma)))
        return found[: self.calls]

    def interleaved(self, items: Sequence[str], width: int) -> list[str]:
        """Shuffled within every run of ``width``: several numbers in use at a time."""
        runs = (items[i : i + width] for i in range(0, len(items), width))
        return [item for run in runs for item in self.draws.shuffled(run)]
