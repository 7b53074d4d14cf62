"""The declared table of symbols: which features speak for each, when, and in which words (docs/reasons.md).

Every feature belongs to exactly one symbol, so that no evidence of the model goes unnamed.
"""

from __future__ import annotations

from spit.model import campaign_symbols
from spit.model.symbol import (
    Row,
    Symbol,
    count_over,
    flag,
    hour_and_day,
    percent,
    share_over,
    share_under,
    short_calls,
)


def _one_ring(row: Row) -> str | None:
    share = row.highest("caller_one_ring_ratio_1h", "caller_one_ring_ratio_1d")
    ring_s = row["caller_mean_ring_before_cancel_s_1d"]
    if share >= 0.1:
        return (
            f"About {percent(share)} of this caller's calls ring for at most 6 seconds and are then "
            "dropped, as if to be called back."
        )
    if ring_s <= 8.0:
        return f"Where nobody answers at once, this caller gives up after about {ring_s:.0f} seconds."
    return None


def _sequential(row: Row) -> str | None:
    beside = row.highest("caller_sequential_ratio_1h", "caller_sequential_ratio_1d")
    block = row.highest("caller_same_block_ratio_1h", "caller_same_block_ratio_1d")
    if beside >= 0.08:
        return (
            f"About {percent(beside)} of this caller's calls go to a number right beside the one "
            "dialled before."
        )
    if block >= 0.15:
        return f"About {percent(block)} of this caller's calls stay in the number block of the call before."
    return None


def _regular_gaps(row: Row) -> str | None:
    gap_s = row["caller_gap_s"]
    if row.lowest("caller_log_gap_spread_1h", "caller_log_gap_spread_1d") <= 1.5 and gap_s <= 600.0:
        last = "within two seconds" if gap_s < 2.0 else f"after {gap_s:.0f} seconds"
        return f"This caller's calls follow each other as regularly as a machine's, the last one {last}."
    return None


def _attestation(row: Row) -> str | None:
    level = row["identity_attestation_level"]
    if level == 0.0:
        return "The caller's number is not signed by its network (no STIR attestation)."
    if level in (1.0, 2.0):
        return (
            f"The caller's network does not vouch for the number fully (attestation {'CB'[int(level) - 1]})."
        )
    return None


_PEER = "from this source and equipment"

