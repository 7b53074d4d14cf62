"""What shows across rotating caller numbers, around the callee and against a caller's own past."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from feature_events import ALICE, BOB, START_US, attempt, batch, end, features_at

from spit._core import Formulas, Plan
from spit.features import FeatureTable
from spit.features.monotonic import MONOTONIC

HOUR_S = 3600.0
DAY_S = 86_400.0


def rotating(i: int) -> str:
    return f"+49301{7919 * i % 10_000_000:07d}"


def callee(i: int) -> str:
    return f"+49891{6151 * i % 10_000_000:07d}"


def call(at_s: float, talk_s: float | None, caller: str, to: str, **more: Any) -> list[dict[str, Any]]:
    """An attempt and its end; not answered where there is no talk."""
    how: dict[str, Any] = {"outcome": "no_answer", "ring_time_s": 20.0}
    if talk_s is not None:
        how = {"outcome": "answered", "duration_s": talk_s, "hangup_by": "callee", "final_status": 200}
    start = {"start_time_us": START_US + round(at_s * 1e6)}
    ended = {**attempt(at_s + (talk_s or 20.0), caller, to, **more), "event": "end", **start, **how}
    return [attempt(at_s, caller, to, **more), {**ended, "duration_censored": False}]


def test_customers_do_not_dilute_what_rotating_numbers_do() -> None:
    """Ten regular customers talk for long; between them, every number of a campaign calls once."""
    events: list[dict[str, Any]] = []
    for i in range(60):
        events += call(60.0 * i, 300.0, f"+4940555{i % 10:04d}", f"+4940777{i % 10:04d}")
        events += call(60.0 * i + 30.0, 8.0 if i % 4 == 0 else None, rotating(i), callee(i))
    events.sort(key=lambda event: event["time_us"])
    f = features_at(attempt(3700, rotating(999), callee(999)), *events)
    # The customers' first three calls are young ones, too: 30 of 90.
    assert f["peer_young_attempts_1d"] == pytest.approx(90, rel=0.1)
    assert f["peer_young_ratio_1d"] == pytest.approx(90 / 120, rel=0.1)
    assert f["peer_young_answer_ratio_1d"] == pytest.approx(45 / 90, rel=0.1)
    assert f["peer_young_answer_ratio_1d"] < f["peer_answer_ratio_1d"] - 0.05
    assert f["peer_young_mean_talk_s_1d"] < f["peer_mean_talk_s_1d"] - 30
    assert f["source_young_attempts_1d"] == pytest.approx(f["peer_young_attempts_1d"])
    assert f["caller_attempts_1d"] == 0


def test_a_caller_is_young_for_three_calls_and_their_ends() -> None:
    events = [event for i in range(6) for event in call(100.0 * i, 30.0, ALICE, BOB)]
    f = features_at(attempt(700, rotating(1)), *events)
    decayed = [math.exp(-(700 - 100 * i) / DAY_S) for i in range(6)]
    assert f["peer_young_attempts_1d"] == pytest.approx(sum(decayed[:3]))
    ended = [math.exp(-(670 - 100 * i) / DAY_S) for i in range(3)]
    assert f["peer_young_mean_talk_s_1d"] == pytest.approx((30 * sum(ended) + 540) / (sum(ended) + 3))


def test_a_withheld_number_is_not_young() -> None:
    f = features_at(attempt(9), *(attempt(i, caller="anonymous@anonymous.invalid") for i in range(5)))
    assert f["peer_young_attempts_1d"] == 0
    assert f["peer_attempts_1d"] > 4.9


def test_a_walk_through_numbers_shows_though_every_call_has_another_caller() -> None:
    events: list[dict[str, Any]] = []
    for i in range(20):
        events.append(attempt(i, rotating(i), f"+498955500{i:02d}"))
        # A regular customer between any two: he is young for his first calls only.
        events.append(attempt(i + 0.5, ALICE, callee(i)))
    f = features_at(attempt(30, rotating(99), callee(99)), *events)
    assert f["peer_sequential_ratio_1h"] < 0.05
    assert f["peer_young_sequential_ratio_1h"] > 0.5
    assert f["peer_young_same_block_ratio_1h"] > 0.5
    machine = features_at(attempt(400, rotating(99)), *(attempt(10.0 * i, rotating(i)) for i in range(40)))
    assert machine["peer_young_log_gap_spread_1h"] < 1.0


def test_numbers_rotated_through_a_range_show() -> None:
    ranged = [attempt(i, f"+4930123{37 * i % 100:04d}", callee(i)) for i in range(20)]
    spread = [attempt(i, rotating(i), callee(i)) for i in range(20)]
    assert features_at(attempt(30), *ranged)["peer_young_near_caller_ratio_1d"] > 0.7
    assert features_at(attempt(30), *spread)["peer_young_near_caller_ratio_1d"] < 0.01


def test_neighbour_spoofing_shows_at_the_callees_block() -> None:
    def spoofed(i: int) -> dict[str, Any]:
        return attempt(i, f"+1212555{7 * i:04d}", f"+1212555{5000 + i:04d}", source_ip=f"192.0.2.{i}")

    f = features_at(spoofed(20), *(spoofed(i) for i in range(20)))
    assert f["peer_young_attempts_1d"] == 0, "every call came from another address"
    assert f["callee_block_young_neighbour_attempts_1h"] == pytest.approx(20, rel=0.01)
    assert f["callee_block_young_neighbour_ratio_1d"] > 0.8
    assert (f["pair_shared_digits"], f["pair_differing_digits"]) == (7, 4)


@pytest.mark.parametrize(
    ("caller", "to", "shared", "differing"),
    [
        ("+12125551234", "+12125551239", 10, 1),
        ("+12125551234", "+12135551234", 3, 8),
        ("+493012345", "+4930123456", 9, 1),
        ("alice@example.org", "+12125551234", 0, 15),
        (ALICE, ALICE, 12, 0),
    ],
)
def test_shared_and_differing_digits(caller: str, to: str, shared: int, differing: int) -> None:
    f = features_at(attempt(0, caller, to))
    assert (f["pair_shared_digits"], f["pair_differing_digits"]) == (shared, differing)


def test_open_calls_rise_and_fall() -> None:
    attempts = [attempt(i, ALICE, callee(i)) for i in range(5)]
    assert features_at(attempt(10), *attempts)["caller_open_calls_1d"] == pytest.approx(5, rel=1e-3)
    hours = [
        end(7200, "answered", ALICE, callee(i), start_time_us=START_US + i * 1_000_000) for i in range(5)
    ]
    f = features_at(attempt(7201), *attempts, *hours)
    assert f["caller_open_calls_1d"] == pytest.approx(0, abs=1e-4)
    assert f["peer_open_calls_1d"] == pytest.approx(0, abs=1e-4)
    # A call that the capture did not see to its end is over, too; more ends than calls are no calls.
    cut = [end(20, "incomplete", start_time_us=START_US), end(21, "busy", start_time_us=START_US)]
    assert features_at(attempt(30), attempts[0], *cut)["caller_open_calls_1d"] == 0


def test_call_backs_to_a_number_that_nobody_has() -> None:
    back = [
        event
        for i in range(5)
        for event in (attempt(i, callee(i), ALICE), end(i, "not_found", callee(i), ALICE))
    ]
    f = features_at(attempt(10), *back)
    assert f["inbound_not_found_ratio_7d"] == pytest.approx((5 + 0.02) / (5 + 2), rel=1e-3)
    assert f["inbound_attempts_1d"] == pytest.approx(5, rel=1e-3)
    assert f["inbound_answer_ratio_7d"] < 0.4
    assert features_at(attempt(10))["inbound_not_found_ratio_7d"] == pytest.approx(0.01)
    assert features_at(attempt(10, caller=None), *back)["inbound_attempts_1d"] == 0


def test_strong_ties_are_told_from_strangers() -> None:
    events = [event for i in range(6) for event in call(1000.0 * i, 400.0, ALICE, BOB)]
    events += [event for i in range(6) for event in call(1000.0 * i + 500, 20.0, ALICE, callee(i))]
    f = features_at(attempt(7000), *sorted(events, key=lambda event: event["time_us"]))
    assert f["pair_talk_age_s"] == pytest.approx(7000 - 5400)
    assert f["caller_known_callee_ratio_1d"] == pytest.approx((5 + 2) / (12 + 5), rel=0.05)
    assert f["caller_mean_talk_to_known_s_7d"] > 300
    # The first talk with Bob was one with a stranger: 400 s and six of 20 s, and the prior.
    assert f["caller_mean_talk_to_strangers_s_1d"] == pytest.approx((400 + 120 + 540) / 10, rel=0.05)
    assert f["caller_weak_tie_ratio_7d"] == pytest.approx((7 + 1.5) / (12 + 5), rel=0.01)


def test_a_short_call_makes_no_tie() -> None:
    assert features_at(attempt(100), *call(0, 4.0, ALICE, BOB))["pair_talk_age_s"] == 7 * DAY_S


def test_an_account_taken_over_is_unlike_its_past() -> None:
    calm = [event for day in range(7) for event in call(day * DAY_S, 300.0, ALICE, BOB)]
    burst = [event for i in range(30) for event in call(7 * DAY_S + 60 * i, None, ALICE, callee(i))]
    quiet, taken = (
        features_at(attempt(7 * DAY_S), *calm),
        features_at(attempt(7 * DAY_S + 1800), *calm, *burst),
    )
    assert quiet["caller_surge_1h"] < 1.2
    assert taken["caller_surge_1h"] > 4
    assert taken["caller_first_contact_change_1h"] > 0.1 > quiet["caller_first_contact_change_1h"]
    assert taken["caller_answer_change_1h"] < -0.1


def test_the_usual_hour() -> None:
    morning = [attempt(day * DAY_S, ALICE, BOB) for day in range(6)]
    same = features_at(attempt(6 * DAY_S), *morning)["caller_usual_hour_7d"]
    opposite = features_at(attempt(6.5 * DAY_S), *morning)["caller_usual_hour_7d"]
    assert opposite < 0.1 < 0.6 < same <= 1
    assert features_at(attempt(0))["caller_usual_hour_7d"] == 0.5


def test_a_number_signed_now_so_now_so() -> None:
    levels = ["A", "C", "A", None, "B", "C"]
    mixed = [attempt(i, attestation=level, source_ip=f"192.0.2.{i}") for i, level in enumerate(levels)]
    steady = [attempt(i, attestation="A") for i in range(6)]
    a, b = features_at(attempt(9), *mixed), features_at(attempt(9), *steady)
    assert a["caller_attestation_spread_1d"] > 0.8 > 0.3 > b["caller_attestation_spread_1d"]
    assert a["caller_new_routes_1d"] == pytest.approx(6, rel=1e-3)
    assert b["caller_new_routes_1d"] == pytest.approx(1, rel=1e-3)


def test_what_signatures_say() -> None:
    f = features_at(
        attempt(
            0,
            verstat="TN-Validation-Failed",
            passport_types="shaken,div",
            passport_mismatch="orig,dest",
            passport_iat_age_s=-90.0,
            media="audio,video",
        )
    )
    assert f["identity_verstat"] == -1
    assert f["identity_passport_orig_differs"] == f["identity_passport_dest_differs"] == 1
    assert f["identity_passport_age_s"] == 90
    assert f["identity_passport_div"] == f["identity_media_video"] == 1
    plain = features_at(attempt(0, callee="112", verstat="TN-Validation-Passed"))
    assert (plain["identity_verstat"], plain["identity_callee_digits"]) == (1, 3)
    assert plain["identity_passport_age_s"] == plain["identity_media_video"] == 0


def test_a_storm_of_strangers_at_the_callee() -> None:
    storm = [attempt(i, rotating(i), BOB, source_ip=f"192.0.2.{i}") for i in range(30)]
    f = features_at(attempt(30, rotating(99), BOB), *storm)
    assert f["callee_young_attempts_10m"] > 28
    assert f["callee_young_ratio_1h"] > 0.8
    assert f["callee_surge_10m"] > 5


def test_a_new_caller_has_the_values_of_an_ordinary_subscriber() -> None:
    f = features_at(attempt(0))
    for name, value in f.items():
        if "surge" in name:
            assert value == 1, name
        if "_change_" in name or name.endswith("_attempts_1h") or "open_calls" in name:
            assert value == 0, name
    assert f["peer_young_ratio_1h"] == pytest.approx(0.3)
    assert f["peer_young_answer_ratio_1h"] == pytest.approx(0.6)
    assert f["caller_known_talk_ratio_7d"] == pytest.approx(0.6)


def test_constraints_are_on_features_and_close_evasive_directions() -> None:
    assert set(MONOTONIC) <= set(FeatureTable.names)
    assert set(MONOTONIC.values()) == {1, -1}
    assert MONOTONIC["peer_young_not_found_ratio_1h"] == 1
    assert MONOTONIC["caller_known_callee_ratio_7d"] == -1
    assert MONOTONIC["identity_verstat"] == -1
    # A callee who never answers says nothing against who calls him.
    assert not any(name.startswith(("callee_answer", "callee_young", "inbound_answer")) for name in MONOTONIC)


def test_blocks_of_rows_do_not_show() -> None:
    rows = [e for i in range(200) for e in call(7.0 * i, 5.0, rotating(i % 15), callee(i % 6))]
    whole = FeatureTable(max_keys=100).observe(batch(*rows))
    table = FeatureTable(max_keys=100)
    parts = [table.observe(batch(*rows[start : start + 7])) for start in range(0, len(rows), 7)]
    np.testing.assert_array_equal(np.concatenate([part.values for part in parts]), whole.values)


def test_formulas_say_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="found ratio with 1 and 0"):
        Formulas([("ratio", [(0, 0)], [])])


def test_plans_say_what_does_not_fit() -> None:
    def plan(
        *columns: tuple[str, list[int], list[float], list[str]], at: int = 0, key: str = "caller"
    ) -> Plan:
        formulas = Formulas([("count", [(0, at)], [])])
        return Plan(formulas, attempts=columns, ends=[], steps=[], columns=[0], keys=[key])

    one: tuple[str, list[int], list[float], list[str]] = ("constant", [], [1.0], [])
    assert plan(one).read(batch(attempt(0), attempt(1))).tolist() == [[1.0], [1.0]]
    with pytest.raises(ValueError, match="formula 0: expected a column of 1 matrices"):
        plan(one, at=1)
    with pytest.raises(KeyError, match='expected the name of a key, found "nobody"'):
        plan(one, key="nobody")
    with pytest.raises(KeyError, match='expected the name of a column, found "nothing"'):
        plan(("own", [], [], ["nothing"]))
    with pytest.raises(ValueError, match="attempts, column 0: expected operands before it, found 1"):
        plan(("not", [1], [], []), one)
    with pytest.raises(ValueError, match="found halved with 1, 0 and 0"):
        plan(("halved", [0], [], []))


def test_a_column_of_another_type_is_named() -> None:
    events = batch(attempt(0), end(1, "busy"))
    at = events.schema.get_field_index("ring_time_s")
    with pytest.raises(ValueError, match="ring_time_s: expected the type of an event's column, found Utf8"):
        FeatureTable().observe(events.set_column(at, "ring_time_s", pa.array(["", ""])))
