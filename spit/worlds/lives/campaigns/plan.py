"""What a campaign is made of: strength, quota, targets, numbers, equipment.

A blatant campaign spends nothing on looks. A stealthy one imitates a legitimate trade in list,
hours, pace, equipment and talk; what remains is forced by its economics: the called are strangers,
few of them stay, and a number that has been complained about is worth nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from spit.worlds.lives.answering import Party
from spit.worlds.lives.draws import Rng, around, chance, log_between, log_uniform, pick, uniform
from spit.worlds.lives.exchange import Result, World
from spit.worlds.lives.network import Origin
from spit.worlds.lives.rooms import Spans, storms, window
from spit.worlds.lives.senders import Sender
from spit.worlds.lives.signalling import Label

Span = tuple[float, float]
STRENGTHS: tuple[str, ...] = ("blatant", "medium", "stealthy")


@dataclass(frozen=True, slots=True)
class Plan:
    """One campaign: its truth and the number of attempts it makes."""

    label: Label
    quota: int

    @property
    def strength(self) -> str:
        """One of STRENGTHS."""
        return self.label.strength

    def level(self, rng: Rng, blatant: Span, medium: Span, stealthy: Span) -> float:
        """A value from the range of this campaign's strength, even on the logarithmic scale."""
        low, high = {"blatant": blatant, "medium": medium, "stealthy": stealthy}[self.strength]
        return log_uniform(rng, low, high) if low > 0.0 else uniform(rng, low, high)

    def count(self, rng: Rng, blatant: Span, medium: Span, stealthy: Span) -> int:
        """A whole number from the range of this campaign's strength."""
        return max(1, round(self.level(rng, blatant, medium, stealthy)))


def strangers(world: World, stale: float, firms: float = 0.05) -> Callable[[], str]:
    """Numbers of bought or scraped lists: the operator's subscribers, some firms, some vacant numbers."""
    rng = world.rng

    def following() -> str:
        if chance(rng, stale):
            return world.plan.vacant(rng)
        if world.firm_numbers and chance(rng, firms):
            return pick(rng, world.firm_numbers)
        return world.population.anyone(rng, 0.97).number

    return following


def hours_of(world: World, plan: Plan) -> Spans:
    """When a campaign calls: storms at any hour if blatant, a trade's hours if stealthy."""
    rng = world.rng
    if plan.strength == "blatant" and chance(rng, 0.6):
        return storms(world, log_between(rng, 1, 4), 900.0, 14_400.0)
    opens = plan.level(rng, (6.0, 9.0), (7.0, 10.0), (8.0, 10.5))
    closes = plan.level(rng, (20.0, 23.9), (18.0, 22.0), (17.0, 20.5))
    spans = world.clock.spans(opens, closes) or [(0.0, world.clock.length_s)]
    return window(rng, spans, plan.level(rng, (0.15, 0.5), (0.25, 0.8), (0.5, 1.0)))


def machine_of(world: World, plan: Plan) -> str:
    """Equipment class: diallers for those who do not care, what everybody has for the others."""
    rng = world.rng
    if chance(rng, plan.level(rng, (0.6, 0.9), (0.4, 0.7), (0.2, 0.5))):
        return "diallers"
    return pick(rng, ("exchange", "exchange", "softphone", "platform", "desk"))


@dataclass(slots=True)
class Rotation:
    """Presents a number for some calls and then replaces it.

    calls_each is the median life of a number in calls; party is who answers those that call back;
    withheld is the share of calls that hide the number.
    """

    world: World
    sender: Sender
    draw: Callable[[str], str]
    calls_each: float
    party: Party | None = None
    entitled: bool = True
    known: bool = True
    withheld: float = 0.0
    lanes: int = 1
    pool: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, callee: str) -> Origin:
        """The origin of the next call; several numbers (lanes) are in use at a time."""
        rng = self.world.rng
        if len(self.pool) < self.lanes:
            self.pool.append(self._fresh(callee))
        at = int(rng.random() * len(self.pool))
        number, left = self.pool[at]
        if left <= 0:
            number, left = self._fresh(callee)
        self.pool[at] = (number, left - 1)
        return self.sender.showing(
            number, entitled=self.entitled, known=self.known, withheld=chance(rng, self.withheld)
        )

    def _fresh(self, callee: str) -> tuple[str, int]:
        number = self.draw(callee)
        if self.party is not None and number not in self.world.parties:
            self.world.parties[number] = self.party
        if not self.sender.main_number:
            self.sender.main_number = number
        return number, max(1, round(around(self.world.rng, self.calls_each, 0.4)))

    def drop_refused(self, result: Result, origin: Origin, _callee: str) -> None:
        """Replace a number as soon as the network turns it away."""
        if result.course.outcome in ("unwanted", "declined") and result.course.ring_s is None:
            self.pool = [(number, left) for number, left in self.pool if number != origin.presented]
