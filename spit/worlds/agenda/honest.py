"""Honest trades, most of them hard cases: each looks like some campaign in one respect or several.

`weight` is a trade's share of business traffic before each seed's own draw.
"""

from spit.worlds.agenda.economics import Prices
from spit.worlds.agenda.trade import HONEST_PRICES, MACHINE_PRICES, Trade

_TALKATIVE = Prices((2.0, 60.0), (5.0, 40.0), (0.5, 3.0), (0.02, 0.5), (0.5, 1.0))
_OFFICE = ("pbx", "pbx", "peer", "access")
_PLATFORM = ("cpaas", "cpaas", "pbx", "peer")

CENTRES = (
    Trade(
        "service_centre", "one", _OFFICE, "list", _TALKATIVE, (2, 25), (0.7, 0.95), (80, 300), (-0.1, 0.7),
        friend=(0.05, 0.4), message=0.5, weight=1.2,
    ),
    Trade(
        "did_centre", "range", ("pbx", "peer", "cpaas"), "list", HONEST_PRICES, (4, 40), (0.4, 0.9),
        (40, 240), (-0.3, 0.4), firms=(2, 8), range_size=(20, 800), main=(0.0, 0.1),
        numbers_from="national", abandon=(0.0, 0.06), weight=1.6,
    ),
    Trade(
        "local_presence_sales", "local", _PLATFORM, "list", HONEST_PRICES, (3, 30), (0.15, 0.5), (40, 200),
        (0.0, 0.5), firms=(1, 5), trunks=(1, 4), again=(0.1, 0.6), abandon=(0.0, 0.06), weight=1.2,
    ),
    Trade(
        "debt_collection", "range", _PLATFORM, "list", HONEST_PRICES, (2, 20), (0.2, 0.55), (30, 180),
        (-0.9, 0.0), range_size=(3, 80), list_size=(60, 900), again=(0.4, 0.9), message=0.6,
        stale=(0.05, 0.35), abandon=(0.0, 0.06), weight=1.0,
    ),
    Trade(
        "survey", "range", _PLATFORM, "random", HONEST_PRICES, (3, 30), (0.08, 0.35), (200, 700),
        (-0.5, 0.1), range_size=(1, 60), again=(0.2, 0.7), spread=(0.3, 0.7), closes=(19.0, 21.0),
        abandon=(0.0, 0.06), weight=0.9,
    ),
    Trade(
        "charity", "one", _PLATFORM, "list", HONEST_PRICES, (1, 15), (0.2, 0.6), (40, 200), (-0.5, 0.2),
        stale=(0.1, 0.5), abandon=(0.0, 0.06), weight=0.7,
    ),
    Trade(
        "political", "rotate", ("cpaas", "peer", "wholesale"), "list", HONEST_PRICES, (5, 60), (0.15, 0.5),
        (25, 70), (-0.5, 0.2), script_s=(20, 60), stale=(0.05, 0.3), reach=(3, 30), message=0.8, weight=0.7,
    ),
    Trade(
        "subscribed_sales", "rotate", _PLATFORM, "list", HONEST_PRICES, (2, 15), (0.1, 0.5), (30, 200),
        (-0.4, 0.2), reach=(2, 20), life=(15, 200), stale=(0.02, 0.2), abandon=(0.0, 0.06), weight=0.8,
    ),
)  # fmt: skip

