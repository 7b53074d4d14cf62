"""Subscribers, their households, daily rhythm and acquaintances.

Distinct contacts and calls per person are heavy-tailed (Seshadri et al., "Mobile call graphs:
beyond power-law and lognormal distributions", KDD 2008); most calls go to very few ties.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from spit.worlds.lives.clock import bump
from spit.worlds.lives.draws import Rng, around, below, chance, early_heavy, pick, uniform, weighted
from spit.worlds.lives.network import Network, Origin, address
from spit.worlds.lives.numbering import NumberPlan, foreign_number
from spit.worlds.lives.profile import Profile

# kind of life: (share, wakes, sleeps, [(hour, width, weight) of calling], calls factor, talk factor)
LIVES: dict[str, tuple[float, float, float, tuple[tuple[float, float, float], ...], float, float]] = {
    "office_worker": (0.27, 6.5, 23.0, ((8.0, 0.8, 0.7), (12.5, 1.0, 0.9), (18.0, 1.8, 1.5)), 1.0, 1.0),
    "shift_worker": (0.11, 4.5, 22.0, ((5.0, 1.0, 0.4), (14.5, 1.5, 1.2), (19.0, 2.0, 1.0)), 0.9, 0.8),
    "night_worker": (0.04, 13.0, 6.0, ((15.0, 2.0, 1.0), (21.0, 2.0, 1.0), (2.0, 2.5, 0.6)), 1.0, 0.8),
    "parent_at_home": (0.13, 6.0, 22.5, ((9.5, 1.5, 1.2), (15.0, 2.0, 1.0), (20.0, 1.2, 0.7)), 1.1, 1.3),
    "student": (0.16, 8.5, 25.5, ((13.0, 2.0, 0.7), (18.5, 2.5, 1.2), (22.5, 1.5, 0.9)), 0.8, 1.0),
    "retired": (0.17, 6.5, 22.0, ((10.0, 1.8, 1.5), (15.5, 2.0, 1.0), (19.0, 1.2, 0.7)), 0.7, 1.8),
    "trader": (0.12, 6.0, 22.0, ((8.5, 2.0, 1.5), (12.0, 3.0, 1.4), (17.0, 2.5, 1.2)), 2.6, 0.6),
}

GIVEN_NAMES = (
    "anna",
    "amina",
    "chidi",
    "jan",
    "jonas",
    "kenji",
    "lea",
    "maria",
    "omar",
    "priya",
    "siti",
    "tomasz",
)


@dataclass(slots=True, eq=False)
class Subscriber:
    """A person (or family) with one line. Probabilities are this person's own."""

    index: int
    number: str
    home: bool
    use: str
    life: str
    wakes: float
    sleeps: float
    origin: Origin
    activity: float
    talk: float
    picks_strangers: float
    curious: float
    gullible: float
    has_voicemail: bool
    off_share: float
    call_waiting: float
    forwards_to: str | None = None
    forwards_always: bool = False
    busy_until: float = 0.0
    returned: int = 0
    ties: list[str] = field(default_factory=list)
    knows: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)

    def awake(self, hour: float) -> bool:
        """True between waking and going to bed; hours of bed-time may pass 24."""
        return (
            self.wakes <= hour < self.sleeps
            or hour < self.sleeps - 24.0
            or (self.sleeps < self.wakes and (hour >= self.wakes or hour < self.sleeps))
        )


def rhythm_of(person: Subscriber) -> np.ndarray:
    """24 hourly weights of this person's calling."""
    peaks = LIVES[person.life][3]
    shift = person.wakes - LIVES[person.life][1]
    weights = [
        sum(w * bump(h + 0.5, centre + shift, width) for centre, width, w in peaks) + 0.03 for h in range(24)
    ]
    return np.array([w if person.awake(h + 0.5) else 0.05 * w for h, w in enumerate(weights)])


@dataclass(slots=True)
class Population:
    """Everyone who can be called as a person."""

    people: list[Subscriber]
    home: list[Subscriber]
    strangers_pool: list[Subscriber]

    def someone_home(self, rng: Rng) -> Subscriber:
        """A subscriber of the operator."""
        return pick(rng, self.home)

    def anyone(self, rng: Rng, home_share: float) -> Subscriber:
        """A subscriber of the operator with the given probability, else of another one."""
        return pick(rng, self.home) if chance(rng, home_share) else pick(rng, self.strangers_pool)


