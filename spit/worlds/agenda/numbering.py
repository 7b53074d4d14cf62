"""Number plans: blocks of a thousand numbers, of the operator, of other carriers, rented out and abroad."""

from dataclasses import dataclass

from spit.worlds.agenda.dice import Dice

BLOCK = 1000

# Country code, digits of the national number, first digits of mobile numbers, first digits of fixed numbers.
_COUNTRIES = (
    ("49", 10, ("151", "160", "170", "176"), ("30", "40", "89", "221", "711")),
    ("44", 10, ("74", "75", "77", "79"), ("20", "121", "161", "131")),
    ("33", 9, ("6", "7"), ("1", "2", "3", "4", "5")),
    ("34", 9, ("6", "71"), ("91", "93", "95", "96")),
    ("39", 10, ("32", "33", "34", "39"), ("06", "02", "081", "011")),
    ("1", 10, ("917", "646", "312", "305"), ("212", "415", "713", "617", "404")),
    ("55", 11, ("119", "219", "319"), ("112", "213", "313")),
    ("91", 10, ("70", "80", "98", "99"), ("11", "22", "44", "80")),
    ("48", 9, ("50", "60", "69", "79"), ("22", "12", "61")),
    ("61", 9, ("4",), ("2", "3", "7", "8")),
    ("234", 10, ("803", "805", "703", "812"), ("120", "142")),
    ("81", 10, ("80", "90"), ("3", "6", "52")),
)
# Numbers abroad that pay their holder per minute; the choice of countries is illustrative.
_PREMIUM = (
    "+37190",
    "+21656",
    "+67574",
    "+25255",
    "+53512",
    "+88216",
    "+38763",
    "+37379",
    "+23225",
    "+26934",
)


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """Prefixes of blocks; a number is a prefix followed by three digits."""

    mobile: tuple[str, ...]
    fixed: tuple[str, ...]
    other_carriers: tuple[str, ...]
    rented: tuple[str, ...]
    premium: tuple[str, ...]
    foreign: tuple[str, ...]

    def any_of(self, dice: Dice, prefixes: tuple[str, ...]) -> str:
        """A number of one of the blocks, given to somebody or not."""
        return f"{dice.pick(prefixes)}{dice.index(BLOCK):03d}"

    def neighbour(self, dice: Dice, number: str, kept: int) -> str:
        """A number that agrees with the given one but for its last `kept` digits."""
        if not number.startswith("+") or len(number) < 9:
            return self.any_of(dice, self.fixed)
        return number[:-kept] + "".join(str(dice.index(10)) for _ in range(kept))

    def local_to(self, dice: Dice, number: str) -> str:
        """A rented-looking number with the first digits of the callee's area."""
        return self.neighbour(dice, number, 6 if len(number) > 10 else 5)

    def mine(self, number: str) -> bool:
        """Whether the number lies in a block of this operator."""
        return number[:-3] in self.mobile or number[:-3] in self.fixed


def _blocks(dice: Dice, country: str, digits: int, leads: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Distinct block prefixes under a few exchanges, so that blocks of one area lie close to one another."""
    exchanges = []
    for _ in range(max(1, count // 4)):
        lead = dice.pick(leads)
        free = digits - len(lead) - 4
        exchanges.append(lead + "".join(str(dice.index(10)) for _ in range(max(free, 0))))
    blocks = {f"+{country}{dice.pick(exchanges)}{dice.index(10)}" for _ in range(count * 2)}
    ordered = sorted(blocks)
    dice.rng.shuffle(ordered)
    return tuple(ordered[:count])


def draw_plan(dice: Dice, mobile_lines: int, fixed_lines: int, fill: float) -> NumberPlan:
    """Blocks enough for the lines when a share `fill` of a block is given out."""
    country, digits, mobile, fixed = dice.pick(_COUNTRIES)
    foreign: list[str] = []
    for code, length, cellular, wired in _COUNTRIES:
        if code != country:
            foreign += _blocks(dice, code, length, cellular + wired, 6)
    return NumberPlan(
        mobile=_blocks(dice, country, digits, mobile, 2 + int(mobile_lines / fill / BLOCK)),
        fixed=_blocks(dice, country, digits, fixed, 2 + int(fixed_lines / fill / BLOCK)),
        other_carriers=_blocks(dice, country, digits, mobile + fixed, dice.count((20, 120))),
        rented=_blocks(dice, country, digits, fixed + mobile, dice.count((4, 20))),
        premium=tuple(f"{lead}{dice.index(1000):03d}" for lead in _PREMIUM),
        foreign=tuple(foreign),
    )
