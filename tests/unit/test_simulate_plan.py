"""Plans: reproducible, true to their parameters, and without a field that gives spam away."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from spit.simulate.columns import NEVER, CallColumns
from spit.simulate.labels import to_caller_labels, to_labels
from spit.simulate.network import EXCHANGE_SIZE, F64
from spit.simulate.plan import Plan, message_times
from spit.simulate.scenario import scenario
from spit.simulate.spec import CampaignKind, CampaignSpec, SimulationSpec
from spit.simulate.traffic import simulate

WEEK_S = 7 * 86_400


@pytest.fixture(scope="module")
def plan() -> Plan:
    """A week of 400 residential callers, with two campaigns of each kind."""
    campaigns = tuple(CampaignSpec(kind, strength) for kind in CampaignKind for strength in (0.1, 0.9))
    return simulate(SimulationSpec(seed=11, duration_s=WEEK_S, campaigns=campaigns))


def of(plan: Plan, name: str) -> CallColumns:
    """The calls of one group; of a campaign, those that are spam."""
    *_, index = [i for i, group in enumerate(plan.groups) if group.name == name]
    return plan.calls.take(plan.calls.group == index)


def durations_s(calls: CallColumns) -> F64:
    """Of the answered calls."""
    lasted: F64 = (calls.bye_us - calls.answer_us) / 1e6
    answered: F64 = lasted[calls.status == 200]
    return answered


def test_the_seed_decides() -> None:
    spec = scenario("wangiri")
    one, two = simulate(spec), simulate(spec)
    for column in fields(CallColumns):
        np.testing.assert_array_equal(getattr(one.calls, column.name), getattr(two.calls, column.name))
    assert one.call_ids == two.call_ids
    assert simulate(scenario("wangiri", 1)).call_ids != one.call_ids


def test_a_campaign_leaves_the_legitimate_calls_as_they_were() -> None:
    base = SimulationSpec(seed=3, duration_s=7200, start_time_s=1_772_445_600)
    campaign = CampaignSpec(CampaignKind.TELEMARKETER, calls=50)
    alone = simulate(base)
    both = simulate(
        SimulationSpec(seed=3, duration_s=7200, start_time_s=1_772_445_600, campaigns=(campaign,))
    )
    called_back = np.isin(both.calls.callee, both.calls.caller[both.spam])
    ham = both.calls.take(~both.spam & ~called_back)
    np.testing.assert_array_equal(ham.invite_us, alone.calls.invite_us)
    np.testing.assert_array_equal(ham.id_low, alone.calls.id_low)


def test_labels_cover_every_call_and_caller(plan: Plan) -> None:
    labels = to_labels(plan).to_pydict()
    assert len(set(labels["call_id"])) == len(plan)
    assert labels["label"].count("spam") == int(plan.spam.sum())
    assert 0.19 < plan.spam.mean() < 0.32
    callers = to_caller_labels(plan)
    assert len(callers) == len(np.unique(plan.calls.caller)) == len(set(callers["caller"].to_pylist()))
    # No caller is both, but for the accounts that were honest before.
    both = set(plan.calls.caller[plan.spam]) & set(plan.calls.caller[~plan.spam])
    before = [i for i, g in enumerate(plan.groups) if g.kind == "compromised_before"]
    honest_past = plan.calls.caller[np.isin(plan.calls.group, before)]
    assert both
    assert both <= set(honest_past)
    rows = callers.to_pylist()
    assert {row["strength"] for row in rows if row["label"] == "ham"} <= {""}
    assert {row["strength"] for row in rows if row["label"] == "spam"} == {"blatant", "stealthy"}


def test_residential_callers_are_as_measured(plan: Plan) -> None:
    calls = of(plan, "residential")
    per_day = len(calls) / 400 / 7
    assert 3.0 < per_day < 8.0
    assert 0.50 < np.mean(calls.status == 200) < 0.70
    lasted = durations_s(calls)
    assert np.mean(lasted) > 150
    assert np.mean(lasted > 120) > 0.20
    assert 0.02 < np.mean(lasted <= 6) < 0.06
    # In the last two days most calls go to people called before.
    late = calls.invite_us > plan.start_us + 5 * 86_400_000_000
    pairs = list(zip(calls.caller.tolist(), calls.callee.tolist(), strict=True))
    before = {pair for pair, is_late in zip(pairs, late, strict=True) if not is_late}
    again = np.mean([pair in before for pair, is_late in zip(pairs, late, strict=True) if is_late])
    assert 0.5 < again < 0.8


def test_diallers_are_as_measured(plan: Plan) -> None:
    for name in ("telemarketer-1", "telemarketer-2", "robocaller-1", "robocaller-2"):
        calls = of(plan, name)
        assert 0.08 < np.mean(calls.status == 200) < 0.33
        lasted = durations_s(calls)
        assert np.mean(lasted) < 60
        assert np.mean(lasted < 60) > 0.85
        assert 0.12 < np.mean(lasted <= 6) < 0.34
    _, per_number = np.unique(of(plan, "robocaller-1").caller, return_counts=True)
    assert 10 <= np.median(per_number) <= 16
    assert np.mean(per_number < 27) > 0.85
    assert len(np.unique(of(plan, "telemarketer-1").caller)) == 1


def test_wangiri_rings_once_and_some_call_back(plan: Plan) -> None:
    for name in ("wangiri-1", "wangiri-2"):
        calls = of(plan, name)
        cancelled = calls.take((calls.cancel_us < NEVER) & (calls.ring_us < NEVER))
        assert len(cancelled) > 0.7 * len(calls)
        rang_s = (cancelled.cancel_us - cancelled.ring_us) / 1e6
        assert rang_s.min() > 0.9
        assert rang_s.max() < 5.1
        assert np.mean(calls.status == 200) < 0.08
        residential = of(plan, "residential")
        called_back = np.isin(residential.callee, calls.caller).sum()
        assert 0.02 < called_back / len(cancelled) < 0.09


def test_a_sequential_dialler_dials_numbers_in_order_when_it_is_blatant(plan: Plan) -> None:
    shares = []
    for name in ("sequential-1", "sequential-2"):
        calls = of(plan, name)
        steps = np.diff(plan.parties.numbers[calls.callee])
        shares.append((np.mean(np.abs(steps) == 1), np.mean(calls.status == 404)))
    (stealthy_steps, stealthy_missing), (blatant_steps, blatant_missing) = shares
    assert blatant_steps > 0.8 > 0.5 > stealthy_steps
    assert blatant_missing > 0.35 > 0.3 > stealthy_missing


def test_a_call_centre_keeps_the_dialler_rules(plan: Plan) -> None:
    calls = of(plan, "call_centre")
    given_up = calls.take((calls.cancel_us < NEVER) & (calls.ring_us < NEVER))
    assert ((given_up.cancel_us - given_up.ring_us) / 1e6).min() >= 14.99
    assert np.mean(durations_s(calls) < 2.0) < 0.05


def test_an_alert_blast_calls_the_same_people_again(plan: Plan) -> None:
    calls = of(plan, "alert_blast")
    assert len(calls) > 3 * len(np.unique(calls.callee))
    busiest = max(
        np.sum((calls.invite_us >= t) & (calls.invite_us < t + 600_000_000)) for t in calls.invite_us
    )
    assert busiest >= 100


def test_spam_and_legitimate_calls_share_everything_but_behaviour(plan: Plan) -> None:
    spam = plan.spam
    calls, parties = plan.calls, plan.parties
    assert set(calls.trunk[spam]) == set(calls.trunk[~spam])
    exchanges = parties.numbers[calls.caller] // EXCHANGE_SIZE
    assert set(exchanges[spam]) <= set(parties.numbers[calls.callee[~spam]] // EXCHANGE_SIZE)
    for column in (calls.profile, parties.display[calls.caller], calls.attestation):
        assert set(column[spam]) <= set(column[~spam])
    # A scanner's calls are challenged more than others: that is what it does.
    scanner = [i for i, g in enumerate(plan.groups) if g.kind in ("scanner", "message_spam")]
    usual = spam & ~np.isin(calls.group, scanner)
    for happens in (calls.early_media, calls.challenge_us < NEVER, calls.retransmissions > 0):
        assert abs(np.mean(happens[usual]) - np.mean(happens[~spam])) < 0.02


def test_attestation_is_a_weak_prior(plan: Plan) -> None:
    # Counted by caller: a campaign of one number has one attestation.
    _, first = np.unique(plan.calls.caller, return_index=True)
    attestation, spam = plan.calls.attestation[first], plan.spam[first]
    assert abs(np.mean(attestation[spam] > 0) - np.mean(attestation[~spam] > 0)) < 0.1
    assert np.mean(attestation[spam] == 1) < np.mean(attestation[~spam] == 1)


def test_messages_of_a_call_are_in_order(plan: Plan) -> None:
    times = message_times(plan.calls)
    for before, after in (
        ("invite", "challenge"),
        ("challenge_ack", "invite_retry"),
        ("invite_retry", "trying"),
        ("trying", "ring"),
        ("ring", "answer"),
        ("ring", "cancel"),
        ("cancel_ok", "final"),
        ("answer_ack", "bye"),
        ("bye", "bye_ok"),
    ):
        both = (times[before] < NEVER) & (times[after] < NEVER)
        assert both.any()
        assert np.all(times[before][both] < times[after][both]), (before, after)
    # Each call ends in exactly one way: a BYE, a failure, or a challenge that is not answered.
    left = (times["challenge"] < NEVER) & (times["invite_retry"] == NEVER)
    assert left.any()
    assert np.all((times["bye"] < NEVER).astype(int) + (times["final"] < NEVER) + left == 1)
    assert np.all((times["answer"] < NEVER) == (times["bye"] < NEVER))


def test_a_campaign_alone_is_simulated_too() -> None:
    nobody: dict[str, Any] = dict.fromkeys(
        ("residential", "new_subscribers", "businesses", "pbxs", "call_centres"), 0
    )
    spec = SimulationSpec(
        **nobody,
        alert_blasts=0,
        reminders=0,
        probes=0,
        campaigns=(CampaignSpec(CampaignKind.SEQUENTIAL, 1.0, calls=200),),
    )
    assert simulate(spec).spam.sum() == 200
