"""Purposes of campaigns; triples are weights for blatant, medium and stealthy ones.

What hiding cannot change stays: a campaign must reach many strangers (or one victim hard), and its numbers
are replaceable. What it can change is rate, calls per number, list quality, hours, attestation and talk.
"""

from __future__ import annotations

from spit.worlds.drawn.purpose import Purpose, Ranges, Weights

_STRANGERS: Weights = {
    "fresh-list": (0.6, 2.0, 4.0),
    "stale-list": (2.0, 2.0, 0.5),
    "block-random": (1.5, 0.7, 0.0),
    "block-order": (1.2, 0.4, 0.0),
    "customers": (0.0, 0.3, 0.8),
}
_NUMBERS: Weights = {
    "main": (1.2, 0.3, 0.03),
    "rotating": (0.6, 1.5, 1.5),
    "agents": (0.4, 0.8, 1.0),
    "local": (0.5, 1.2, 1.5),
    "per-callee": (0.1, 0.4, 0.6),
    "neighbour": (0.8, 1.0, 0.8),
    "random": (1.0, 0.8, 0.5),
    "unallocated": (0.7, 0.5, 0.2),
    "victim": (0.4, 0.6, 0.8),
    "impostor": (0.3, 0.4, 0.4),
    "burner": (0.5, 1.0, 1.2),
    "sims": (0.6, 1.0, 1.0),
    "withheld": (0.5, 0.3, 0.1),
    "foreign": (0.6, 0.4, 0.1),
    "hijacked": (0.1, 0.4, 0.6),
}
_ENTRIES: Weights = {
    "enterprise": (0.5, 0.7, 0.8),
    "cloud": (1.5, 1.5, 1.5),
    "wholesale": (2.5, 2.0, 1.2),
    "foreign": (1.2, 0.7, 0.3),
    "in-turn": (0.5, 1.5, 1.8),
    "per-number": (0.2, 0.6, 1.0),
    "best-signed": (0.2, 0.6, 1.2),
    "direct": (0.3, 0.2, 0.2),
    "peer": (0.2, 0.4, 0.5),
}
_WHEN: Weights = {
    "paced": 2.0,
    "burst": (2.0, 0.6, 0.05),
    "sessions": (0.5, 1.0, 0.8),
    "chain": (0.1, 0.5, 1.2),
    "rhythm": (0.3, 1.0, 2.0),
    "drip": (0.1, 0.7, 1.0),
}
_PER_NUMBER: Ranges = ((40.0, 2000.0), (5.0, 200.0), (1.0, 25.0))
_WINDOWS: Ranges = ((0.7, 10.0), (3.0, 20.0), (8.0, 30.0))
_RATES: Ranges = ((200.0, 2500.0), (60.0, 600.0), (15.0, 160.0))
_DEAD: Ranges = ((0.15, 0.7), (0.05, 0.4), (0.0, 0.12))
_CAMOUFLAGE: Ranges = ((0.0, 0.0), (0.0, 0.08), (0.0, 0.3))
_HOURS = ("calling-hours", "office", "shop", "evening")


def _campaign(
    name: str,
    manner: Weights,
    *,
    weight: float = 1.0,
    who: Weights = _STRANGERS,
    when: Weights = _WHEN,
    shown: Weights = _NUMBERS,
    entry: Weights = _ENTRIES,
    rhythms: tuple[str, ...] = _HOURS,
    expected: tuple[float, float] = (0.0, 0.02),
    messages: tuple[float, float] = (0.0, 0.0),
    per_number: Ranges = _PER_NUMBER,
    rate: Ranges = _RATES,
    window_h: Ranges = _WINDOWS,
    share: tuple[float, float] = (0.4, 2.0),
    camouflage: Ranges = _CAMOUFLAGE,
    equipment: tuple[str, ...] = ("dialler", "dialler", "cloud", "pbx", "gateway", "soft", "desk"),
    crowd: bool = False,
) -> Purpose:
    return Purpose(
        name,
        who,
        when,
        shown,
        entry,
        manner,
        weight=weight,
        share=share,
        expected=expected,
        messages=messages,
        dead=_DEAD,
        repeats=(1.0, 1.8),
        per_number=per_number,
        window_h=window_h,
        rate=rate,
        rhythms=rhythms,
        equipment=equipment,
        crowd=crowd,
        camouflage=camouflage,
    )


