"""One campaign as a firm of its own: its name, its size, its numbers drawn from what its strength allows."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from spit.worlds.border.arrays import Floats
from spit.worlds.border.attempts import Manner
from spit.worlds.border.dialling import by_agents, in_bursts, over_senders
from spit.worlds.border.trunks import Sender
from spit.worlds.border.world import World

STRENGTHS = ("blatant", "medium", "stealthy")


@dataclass(frozen=True, slots=True)
class Campaign:
    """Who runs it and how openly; `level` is 0 for blatant, 1 for medium, 2 for stealthy."""

    world: World
    kind: str
    strength: str
    name: str
    calls: int

    @property
    def level(self) -> int:
        """Index of the strength."""
        return STRENGTHS.index(self.strength)

    def between(self, *ranges: tuple[float, float]) -> float:
        """Draw a number from the range of the campaign's strength; logarithmic where both ends are positive.

        The ranges are given for blatant, medium and stealthy, and neighbours overlap because firms that
        mean to be careful differ in how far they go.
        """
        low, high = ranges[self.level]
        if low > 0.0:
            return float(np.exp(self.world.rng.uniform(np.log(low), np.log(high))))
        return float(self.world.rng.uniform(low, high))

    def manner(self, base: Manner) -> Manner:
        """Mark a manner as this campaign's."""
        return replace(base, kind=self.kind, strength=self.strength, campaign=self.name)

    def outbound(self) -> bool:
        """Whether this campaign's calls leave the operator: some of its own customers are spammers."""
        return bool(self.world.rng.random() < 0.1)

    def senders(self, least: int, most: int, roles: tuple[str, ...] = ()) -> list[int]:
        """Draw the routes a campaign buys: mostly resellers and platforms, sometimes a carrier's own line.

        Half of the routes are ones that honest callers use in just the same way (same customer group).
        """
        rng, network = self.world.rng, self.world.network
        allowed = roles or (
            "wholesale",
            "wholesale",
            "platform",
            "platform",
            "international",
            "business",
            "fixed",
        )
        count = int(rng.integers(least, most + 1))
        found = []
        for _ in range(count):
            role = allowed[int(rng.integers(0, len(allowed)))]
            if rng.random() < 0.5:
                found.append(self._joined(role))
            else:
                found.append(network.customer(rng, role, levels=self._levels()))
        return found

    def _joined(self, role: str) -> int:
        """A route that some honest customer of the same role has already."""
        rng, network = self.world.rng, self.world.network
        members = network.choices[role][0]
        known = [i for i, s in enumerate(network.senders) if s.trunk in members]
        if not known:
            return network.common(rng, role)
        like: Sender = network.senders[known[int(rng.integers(0, len(known)))]]
        network.senders.append(replace(like, asserted=None))
        return len(network.senders) - 1

    def _levels(self) -> tuple[float, float, float] | None:
        rng, signing = self.world.rng, self.world.setting.signing
        if signing == 0.0 or rng.random() < 0.6:
            return None
        mix = rng.dirichlet((2.0, 2.0, 2.0)) * signing
        return (float(mix[0]), float(mix[1]), float(mix[2]))

    def pace(self, calls: int, rhythm: str, least_h: float, most_h: float) -> Floats:
        """Times of the calls: storms, agents' shifts, or spread by the hour of the day."""
        rng, world = self.world.rng, self.world
        begin, end = world.window(rhythm, least_h, most_h)
        if self.level == 0 and rng.random() < 0.6:
            rate = float(np.exp(rng.uniform(np.log(0.05), np.log(3.0))))
            return np.sort(in_bursts(rng, calls, begin, end, int(rng.integers(1, 5)), rate))
        if rng.random() < 0.4:
            return np.sort(by_agents(rng, calls, begin, end, 1 + calls // int(rng.integers(25, 150))))
        return np.sort(world.clock.sample(rng, calls, rhythm, begin, end))

    def dial(
        self,
        manner: Manner,
        start: Floats,
        shown: list[str] | str,
        callees: list[str] | str,
        senders: list[int],
        familiar: float = 0.0,
    ) -> None:
        """Enter the campaign's calls over its routes."""
        rng = self.world.rng
        route = over_senders(rng, senders, start.size, float(rng.uniform(0.5, 4.0)))
        self.world.book.write(rng, self.manner(manner), start, shown, callees, route, familiar)


Script = Callable[[Campaign], None]
