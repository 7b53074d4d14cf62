"""Numbering plans of several countries, simplified, and the numbers handed out in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spit.worlds.drawn.draws import Rng, chance, digits, pick, span


@dataclass(frozen=True)
class Country:
    """A numbering plan: prefixes after the country code and how many digits follow them.

    ``signing`` bounds how far caller-identity signing is deployed: mandated in the US, Canada and France,
    trials, in-network signing or nothing elsewhere.
    """

    code: str
    areas: tuple[str, ...]
    local_digits: int
    mobiles: tuple[str, ...]
    mobile_digits: int
    freephone: str
    offsets_h: tuple[float, ...]
    summer_time: bool
    signing: tuple[float, float]


_NANP = (
    "212",
    "312",
    "415",
    "206",
    "617",
    "713",
    "404",
    "305",
    "602",
    "303",
    "416",
    "514",
    "614",
    "919",
    "702",
)
COUNTRIES = (
    Country("1", _NANP, 7, _NANP, 7, "800", (-5.0, -6.0, -7.0, -8.0), True, (0.4, 0.98)),
    Country("1", _NANP[::-1], 7, _NANP[::2], 7, "888", (-5.0, -8.0), True, (0.3, 0.95)),
    Country(
        "49",
        ("30", "40", "89", "221", "69", "351"),
        7,
        ("1511", "1522", "1577", "1761"),
        7,
        "800",
        (1,),
        True,
        (0, 0.6),
    ),
    Country(
        "44",
        ("207", "208", "121", "161", "141"),
        7,
        ("7400", "7512", "7703", "7911"),
        6,
        "800",
        (0,),
        True,
        (0, 0.6),
    ),
    Country(
        "33",
        ("140", "142", "472", "491", "556"),
        6,
        ("612", "645", "670", "750"),
        6,
        "805",
        (1,),
        True,
        (0.3, 0.95),
    ),
    Country(
        "34",
        ("912", "915", "932", "963", "954"),
        6,
        ("612", "634", "655", "699"),
        6,
        "900",
        (1,),
        True,
        (0, 0.6),
    ),
    Country(
        "55", ("113", "213", "313", "413"), 7, ("11987", "21998", "31991"), 6, "800", (-3,), False, (0.1, 0.8)
    ),
    Country(
        "91",
        ("112", "222", "332", "802"),
        7,
        ("98100", "99000", "70420", "88260"),
        5,
        "1800",
        (5.5,),
        False,
        (0, 0.6),
    ),
    Country(
        "61", ("28", "29", "38", "73"), 7, ("411", "423", "438", "466"), 6, "1800", (10,), False, (0, 0.6)
    ),
    Country("48", ("22", "12", "61", "71"), 7, ("501", "600", "660", "792"), 6, "800", (1,), True, (0, 0.6)),
)
_ABROAD = (
    ("44", 10),
    ("91", 10),
    ("86", 11),
    ("49", 10),
    ("33", 9),
    ("234", 10),
    ("52", 10),
    ("63", 10),
    ("90", 10),
)
# Ranges that regulators' one-ring warnings name most often.
_PREMIUM = (
    ("216", 8),
    ("222", 8),
    ("232", 8),
    ("252", 8),
    ("371", 8),
    ("375", 9),
    ("675", 7),
    ("1876", 7),
    ("53", 8),
)


@dataclass(frozen=True)
class Block:
    """A thousand consecutive numbers, the usual unit of assignment, and the share of them in service."""

    prefix: str
    fill: float


class Plan:
    """The operator's country and every number handed out so far."""

    def __init__(self, rng: Rng, subscribers: int) -> None:
        self.country = pick(rng, COUNTRIES)
        self.signing = span(rng, self.country.signing)
        self.cc = "+" + self.country.code
        self.home_areas = [pick(rng, self.country.areas) for _ in range(int(rng.integers(1, 5)))]
        self._taken: set[str] = set()
        self.blocks: list[Block] = []
        # Prefixes where the directory is complete: what is not assigned there does not exist.
        self._complete: set[str] = set()
        mobile_share = span(rng, (0.1, 0.9))
        room = 0.0
        while room < subscribers * 1.15:
            stem, free = self._stem(rng, mobile_share)
            first = stem + str(int(rng.integers(2, 10))) + digits(rng, free - 4)
            if first in self._complete:
                continue
            self._complete.add(first)
            self.blocks.append(Block(first, span(rng, (0.12, 0.92))))
            room += 1000.0 * self.blocks[-1].fill
        self.assigned_elsewhere = span(rng, (0.3, 0.75))

    def _stem(self, rng: Rng, mobile_share: float) -> tuple[str, int]:
        if chance(rng, mobile_share):
            return self.cc + pick(rng, self.country.mobiles), self.country.mobile_digits
        return self.cc + pick(rng, self.home_areas), self.country.local_digits

    def is_complete(self, number: str) -> bool:
        """Whether a number lies in a block whose assignments are all known."""
        return number[:-3] in self._complete

    def subscribers(self, rng: Rng) -> list[str]:
        """Assign each block's share of its numbers."""
        numbers: list[str] = []
        for block in self.blocks:
            tails = rng.choice(1000, size=int(1000 * block.fill), replace=False)
            numbers += [f"{block.prefix}{tail:03d}" for tail in tails.tolist()]
        self._taken.update(numbers)
        return numbers

    def in_block(self, rng: Rng) -> str:
        """Any number of the operator's blocks, assigned or not."""
        return pick(rng, self.blocks).prefix + digits(rng, 3)

    def firm_range(self, rng: Rng, size: int, area: str | None = None) -> list[str]:
        """Consecutive numbers for a firm, outside the subscribers' blocks."""
        free = self.country.local_digits
        stem = self.cc + (area or pick(rng, self.home_areas))
        while True:
            first = int(rng.integers(2 * 10 ** (free - 1), 10**free - size))
            numbers = [f"{stem}{first + step}" for step in range(size)]
            if not any(number in self._taken or self.is_complete(number) for number in numbers):
                self._taken.update(numbers)
                return numbers

    def mobile(self, rng: Rng) -> str:
        """An unused mobile number, of another operator or this one."""
        while True:
            number = self.cc + pick(rng, self.country.mobiles) + digits(rng, self.country.mobile_digits)
            if number not in self._taken and not self.is_complete(number):
                self._taken.add(number)
                return number

    def freephone(self, rng: Rng) -> str:
        """A freephone number."""
        return self.cc + self.country.freephone + digits(rng, 7)

    def area_of(self, number: str) -> str:
        """Area code of a domestic number, or any area for others."""
        national = number.removeprefix(self.cc)
        for area in self.country.areas:
            if national.startswith(area):
                return area
        return self.country.areas[hash_digits(number) % len(self.country.areas)]

    def elsewhere(self, rng: Rng) -> str:
        """Some domestic number, in service or not."""
        return (
            self.cc
            + pick(rng, self.country.areas)
            + pick(rng, "23456789")
            + digits(rng, self.country.local_digits - 1)
        )

    def neighbour(self, rng: Rng, number: str, free: int) -> str:
        """A number that differs from another in at most its last ``free`` digits."""
        return number[:-free] + digits(rng, free) if number.startswith("+") else self.elsewhere(rng)

    def abroad(self, rng: Rng) -> str:
        """A number in another country with much ordinary traffic; one in eight in a high-cost range."""
        code, free = pick(rng, _PREMIUM if chance(rng, 0.12) else _ABROAD)
        return f"+{code}{pick(rng, '23456789')}{digits(rng, free - 1)}"

    def premium_ranges(self, rng: Rng, count: int) -> Sequence[tuple[str, int]]:
        """High-cost ranges as (prefix, digits that follow)."""
        chosen = [pick(rng, _PREMIUM) for _ in range(count)]
        return [(f"+{code}{pick(rng, '23456789')}{digits(rng, 1)}", free - 2) for code, free in chosen]


def hash_digits(number: str) -> int:
    """A stable integer of a number's digits."""
    return int("".join(filter(str.isdigit, number)) or "0")
