from __future__ import annotations

import math

import pytest
from feature_events import ALICE, BOB, attempt, end, features_at

HOUR_S = 3600.0
DAY_S = 86_400.0


def test_a_new_caller_has_the_priors() -> None:
    f = features_at(attempt(0))
    assert f["caller_attempts_1d"] == 0
    assert f["caller_answer_ratio_1h"] == pytest.approx(0.6)
    assert f["caller_mean_talk_s_1d"] == pytest.approx(180)
    assert f["caller_gap_s"] == DAY_S
    assert f["caller_gap_variation_1h"] == pytest.approx(1.5)
    assert f["caller_log_gap_spread_1d"] == pytest.approx(2.0)


def test_attempts_decay_at_every_window() -> None:
    f = features_at(attempt(60), attempt(0), attempt(0))
    for name, window_s in (("1m", 60), ("10m", 600), ("1h", HOUR_S), ("1d", DAY_S)):
        assert f[f"caller_attempts_{name}"] == pytest.approx(2 * math.exp(-60 / window_s))
    assert f["caller_gap_s"] == 60


def test_outcomes_make_ratios_shrunk_to_the_prior() -> None:
    ends = [
        end(0, "answered", duration_s=6.0, hangup_by="callee"),
        end(0, "answered", duration_s=194.0),
        end(0, "cancelled", ring_time_s=3.0),
        end(0, "cancelled", ring_time_s=21.0),
        end(0, "cancelled"),  # never rang
        end(0, "not_found"),
        end(0, "busy"),
        end(0, "declined"),
        end(0, "no_answer"),
        end(0, "unwanted"),
    ]
    f = features_at(attempt(0), *ends)
    assert f["caller_answer_ratio_1h"] == pytest.approx((2 + 3) / (10 + 5))
    assert f["caller_short_call_ratio_1h"] == pytest.approx((1 + 0.2) / (2 + 5))
    assert f["caller_cancelled_ratio_1d"] == pytest.approx((3 + 0.5) / 15)
    assert f["caller_one_ring_ratio_1d"] == pytest.approx((1 + 0.05) / 15)
    assert f["caller_not_found_ratio_1h"] == pytest.approx((1 + 0.1) / 15)
    assert f["caller_refused_ratio_1d"] == pytest.approx((2 + 0.5) / 15)
    assert f["caller_no_answer_ratio_1d"] == pytest.approx((1 + 1) / 15)
    assert f["caller_unwanted_ratio_1d"] == pytest.approx((1 + 0.005) / 15)
    assert f["caller_callee_hang_up_ratio_1d"] == pytest.approx((1 + 2.5) / 7)
    assert f["caller_mean_talk_s_1h"] == pytest.approx((200 + 540) / (2 + 3))
    assert f["caller_mean_ring_before_cancel_s_1d"] == pytest.approx((24 + 45) / (2 + 3))
    # Two calls of mean 100 and deviation 94, against a prior worth 3.
    prior = math.sqrt(math.exp(1.374**2) - 1)
    assert f["caller_talk_variation_1d"] == pytest.approx(math.sqrt((2 * 0.94**2 + 3 * prior**2) / (1 + 3)))


def test_censored_durations_are_answers_but_not_durations() -> None:
    lost_bye = end(0, "answered", duration_s=2.0, duration_censored=True, hangup_by="none")
    f = features_at(attempt(0), lost_bye)
    assert f["caller_answer_ratio_1h"] == pytest.approx((1 + 3) / 6)
    assert f["caller_short_call_ratio_1h"] == pytest.approx(0.04)
    assert f["caller_mean_talk_s_1h"] == pytest.approx(180)


@pytest.mark.parametrize(
    "uncounted",
    [end(0, "incomplete"), end(0, "redirected"), end(0, "declined", final_status=608)],
    ids=["capture stopped", "3xx", "rejected by an intermediary"],
)
def test_ends_that_say_nothing_of_the_callee_are_not_counted(uncounted: dict[str, object]) -> None:
    assert features_at(attempt(0), uncounted) == features_at(attempt(0))


