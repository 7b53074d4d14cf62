"""Campaigns: unwanted callers at three strengths, each a trade whose margins decide how it may behave.

A blatant campaign earns a fraction of a cent a call and does not look ahead, so it calls much, cheaply and
from worn numbers. A stealthy one earns dollars, looks ahead, pays for clean lists and fresh numbers and goes
no faster than honest firms do; what it cannot buy is that strangers want to talk to it.
"""

from dataclasses import replace
from typing import Any

from spit.worlds.agenda.dice import Dice
from spit.worlds.agenda.economics import Prices
from spit.worlds.agenda.trade import Trade

BLATANT, MEDIUM, STEALTHY = "blatant", "medium", "stealthy"
STRENGTHS = (BLATANT, MEDIUM, STEALTHY)

_CHEAP = Prices((0.002, 0.02), (0.0, 0.02), (0.2, 2.0), (0.0001, 0.004), (0.003, 0.05))
_MIDDLE = Prices((0.02, 0.4), (0.0, 3.0), (0.2, 3.0), (0.001, 0.03), (0.1, 0.6))
_RICH = Prices((0.3, 15.0), (1.0, 12.0), (0.5, 10.0), (0.01, 0.3), (0.6, 2.0))
# What a number costs: nothing but the trouble of making it up, a share of a bulk order, a premium number's
# rent, a prepaid card or an eSIM.
_MADE_UP = (0.0002, 0.05)
_BULK = (0.01, 0.3)
_ABROAD = (0.05, 1.0)
_PREPAID = (0.3, 8.0)
_ROUTES = ("wholesale", "cpaas", "international", "peer")
_GREY = ("cpaas", "pbx", "wholesale", "peer")

# What strength changes for every campaign: speed, hours, care for numbers and lists, whether they talk.
_TEMPER: dict[str, dict[str, Any]] = {
    BLATANT: {
        "prices": _CHEAP, "always": True, "watchful": False, "active_h": (0.4, 8.0), "trust": (-1.0, -0.2),
        "callable": 0.05, "owned": (0.0, 0.4), "wrap_s": (0.2, 2.0), "again": (0.0, 0.1),
        "stale": (0.15, 0.6), "spread": (0.2, 0.7),
    },
    MEDIUM: {
        "prices": _MIDDLE, "opens": (6.0, 10.0), "closes": (17.0, 22.5), "active_h": (2.0, 20.0),
        "trust": (-0.7, 0.1), "callable": 0.25, "owned": (0.2, 0.9), "wrap_s": (1.0, 10.0),
        "again": (0.0, 0.3), "stale": (0.05, 0.35),
    },
    STEALTHY: {
        "prices": _RICH, "opens": (8.0, 10.0), "closes": (16.5, 20.0), "active_h": (5.0, 30.0),
        "brush_s": (6, 25), "trust": (-0.4, 0.3), "callable": 0.7, "owned": (0.5, 1.0),
        "wrap_s": (5.0, 60.0), "again": (0.0, 0.45), "stale": (0.01, 0.2),
    },
}  # fmt: skip