def _person(
    rng: Rng, profile: Profile, plan: NumberPlan, network: Network, index: int, home: bool
) -> Subscriber:
    life = weighted(rng, [(name, row[0]) for name, row in LIVES.items()])
    row = LIVES[life]
    use = "mobile" if chance(rng, profile.mobile_share) else "fixed"
    trunk = None
    customer = network.own_origid
    if home:
        number = plan.allocate(rng, use if use == "mobile" or chance(rng, 0.9) else "nomadic")
        over_wifi = use == "mobile" and chance(rng, 0.15)
        source = pick(rng, network.access_pool) if use == "mobile" and not over_wifi else address(rng)
        kind = (
            "handset"
            if use == "mobile"
            else weighted(rng, [("home", 6.0), ("softphone", 1.5), ("desk", 0.6)])
        )
    else:
        abroad = chance(rng, profile.foreign_contacts + profile.transit_share)
        number = foreign_number(rng, plan.country.code) if abroad else plan.elsewhere(rng, use)
        trunk = network.some(
            rng,
            # Least-cost routing brings some national callers in over transit, too.
            "transit"
            if abroad
            else weighted(rng, [("national", 5.0), ("sip_provider", 3.0), ("transit", 0.8)]),
        )
        source = ""
        customer = trunk.origid
        kind = "handset" if use == "mobile" else "home"
    if home and kind == "softphone" and chance(rng, 0.6):
        number = f"{pick(rng, GIVEN_NAMES)}{below(rng, 10_000)}@{plan.domain}"
    origin = Origin(
        number,
        number,
        trunk,
        source,
        network.catalogue.draw(rng, kind),
        customer,
        entitled=trunk is None or trunk.kind != "transit",
        withheld=chance(rng, 0.015),
    )
    return Subscriber(
        index=index,
        number=number,
        home=home,
        use=use,
        life=life,
        wakes=row[1] + 0.8 * float(rng.standard_normal()),
        sleeps=row[2] + 0.8 * float(rng.standard_normal()),
        origin=origin,
        activity=row[4] * min(around(rng, 1.0, 0.9), 12.0),
        talk=row[5] * around(rng, 1.0, 0.35),
        picks_strangers=float(rng.beta(2.2, 2.2 * (1.0 / profile.stranger_pickup - 1.0))),
        curious=float(rng.beta(0.8, 0.8 * (1.0 / profile.curiosity - 1.0))),
        gullible=around(rng, 1.0, 0.6),
        has_voicemail=chance(rng, profile.voicemail),
        off_share=float(rng.beta(0.6, 12.0 if use == "mobile" else 60.0)),
        call_waiting=0.45 if use == "mobile" else 0.15,
    )


def _befriend(rng: Rng, people: list[Subscriber], profile: Profile) -> None:
    """Ties within households, neighbourhoods (nearby indices) and across the whole population."""
    count = len(people)
    for person in people:
        wanted = 1 + early_heavy(rng, 4, 1.0) + int(around(rng, 2.0, 1.0))
        for rank in range(min(wanted, 60)):
            reach = 3 if rank == 0 else 40 if chance(rng, 0.7) else count
            other = people[(person.index + 1 + below(rng, reach)) % count]
            seen = person.home or other.home or chance(rng, profile.transit_share)
            if other is person or not seen or other.number in person.knows:
                continue
            person.ties.append(other.number)
            other.ties.append(person.number)
            person.knows.add(other.number)
            other.knows.add(person.number)


def draw_population(rng: Rng, profile: Profile, plan: NumberPlan, network: Network, calls: int) -> Population:
    """People of the operator and those outside who know them."""
    home_count = max(400, int(calls * profile.home_people_per_call))
    outside_count = int(home_count * uniform(rng, 0.6, 2.0))
    total = home_count + outside_count
    people = [_person(rng, profile, plan, network, i, chance(rng, home_count / total)) for i in range(total)]
    _befriend(rng, people, profile)
    home = [person for person in people if person.home]
    for person in home:
        if chance(rng, 0.03) and person.ties:
            person.forwards_to = person.ties[0]
            person.forwards_always = chance(rng, 0.3)
    return Population(people, home, [person for person in people if not person.home])
