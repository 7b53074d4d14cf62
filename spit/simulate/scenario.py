"""Named scenarios: complete specs that only need a seed."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from spit.errors import ConfigError
from spit.simulate.spec import DEFAULT_START_TIME_S, CampaignKind, CampaignSpec, SimulationSpec

_HOUR_S = 3_600


def scenario(name: str, seed: int | None = None) -> SimulationSpec:
    """The spec of a named scenario; ``seed`` None takes the seed of the committed captures.

    Raises ConfigError when there is no scenario of that name.
    """
    try:
        build = SCENARIOS[name]
    except KeyError:
        raise ConfigError(f"scenario: expected one of {', '.join(SCENARIOS)}, found {name!r}") from None
    return build(seed if seed is not None else zlib.crc32(name.encode()) % 10_000)


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


def training(seed: int) -> SimulationSpec:
    """One to three days; populations, campaigns and their strength are swept by the seed."""
    rng = np.random.default_rng([seed, zlib.crc32(b"training")])
    kinds = list(CampaignKind)
    # Each kind once, then more at random, so that no training day lacks one.
    drawn = [*kinds, *(kinds[i] for i in rng.integers(len(kinds), size=int(rng.integers(1, 7))).tolist())]
    return SimulationSpec(
        seed=seed,
        start_time_s=DEFAULT_START_TIME_S + int(rng.integers(24)) * _HOUR_S,
        duration_s=int(rng.integers(24, 73)) * _HOUR_S,
        residential=int(rng.integers(300, 1200)),
        new_subscribers=int(rng.integers(10, 80)),
        businesses=int(rng.integers(10, 50)),
        pbxs=int(rng.integers(1, 7)),
        call_centres=int(rng.integers(1, 4)),
        alert_blasts=int(rng.integers(1, 4)),
        reminders=int(rng.integers(2, 7)),
        probes=int(rng.integers(1, 4)),
        call_back_storms=int(rng.integers(0, 3)),
        campaigns=tuple(CampaignSpec(kind, round(float(rng.random()), 3)) for kind in drawn),
    )


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
    "legitimate": legitimate,
    "telemarketer": _small_campaign(CampaignKind.TELEMARKETER, 0.8),
    "rotating": _small_campaign(CampaignKind.ROBOCALLER, 0.8),
    "wangiri": _small_campaign(CampaignKind.WANGIRI, 0.8),
    "sequential": _small_campaign(CampaignKind.SEQUENTIAL, 0.9),
}
