"""What is read and written by hand at /v1/score is what the libraries give."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers, QueryParams

from spit.records import ActionKind, Label, Mode, Reason, SipAnswer
from spit.service.answer_forms import JSON, ScoreAnswer, ScoreModel, render
from spit.service.score_request import read_headers, read_query

pieces = st.sampled_from([b"&", b"=", b"+", b"%2B", b"%C3%A9", b"%ff", b"%", b"%4", b"caller", b"\xe9", b";"])
queries = st.lists(pieces | st.binary(max_size=3), max_size=12).map(b"".join)


@settings(max_examples=300)
@given(query=queries)
def test_a_query_is_read_as_starlette_reads_it(query: bytes) -> None:
    assert read_query(query) == dict(QueryParams(query).multi_items())


names = st.sampled_from([b"accept", b"content-type", b"x-spit-tenant", b"host"])
values = st.sampled_from([b"text/plain", b" Application/JSON; charset=utf-8", b"", b"acme", b"\xe9"])


@given(headers=st.lists(st.tuples(names, values), max_size=6))
def test_headers_are_read_as_starlette_reads_them(headers: list[tuple[bytes, bytes]]) -> None:
    found, expected = read_headers(headers), Headers(raw=headers)
    assert found.accept == ",".join(expected.getlist("accept"))
    assert found.media_type == expected.get("content-type", "").partition(";")[0].strip().lower()
    assert found.tenant == expected.get("x-spit-tenant")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)
answers = st.builds(
    ScoreAnswer,
    action=st.sampled_from(ActionKind),
    would_action=st.sampled_from(ActionKind),
    sip=st.none() | st.builds(SipAnswer, st.integers(300, 699), texts, st.dictionaries(texts, texts)),
    label=st.sampled_from(Label),
    score=st.floats(0.0, 1.0) | st.sampled_from([0, 1]),
    reasons=st.lists(st.builds(Reason, texts, numbers, texts, st.none() | texts), max_size=2).map(tuple),
    ttl_s=st.integers(0, 10**9),
    model=texts,
    mode=st.sampled_from(Mode),
    degraded=st.booleans(),
    evidence=st.lists(texts, max_size=2).map(tuple),
    add_headers=st.dictionaries(texts, texts, max_size=2),
    listed=st.sampled_from([None, "allow", "block"]),
)


@given(answer=answers)
def test_the_json_answer_says_what_the_answer_is(answer: ScoreAnswer) -> None:
    response = render(answer, JSON)
    document = json.loads(bytes(response.body))
    assert list(document) == list(ScoreModel.model_fields)
    found = ScoreModel.model_validate(document)
    for name, value in answer._asdict().items():
        if name not in ("sip", "reasons", "evidence"):
            assert getattr(found, name) == value, name
    assert found.evidence == list(answer.evidence)
    assert [(r.symbol, r.weight, r.text, r.counterfactual) for r in found.reasons] == [
        (r.symbol, r.weight, r.text, r.counterfactual) for r in answer.reasons
    ]
    sip = None if found.sip is None else SipAnswer(found.sip.code, found.sip.reason, found.sip.headers)
    assert sip == answer.sip
    assert response.headers["content-length"] == str(len(response.body))
    assert bytes(response.body).isascii()
