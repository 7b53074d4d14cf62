"""Who has which number and how that line behaves when it rings."""

from dataclasses import dataclass, field

import numpy as np

from spit.worlds.border.arrays import Ints, Rng
from spit.worlds.border.setting import Setting

AWAKE = {
    # Relative readiness to answer by local hour: people sleep, offices close, machines do neither.
    "person": [0.3, 0.25, 0.2, 0.2, 0.2, 0.3, 0.5, 0.8, *[1.0] * 14, 0.8, 0.5],
    "office": [0.05] * 7 + [0.5, *[1.0] * 9, 0.7, 0.3, 0.1, 0.05, 0.05, 0.05, 0.05],
    "always": [1.0] * 24,
}


@dataclass(slots=True)
class Directory:
    """Lines by number; parallel lists because the exchange reads single entries very often.

    `known` and `stranger` are chances of picking up a familiar and an unfamiliar caller, `off` of being
    unreachable, `decline` of refusing instead of letting ring, `screen` of a network or telephone that
    refuses a stranger, `returns` of calling a missed number back; `capacity` counts concurrent calls.
    """

    index: dict[str, int] = field(default_factory=dict)
    number: list[str] = field(default_factory=list)
    own: list[bool] = field(default_factory=list)
    sender: list[int] = field(default_factory=list)
    known: list[float] = field(default_factory=list)
    stranger: list[float] = field(default_factory=list)
    off: list[float] = field(default_factory=list)
    decline: list[float] = field(default_factory=list)
    screen: list[float] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    mailbox_s: list[float] = field(default_factory=list)  # rings this long before the mailbox; inf: none
    capacity: list[int] = field(default_factory=list)
    talk: list[float] = field(default_factory=list)
    awake: list[str] = field(default_factory=list)

    def add_people(self, rng: Rng, setting: Setting, numbers: list[str], own: bool, senders: Ints) -> Ints:
        """Register private lines; habits vary widely from person to person."""
        count = len(numbers)
        spread = 6.0

        def around(mean: float) -> list[float]:
            mean = min(max(mean, 0.01), 0.99)
            return [float(x) for x in rng.beta(mean * spread, (1.0 - mean) * spread, count)]

        first = len(self.number)
        self.number += numbers
        self.index.update({n: first + i for i, n in enumerate(numbers)})
        self.own += [own] * count
        self.sender += senders.tolist()
        self.known += around(setting.known_pickup)
        self.stranger += around(setting.stranger_pickup)
        self.off += (rng.exponential(setting.unreachable, count).clip(0.0, 0.9)).tolist()
        self.decline += rng.beta(1.0, 5.0, count).tolist()
        self.screen += np.where(
            rng.random(count) < setting.screening, rng.uniform(0.1, 0.8, count), 0.0
        ).tolist()
        self.returns += (setting.returning * rng.lognormal(-0.3, 0.8, count)).clip(0.0, 0.9).tolist()
        ring = setting.mailbox_ring_s * rng.choice([0.6, 0.8, 1.0, 1.0, 1.0, 1.3], count)
        self.mailbox_s += np.where(rng.random(count) < setting.mailbox_share, ring, np.inf).tolist()
        self.capacity += rng.choice([1, 2], count, p=[0.45, 0.55]).tolist()
        self.talk += rng.lognormal(0.0, 0.45, count).tolist()
        self.awake += ["person"] * count
        return np.arange(first, first + count)

    def add_desk(
        self,
        number: str,
        sender: int,
        own: bool,
        answers: float,
        capacity: int,
        awake: str = "office",
        returns: float = 0.0,
        mailbox_s: float = np.inf,
    ) -> None:
        """Register a business line, a hotline or a machine that takes calls; replaces who had the number."""
        self.index[number] = len(self.number)
        self.number.append(number)
        self.own.append(own)
        self.sender.append(sender)
        self.known.append(answers)
        self.stranger.append(answers)
        self.off.append(0.002)
        self.decline.append(0.01)
        self.screen.append(0.0)
        self.returns.append(returns)
        self.mailbox_s.append(mailbox_s)
        self.capacity.append(capacity)
        self.talk.append(1.0)
        self.awake.append(awake)