ERRANDS = (
    Trade(
        "medical_reminder", "one", _OFFICE, "list", MACHINE_PRICES, (1, 8), (0.6, 0.95), (15, 60),
        (0.1, 0.9), firms=(3, 12), friend=(0.2, 0.7), message=0.9, weight=0.9,
    ),
    Trade(
        "courier", "range", ("mobile", "mobile", "cpaas"), "list", _TALKATIVE, (3, 30), (0.85, 0.98),
        (12, 40), (0.0, 0.8), firms=(2, 8), range_size=(5, 90), main=(0.0, 0.0), handset=True,
        numbers_from="mobile", patience_s=(15, 35), spread=(0.5, 0.9), callable=0.95, weight=1.4,
    ),
    Trade(
        "taxi", "one", _OFFICE, "list", MACHINE_PRICES, (1, 5), (0.5, 0.9), (6, 20), (0.3, 1.0),
        firms=(1, 4), always=True, patience_s=(6, 20), caller_ends=(0.6, 0.95), weight=0.5,
    ),
    Trade(
        "masked_marketplace", "rotate", ("cpaas",), "list", HONEST_PRICES, (5, 40), (0.85, 0.98), (15, 60),
        (0.0, 0.7), firms=(1, 4), life=(1, 8), reach=(5, 120), callable=0.7, always=True, weight=1.3,
    ),
    Trade(
        "tradespeople", "one", ("mobile", "access", "pbx"), "regulars", _TALKATIVE, (1, 2), (0.85, 0.98),
        (40, 150), (0.2, 0.8), firms=(10, 60), friend=(0.2, 0.6), list_size=(15, 90), handset=True,
        numbers_from="mobile", weight=1.0,
    ),
    Trade(
        "office_pbx", "range", ("pbx", "pbx", "access", "peer"), "regulars", _TALKATIVE, (2, 15),
        (0.9, 0.99), (50, 220), (0.2, 0.9), firms=(8, 50), range_size=(1, 120), friend=(0.3, 0.8),
        list_size=(20, 400), numbers_from="fixed", weight=3.0,
    ),
    Trade(
        "internal_extension", "one", ("pbx",), "extensions", _TALKATIVE, (1, 3), (0.9, 0.99), (30, 90),
        (0.4, 1.0), firms=(2, 10), friend=(0.8, 1.0), numbers_from="fixed", weight=0.25,
    ),
    Trade(
        "hotel", "one", ("pbx", "peer"), "list", _TALKATIVE, (2, 8), (0.85, 0.98), (40, 200), (-0.2, 0.5),
        firms=(1, 6), always=True, numbers_from="national", weight=0.6,
    ),
    Trade(
        "new_firm", "rotate", ("pbx", "cpaas", "mobile"), "list", _TALKATIVE, (1, 3), (0.6, 0.95),
        (40, 160), (0.0, 0.5), firms=(3, 15), life=(5, 60), reach=(1, 3), handset=True, weight=0.5,
    ),
)  # fmt: skip

MACHINES = (
    Trade(
        "one_time_code", "rotate", ("cpaas", "cpaas", "international"), "list", MACHINE_PRICES, (3, 30),
        (0.85, 0.98), (12, 30), (0.6, 1.6), firms=(1, 4), script_s=(12, 35), life=(10, 3000), reach=(1, 40),
        always=True, callable=0.1, message=0.9, stale=(0.01, 0.1), weight=1.0,
    ),
    Trade(
        "text_notification", "rotate", ("cpaas", "peer"), "list", MACHINE_PRICES, (1, 6), (0.95, 1.0),
        (1, 2), (0.0, 0.0), life=(50, 3000), reach=(1, 8), always=True, method="MESSAGE", stale=(0.02, 0.2),
        weight=0.8,
    ),
    Trade(
        "school_alert", "one", _PLATFORM, "list", MACHINE_PRICES, (5, 40), (0.7, 0.95), (15, 40),
        (0.3, 1.2), firms=(1, 5), friend=(0.2, 0.6), script_s=(15, 45), burst=True, active_h=(0.1, 1.0),
        message=1.0, stale=(0.02, 0.15), weight=0.6,
    ),
    Trade(
        "emergency_alert", "one", ("cpaas", "peer", "international"), "sequential", MACHINE_PRICES,
        (20, 120), (0.7, 0.95), (15, 50), (-0.3, 0.5), firms=(1, 1), script_s=(15, 50), burst=True,
        active_h=(0.05, 0.6), always=True, message=1.0, weight=0.5,
    ),
    Trade(
        "outage_notice", "fresh", ("wholesale", "cpaas", "peer"), "list", MACHINE_PRICES, (5, 40),
        (0.5, 0.8), (10, 40), (-0.2, 0.4), firms=(1, 3), script_s=(15, 40), burst=True, active_h=(0.3, 3.0),
        message=1.0, stale=(0.02, 0.25), weight=0.5,
    ),
    Trade(
        "alarm_machine", "range", ("access", "mobile", "pbx"), "regulars", MACHINE_PRICES, (1, 4),
        (0.98, 1.0), (6, 25), (2.0, 3.0), firms=(3, 12), range_size=(5, 120), main=(0.0, 0.0),
        list_size=(1, 4), friend=(0.9, 1.0), spread=(0.1, 0.4), always=True, numbers_from="mobile",
        weight=0.8,
    ),
    Trade(
        "doorbell", "one", ("access", "cpaas"), "regulars", MACHINE_PRICES, (1, 1), (0.95, 1.0), (8, 25),
        (0.5, 1.5), firms=(5, 40), list_size=(2, 12), friend=(0.8, 1.0), patience_s=(15, 30), weight=0.3,
    ),
    Trade(
        "test_probe", "range", ("peer", "international", "wholesale"), "list", MACHINE_PRICES, (1, 6),
        (0.3, 0.9), (1, 8), (-0.2, 0.5), firms=(1, 4), range_size=(2, 60), caller_ends=(0.9, 1.0),
        patience_s=(3, 15), always=True, numbers_from="foreign", weight=0.5,
    ),
    Trade(
        "fax_sender", "one", ("access", "pbx"), "list", MACHINE_PRICES, (1, 3), (0.4, 0.8), (25, 90),
        (-0.2, 0.4), firms=(2, 8), brush_s=(2, 5), stale=(0.1, 0.4), again=(0.5, 0.9), spread=(0.3, 0.7),
        weight=0.4,
    ),
    Trade(
        "misconfigured", "one", ("pbx", "access"), "extensions", MACHINE_PRICES, (1, 2), (0.1, 0.5), (2, 6),
        (0.0, 0.5), firms=(1, 6), again=(0.7, 0.95), always=True, authorised=False, patience_s=(5, 40),
        weight=0.2,
    ),
    Trade(
        "voicemail_notice", "one", ("pbx", "mobile"), "list", MACHINE_PRICES, (1, 5), (0.6, 0.95), (15, 60),
        (0.3, 1.2), firms=(1, 2), friend=(0.5, 0.9), script_s=(20, 90), caller_ends=(0.1, 0.4), weight=0.5,
    ),
)  # fmt: skip

