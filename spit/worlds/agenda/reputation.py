"""Enforcement: complaints about a number make it labelled and then blocked, whoever uses it.

Labels fall on numbers, not on intent: a debt collector's number earns complaints too, and a spoofed
subscriber's own calls suffer from what was done in their name.
"""

from spit.worlds.agenda.dice import Dice
from spit.worlds.agenda.settings import Operator


class Reputation:
    """Complaints by caller number."""

    def __init__(self, dice: Dice, operator: Operator) -> None:
        self._dice = dice
        self._complaint = operator.complaint
        self._strictness = operator.strictness
        self._limit = dice.count((2, 8))
        self._scores: dict[str, int] = {}

    def heard(self, caller: str) -> None:
        """An answerer did not want the call; a few of them complain."""
        if caller != "anonymous" and self._dice.chance(self._complaint):
            self._scores[caller] = self._scores.get(caller, 0) + 1

    def labelled(self, caller: str) -> bool:
        """Whether the callee's display warns of the number."""
        return self._scores.get(caller, 0) >= self._limit

    def blocked(self, caller: str) -> bool:
        """Whether this call is refused on behalf of a callee who asked for screening."""
        return self.labelled(caller) and self._dice.chance(min(0.95, 0.4 * self._strictness))

    @property
    def deterrent(self) -> float:
        """What a warning takes from the log-odds of an answer."""
        return 0.8 * self._strictness