SYMBOLS: tuple[Symbol, ...] = (
    Symbol(
        "CALLER_HIGH_RATE",
        "how many calls the caller makes",
        ("caller_attempts_1m", "caller_attempts_10m", "caller_attempts_1h", "caller_attempts_1d"),
        count_over(
            "This caller has tried about {count} calls within {span}.",
            ("caller_attempts_1m", 4.0, "a minute"),
            ("caller_attempts_10m", 8.0, "10 minutes"),
            ("caller_attempts_1h", 10.0, "an hour"),
            ("caller_attempts_1d", 40.0, "a day"),
        ),
    ),
    Symbol(
        "CALLER_MANY_CALLEES",
        "how many different people the caller tries to reach",
        ("caller_distinct_callees_1h",),
        count_over(
            "This caller has tried to reach about {count} different numbers within {span}.",
            ("caller_distinct_callees_1h", 8.0, "an hour"),
        ),
    ),
    Symbol(
        "CALLER_NEW_CALLEES",
        "how many of the people called are strangers to the caller",
        hour_and_day("caller_first_contact_ratio", "caller_redial_ratio"),
        share_over(
            0.55,
            hour_and_day("caller_first_contact_ratio"),
            "About {percent} of this caller's calls go to numbers it has not called in the past week.",
        ),
    ),
    Symbol(
        "CALLER_SEQUENTIAL_DIALLING",
        "numbers dialled one after the other",
        hour_and_day("caller_sequential_ratio", "caller_same_block_ratio"),
        _sequential,
        telling=True,
    ),
    Symbol(
        "NO_RECIPROCITY",
        "whether the people called ever call back",
        ("caller_reciprocal_ratio_1d", "pair_reverse_contact_age_s"),
        share_under(
            0.2,
            ("caller_reciprocal_ratio_1d",),
            "Hardly anybody whom this caller calls has called it in the past week (about {percent}).",
        ),
    ),
    Symbol(
        "CALLER_REGULAR_GAPS",
        "how regularly the caller's calls follow each other",
        ("caller_gap_s", *hour_and_day("caller_gap_variation", "caller_log_gap_spread")),
        _regular_gaps,
    ),
    Symbol(
        "CALLER_LOW_ANSWER_RATIO",
        "how few of the caller's calls are answered",
        (*hour_and_day("caller_answer_ratio"), "caller_no_answer_ratio_1d"),
        share_under(
            0.45,
            hour_and_day("caller_answer_ratio"),
            "Only about {percent} of this caller's calls are answered.",
        ),
    ),
    Symbol(
        "CALLER_SHORT_CALLS",
        "how short the caller's answered calls are",
        (*hour_and_day("caller_short_call_ratio", "caller_mean_talk_s"), "caller_talk_variation_1d"),
        short_calls(
            "of this caller", hour_and_day("caller_short_call_ratio"), hour_and_day("caller_mean_talk_s")
        ),
    ),
    Symbol(
        "CALLER_GIVES_UP",
        "how often the caller gives up before an answer",
        hour_and_day("caller_cancelled_ratio"),
        share_over(
            0.25,
            hour_and_day("caller_cancelled_ratio"),
            "This caller gives up about {percent} of its calls before anybody answers.",
        ),
    ),
    Symbol(
        "CALLER_ONE_RING",
        "calls that ring once and are dropped",
        (*hour_and_day("caller_one_ring_ratio"), "caller_mean_ring_before_cancel_s_1d"),
        _one_ring,
        telling=True,
    ),
    Symbol(
        "CALLER_UNKNOWN_NUMBERS",
        "numbers dialled that do not exist",
        hour_and_day("caller_not_found_ratio"),
        share_over(
            0.06,
            hour_and_day("caller_not_found_ratio"),
            "About {percent} of the numbers this caller dials do not exist.",
        ),
        telling=True,
    ),
    Symbol(
        "CALLER_REFUSED",
        "how often the caller's calls are declined or meet a busy line",
        ("caller_refused_ratio_1d",),
        share_over(
            0.15,
            ("caller_refused_ratio_1d",),
            "About {percent} of this caller's calls are declined or meet a busy line.",
        ),
    ),
    Symbol(
        "CALLER_UNWANTED",
        "people who reported the caller's calls as unwanted",
        ("caller_unwanted_ratio_1d",),
        share_over(
            0.01,
            ("caller_unwanted_ratio_1d",),
            "People whom this caller called have reported its calls as unwanted (about {percent}).",
        ),
        telling=True,
    ),
    Symbol(
        "CALLEES_HANG_UP",
        "how often it is the called person who hangs up",
        ("caller_callee_hang_up_ratio_1d",),
        share_over(
            0.6,
            ("caller_callee_hang_up_ratio_1d",),
            "In about {percent} of this caller's answered calls the called person hangs up.",
        ),
    ),
    Symbol(
        "FINGERPRINT_HIGH_RATE",
        f"how many calls come {_PEER}",
        (
            "peer_attempts_1m",
            "peer_attempts_1h",
            "peer_attempts_1d",
            "peer_distinct_callees_1h",
            "peer_log_gap_spread_1h",
        ),
        count_over(
            f"About {{count}} calls came {_PEER} within {{span}}.",
            ("peer_attempts_1m", 10.0, "a minute"),
            ("peer_attempts_1h", 60.0, "an hour"),
            ("peer_attempts_1d", 300.0, "a day"),
        ),
    ),
    Symbol(
        "FINGERPRINT_NUMBER_ROTATION",
        f"how caller numbers come and go {_PEER}",
        (
            "peer_distinct_callers_1h",
            "peer_rotation_ratio_1h",
            "peer_new_caller_ratio_1h",
            "peer_new_caller_ratio_1d",
        ),
        count_over(
            f"Calls {_PEER} showed about {{count}} different caller numbers within {{span}}.",
            ("peer_distinct_callers_1h", 4.0, "an hour"),
        ),
        telling=True,
    ),
    Symbol(
        "FINGERPRINT_NEW_CALLEES",
        f"how many people called {_PEER} are strangers",
        hour_and_day("peer_first_contact_ratio"),
        share_over(
            0.6,
            hour_and_day("peer_first_contact_ratio"),
            f"About {{percent}} of the calls {_PEER} go to numbers not called from there in the past week.",
        ),
    ),
    Symbol(
        "FINGERPRINT_SEQUENTIAL_DIALLING",
        f"numbers dialled one after the other {_PEER}",
        (*hour_and_day("peer_sequential_ratio"), "peer_same_block_ratio_1h"),
        share_over(
            0.05,
            hour_and_day("peer_sequential_ratio"),
            f"About {{percent}} of the calls {_PEER} go to a number right beside the one dialled before.",
        ),
    ),
    Symbol(
        "FINGERPRINT_LOW_ANSWER_RATIO",
        f"how few calls {_PEER} are answered",
        (*hour_and_day("peer_answer_ratio"), "peer_cancelled_ratio_1h"),
        share_under(
            0.45,
            hour_and_day("peer_answer_ratio"),
            f"Only about {{percent}} of the calls {_PEER} are answered.",
        ),
    ),
    Symbol(
        "FINGERPRINT_SHORT_CALLS",
        f"how short the answered calls {_PEER} are",
        (
            *hour_and_day("peer_short_call_ratio"),
            "peer_mean_talk_s_1d",
            "peer_callee_hang_up_ratio_1d",
        ),
        short_calls(_PEER, hour_and_day("peer_short_call_ratio"), ("peer_mean_talk_s_1d",)),
    ),
    Symbol(
        "FINGERPRINT_ONE_RING",
        f"calls {_PEER} that ring once and are dropped",
        hour_and_day("peer_one_ring_ratio"),
        share_over(
            0.08,
            hour_and_day("peer_one_ring_ratio"),
            f"About {{percent}} of the calls {_PEER} ring for at most 6 seconds and are then dropped.",
        ),
    ),
    Symbol(
        "FINGERPRINT_UNKNOWN_NUMBERS",
        f"numbers dialled {_PEER} that do not exist",
        hour_and_day("peer_not_found_ratio"),
        share_over(
            0.06,
            hour_and_day("peer_not_found_ratio"),
            f"About {{percent}} of the numbers dialled {_PEER} do not exist.",
        ),
    ),
    Symbol(
        "FINGERPRINT_REFUSED",
        f"how often calls {_PEER} are declined or reported as unwanted",
        ("peer_refused_ratio_1d", "peer_unwanted_ratio_1d"),
        share_over(
            0.15,
            ("peer_refused_ratio_1d",),
            f"About {{percent}} of the calls {_PEER} are declined or meet a busy line.",
        ),
    ),
    Symbol(
        "FINGERPRINT_HIDDEN_ORIGIN",
        f"how many calls {_PEER} are forwarded or withhold the number",
        ("peer_diverted_ratio_1d", "peer_withheld_ratio_1d"),
        share_over(
            0.2,
            ("peer_diverted_ratio_1d", "peer_withheld_ratio_1d"),
            f"About {{percent}} of the calls {_PEER} are forwarded or withhold the caller's number.",
        ),
    ),
    Symbol(
        "SOURCE_HIGH_RATE",
        "how many calls the sending address carries",
        ("source_attempts_1m", "source_attempts_1h", "source_attempts_1d"),
        count_over(
            "The address that sent this call sent about {count} calls within {span}.",
            ("source_attempts_1m", 30.0, "a minute"),
            ("source_attempts_1h", 200.0, "an hour"),
        ),
    ),
    Symbol(
        "SOURCE_BAD_OUTCOMES",
        "how the calls of the sending address end",
        (
            "source_first_contact_ratio_1h",
            *hour_and_day("source_answer_ratio"),
            "source_short_call_ratio_1d",
            "source_mean_talk_s_1d",
            "source_not_found_ratio_1h",
            "source_unwanted_ratio_1d",
        ),
        share_under(
            0.45,
            hour_and_day("source_answer_ratio"),
            "Only about {percent} of the calls from the address that sent this one are answered.",
        ),
    ),
    Symbol(
        "CALLEE_STORM",
        "how many calls the called number receives",
        (
            "callee_attempts_1m",
            "callee_attempts_1h",
            "callee_attempts_1d",
            "callee_distinct_callers_1m",
            "callee_distinct_callers_1h",
        ),
        count_over(
            "The called number has received about {count} calls within {span}.",
            ("callee_attempts_1m", 3.0, "a minute"),
            ("callee_attempts_1h", 5.0, "an hour"),
        ),
    ),
    Symbol(
        "CALLEE_PESTERED",
        "what calls the called number usually receives",
        (
            "callee_first_contact_ratio_1d",
            "callee_call_back_ratio_1h",
            "callee_answer_ratio_1d",
            "callee_one_ring_ratio_1d",
        ),
        share_over(
            0.5,
            ("callee_first_contact_ratio_1d",),
            "About {percent} of the calls to the called number come from strangers.",
            of="callee_attempts_1d",
            least=2.0,
        ),
    ),
    Symbol(
        "BLOCK_HIGH_RATE",
        "how many calls the caller's number block makes",
        ("block_attempts_1m", "block_attempts_1h", "block_attempts_1d", "block_distinct_callers_1h"),
        count_over(
            "Numbers of the caller's block have tried about {count} calls within {span}.",
            ("block_attempts_1m", 8.0, "a minute"),
            ("block_attempts_1h", 40.0, "an hour"),
        ),
    ),
    Symbol(
        "BLOCK_BAD_OUTCOMES",
        "how the calls of the caller's number block end",
        (
            "block_first_contact_ratio_1d",
            "block_answer_ratio_1h",
            "block_short_call_ratio_1d",
            "block_unwanted_ratio_1d",
        ),
        share_under(
            0.45,
            ("block_answer_ratio_1h",),
            "Only about {percent} of the calls of the caller's number block are answered.",
        ),
    ),
    Symbol(
        "ORIGID_BAD_OUTCOMES",
        "how calls with the same signed origin (origid) end",
        ("origid_attempts_1h", "origid_answer_ratio_1d", "origid_short_call_ratio_1d"),
        share_under(
            0.45,
            ("origid_answer_ratio_1d",),
            "Only about {percent} of the calls with the same signed origin are answered.",
        ),
    ),
    Symbol(
        "FIRST_CONTACT",
        "whether the caller has called this number before",
        ("pair_contact_age_s",),
        lambda row: (
            "The caller has not called this number in the past week."
            if row["pair_contact_age_s"] >= 7 * 86_400.0
            else None
        ),
    ),
    Symbol(
        "IDENTITY_MISMATCH",
        "whether the number shown is the one the network asserts",
        ("identity_asserted_differs",),
        flag(
            "identity_asserted_differs", "The number shown is not the one that the caller's network asserts."
        ),
        telling=True,
    ),
    Symbol(
        "IDENTITY_WEAK_ATTESTATION",
        "how far the caller's network vouches for the number",
        ("identity_attestation_level",),
        _attestation,
    ),
    Symbol(
        "IDENTITY_WITHHELD",
        "whether the caller withholds the number",
        ("identity_caller_withheld",),
        flag("identity_caller_withheld", "The caller withholds the number."),
    ),
    Symbol(
        "CALL_FORM",
        "the form of the call: forwarded, a message, not to a number",
        ("identity_diverted", "identity_callee_is_number", "identity_is_message"),
        flag("identity_is_message", "This is a text message, not a call."),
    ),
    *campaign_symbols.SYMBOLS,
)

#: Said when no single symbol weighs enough: the features together made the score.
UNUSUAL_PATTERN = Symbol(
    "UNUSUAL_PATTERN",
    "everything known of the call taken together",
    (),
    lambda _row: "No single sign stands out, but taken together this call looks like spam.",
)
