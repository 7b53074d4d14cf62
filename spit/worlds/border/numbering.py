"""Telephone numbers: the operator's own blocks, other carriers' blocks and the rest of the world."""

from dataclasses import dataclass, field
from zlib import crc32

from spit.worlds.border.arrays import Rng

# Country code, mobile prefixes, area codes, national significant length (national plans, ITU-T E.164).
_COUNTRIES: list[tuple[str, list[str], list[str], int]] = [
    ("49", ["151", "160", "171", "176"], ["30", "40", "89", "221", "69", "351"], 11),
    ("44", ["74", "75", "77", "79"], ["20", "121", "161", "131", "117"], 10),
    ("1", ["212", "305", "415", "702"], ["213", "312", "617", "713", "919"], 10),
    ("33", ["6", "7"], ["1", "2", "3", "4", "5"], 9),
    ("34", ["6", "71"], ["91", "93", "95", "96"], 9),
    ("48", ["50", "60", "69", "78"], ["22", "12", "58", "71"], 9),
    ("31", ["61", "62", "64"], ["20", "10", "70", "30"], 9),
    ("46", ["70", "72", "73", "76"], ["8", "31", "40"], 9),
    ("61", ["40", "41", "42"], ["2", "3", "7", "8"], 9),
    ("55", ["119", "219", "319"], ["113", "213", "313"], 11),
    ("91", ["98", "97", "70"], ["11", "22", "80", "44"], 10),
    ("234", ["803", "806", "701"], ["1", "9"], 10),
]
_FOREIGN = ["1", "7", "20", "27", "33", "39", "40", "44", "49", "52", "62", "63", "84", "86", "90", "91",
            "92", "212", "213", "234", "254", "380", "381", "961", "966", "971"]  # fmt: skip
# Country codes with high termination rates that wangiri reports name again and again (GSMA, Europol).
COSTLY = [
    "53",
    "216",
    "222",
    "224",
    "231",
    "232",
    "252",
    "257",
    "269",
    "371",
    "373",
    "375",
    "381",
    "676",
    "685",
]


@dataclass(slots=True)
class Plan:
    """The home country's blocks; a block is a prefix and the number of digits that follow it."""

    own_blocks: list[tuple[str, int]]
    other_blocks: list[tuple[str, int]]
    density: float
    foreign: list[str]
    dead: set[str] = field(default_factory=set)

    def from_blocks(self, rng: Rng, count: int, blocks: list[tuple[str, int]]) -> list[str]:
        """Draw numbers evenly over blocks, whether or not anybody has them."""
        which = rng.integers(0, len(blocks), count)
        parts = rng.random(count)
        return [
            f"{blocks[b][0]}{int(part * 10 ** blocks[b][1]):0{blocks[b][1]}d}"
            for b, part in zip(which.tolist(), parts.tolist(), strict=True)
        ]

    def national(self, rng: Rng, count: int) -> list[str]:
        """Draw numbers of other carriers of the home country."""
        return self.from_blocks(rng, count, self.other_blocks)

    def abroad(self, rng: Rng, count: int, countries: list[str] | None = None) -> list[str]:
        """Draw numbers of other countries; digits beyond the code are not modelled."""
        codes = countries or self.foreign
        which = rng.integers(0, len(codes), count)
        rest = rng.integers(10**8, 10**9, count)
        return [f"+{codes[w]}{r}" for w, r in zip(which.tolist(), rest.tolist(), strict=True)]

    def consecutive(self, rng: Rng, count: int, own: bool = False) -> list[str]:
        """A run of consecutive numbers of one block, as a firm's direct-inward-dial range."""
        blocks = self.own_blocks if own else self.other_blocks
        prefix, digits = blocks[int(rng.integers(0, len(blocks)))]
        first = int(rng.integers(0, 10**digits))
        return [f"{prefix}{(first + i) % 10**digits:0{digits}d}" for i in range(count)]

    def is_own(self, number: str) -> bool:
        """Whether a number lies in one of the operator's blocks."""
        return any(number.startswith(prefix) for prefix, _ in self.own_blocks)

    def in_use_elsewhere(self, number: str) -> bool:
        """Whether some customer of another carrier, not otherwise in the log, has this number."""
        if number in self.dead or "@" in number or not number.startswith("+"):
            return False
        return crc32(number.encode()) % 10_000 < self.density * 10_000 and not self.is_own(number)


def neighbour(rng: Rng, number: str, tail: int) -> str:
    """A number that shares all but its last `tail` digits with another."""
    if not number.startswith("+") or len(number) <= tail + 3:
        return number
    return f"{number[:-tail]}{int(rng.integers(0, 10**tail)):0{tail}d}"


def draw_plan(rng: Rng, subscribers: int, density: float, mobile_share: float) -> Plan:
    """Give the operator enough blocks for its subscribers and the other carriers a few hundred."""
    country, mobile, areas, length = _COUNTRIES[int(rng.integers(0, len(_COUNTRIES)))]
    taken: set[str] = set()

    def block(digits: int) -> tuple[str, int]:
        while True:
            lead = mobile if rng.random() < mobile_share else areas
            code = lead[int(rng.integers(0, len(lead)))]
            width = length - len(code) - digits
            prefix = f"+{country}{code}{int(rng.integers(10 ** (width - 1), 10**width))}"
            if prefix not in taken:
                taken.add(prefix)
                return prefix, digits

    digits = 4 if subscribers > 8_000 or rng.random() < 0.4 else 3
    needed = max(2, int(subscribers / density / 10**digits) + 1)
    own = [block(digits) for _ in range(needed)]
    others = [block(4) for _ in range(int(rng.integers(40, 300)))]
    codes = [_FOREIGN[i] for i in rng.permutation(len(_FOREIGN))[: int(rng.integers(5, 20))]]
    costly = [COSTLY[int(i)] for i in rng.permutation(len(COSTLY))[: int(rng.integers(1, 6))]]
    foreign = [code for code in codes if code != country] + costly
    return Plan(own, others, float(density), foreign)