_BASE = (
    Trade(
        "telemarketer", "one", _GREY, "list", _MIDDLE, (3, 40), (0.05, 0.2), (20, 90), (0, 0),
        brush_s=(3, 10), numbers_from="national", abandon=(0.0, 0.2),
    ),
    Trade(
        "robocaller", "rotate", _ROUTES, "list", _CHEAP, (5, 80), (0.04, 0.2), (15, 40), (0, 0),
        brush_s=(2, 8), script_s=(20, 60), message=0.6, reach=(1, 10), numbers_from="national",
        number_price=_MADE_UP,
    ),
    Trade(
        "number_per_call", "fresh", _ROUTES, "list", _CHEAP, (3, 60), (0.04, 0.25), (15, 60), (0, 0),
        brush_s=(2, 9), message=0.4, trunks=(1, 4), builds=(1, 4), numbers_from="national",
    ),
    Trade(
        "neighbour_spoofer", "near", _ROUTES, "list", _CHEAP, (3, 50), (0.05, 0.25), (15, 60), (0, 0),
        brush_s=(2, 8), message=0.3, trunks=(1, 4),
    ),
    Trade(
        "burner_numbers", "rotate", ("mobile", "cpaas", "mobile"), "list", _MIDDLE, (1, 12), (0.06, 0.3),
        (20, 120), (0, 0), handset=True, reach=(1, 12), builds=(1, 5), numbers_from="mobile",
        number_price=_PREPAID,
    ),
    Trade(
        "wangiri", "rotate", ("international", "wholesale"), "list", _CHEAP, (4, 60), (0.3, 0.7), (2, 5),
        (0, 0), patience_s=(0.8, 3.0), caller_ends=(0.9, 1.0), reach=(1, 6), numbers_from="premium",
        number_price=_ABROAD,
    ),
    Trade(
        "sequential_dialler", "rotate", _ROUTES, "sequential", _CHEAP, (2, 40), (0.03, 0.15), (10, 40),
        (0, 0), brush_s=(2, 7), numbers_from="national", number_price=_MADE_UP,
    ),
    Trade(
        "random_dialler", "rotate", _ROUTES, "random", _CHEAP, (2, 40), (0.03, 0.15), (10, 40), (0, 0),
        brush_s=(2, 7), numbers_from="national", number_price=_MADE_UP,
    ),
    Trade(
        "snowshoe", "rotate", _GREY, "list", _MIDDLE, (5, 40), (0.05, 0.25), (15, 80), (0, 0),
        reach=(20, 150), trunks=(4, 12), builds=(3, 9), numbers_from="national", number_price=_BULK,
        abandon=(0.0, 0.2),
    ),
    Trade(
        "low_and_slow", "rotate", ("pbx", "mobile", "access"), "list", _RICH, (1, 4), (0.1, 0.35),
        (30, 200), (0, 0), handset=True, reach=(2, 20), numbers_from="national",
    ),
    Trade(
        "compromised_subscriber", "stolen", ("access",), "outside", _CHEAP, (2, 20), (0.8, 1.0), (60, 600),
        (0, 0), caller_ends=(0.9, 1.0),
    ),
    Trade(
        "denial_of_service", "rotate", _ROUTES, "one", _CHEAP, (10, 80), (0.3, 0.9), (10, 120), (0, 0),
        life=(5, 300), reach=(1, 30), again=(0.0, 0.0), numbers_from="national",
    ),
    Trade(
        "scanner", "rotate", ("access", "pbx"), "extensions", _CHEAP, (1, 8), (0.0, 0.1), (1, 3), (0, 0),
        patience_s=(0.5, 4.0), life=(20, 400), authorised=False, reach=(1, 3), numbers_from="national",
    ),
    Trade(
        "message_spam", "rotate", _ROUTES, "list", _CHEAP, (1, 6), (0.4, 0.8), (1, 2), (0, 0),
        method="MESSAGE", reach=(1, 10), numbers_from="national", number_price=_BULK,
    ),
    Trade(
        "scam_centre", "rotate", _GREY, "list", _RICH, (4, 30), (0.04, 0.2), (150, 900), (0, 0),
        spread=(0.8, 1.3), brush_s=(5, 25), reach=(2, 15), numbers_from="national", abandon=(0.0, 0.2),
    ),
    Trade(
        "spoofed_victims", "victims", _ROUTES, "list", _CHEAP, (3, 40), (0.05, 0.25), (15, 60), (0, 0),
        brush_s=(3, 9), trunks=(1, 3),
    ),
    Trade(
        "attestation_shopper", "rotate", ("cpaas", "pbx", "wholesale", "peer"), "list", _MIDDLE, (3, 30),
        (0.05, 0.25), (15, 90), (0, 0), trunks=(4, 10), builds=(1, 3), shopping=True, reach=(2, 20),
        numbers_from="rented",
    ),
    Trade(
        "harvester", "rotate", _ROUTES, "random", _CHEAP, (3, 40), (0.7, 1.0), (1.0, 3.5), (0, 0),
        caller_ends=(0.9, 1.0), brush_s=(1, 4), patience_s=(8, 20), reach=(1, 10), numbers_from="national",
        number_price=_MADE_UP,
    ),
    Trade(
        "code_theft", "rotate", ("cpaas", "wholesale"), "list", _RICH, (1, 8), (0.2, 0.5), (25, 80), (0, 0),
        reach=(1, 10), again=(0.5, 0.9), script_s=(50, 120), numbers_from="rented", number_price=_BULK,
    ),
    Trade(
        "ai_agent", "rotate", _GREY, "list", _MIDDLE, (3, 40), (0.15, 0.45), (60, 300), (0, 0),
        brush_s=(6, 20), reach=(2, 30), spread=(0.7, 1.1), numbers_from="national", number_price=_BULK,
    ),
    Trade(
        "voicemail_drop", "rotate", ("cpaas", "wholesale"), "list", _CHEAP, (5, 50), (0.05, 0.2), (10, 30),
        (0, 0), message=1.0, script_s=(20, 45), patience_s=(28, 40), reach=(1, 15), numbers_from="rented",
        number_price=_BULK,
    ),
    Trade(
        "emergency_scam", "withheld", ("mobile", "cpaas", "international"), "list", _RICH, (1, 5),
        (0.08, 0.3), (120, 1200), (0, 0), handset=True, spread=(0.8, 1.3), brush_s=(5, 25),
    ),
)  # fmt: skip

