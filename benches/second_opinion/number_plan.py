"""Telephone numbers of one country, as digits with the country code and without a plus sign."""

from __future__ import annotations

from .draws import Draws

_HOMES = ("49", "44", "33", "43", "31")
_COUNTRIES = (
    "49", "44", "33", "39", "34", "48", "90", "41", "32", "216", "371", "40", "380", "1", "212", "234",
)  # fmt: skip
_NATIONAL_DIGITS = 10
_AREAS, _MOBILE_PREFIXES, _BLOCKS = 15, 4, 36


class NumberPlan:
    """Area codes, mobile prefixes and the dense blocks of a thousand numbers of one simulation.

    Two thirds of the subscribers live in the dense blocks, so that random and sequential dialling finds both
    people and gaps there. ``blocks``: all digits but the last three.
    """

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self.home = draws.choice(_HOMES)
        self.countries = [code for code in _COUNTRIES if code != self.home]
        self.areas: list[str] = []
        while len(self.areas) < _AREAS:
            area = str(draws.randint(20, 69)) if draws.random() < 0.4 else str(draws.randint(201, 698))
            if area not in self.areas:
                self.areas.append(area)
        self.mobile = ["7" + str(x) for x in draws.sample(range(10, 99), _MOBILE_PREFIXES)]
        self.blocks: list[str] = []
        for index in range(_BLOCKS):
            prefix = draws.choice(self.mobile) if index % 4 == 0 else draws.choice(self.areas)
            self.blocks.append(self.home + prefix + draws.digits(_NATIONAL_DIGITS - 3 - len(prefix)))
        self._used: set[str] = set()

    def in_block(self) -> str:
        """Any number of the dense blocks, whether it is somebody's or not."""
        return self._draws.choice(self.blocks) + f"{self._draws.randint(0, 999):03d}"

    def subscriber(self) -> str:
        """A number that no other subscriber has: two thirds in the dense blocks, the others elsewhere."""
        draws = self._draws
        while True:
            number = self.in_block()
            if draws.random() < 0.34:
                number = self.home + self._prefix()
                number += draws.digits(_NATIONAL_DIGITS + len(self.home) - len(number))
            if number not in self._used:
                self._used.add(number)
                return number

    def geographic(self) -> str:
        """A number somewhere in the same areas, in or outside of the dense blocks; it may be somebody's."""
        if self._draws.random() < 0.62:
            return self.in_block()
        prefix = self._prefix()
        return self.home + prefix + self._draws.digits(_NATIONAL_DIGITS - len(prefix))

    def foreign(self) -> str:
        draws = self._draws
        country, first = draws.choice(self.countries), str(draws.randint(1, 9))
        return country + first + draws.digits(draws.randint(7, 8))

    def direct_dial(self, count: int) -> list[str]:
        """Numbers of one direct-dial range of a hundred; of several ranges where it is too small."""
        base = self._draws.choice(self.blocks) + str(self._draws.randint(0, 9))
        found = [f"{base}{x:02d}" for x in self._draws.shuffled(range(100))[:count]]
        while len(found) < count:
            found += self.direct_dial(min(90, count - len(found)))
        return found

    def misdialled(self, number: str) -> str:
        """Now and then with a wrong digit among the last four."""
        draws = self._draws
        if draws.random() < 0.012:
            at = draws.randint(len(number) - 4, len(number) - 1)
            return number[:at] + str(draws.randint(0, 9)) + number[at + 1 :]
        return number

    def _prefix(self) -> str:
        return self._draws.choice(self.mobile if self._draws.random() < 0.3 else self.areas)
