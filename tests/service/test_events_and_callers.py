"""/v1/events takes all of a request or nothing; /v1/callers tells what was counted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from service_client import FRIEND, NOW_US, SPAMMER, Service, problem, with_service

from spit import _core
from spit.config import Config
from spit.records import EVENT_SCHEMA
from spit.service.event_batches import decode_arrow, decode_json
from spit.service.problems import ProblemError

ARROW = "application/vnd.apache.arrow.stream"
ATTEMPT: dict[str, Any] = {
    "event": "attempt",
    "time": NOW_US / 1e6,
    "call_id": "c1",
    "caller": "sip:+12025550199@example.org",
    "callee": "+4930123456",
    "source_ip": "192.0.2.7",
}
END: dict[str, Any] = {
    "event": "end",
    "time_us": NOW_US + 9_000_000,
    "start_time": NOW_US / 1e6,
    "call_id": "c1",
    "caller": SPAMMER,
    "callee": "+4930123456",
    "outcome": "answered",
    "duration_s": 7,
    "duration_censored": False,
    "final_status": 200,
}


def batch(*rows: dict[str, Any], schema: pa.Schema = EVENT_SCHEMA) -> pa.RecordBatch:
    columns = [pa.array([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def stream(*batches: pa.RecordBatch, compression: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, batches[0].schema, options=options) as writer:
        for one in batches:
            writer.write_batch(one)
    return bytes(sink.getvalue())


def post_arrow(service: Service, body: bytes) -> Any:
    return service.post("/v1/events", content=body, headers={"Content-Type": ARROW})


def row(**changes: Any) -> dict[str, Any]:
    fixed = {"event": "attempt", "method": "INVITE", "call_id": "c1", "caller": SPAMMER}
    return {**fixed, "time_us": NOW_US, "start_time_us": NOW_US, **changes}


@pytest.mark.parametrize(
    "wrap",
    [lambda events: {"events": events}, lambda events: events],
    ids=["object", "list"],
)
def test_json_events_are_counted(wrap: Callable[[list[Any]], Any]) -> None:
    service = Service()
    response = service.post("/v1/events", json=wrap([ATTEMPT, END]))
    assert response.status_code == 200
    assert response.json() == {"accepted": 2}
    attempt, end = service.engine.events
    assert {name: value for name, value in attempt.items() if value is not None} == {
        "event": "attempt",
        "time_us": NOW_US,
        "start_time_us": NOW_US,
        "method": "INVITE",
        "call_id": "c1",
        "caller": SPAMMER,
        "callee": "+4930123456",
        "caller_uri": "sip:+12025550199@example.org",
        "source_ip": "192.0.2.7",
    }
    assert (end["time_us"], end["start_time_us"], end["end_time_us"]) == (
        NOW_US + 9_000_000,
        NOW_US,
        NOW_US + 9_000_000,
    )
    assert (end["outcome"], end["duration_s"], end["final_status"]) == ("answered", 7.0, 200)


def test_one_object_is_one_event() -> None:
    service = Service()
    assert service.post("/v1/events", json=ATTEMPT).json() == {"accepted": 1}
    assert len(service.engine.events) == 1


@pytest.mark.parametrize("body", [[], {"events": []}])
def test_no_event_is_accepted_as_none(body: Any) -> None:
    assert Service().post("/v1/events", json=body).json() == {"accepted": 0}


def test_identity_comes_from_the_uri_when_it_is_alone() -> None:
    service = Service()
    event = {key: value for key, value in ATTEMPT.items() if key != "caller"}
    service.post("/v1/events", json={**event, "caller_uri": "tel:+12025550100"})
    assert service.engine.events[0]["caller"] == FRIEND


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"event": "begin"}, "event", "one of attempt, answer, end"),
        ({"event": None}, "event", "a value"),
        ({"call_id": None}, "call_id", "a value"),
        ({"time": None}, "time_us", "a value"),
        ({"time": "now"}, "time", "epoch seconds between 1970 and 2100"),
        ({"time": True}, "time", "epoch seconds between 1970 and 2100"),
        ({"time": NOW_US / 1e3}, "time", "epoch seconds between 1970 and 2100"),
        ({"time_us": NOW_US}, "time", "either time or time_us"),
        ({"time": None, "time_us": 2**63}, "time_us", "an integer of 64 bits"),
        ({"time": None, "time_us": NOW_US * 1000}, "time_us", "epoch microseconds between 1970 and 2100"),
        ({"start_time": NOW_US / 1e6 + 1}, "start_time_us", "at most time_us"),
        ({"source": "x"}, "source", "a field of a call event (docs/http-api.md)"),
        ({"user_agent": 3}, "user_agent", "text"),
        ({"user_agent": "x" * 4097}, "user_agent", "at most 4096 bytes"),
        ({"method": "BYE"}, "method", "one of INVITE, MESSAGE"),
        ({"attestation": "D"}, "attestation", "one of A, B, C"),
        ({"outcome": "answered"}, "outcome", "nothing: an attempt cannot know how the call ends"),
    ],
)
def test_a_wrong_event_names_row_field_expected_and_applies_nothing(
    changes: dict[str, Any], field: str, expected: str
) -> None:
    service = Service()
    response = service.post("/v1/events", json=[ATTEMPT, {**ATTEMPT, **changes}])
    errors = problem(response, 422)["errors"]
    assert {"row": 1, "field": field, "expected": expected} in [
        {key: error[key] for key in ("row", "field", "expected")} for error in errors
    ]
    assert all(error["row"] == 1 for error in errors)
    assert service.engine.events == []


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"outcome": None}, "outcome", "a value in an end event"),
        ({"outcome": "lost"}, "outcome", "one of answered, busy"),
        ({"duration_s": -1}, "duration_s", "a finite number of seconds of at least 0"),
        ({"duration_s": "7"}, "duration_s", "a number"),
        ({"duration_censored": 0}, "duration_censored", "true or false"),
        ({"final_status": 40_000}, "final_status", "an integer of 16 bits"),
        ({"final_status": 200.5}, "final_status", "an integer of 16 bits"),
    ],
)
def test_a_wrong_end_is_named(changes: dict[str, Any], field: str, expected: str) -> None:
    (error,) = problem(Service().post("/v1/events", json={**END, **changes}), 422)["errors"]
    assert (error["row"], error["field"]) == (0, field)
    assert error["expected"].startswith(expected)


def test_the_answer_to_many_mistakes_is_short() -> None:
    response = Service().post("/v1/events", json=[{"event": 1}] * 5_000)
    assert len(problem(response, 422)["errors"]) == 20


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[1e999]", 422),
        (b'[{"duration_s": NaN}]', 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'"text"', 422),
        (b"[3]", 422),
        (b'{"events": 3}', 422),
        (b'[{"call_id": "\\ud800"}]', 422),
        (b'[{"time_us": ' + b"9" * 5_000 + b"}]", 400),
    ],
)
def test_hostile_json_is_a_problem(body: bytes, status: int) -> None:
    service = Service()
    response = service.post("/v1/events", content=body, headers={"Content-Type": "application/json"})
    problem(response, status)
    assert service.engine.events == []


def test_arrow_batches_are_counted_in_any_column_order_and_text_type() -> None:
    service = Service()
    wide = pa.schema(
        [("caller", pa.large_string()), *[(f.name, f.type) for f in EVENT_SCHEMA if not f.nullable]]
    )
    body = stream(batch(row(), schema=wide), batch(row(call_id="c2"), schema=wide))
    response = post_arrow(service, body)
    assert response.json() == {"accepted": 2}, response.text
    assert [(one["call_id"], one["caller"]) for one in service.engine.events] == [
        ("c1", SPAMMER),
        ("c2", SPAMMER),
    ]


def test_an_arrow_stream_without_batches_is_accepted_as_none() -> None:
    assert post_arrow(Service(), stream(batch())).json() == {"accepted": 0}


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        (pa.schema([field for field in EVENT_SCHEMA if field.name != "call_id"]), "call_id"),
        (EVENT_SCHEMA.append(pa.field("colour", pa.string())), "colour"),
        (EVENT_SCHEMA.append(pa.field("caller", pa.string())), "caller"),
        (EVENT_SCHEMA.set(1, pa.field("time_us", pa.list_(pa.int64()))), "time_us"),
    ],
)
def test_an_arrow_schema_that_does_not_fit_names_the_column(schema: pa.Schema, field: str) -> None:
    arrays = [pa.nulls(1, one.type) for one in schema]
    nullable = pa.schema([one.with_nullable(True) for one in schema])
    response = post_arrow(Service(), stream(pa.RecordBatch.from_arrays(arrays, schema=nullable)))
    assert [error["field"] for error in problem(response, 422)["errors"]] == [field]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event": "begin"}, "event"),
        ({"end_time_us": 1, "event": "end"}, "outcome"),
        ({"event": "end", "end_time_us": 1, "outcome": "busy", "ring_time_s": float("nan")}, "ring_time_s"),
        ({"time_us": -1}, "time_us"),
    ],
)
def test_arrow_rows_are_checked_like_json(changes: dict[str, Any], field: str) -> None:
    service = Service()
    response = post_arrow(service, stream(batch(row()), batch(row(**changes))))
    errors = problem(response, 422)["errors"]
    assert (1, field) in [(error["row"], error["field"]) for error in errors]
    assert service.engine.events == []


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_arrow_is_counted(compression: str) -> None:
    service = Service()
    rows = [row(call_id=f"c{number}") for number in range(100)]
    assert post_arrow(service, stream(batch(*rows), compression=compression)).json() == {"accepted": 100}
    assert [one["call_id"] for one in service.engine.events] == [one["call_id"] for one in rows]


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_bomb_is_refused_before_it_is_unpacked(compression: str) -> None:
    limit = 1_000_000
    body = stream(batch(*[row(user_agent="x" * 4_000)] * 1_000), compression=compression)
    assert len(body) < limit / 10
    service = Service(with_service(Config(), max_events_bytes=limit))
    detail = problem(post_arrow(service, body), 400)["detail"]
    assert f"expected at most {limit} bytes when unpacked" in detail
    assert service.engine.events == []


def test_null_columns_may_not_claim_rows_that_were_not_sent() -> None:
    fields = [pa.field(field.name, pa.null()) for field in EVENT_SCHEMA]
    claim = pa.RecordBatch.from_arrays([pa.nulls(10**6) for _ in fields], schema=pa.schema(fields))
    assert "expected at most" in problem(post_arrow(Service(), stream(claim)), 400)["detail"]


@settings(max_examples=300, deadline=None)
@given(data=st.data(), compression=st.sampled_from([None, "lz4", "zstd"]))
def test_a_damaged_arrow_stream_is_never_more_than_a_problem(
    data: st.DataObject, compression: str | None
) -> None:
    body = bytearray(stream(batch(row(), row(call_id="c2")), compression=compression))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    try:
        decoded = decode_arrow(bytes(body[:cut] if data.draw(st.booleans()) else body))
    except ProblemError:
        return  # refused with words: anything else that is raised fails this test
    assert decoded.schema == EVENT_SCHEMA
    decoded.validate(full=True)


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(EVENT_SCHEMA.names), inner, max_size=5)
        ),
        max_leaves=20,
    )
)
def test_any_json_is_accepted_or_a_problem(document: Any) -> None:
    try:
        decoded = decode_json(json.dumps(document).encode(), lambda uri: uri)
    except ProblemError:
        return  # refused with words: anything else that is raised fails this test
    assert decoded.schema == EVENT_SCHEMA


def test_an_unknown_content_type_is_415() -> None:
    response = Service().post("/v1/events", content=b"{}", headers={"Content-Type": "text/csv"})
    assert ARROW in problem(response, 415)["detail"]


def test_events_have_a_limit_of_their_own() -> None:
    service = Service(with_service(Config(), max_score_bytes=1_024, max_events_bytes=2_048))
    headers = {"Content-Type": "application/json"}

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 1_024

    assert service.post("/v1/events", content=b"[]".ljust(2_048), headers=headers).status_code == 200
    problem(service.post("/v1/events", content=b"[]".ljust(2_049), headers=headers), 413)
    problem(service.post("/v1/events", content=chunks(), headers=headers), 413)


@pytest.mark.parametrize("written", [SPAMMER, "%2B12025550199", "sip:+12025550199@example.org"])
def test_a_caller_is_found_by_identity_or_uri(written: str) -> None:
    service = Service()
    service.post("/v1/events", json=[ATTEMPT, {**ATTEMPT, "call_id": "c2", "time": NOW_US / 1e6 + 2}])
    response = service.get(f"/v1/callers/{written}")
    assert response.status_code == 200
    assert response.json() == {
        "caller": SPAMMER,
        "label": "spam",
        "score": 0.97,
        "action": "allow",
        "reasons": [
            {"symbol": "CALLER_RATE", "weight": 1.5, "text": "many attempts", "counterfactual": None},
            {"symbol": "SEQUENTIAL", "weight": 2.5, "text": "in a row", "counterfactual": None},
        ],
        "attempts": 2,
        "flagged_at_attempt": 1,
        "first_seen": NOW_US / 1e6,
        "last_seen": NOW_US / 1e6 + 2,
        "source_ips": ["192.0.2.7"],
        "model": "table/1",
        "call_ids": ["call-1"],
    }


@pytest.mark.parametrize("written", ["+19995550000", "a/b@example.org", "%00", "x" * 3_000])
def test_an_unknown_caller_is_404(written: str) -> None:
    assert "no attempt of caller" in problem(Service().get(f"/v1/callers/{written}"), 404)["detail"]


def test_an_attempt_of_the_core_is_accepted_as_it_is() -> None:
    invite = (
        b"INVITE sip:+4930123456@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
        b"From: <sip:+12025550199@example.org>;tag=a\r\nTo: <sip:+4930123456@example.net>\r\n"
        b"Call-ID: raw-1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    attempt = _core.parse_attempt(invite, time_us=NOW_US, source_ip="192.0.2.7")
    service = Service()
    assert post_arrow(service, stream(attempt)).json() == {"accepted": 1}
    assert service.engine.events == attempt.to_pylist()
