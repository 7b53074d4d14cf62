"""Symbols for what shows across caller numbers, against a caller's own past, and around the callee."""

from __future__ import annotations

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

_PEER = "from this source and equipment"
_RARE = "callers who hardly ever call"


def _neighbours(row: Row) -> str | None:
    count = row["callee_block_young_neighbour_attempts_1d"]
    if row["pair_differing_digits"] <= 5.0 and count >= 3.0:
        return (
            f"The number shown looks like the called person's own neighbourhood; about {count:.0f} such "
            "calls from numbers that hardly ever call came to it within a day."
        )
    share = row.highest("peer_young_neighbour_ratio_1h", "peer_young_neighbour_ratio_1d")
    if share >= 0.2:
        return (
            f"About {percent(share)} of the calls by {_RARE} {_PEER} show a number from the called "
            "person's own neighbourhood."
        )
    return None


def _unlike_past(row: Row) -> str | None:
    if row["caller_attempts_7d"] < 10.0:
        return None
    times = row.highest("caller_surge_1h", "caller_surge_1d")
    if times >= 3.0:
        return f"This caller calls about {times:.0f} times as often as in the past week."
    more = row["caller_first_contact_change_1h"]
    if more >= 0.2:
        return "This caller suddenly calls people it has not called before, unlike in the past week."
    return None


def _number_not_in_use(row: Row) -> str | None:
    share = row["inbound_not_found_ratio_7d"]
    if share >= 0.1:
        return f"Calls back to the number shown find that nobody has it (about {percent(share)})."
    return None


def _passport(row: Row) -> str | None:
    if row["identity_verstat"] <= -0.5:
        return "The signature of the caller's number did not pass the network's check."
    if row["identity_passport_orig_differs"] >= 0.5 or row["identity_passport_dest_differs"] >= 0.5:
        return "The signature that came with this call was made for another call."
    age_s = row["identity_passport_age_s"]
    if age_s >= 60.0:
        return (
            f"The signature that came with this call is about {age_s:.0f} seconds off the time of the call."
        )
    return None


