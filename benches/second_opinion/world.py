"""What all parts of a simulation share: chance, numbers, trunks, parties, and the queue of intents."""

from __future__ import annotations

import heapq
from typing import NamedTuple

from .behaviour import Behaviour
from .draws import Draws
from .number_plan import NumberPlan
from .parties import Party, make_party, settle_person
from .timing import END_S, Timing
from .trunks import Trunk, Trunks

#: How much everybody calls: brings a simulation of size 1 to some 60,000 calls.
_ACTIVITY = 0.84
#: An intent this close to the end would leave a call without an answer.
_LAST_INTENT_S = END_S - 5


class Label(NamedTuple):
    """The truth of a call: ``label`` is spam or ham; the strength of legitimate calls is empty."""

    label: str
    campaign: str
    kind: str
    strength: str

    @property
    def spam(self) -> bool:
        return self.label == "spam"


def legitimate(kind: str) -> Label:
    return Label("ham", kind, kind, "")


class Intent(NamedTuple):
    """Somebody is about to call. ``sequence``: orders those of one moment; ``redials``: attempts before."""

    time_s: float
    sequence: int
    caller: Party
    callee: str
    behaviour: Behaviour
    label: Label
    redials: int
    trunk: Trunk | None


class World:
    """A simulation before it runs. ``directory``: the numbers that somebody or something answers.

    ``size``: 1 is some 60,000 calls; populations and the work of services are in proportion.
    """

    def __init__(self, seed: int, size: float = 1.0) -> None:
        if not 0.0 < size <= 1.0:
            raise ValueError(f"size: expected more than 0 and at most 1, found {size}")
        self.size = size
        self.draws = Draws(seed)
        self.timing = Timing(self.draws)
        self.plan = NumberPlan(self.draws)
        self.trunks = Trunks(self.draws)
        self.directory: dict[str, Party] = {}
        self.queue: list[Intent] = []
        self._intents = 0

    def count(self, full: int) -> int:
        """So many parties at this size, never none."""
        return max(1, round(full * self.size))

    def volume(self, full: float) -> int:
        """So many calls of one of a few services at this size, never none."""
        return max(1, int(full * _ACTIVITY * self.size))

    def calls_each(self, full: float) -> int:
        """So many calls of one party whose number goes with the size."""
        return int(full * _ACTIVITY)

    def calls_of_person(self, mean: float) -> int:
        return self.draws.overdispersed(mean * _ACTIVITY)

    def call(
        self,
        time_s: float,
        caller: Party,
        callee: str,
        behaviour: Behaviour,
        label: Label,
        *,
        redials: int = 0,
        trunk: Trunk | None = None,
    ) -> None:
        """Put an intent into the queue, unless it is outside of the simulated time."""
        if 0 <= time_s < _LAST_INTENT_S:
            self._intents += 1
            intent = Intent(time_s, self._intents, caller, callee, behaviour, label, redials, trunk)
            heapq.heappush(self.queue, intent)

    def next_intent(self) -> Intent | None:
        """The earliest intent, taken from the queue; None when there is none."""
        return heapq.heappop(self.queue) if self.queue else None

    def party(self, number: str, kind: str, trunks: list[Trunk] | None = None) -> Party:
        """A caller that is in no directory: who rings back finds nobody, unless ``answering`` makes it so."""
        return make_party(self.draws, number, kind, trunks or [self.trunks.any()])

    def person(self, kind: str) -> Party:
        """A subscriber who answers or not, at a number of their own."""
        number = self.plan.subscriber()
        party = make_party(self.draws, number, kind, [self.trunks.any()], "person")
        settle_person(self.draws, party)
        self.directory[number] = party
        return party

    def service(
        self, kind: str, *, capacity: int = 30, line: str = "ivr", trunks: list[Trunk] | None = None
    ) -> Party:
        """A business or machine that answers nearly always."""
        number = self.plan.subscriber()
        party = make_party(self.draws, number, kind, trunks or [self.trunks.any()], line, capacity)
        party.answers_unknown, party.answers_known = 0.9, 0.95
        self.directory[number] = party
        return party

    def at_work(self, number: str, kind: str, answers_unknown: float, answers_known: float) -> Party:
        """A person who calls for their work; who rings back reaches them, if the number is nobody else's."""
        return self.reachable(self.party(number, kind), answers_unknown, answers_known)

    def reachable(self, party: Party, answers_unknown: float, answers_known: float) -> Party:
        """Let the party be called as a person."""
        party.line, party.answers_unknown, party.answers_known = "person", answers_unknown, answers_known
        self.directory.setdefault(party.number, party)
        return party

    def answering(self, party: Party, capacity: int) -> None:
        """Let whoever rings back reach an announcement or a desk."""
        party.line, party.capacity = "ivr", capacity
        party.known = set()
        party.answers_unknown = party.answers_known = 0.9
        self.directory.setdefault(party.number, party)
