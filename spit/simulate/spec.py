"""What to simulate: population sizes, campaigns, and the span of time."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from enum import StrEnum

from spit.errors import ConfigError
from spit.simulate.world import DEFAULT_WORLD, World

#: 2026-03-02 00:00:00 UTC, a Monday: the first day of every scenario that names no other.
DEFAULT_START_TIME_S = 1_772_409_600
MAX_DURATION_S = 90 * 86_400
MAX_TRUNKS = 64
#: Members of a family, on average.
FAMILY_SIZE = 4


STRENGTH_NAMES = ("stealthy", "medium", "blatant")


class CampaignKind(StrEnum):
    """The kinds of spam campaign."""

    TELEMARKETER = "telemarketer"
    ROBOCALLER = "robocaller"
    WANGIRI = "wangiri"
    SEQUENTIAL = "sequential"
    NEIGHBOUR_SPOOFING = "neighbour_spoofing"
    RANDOM_DIALLING = "random_dialling"
    SNOWSHOE = "snowshoe"
    LOW_AND_SLOW = "low_and_slow"
    COMPROMISED = "compromised"
    TOLL_FRAUD = "toll_fraud"
    TDOS = "tdos"
    SCANNER = "scanner"
    MESSAGE_SPAM = "message_spam"
    ATTESTATION_SHOPPING = "attestation_shopping"
    SCAM_CENTRE = "scam_centre"
    SILENT_CALLS = "silent_calls"


@dataclass(frozen=True, slots=True)
class CampaignSpec:
    """One spam campaign.

    ``strength``: 0 (stealthy) to 1 (blatant); sweeps rate, ring, share of not-found, numbers used.
    ``calls``: attempts to place; None takes a part of what ``SimulationSpec.spam_ratio`` leaves, by
    ``weight``.

    Raises ConfigError for an unknown kind or a value out of range.
    """

    kind: CampaignKind
    strength: float = 0.5
    calls: int | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "kind", CampaignKind(self.kind))
        except ValueError:
            known = ", ".join(kind.value for kind in CampaignKind)
            raise ConfigError(f"campaign kind: expected one of {known}, found {self.kind!r}") from None
        _check_number("campaign strength", self.strength, 0.0, 1.0)
        if self.calls is not None:
            _check_count("campaign calls", self.calls, 1)
        _check_number("campaign weight", self.weight, 0.0, 1e6)

    @property
    def strength_name(self) -> str:
        """The third of the scale it lies in: stealthy, medium or blatant."""
        return STRENGTH_NAMES[min(2, int(self.strength * 3.0))]

    @classmethod
    def parse(cls, text: str) -> CampaignSpec:
        """``KIND`` or ``KIND:STRENGTH``, as on the command line. Raises ConfigError."""
        kind, colon, strength = text.partition(":")
        if not colon:
            return cls(kind)  # type: ignore[arg-type]  # __post_init__ turns it into the kind
        try:
            value = float(strength)
        except ValueError:
            raise ConfigError(
                f"campaign {text!r}: expected KIND:STRENGTH with a number from 0 to 1, found {strength!r}"
            ) from None
        return cls(kind, value)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class SimulationSpec:
    """Everything a simulation depends on: the same spec gives the same calls.

    Population sizes count callers, not calls. ``businesses`` have one to five numbers each; a ``pbx`` is a
    large business with one outbound number; docs/simulation.md says what the others are. ``world``: what
    holds for all of them. ``trunks``: how many trunks to draw, 0 takes the six of the committed captures.
    ``spam_ratio``: the share of calls that are spam; None draws it from 0.20 to 0.31. Raises ConfigError
    when a value is out of range.
    """

    seed: int = 1
    start_time_s: int = DEFAULT_START_TIME_S
    duration_s: int = 86_400
    residential: int = 400
    new_subscribers: int = 20
    businesses: int = 20
    pbxs: int = 3
    call_centres: int = 1
    alert_blasts: int = 1
    reminders: int = 2
    probes: int = 1
    call_back_storms: int = 0
    light_callers: int = 0
    teenagers: int = 0
    elderly: int = 0
    families: int = 0
    visitors: int = 0
    travellers: int = 0
    chatters: int = 0
    forwarders: int = 0
    enterprises: int = 0
    mobile_couriers: int = 0
    dispatchers: int = 0
    surveys: int = 0
    hotlines: int = 0
    conferences: int = 0
    notifiers: int = 0
    voicemails: int = 0
    faxes: int = 0
    alarms: int = 0
    roaming_gateways: int = 0
    emergencies: int = 0
    phone_ins: int = 0
    world: World = DEFAULT_WORLD
    trunks: int = 0
    campaigns: tuple[CampaignSpec, ...] = ()
    spam_ratio: float | None = None

    def __post_init__(self) -> None:
        _check_count("seed", self.seed, 0)
        _check_count("start_time_s", self.start_time_s, 0, 4_102_444_800)
        _check_count("duration_s", self.duration_s, 60, MAX_DURATION_S)
        for name in POPULATION_FIELDS:
            _check_count(name, getattr(self, name), 0, 2_000_000)
        _check_count("trunks", self.trunks, 0, MAX_TRUNKS)
        if not isinstance(self.world, World):
            raise ConfigError(f"world: expected a World, found {self.world!r}")
        if self.spam_ratio is not None:
            _check_number("spam_ratio", self.spam_ratio, 0.0, 0.95)
        object.__setattr__(self, "campaigns", tuple(self.campaigns))
        for campaign in self.campaigns:
            if not isinstance(campaign, CampaignSpec):
                raise ConfigError(f"campaigns: expected CampaignSpec, found {campaign!r}")
        legitimate = sum(getattr(self, name) for name in POPULATION_FIELDS)
        if legitimate == 0 and not self.campaigns:
            raise ConfigError("nothing to simulate: expected a population or a campaign, found neither")
        if legitimate == 0 and any(campaign.calls is None for campaign in self.campaigns):
            raise ConfigError(
                "campaigns without a number of calls take theirs from the legitimate traffic, "
                "and the spec has none: give each campaign its calls"
            )

    @property
    def people(self) -> int:
        """Subscribers who place calls of their own."""
        return (
            self.residential
            + self.new_subscribers
            + self.light_callers
            + self.teenagers
            + self.elderly
            + self.families * FAMILY_SIZE
        )


#: Every size of a population, in order.
POPULATION_FIELDS = tuple(
    f.name
    for f in fields(SimulationSpec)
    if f.name not in {"seed", "start_time_s", "duration_s", "world", "trunks", "campaigns", "spam_ratio"}
)


def _check_count(name: str, value: object, low: int, high: int | None = None) -> None:
    bound = f"from {low} to {high}" if high is not None else f"of at least {low}"
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or value < low
        or (high is not None and value > high)
    ):
        raise ConfigError(f"{name}: expected a whole number {bound}, found {value!r}")


def _check_number(name: str, value: object, low: float, high: float) -> None:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not low <= value <= high
    ):
        raise ConfigError(f"{name}: expected a number from {low:g} to {high:g}, found {value!r}")
