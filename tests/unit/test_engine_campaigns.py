"""Campaigns: what ties callers makes them one, behaviour keeps two apart, and the cut does not matter."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from spit._core import Attempts, Events
from spit.engine import campaign_links, campaigns
from spit.engine.campaign_pairs import FOREST_PATH, Pairs
from spit.engine.campaign_rows import CAMPAIGN_SCHEMA, Campaign, campaign_rows, group
from spit.engine.campaigns import MAX_TIMES, CampaignTable
from spit.engine.ties import caller_keys
from spit.errors import InputError
from spit.records import EVENT_SCHEMA, Reason

SPAM, SUSPECT, LEGIT = 2, 1, 0


def _call(
    second: float,
    caller: str,
    callee: str,
    *,
    source: str = "192.0.2.7",
    fingerprint: str = "f1",
    rank: int = SPAM,
) -> tuple[dict[str, Any], int]:
    event = {
        "event": "attempt",
        "time_us": int(second * 1e6),
        "call_id": f"{caller}@{second}",
        "caller": caller,
        "callee": callee,
        "source_ip": source,
        "fingerprint": fingerprint,
        "user_agent": "Asterisk PBX",
    }
    return event, rank


def _end(
    caller: str, outcome: str, *, ring_s: float | None = None, talk_s: float | None = None
) -> dict[str, Any]:
    return {
        "event": "end",
        "caller": caller,
        "outcome": outcome,
        "ring_time_s": ring_s,
        "duration_s": talk_s,
        "duration_censored": False,
    }


def _batch(rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    schema = pa.schema([pa.field(f.name, f.type) for f in EVENT_SCHEMA])
    return pa.RecordBatch.from_pylist(
        [{name: row.get(name) for name in schema.names} for row in rows], schema=schema
    )


def _observe(
    table: CampaignTable,
    events: Sequence[tuple[dict[str, Any], int]],
    *,
    young: bool = True,
    seen: dict[str, list[int]] | None = None,
) -> None:
    seen = {} if seen is None else seen
    calls = [(event, rank) for event, rank in events if event["event"] == "attempt"]
    numbers, firsts = [], []
    for event, _ in calls:
        known = seen.setdefault(event["caller"], [0, event["time_us"]])
        known[0] += 1
        numbers.append(known[0])
        firsts.append(known[1])
    ranks = np.array([rank for _, rank in calls], np.int8)
    batch = _batch([event for event, _ in events])
    is_attempt = np.array([event["event"] == "attempt" for event, _ in events], np.bool_)
    attempts = batch.filter(pa.array(is_attempt))
    rows = np.flatnonzero(is_attempt)
    taken = Events(batch)
    table.update(
        taken,
        Attempts(taken, rows),
        rows,
        np.flatnonzero(~is_attempt),
        caller_keys(attempts),
        ranks,
        np.array([0.1, 0.6, 0.95])[ranks] if len(ranks) else np.empty(0),
        np.array(numbers, np.int64),
        np.array(firsts, np.int64),
        (ranks == SPAM) | ((ranks == SUSPECT) & young),
        np.ones(len(calls), np.bool_),
    )


def _rotating(numbers: int, *, source: str = "192.0.2.7", base: int = 0, **more: Any) -> list[Any]:
    """Numbers of different blocks, three calls each, to callees all over."""
    return [
        _call(
            i * 10 + k,
            f"+1202{base + i:03}0000",
            f"+4930{(i * 37 + k * 11) % 997:03}{i:04}",
            source=source,
            **more,
        )
        for i in range(numbers)
        for k in range(3)
    ]


def _day_of_strangers(count: int = 60, rank: int = SUSPECT, **same: Any) -> list[Any]:
    """Callers of a day who have nothing in common but ``same``."""
    return [
        _call(
            i * 1_440 + k * 300,
            f"+44{i:03}5550000",
            f"+3310{i * 131 % 997:03}{i * 17 + k:04}",
            rank=rank,
            **{"source": f"198.18.{i % 7}.1", "fingerprint": f"g{i % 11}", **same},
        )
        for i in range(count)
        for k in range(1 + i % 4)
    ]


def _in_order(*calls: list[Any]) -> list[Any]:
    return sorted((call for part in calls for call in part), key=lambda call: call[0]["time_us"])


def _talked(table: CampaignTable, talk_s: float = 21.0) -> None:
    callers = [member.caller for member in table.members()]
    _learn(table, [_end(c, "answered", talk_s=talk_s) for c in callers for _ in range(2)])


def _learn(table: CampaignTable, ends: list[dict[str, Any]]) -> None:
    _observe(table, [(end, LEGIT) for end in ends])


def _groups(table: CampaignTable) -> list[Campaign]:
    return group(table.members(), table.background())


def _sizes(campaigns: Sequence[Campaign]) -> list[int]:
    return sorted((len(campaign.members) for campaign in campaigns), reverse=True)


def test_rotating_numbers_are_one_campaign_that_is_named_by_what_ties_it() -> None:
    table = CampaignTable()
    _observe(table, _in_order(_rotating(13), _day_of_strangers(rank=LEGIT)))
    _talked(table)
    (campaign,) = _groups(table)
    assert campaign.name == "peer 192.0.2.7 / Asterisk PBX (talk)"
    assert len(campaign.members) == 13
    ties = campaign.ties()
    assert ties[0] == (
        "13 numbers within 0.0 hours, from 1 addresses, "
        "100 % of the calls to people they had not called before"
    )
    assert "sent by the same address and equipment: 192.0.2.7 / Asterisk PBX (13 of 13)" in ties
    assert "answered calls of equal length: 21 s (13 of 13)" in ties


SOURCES = ("192.0.2.7", "198.51.100.1", "203.0.113.5")


def _together(found: Sequence[Campaign], prefix: str) -> list[int]:
    """How many callers of this prefix each campaign holds."""
    held = (sum(member.caller.startswith(prefix) for member in campaign.members) for campaign in found)
    return sorted(filter(None, held), reverse=True)


def test_a_campaign_over_several_trunks_is_one_by_its_hour_and_manner() -> None:
    table = CampaignTable()
    calls = [
        call
        for at, source in enumerate(SOURCES)
        for call in _rotating(6, source=source, base=100 * at, fingerprint=f"f{at}")
    ]
    _observe(table, _in_order(calls, _day_of_strangers()))
    _talked(table)
    found = _groups(table)
    assert _together(found, "+1202") == [18]
    assert _together(found, "+44")[0] <= 6  # and who has nothing in common is not made one
    assert not any({m.caller[:3] for m in campaign.members} == {"+12", "+44"} for campaign in found)


def test_one_trunk_and_popular_equipment_do_not_tie() -> None:
    table = CampaignTable()
    _observe(table, _day_of_strangers(source="192.0.2.7", fingerprint="f1"))
    assert _sizes(_groups(table))[0] <= 6


def test_two_behaviours_on_one_trunk_are_two_campaigns() -> None:
    table = CampaignTable()
    fast = [
        _call(i * 10 + k, f"+12025{i:02}0000", f"+4931{i * 37 % 997:03}{i:03}{k}")
        for i in range(5)
        for k in range(12)
    ]
    slow = _rotating(5)
    _observe(table, _in_order(slow, fast, _day_of_strangers()))
    for member in table.members():
        wangiri = member.caller.startswith("+12025")
        end = (
            _end(member.caller, "cancelled", ring_s=2.0)
            if wangiri
            else _end(member.caller, "answered", talk_s=90.0)
        )
        _learn(table, [end] * member.attempts)
    found = _groups(table)
    assert _together(found, "+12025") == [5]
    assert _together(found, "+12020") == [5]
    (one_ring,) = [c for c in found if any(m.caller.startswith("+12025") for m in c.members)]
    assert one_ring.behaviour == "one ring"


def test_a_besieged_number_ties_whoever_calls_it() -> None:
    siege = [
        _call(36_000 + i * 20, f"+1{i:03}5550000", "+49301230000", source=f"192.0.2.{i}", fingerprint=f"f{i}")
        for i in range(8)
    ]
    table = CampaignTable()
    _observe(table, _in_order(siege, _day_of_strangers()))
    found = _groups(table)
    assert _together(found, "+1") == [8]
    (besieged,) = [c for c in found if any(m.caller.startswith("+1") for m in c.members)]
    assert besieged.name == "calls to +49301230000"


def test_groups_do_not_depend_on_the_order_of_callers() -> None:
    table = CampaignTable()
    _observe(table, _in_order(_rotating(13), _day_of_strangers()))
    members = table.members()
    expected = {frozenset(m.caller for m in c.members) for c in group(members, table.background())}
    assert {
        frozenset(m.caller for m in c.members) for c in group(members[::-1], table.background())
    } == expected


def test_callers_beyond_those_compared_in_pairs_join_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_links, "MAX_CORE", 40)
    monkeypatch.setattr(campaign_links, "_BLOCK", 7)
    table = CampaignTable()
    _observe(table, _in_order(_rotating(50), _day_of_strangers(400, rank=LEGIT)))
    positions = [at for held in campaign_links.linked(table.members(), table.background()) for at in held]
    assert sorted(positions) == list(range(50))
    assert _together(_groups(table), "+1202")[0] >= 45


def test_average_linkage_joins_what_agrees_on_average() -> None:
    log_odds = np.full((5, 5), -3.0, np.float32)
    log_odds[:2, :2] = log_odds[2:4, 2:4] = 4.0
    log_odds[1, 2] = log_odds[2, 1] = 3.0  # one chance likeness joins nothing
    found = campaign_links.average_linkage(log_odds, 0.0)
    assert sorted(map(sorted, found)) == [[0, 1], [2, 3], [4]]


def test_groups_that_agree_less_with_one_another_than_within_stay_apart() -> None:
    log_odds = np.full((6, 6), 1.0, np.float32)
    log_odds[:3, :3] = log_odds[3:, 3:] = 4.0
    apart = campaign_links.average_linkage(log_odds, 0.0, sure=2.5, most_fall=1.5)
    assert sorted(map(sorted, apart)) == [[0, 1, 2], [3, 4, 5]]
    assert len(campaign_links.average_linkage(log_odds, 0.0, sure=2.5, most_fall=3.5)) == 1
    assert len(campaign_links.average_linkage(log_odds, 0.0, sure=0.5, most_fall=1.5)) == 1


def test_pairs_are_the_same_from_either_side() -> None:
    table = CampaignTable()
    _observe(table, _in_order(_rotating(13), _day_of_strangers()))
    members, background = table.members(), table.background()
    pairs = Pairs(members, len(members), background)
    everyone = np.arange(len(members))
    log_odds = pairs.log_odds(everyone)
    assert (log_odds == log_odds.T).all()
    one, other = pairs.looked_at()
    # Sums of products in another order differ in the last digits.
    np.testing.assert_allclose(
        pairs.columns(everyone, one, other), pairs.columns(everyone, other, one), rtol=1e-3, atol=1e-3
    )
    assert pairs.columns(everyone, one, other).shape == (len(one), len(pairs.names()))


def test_the_forest_was_grown_for_these_columns() -> None:
    table = CampaignTable()
    _observe(table, _rotating(3))
    pairs = Pairs(table.members(), 3)
    assert json.loads(FOREST_PATH.read_text())["columns"] == pairs.names()


def test_only_suspicious_callers_are_watched() -> None:
    table = CampaignTable()
    _observe(table, [_call(1, "+12020000001", "+4930", rank=SUSPECT)], young=False)
    _observe(table, [_call(2, "+12020000002", "+4930", rank=LEGIT)])
    assert table.members() == []
    _observe(table, [_call(3, "+12020000003", "+4930", rank=SUSPECT)])
    assert [member.caller for member in table.members()] == ["+12020000003"]


def test_flagged_at_the_attempt_of_the_whole_campaign() -> None:
    table, seen = CampaignTable(), {}  # type: tuple[CampaignTable, dict[str, list[int]]]
    calls = [_call(i, f"+120200000{i % 5:02}", f"+4930{i:07}", rank=SUSPECT) for i in range(10)]
    _observe(table, _day_of_strangers(rank=LEGIT), seen=seen)
    _observe(table, [*calls, _call(10, "+12020000000", "+49309999999")], seen=seen)
    _talked(table)
    (campaign,) = _groups(table)
    assert campaign.flagged_at_attempt() == 11


@pytest.mark.parametrize("cut", [1, 8, 20, 38])
def test_however_cut_and_saved_between(cut: int) -> None:
    calls = _rotating(13)
    whole, first, second = CampaignTable(), CampaignTable(), CampaignTable()
    _observe(whole, calls)
    seen: dict[str, list[int]] = {}
    _observe(first, calls[:cut], seen=seen)
    second.restore(first.state())
    _observe(second, calls[cut:], seen=seen)
    assert second.members() == whole.members()


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5])
def test_a_caller_is_watched_from_its_first_suspicious_attempt_on_however_cut(cut: int) -> None:
    caller = "+12025550000"
    ranks = (LEGIT, SPAM, LEGIT, LEGIT)
    calls = [(_call(i, caller, f"+4930{i:07}")[0], rank) for i, rank in enumerate(ranks)]
    end = (_end(caller, "answered", talk_s=21.0), LEGIT)
    events = [calls[0], end, *calls[1:], end]
    whole, parts = CampaignTable(), CampaignTable()
    _observe(whole, events)
    seen: dict[str, list[int]] = {}
    _observe(parts, events[:cut], seen=seen)
    _observe(parts, events[cut:], seen=seen)
    (member,) = whole.members()
    assert (member.attempts_before, member.attempts, member.ended) == (1, 3, 1)
    assert parts.members() == [member]


@pytest.mark.parametrize("cut", [1, 50, 149])
def test_the_sample_of_callers_is_bounded_and_the_same_however_cut(
    cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaigns, "MAX_SAMPLED", 8)
    calls = _day_of_strangers(rank=LEGIT)
    whole, first, second = CampaignTable(), CampaignTable(), CampaignTable()
    _observe(whole, calls)
    seen: dict[str, list[int]] = {}
    _observe(first, calls[:cut], seen=seen)
    second.restore(first.state())
    _observe(second, calls[cut:], seen=seen)
    assert 0 < len(whole.background().members) <= 8
    assert second.background().members == whole.background().members


def test_bounded_and_the_longest_silent_leave_first() -> None:
    table = CampaignTable(max_members=32)
    for start in range(0, 320, 16):
        _observe(table, [_call(start + i, f"+1202{start + i:07}", "+4930") for i in range(16)])
    assert len(table.members()) <= 32
    assert table.members()[-1].caller == "+12020000319"
    counters = table.counters()
    assert counters["campaign_callers"] + counters["campaign_callers_evicted"] == 320
    _observe(table, [_call(400 + i, "+12020000319", f"+4930{i:07}") for i in range(200)])
    assert len(table.members()[-1].times_us) == MAX_TIMES
    assert table.members()[-1].attempts == 201


def test_a_damaged_state_is_an_error() -> None:
    with pytest.raises(InputError, match="expected watched callers"):
        CampaignTable().restore(pa.record_batch([pa.array(["{}"])], names=["member"]))


def test_rows_hold_the_contract_the_worst_first() -> None:
    table = CampaignTable()
    _observe(
        table,
        [
            *_day_of_strangers(rank=LEGIT),
            *_rotating(4),
            _call(99, "+4940555000111", "+49301", source="192.0.2.99", fingerprint="f9", rank=SUSPECT),
        ],
    )
    _talked(table)
    reason = Reason("CALLER_NEW", 1.5, "words")
    rows = campaign_rows(_groups(table), reasons_of=lambda callers: [(reason,)] * len(callers), model="m/1")
    assert rows.schema == CAMPAIGN_SCHEMA
    first, second = rows.to_pylist()
    assert (first["label"], first["callers"], first["attempts"], first["model"]) == ("spam", 4, 12, "m/1")
    assert (first["flagged_at_attempt"], second["flagged_at_attempt"]) == (1, None)
    assert first["call_ids"][0] == "+12020000000@0"
    assert len(first["caller_examples"]) == 4
    assert first["reasons"][0]["symbol"] == "CALLER_NEW"
    assert (second["campaign"], second["label"]) == ("caller +4940555000111", "suspect")
    assert campaign_rows([], reasons_of=lambda _: [], model="m/1").schema == CAMPAIGN_SCHEMA


def test_numbers_of_any_length_are_kept_and_saved() -> None:
    table = CampaignTable()
    for digits in (7, 15, 18, 19, 40):
        _observe(table, [_call(float(digits), "+" + "9" * digits, "+" + "9" * digits)])
    restored = CampaignTable()
    restored.restore(table.state())
    assert restored.members() == table.members()
    assert [member.callees[0] > 0 for member in restored.members()] == [True, True, True, False, False]
