"""One operator put together: what every kind of caller draws from."""

from dataclasses import dataclass

import numpy as np

from spit.worlds.border.arrays import Floats, Ints, Rng, zipf_weights
from spit.worlds.border.attempts import Book
from spit.worlds.border.clock import Clock, draw_clock
from spit.worlds.border.directory import Directory
from spit.worlds.border.numbering import Plan, draw_plan
from spit.worlds.border.setting import Setting, draw_setting
from spit.worlds.border.trunks import Network, draw_network


@dataclass(slots=True)
class World:
    """The operator, its neighbours and the people on both sides of the border."""

    rng: Rng
    setting: Setting
    plan: Plan
    clock: Clock
    network: Network
    directory: Directory
    book: Book
    own: Ints  # directory entries of own subscribers
    others: Ints  # directory entries of people at other carriers
    reach: Floats  # cumulated over own subscribers: how often each is on anybody's list
    former: dict[str, int]  # own number -> directory entry of a number elsewhere that forwards to it
    core: int  # sender of calls that own subscribers make

    def subscribers(self, count: int, outbound: bool = False) -> list[str]:
        """Draw people's numbers evenly: own subscribers, or people elsewhere for calls that leave."""
        side = self.others if outbound else self.own
        return [self.directory.number[i] for i in side[self.rng.integers(0, side.size, count)]]

    def listed(self, count: int, quality: float, outbound: bool = False) -> list[str]:
        """Draw callees from bought or collected address lists.

        `quality` is the share of numbers somebody has. Some subscribers are on every list, most on few.
        """
        rng = self.rng
        if outbound:
            chosen = self.subscribers(count, outbound=True)
        else:
            ids = self.own[np.searchsorted(self.reach, rng.random(count) * self.reach[-1])]
            chosen = [self.directory.number[i] for i in ids]
        dead = min(0.95, (1.0 - quality) * self.setting.staleness)
        stale = np.flatnonzero(rng.random(count) < dead)
        for at, number in zip(stale.tolist(), self.unassigned(stale.size, outbound), strict=True):
            chosen[at] = number
        return chosen

    def unassigned(self, count: int, outbound: bool = False) -> list[str]:
        """Numbers that nobody has (any more)."""
        blocks = self.plan.other_blocks if outbound else self.plan.own_blocks
        numbers = self.plan.from_blocks(self.rng, count, blocks)
        free = [n if n not in self.directory.index else n[:-1] + str((int(n[-1]) + 1) % 10) for n in numbers]
        if outbound:
            self.plan.dead.update(n for n in free if n not in self.directory.index)
        return free

    def window(self, rhythm: str, least_h: float, most_h: float) -> tuple[float, float]:
        """Draw a span of the log in seconds; it begins when the rhythm lets people begin."""
        hours = self.clock.hours
        shortest = min(least_h, hours)
        longest = max(shortest, min(most_h, hours))
        length = float(np.exp(self.rng.uniform(np.log(shortest), np.log(longest)))) * 3600.0
        first = float(self.clock.sample(self.rng, 1, rhythm)[0])
        begin = max(0.0, min(first - 0.3 * length, hours * 3600.0 - 0.7 * length))
        return begin, min(begin + length, hours * 3600.0)


def draw_world(seed: int, calls: int, hours: float) -> World:
    """Draw the operator of a seed; `calls` sets the size of its population."""
    rng = np.random.default_rng(seed)
    setting = draw_setting(rng)
    count = max(300, int(calls * setting.subscribers_per_call))
    plan = draw_plan(rng, count, setting.density, setting.mobile_share)
    clock = draw_clock(rng, hours)
    network = draw_network(rng, setting.signing)
    directory = Directory()
    cores = np.array([network.common(rng, "core") for _ in range(12)], dtype=np.int64)
    direct = rng.uniform(0.0, 0.08)
    own_numbers = list(dict.fromkeys(plan.from_blocks(rng, count, plan.own_blocks)))
    own_senders = cores[rng.integers(0, cores.size, len(own_numbers))]
    for at in np.flatnonzero(rng.random(len(own_numbers)) < direct)[:1500]:
        own_senders[at] = network.customer(rng, "access")
    own = directory.add_people(rng, setting, own_numbers, True, own_senders)
    roles = rng.choice(["mobile", "fixed", "international", "wholesale"], 120, p=rng.dirichlet((6, 3, 1, 1)))
    carriers = np.array([network.common(rng, str(role)) for role in roles], dtype=np.int64)
    other_numbers = list(dict.fromkeys(plan.national(rng, int(count * rng.uniform(0.8, 2.5)))))
    senders = carriers[rng.integers(0, carriers.size, len(other_numbers))]
    others = directory.add_people(rng, setting, other_numbers, False, senders)
    popularity = zipf_weights(own.size, float(rng.uniform(0.15, 0.6)))
    rng.shuffle(popularity)
    book = Book(hours * 3600.0)
    core = int(cores[0])
    moved = own[rng.random(own.size) < setting.forwarded]
    elsewhere = others[rng.integers(0, others.size, moved.size)]
    former = {directory.number[a]: int(b) for a, b in zip(moved, elsewhere, strict=True)}
    reach = np.cumsum(popularity)
    return World(rng, setting, plan, clock, network, directory, book, own, others, reach, former, core)
