"""Components: what a caller does once it has dialled, with the ranges its parameters come from."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as plain

from spit.worlds.drawn.calls import Manner
from spit.worlds.drawn.draws import Range, Rng, span


@dataclass(frozen=True)
class Behaviour:
    """Ranges for the fields of a ``Manner``; what is not named keeps its default."""

    mode: str
    ranges: dict[str, Range] = plain(default_factory=dict)
    tries: int = 3
    social: bool = False


# Call-detail studies put the median of personal calls at about a minute, heavy-tailed (lognormal, sigma 1 to
# 1.4); a majority of unsolicited calls ends within ten to twenty seconds; US rules cap abandoned calls at 3
# %, practice varies.
BEHAVIOURS: dict[str, Behaviour] = {
    "chat": Behaviour(
        "talk",
        {
            "talk_s": (45, 240),
            "talk_sigma": (0.9, 1.4),
            "patience_s": (20, 40),
            "redial_busy": (0.2, 0.6),
            "redial_missed": (0.03, 0.3),
            "redial_s": (60, 1500),
            "message": (0.05, 0.5),
            "holds": (0.3, 0.8),
        },
        tries=4,
        social=True,
    ),
    "clerk": Behaviour(
        "talk",
        {
            "talk_s": (40, 260),
            "talk_sigma": (0.6, 1.1),
            "patience_s": (18, 40),
            "message": (0.1, 0.8),
            "holds": (0.25, 0.8),
            "redial_busy": (0.2, 0.7),
            "redial_missed": (0.02, 0.3),
            "redial_s": (600, 6000),
        },
    ),
    "agent": Behaviour(
        "talk",
        {
            "talk_s": (60, 420),
            "talk_sigma": (0.7, 1.1),
            "patience_s": (12, 32),
            "message": (0.0, 0.4),
            "holds": (0.08, 0.5),
            "quit_s": (5, 25),
            "spots_machines": (0.0, 0.9),
            "abandons": (0.0, 0.03),
            "caller_ends": (0.2, 0.7),
            "appeal": (0.7, 1.2),
            "redial_missed": (0.0, 0.5),
            "redial_s": (1200, 12000),
        },
    ),
    "predictive": Behaviour(
        "talk",
        {
            "talk_s": (50, 350),
            "talk_sigma": (0.7, 1.1),
            "patience_s": (10, 26),
            "message": (0.0, 0.15),
            "holds": (0.08, 0.45),
            "quit_s": (4, 20),
            "spots_machines": (0.3, 0.98),
            "abandons": (0.01, 0.15),
            "caller_ends": (0.2, 0.6),
            "appeal": (0.7, 1.2),
            "redial_missed": (0.0, 0.5),
            "redial_busy": (0.2, 0.9),
            "redial_s": (600, 9000),
        },
    ),
    "play": Behaviour(
        "play",
        {
            "talk_s": (12, 70),
            "patience_s": (14, 40),
            "holds": (0.2, 0.7),
            "quit_s": (4, 14),
            "caller_ends": (0.4, 0.95),
            "transfers": (0.0, 0.08),
            "spots_machines": (0.0, 0.7),
            "redial_missed": (0.0, 0.6),
            "redial_busy": (0.2, 0.9),
            "redial_s": (300, 7000),
        },
    ),
    "bot": Behaviour(
        "talk",
        {
            "talk_s": (30, 240),
            "talk_sigma": (0.5, 1.0),
            "patience_s": (15, 32),
            "message": (0.0, 0.6),
            "holds": (0.15, 0.6),
            "quit_s": (6, 25),
            "spots_machines": (0.0, 0.7),
            "caller_ends": (0.3, 0.8),
            "appeal": (0.8, 1.25),
            "redial_missed": (0.0, 0.3),
            "redial_s": (900, 9000),
        },
    ),
    "brief": Behaviour(
        "talk",
        {
            "talk_s": (7, 40),
            "talk_sigma": (0.4, 0.9),
            "patience_s": (12, 35),
            "holds": (0.4, 0.9),
            "message": (0.0, 0.25),
            "redial_missed": (0.1, 0.7),
            "redial_s": (20, 400),
        },
    ),
    "silent": Behaviour(
        "silent",
        {"talk_s": (1, 2), "quit_s": (0.8, 7), "patience_s": (8, 28), "redial_missed": (0.0, 0.3)},
        tries=2,
    ),
    "one-ring": Behaviour(
        "silent",
        {
            "talk_s": (1, 2),
            "quit_s": (0.6, 4),
            "patience_s": (1.0, 7),
            "patience_sigma": (0.15, 0.5),
            "redial_missed": (0.0, 0.25),
        },
        tries=2,
    ),
    "code": Behaviour(
        "play",
        {
            "talk_s": (9, 35),
            "patience_s": (18, 40),
            "caller_ends": (0.3, 0.9),
            "redial_missed": (0.0, 0.5),
            "redial_s": (20, 120),
        },
    ),
    "data": Behaviour(
        "data",
        {
            "talk_s": (3, 120),
            "talk_sigma": (0.2, 1.0),
            "quit_s": (2, 20),
            "patience_s": (10, 60),
            "redial_busy": (0.4, 1.0),
            "redial_missed": (0.1, 0.9),
            "redial_s": (10, 600),
            "caller_ends": (0.5, 1.0),
        },
    ),
    "redial": Behaviour(
        "talk",
        {
            "talk_s": (15, 240),
            "talk_sigma": (0.6, 1.1),
            "patience_s": (15, 60),
            "redial_busy": (0.4, 0.95),
            "redial_s": (4, 90),
        },
        tries=25,
    ),
    "nag": Behaviour(
        "talk",
        {
            "talk_s": (40, 300),
            "talk_sigma": (0.8, 1.2),
            "patience_s": (15, 35),
            "message": (0.1, 0.8),
            "holds": (0.1, 0.5),
            "quit_s": (5, 30),
            "spots_machines": (0.0, 0.6),
            "redial_missed": (0.2, 0.8),
            "redial_busy": (0.4, 0.9),
            "redial_s": (1500, 12000),
            "appeal": (0.5, 1.0),
        },
        tries=6,
    ),
    "flood": Behaviour(
        "talk",
        {
            "talk_s": (2, 200),
            "talk_sigma": (0.3, 1.2),
            "patience_s": (5, 60),
            "redial_busy": (0.0, 0.9),
            "redial_s": (3, 120),
        },
        tries=12,
    ),
    "denied": Behaviour(
        "silent",
        {
            "talk_s": (1, 2),
            "quit_s": (0.5, 3),
            "patience_s": (1, 10),
            "denied": (0.3, 0.95),
            "redial_missed": (0.0, 0.5),
        },
        tries=2,
    ),
}


def manner(rng: Rng, name: str, expected: float) -> Manner:
    """Draw a manner; ``expected`` is the share of callees who know of the call."""
    behaviour = BEHAVIOURS[name]
    drawn = {key: span(rng, bounds) for key, bounds in behaviour.ranges.items()}
    return Manner(
        mode=behaviour.mode, tries=behaviour.tries, social=behaviour.social, expected=expected, **drawn
    )
