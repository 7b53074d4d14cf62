"""Peer, source, callee, block, origid, pair and identity."""

from __future__ import annotations

import math

import numpy as np
import pytest
from feature_events import ALICE, BOB, attempt, batch, end, features_at

from spit.features import FeatureTable

WEEK_S = 7 * 86_400.0


def test_peer_sees_through_number_rotation() -> None:
    calls = [attempt(0, caller=f"+49301{i:07d}", callee=f"+49890000{i:04d}") for i in range(10)]
    f = features_at(attempt(0, caller="+49301555555"), *calls)
    assert f["caller_attempts_1h"] == 0
    assert f["peer_attempts_1h"] == 10
    assert f["peer_distinct_callers_1h"] == 10
    assert f["peer_distinct_callees_1h"] == 10
    assert f["peer_rotation_ratio_1h"] == pytest.approx((10 + 2.5) / 15)
    assert f["peer_new_caller_ratio_1d"] == pytest.approx((10 + 1.5) / 15)
    assert f["peer_first_contact_ratio_1d"] == pytest.approx((10 + 1.5) / 15)
    assert f["peer_sequential_ratio_1h"] == pytest.approx((9 + 0.005) / 15)
    assert f["peer_same_block_ratio_1h"] == pytest.approx((9 + 0.05) / 15)


def test_one_caller_is_one_caller_at_the_peer() -> None:
    f = features_at(attempt(0), *(attempt(0) for _ in range(10)))
    assert f["peer_distinct_callers_1h"] == 1
    assert f["peer_first_contact_ratio_1h"] == pytest.approx((1 + 1.5) / 15)


def test_a_peer_is_address_and_fingerprint_a_source_is_the_address() -> None:
    before = [attempt(0, fingerprint="ffff000011112222"), attempt(0, source_ip="192.0.2.2"), attempt(0)]
    f = features_at(attempt(0), *before)
    assert (f["peer_attempts_1h"], f["source_attempts_1h"], f["caller_attempts_1h"]) == (1, 2, 3)
    unknown = features_at(attempt(0, fingerprint=None), attempt(0, fingerprint=None))
    assert (unknown["peer_attempts_1h"], unknown["source_attempts_1h"]) == (0, 1)


def test_outcomes_of_peer_and_source() -> None:
    ends = [end(0, "answered", duration_s=4.0, hangup_by="callee"), end(0, "not_found"), end(0, "unwanted")]
    f = features_at(attempt(0, caller="+4940999999", callee="+4940888888"), *ends)
    for key in ("peer", "source"):
        assert f[f"{key}_answer_ratio_1h"] == pytest.approx((1 + 3) / 8)
        assert f[f"{key}_short_call_ratio_1d"] == pytest.approx((1 + 0.2) / 6)
        assert f[f"{key}_not_found_ratio_1h"] == pytest.approx((1 + 0.1) / 8)
        assert f[f"{key}_unwanted_ratio_1d"] == pytest.approx((1 + 0.005) / 8)
        assert f[f"{key}_mean_talk_s_1d"] == pytest.approx((4 + 540) / 4)
    assert f["peer_callee_hang_up_ratio_1d"] == pytest.approx((1 + 2.5) / 6)


def test_a_storm_shows_at_the_callee() -> None:
    storm = [attempt(i, caller=f"+49301{i:07d}") for i in range(30)]
    f = features_at(attempt(30, caller="+49302222222"), *storm, storm[0] | {"time_us": storm[29]["time_us"]})
    minute = sum(math.exp(-(30 - i) / 60) for i in range(30))
    hour = sum(math.exp(-(30 - i) / 3600) for i in range(30))
    assert f["callee_distinct_callers_1m"] == pytest.approx(minute)
    assert f["callee_distinct_callers_1h"] == pytest.approx(hour)
    assert f["callee_attempts_1h"] == pytest.approx(hour + math.exp(-1 / 3600))
    assert f["callee_first_contact_ratio_1d"] > 0.8


def test_call_backs_are_told_from_strangers() -> None:
    wangiri = [attempt(0, caller=BOB, callee=f"+49301{i:07d}") for i in range(10)]
    call_backs = [attempt(60, caller=f"+49301{i:07d}", callee=BOB) for i in range(10)]
    f = features_at(attempt(60), *wangiri, *call_backs)
    assert f["callee_call_back_ratio_1h"] == pytest.approx((10 + 1.5) / 15)
    assert features_at(attempt(60), *call_backs)["callee_call_back_ratio_1h"] == pytest.approx(1.5 / 15)


