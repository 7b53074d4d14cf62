"""The book of parties that call and are called."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from spit.simulate.network import BLOCK_SIZE, EXCHANGE_SIZE, F64, I64, NUMBER_PLANS, Network
from spit.simulate.profiles import PROFILES
from spit.simulate.world import World

DISPLAY_NAMES = (
    *("", "", "", "", "Wireless Caller", "Unavailable", "A Morgan", "B Keller", "C Osei", "D Lindqvist"),
    *("E Tanaka", "F Moreau", "G Novak", "Harbor Dental", "Ridge Supply", "Metro Services", "Front Desk"),
    *("Customer Care", "Member Services", "Office", "Main Line", "Reception"),
)

#: Attestation given that a call is signed, in the order A, B, C. At one spam call in four these give
#: about 8 % spam among A and 30 to 35 % among B and C (docs/simulation.md: a weak prior).
ATTESTATION_HAM: F64 = np.array([0.50, 0.25, 0.25])
ATTESTATION_SPAM: F64 = np.array([0.15, 0.38, 0.47])

#: Usage of profiles is skewed as in the field: a few releases carry most of the traffic.
_PROFILE_RANKS = 1.0 / (3.0 + np.arange(len(PROFILES)))
_COLUMNS = ("trunk", "device", "attestation", "display")


class PartyBook:
    """Numbers and their lasting attributes, by index. Grows while a plan is drawn; one per simulation."""

    def __init__(self, rng: np.random.Generator, network: Network, world: World) -> None:
        self._rng = rng
        self._network = network
        self._world = world
        self._index: dict[int, int] = {}
        self._numbers: list[int] = []
        self._columns: dict[str, list[npt.NDArray[np.int16]]] = {name: [] for name in _COLUMNS}
        # Which release is common differs from network to network, so the order is drawn.
        weights: F64 = rng.permutation(_PROFILE_RANKS / _PROFILE_RANKS.sum())
        rarest = np.argsort(weights)[: max(0, len(weights) - round(world.equipment))]
        weights[rarest] = 0.0
        self.device_weights: F64 = weights / weights.sum() if len(rarest) else weights
        self._trunk_weights: F64 = np.array(network.weights)
        mixed = world.attestation_skew
        self._attestation_spam: F64 = (1.0 - mixed) * ATTESTATION_HAM + mixed * ATTESTATION_SPAM
        self._blocks: list[int] = []
        self._outside: I64 = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def blocks(self) -> list[int]:
        """First numbers of the blocks in use."""
        return self._blocks

    def open_blocks(self, subscribers: int) -> None:
        """Chooses enough number blocks for so many subscribers."""
        per_block = round(math.exp(self._world.subscribers_per_block_ln))
        count = max(4, -(-subscribers // per_block))
        plan, per_exchange = self._network.home, round(self._world.blocks_per_exchange)
        chosen = set(self._blocks)
        while len(chosen) < len(self._blocks) + count:
            if per_exchange <= 1:
                chosen.add(plan.block(self._rng))
                continue
            exchange = plan.exchange(self._rng)
            chosen.update(plan.block(self._rng, exchange) for _ in range(per_exchange))
        self._blocks = sorted(chosen)

    def open_outside(self, blocks: int) -> None:
        """Blocks of other carriers at home and abroad, whose numbers call in."""
        abroad = [plan for plan in NUMBER_PLANS if plan is not self._network.home]
        found = []
        for _ in range(blocks):
            if self._rng.random() < self._world.abroad_ratio:
                plan = abroad[int(self._rng.integers(len(abroad)))]
            else:
                plan = self._network.home
            found.append(plan.block(self._rng))
        self._outside = np.array(sorted(set(found)), dtype=np.int64)

    def add(
        self, numbers: I64, *, spam: bool = False, device: int | None = None, trunks: I64 | None = None
    ) -> I64:
        """Indices of these numbers; those not in the book yet are added with drawn attributes.

        ``device`` and ``trunks`` narrow what is drawn to what a campaign or a company shares.
        """
        index, listed = self._index, numbers.tolist()
        fresh = [n for n in dict.fromkeys(listed) if n not in index]
        for place, number in enumerate(fresh, len(self._numbers)):
            index[number] = place
        self._numbers += fresh
        count = len(fresh)
        if count:
            rng = self._rng
            signed = rng.random(count) < self._world.signed_ratio
            weights = self._attestation_spam if spam else ATTESTATION_HAM
            drawn = {
                "trunk": rng.choice(len(self._trunk_weights), count, p=self._trunk_weights)
                if trunks is None
                else rng.choice(trunks, count),
                "device": rng.choice(len(PROFILES), count, p=self.device_weights)
                if device is None
                else np.full(count, device),
                "attestation": np.where(signed, 1 + rng.choice(3, count, p=weights), 0),
                "display": rng.integers(len(DISPLAY_NAMES), size=count),
            }
            for name, values in drawn.items():
                self._columns[name].append(values.astype(np.int16))
        return np.array([index[n] for n in listed], dtype=np.int64)

    def add_random(
        self,
        count: int,
        *,
        spam: bool = False,
        device: int | None = None,
        trunks: I64 | None = None,
        outside_ratio: float = 0.0,
    ) -> I64:
        """Indices of ``count`` new parties with numbers in the blocks in use, callers and callees alike.

        ``outside_ratio``: share of them in blocks of other carriers.
        """
        found: dict[int, None] = {}
        while len(found) < count:
            blocks = self._rng.choice(self._blocks, count)
            if outside_ratio and len(self._outside):
                elsewhere = self._rng.random(count) < outside_ratio
                blocks = np.where(elsewhere, self._rng.choice(self._outside, count), blocks)
            for number in (blocks + self._rng.integers(BLOCK_SIZE, size=count)).tolist():
                if number not in self._index and len(found) < count:
                    found[number] = None
            if len(self._numbers) + count > len(self._blocks) * BLOCK_SIZE * 9 // 10:
                self.open_blocks(count)
        return self.add(np.array(list(found), dtype=np.int64), spam=spam, device=device, trunks=trunks)

    def add_near(
        self, numbers: I64, *, spam: bool = False, device: int | None = None, trunks: I64 | None = None
    ) -> I64:
        """Indices of one new party for each of ``numbers``, in the exchange of that number."""
        chosen = np.zeros(len(numbers), dtype=np.int64)
        taken: set[int] = set()
        waiting = np.arange(len(numbers))
        tries = 0
        while len(waiting):
            tries += 1
            # An exchange that is used up goes on in the one behind it.
            first = numbers[waiting] // EXCHANGE_SIZE * EXCHANGE_SIZE
            drawn = first + self._rng.integers(EXCHANGE_SIZE * (1 + tries // 20), size=len(waiting))
            refused = []
            for place, number in zip(waiting.tolist(), drawn.tolist(), strict=True):
                if number in self._index or number in taken:
                    refused.append(place)
                else:
                    taken.add(number)
                    chosen[place] = number
            waiting = np.array(refused, dtype=np.int64)
        return self.add(chosen, spam=spam, device=device, trunks=trunks)

    def add_range(self, count: int, *, device: int | None = None, trunks: I64 | None = None) -> I64:
        """Indices of consecutive new numbers, as an enterprise is assigned them."""
        while True:
            block = int(self._rng.choice(self._blocks))
            first = block + int(self._rng.integers(max(1, BLOCK_SIZE - count)))
            numbers = [n for n in range(first, first + 2 * count) if n not in self._index][:count]
            if len(numbers) == count:
                return self.add(np.array(numbers, dtype=np.int64), device=device, trunks=trunks)

    def column(self, name: str) -> npt.NDArray[np.int16]:
        """An attribute of every party, by index."""
        if len(self._columns[name]) > 1:
            self._columns[name] = [np.concatenate(self._columns[name])]
        return np.concatenate([np.empty(0, dtype=np.int16), *self._columns[name]])

    def numbers(self) -> I64:
        """Every party's number, digits of E.164 without the plus, by index."""
        return np.array(self._numbers, dtype=np.int64)
