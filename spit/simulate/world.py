"""What a population is like as a whole: one value per parameter and seed, drawn from documented ranges.

The defaults are those of the committed captures. ``draw_world`` takes the ranges of a named population:
``training`` sweeps what the literature and operators report and more; ``transfer`` lies at the edge of that
or beyond it, so that a model can be measured on traffic unlike any it has seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from spit.errors import ConfigError

Range = tuple[float, float]
POPULATIONS = ("training", "transfer")

_FIT_TALK = "published fit of conversational traffic; range ours"
_FIT_DIALLER = "published fit of dialler traffic; range ours"
_NORMS = "carriers' norms; range ours"
_STUDIES = "call-record studies; range ours"
_OURS = "ours"


#: Parameters that each caller draws between ``_low`` and ``_high``.
_BOUNDED = ("answer", "spam_answer", "calls_per_day", "known", "gap_shape")


@dataclass(frozen=True, slots=True)
class Sweep:
    """Where a parameter's ranges, unit, meaning and source are written down."""

    training: Range
    transfer: Range
    unit: str
    meaning: str
    source: str


def _swept(default: float, training: Range, transfer: Range, unit: str, meaning: str, source: str) -> Any:
    return field(default=default, metadata={"sweep": Sweep(training, transfer, unit, meaning, source)})


@dataclass(frozen=True, slots=True)
class World:
    """Parameters of a whole simulation. Ratios 0 to 1; ``_low`` and ``_high`` bound each caller's own."""

    conversation_mu: float = _swept(
        4.248, (3.2, 4.7), (2.9, 3.3), "ln s", "talk time of people, lognormal mu", _FIT_TALK
    )
    conversation_sigma: float = _swept(
        1.374, (0.7, 1.6), (0.55, 0.75), "ln s", "talk time of people, lognormal sigma", _FIT_TALK
    )
    dialler_mu: float = _swept(
        2.639, (2.1, 3.6), (3.5, 3.9), "ln s", "talk time of diallers, lognormal mu", _FIT_DIALLER
    )
    dialler_sigma: float = _swept(
        1.1, (0.5, 1.4), (0.4, 0.55), "ln s", "talk time of diallers, lognormal sigma", _FIT_DIALLER
    )
    answer_low: float = _swept(0.50, (0.35, 0.7), (0.68, 0.76), "", "answer ratio of people, lowest", _NORMS)
    answer_high: float = _swept(
        0.70, (0.62, 0.92), (0.88, 0.95), "", "answer ratio of people, highest", _NORMS
    )
    spam_answer_low: float = _swept(
        0.10, (0.06, 0.28), (0.26, 0.34), "", "answer ratio of a blatant dialler", _NORMS
    )
    spam_answer_high: float = _swept(
        0.30, (0.24, 0.55), (0.52, 0.62), "", "answer ratio of a stealthy dialler", _NORMS
    )
    calls_per_day_low: float = _swept(
        3.0, (0.2, 4.0), (0.15, 0.3), "1/d", "calls of a person, fewest", _STUDIES
    )
    calls_per_day_high: float = _swept(
        8.0, (5.0, 20.0), (18.0, 26.0), "1/d", "calls of a person, most", _STUDIES
    )
    known_low: float = _swept(0.60, (0.3, 0.7), (0.22, 0.32), "", "calls to own contacts, lowest", _STUDIES)
    known_high: float = _swept(
        0.80, (0.6, 0.92), (0.52, 0.62), "", "calls to own contacts, highest", _STUDIES
    )
    gap_shape_low: float = _swept(
        0.55, (0.45, 1.0), (0.95, 1.1), "", "Weibull shape of a person's gaps, lowest", _STUDIES
    )
    gap_shape_high: float = _swept(
        0.95, (0.75, 1.5), (1.4, 1.8), "", "Weibull shape of a person's gaps, highest", _STUDIES
    )
    rhythm_shift_h: float = _swept(0.0, (-3.0, 7.0), (6.0, 9.0), "h", "shift of every daily profile", _OURS)
    rhythm_flat_ratio: float = _swept(
        0.0, (0.0, 0.7), (0.65, 0.85), "", "share of a day without rhythm", _OURS
    )
    contacts_median: float = _swept(8.0, (5.0, 18.0), (16.0, 24.0), "", "contacts of a person, median", _OURS)
    local_ratio: float = _swept(
        0.0, (0.0, 0.5), (0.45, 0.65), "", "contacts and strangers from one's own exchange", _OURS
    )
    outside_ratio: float = _swept(
        0.0, (0.1, 0.95), (0.9, 1.0), "", "companies' and campaigns' numbers of other carriers", _OURS
    )
    abroad_ratio: float = _swept(
        0.0, (0.0, 0.5), (0.45, 0.65), "", "of those, numbers of other countries", _OURS
    )
    subscribers_per_block_ln: float = _swept(
        5.70378247465620, (1.1, 5.5), (0.7, 1.3), "ln", "subscribers of a thousands-block", _OURS
    )
    blocks_per_exchange: float = _swept(
        1.0, (1.0, 10.0), (9.0, 14.0), "", "thousands-blocks of an exchange", _OURS
    )
    other_trunk_ratio: float = _swept(
        0.1, (0.0, 1.0), (0.8, 1.0), "", "calls that take another trunk than the caller's usual one", _OURS
    )
    equipment: float = _swept(25.0, (2.0, 25.0), (2.0, 4.0), "", "header profiles in use, of 25", _OURS)
    equipment_churn_ratio: float = _swept(
        0.0, (0.0, 1.0), (0.8, 1.0), "", "calls that show other equipment than the caller's own", _OURS
    )
    visitor_calls: float = _swept(
        1.3, (1.0, 3.0), (1.0, 1.2), "", "calls of a caller who is seen a few times, mean", _OURS
    )
    visitor_stranger_ratio: float = _swept(
        0.7, (0.4, 1.0), (0.9, 1.0), "", "of those, calls to somebody who never called them", _OURS
    )
    answer_ring_s: float = _swept(
        8.0, (3.0, 14.0), (2.2, 3.2), "s", "ringing before the answer, median", _OURS
    )
    patience_ratio: float = _swept(
        1.0, (0.5, 1.5), (0.4, 0.55), "", "callers' patience, of 15 to 40 s", _OURS
    )
    voicemail_ratio: float = _swept(0.12, (0.02, 0.6), (0.55, 0.7), "", "answers by a mailbox", _OURS)
    callee_hangup_ratio: float = _swept(
        0.45, (0.3, 0.7), (0.65, 0.8), "", "calls that the callee ends", _OURS
    )
    failure_spread: float = _swept(
        0.0, (0.1, 0.9), (0.8, 1.1), "ln", "spread of the shares of final responses", _OURS
    )
    redial_ratio: float = _swept(0.25, (0.05, 0.6), (0.55, 0.7), "", "failed calls tried again", _OURS)
    person_returned_ratio: float = _swept(
        0.30, (0.05, 0.5), (0.02, 0.07), "", "missed calls of people that are returned", _OURS
    )
    company_returned_ratio: float = _swept(
        0.08, (0.02, 0.4), (0.35, 0.5), "", "missed calls of companies that are returned", _OURS
    )
    spam_returned_ratio: float = _swept(
        1.0, (0.3, 4.0), (3.5, 5.0), "", "factor on returned spam calls", _OURS
    )
    post_dial_mu: float = _swept(
        0.15, (-0.6, 1.4), (1.3, 1.7), "ln s", "post-dial delay, lognormal mu", _OURS
    )
    early_media_ratio: float = _swept(0.25, (0.05, 0.9), (0.85, 1.0), "", "calls with early media", _OURS)
    retransmitted_ratio: float = _swept(0.012, (0.0, 0.1), (0.09, 0.14), "", "INVITEs sent again", _OURS)
    forked_ratio: float = _swept(0.01, (0.0, 0.1), (0.09, 0.14), "", "calls that fork", _OURS)
    video_ratio: float = _swept(0.0, (0.0, 0.2), (0.18, 0.3), "", "calls that offer video", _OURS)
    signed_ratio: float = _swept(
        0.4, (0.0, 1.0), (0.9, 1.0), "", "callers whose calls are signed", "operators' months"
    )
    attestation_skew: float = _swept(
        1.0,
        (0.0, 1.0),
        (0.0, 0.1),
        "",
        "how far attestation tells spam, 1: as published",
        "operators' months",
    )
    campaign_scatter_ratio: float = _swept(
        0.0, (0.1, 0.9), (0.8, 1.0), "", "campaigns whose numbers share no equipment; or no trunks", _OURS
    )
    campaign_spread: float = _swept(
        0.0, (0.1, 0.8), (0.7, 1.0), "ln", "spread of every parameter of a campaign", _OURS
    )

    def __post_init__(self) -> None:
        for name in _BOUNDED:
            low, high = getattr(self, f"{name}_low"), getattr(self, f"{name}_high")
            if not low <= high:
                raise ConfigError(f"{name}: expected low at most high, found {low:g} and {high:g}")

    def sample(self, rng: np.random.Generator, name: str) -> float:
        """One caller's value of a parameter with ``_low`` and ``_high``."""
        return float(rng.uniform(getattr(self, f"{name}_low"), getattr(self, f"{name}_high")))


