"""Trades: what a kind of firm or campaign wants, sells and may do, as spans that each member draws from."""

from dataclasses import dataclass

from spit.worlds.agenda.dice import Span
from spit.worlds.agenda.economics import Prices

HONEST_PRICES = Prices((0.5, 20.0), (2.0, 25.0), (0.5, 3.0), (0.01, 0.3), (0.3, 1.0))
MACHINE_PRICES = Prices((0.05, 2.0), (0.0, 0.05), (0.5, 3.0), (0.0005, 0.05), (0.1, 1.0))


@dataclass(frozen=True, slots=True)
class Trade:
    """One kind of agent. Times in seconds, hours local, chances between 0 and 1.

    `style` says how numbers are chosen: one, range, local, near, fresh, rotate, victims, stolen,
    withheld. `audience`: list, regulars, random, sequential, outside, one, extensions. `friend` is the
    chance that callees know the number, `engage` the chance that those who answer stay, `message` the
    chance that a firm leaves messages. `life` fixes calls per number where the purse does not decide;
    `number_price` is what a number costs where it is not the usual rent; `reach` numbers are in use at
    once. `callable` is the chance that the shown number can be called back; `again` that of a second try
    after no answer; `not_before` the share of the recording that passes before the first call; `owned`
    the chance that the signer knows the right to the number, which firms that bring their numbers along
    often lack. `abandon` is the share of answers lost by dialling ahead of free agents. The `watchful` drop
    numbers that are refused, and entries of their list that nothing more is to be had from.
    """

    kind: str
    style: str
    roles: tuple[str, ...]
    audience: str
    prices: Prices
    seats: Span
    engage: Span
    stay_s: Span
    trust: Span
    firms: Span = (1, 4)
    range_size: Span = (2, 40)
    main: Span = (0.0, 1.0)
    list_size: Span = (100, 4000)
    friend: Span = (0.0, 0.05)
    spread: Span = (0.5, 1.1)
    brush_s: Span = (4.0, 20.0)
    message: float = 0.3
    caller_ends: Span = (0.3, 0.7)
    script_s: Span | None = None
    abandon: Span = (0.0, 0.0)
    patience_s: Span | None = None
    opens: Span = (7.5, 10.0)
    closes: Span = (16.5, 20.5)
    always: bool = False
    active_h: Span = (3.0, 30.0)
    again: Span = (0.0, 0.4)
    wrap_s: Span = (2.0, 30.0)
    burst: bool = False
    not_before: float = 0.0
    life: Span | None = None
    number_price: Span | None = None
    reach: Span = (1, 5)
    trunks: Span = (1, 2)
    builds: Span = (1, 2)
    owned: Span = (0.4, 1.0)
    callable: float = 0.9
    handset: bool = False
    shopping: bool = False
    watchful: bool = True
    authorised: bool = True
    stale: Span | None = None
    method: str = "INVITE"
    numbers_from: str = "rented"
    weight: float = 1.0