SYMBOLS: tuple[Symbol, ...] = (
    Symbol(
        "STRANGERS_MANY",
        f"how many calls {_PEER} are by {_RARE}",
        (
            *hour_and_day("peer_young_attempts", "peer_young_ratio"),
            "peer_young_first_contact_ratio_1d",
            "peer_young_surge_1h",
            "peer_young_log_gap_spread_1h",
            "peer_young_near_caller_ratio_1d",
            "peer_young_mean_attestation_1d",
        ),
        share_over(
            0.5,
            hour_and_day("peer_young_ratio"),
            f"About {{percent}} of the calls {_PEER} are by {_RARE}, as when numbers are rotated.",
            of="peer_young_attempts_1d",
            least=20.0,
        ),
        telling=True,
    ),
    Symbol(
        "STRANGERS_BAD_OUTCOMES",
        f"how calls by {_RARE} {_PEER} end",
        (
            *hour_and_day(
                "peer_young_answer_ratio",
                "peer_young_not_found_ratio",
                "peer_young_one_ring_ratio",
            ),
            "peer_young_declined_ratio_1d",
        ),
        share_under(
            0.4,
            hour_and_day("peer_young_answer_ratio"),
            f"Only about {{percent}} of the calls by {_RARE} {_PEER} are answered.",
        ),
        telling=True,
    ),
    Symbol(
        "STRANGERS_SHORT_CALLS",
        f"how short the answered calls by {_RARE} {_PEER} are",
        (
            *hour_and_day("peer_young_short_call_ratio", "peer_young_mean_talk_s"),
            "peer_young_callee_hang_up_ratio_1d",
            "peer_young_talk_variation_1d",
        ),
        short_calls(
            f"by {_RARE} {_PEER}",
            hour_and_day("peer_young_short_call_ratio"),
            hour_and_day("peer_young_mean_talk_s"),
        ),
        telling=True,
    ),
    Symbol(
        "STRANGERS_SEQUENTIAL_DIALLING",
        f"numbers dialled one after the other by {_RARE} {_PEER}",
        (*hour_and_day("peer_young_sequential_ratio"), "peer_young_same_block_ratio_1h"),
        share_over(
            0.05,
            hour_and_day("peer_young_sequential_ratio"),
            f"About {{percent}} of the calls by {_RARE} {_PEER} go to a number right beside the one before.",
        ),
        telling=True,
    ),
    Symbol(
        "SOURCE_STRANGERS",
        f"calls by {_RARE} from the sending address",
        (
            *hour_and_day("source_young_attempts", "source_young_ratio"),
            "source_young_first_contact_ratio_1d",
            "source_young_surge_1h",
            *hour_and_day("source_young_answer_ratio", "source_young_mean_talk_s"),
            "source_young_short_call_ratio_1d",
            "source_young_not_found_ratio_1d",
            "source_young_one_ring_ratio_1d",
            "source_young_callee_hang_up_ratio_1d",
        ),
        share_under(
            0.4,
            hour_and_day("source_young_answer_ratio"),
            f"Only about {{percent}} of the calls by {_RARE} from the sending address are answered.",
        ),
    ),
    Symbol(
        "NEIGHBOUR_SPOOFING",
        "whether the number shown is made to look like the called person's neighbourhood",
        (
            "caller_neighbour_ratio_1d",
            "peer_neighbour_ratio_1h",
            "peer_young_neighbour_attempts_1h",
            *hour_and_day("peer_young_neighbour_ratio"),
            "source_young_neighbour_attempts_1h",
            "source_young_neighbour_ratio_1h",
            *hour_and_day("callee_block_young_neighbour_attempts"),
            "callee_block_young_neighbour_ratio_1d",
            "pair_shared_digits",
            "pair_differing_digits",
        ),
        _neighbours,
        telling=True,
    ),
    Symbol(
        "CALLEE_BLOCK_CAMPAIGN",
        "what calls the neighbours of the called number receive",
        (
            *hour_and_day("callee_block_attempts"),
            "callee_block_young_attempts_10m",
            *hour_and_day("callee_block_young_attempts", "callee_block_young_ratio"),
            "callee_block_young_first_contact_ratio_1d",
            "callee_block_young_surge_1h",
            "callee_block_young_answer_ratio_1d",
            "callee_block_young_short_call_ratio_1d",
            "callee_block_young_not_found_ratio_1d",
            "callee_block_young_declined_ratio_1d",
            "callee_block_young_mean_talk_s_1d",
            "callee_block_attestation_spread_1d",
        ),
        count_over(
            f"Numbers beside the called one received about {{count}} calls by {_RARE} within {{span}}.",
            ("callee_block_young_attempts_1h", 10.0, "an hour"),
            ("callee_block_young_attempts_1d", 30.0, "a day"),
        ),
    ),
    Symbol(
        "BLOCK_STRANGERS",
        f"calls by {_RARE} of the caller's number block",
        (
            *hour_and_day("block_young_attempts"),
            "block_young_ratio_1d",
            "block_young_first_contact_ratio_1d",
            "block_young_answer_ratio_1d",
            "block_young_short_call_ratio_1d",
            "block_young_mean_talk_s_1d",
        ),
        count_over(
            "Numbers of the caller's block that hardly ever call tried about {count} calls within {span}.",
            ("block_young_attempts_1h", 10.0, "an hour"),
            ("block_young_attempts_1d", 30.0, "a day"),
        ),
    ),
    Symbol(
        "ORIGID_STRANGERS",
        f"calls by {_RARE} with the same signed origin (origid)",
        (
            "origid_distinct_callers_1h",
            "origid_first_contact_ratio_1d",
            "origid_young_attempts_1d",
            "origid_young_ratio_1d",
            "origid_young_first_contact_ratio_1d",
            "origid_young_answer_ratio_1d",
            "origid_young_mean_talk_s_1d",
        ),
        count_over(
            f"About {{count}} calls with the same signed origin were by {_RARE} within {{span}}.",
            ("origid_young_attempts_1d", 30.0, "a day"),
        ),
    ),
    Symbol(
        "CALLER_UNLIKE_ITS_PAST",
        "whether the caller behaves unlike in the past week",
        (
            "caller_surge_1m",
            "caller_surge_10m",
            "caller_surge_1h",
            "caller_surge_1d",
            "caller_first_contact_change_1h",
            "caller_answer_change_1h",
            "caller_talk_change_1h",
            "caller_usual_hour_7d",
            "peer_caller_age_s",
        ),
        _unlike_past,
        telling=True,
    ),
    Symbol(
        "PEER_UNLIKE_ITS_PAST",
        f"whether calls {_PEER} come unlike before",
        ("peer_surge_1h", "peer_first_contact_change_1h", "block_surge_1h"),
        count_over(
            f"Calls come about {{count}} times as often {_PEER} as usual within {{span}}.",
            ("peer_surge_1h", 4.0, "an hour"),
        ),
    ),
    Symbol(
        "CALLER_SLOW_CAMPAIGN",
        "what the caller and its number block did over days",
        (
            "caller_attempts_7d",
            "caller_new_callees_1d",
            "caller_new_callees_7d",
            "caller_first_contact_ratio_7d",
            "caller_answer_ratio_7d",
            "caller_mean_talk_s_7d",
            "block_attempts_7d",
            "block_first_contact_ratio_7d",
            "block_answer_ratio_7d",
            "block_mean_talk_s_7d",
        ),
        count_over(
            "This caller has tried to reach about {count} people new to it within {span}.",
            ("caller_new_callees_1d", 10.0, "a day"),
            ("caller_new_callees_7d", 20.0, "a week"),
        ),
    ),
    Symbol(
        "CALLER_MANY_AT_ONCE",
        "how many calls of the caller go on at the same time",
        ("caller_open_calls_1d", "peer_open_calls_1d"),
        count_over(
            "About {count} calls of this caller are going on at once{span}.",
            ("caller_open_calls_1d", 2.5, ""),
        ),
    ),
    Symbol(
        "CALLER_NO_TIES",
        "whether the caller ever talks with people it has talked with before",
        (
            "caller_known_callee_ratio_1d",
            "caller_known_callee_ratio_7d",
            "caller_reciprocal_ratio_7d",
            "caller_weak_tie_ratio_7d",
            "caller_known_talk_ratio_7d",
            "caller_mean_talk_to_strangers_s_1d",
            "caller_mean_talk_to_known_s_7d",
            "caller_stranger_answer_ratio_1d",
            "pair_talk_age_s",
        ),
        share_under(
            0.15,
            ("caller_known_callee_ratio_7d",),
            "Hardly any of this caller's calls go to people it has talked with before (about {percent}).",
        ),
    ),
    Symbol(
        "CALLER_DECLINED",
        "how often people decline the caller's calls, or hang up at once",
        ("caller_declined_ratio_1d", *hour_and_day("caller_quick_hang_up_ratio")),
        share_over(
            0.15,
            ("caller_declined_ratio_1d", *hour_and_day("caller_quick_hang_up_ratio")),
            "In about {percent} of this caller's calls people decline or hang up within 10 seconds.",
        ),
    ),
    Symbol(
        "CALLER_RINGING",
        "how long the caller's calls ring",
        ("caller_mean_ring_out_s_1d", "caller_mean_answer_ring_s_1d", "caller_ring_out_variation_1d"),
        lambda row: (
            "This caller lets the phone ring for the same time at every call, as a machine does."
            if row["caller_ring_out_variation_1d"] <= 0.2
            else None
        ),
    ),
    Symbol(
        "NUMBER_NOT_IN_USE",
        "whether the number shown is one that people use",
        (
            "inbound_attempts_1d",
            "inbound_attempts_7d",
            "inbound_new_callers_7d",
            "inbound_answer_ratio_7d",
            "inbound_not_found_ratio_7d",
            "inbound_call_back_ratio_1d",
        ),
        _number_not_in_use,
        telling=True,
    ),
    Symbol(
        "CALLEE_STRANGERS",
        f"how many calls the called number receives from {_RARE}",
        (
            "callee_attempts_10m",
            "callee_surge_10m",
            "callee_young_attempts_10m",
            *hour_and_day("callee_young_attempts", "callee_young_ratio"),
            "callee_young_first_contact_ratio_1d",
            "callee_young_surge_1h",
            "callee_first_contact_ratio_1h",
        ),
        count_over(
            f"The called number has received about {{count}} calls from {_RARE} within {{span}}.",
            ("callee_young_attempts_10m", 5.0, "10 minutes"),
            ("callee_young_attempts_1h", 8.0, "an hour"),
        ),
    ),
    Symbol(
        "CALLEE_HABIT",
        "how the called person usually treats calls",
        (
            "callee_answer_ratio_7d",
            "callee_stranger_answer_ratio_7d",
            "callee_declined_ratio_7d",
            "callee_mean_talk_s_7d",
            "callee_outbound_attempts_1d",
        ),
        share_over(
            0.3,
            ("callee_declined_ratio_7d",),
            "The called person declines about {percent} of calls.",
        ),
    ),
    Symbol(
        "IDENTITY_BAD_SIGNATURE",
        "whether the signature that came with the call fits the call",
        (
            "identity_verstat",
            "identity_passport_orig_differs",
            "identity_passport_dest_differs",
            "identity_passport_age_s",
            "identity_passport_div",
        ),
        _passport,
        telling=True,
    ),
    Symbol(
        "IDENTITY_SHOPPED",
        "whether the caller's number comes by many ways, signed differently",
        (
            "caller_new_routes_1d",
            "caller_mean_attestation_1d",
            "caller_attestation_spread_1d",
            "caller_differing_identity_ratio_1d",
            "peer_differing_identity_ratio_1d",
        ),
        count_over(
            "This number has called by about {count} different ways within {span}.",
            ("caller_new_routes_1d", 3.0, "a day"),
        ),
    ),
    Symbol(
        "CALL_FORMAT",
        "the length of the numbers, and what is offered besides voice",
        (
            "identity_caller_digits",
            "identity_callee_digits",
            "identity_media_video",
            "identity_media_fax",
            "peer_mean_pdd_s_1d",
        ),
        flag("identity_media_video", "The call offers video."),
    ),
    Symbol(
        "MESSAGES_MANY",
        "how many text messages are sent",
        ("caller_messages_10m", "caller_messages_1d", "peer_message_ratio_1d"),
        count_over(
            "This caller has sent about {count} text messages within {span}.",
            ("caller_messages_10m", 5.0, "10 minutes"),
            ("caller_messages_1d", 20.0, "a day"),
        ),
    ),
)