#: That of the committed captures.
DEFAULT_WORLD = World()


def sweeps() -> dict[str, Sweep]:
    """The sweep of every parameter, by name, in order."""
    return {f.name: f.metadata["sweep"] for f in fields(World)}


def draw_world(rng: np.random.Generator, population: str) -> World:
    """Every parameter uniform in its range. Raises ConfigError for an unknown population."""
    if population not in POPULATIONS:
        raise ConfigError(f"population: expected one of {', '.join(POPULATIONS)}, found {population!r}")
    drawn = {name: float(rng.uniform(*getattr(s, population))) for name, s in sweeps().items()}
    for name in _BOUNDED:
        low, high = f"{name}_low", f"{name}_high"
        # Their ranges overlap: the lower of the two bounds below.
        drawn[low], drawn[high] = sorted((drawn[low], drawn[high]))
    return World(**drawn)


def parameter_table() -> str:
    """The table of docs/simulation.md."""
    lines = [
        "| Parameter | Meaning | Captures | `training` | `transfer` | Source |",
        "|---|---|---|---|---|---|",
    ]
    for name, s in sweeps().items():
        unit = f", {s.unit}" if s.unit else ""
        ranges = " | ".join(f"{low:g} to {high:g}" for low, high in (s.training, s.transfer))
        lines.append(
            f"| `{name}` | {s.meaning}{unit} | {getattr(DEFAULT_WORLD, name):g} | {ranges} | {s.source} |"
        )
    return "\n".join(lines) + "\n"
