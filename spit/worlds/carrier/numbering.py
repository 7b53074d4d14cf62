"""The North American numbering plan around one operator, and numbers of other countries."""

from __future__ import annotations

from dataclasses import dataclass

from spit.worlds.carrier.draws import Rng, chance, heavy_count, pick, sample, uniform

# Area codes by standard UTC offset (hours), from the NANPA geographic assignments; a selection.
AREA_CODES: dict[int, tuple[str, ...]] = {
    -5: (
        "212",
        "646",
        "718",
        "516",
        "914",
        "201",
        "973",
        "609",
        "215",
        "610",
        "412",
        "617",
        "781",
        "404",
        "770",
        "305",
        "954",
        "407",
        "813",
        "704",
        "919",
        "216",
        "614",
        "313",
        "248",
        "416",
        "905",
        "514",
    ),
    -6: (
        "312",
        "773",
        "847",
        "214",
        "972",
        "713",
        "281",
        "512",
        "210",
        "612",
        "651",
        "314",
        "816",
        "615",
        "901",
        "504",
        "414",
        "402",
        "204",
    ),
    -7: ("303", "720", "801", "602", "480", "505", "406", "208", "403", "780", "915"),
    -8: (
        "206",
        "253",
        "425",
        "503",
        "415",
        "510",
        "408",
        "213",
        "310",
        "818",
        "714",
        "619",
        "702",
        "604",
        "250",
    ),
}
TOLL_FREE = ("800", "833", "844", "855", "866", "877", "888")

# (country code, digits after it): countries with much ordinary traffic to North America.
_DIASPORA = (
    ("52", 10),
    ("44", 10),
    ("91", 10),
    ("63", 10),
    ("86", 11),
    ("49", 10),
    ("503", 8),
    ("502", 8),
    ("57", 10),
    ("33", 9),
    ("234", 10),
    ("92", 10),
    ("84", 9),
    ("82", 10),
    ("48", 9),
)
# Ranges named in regulators' one-ring warnings; the Caribbean ones look like domestic area codes.
_PREMIUM = (
    ("216", 8),
    ("222", 8),
    ("223", 8),
    ("232", 8),
    ("252", 8),
    ("371", 8),
    ("375", 9),
    ("676", 5),
    ("675", 7),
    ("1473", 7),
    ("1268", 7),
    ("1284", 7),
    ("1649", 7),
    ("1767", 7),
    ("1876", 7),
)


@dataclass(frozen=True)
class Block:
    """A thousands block: ten numbers of seven-digit prefix, the unit of number pooling."""

    prefix: str
    fill: float
    own: bool


def npa(number: str) -> str:
    """Area code of a domestic number, or an empty string."""
    return number[2:5] if number.startswith("+1") and len(number) == 12 else ""


class NumberPlan:
    """Blocks in the operator's area, and every number handed out so far."""

    def __init__(self, rng: Rng, subscribers: int) -> None:
        self.utc_offset_h = pick(rng, (-5, -5, -6, -6, -7, -8))
        self.home = sample(rng, AREA_CODES[self.utc_offset_h], heavy_count(rng, 4, 0.5, 1, 9))
        self._elsewhere = [code for codes in AREA_CODES.values() for code in codes if code not in self.home]
        self.remote_fill = uniform(rng, 0.35, 0.7)
        self._taken: set[str] = set()
        self.blocks: list[Block] = []
        own_share = uniform(rng, 0.3, 0.7)
        room = 0.0
        seen: set[str] = set()
        # A tenth more room than subscribers: blocks are opened before they are needed.
        while room < subscribers * 1.1:
            exchange = pick(rng, self.home) + str(int(rng.integers(200, 1000)))
            for digit in sample(rng, "0123456789", heavy_count(rng, 2, 0.7, 1, 10)):
                if exchange + digit in seen:
                    continue
                seen.add(exchange + digit)
                block = Block(exchange + digit, uniform(rng, 0.15, 0.92), chance(rng, own_share))
                self.blocks.append(block)
                room += 1000.0 * block.fill
        self._local = seen
        self._exchanges = {prefix[:6] for prefix in seen}

    def is_local(self, number: str) -> bool:
        """Whether a number lies in a modelled block, where the directory is complete."""
        return number[2:9] in self._local

    def in_block(self, rng: Rng, block: Block) -> str:
        """Any number of a block, assigned or not."""
        return f"+1{block.prefix}{int(rng.integers(0, 1000)):03d}"

    def _fresh(self, number: str) -> bool:
        if number in self._taken:
            return False
        self._taken.add(number)
        return True

    def fill_block(self, rng: Rng, block: Block) -> list[str]:
        """Assign a block's share of numbers, in runs as porting and batch activation leave them."""
        tails = rng.choice(1000, size=int(1000 * block.fill), replace=False)
        numbers = [f"+1{block.prefix}{int(tail):03d}" for tail in tails]
        return [number for number in numbers if self._fresh(number)]

    def business_range(self, rng: Rng, size: int, area: str | None = None) -> list[str]:
        """A contiguous range of direct-inward-dial numbers, outside the residential blocks."""
        while True:
            prefix = f"+1{area or pick(rng, self.home)}{int(rng.integers(200, 1000))}"
            if prefix[2:8] in self._exchanges:
                continue
            first = int(rng.integers(0, 10_000 - min(size, 9_000)))
            numbers = [f"{prefix}{first + step:04d}" for step in range(size)]
            if all(number not in self._taken for number in numbers):
                self._taken.update(numbers)
                return numbers

    def number_in(self, rng: Rng, area: str) -> str:
        """An unused number of an area code."""
        while True:
            number = f"+1{area}{int(rng.integers(200, 1000))}{int(rng.integers(0, 10_000)):04d}"
            if self._fresh(number):
                return number

    def remote(self, rng: Rng) -> str:
        """A domestic number outside the operator's area; may or may not be in service."""
        return (
            f"+1{pick(rng, self._elsewhere)}{int(rng.integers(200, 1000))}{int(rng.integers(0, 10_000)):04d}"
        )

    def remote_area(self, rng: Rng) -> str:
        """An area code outside the operator's area."""
        return pick(rng, self._elsewhere)

    def toll_free(self, rng: Rng) -> str:
        """An unused toll-free number."""
        return self.number_in(rng, pick(rng, TOLL_FREE))

    def neighbour(self, rng: Rng, number: str, digits: int) -> str:
        """A number that shares its first ``digits`` national digits with another."""
        keep = 2 + digits
        tail = "".join(str(int(d)) for d in rng.integers(0, 10, size=12 - keep))
        return number[:keep] + tail

    def random_local(self, rng: Rng) -> str:
        """A random number of the operator's area, as a random dialler that knows live blocks makes it."""
        return self.in_block(rng, pick(rng, self.blocks))

    def foreign(self, rng: Rng) -> str:
        """A number in a country with much ordinary traffic."""
        # Every country of the one-ring warnings also has honest callers.
        code, digits = pick(rng, _PREMIUM if chance(rng, 0.15) else _DIASPORA)
        return f"+{code}{int(rng.integers(2, 10))}" + "".join(
            str(int(d)) for d in rng.integers(0, 10, size=digits - 1)
        )

    def premium(self, rng: Rng) -> tuple[str, int]:
        """A high-cost prefix with its leading range, and how many digits remain free."""
        code, digits = pick(rng, _PREMIUM)
        return f"+{code}{int(rng.integers(20, 100))}", digits - 2