GATEWAYS = (
    Trade(
        "wholesale_transit", "fresh", ("wholesale", "peer"), "list", _TALKATIVE, (10, 60), (0.85, 0.98),
        (40, 200), (0.0, 0.9), firms=(1, 4), friend=(0.3, 0.75), trunks=(1, 5), builds=(6, 60),
        handset=True, always=True, spread=(0.9, 1.3), numbers_from="national", patience_s=(20, 32),
        weight=4.0,
    ),
    Trade(
        "foreign_transit", "fresh", ("international",), "list", _TALKATIVE, (5, 40), (0.8, 0.97), (60, 300),
        (-0.2, 0.6), firms=(1, 3), friend=(0.3, 0.7), trunks=(1, 3), builds=(6, 60), handset=True,
        owned=(0.1, 0.6), always=True, spread=(0.9, 1.3), numbers_from="foreign", patience_s=(20, 35),
        weight=1.8,
    ),
    Trade(
        "calling_card", "rotate", ("wholesale", "international", "cpaas"), "list", _TALKATIVE, (3, 20),
        (0.9, 0.99), (120, 500), (-0.2, 0.4), firms=(1, 3), life=(2, 60), reach=(3, 60), owned=(0.3, 1.0),
        always=True, spread=(0.8, 1.2), weight=0.8,
    ),
    Trade(
        "app_to_phone", "rotate", ("cpaas", "wholesale"), "list", _TALKATIVE, (4, 30), (0.8, 0.97),
        (30, 180), (-0.2, 0.5), firms=(1, 4), life=(1, 6), reach=(5, 200), friend=(0.0, 0.5),
        owned=(0.3, 1.0), callable=0.3, trunks=(1, 4), builds=(1, 5), always=True, weight=1.8,
    ),
    Trade(
        "anonymous_helpline", "withheld", ("pbx", "peer"), "list", _TALKATIVE, (1, 8), (0.7, 0.95),
        (60, 500), (0.2, 1.0), firms=(1, 5), friend=(0.1, 0.5), always=True, weight=0.4,
    ),
)  # fmt: skip

SECTORS = (CENTRES, ERRANDS, MACHINES, GATEWAYS)
TRADES = CENTRES + ERRANDS + MACHINES + GATEWAYS
