"""Named scenarios: complete specs that only need a seed."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from spit.errors import ConfigError
from spit.simulate.spec import DEFAULT_START_TIME_S, CampaignKind, CampaignSpec, SimulationSpec
from spit.simulate.world import draw_world

_HOUR_S = 3_600


#: Seeds of committed captures that were chosen; the others follow from the name.
_COMMITTED = {"demo": 64}


def scenario(name: str, seed: int | None = None) -> SimulationSpec:
    """The spec of a named scenario; ``seed`` None takes the seed of the committed captures.

    Raises ConfigError when there is no scenario of that name.
    """
    try:
        build = SCENARIOS[name]
    except KeyError:
        raise ConfigError(f"scenario: expected one of {', '.join(SCENARIOS)}, found {name!r}") from None
    return build(seed if seed is not None else _COMMITTED.get(name, zlib.crc32(name.encode()) % 10_000))


def demo(seed: int) -> SimulationSpec:
    """Six office hours of some 400 callers: all four campaigns beside a call centre and an alert blast."""
    return SimulationSpec(
        seed=seed,
        start_time_s=DEFAULT_START_TIME_S + 9 * _HOUR_S,
        duration_s=6 * _HOUR_S,
        residential=340,
        new_subscribers=20,
        businesses=8,
        pbxs=1,
        call_centres=1,
        alert_blasts=1,
        reminders=2,
        probes=1,
        campaigns=(
            CampaignSpec(CampaignKind.TELEMARKETER, 0.6),
            CampaignSpec(CampaignKind.ROBOCALLER, 0.7),
            CampaignSpec(CampaignKind.WANGIRI, 0.7),
            CampaignSpec(CampaignKind.SEQUENTIAL, 0.8),
        ),
    )


#: Callers of each kind, fewest and most, per day of a large network; the seed draws how large the network is.
#: The same for every population: what differs between them is the world.
COUNTS: dict[str, tuple[int, int]] = {
    "residential": (100, 1000),
    "new_subscribers": (5, 80),
    "businesses": (5, 50),
    "pbxs": (1, 7),
    "call_centres": (0, 4),
    "alert_blasts": (0, 4),
    "reminders": (1, 7),
    "probes": (0, 4),
    "call_back_storms": (0, 4),
    "light_callers": (50, 1500),
    "teenagers": (10, 150),
    "elderly": (20, 300),
    "families": (5, 80),
    "visitors": (500, 9000),
    "travellers": (10, 300),
    "chatters": (5, 150),
    "forwarders": (0, 15),
    "enterprises": (0, 6),
    "mobile_couriers": (1, 25),
    "dispatchers": (0, 5),
    "surveys": (0, 4),
    "hotlines": (0, 6),
    "conferences": (0, 3),
    "notifiers": (0, 3),
    "voicemails": (0, 3),
    "faxes": (0, 15),
    "alarms": (0, 4),
    "roaming_gateways": (0, 3),
    "emergencies": (0, 2),
    "phone_ins": (0, 4),
}
#: Size of the network against COUNTS; hours of the capture; trunks; share of calls that are spam. Per
#: population.
SIZE_RANGE = (0.2, 2.0)
HOURS_RANGE = {"training": (2.0, 40.0), "transfer": (20.0, 48.0)}
TRUNKS_RANGE = {"training": (1, 24), "transfer": (20, 30)}
SPAM_RANGE = {"training": (0.02, 0.45), "transfer": (0.05, 0.55)}
CAMPAIGNS_RANGE = (6, 32)
#: Kinds of which there may be more than this grow with the network.
LARGE = 50


def training(seed: int) -> SimulationSpec:
    """Everything swept by the seed: world, trunks, populations, campaigns, hours (docs/simulation.md)."""
    return _drawn(seed, "training")


def transfer(seed: int) -> SimulationSpec:
    """The same kinds in a world at the edge of what training draws, or beyond it."""
    return _drawn(seed, "transfer")


def _drawn(seed: int, population: str) -> SimulationSpec:
    rng = np.random.default_rng([seed, zlib.crc32(population.encode())])
    size = float(np.exp(rng.uniform(*np.log(SIZE_RANGE))))
    kinds = list(CampaignKind)
    count = int(rng.integers(CAMPAIGNS_RANGE[0], CAMPAIGNS_RANGE[1] + 1))
    # Each kind once before any comes again.
    order = np.concatenate([rng.permutation(len(kinds)), rng.permutation(len(kinds))])[:count]
    campaigns = tuple(
        CampaignSpec(kinds[i], round(float(rng.random()), 3), weight=round(float(rng.lognormal(0.0, 0.8)), 3))
        for i in order.tolist()
    )
    low_h, high_h = HOURS_RANGE[population]
    # Short captures are as likely as long ones: an operator begins with an hour.
    hours = float(np.exp(rng.uniform(np.log(low_h), np.log(high_h))))
    low_trunks, high_trunks = TRUNKS_RANGE[population]
    return SimulationSpec(
        seed=seed,
        start_time_s=DEFAULT_START_TIME_S + int(rng.integers(7 * 24)) * _HOUR_S,
        duration_s=round(hours * _HOUR_S),
        world=draw_world(rng, population),
        trunks=int(rng.integers(low_trunks, high_trunks + 1)),
        campaigns=campaigns,
        spam_ratio=round(float(rng.uniform(*SPAM_RANGE[population])), 4),
        **{name: _size(rng, low, high, size) for name, (low, high) in COUNTS.items()},
    )


def _size(rng: np.random.Generator, low: int, high: int, size: float) -> int:
    """Geometric between low and high, at the network's size; few of a kind are not made fewer."""
    drawn = float(np.exp(rng.uniform(np.log(low + 1), np.log(high + 1)))) - 1.0
    return round(drawn * size) if high > LARGE else round(drawn)


