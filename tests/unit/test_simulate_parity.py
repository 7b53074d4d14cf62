"""Events rendered straight from a plan equal events tracked from the plan's packets, field by field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spit._core import CaptureReader
from spit.records import EVENT_SCHEMA
from spit.simulate.events import to_events
from spit.simulate.pcap import write_capture
from spit.simulate.plan import Plan
from spit.simulate.spec import CampaignKind, CampaignSpec, SimulationSpec
from spit.simulate.traffic import simulate

FLOATS = {"ring_time_s", "pdd_s", "setup_time_s", "duration_s"}


@pytest.fixture(scope="module")
def plan() -> Plan:
    """An hour and a half in which every outcome occurs and the capture stops in the middle of calls."""
    campaigns = tuple(CampaignSpec(kind, 0.6, calls=80) for kind in CampaignKind)
    return simulate(SimulationSpec(seed=21, start_time_s=1_772_445_600, duration_s=5400, campaigns=campaigns))


def key(row: dict[str, Any]) -> tuple[str, str]:
    """One row per call and kind of event."""
    return row["call_id"], row["event"]


def test_events_equal_tracked_events(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "plan.pcap"
    write_capture(plan, path)
    reader = CaptureReader([str(path)])
    tracked: list[dict[str, Any]] = []
    while (batch := reader.read_events(500)) is not None:
        assert batch.schema.equals(EVENT_SCHEMA)
        tracked += batch.to_pylist()
    assert reader.damages() == []
    rendered = to_events(plan).to_pylist()

    assert sorted(map(key, tracked)) == sorted(map(key, rendered))
    wanted = {key(row): row for row in rendered}
    for row in tracked:
        want = wanted[key(row)]
        for name in EVENT_SCHEMA.names:
            if name in FLOATS and want[name] is not None:
                assert row[name] == pytest.approx(want[name], abs=1e-6), (name, row, want)
            else:
                assert row[name] == want[name], (name, row, want)


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
    known_at_end = EVENT_SCHEMA.names[EVENT_SCHEMA.names.index("end_time_us") :]
    for row in rows:
        if row["event"] == "attempt":
            assert all(row[name] is None for name in known_at_end)
        if row["event"] == "answer":
            assert {n for n in known_at_end if row[n] is not None} <= {"pdd_s", "setup_time_s"}
    assert len(times) == 2 * len(plan) + sum(row["event"] == "answer" for row in rows)