def test_outcomes_of_the_callee() -> None:
    f = features_at(attempt(0), end(0, "cancelled", ring_time_s=6.0), end(0, "answered"))
    assert f["callee_one_ring_ratio_1d"] == pytest.approx((1 + 0.05) / 7)
    assert f["callee_answer_ratio_1d"] == pytest.approx((1 + 3) / 7)


def test_a_block_is_the_number_without_its_last_4_digits() -> None:
    neighbours = [
        attempt(0, caller="+49301230001"),
        attempt(0, caller="+49301230002"),
        attempt(0, caller="+49301230002"),
    ]
    f = features_at(attempt(0, caller="+49301239999"), *neighbours, end(0, "answered", caller="+49301230001"))
    assert f["block_attempts_1h"] == 3
    assert f["block_distinct_callers_1h"] == 2
    assert f["block_answer_ratio_1h"] == pytest.approx((1 + 3) / 6)
    assert features_at(attempt(0, caller="+49301249999"), *neighbours)["block_attempts_1h"] == 0
    names = [attempt(0, caller="alice@example.org")] * 3
    assert features_at(attempt(0, caller="bob@example.org"), *names)["block_attempts_1h"] == 0


def test_origid_clusters_calls() -> None:
    customer = {"origid": "123e4567-e89b-12d3-a456-426655440000"}
    calls = [attempt(0, caller=f"+49301{i:07d}", source_ip=f"192.0.2.{i}", **customer) for i in range(5)]
    f = features_at(attempt(0, source_ip="192.0.2.99", **customer), *calls, end(0, "answered", **customer))
    assert f["origid_attempts_1h"] == 5
    assert f["origid_answer_ratio_1d"] == pytest.approx((1 + 3) / 6)
    assert features_at(attempt(0), *calls)["origid_attempts_1h"] == 0


def test_ages_of_contacts_both_ways() -> None:
    f = features_at(attempt(100), attempt(10), attempt(40, caller=BOB, callee=ALICE))
    assert (f["pair_contact_age_s"], f["pair_reverse_contact_age_s"]) == (90, 60)
    stranger = features_at(attempt(100))
    assert (stranger["pair_contact_age_s"], stranger["pair_reverse_contact_age_s"]) == (WEEK_S, WEEK_S)


@pytest.mark.parametrize(
    ("asserted", "uri", "differs"),
    [
        (None, "sip:+493012345678@example.org", 0),
        ("+493012345678", "sip:+493012345678@example.org", 0),
        ("+493012345678", "sip:03012345678@example.org;user=phone", 0),  # the same, national
        ("+493012345678", "tel:+49-30-1234-5678", 0),
        ("+493012345678", "sip:+4940999999@example.org", 1),
        ("+493012345678", "sip:anonymous@anonymous.invalid", 0),
        ("alice@example.org", "sips:Alice@example.org", 0),
        ("alice@example.org", "sip:bob@example.org", 1),
        ("+493012345678", None, 0),
    ],
)
def test_asserted_identity_against_from(asserted: str | None, uri: str | None, differs: int) -> None:
    f = features_at(attempt(0, asserted_identity=asserted, caller_uri=uri))
    assert f["identity_asserted_differs"] == differs


@pytest.mark.parametrize(("attestation", "level"), [("A", 3), ("B", 2), ("C", 1), (None, 0), ("Z", 0)])
def test_attestation_is_ordinal(attestation: str | None, level: int) -> None:
    assert features_at(attempt(0, attestation=attestation))["identity_attestation_level"] == level


def test_the_attempt_itself() -> None:
    f = features_at(attempt(0, method="MESSAGE", callee="bob@example.org", diverted_by="+4940123456"))
    assert f["identity_is_message"] == f["identity_diverted"] == 1
    assert f["identity_callee_is_number"] == f["identity_caller_withheld"] == 0
    assert features_at(attempt(0))["identity_callee_is_number"] == 1


def test_absurd_durations_are_cut_off() -> None:
    absurd = [end(0, "answered", duration_s=value) for value in (1e300, -5.0, float("nan"))]
    values = FeatureTable(max_keys=10).observe(batch(*absurd, attempt(0))).values
    assert np.isfinite(values).all()
    f = features_at(attempt(0), *absurd)
    assert f["caller_mean_talk_s_1h"] == pytest.approx((86_400 + 0 + 540) / (2 + 3))