# What a strength changes for one kind only, on top of the tempers.
_SPECIAL: dict[tuple[str, str], dict[str, Any]] = {
    ("telemarketer", MEDIUM): {"style": "range", "range_size": (3, 20)},
    ("telemarketer", STEALTHY): {
        "style": "range", "range_size": (15, 120), "main": (0.0, 0.1), "engage": (0.12, 0.35),
        "stay_s": (40, 160),
    },
    ("robocaller", STEALTHY): {"reach": (5, 80), "seats": (2, 10), "engage": (0.1, 0.3)},
    ("number_per_call", STEALTHY): {
        "numbers_from": "mobile", "engage": (0.15, 0.4), "stay_s": (30, 150), "builds": (3, 9),
        "trunks": (3, 8),
    },
    ("neighbour_spoofer", STEALTHY): {
        "style": "local", "engage": (0.12, 0.35), "stay_s": (30, 120), "builds": (2, 6), "trunks": (3, 8),
    },
    ("burner_numbers", STEALTHY): {"seats": (1, 6), "builds": (3, 12), "stay_s": (40, 200)},
    ("wangiri", MEDIUM): {
        "patience_s": (2.0, 6.0), "numbers_from": "foreign", "callable": 1.0,
    },
    ("wangiri", STEALTHY): {
        "patience_s": (4.0, 14.0), "numbers_from": "national", "reach": (5, 60), "callable": 1.0,
    },
    ("wangiri", BLATANT): {"callable": 1.0},
    ("sequential_dialler", STEALTHY): {"reach": (3, 30), "engage": (0.1, 0.3)},
    ("random_dialler", STEALTHY): {"reach": (3, 30), "engage": (0.1, 0.3)},
    ("snowshoe", BLATANT): {"reach": (10, 60)},
    ("snowshoe", STEALTHY): {"reach": (40, 400), "trunks": (6, 16), "engage": (0.1, 0.3)},
    ("low_and_slow", BLATANT): {"reach": (1, 4)},
    ("low_and_slow", STEALTHY): {
        "reach": (10, 80), "engage": (0.2, 0.5), "active_h": (20.0, 30.0),
    },
    ("compromised_subscriber", MEDIUM): {"audience": "list", "stay_s": (20, 60), "engage": (0.1, 0.3)},
    ("compromised_subscriber", STEALTHY): {
        "audience": "list", "stay_s": (30, 150), "engage": (0.2, 0.5), "seats": (1, 3),
    },
    ("denial_of_service", MEDIUM): {"life": (1, 10), "reach": (10, 100), "always": True},
    ("denial_of_service", STEALTHY): {
        "style": "fresh", "builds": (3, 9), "trunks": (3, 9), "stay_s": (40, 300), "active_h": (1.0, 8.0),
    },
    ("scanner", STEALTHY): {"life": (1, 8), "handset": True, "patience_s": (4.0, 20.0), "always": True},
    ("message_spam", STEALTHY): {"reach": (10, 100), "engage": (0.85, 0.97)},
    ("spoofed_victims", STEALTHY): {
        "engage": (0.12, 0.35), "stay_s": (30, 140), "trunks": (3, 8), "builds": (2, 6),
    },
    ("harvester", STEALTHY): {"audience": "list", "reach": (10, 100), "stay_s": (3, 9)},
    ("ai_agent", STEALTHY): {"engage": (0.4, 0.75), "stay_s": (100, 400), "reach": (10, 80)},
    ("emergency_scam", STEALTHY): {"style": "fresh", "numbers_from": "mobile", "builds": (2, 6)},
}  # fmt: skip

