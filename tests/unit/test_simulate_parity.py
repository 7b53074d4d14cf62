"""Events rendered straight from a plan equal events tracked from the plan's packets, field by field."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spit._core import CaptureReader
from spit.records import END_FIELDS, EVENT_SCHEMA
from spit.simulate.columns import NEVER
from spit.simulate.events import to_events
from spit.simulate.network import NUMBER_FORMATS
from spit.simulate.pcap import write_capture
from spit.simulate.plan import Plan, message_times
from spit.simulate.scenario import COUNTS
from spit.simulate.spec import CampaignKind, CampaignSpec, SimulationSpec
from spit.simulate.traffic import simulate
from spit.simulate.world import draw_world

STEPS = [
    *(
        "invite",
        "invite_again_1",
        "invite_again_2",
        "challenge",
        "challenge_ack",
        "invite_retry",
        "trying",
        "ring",
    ),
    *("fork", "answer", "answer_ack", "cancel", "cancel_ok", "final", "final_ack", "bye", "bye_ok"),
]
FLOATS = {"ring_time_s", "pdd_s", "setup_time_s", "duration_s", "passport_iat_age_s"}


@pytest.fixture(scope="module")
def plan() -> Plan:
    """An hour and a half in which every outcome occurs and the capture stops in the middle of calls."""
    campaigns = tuple(CampaignSpec(kind, 0.6, calls=80) for kind in CampaignKind)
    return simulate(SimulationSpec(seed=21, start_time_s=1_772_445_600, duration_s=5400, campaigns=campaigns))


def key(row: dict[str, Any]) -> tuple[str, str]:
    """One row per call and kind of event."""
    return row["call_id"], row["event"]


def cut(plan: Plan, step: str) -> Plan:
    """The plan of a capture of some 150 calls that stops with a message of this step."""
    calls = plan.calls
    times = message_times(calls)[step]
    end_us = int(times[(times > calls.invite_us[150]) & (times < NEVER)].min())
    return replace(plan, calls=calls.take(calls.invite_us <= end_us), end_us=end_us)


@pytest.fixture(scope="module")
def mixed_plan() -> Plan:
    """Every kind of caller and campaign over trunks of every format, in a world of its own."""
    campaigns = tuple(CampaignSpec(kind, 0.3, calls=30) for kind in CampaignKind)
    sizes = {name: min(high, 2) for name, (_, high) in COUNTS.items()}
    sizes |= {"residential": 40, "visitors": 100, "families": 5}
    return simulate(
        SimulationSpec(
            seed=12,
            start_time_s=1_772_445_600,
            duration_s=5400,
            campaigns=campaigns,
            world=draw_world(np.random.default_rng(6), "training"),
            trunks=24,
            **sizes,
        )
    )


def assert_parity(plan: Plan, path: Path) -> None:
    """The events of the written packets are those of the plan, and come in the same order."""
    write_capture(plan, path)
    reader = CaptureReader([str(path)], plan.network.identity_settings())
    tracked: list[dict[str, Any]] = []
    while (batch := reader.read_events(500)) is not None:
        assert batch.schema.equals(EVENT_SCHEMA)
        tracked += batch.to_pylist()
    assert reader.damages() == []
    rendered = to_events(plan).to_pylist()

    assert [key(row) for row in tracked] == [key(row) for row in rendered]
    for row, want in zip(tracked, rendered, strict=True):
        for name in EVENT_SCHEMA.names:
            if name in FLOATS and want[name] is not None:
                assert row[name] == pytest.approx(want[name], abs=1e-6), (name, row, want)
            else:
                assert row[name] == want[name], (name, row, want)


def test_events_equal_tracked_events(plan: Plan, tmp_path: Path) -> None:
    assert_parity(plan, tmp_path / "plan.pcap")


@pytest.mark.parametrize("verifies", [False, True])
def test_every_format_of_trunk_gives_the_same_events(
    mixed_plan: Plan, verifies: bool, tmp_path: Path
) -> None:
    trunks = mixed_plan.network.trunks
    used = [trunks[i] for i in np.unique(mixed_plan.calls.trunk)]
    assert {t.number_format for t in used} == set(NUMBER_FORMATS)
    assert {t.transport for t in used} == {"udp", "tcp"}
    for name in ("is_ipv6", "compact", "vlan", "proxied_ratio"):
        assert any(getattr(t, name) for t in used), name
    calls = mixed_plan.calls
    assert calls.proxied.any()
    assert calls.is_message.any()
    assert (calls.diverter >= 0).any()
    assert set(calls.media) == {0, 1, 2}
    assert (calls.exemption > 0).any()
    network = replace(mixed_plan.network, verifies=verifies)
    assert_parity(replace(mixed_plan, network=network), tmp_path / "mixed.pcap")


@pytest.mark.parametrize("step", STEPS)
def test_a_capture_may_stop_with_any_message(plan: Plan, step: str, tmp_path: Path) -> None:
    assert_parity(cut(plan, step), tmp_path / "cut.pcap")


def test_no_step_is_left_out(plan: Plan) -> None:
    assert list(message_times(plan.calls)) == STEPS


def test_the_plan_holds_every_case(plan: Plan) -> None:
    rows = [row for row in to_events(plan).to_pylist() if row["event"] == "end"]
    outcomes = {row["outcome"] for row in rows}
    assert outcomes >= {
        *("answered", "busy", "declined", "cancelled", "not_found", "no_answer", "failed"),
        *("unwanted", "incomplete"),
    }
    assert {row["hangup_by"] for row in rows} == {"caller", "callee", "none"}
    for name in ("duration_censored", "auth_challenged", "retransmissions"):
        assert any(row[name] for row in rows), name


def test_events_are_in_time_order_and_attempts_know_no_outcome(plan: Plan) -> None:
    batch = to_events(plan)
    batch.validate(full=True)
    times = batch.column("time_us").to_pylist()
    assert times == sorted(times)
    rows = batch.to_pylist()
    known_at_end = [field.name for field in END_FIELDS]
    for row in rows:
        if row["event"] == "attempt":
            assert all(row[name] is None for name in known_at_end)
        if row["event"] == "answer":
            assert {n for n in known_at_end if row[n] is not None} <= {"pdd_s", "setup_time_s"}
    assert len(times) == 2 * len(plan) + sum(row["event"] == "answer" for row in rows)
