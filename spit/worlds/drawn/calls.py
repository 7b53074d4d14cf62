"""What a call consists of: the caller's manner, its origin and its truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from spit.worlds.drawn.lines import Line
from spit.worlds.drawn.network import Path


class Label(NamedTuple):
    """Truth about a call."""

    kind: str
    spam: bool = False
    strength: str = ""
    campaign: str = ""


class Shown(NamedTuple):
    """The number a call shows, whether the caller holds it, and whether it is withheld from the callee."""

    number: str
    owned: bool = True
    withheld: bool = False


@dataclass(frozen=True)
class Manner:
    """How a caller behaves and is met. Times in seconds (medians), the rest chances.

    ``mode``: "talk" (conversation), "play" (a message of ``talk_s``), "silent" (hangs up once answered),
    "data". ``expected``: the callee knows of the call. ``appeal`` scales an unknown caller's chance of an
    answer. ``holds``: a callee who did not expect the call stays on; otherwise one side ends it after
    ``quit_s``.
    """

    mode: str
    talk_s: float
    talk_sigma: float = 0.8
    patience_s: float = 28.0
    patience_sigma: float = 0.3
    expected: float = 0.0
    appeal: float = 1.0
    holds: float = 0.4
    quit_s: float = 9.0
    caller_ends: float = 0.5
    message: float = 0.3
    message_s: float = 18.0
    spots_machines: float = 0.0
    abandons: float = 0.0
    transfers: float = 0.0
    denied: float = 0.0
    redial_busy: float = 0.2
    redial_missed: float = 0.1
    redial_s: float = 600.0
    tries: int = 3
    social: bool = False


NumberSource = Callable[[str], Shown]
Entry = Callable[[Shown], Path]


@dataclass(frozen=True)
class Caller:
    """One actor: where its numbers and paths come from. ``line`` is set for people with a line of their
    own."""

    label: Label
    shown: NumberSource
    entry: Entry
    manner: Manner
    line: Line | None = None
    messages: float = 0.0
    diverter: str | None = None


@dataclass
class Chain:
    """A list that a person works through, each call some seconds after the last has ended."""

    rest: Iterator[str]
    gap_s: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call about to be made, at a time in seconds from the start."""

    time_s: float
    caller: Caller
    callee: str
    tries: int = 1
    chain: Chain | None = None
