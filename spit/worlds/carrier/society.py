"""People with contact graphs, companies with number ranges, and lists of whom to call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spit.worlds.carrier.clock import Clock
from spit.worlds.carrier.draws import Rng, Weighted, chance, heavy_count, lognormal, pick, sample, uniform
from spit.worlds.carrier.equipment import Catalogue
from spit.worlds.carrier.lines import Directory, Line
from spit.worlds.carrier.network import Network
from spit.worlds.carrier.numbering import Block, NumberPlan
from spit.worlds.carrier.sender import Origins, Sender

STAGES = ("worker", "parent", "teen", "retiree", "night_worker")


@dataclass
class Person:
    """A subscriber. ``rate`` is relative; ``reach`` is the chance weight of being on other people's lists."""

    line: Line
    stage: str
    rate: float
    reach: float


@dataclass
class Company:
    """A firm: its numbers, its switchboard line and where its calls enter."""

    numbers: list[str]
    front: Line
    sender: Sender


class Society:
    """Everyone in this world who has a telephone."""

    def __init__(
        self,
        rng: Rng,
        clock: Clock,
        plan: NumberPlan,
        network: Network,
        catalogue: Catalogue,
        subscribers: int,
    ) -> None:
        self.rng = rng
        self.clock = clock
        self.plan = plan
        self.network = network
        self.catalogue = catalogue
        self.origins = Origins(catalogue, network)
        self.directory = Directory(rng, plan, network)
        self._carriers = {
            block.prefix: None if block.own else network.trunk(rng, "peer", "peer", "peer", "tandem")
            for block in plan.blocks
        }
        self.national = uniform(rng, 0.15, 0.6)
        self._stages = Weighted(STAGES, rng.dirichlet((9.0, 7.0, 3.0, 5.0, 1.5)))
        self.people = self._populate(subscribers)
        self._distant = [p.line.number for p in self.people if not plan.is_local(p.line.number)]
        self._befriend()
        self._by_reach = Weighted([p.line for p in self.people], [p.reach for p in self.people])
        self.companies = self._found_companies(max(30, int(subscribers * log_share(rng))))
        self.desks = [number for company in self.companies for number in company.numbers[:40]]
        self._forward()
        # Their numbers are shown by campaigns that borrow numbers of real people.
        self.victims = sample(rng, self.people, heavy_count(rng, 6.0, 0.8, 2, 40))

    def _populate(self, subscribers: int) -> list[Person]:
        rng = self.rng
        remote = int(subscribers * uniform(rng, 0.1, 0.3))
        homes: list[tuple[str, Block | None]] = [
            (number, block) for block in self.plan.blocks for number in self.plan.fill_block(rng, block)
        ]
        homes = sample(rng, homes, subscribers - remote)
        homes += [(self.plan.number_in(rng, self.plan.remote_area(rng)), None) for _ in range(remote)]
        people: list[Person] = []
        for number, block in homes:
            trunk = self._carriers[block.prefix] if block is not None else self.network.trunk(rng, "peer")
            line = self.directory.person(number, trunk)
            line.sender = self.origins.of_line(rng, trunk)
            stage = self._stages.draw(rng)
            if stage == "retiree":
                line.answers_unknown = min(0.9, line.answers_unknown * 1.4)
                line.chattiness *= 1.3
            line.sender.withheld = chance(rng, 0.006)
            people.append(Person(line, stage, lognormal(rng, 1.0, 1.1), lognormal(rng, 1.0, 0.8)))
        return people

    def _befriend(self) -> None:
        """Ties: mostly neighbours in a ring of communities, some anywhere; most are mutual.

        Few strong ties take most calls, so contacts are kept in order of strength.
        """
        rng, people = self.rng, self.people
        order = rng.permutation(len(people))
        place = np.argsort(order)
        spread = uniform(rng, 6.0, 25.0)
        mutual = uniform(rng, 0.6, 0.9)
        for index, person in enumerate(people):
            for _ in range(heavy_count(rng, 3.0, 0.6, 1, 25)):
                if chance(rng, 0.15):
                    other = people[int(rng.integers(0, len(people)))]
                else:
                    step = int(rng.normal(0.0, spread)) or 1
                    other = people[int(order[(int(place[index]) + step) % len(people)])]
                self.acquaint(person.line, other.line, mutual)

    def acquaint(self, one: Line, other: Line, mutual: float) -> None:
        """Make a tie; the callee recognises the number in nearly all cases."""
        if one is other or other.number in one.contacts:
            return
        one.contacts.append(other.number)
        other.known.add(one.number)
        if chance(self.rng, mutual) and one.number not in other.contacts:
            other.contacts.append(one.number)
            one.known.add(other.number)

    def _found_companies(self, count: int) -> list[Company]:
        rng = self.rng
        companies: list[Company] = []
        for _ in range(count):
            numbers = self.plan.business_range(rng, heavy_count(rng, 3.0, 1.3, 1, 400))
            sender = self.origins.business(rng, owns=uniform(rng, 0.85, 1.0))
            if chance(rng, 0.4):
                sender.pilot = numbers[0]
            companies.append(self._open(numbers, sender))
        return companies

    def _open(self, numbers: list[str], sender: Sender) -> Company:
        rng = self.rng
        for number in numbers:
            self.directory.add(
                Line(
                    number=number,
                    role="desk",
                    trunk=sender.trunk,
                    address=sender.source_ip,
                    answers_known=uniform(rng, 0.6, 0.95),
                    answers_unknown=uniform(rng, 0.35, 0.9),
                    voicemail=chance(rng, 0.6),
                    pickup_s=lognormal(rng, 6.0, 0.4),
                    call_waiting=False,
                    curiosity=0.0,
                )
            )
        front = self.front(numbers[0], sender, len(numbers))
        return Company(numbers, front, sender)

    def front(self, number: str, sender: Sender, size: int) -> Line:
        """Make a number the face of a company: a person at a small one, an automatic attendant at a large
        one."""
        rng = self.rng
        menu = chance(rng, 0.2 if size < 5 else 0.75)
        return self.directory.add(
            Line(
                number=number,
                role="menu" if menu else "desk",
                trunk=sender.trunk,
                address=sender.source_ip,
                answers_known=0.85,
                answers_unknown=uniform(rng, 0.6, 0.95),
                voicemail=chance(rng, 0.7),
                capacity=max(1, size // 3),
                curiosity=0.0,
            )
        )

    def _forward(self) -> None:
        """Some lines divert all calls: to a mobile, a colleague or an answering service."""
        for person in sample(self.rng, self.people, int(len(self.people) * uniform(self.rng, 0.003, 0.02))):
            person.line.forwards_to = pick(self.rng, self.people).line.number
        for company in sample(self.rng, self.companies, len(self.companies) // 12):
            company.front.forwards_to = pick(self.rng, self.people).line.number

    def firm_range(self, size: int) -> list[str]:
        """Numbers of a firm or centre, in the operator's area or, for national firms, anywhere."""
        area = self.plan.remote_area(self.rng) if chance(self.rng, self.national) else None
        return self.plan.business_range(self.rng, size, area)

    def customers(self, count: int) -> list[str]:
        """Distinct people drawn by reach: those on one list tend to be on others."""
        lines = self._by_reach.draws(self.rng, count)
        return list(dict.fromkeys(line.number for line in lines))

    def acquainted(self, numbers: list[str], callees: list[str], share: float) -> None:
        """Let a share of callees recognise a caller's numbers (customers who saved them)."""
        for callee in callees:
            line = self.directory.find(callee)
            if line is not None and chance(self.rng, share):
                line.known.update(numbers[:3])

    def stale(self, count: int, dead: float, remote: float = 0.0) -> list[str]:
        """An address list of which a share is out of service and a share lies outside the operator's area."""
        rng = self.rng
        listed = self.customers(count)
        for place in range(len(listed)):
            draw = rng.random()
            if draw < dead:
                listed[place] = self._unassigned()
            elif draw < dead + remote:
                listed[place] = pick(rng, self._distant)
        return listed

    def _unassigned(self) -> str:
        """A local number that was given up: redrawn until nothing answers there."""
        while True:
            number = self.plan.random_local(self.rng)
            if self.directory.find(number) is None:
                return number

    def random_digits(self, count: int) -> list[str]:
        """Random numbers of live blocks, as random-digit dialling draws them."""
        return [self.plan.random_local(self.rng) for _ in range(count)]

    def workers(self, count: int) -> list[str]:
        """Business lines."""
        return sample(self.rng, self.desks, count)


def log_share(rng: Rng) -> float:
    """Companies per subscriber."""
    return float(np.exp(rng.uniform(np.log(0.008), np.log(0.03))))
