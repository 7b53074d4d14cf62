"""The called side: every number that can be reached and how it answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from spit.worlds.carrier.draws import Rng, chance, lognormal, pick, uniform
from spit.worlds.carrier.network import Network, Trunk
from spit.worlds.carrier.numbering import NumberPlan
from spit.worlds.carrier.sender import Sender


@dataclass
class Line:
    """A reachable number. Probabilities are per call, times in seconds.

    ``role``: person, desk (a business line), menu (an automatic attendant), queue (a busy line of
    ``capacity`` slots), machine (modem, fax or test responder) or premium (a line that earns by keeping
    callers). ``hold_s`` is the median wait in a queue once connected; ``engaged`` the share of time in calls
    this operator does not see.
    """

    number: str
    role: str
    trunk: Trunk | None
    address: str
    answers_known: float = 0.8
    answers_unknown: float = 0.2
    voicemail: bool = True
    ring_limit_s: float = 25.0
    pickup_s: float = 8.0
    call_waiting: bool = True
    screens: float = 0.0
    declines: float = 0.05
    curiosity: float = 0.05
    capacity: int = 1
    hold_s: float = 0.0
    engaged: float = 0.0
    forwards_to: str | None = None
    chattiness: float = 1.0
    contacts: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    slots_until_s: list[float] = field(default_factory=list)
    sender: Sender | None = None

    def occupied(self, time_s: float) -> bool:
        """Whether all the line's slots are in use."""
        self.slots_until_s = [until for until in self.slots_until_s if until > time_s]
        return len(self.slots_until_s) >= self.capacity


class Directory:
    """All lines, with strangers outside the modelled blocks made up when first dialled."""

    def __init__(self, rng: Rng, plan: NumberPlan, network: Network) -> None:
        self._rng = rng
        self._plan = plan
        self._network = network
        self._lines: dict[str, Line] = {}
        self._void: set[str] = set()
        # Pew (2020): 19 % of US adults say they generally answer unknown numbers.
        self.unknown_answer = uniform(rng, 0.1, 0.3)
        self.known_answer = uniform(rng, 0.6, 0.85)
        self.voicemail_share = uniform(rng, 0.45, 0.9)
        self.screening = uniform(rng, 0.05, 0.6)
        self.ring_limit_s = uniform(rng, 18.0, 32.0)
        self.curiosity = uniform(rng, 0.02, 0.09)

    def add(self, line: Line) -> Line:
        """Enter a line."""
        self._lines[line.number] = line
        return line

    def person(self, number: str, trunk: Trunk | None) -> Line:
        """Enter a subscriber's line with habits of its own."""
        rng = self._rng
        # Beta draws: most people almost never answer strangers, a few always do.
        unknown = float(rng.beta(0.8, 0.8 * (1.0 / self.unknown_answer - 1.0)))
        return self.add(
            Line(
                number=number,
                role="person",
                trunk=trunk,
                address=pick(rng, self._network.core) if trunk is None else pick(rng, trunk.gateways),
                answers_known=float(rng.beta(6.0, 6.0 * (1.0 / self.known_answer - 1.0))),
                answers_unknown=unknown,
                voicemail=chance(rng, self.voicemail_share),
                ring_limit_s=max(10.0, self.ring_limit_s + float(rng.normal(0.0, 4.0))),
                pickup_s=lognormal(rng, 7.5, 0.35),
                call_waiting=chance(rng, 0.75),
                screens=uniform(rng, 0.2, 0.9) if chance(rng, self.screening) else 0.0,
                declines=uniform(rng, 0.0, 0.2),
                curiosity=min(0.8, lognormal(rng, self.curiosity, 0.8)),
                chattiness=lognormal(rng, 1.0, 0.4),
                engaged=min(0.2, lognormal(rng, 0.015, 0.8)),
            )
        )

    def find(self, number: str) -> Line | None:
        """The line behind a number, or None where nothing is assigned."""
        line = self._lines.get(number)
        if line is not None or number in self._void:
            return line
        known_void = self._plan.is_local(number) or not number.startswith("+")
        if known_void or not chance(self._rng, self._plan.remote_fill):
            self._void.add(number)
            return None
        role = "international" if not number.startswith("+1") else "peer"
        return self.person(number, self._network.trunk(self._rng, role))
