"""The shared ground: trunks, their formats, and the numbering plans that callers and callees live in.

Numbers lie where nobody's phone rings: area codes that the North American plan has not assigned (555, 37X,
96X), and country codes that ITU-T E.164 has not assigned (219, 384, 999). Addresses are of the documentation
ranges (RFC 5737, RFC 3849).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spit.simulate.profiles import PROFILES

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

BLOCK_SIZE = 1000  # thousands-blocks: the unit in which numbers are assigned to carriers
EXCHANGE_SIZE = 10_000  # what shares the first six digits of a North American number
#: Below this a number is an extension of the called domain, as in tracking (docs/configuration.md).
MIN_NUMBER = 1_000_000

CALLEE_DOMAIN = "voice.example.net"
SBC_IPS = ("203.0.113.10", "203.0.113.11")
SBC_IPS_V6 = ("2001:db8:5b::10", "2001:db8:5b::11")
#: Where the SBC sends calls on that the mirror shows twice.
CORE_IPS = ("203.0.113.140", "203.0.113.141")
CORE_IPS_V6 = ("2001:db8:5b::140", "2001:db8:5b::141")

#: How a trunk writes numbers: ``sip:+E164``, ``tel:+E164``, national where the number is of the home country
#: and 00E164 elsewhere, or 00E164 throughout.
NUMBER_FORMATS = ("e164", "tel", "national", "prefixed")
DEFAULT_CHALLENGED_RATIO = 0.12


@dataclass(frozen=True, slots=True)
class Trunk:
    """A peer that delivers calls: its address, its domain and the origid it signs with (RFC 8588).

    ``profiles``: header profiles seen through it, by index; empty: every caller's own equipment is seen.
    ``proxied_ratio``: share of its calls that the mirror shows on a second hop. ``vlan``: 802.1Q tag or None.
    """

    ip: str
    domain: str
    origid: str
    rtt_s: float = 0.03
    challenged_ratio: float = DEFAULT_CHALLENGED_RATIO
    transport: str = "udp"
    vlan: int | None = None
    compact: bool = False
    number_format: str = "e164"
    profiles: tuple[int, ...] = ()
    proxied_ratio: float = 0.0

    @property
    def is_ipv6(self) -> bool:
        """Whether the peer's address is one of IPv6."""
        return ":" in self.ip


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """How numbers of a country look. ``areas``: leading digits behind the country code."""

    country_code: int
    national_digits: int
    areas: tuple[int, ...]
    national_prefix: str = "0"

    @property
    def size(self) -> int:
        """Ten to the number of national digits."""
        return int(10**self.national_digits)

    def holds(self, number: int) -> bool:
        """Whether a number in E.164 digits is of this country."""
        return bool(number // self.size == self.country_code)

    def block(self, rng: np.random.Generator, exchange: int | None = None) -> int:
        """First number of a random thousands-block, of this exchange or of any."""
        if exchange is None:
            exchange = self.exchange(rng)
        return exchange + int(rng.integers(EXCHANGE_SIZE // BLOCK_SIZE)) * BLOCK_SIZE

    def exchange(self, rng: np.random.Generator) -> int:
        """First number of a random exchange."""
        area = self.areas[int(rng.integers(len(self.areas)))]
        tail = self.national_digits - len(str(area))
        # As in the North American plan: no exchange begins with 0 or 1.
        exchange = int(rng.integers(2 * 10 ** (tail - 5), 10 ** (tail - 4)))
        return self.country_code * self.size + area * int(10**tail) + exchange * EXCHANGE_SIZE


AREA_CODES = (555, *range(370, 380), *range(960, 970))
NORTH_AMERICA = NumberPlan(1, 10, AREA_CODES, "1")
#: Unassigned country codes with national numbers of eight to ten digits.
NUMBER_PLANS = (
    NORTH_AMERICA,
    NumberPlan(219, 8, (20, 31, 44, 60, 71, 77)),
    NumberPlan(384, 9, (11, 21, 30, 40, 62, 69, 72, 78)),
    NumberPlan(999, 10, (151, 160, 170, 211, 221, 341, 40, 89)),
)

TRUNKS = tuple(
    Trunk(ip, domain, origid, 0.008 + 0.007 * index)
    for index, (ip, domain, origid) in enumerate(
        (
            ("192.0.2.11", "sip.alder.example", "2f6a9c1e-5b0d-4c7e-9a51-0d6f1c2b7e01"),
            ("192.0.2.37", "gw.birch.example", "7c1d0b44-93fe-4f0a-8d2b-6a5e9e3f1c02"),
            ("198.51.100.8", "voip.cedar.example", "b95e7a20-1c4d-4e8b-b7f3-2d9a0c6e5f03"),
            ("198.51.100.74", "sbc1.elm.example", "e03f6d18-7a2c-4b9d-a1e6-9c8b7d5a4f04"),
            ("198.51.100.140", "sip.hazel.example", "41b8c5d7-0e9f-4a36-8c72-5f1e3b6d9a05"),
            ("192.0.2.201", "edge.rowan.example", "96d2e4f0-6b3a-4d15-9f84-1a7c0e8b2d06"),
        )
    )
)


@dataclass(frozen=True, slots=True)
class Network:
    """The trunks of one operator and the share of calls on each.

    Spam and legitimate callers draw from the same. ``verifies``: peers say in ``verstat`` what they verified.
    """

    trunks: tuple[Trunk, ...]
    weights: tuple[float, ...]
    home: NumberPlan = NORTH_AMERICA
    verifies: bool = False

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """A numeric attribute of every trunk, by index."""
        return np.array([getattr(trunk, name) for trunk in self.trunks], dtype=np.float64)

    def profiles(self, trunk: npt.NDArray[np.integer], device: npt.NDArray[np.integer]) -> I64:
        """The header profile seen of each call: the trunk's where it hides what is behind it."""
        widest = max(1, *(len(t.profiles) for t in self.trunks))
        table = np.array([np.resize(t.profiles or (-1,), widest) for t in self.trunks])
        kinds = np.array([max(1, len(t.profiles)) for t in self.trunks])
        seen = table[trunk, device % kinds[trunk]]
        return np.where(seen < 0, device, seen).astype(np.int64)

    def write_number(self, number: int, trunk: Trunk) -> str:
        """The user part as the trunk writes this number, digits of E.164."""
        if number < MIN_NUMBER:
            return str(number)
        if trunk.number_format == "national" and self.home.holds(number):
            national = str(number)[len(str(self.home.country_code)) :]
            return self.home.national_prefix + national
        if trunk.number_format in ("national", "prefixed"):
            return f"00{number}"
        return f"+{number}"

    def identity_settings(self) -> dict[str, object]:
        """The keys of ``[identity]`` (docs/configuration.md) under which every format reads as E.164."""
        settings: dict[str, object] = {
            "country_code": str(self.home.country_code),
            "national_prefix": self.home.national_prefix,
            "national_lengths": [self.home.national_digits],
        }
        if self.verifies:
            settings["trusted_peers"] = sorted({trunk.ip for trunk in self.trunks})
        return settings


#: Share of calls per trunk: that of the committed captures.
DEFAULT_NETWORK = Network(TRUNKS, (0.28, 0.22, 0.18, 0.14, 0.10, 0.08))


def draw_network(rng: np.random.Generator, trunks: int, *, mixed_ratio: float = 0.5) -> Network:
    """A network of so many trunks with formats, equipment, shares and delays of its own.

    ``mixed_ratio``: how likely a trunk departs from plain UDP, IPv4 and E.164 in each respect.
    """

    def mixed() -> bool:
        return bool(rng.random() < mixed_ratio)

    drawn = []
    for index in range(trunks):
        # A gateway hides what is behind it; an access trunk shows every subscriber's equipment.
        pool = int(rng.choice([0, 1, 1, 2, 3, 5]))
        if mixed() and rng.random() < 0.4:
            ip = f"2001:db8:{rng.integers(1, 0x4FFF):x}::{index + 1:x}"
        else:
            # Two networks by turns, seven addresses for each to choose from: no two trunks share one.
            ip = f"{('192.0.2', '198.51.100')[index % 2]}.{1 + index // 2 * 7 + int(rng.integers(7))}"
        drawn.append(
            Trunk(
                ip,
                f"{rng.choice(['sip', 'gw', 'voip', 'edge', 'sbc1'])}.peer{index + 1}.example",
                _uuid(rng),
                rtt_s=float(rng.uniform(0.004, 0.09)),
                challenged_ratio=float(rng.choice([0.0, 0.0, 0.0, 0.1, 0.5, 1.0]) * rng.uniform(0.7, 1.0)),
                transport="tcp" if mixed() and rng.random() < 0.5 else "udp",
                vlan=int(rng.integers(2, 4000)) if mixed() and rng.random() < 0.4 else None,
                compact=bool(mixed() and rng.random() < 0.4),
                number_format=str(rng.choice(NUMBER_FORMATS)) if mixed() else "e164",
                profiles=tuple(rng.choice(len(PROFILES), pool, replace=False).tolist()),
                proxied_ratio=float(rng.uniform(0.5, 1.0)) if mixed() and rng.random() < 0.3 else 0.0,
            )
        )
    shares = rng.dirichlet(np.full(trunks, float(rng.uniform(0.6, 4.0)))) + 0.01
    home = NUMBER_PLANS[int(rng.choice(len(NUMBER_PLANS), p=[0.4, 0.2, 0.2, 0.2]))]
    return Network(
        tuple(drawn), tuple((shares / shares.sum()).tolist()), home, verifies=bool(rng.random() < 0.4)
    )


def _uuid(rng: np.random.Generator) -> str:
    digits = f"{int(rng.integers(2**63)):016x}{int(rng.integers(2**63)):016x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
