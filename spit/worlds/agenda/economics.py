"""What pays: how an agent's prices lead to its list, its patience and the life of its numbers.

Money is in US dollars. Assumed prices: termination 0.2 to 2 cents a minute, a rented number about one dollar,
a prepaid card or eSIM 0.3 to 8, a clean list entry 1 to 30 cents, an agent 2 to 25 an hour.
"""

import math
from dataclasses import dataclass

from spit.worlds.agenda.dice import Dice, Span


@dataclass(frozen=True, slots=True)
class Prices:
    """Spans that a trade's purses are drawn from; `foresight` weighs losses that come later, 0 for none."""

    margin: Span
    wage: Span
    number: Span
    entry: Span
    foresight: Span
    attempt: Span = (0.0003, 0.003)
    minute: Span = (0.002, 0.02)


@dataclass(frozen=True, slots=True)
class Purse:
    """One agent's money: `margin` is earned per talk with somebody who stays.

    The rest is spent: per seat and hour, per number, list entry, call attempt and minute.
    """

    margin: float
    wage: float
    number: float
    entry: float
    foresight: float
    attempt: float
    minute: float

    def calls_per_number(self, answer: float, hazard: float) -> float:
        """Calls after which a fresh number beats the worn one.

        A number that loses the share `hazard` of its answers with every call costs n^2/2 * hazard * answer *
        margin over n calls; set against the number's price, that gives the root of an order-quantity problem.
        """
        loss = max(hazard * self.foresight, 1e-6) * answer * self.margin
        return max(1.0, math.sqrt(2.0 * self.number / max(loss, 1e-9)))

    def stale_share(self) -> float:
        """Share of dead entries in the list worth buying: clean lists cost more, dead entries waste calls."""
        waste = self.attempt + self.wage / 3600.0 * 5.0
        return min(0.6, max(0.004, 0.05 * math.sqrt(self.entry / waste)))

    def patience_s(self, answer: float) -> float:
        """Ringing is worth its seconds while somebody may still pick up (log-normal about 8 s)."""
        second = self.wage / 3600.0 + self.minute / 60.0 * 0.2 + self.attempt / 30.0
        for moment in range(8, 60, 2):
            score = math.log(moment / 8.0) / 0.6
            density = math.exp(-0.5 * score * score) / (moment * 0.6 * 2.507)
            if answer * density * self.margin < second:
                return float(max(moment, 12))
        return 60.0


def draw_purse(dice: Dice, prices: Prices) -> Purse:
    """One agent's purse."""
    return Purse(
        margin=dice.scale(prices.margin),
        wage=dice.between(prices.wage),
        number=dice.scale(prices.number),
        entry=dice.scale(prices.entry),
        foresight=dice.scale(prices.foresight),
        attempt=dice.scale(prices.attempt),
        minute=dice.scale(prices.minute),
    )
