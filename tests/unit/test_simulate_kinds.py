"""Every kind of caller and campaign appears and does what docs/simulation.md says of it."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from spit.errors import ConfigError
from spit.simulate.columns import NEVER, CallColumns
from spit.simulate.events import event_batches, to_events
from spit.simulate.labels import to_labels
from spit.simulate.network import EXCHANGE_SIZE, F64, I64, draw_network
from spit.simulate.plan import Plan
from spit.simulate.scenario import COUNTS, scenario, size_table
from spit.simulate.spec import MAX_TRUNKS, POPULATION_FIELDS, CampaignKind, CampaignSpec, SimulationSpec
from spit.simulate.traffic import simulate
from spit.simulate.world import World, draw_world, parameter_table, sweeps

PAGE = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text()
KINDS = {
    *("residential", "new_subscriber", "business", "pbx", "call_centre", "alert_blast", "courier"),
    *("pharmacy_reminder", "probe", "call_back_storm", "light_caller", "teenager", "elderly", "family"),
    *("visitor", "traveller", "chatter", "forwarded_call", "voicemail_deposit", "hotline_caller"),
    "phone_in_caller",
    *("emergency_call_back", "enterprise", "mobile_courier", "dispatcher", "survey", "conference"),
    *("notifier", "voicemail_notification", "fax", "alarm", "roaming_gateway", "compromised_before"),
}


@pytest.fixture(scope="module")
def plan() -> Plan:
    """A day with some of every kind, and every campaign stealthy and blatant, 150 calls each."""
    sizes = {name: max(2, min(high, 8)) for name, (_, high) in COUNTS.items()}
    sizes |= {"residential": 200, "visitors": 1500, "teenagers": 40, "elderly": 40, "forwarders": 12}
    return simulate(
        SimulationSpec(
            seed=4,
            world=draw_world(np.random.default_rng(2), "training"),
            trunks=9,
            campaigns=tuple(CampaignSpec(k, s, calls=150) for k in CampaignKind for s in (0.0, 1.0)),
            **sizes,
        )
    )


def of(plan: Plan, kind: str, strength: str = "") -> CallColumns:
    """The calls of one kind."""
    chosen = [i for i, g in enumerate(plan.groups) if g.kind == kind and g.strength == strength]
    assert chosen, (kind, strength)
    return plan.calls.take(np.isin(plan.calls.group, chosen))


def talk_s(calls: CallColumns) -> F64:
    """Durations of the answered calls."""
    answered = calls.take(calls.answer_us < NEVER)
    lasted: F64 = (answered.bye_us - answered.answer_us) / 1e6
    return lasted


def per_caller(calls: CallColumns) -> I64:
    """Calls of each caller."""
    counted: I64 = np.unique(calls.caller, return_counts=True)[1]
    return counted


def test_every_kind_appears(plan: Plan) -> None:
    assert {g.kind for g in plan.groups if not g.spam} == KINDS
    assert {g.kind for g in plan.groups if g.spam} == {k.value for k in CampaignKind}
    for kind in KINDS - {"compromised_before"} | {k.value for k in CampaignKind}:
        assert f"`{kind}`" in PAGE, kind


def test_visitors_are_many_and_most_are_strangers_seen_once_or_twice(plan: Plan) -> None:
    calls = of(plan, "visitor")
    assert len(np.unique(calls.caller)) > 1000
    assert np.median(per_caller(calls)) <= 2
    called_before = np.isin(calls.caller, plan.calls.callee)
    assert np.mean(called_before) < 0.7


def test_teenagers_are_short_and_the_elderly_are_called(plan: Plan) -> None:
    assert np.median(talk_s(of(plan, "teenager"))) < np.median(talk_s(of(plan, "elderly")))
    old = of(plan, "elderly")
    received = np.isin(plan.calls.callee, np.unique(old.caller)).sum()
    assert received > len(old)


def test_couriers_and_dispatchers_are_short(plan: Plan) -> None:
    for kind in ("mobile_courier", "dispatcher"):
        assert 8 < np.median(talk_s(of(plan, kind))) < 45
    courier = of(plan, "mobile_courier")
    assert 10 < np.median(per_caller(courier)) < 110


def test_a_conference_dials_within_seconds(plan: Plan) -> None:
    calls = of(plan, "conference")
    gaps_s = np.diff(np.sort(calls.invite_us)) / 1e6
    assert np.median(gaps_s) < 20
    assert np.median(talk_s(calls)) > 600


def test_media_diversion_and_exemption_are_on_their_kinds(plan: Plan) -> None:
    assert set(of(plan, "fax").media) == {2}
    assert (of(plan, "forwarded_call").diverter >= 0).all()
    assert (of(plan, "voicemail_deposit").diverter >= 0).all()
    assert (of(plan, "emergency_call_back").exemption == 2).all()
    for kind in ("chatter", "notifier"):
        assert of(plan, kind).is_message.all()
    assert of(plan, "message_spam", "blatant").is_message.all()
    assert not of(plan, "residential").is_message.any()


def test_a_survey_is_patient(plan: Plan) -> None:
    calls = of(plan, "survey")
    given_up = calls.take((calls.cancel_us < NEVER) & (calls.ring_us < NEVER))
    assert ((given_up.cancel_us - given_up.ring_us) / 1e6).min() > 15
    assert len(calls) > 1.5 * len(np.unique(calls.callee))


@pytest.mark.parametrize("strength", ["stealthy", "blatant"])
def test_neighbour_spoofing_shares_six_digits(plan: Plan, strength: str) -> None:
    calls, numbers = of(plan, "neighbour_spoofing", strength), plan.parties.numbers
    near = numbers[calls.caller] // EXCHANGE_SIZE == numbers[calls.callee] // EXCHANGE_SIZE
    assert near.all()
    assert per_caller(calls).max() == 1


@pytest.mark.parametrize("strength", ["stealthy", "blatant"])
def test_snowshoe_is_thin_and_wide(plan: Plan, strength: str) -> None:
    calls = of(plan, "snowshoe", strength)
    assert 2 <= np.median(per_caller(calls)) <= 20
    assert len(np.unique(calls.trunk)) >= 4


def test_attestation_shopping_is_signed_by_the_trunk(plan: Plan) -> None:
    for strength in ("stealthy", "blatant"):
        calls = of(plan, "attestation_shopping", strength)
        pairs = set(zip(calls.trunk.tolist(), calls.attestation.tolist(), strict=True))
        assert len(pairs) == len({trunk for trunk, _ in pairs}) >= 2


def test_tdos_has_one_callee_and_a_scanner_extensions(plan: Plan) -> None:
    assert len(np.unique(of(plan, "tdos", "blatant").callee)) == 1
    scanner = of(plan, "scanner", "blatant")
    dialled = plan.parties.numbers[scanner.callee]
    assert dialled.min() >= 100
    assert dialled.max() < 1000
    assert np.mean(np.isin(scanner.status, (403, 404, 407))) > 0.9


def test_an_account_is_honest_before_it_is_taken(plan: Plan) -> None:
    before = of(plan, "compromised_before")
    for kind in ("compromised", "toll_fraud"):
        calls = of(plan, kind, "blatant")
        honest = before.take(np.isin(before.caller, calls.caller))
        assert len(honest)
        assert honest.invite_us.max() < calls.invite_us.min()
    assert np.median(talk_s(of(plan, "toll_fraud", "blatant"))) > 60


def test_random_dialling_finds_nobody_and_silent_calls_say_nothing(plan: Plan) -> None:
    missing = [np.mean(of(plan, "random_dialling", s).status == 404) for s in ("stealthy", "blatant")]
    assert missing[0] < missing[1]
    assert missing[1] > 0.4
    assert np.median(talk_s(of(plan, "silent_calls", "blatant"))) < 12


def test_low_and_slow_lasts_as_long_as_the_capture(plan: Plan) -> None:
    calls = of(plan, "low_and_slow", "stealthy")
    span_us = calls.invite_us.max() - calls.invite_us.min()
    assert span_us > 0.6 * (plan.end_us - plan.start_us)
    assert per_caller(calls).max() < 60


def test_batches_are_the_events(plan: Plan) -> None:
    batches = list(event_batches(plan, max_rows=1000))
    assert max(batch.num_rows for batch in batches) == 1000
    whole = to_events(plan)
    start = 0
    for batch in batches:
        assert batch.equals(whole.slice(start, batch.num_rows))
        start += batch.num_rows
    assert start == whole.num_rows


def test_a_swept_seed_gives_the_same_calls() -> None:
    spec = replace(scenario("training", 6), visitors=200, residential=100)
    one, two = simulate(spec), simulate(spec)
    for column in fields(CallColumns):
        np.testing.assert_array_equal(getattr(one.calls, column.name), getattr(two.calls, column.name))
    assert to_labels(one).equals(to_labels(two))
    assert one.network == two.network


def test_trunks_have_addresses_and_origids_of_their_own() -> None:
    for seed in range(5):
        trunks = draw_network(np.random.default_rng(seed), MAX_TRUNKS).trunks
        assert len({t.ip for t in trunks}) == len({t.origid for t in trunks}) == MAX_TRUNKS


def test_the_page_has_the_ranges_of_the_code() -> None:
    assert parameter_table() in PAGE
    assert size_table() in PAGE
    assert set(COUNTS) == set(POPULATION_FIELDS)


def test_worlds_keep_to_their_ranges() -> None:
    rng = np.random.default_rng(1)
    for population in ("training", "transfer"):
        world = draw_world(rng, population)
        for name, sweep in sweeps().items():
            low, high = getattr(sweep, population)
            assert low <= getattr(world, name) <= high, name
    with pytest.raises(ConfigError, match="population: expected one of training, transfer, found 'mars'"):
        draw_world(rng, "mars")
    with pytest.raises(ConfigError, match="known: expected low at most high"):
        World(known_low=0.9)