def test_an_answer_event_counts_nothing_the_end_counts_once() -> None:
    answer = {**attempt(1), "event": "answer", "setup_time_s": 1.0}
    assert features_at(attempt(2), answer) == features_at(attempt(2))


def test_first_contact_redial_and_distinct_callees() -> None:
    other = "+498900000000"
    f = features_at(attempt(700), attempt(0), attempt(0, callee=other), attempt(500), attempt(650))
    first, second, third = (math.exp(-(700 - t) / DAY_S) for t in (0, 500, 650))
    attempts = 2 * first + second + third
    assert f["caller_first_contact_ratio_1d"] == pytest.approx((2 * first + 1.5) / (attempts + 5))
    assert f["caller_redial_ratio_1d"] == pytest.approx((second + third + 0.5) / (attempts + 5))
    assert f["caller_distinct_callees_1h"] == pytest.approx(2 * math.exp(-700 / HOUR_S))


def test_reciprocal_contacts_count() -> None:
    f = features_at(attempt(0), attempt(0, caller=BOB, callee=ALICE), attempt(0))
    assert f["caller_reciprocal_ratio_1d"] == pytest.approx((1 + 1.5) / (1 + 5))


def test_sequential_dialling() -> None:
    numbers = [
        "+498900000010",
        "+498900000011",
        "+498900000014",
        "+498900000010",
        "+498900000010",
        "sip-user@x",
    ]
    f = features_at(attempt(0), *(attempt(0, callee=number) for number in numbers))
    # Steps +1, +3, -4, 0, none: two are sequential, three stay in the block of 10,000.
    assert f["caller_sequential_ratio_1h"] == pytest.approx((2 + 0.005) / (6 + 5))
    assert f["caller_same_block_ratio_1h"] == pytest.approx((3 + 0.05) / (6 + 5))


def test_numbers_of_15_digits_are_told_apart() -> None:
    f = features_at(attempt(0), attempt(0, callee="+999999999999998"), attempt(0, callee="+999999999999999"))
    assert f["caller_sequential_ratio_1h"] == pytest.approx((1 + 0.005) / (2 + 5))


def test_a_machine_is_regular_and_a_person_is_not() -> None:
    machine = features_at(attempt(400), *(attempt(10.0 * i) for i in range(40)))
    person = features_at(attempt(400), *(attempt(t) for t in (0, 2, 5, 150, 151, 380, 384)))
    assert machine["caller_gap_variation_1h"] < 0.7 < person["caller_gap_variation_1h"]
    assert machine["caller_log_gap_spread_1h"] < 1.0 < person["caller_log_gap_spread_1h"]


def test_forwarded_calls_are_not_charged_to_the_caller() -> None:
    forwarded = {"diverted_by": "+4940123456"}
    fan_out = [attempt(0, callee=f"+49890000{i:04d}", **forwarded) for i in range(20)]
    ends = [end(0, "not_found", callee=f"+49890000{i:04d}", **forwarded) for i in range(20)]
    alone, after = features_at(attempt(1)), features_at(attempt(1), *fan_out, *ends)
    for name in alone:
        if name.startswith(("caller_", "callee_", "block_", "pair_")):
            assert after[name] == alone[name], name
    assert after["source_attempts_1h"] > 19
    assert after["peer_not_found_ratio_1h"] > 0.5
    assert after["peer_diverted_ratio_1d"] > 0.5


def test_withheld_callers_share_no_key() -> None:
    anonymous = "anonymous@anonymous.invalid"
    for caller in (anonymous, None):
        f = features_at(attempt(1, caller=caller), *(attempt(0, caller=caller) for _ in range(9)))
        assert f["caller_attempts_1h"] == 0
        assert f["block_attempts_1h"] == 0
        assert f["identity_caller_withheld"] == 1
        assert f["peer_attempts_1m"] == pytest.approx(9 * math.exp(-1 / 60))
        assert f["peer_distinct_callers_1h"] == 0
        assert f["peer_withheld_ratio_1d"] == pytest.approx((9 + 0.1) / 14, rel=1e-3)