FRAUDS = (
    _campaign("sell-agents", {"agent": (0.5, 1.5, 2.5), "predictive": (2.0, 1.5, 0.5)}, weight=1.8),
    _campaign("sell-robocall", {"play": (3.0, 2.0, 1.0), "bot": (0.2, 0.7, 1.2)}, weight=2.0),
    _campaign("voice-bot", {"bot": 1.0}, weight=1.2),
    _campaign(
        "phish-agents",
        {"agent": 2.0, "predictive": (1.0, 0.8, 0.2), "clerk": (0.0, 0.2, 0.6)},
        weight=1.6,
        expected=(0.0, 0.05),
    ),
    _campaign("phish-recording", {"play": 1.0}, weight=1.2),
    _campaign(
        "family-emergency",
        {"agent": 1.0, "clerk": 1.0},
        weight=0.8,
        who={"fresh-list": 2.0, "stale-list": (1.5, 0.7, 0.2)},
        when={"chain": 1.5, "sessions": 1.0, "rhythm": 1.0},
        share=(0.15, 0.8),
        rhythms=("shop", "office"),
    ),
    _campaign("extort", {"play": (2.0, 1.5, 0.5), "agent": 1.0, "bot": 0.5}, weight=0.9),
    _campaign(
        "wangiri",
        {"one-ring": 1.0},
        weight=1.5,
        shown={"high-cost": 3.0, "foreign": 1.0, "burner": (0.2, 0.5, 1.0)},
        entry={"foreign": 2.0, "wholesale": 2.0, "in-turn": (0.3, 1.0, 1.5), "per-number": (0.1, 0.4, 0.8)},
        rhythms=("night", "flat", "shop", "early"),
    ),
    _campaign(
        "harvest",
        {"silent": 2.0, "one-ring": 1.0, "bot": (0.0, 0.1, 0.5)},
        weight=1.5,
        who={
            "block-random": (1.5, 1.5, 1.0),
            "block-order": (2.0, 1.0, 0.3),
            "stale-list": (1.0, 1.0, 1.0),
            "fresh-list": (0.1, 0.5, 1.0),
        },
        rhythms=("flat", "office", "shop"),
    ),
    _campaign(
        "scan",
        {"denied": 2.0, "silent": 0.7, "one-ring": 0.5},
        weight=0.9,
        who={"extensions": (3.0, 2.0, 1.0), "block-order": 1.0, "premium": (0.3, 0.5, 0.5)},
        shown={"random": 1.0, "unallocated": 1.0, "hijacked": (0.1, 0.5, 1.0), "burner": 0.5},
        entry={"direct": 1.0, "taken-over": 1.0, "foreign": 1.0, "wholesale": 0.5, "cloud": 0.5},
        rhythms=("flat", "night"),
        equipment=("tool", "tool", "soft", "pbx"),
        share=(0.2, 1.0),
    ),
    _campaign(
        "toll-fraud",
        {"clerk": 1.0, "chat": 1.0},
        weight=1.0,
        who={"premium": 2.0, "abroad": (0.2, 0.5, 1.0)},
        when={"burst": (2.0, 0.8, 0.1), "sessions": 1.0, "drip": (0.1, 0.7, 1.5), "rhythm": 1.0},
        shown={"hijacked": 1.0},
        entry={"taken-over": 1.0},
        rhythms=("night", "flat", "evening"),
        share=(0.2, 1.0),
        camouflage=((0.0, 0.0),),
    ),
    _campaign(
        "denial",
        {"flood": 2.0, "redial": 0.7, "silent": 0.4},
        weight=1.0,
        who={"target": 1.0},
        when={"burst": (2.0, 1.0, 0.2), "event": 1.0, "paced": 1.0, "drip": (0.0, 0.4, 1.0)},
        rhythms=("flat", "office", "shop"),
        crowd=True,
        share=(0.3, 1.2),
    ),
    _campaign(
        "code-fraud",
        {"agent": 2.0, "clerk": 1.0, "bot": 1.0},
        weight=0.9,
        who={"fresh-list": 2.0, "customers": 1.0, "stale-list": (1.0, 0.5, 0.0)},
        shown={"impostor": 3.0, "burner": 1.0, "local": 0.7, "sims": 0.7, "rotating": 0.5},
        expected=(0.0, 0.15),
        share=(0.2, 1.0),
    ),
    _campaign(
        "code-pumping",
        {"code": 1.0},
        weight=0.6,
        who={"abroad": 0.5, "block-order": (2.0, 1.0, 0.3), "block-random": 1.0, "premium": 1.0},
        shown={"main": 1.0, "rotating": 1.5, "sims": 0.5},
        messages=(0.3, 1.0),
        rhythms=("flat", "night", "shop"),
        share=(0.2, 1.0),
    ),
    _campaign(
        "message-spam",
        {"code": 1.0},
        weight=1.4,
        messages=(0.95, 1.0),
        shown={"sims": 2.0, "burner": 2.0, "hijacked": 1.0, "impostor": 0.8, "random": 0.7, "rotating": 0.5},
        equipment=("gateway", "cloud", "mobile", "soft"),
        rhythms=("shop", "evening", "flat", "office"),
    ),
    _campaign(
        "account-test",
        {"denied": 1.5, "one-ring": 1.0, "silent": 1.0},
        weight=0.7,
        who={"endpoints": 1.0, "premium": 1.0, "abroad": 0.5, "services": 0.5},
        when={"jittered": 1.0, "drip": 1.0, "burst": (1.0, 0.3, 0.1)},
        shown={"hijacked": 1.0},
        entry={"taken-over": 1.0},
        rhythms=("flat", "night"),
        per_number=((3.0, 20.0), (1.0, 6.0), (1.0, 2.0)),
        share=(0.1, 0.5),
        camouflage=((0.0, 0.0),),
    ),
    _campaign(
        "hijacked-subscribers",
        {"play": (1.5, 1.0, 0.3), "bot": 1.0, "agent": 1.0},
        weight=1.2,
        shown={"hijacked": 1.0},
        entry={"taken-over": 1.0},
        per_number=((60.0, 600.0), (15.0, 120.0), (3.0, 25.0)),
        share=(0.3, 1.2),
        camouflage=((0.0, 0.0),),
    ),
)
