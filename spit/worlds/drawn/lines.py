"""Lines that can be called, the people behind them with their habits, and the directory of all numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from spit.worlds.drawn.draws import Rng, chance, digits, heavy, lognormal, pick, span
from spit.worlds.drawn.equipment import device
from spit.worlds.drawn.network import Network, Path
from spit.worlds.drawn.plan import Plan, hash_digits

HABITS = {"worker": 0.36, "family": 0.2, "student": 0.14, "retired": 0.22, "shift": 0.08}


@dataclass(slots=True, eq=False)
class Line:
    """A number in service. Times in seconds; the shares are chances at each call.

    Roles: "person"; "menu" (a firm's automatic answer); "queue" (agents or hotline, ``capacity`` at once);
    "machine"; "premium" (revenue-share announcement); "outbound" (a dial-out number nobody answers).
    """

    number: str
    home: bool
    role: str
    path: Path
    habit: str = "worker"
    answers_known: float = 0.7
    answers_unknown: float = 0.3
    pickup_s: float = 7.0
    ring_limit_s: float = 25.0
    voicemail: bool = False
    screens: bool = False
    curiosity: float = 0.05
    returns: float = 0.12
    engaged: float = 0.02
    declines: float = 0.2
    complains: float = 0.0
    patience: float = 0.3
    chatty: float = 1.0
    capacity: int = 1
    forwards_to: str | None = None
    contacts: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    # Numbers whose earlier calls were a nuisance, with how often.
    annoyed: dict[str, int] = field(default_factory=dict)
    busy_until_s: list[float] = field(default_factory=list)

    def occupied(self, time_s: float) -> bool:
        """Whether all of the line's channels are in use."""
        if self.busy_until_s:
            self.busy_until_s = [end for end in self.busy_until_s if end > time_s]
        return len(self.busy_until_s) >= self.capacity


class Directory:
    """Every line of the operator, and those of other networks as calls meet them."""

    def __init__(self, rng: Rng, plan: Plan, network: Network) -> None:
        self._rng, self._plan, self._network = rng, plan, network
        self._by_number: dict[str, Line | None] = {}
        # Operators' customers differ: published answer rates of unknown calls run from about 10 % to over 50
        # %.
        self._answers_unknown = span(rng, (0.15, 0.6))
        self._answers_known = span(rng, (0.5, 0.85))
        self._voicemail = span(rng, (0.1, 0.9))
        self._ring_limit_s = span(rng, (16.0, 45.0))
        self._screens = span(rng, (0.0, 0.15))
        self._complains = span(rng, (0.002, 0.06))
        self._curiosity = span(rng, (0.01, 0.12))
        self._returns = span(rng, (0.05, 0.25))
        self._pickup_s = span(rng, (4.5, 10.0))
        self._mobile = span(rng, (0.2, 0.8))
        self._sip_only = span(rng, (0.0, 0.05))
        host = f"sip.{pick(rng, ('nordtel', 'voicenet', 'clearline', 'telco', 'fonia'))}.example"
        self.home: list[Line] = []
        for number in plan.subscribers(rng):
            sip_only = chance(rng, self._sip_only)
            self.home.append(
                self.person(f"u{hash_digits(number) % 10**7}@{host}" if sip_only else number, True)
            )
            if sip_only:
                self._by_number[number] = self.home[-1]
        self.remote = [
            self.person(plan.elsewhere(rng), False)
            for _ in range(int(len(self.home) * span(rng, (0.4, 1.5))))
        ]
        # How often a line stands on lists: a few subscribers are on all of them.
        self._listed = np.cumsum(rng.pareto(span(rng, (1.1, 3.0)), len(self.home)) + 0.15)
        for line in self.home:
            if chance(rng, 0.015):
                line.forwards_to = pick(rng, self.home).number
        self.services = [self.service(heavy(rng, 6, 1.0, 1, 80)) for _ in range(int(rng.integers(30, 120)))]
        self._befriend(span(rng, (5.0, 16.0)), span(rng, (0.5, 1.0)))

    def person(self, number: str, home: bool) -> Line:
        """A new person's line with habits of its own."""
        rng = self._rng
        equipment = device(
            rng,
            "mobile" if chance(rng, self._mobile) else pick(rng, ("home", "home", "home", "desk", "soft")),
        )
        path = (
            self._network.registered(rng, equipment) if home else self._network.path(rng, "peer", equipment)
        )
        unknown = self._answers_unknown
        line = Line(
            number=number,
            home=home,
            role="person",
            path=path,
            habit=pick(rng, tuple(HABITS)),
            answers_known=float(rng.beta(8 * self._answers_known, 8 * (1 - self._answers_known))),
            answers_unknown=float(rng.beta(2.5 * unknown, 2.5 * (1 - unknown))),
            pickup_s=lognormal(rng, self._pickup_s, 0.4),
            ring_limit_s=max(10.0, self._ring_limit_s * lognormal(rng, 1.0, 0.2)),
            voicemail=chance(rng, self._voicemail),
            screens=chance(rng, self._screens),
            curiosity=min(0.9, lognormal(rng, self._curiosity, 1.0)),
            returns=min(0.9, lognormal(rng, self._returns, 0.6)),
            engaged=lognormal(rng, 0.012, 0.8),
            declines=float(rng.beta(1.0, 4.0)),
            complains=min(0.8, lognormal(rng, self._complains, 1.2)),
            patience=float(rng.beta(1.5, 4.0)),
            chatty=lognormal(rng, 1.0, 0.5),
        )
        self._by_number[number] = line
        return line

    def service(self, capacity: int) -> Line:
        """A hotline, practice or shop that people call."""
        rng, plan = self._rng, self._plan
        draw = rng.random()
        if draw < 0.08:
            number = digits(rng, int(rng.integers(3, 6)))
        else:
            number = plan.freephone(rng) if draw < 0.25 else plan.firm_range(rng, 1)[0]
        return self.firm_line(number, "queue" if capacity < 12 else "menu", capacity)

    def firm_line(self, number: str, role: str, capacity: int = 60) -> Line:
        """Put a firm's number into service."""
        rng = self._rng
        path = self._network.path(rng, "enterprise", device(rng, "pbx"))
        line = Line(
            number, chance(rng, 0.5), role, path, pickup_s=lognormal(rng, 2.0, 0.6), capacity=capacity
        )
        self._by_number[number] = line
        return line

    def _befriend(self, ties: float, sigma: float) -> None:
        """Circles of friends and family, mutual, with some ties far away and some to firms."""
        rng, home = self._rng, self.home
        circle = span(rng, (12.0, 90.0))
        for index, line in enumerate(home):
            for _ in range(heavy(rng, ties / 2, sigma, 1, 60)):
                draw = rng.random()
                if draw < 0.6:
                    other = home[(index + int(rng.normal(0.0, circle))) % len(home)]
                elif draw < 0.75:
                    other = pick(rng, home)
                elif draw < 0.93:
                    other = pick(rng, self.remote)
                else:
                    line.contacts.append(pick(rng, self.services).number)
                    continue
                line.contacts.append(other.number)
                other.contacts.append(line.number)
                line.known.add(other.number)
                other.known.add(line.number)
        for line in home + self.remote:
            rng.shuffle(line.contacts)

    def listed(self, rng: Rng, count: int) -> list[str]:
        """Subscribers as they stand on address lists."""
        places = np.searchsorted(self._listed, rng.random(count) * self._listed[-1])
        return [self.home[min(len(self.home) - 1, int(place))].number for place in places]

    def unassigned(self) -> str:
        """A number of the operator's blocks that nobody has."""
        while (number := self._plan.in_block(self._rng)) in self._by_number:
            continue
        return number

    def get(self, number: str) -> Line | None:
        """The line of a number if one was put in service."""
        return self._by_number.get(number)

    def find(self, number: str) -> Line | None:
        """The line that a call reaches; numbers outside the operator's blocks are looked up elsewhere."""
        if number in self._by_number:
            return self._by_number[number]
        if not number.startswith("+") or self._plan.is_complete(number) or len(number) < 9:
            return None
        found = self.person(number, False) if chance(self._rng, self._plan.assigned_elsewhere) else None
        self._by_number[number] = found
        return found
