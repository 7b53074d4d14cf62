"""The scene that populations and campaigns place their calls on."""

from __future__ import annotations

import zlib

import numpy as np

from spit.simulate.behaviour import Behaviour, draw_calls
from spit.simulate.network import F64, I64, TRUNK_WEIGHTS, TRUNKS, PartyBook
from spit.simulate.plan import CallColumns, Group, Mask, Parties, Plan
from spit.simulate.spec import SimulationSpec

#: Subscribers that can be called, per residential caller: most people receive more than they call.
SUBSCRIBERS_PER_CALLER = 3
MIN_SUBSCRIBERS = 300
#: Share of calls that do not take the caller's usual trunk.
OTHER_TRUNK_RATIO = 0.1


class Scene:
    """Collects placed calls, and holds what populations and campaigns share: the book and the subscribers."""

    def __init__(self, spec: SimulationSpec) -> None:
        self.spec = spec
        self.start_s = float(spec.start_time_s)
        self.end_s = float(spec.start_time_s + spec.duration_s)
        self.book = PartyBook(self.rng("parties"))
        people = spec.residential + spec.new_subscribers
        count = max(MIN_SUBSCRIBERS, people * SUBSCRIBERS_PER_CALLER)
        self.book.open_blocks(count)
        #: Indices of parties; the residential callers are the first of them.
        self.subscribers: I64 = self.book.add_random(count)
        self.parts: list[CallColumns] = []
        self._groups: list[Group] = []

    def rng(self, name: str) -> np.random.Generator:
        """A stream of its own per name, so that adding a campaign leaves the other draws as they were."""
        return np.random.default_rng([self.spec.seed, zlib.crc32(name.encode())])

    def add_group(self, name: str, *, spam: bool = False) -> int:
        """Index of a group of calls; the same name gives the same index."""
        group = Group(name, spam)
        if group not in self._groups:
            self._groups.append(group)
        return self._groups.index(group)

    def placed_calls(self) -> int:
        """Calls placed so far."""
        return sum(len(part) for part in self.parts)

    def place(
        self,
        rng: np.random.Generator,
        behaviour: Behaviour,
        group: int,
        start_s: F64,
        caller: I64,
        callee: I64,
        *,
        answer_ratio: F64 | None = None,
        not_found: Mask | None = None,
    ) -> CallColumns:
        """Draws and keeps the calls that start within the capture and do not call the caller himself.

        A call takes its caller's trunk, now and then another.
        """
        rows = np.flatnonzero((start_s >= self.start_s) & (start_s < self.end_s) & (caller != callee))
        caller, callee = caller[rows], callee[rows]
        other = rng.choice(len(TRUNKS), len(rows), p=TRUNK_WEIGHTS)
        stays = rng.random(len(rows)) >= OTHER_TRUNK_RATIO
        trunk = np.where(stays, self.book.column("trunk")[caller], other).astype(np.int64)
        calls = draw_calls(
            rng,
            behaviour,
            group=group,
            start_s=start_s[rows],
            caller=caller,
            callee=callee,
            trunk=trunk,
            answer_ratio=None if answer_ratio is None else answer_ratio[rows],
            not_found=None if not_found is None else not_found[rows],
        )
        self.parts.append(calls)
        return calls

    def finish(self) -> Plan:
        """The plan of everything placed, in order of the first INVITE."""
        empty = np.empty(0, dtype=np.int64)
        parts = self.parts or [
            draw_calls(
                self.rng("none"),
                Behaviour(0.5),
                group=0,
                start_s=np.empty(0),
                caller=empty,
                callee=empty,
                trunk=empty,
            )
        ]
        calls = CallColumns.concatenate(parts)
        book = self.book
        return Plan(
            calls=calls.take(np.argsort(calls.invite_us, kind="stable")),
            groups=tuple(self._groups),
            parties=Parties(
                book.numbers(), book.column("profile"), book.column("attestation"), book.column("display")
            ),
            start_us=self.spec.start_time_s * 1_000_000,
            end_us=(self.spec.start_time_s + self.spec.duration_s) * 1_000_000,
        )
