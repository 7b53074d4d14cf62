"""What all campaigns share: a strength, a window of time and routes to buy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from spit.worlds.carrier.attempts import Label
from spit.worlds.carrier.clock import RHYTHMS
from spit.worlds.carrier.desk import Chooser, rotating
from spit.worlds.carrier.draws import Rng, chance, heavy_count, pick, uniform
from spit.worlds.carrier.sender import Sender
from spit.worlds.carrier.society import Society

T = TypeVar("T")
STRENGTHS = ("blatant", "medium", "stealthy")


@dataclass(frozen=True)
class Campaign:
    """One campaign: who is told the truth about it, how many calls it plans and when (seconds from the
    start)."""

    society: Society
    label: Label
    calls: int
    window: tuple[float, float]

    @property
    def rng(self) -> Rng:
        """The world's generator."""
        return self.society.rng

    def graded(self, blatant: T, medium: T, stealthy: T) -> T:
        """The value of this campaign's strength."""
        return dict(zip(STRENGTHS, (blatant, medium, stealthy), strict=True))[self.label.strength]

    def between(
        self, blatant: tuple[float, float], medium: tuple[float, float], stealthy: tuple[float, float]
    ) -> float:
        """A uniform draw from the bounds of this campaign's strength."""
        return uniform(self.rng, *self.graded(blatant, medium, stealthy))

    def count(self, blatant: float, medium: float, stealthy: float, most: int = 2000) -> int:
        """A heavy-tailed count about the median of this campaign's strength."""
        return heavy_count(self.rng, self.graded(blatant, medium, stealthy), 0.6, 1, most)

    def times(self, rhythm: str | None = None, count: int | None = None) -> list[float]:
        """Call times: the blatant often dial at any hour, others when people are likely to answer."""
        careless_hours = self.graded(0.5, 0.15, 0.0)
        name = rhythm or ("flat" if chance(self.rng, careless_hours) else "dialling_day")
        return self.society.clock.times(
            self.rng, RHYTHMS[name], self.calls if count is None else count, self.window
        )

    def routes(self, blatant: int, medium: int, stealthy: int) -> list[Sender]:
        """Senders: hosted diallers and cheap routes alike; the careful choose among careless providers."""
        rng = self.rng
        shopping = self.graded(0.1, 0.3, 0.5)
        routes: list[Sender] = []
        for _ in range(self.graded(blatant, medium, stealthy)):
            if chance(rng, 0.5):
                routes.append(
                    self.society.origins.hosted_dialler(rng, self.between((0.0, 0.5), (0.2, 0.8), (0.5, 1.0)))
                )
            else:
                routes.append(self.society.origins.cheap_route(rng, chance(rng, shopping)))
        return routes

    def leads(self, count: int) -> list[str]:
        """Bought lists: the worse ones are older and reach further away."""
        dead = self.between((0.08, 0.4), (0.03, 0.2), (0.0, 0.08))
        return self.society.stale(count, dead, self.between((0.0, 0.6), (0.0, 0.5), (0.0, 0.3)))

    def leased(self, count: int, answered: float) -> list[str]:
        """Numbers leased over several ranges, of which a share leads callers back to a machine."""
        rng, plan = self.rng, self.society.plan
        numbers: list[str] = []
        while len(numbers) < count:
            area = None if chance(rng, 0.7) else plan.remote_area(rng)
            numbers += plan.business_range(
                rng, min(count - len(numbers), heavy_count(rng, 8, 0.9, 1, 100)), area
            )
        for number in numbers:
            if chance(rng, answered):
                self.society.front(number, pick(rng, self.society.companies).sender, 30).role = "menu"
        return numbers

    def shown(self, count: int, answered: float) -> Chooser:
        """Any of a number of leased numbers."""
        return rotating(self.rng, self.leased(count, answered))
