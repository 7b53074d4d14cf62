"""National number plans and the blocks that this operator holds.

Shapes of the plans follow the ITU's published national plans (E.164 annexes): fixed areas, mobile
ranges, ranges for nomadic and premium numbers. Lengths are of the part after the prefix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from spit.worlds.lives.draws import Rng, below, between, chance, digits, pick, uniform

Range = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Country:
    """One national plan: (prefix, shortest rest, longest rest) by use, and its standard time."""

    code: str
    utc_offset_h: float
    fixed: tuple[Range, ...]
    mobile: tuple[Range, ...]
    nomadic: Range
    premium: str


COUNTRIES: dict[str, Country] = {
    "de": Country(
        "49",
        1.0,
        (("30", 6, 8), ("89", 6, 8), ("221", 5, 7), ("6421", 4, 6), ("3641", 5, 6)),
        (("151", 8, 8), ("160", 7, 7), ("172", 7, 7), ("176", 8, 8)),
        ("32", 9, 9),
        "900",
    ),
    "fr": Country(
        "33",
        1.0,
        (("1", 8, 8), ("2", 8, 8), ("4", 8, 8), ("5", 8, 8)),
        (("6", 8, 8), ("7", 8, 8)),
        ("9", 8, 8),
        "89",
    ),
    "pl": Country(
        "48",
        1.0,
        (("22", 7, 7), ("12", 7, 7), ("58", 7, 7)),
        (("50", 7, 7), ("60", 7, 7), ("79", 7, 7)),
        ("39", 7, 7),
        "70",
    ),
    "at": Country(
        "43",
        1.0,
        (("1", 6, 8), ("316", 5, 7), ("662", 5, 7), ("5572", 4, 6)),
        (("664", 7, 8), ("676", 7, 8), ("699", 8, 8)),
        ("720", 6, 6),
        "900",
    ),
    "ee": Country("372", 2.0, (("6", 6, 6), ("7", 6, 6)), (("5", 6, 7), ("8", 7, 7)), ("40", 5, 5), "900"),
    "gb": Country(
        "44",
        0.0,
        (("20", 8, 8), ("121", 7, 7), ("1223", 6, 6), ("161", 7, 7)),
        (("74", 8, 8), ("77", 8, 8), ("79", 8, 8)),
        ("56", 8, 8),
        "909",
    ),
    "it": Country(
        "39",
        1.0,
        (("06", 6, 8), ("02", 7, 8), ("081", 6, 7)),
        (("32", 8, 8), ("34", 8, 8), ("38", 8, 8)),
        ("055", 7, 7),
        "899",
    ),
    "ng": Country(
        "234",
        1.0,
        (("1", 7, 7), ("9", 7, 7)),
        (("803", 7, 7), ("705", 7, 7), ("813", 7, 7), ("906", 7, 7)),
        ("700", 7, 7),
        "900",
    ),
    "ke": Country(
        "254",
        3.0,
        (("20", 7, 7), ("41", 7, 7)),
        (("70", 7, 7), ("72", 7, 7), ("11", 7, 7)),
        ("40", 7, 7),
        "900",
    ),
    "gh": Country(
        "233",
        0.0,
        (("302", 6, 6), ("322", 6, 6)),
        (("24", 7, 7), ("20", 7, 7), ("27", 7, 7)),
        ("58", 7, 7),
        "900",
    ),
    "za": Country(
        "27",
        2.0,
        (("11", 7, 7), ("21", 7, 7), ("31", 7, 7)),
        (("82", 7, 7), ("73", 7, 7), ("61", 7, 7)),
        ("87", 7, 7),
        "862",
    ),
    "ma": Country(
        "212",
        1.0,
        (("522", 6, 6), ("537", 6, 6)),
        (("61", 7, 7), ("66", 7, 7), ("70", 7, 7)),
        ("526", 6, 6),
        "89",
    ),
    "eg": Country(
        "20",
        2.0,
        (("2", 8, 8), ("3", 7, 7)),
        (("10", 8, 8), ("11", 8, 8), ("12", 8, 8)),
        ("155", 7, 7),
        "900",
    ),
    "in": Country(
        "91",
        5.5,
        (("11", 8, 8), ("22", 8, 8), ("80", 8, 8)),
        (("98", 8, 8), ("70", 8, 8), ("63", 8, 8)),
        ("140", 7, 7),
        "900",
    ),
    "bd": Country(
        "880",
        6.0,
        (("2", 7, 8), ("31", 6, 7)),
        (("17", 8, 8), ("18", 8, 8), ("19", 8, 8)),
        ("96", 8, 8),
        "900",
    ),
    "id": Country(
        "62",
        7.0,
        (("21", 7, 8), ("22", 7, 7), ("361", 6, 6)),
        (("811", 6, 8), ("812", 7, 8), ("857", 7, 8)),
        ("150", 5, 6),
        "809",
    ),
    "ph": Country(
        "63",
        8.0,
        (("2", 8, 8), ("32", 7, 7)),
        (("917", 7, 7), ("908", 7, 7), ("998", 7, 7)),
        ("47", 7, 7),
        "900",
    ),
    "jp": Country(
        "81",
        9.0,
        (("3", 8, 8), ("6", 8, 8), ("52", 7, 7), ("75", 7, 7)),
        (("90", 8, 8), ("80", 8, 8), ("70", 8, 8)),
        ("50", 8, 8),
        "990",
    ),
    "tr": Country(
        "90",
        3.0,
        (("212", 7, 7), ("312", 7, 7), ("232", 7, 7)),
        (("532", 7, 7), ("542", 7, 7), ("505", 7, 7)),
        ("850", 7, 7),
        "900",
    ),
    "ae": Country("971", 4.0, (("4", 7, 7), ("2", 7, 7)), (("50", 7, 7), ("55", 7, 7)), ("7", 7, 7), "900"),
}

# Destinations named in press and regulators' notices on one-ring fraud.
COSTLY_CODES: tuple[str, ...] = (
    "232",
    "252",
    "675",
    "261",
    "216",
    "371",
    "375",
    "53",
    "245",
    "677",
    "881",
    "257",
)


def free_number(rng: Rng, country: Country, ranges: Sequence[Range]) -> str:
    """Any number of the given ranges, as E.164."""
    prefix, low, high = pick(rng, ranges)
    return f"+{country.code}{prefix}{digits(rng, between(rng, low, high))}"


def foreign_number(rng: Rng, home_code: str) -> str:
    """A number of another country, three quarters of them mobile."""
    country = pick(rng, list(COUNTRIES.values()))
    while country.code == home_code:
        country = pick(rng, list(COUNTRIES.values()))
    return free_number(rng, country, country.mobile if chance(rng, 0.75) else country.fixed)


@dataclass(slots=True)
class Block:
    """A thousand consecutive numbers; density is the share of them that is allocated."""

    prefix: str
    use: str
    density: float


@dataclass(slots=True)
class NumberPlan:
    """Numbers of the operator (in blocks) and of everybody else."""

    country: Country
    domain: str
    blocks: dict[str, list[Block]] = field(default_factory=lambda: {"fixed": [], "mobile": [], "nomadic": []})
    block_of_prefix: dict[str, Block] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    ranges: dict[str, tuple[Block | None, int]] = field(default_factory=dict)
    range_blocks: list[Block] = field(default_factory=list)

    def dialled_blocks(self) -> list[Block]:
        """Blocks that somebody who dials through the operator's numbers would try."""
        return self.blocks["mobile"] + self.blocks["fixed"] + self.range_blocks

    def open_block(self, rng: Rng, use: str) -> Block:
        """Take a fresh thousand-block of the given use into the operator's hands."""
        ranges = {
            "fixed": self.country.fixed,
            "mobile": self.country.mobile,
            "nomadic": (self.country.nomadic,),
        }[use]
        while True:
            prefix = free_number(rng, self.country, ranges)[:-3]
            if prefix not in self.block_of_prefix:
                break
        block = Block(prefix, use, uniform(rng, 0.2, 0.92))
        self.block_of_prefix[prefix] = block
        self.blocks[use].append(block)
        return block

    def allocate(self, rng: Rng, use: str) -> str:
        """A number of the operator that nobody had; opens another block when the blocks are full."""
        for _ in range(12):
            if not self.blocks[use]:
                break
            block = pick(rng, self.blocks[use])
            number = f"{block.prefix}{below(rng, 1000):03d}"
            filled = int(number[-3:]) * 7919 % 1000 < block.density * 1000
            if filled and number not in self.taken:
                self.taken.add(number)
                return number
        self.open_block(rng, use)
        return self.allocate(rng, use)

    def allocate_range(self, rng: Rng, use: str, count: int) -> list[str]:
        """Consecutive numbers (direct inward dialling), at most 1000, next to those of other firms."""
        block, first = self.ranges.get(use, (None, 1000))
        if block is None or first + count > 1000:
            block, first = self.open_block(rng, use), 0
            # Ranges have their own blocks: single lines are not handed out of them.
            self.blocks[use].remove(block)
            self.range_blocks.append(block)
        numbers = [f"{block.prefix}{first + i:03d}" for i in range(min(count, 1000))]
        gap = below(rng, 1 + count // 2)
        self.ranges[use] = (block, first + count + gap)
        self.taken.update(numbers)
        return numbers

    def vacant(self, rng: Rng) -> str:
        """An unallocated number in a block of the operator."""
        use = "mobile" if self.blocks["mobile"] and chance(rng, 0.5) else "fixed"
        blocks = self.blocks[use] or self.blocks["mobile"] or self.blocks["fixed"]
        while True:
            number = f"{pick(rng, blocks).prefix}{below(rng, 1000):03d}"
            if number not in self.taken:
                return number

    def elsewhere(self, rng: Rng, use: str) -> str:
        """A national number of another operator."""
        ranges = self.country.mobile if use == "mobile" else self.country.fixed
        while True:
            number = free_number(rng, self.country, ranges)
            if number[:-3] not in self.block_of_prefix and number not in self.taken:
                self.taken.add(number)
                return number

    def is_own(self, number: str) -> bool:
        """True for the operator's numbers and for users of its SIP domain."""
        return number[:-3] in self.block_of_prefix or number.endswith(self.domain)

    def is_national(self, number: str) -> bool:
        """True for numbers of the operator's country."""
        return number.startswith("+" + self.country.code) or number.endswith(self.domain)

    def beside(self, rng: Rng, number: str, redrawn: int) -> str:
        """Another number that shares all but the last few digits (this many are redrawn)."""
        return number[:-redrawn] + "".join(str(below(rng, 10)) for _ in range(redrawn))
