"""What the components that compose a kind of caller have in hand."""

from __future__ import annotations

from dataclasses import dataclass, field

from spit.worlds.drawn.calls import Label, Manner
from spit.worlds.drawn.clock import Clock
from spit.worlds.drawn.draws import Range, Rng
from spit.worlds.drawn.lines import Directory, Line
from spit.worlds.drawn.network import Network
from spit.worlds.drawn.plan import Plan


@dataclass(frozen=True)
class World:
    """One operator's surroundings.

    ``firms`` are the numbers that honest firms show, known to impostors too; ``callers`` the subscribers who
    make calls of their own in the span, so that those who misuse their numbers meet a history.
    """

    rng: Rng
    clock: Clock
    plan: Plan
    network: Network
    directory: Directory
    firms: list[str] = field(default_factory=list)
    callers: list[Line] = field(default_factory=list)


@dataclass(frozen=True)
class Kind:
    """What all callers of a kind share; the ranges are those their members draw from.

    ``dead`` is the share of list entries out of service, ``repeats`` the calls per customer, ``per_number``
    the calls per number shown, ``events_s`` when something sets the calls off and ``decay_s`` how fast that
    fades, ``rate`` calls per hour of a paced dialler, ``period_s`` that of a machine, ``targets`` the called
    numbers where all members call the same.
    """

    label: Label
    manner: Manner
    rhythm: str
    equipment: str
    dead: float
    repeats: float
    per_number: Range
    window_h: Range
    events_s: tuple[float, ...]
    decay_s: float
    rate: Range
    period_s: Range
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Actor:
    """One caller of a kind: the number of its calls, its working window in seconds and its line, if a
    person."""

    calls: int
    window_s: Range
    line: Line