# What a kind is, whatever its strength: whose numbers it shows, how it repeats.
_FIXED: dict[str, dict[str, Any]] = {
    "compromised_subscriber": {"owned": (1.0, 1.0), "not_before": 0.35},
    "burner_numbers": {"owned": (0.9, 1.0)},
    "number_per_call": {"owned": (0.0, 0.5)},
    "neighbour_spoofer": {"owned": (0.0, 0.4)},
    "spoofed_victims": {"owned": (0.0, 0.2)},
    "denial_of_service": {"stale": (0.0, 0.0), "again": (0.0, 0.0)},
    "code_theft": {"again": (0.5, 0.9)},
    "voicemail_drop": {"spread": (0.1, 0.4)},
}

# Two campaigns of a kind differ in how they choose numbers; the first style of a trade is only the usual one.
_TASTES = {
    "telemarketer": ("range", "local", "rotate", "fresh"),
    "robocaller": ("fresh", "near", "victims"),
    "scam_centre": ("fresh", "near", "local", "withheld"),
    "ai_agent": ("fresh", "near", "local", "range"),
    "harvester": ("fresh", "near", "withheld"),
    "snowshoe": ("fresh", "rotate"),
    "neighbour_spoofer": ("near", "near", "local"),
    "low_and_slow": ("fresh", "range"),
    "code_theft": ("fresh", "near", "rotate"),
    "voicemail_drop": ("fresh", "local"),
    "sequential_dialler": ("fresh", "near"),
    "random_dialler": ("fresh", "near"),
    "message_spam": ("fresh", "near"),
    "attestation_shopper": ("fresh", "rotate"),
}

KINDS = tuple(trade.kind for trade in _BASE)
# Calls relative to each other: much calling is what little earning per call forces on a campaign; those that
# live from few rich victims call little whatever their strength.
_FEW_VICTIMS = {"emergency_scam": 0.3, "low_and_slow": 0.5, "code_theft": 0.5, "compromised_subscriber": 0.6}
_SIZE = {BLATANT: 1.3, MEDIUM: 1.0, STEALTHY: 1.0}


def relative_size(kind: str, strength: str) -> float:
    """Calls of a campaign relative to others, before its own draw."""
    return _SIZE[strength] * _FEW_VICTIMS.get(kind, 1.0)


def campaign_trade(dice: Dice, kind: str, strength: str) -> Trade:
    """The trade of one campaign of the kind at the strength, with its own taste in numbers."""
    base = next(trade for trade in _BASE if trade.kind == kind)
    changes = _TEMPER[strength] | _SPECIAL.get((kind, strength), {}) | _FIXED.get(kind, {})
    if kind in _TASTES and dice.chance(0.5):
        changes = changes | {"style": dice.pick(_TASTES[kind])}
    return replace(base, **changes)