def size_table() -> str:
    """The table of population sizes and of what else a scenario draws, as docs/simulation.md has it."""
    lines = ["| Drawn by the scenario | `training` | `transfer` |", "|---|---|---|"]

    def row(name: str, training: tuple[float, float], transfer: tuple[float, float]) -> None:
        ranges = " | ".join(f"{low:g} to {high:g}" for low, high in (training, transfer))
        lines.append(f"| {name} | {ranges} |")

    row("hours of the capture, geometric", HOURS_RANGE["training"], HOURS_RANGE["transfer"])
    row("trunks", TRUNKS_RANGE["training"], TRUNKS_RANGE["transfer"])
    row("spam share of calls", SPAM_RANGE["training"], SPAM_RANGE["transfer"])
    row("campaigns, each of any strength", CAMPAIGNS_RANGE, CAMPAIGNS_RANGE)
    row("size of the network, geometric", SIZE_RANGE, SIZE_RANGE)
    for name, (low, high) in COUNTS.items():
        row(f"`{name}`, geometric" + (", times size" if high > LARGE else ""), (low, high), (low, high))
    return "\n".join(lines) + "\n"


def legitimate(seed: int) -> SimulationSpec:
    """An hour of people and businesses, no spam."""
    return _small(seed, residential=140)


def _small_campaign(kind: CampaignKind, strength: float) -> Callable[[int], SimulationSpec]:
    def build(seed: int) -> SimulationSpec:
        return _small(seed, residential=24, campaigns=(CampaignSpec(kind, strength, calls=40),))

    return build


def _small(seed: int, residential: int, campaigns: tuple[CampaignSpec, ...] = ()) -> SimulationSpec:
    return SimulationSpec(
        seed=seed,
        start_time_s=DEFAULT_START_TIME_S + 10 * _HOUR_S,
        duration_s=_HOUR_S,
        residential=residential,
        new_subscribers=2,
        businesses=1,
        pbxs=0,
        call_centres=0,
        alert_blasts=0,
        reminders=1,
        probes=0,
        campaigns=campaigns,
    )


SCENARIOS: dict[str, Callable[[int], SimulationSpec]] = {
    "demo": demo,
    "training": training,
    "transfer": transfer,
    "legitimate": legitimate,
    "telemarketer": _small_campaign(CampaignKind.TELEMARKETER, 0.8),
    "rotating": _small_campaign(CampaignKind.ROBOCALLER, 0.8),
    "wangiri": _small_campaign(CampaignKind.WANGIRI, 0.8),
    "sequential": _small_campaign(CampaignKind.SEQUENTIAL, 0.9),
}
