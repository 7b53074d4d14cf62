"""An appeal over HTTP lifts the block of its caller: for a while, and for the calls that it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from service_client import ENFORCE, FRIEND, NOW_US, SPAMMER, SUSPECT, Service, problem

from spit.config import Config, FeedbackConfig
from spit.engine.appeals import REPEAT_US
from spit.engine.control_data import ControlData
from spit.engine.feedback import Feedback, FeedbackLimits, Report
from spit.engine.observers import Observers
from spit.policy.lists import Lists
from spit.records import EVENT_SCHEMA
from spit.storage.control import open_control

CALLEE, OTHER = "+4930123456", "+4930999999"
DAY_S = 86_400


class Unkept:
    def append(self, reports: Sequence[Report], /) -> None:
        """Written down, as far as these tests go."""


@dataclass
class Desk:
    """A service whose clock the test sets, with the calls of three callers behind it."""

    service: Service
    feedback: Feedback
    now_us: int = NOW_US

    def score(self, caller: str = SPAMMER, callee: str = CALLEE, **values: str) -> str:
        query = {"caller": caller, "callee": callee, **values}
        answer: dict[str, Any] = self.service.get("/v1/score", params=query).json()
        return f"{answer['action']} {answer['listed'] or ''}".rstrip()

    def appeal(self, caller: str = SPAMMER, **values: object) -> dict[str, Any]:
        body = {"kind": "appeal", "reporter": caller, "call_id": f"{caller}@call", **values}
        response = self.service.post("/v1/feedback", json=body)
        assert response.status_code == 202, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def add(self, kind: str, pattern: str = SPAMMER, **values: object) -> None:
        response = self.service.post("/v1/lists", json={"kind": kind, "pattern": pattern, **values})
        assert response.status_code == 201, response.text

    def entries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.service.get("/v1/lists").json()["entries"]
        return found

    def call(self, caller: str, at_us: int) -> None:
        attempt = {
            "event": "attempt",
            "time_us": at_us,
            "start_time_us": at_us,
            "method": "INVITE",
            "call_id": f"{caller}@call",
            "caller": caller,
            "callee": CALLEE,
        }
        events = pa.RecordBatch.from_pylist([attempt], schema=EVENT_SCHEMA)
        self.service.engine.observe(events)
        self.feedback.observe(events)


def desk_of(config: Config, path: Path) -> Iterator[Desk]:
    lists = Lists()
    feedback = Feedback(Unkept(), key=b"k", limits=FeedbackLimits(reports_per_day=5))
    database = open_control(str(path / "c.db"))
    times: list[Desk] = []

    def now_us() -> int:
        return times[0].now_us if times else NOW_US

    with closing(ControlData(database, lists, poll_s=60, clock=now_us)) as control:
        service = Service(
            config, lists, control=control, observers=Observers(feedback=feedback), time_source=now_us
        )
        desk = Desk(service, feedback)
        times.append(desk)
        for caller in (SPAMMER, FRIEND, SUSPECT):
            desk.call(caller, NOW_US - 60_000_000)
        yield desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield from desk_of(ENFORCE, tmp_path)


def test_the_next_call_passes_and_the_one_after_the_day_does_not(desk: Desk) -> None:
    assert desk.score() == "reject"
    answer = desk.appeal()
    until_s = NOW_US / 1e6 + DAY_S
    assert (answer["label"], answer["lift"], answer["lifted_until"]) == ("ham", "lifted", until_s)
    assert desk.score() == desk.score(callee=OTHER) == desk.score(tenant="acme") == "allow allow"
    (entry,) = desk.entries()
    assert (entry["kind"], entry["pattern"], entry["tenant"], entry["callee"]) == ("allow", SPAMMER, "", "")
    assert (entry["expires_at"], entry["reason"]) == (until_s, f"appeal about the call {SPAMMER}@call")
    (change,) = desk.service.get("/v1/audit").json()["records"]
    assert (change["action"], change["actor"]) == ("create", entry["author"])
    assert entry["author"].startswith("anonymous at ")
    assert change["after"]["reason"] == entry["reason"]
    desk.now_us += DAY_S * 1_000_000
    assert desk.score() == "reject"


def test_the_calls_that_the_appeal_names_alone(desk: Desk) -> None:
    assert desk.appeal(tenant="acme", callee=f"sip:{CALLEE}@example.net")["lift"] == "lifted"
    assert desk.score(tenant="acme") == "allow allow"
    assert desk.score() == desk.score(tenant="other") == desk.score(tenant="acme", callee=OTHER) == "reject"
    body = {"kind": "appeal", "reporter": SPAMMER, "call_id": f"{SPAMMER}@call", "callee": OTHER}
    assert "the callee of that call" in problem(desk.service.post("/v1/feedback", json=body), 422)["detail"]


@pytest.mark.parametrize(
    ("listed", "appeal", "outcome"),
    [
        ({"kind": "block"}, {}, "operator"),
        ({"kind": "dno", "pattern": "+1202*"}, {}, "operator"),
        ({"kind": "block", "tenant": "acme"}, {}, "operator"),  # an allow of all would overrule it
        ({"kind": "block", "tenant": "acme"}, {"tenant": "other"}, "lifted"),
        ({"kind": "block", "callee": OTHER}, {}, "operator"),
        ({"kind": "block", "callee": OTHER}, {"callee": CALLEE}, "lifted"),
        ({"kind": "block", "expires_at": NOW_US / 1e6 - 1}, {}, "lifted"),
        ({"kind": "grey"}, {}, "lifted"),
        ({"kind": "allow"}, {}, "passes"),
    ],
)
def test_the_word_of_an_operator_stays(
    desk: Desk, listed: dict[str, Any], appeal: dict[str, Any], outcome: str
) -> None:
    desk.add(**listed)
    before = desk.entries()
    assert desk.appeal(**appeal)["lift"] == outcome
    assert (desk.entries() == before) == (outcome != "lifted")


def test_the_block_list_of_the_configuration_stays_too(tmp_path: Path) -> None:
    config = replace(ENFORCE, policy=replace(ENFORCE.policy, block=(SPAMMER,)))
    for desk in desk_of(config, tmp_path):
        assert desk.appeal()["lift"] == "operator"
        assert desk.score() == "reject block"


def test_who_was_never_blocked_gets_no_pass(desk: Desk) -> None:
    assert desk.appeal(FRIEND)["lift"] == "not_blocked"
    assert desk.entries() == []


def test_a_second_lift_soon_after_the_first_is_an_operators(desk: Desk) -> None:
    assert desk.appeal()["lift"] == "lifted"
    assert desk.appeal()["lift"] == "passes"
    desk.now_us += DAY_S * 1_000_000
    assert desk.appeal()["lift"] == "repeated"
    assert desk.score() == "reject"
    desk.now_us += REPEAT_US
    desk.call(SPAMMER, desk.now_us)
    assert desk.appeal()["lift"] == "lifted"
    assert desk.score() == "allow allow"
    assert [change["action"] for change in desk.service.get("/v1/audit").json()["records"]] == [
        "change",
        "create",
    ]


def test_appeals_are_limited_as_all_that_one_says(desk: Desk) -> None:
    for _ in range(5):
        desk.appeal()
    body = {"kind": "appeal", "reporter": SPAMMER, "call_id": f"{SPAMMER}@call"}
    assert "at most 5 reports a day" in problem(desk.service.post("/v1/feedback", json=body), 429)["detail"]


def test_an_identity_that_reads_as_a_prefix_lets_nobody_pass(desk: Desk) -> None:
    caller = "12*@example.net*"
    desk.service.engine.scores[caller] = 0.97
    desk.call(caller, NOW_US)
    answer = desk.appeal(f"sip:{caller}", call_id=f"{caller}@call")
    assert (answer["caller"], answer["lift"]) == (caller, "off")
    assert desk.entries() == []


def test_a_database_that_is_away_is_told_and_the_appeal_is_kept(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "c.db").unlink()
    answer = desk.appeal()
    assert (answer["label"], answer["lift"]) == ("ham", "failed")
    metrics = desk.service.get("/metrics").text
    assert 'spit_appeals_total{outcome="failed"} 1.0' in metrics


def test_without_a_database_or_when_told_so_nothing_is_lifted(tmp_path: Path) -> None:
    off = replace(ENFORCE, feedback=FeedbackConfig(appeal_lift_s=0))
    for desk in desk_of(off, tmp_path):
        assert desk.appeal()["lift"] == "off"
        assert desk.score() == "reject"
    feedback = Feedback(Unkept(), key=b"k")
    service = Service(ENFORCE, observers=Observers(feedback=feedback))
    bare = Desk(service, feedback)
    bare.call(SPAMMER, NOW_US)
    assert bare.appeal()["lift"] == "off"
