"""Attempted calls before anybody knows how they end, and the manner in which they are made."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from spit.worlds.border.arrays import Floats, Ints, Rng


@dataclass(frozen=True, slots=True)
class Manner:
    """How one sort of caller behaves; medians in seconds, sigmas of the logarithm, chances 0..1."""

    kind: str
    strength: str = ""
    campaign: str = ""
    patience_s: float = 32.0  # rings this long before the caller gives up
    patience_sigma: float = 0.4
    appeal: float = 1.0  # multiplies the callee's readiness to pick up
    interest: float = 1.0  # chance that the person who picked up stays on the line
    talk_s: float = 80.0
    talk_sigma: float = 1.1
    brief_s: float = 7.0  # until one who is not interested hangs up
    brief_sigma: float = 0.7
    message_s: float = 0.0  # what is left on a mailbox; 0: the caller hangs up on machines
    caller_ends: float = 0.5
    redial: float = 0.0  # chance of trying again after busy, no answer or failure
    redial_after_s: float = 120.0
    tries: int = 1
    returnable: float = 1.0  # multiplies the callee's readiness to call a missed number back
    withheld: float = 0.0
    method: str = "INVITE"
    limit_s: float = 7200.0
    forced: tuple[tuple[str, float], ...] = ()  # outcomes that do not depend on the callee

    @property
    def spam(self) -> bool:
        """Whether the caller belongs to a campaign."""
        return bool(self.campaign)


@dataclass(slots=True)
class Book:
    """Everything that callers of their own accord set out to dial."""

    seconds: float
    start: list[Floats] = field(default_factory=list)
    caller: list[str] = field(default_factory=list)
    callee: list[str] = field(default_factory=list)
    sender: list[Ints] = field(default_factory=list)
    familiar: list[Floats] = field(default_factory=list)
    withheld: list[bool] = field(default_factory=list)
    diverted: list[str | None] = field(default_factory=list)
    manner: list[Ints] = field(default_factory=list)
    manners: list[Manner] = field(default_factory=list)

    def write(
        self,
        rng: Rng,
        manner: Manner,
        start: Floats,
        caller: Sequence[str] | str,
        callee: Sequence[str] | str,
        sender: Ints | int,
        familiar: Floats | float = 0.0,
        diverted: Sequence[str] | None = None,
    ) -> None:
        """Enter calls; those outside the log's hours are left out.

        `start` is in seconds from the log's beginning, `familiar` 0..1 tells how well the callee knows
        the caller, `sender` is an index into the network's senders.
        """
        count = start.size
        kept = np.flatnonzero((start >= 0.0) & (start < self.seconds))
        order = kept.tolist()
        self.start.append(start[kept])
        self.caller += [caller] * len(order) if isinstance(caller, str) else [caller[i] for i in order]
        self.callee += [callee] * len(order) if isinstance(callee, str) else [callee[i] for i in order]
        self.sender.append(np.broadcast_to(np.asarray(sender, dtype=np.int64), count)[kept])
        self.familiar.append(np.broadcast_to(np.asarray(familiar, dtype=np.float64), count)[kept])
        self.withheld += (rng.random(len(order)) < manner.withheld).tolist()
        self.diverted += [None] * len(order) if diverted is None else [diverted[i] for i in order]
        self.manner.append(np.full(len(order), len(self.manners), dtype=np.int64))
        self.manners.append(manner)
