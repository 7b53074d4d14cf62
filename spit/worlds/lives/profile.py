"""The operator of a seed: country, customers, habits of the region and reach of call signing."""

from __future__ import annotations

from dataclasses import dataclass

from spit.worlds.lives.draws import Rng, between, log_uniform, pick, uniform, weighted
from spit.worlds.lives.numbering import COUNTRIES, Country

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Region:
    """Ranges for one type of operator.

    flashing is the share of calls between people that are meant to stay unanswered. Donner's "The
    Rules of Beeping" (2007) quotes 20 to 30 % and more for Africa. signing is the share of trunks
    whose far end signs calls; France obliges its operators since October 2024, elsewhere it is rare.
    """

    countries: tuple[str, ...]
    mobile: Span
    transit: Span
    sip_firms: Span
    flashing: Span
    signing: Span
    voicemail: Span
    grey_routes: Span
    curiosity: Span
    trunks: tuple[int, int]


REGIONS: dict[str, tuple[Region, float]] = {
    "fixed_heavy_europe": (
        Region(
            ("de", "at", "it", "gb"),
            (0.2, 0.5),
            (0.0, 0.06),
            (0.5, 0.9),
            (0.002, 0.02),
            (0.0, 0.15),
            (0.35, 0.7),
            (0.0, 0.1),
            (0.03, 0.1),
            (5, 16),
        ),
        3.0,
    ),
    "signing_europe": (
        Region(
            ("fr",),
            (0.4, 0.8),
            (0.0, 0.08),
            (0.4, 0.9),
            (0.002, 0.02),
            (0.5, 0.95),
            (0.5, 0.85),
            (0.0, 0.1),
            (0.03, 0.1),
            (5, 18),
        ),
        2.0,
    ),
    "mobile_europe": (
        Region(
            ("pl", "ee", "it", "gb", "tr"),
            (0.65, 0.95),
            (0.0, 0.1),
            (0.3, 0.8),
            (0.005, 0.06),
            (0.0, 0.25),
            (0.2, 0.6),
            (0.0, 0.2),
            (0.05, 0.15),
            (4, 14),
        ),
        2.0,
    ),
    "hosted_voice": (
        Region(
            ("de", "gb", "za", "pl", "jp"),
            (0.05, 0.3),
            (0.0, 0.1),
            (0.8, 1.0),
            (0.0, 0.02),
            (0.0, 0.4),
            (0.3, 0.7),
            (0.0, 0.1),
            (0.03, 0.1),
            (6, 20),
        ),
        2.0,
    ),
    "mobile_africa": (
        Region(
            ("ng", "ke", "gh", "za"),
            (0.9, 0.99),
            (0.0, 0.1),
            (0.05, 0.35),
            (0.1, 0.32),
            (0.0, 0.05),
            (0.02, 0.25),
            (0.4, 1.0),
            (0.15, 0.4),
            (4, 10),
        ),
        3.0,
    ),
    "north_africa_gulf": (
        Region(
            ("ma", "eg", "ae", "tr"),
            (0.75, 0.95),
            (0.03, 0.2),
            (0.1, 0.4),
            (0.04, 0.2),
            (0.0, 0.05),
            (0.05, 0.3),
            (0.3, 1.0),
            (0.1, 0.3),
            (4, 12),
        ),
        2.0,
    ),
    "south_asia": (
        Region(
            ("in", "bd"),
            (0.85, 0.98),
            (0.0, 0.1),
            (0.1, 0.4),
            (0.06, 0.25),
            (0.0, 0.1),
            (0.02, 0.15),
            (0.3, 1.0),
            (0.1, 0.35),
            (5, 20),
        ),
        2.0,
    ),
    "east_asia": (
        Region(
            ("id", "ph", "jp"),
            (0.5, 0.95),
            (0.0, 0.1),
            (0.2, 0.6),
            (0.01, 0.12),
            (0.0, 0.1),
            (0.1, 0.5),
            (0.1, 0.6),
            (0.05, 0.2),
            (4, 16),
        ),
        2.0,
    ),
    "wholesale_hub": (
        Region(
            ("gb", "ae", "ke", "fr", "za"),
            (0.4, 0.8),
            (0.2, 0.45),
            (0.2, 0.6),
            (0.02, 0.15),
            (0.05, 0.5),
            (0.1, 0.5),
            (0.2, 0.8),
            (0.05, 0.25),
            (10, 20),
        ),
        2.0,
    ),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """Drawn parameters of one operator; shares are fractions, times are seconds."""

    region: str
    country: Country
    mobile_share: float
    transit_share: float
    sip_firm_share: float
    flashing: float
    signing: float
    signs_own: bool
    verifies: bool
    voicemail: float
    voicemail_after_s: float
    ring_limit_s: float
    grey_routes: float
    curiosity: float
    stranger_pickup: float
    foreign_penalty: float
    answer_median_s: float
    talk_scale: float
    trunk_count: int
    vacant_announced: float
    complaint_blocking: float
    blocks_after: int
    messages: float
    trades_by_phone: float
    spam_share: float
    foreign_contacts: float
    busy_elsewhere: float
    home_people_per_call: float


def draw_profile(rng: Rng) -> Profile:
    """One operator of a random region."""
    name = weighted(rng, [(key, weight) for key, (_, weight) in REGIONS.items()])
    region = REGIONS[name][0]
    signing = uniform(rng, *region.signing)
    return Profile(
        region=name,
        country=COUNTRIES[pick(rng, region.countries)],
        mobile_share=uniform(rng, *region.mobile),
        transit_share=uniform(rng, *region.transit),
        sip_firm_share=uniform(rng, *region.sip_firms),
        flashing=uniform(rng, *region.flashing),
        signing=signing,
        signs_own=bool(rng.random() < 0.15 + signing),
        verifies=bool(rng.random() < 0.25 + signing),
        voicemail=uniform(rng, *region.voicemail),
        voicemail_after_s=uniform(rng, 14.0, 35.0),
        ring_limit_s=pick(rng, (30.0, 45.0, 60.0, 60.0, 90.0, 120.0)),
        grey_routes=uniform(rng, *region.grey_routes),
        curiosity=uniform(rng, *region.curiosity),
        # Share of unknown calls picked up: surveys of unknown-number behaviour run from a fifth
        # (United States) to most calls (low-spam countries).
        stranger_pickup=uniform(rng, 0.28, 0.8),
        foreign_penalty=uniform(rng, 0.3, 0.9),
        answer_median_s=log_uniform(rng, 5.0, 11.0),
        talk_scale=log_uniform(rng, 0.6, 1.5),
        trunk_count=between(rng, *region.trunks),
        vacant_announced=uniform(rng, 0.0, 0.4),
        complaint_blocking=float(rng.random() < 0.5) * uniform(rng, 0.2, 0.95),
        blocks_after=between(rng, 3, 14),
        messages=uniform(rng, 0.01, 0.12),
        trades_by_phone=log_uniform(rng, 0.5, 2.0),
        spam_share=uniform(rng, 0.175, 0.235),
        foreign_contacts=uniform(rng, 0.04, 0.2),
        # Talks that this operator does not see: other networks, other applications.
        busy_elsewhere=uniform(rng, 0.01, 0.08),
        home_people_per_call=log_uniform(rng, 0.05, 0.2),
    )
