"""The shared ground: trunks, number blocks, and the book of parties that call and are called.

Numbers lie in area codes that the North American plan has not assigned (555, 37X, 96X): nobody's phone rings.
Addresses are of the documentation ranges (RFC 5737).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spit.simulate.profiles import PROFILES

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

AREA_CODES = (555, *range(370, 380), *range(960, 970))
BLOCK_SIZE = 1000  # thousands-blocks: the unit in which numbers are assigned to carriers
SUBSCRIBERS_PER_BLOCK = 300

CALLEE_DOMAIN = "voice.example.net"
SBC_IPS = ("203.0.113.10", "203.0.113.11")


@dataclass(frozen=True, slots=True)
class Trunk:
    """A peer that delivers calls: its address, its domain and the origid it signs with (RFC 8588)."""

    ip: str
    domain: str
    origid: str


TRUNKS = (
    Trunk("192.0.2.11", "sip.alder.example", "2f6a9c1e-5b0d-4c7e-9a51-0d6f1c2b7e01"),
    Trunk("192.0.2.37", "gw.birch.example", "7c1d0b44-93fe-4f0a-8d2b-6a5e9e3f1c02"),
    Trunk("198.51.100.8", "voip.cedar.example", "b95e7a20-1c4d-4e8b-b7f3-2d9a0c6e5f03"),
    Trunk("198.51.100.74", "sbc1.elm.example", "e03f6d18-7a2c-4b9d-a1e6-9c8b7d5a4f04"),
    Trunk("198.51.100.140", "sip.hazel.example", "41b8c5d7-0e9f-4a36-8c72-5f1e3b6d9a05"),
    Trunk("192.0.2.201", "edge.rowan.example", "96d2e4f0-6b3a-4d15-9f84-1a7c0e8b2d06"),
)

#: Share of calls per trunk; spam and legitimate callers draw from the same.
TRUNK_WEIGHTS: F64 = np.array([0.28, 0.22, 0.18, 0.14, 0.10, 0.08])

#: Attestation given that a call is signed, in the order A, B, C. At one spam call in four these give
#: about 8 % spam among A and 30 to 35 % among B and C (docs/simulation.md: a weak prior).
ATTESTATION_HAM: F64 = np.array([0.50, 0.25, 0.25])
ATTESTATION_SPAM: F64 = np.array([0.15, 0.38, 0.47])
SIGNED_RATIO = 0.4

DISPLAY_NAMES = (
    *("", "", "", "", "Wireless Caller", "Unavailable", "A Morgan", "B Keller", "C Osei", "D Lindqvist"),
    *("E Tanaka", "F Moreau", "G Novak", "Harbor Dental", "Ridge Supply", "Metro Services", "Front Desk"),
    *("Customer Care", "Member Services", "Office", "Main Line", "Reception"),
)

#: Usage of profiles is skewed as in the field: a few releases carry most of the traffic.
_PROFILE_RANKS = 1.0 / (3.0 + np.arange(len(PROFILES)))


class PartyBook:
    """Numbers and their lasting attributes, by index. Grows while a plan is drawn; one per simulation."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._index: dict[int, int] = {}
        self._numbers: list[int] = []
        self._columns: dict[str, list[npt.NDArray[np.int16]]] = {
            name: [] for name in ("trunk", "profile", "attestation", "display")
        }
        # Which release is common differs from network to network, so the order is drawn.
        self.profile_weights: F64 = rng.permutation(_PROFILE_RANKS / _PROFILE_RANKS.sum())
        self._blocks: list[int] = []

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def blocks(self) -> list[int]:
        """First numbers of the blocks in use."""
        return self._blocks

    def open_blocks(self, subscribers: int) -> None:
        """Chooses enough number blocks for so many subscribers."""
        count = max(4, -(-subscribers // SUBSCRIBERS_PER_BLOCK))
        chosen = set(self._blocks)
        while len(chosen) < len(self._blocks) + count:
            area = AREA_CODES[int(self._rng.integers(len(AREA_CODES)))]
            exchange = int(self._rng.integers(200, 1000))
            thousand = int(self._rng.integers(10))
            chosen.add((1000 + area) * 10_000_000 + exchange * 10_000 + thousand * 1000)
        self._blocks = sorted(chosen)

    def add(
        self, numbers: I64, *, spam: bool = False, profile: int | None = None, trunks: I64 | None = None
    ) -> I64:
        """Indices of these numbers; those not in the book yet are added with drawn attributes.

        ``profile`` and ``trunks`` narrow what is drawn to what a campaign shares.
        """
        fresh = [n for n in dict.fromkeys(numbers.tolist()) if n not in self._index]
        for number in fresh:
            self._index[number] = len(self._numbers)
            self._numbers.append(number)
        count = len(fresh)
        if count:
            rng = self._rng
            signed = rng.random(count) < SIGNED_RATIO
            weights = ATTESTATION_SPAM if spam else ATTESTATION_HAM
            drawn = {
                "trunk": rng.choice(len(TRUNKS), count, p=TRUNK_WEIGHTS)
                if trunks is None
                else rng.choice(trunks, count),
                "profile": rng.choice(len(PROFILES), count, p=self.profile_weights)
                if profile is None
                else np.full(count, profile),
                "attestation": np.where(signed, 1 + rng.choice(3, count, p=weights), 0),
                "display": rng.integers(len(DISPLAY_NAMES), size=count),
            }
            for name, values in drawn.items():
                self._columns[name].append(values.astype(np.int16))
        return np.array([self._index[n] for n in numbers.tolist()], dtype=np.int64)

    def add_random(
        self, count: int, *, spam: bool = False, profile: int | None = None, trunks: I64 | None = None
    ) -> I64:
        """Indices of ``count`` new parties with numbers in the blocks in use, callers and callees alike."""
        found: dict[int, None] = {}
        while len(found) < count:
            blocks = self._rng.choice(self._blocks, count)
            for number in (blocks + self._rng.integers(BLOCK_SIZE, size=count)).tolist():
                if number not in self._index and len(found) < count:
                    found[number] = None
            if len(self._numbers) + count > len(self._blocks) * BLOCK_SIZE * 9 // 10:
                self.open_blocks(count)
        return self.add(np.array(list(found), dtype=np.int64), spam=spam, profile=profile, trunks=trunks)

    def column(self, name: str) -> npt.NDArray[np.int16]:
        """An attribute of every party, by index."""
        return np.concatenate([np.empty(0, dtype=np.int16), *self._columns[name]])

    def numbers(self) -> I64:
        """Every party's number, digits of E.164 without the plus, by index."""
        return np.array(self._numbers, dtype=np.int64)
