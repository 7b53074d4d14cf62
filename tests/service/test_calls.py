"""GET /v1/calls, and events that cannot be kept."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from recorded_calls import CALLEE, CALLER, HOUR_US, ends, engine_with, open_records
from service_client import NOW_US, Service, problem

from spit.engine.observers import Observers
from spit.storage.journal import JournalError
from spit.storage.pseudonyms import Pseudonyms

EVENT = {"event": "attempt", "time_us": NOW_US, "call_id": "c"}


def service_with(folder: Path, *batches: pa.RecordBatch, pseudonyms: Pseudonyms | None = None) -> Service:
    records = open_records(folder, pseudonyms=pseudonyms)
    engine = engine_with(records)
    for index, batch in enumerate(batches):
        engine.observe(batch)
        if index == 0:
            records.write_due()  # the others are in no file yet
    return Service(observers=Observers(records=records))


def found(service: Service, **query: object) -> list[str]:
    response = service.get("/v1/calls", params=query)
    assert response.status_code == 200, response.text
    return [call["call_id"] for call in response.json()["calls"]]


def test_calls_of_a_caller_are_listed_newest_first(tmp_path: Path) -> None:
    service = service_with(
        tmp_path,
        ends("a", start_us=NOW_US - 2 * HOUR_US),
        ends("b", start_us=NOW_US - HOUR_US),
        ends("other", start_us=NOW_US - HOUR_US, caller="+12025550100"),
        ends("old", start_us=NOW_US - 25 * HOUR_US),
    )
    assert found(service, caller=CALLER) == ["b", "a"]
    assert found(service, caller="sip:+12025550199@example.net;user=phone") == ["b", "a"]
    assert found(service, caller=CALLER, limit=1) == ["b"]
    assert found(service, callee=CALLEE) == ["b", "other", "a"]
    assert found(service, since=0, caller=CALLER) == ["b", "a", "old"]
    assert found(service, until=NOW_US / 1e6 - 3_601) == ["a", "old"]
    assert found(service, caller="' OR 1=1 --") == []
    answer = service.get("/v1/calls", params={"caller": CALLER}).json()
    assert answer["since"] == NOW_US / 1e6 - 86_400
    (first, _) = answer["calls"]
    assert (first["outcome"], first["duration_s"], first["label"]) == ("answered", 4.25, None)


def test_pseudonyms_are_asked_for_by_number_and_answered(tmp_path: Path) -> None:
    pseudonyms = Pseudonyms(b"k" * 32)
    service = service_with(tmp_path, ends("a", start_us=NOW_US - HOUR_US), pseudonyms=pseudonyms)
    response = service.get("/v1/calls", params={"caller": CALLER})
    (call,) = response.json()["calls"]
    assert call["caller"] == pseudonyms.of(CALLER)
    assert CALLER not in response.text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1_001}, "limit"),
        ({"since": -1}, "since"),
        ({"until": "x"}, "until"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, query: dict[str, object], field: str) -> None:
    service = service_with(tmp_path)
    (error,) = problem(service.get("/v1/calls", params=query), 422)["errors"]
    assert error["field"] == field


def test_without_records_the_answer_says_so() -> None:
    assert "records.directory names no folder" in problem(Service().get("/v1/calls"), 404)["detail"]


def test_records_are_told_on_metrics(tmp_path: Path) -> None:
    text = service_with(tmp_path, ends("a"), ends("b")).get("/metrics").text
    assert "spit_records_written_total 1.0" in text
    assert "spit_records_buffered 1.0" in text


def test_events_that_cannot_be_kept_may_come_again_later() -> None:
    service = Service()
    service.engine.unkept = JournalError("events cannot be kept: No space left on device")
    for numbering in ({}, {"X-Spit-Agent": "edge", "X-Spit-Batch": "1"}):
        response = service.post("/v1/events", json=EVENT, headers=numbering)
        assert "No space left on device" in problem(response, 503)["detail"]
        assert int(response.headers["retry-after"]) > 0
    assert service.engine.events == []
    query = {"caller": "+12025550199", "callee": "+4930123456"}
    assert service.get("/v1/score", params=query).json()["degraded"] is False
    service.engine.unkept = None
    response = service.post("/v1/events", json=EVENT, headers={"X-Spit-Agent": "edge", "X-Spit-Batch": "1"})
    assert response.json() == {"accepted": 1}
