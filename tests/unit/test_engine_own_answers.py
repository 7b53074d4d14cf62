"""What we refused ourselves is not held against the caller: neither as an outcome nor as a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from feature_events import ALICE, attempt, batch, end
from verdict_samples import REJECTED, TAGGED, WOULD_REJECT, verdict

from spit.config import PolicyConfig
from spit.enforce.verdicts import Standing
from spit.engine.engine import Engine
from spit.engine.feedback import Feedback, Report
from spit.engine.own_answers import OwnAnswers
from spit.features.table import FeatureTable
from spit.model.bundle import load_default
from spit.policy.policy import Policy
from spit.records import Action, ActionKind, Mode, Outcome, SipAnswer

CALLEE, STATUS = "+4930123456", 603
ENFORCE = PolicyConfig(mode="enforce", redress="https://example.net/blocked", block=(ALICE,))
REFUSED = Action(ActionKind.REJECT, ActionKind.REJECT, Mode.ENFORCE, SipAnswer(603, "Decline"), 300)


def engine(policy: PolicyConfig = ENFORCE, **options: Sequence[Feedback]) -> Engine:
    model = load_default(schema_hash=FeatureTable.schema_hash, environment={})
    return Engine(model, Policy(policy), **options)  # type: ignore[arg-type]


def declined(call_id: str = "c1", outcome: str = "declined", **values: Any) -> pa.RecordBatch:
    fields = {"final_status": STATUS, "ring_time_s": None, **values}
    return batch(end(2.0, outcome, ALICE, CALLEE, call_id=call_id, **fields))


def refused(one: Engine, ended: pa.RecordBatch) -> pa.RecordBatch:
    """Asked about, refused, and seen to end: the features of the caller's next attempt."""
    call = attempt(1.0, ALICE, CALLEE, call_id="c1")
    one.assess(batch(call))
    one.receive(batch(call))
    one.receive(ended)
    return one.observe(batch(attempt(100.0, ALICE, "+4930999999", call_id="c2"))).values


def test_a_call_that_we_refused_does_not_lower_what_is_known_of_its_caller() -> None:
    of_nobody_knows = refused(engine(), declined(outcome="incomplete"))
    np.testing.assert_array_equal(refused(engine(), declined()), of_nobody_knows)
    # The callee's own word counts: it rang, or nobody was told to refuse the call.
    assert not np.array_equal(refused(engine(), declined(ring_time_s=3.0)), of_nobody_knows)
    monitoring = engine(replace(ENFORCE, mode="monitor"))
    assert not np.array_equal(refused(monitoring, declined()), of_nobody_knows)


class Kept:
    def __init__(self) -> None:
        self.reports: list[Report] = []

    def append(self, reports: Sequence[Report], /) -> None:
        self.reports.extend(reports)


@pytest.mark.parametrize("status", [607, 608])
def test_our_own_607_and_608_are_no_reports(status: int) -> None:
    for policy, expected in ((ENFORCE, 0), (replace(ENFORCE, mode="monitor"), 1)):
        kept = Kept()
        refused(engine(policy, observers=[Feedback(kept, key=b"k")]), declined(final_status=status))
        assert len(kept.reports) == expected


@pytest.mark.parametrize(
    ("action", "noted"),
    [
        (REFUSED, True),
        (replace(REFUSED, kind=ActionKind.DROP, sip=None), True),
        (replace(REFUSED, kind=ActionKind.THROTTLE), True),
        (replace(REFUSED, kind=ActionKind.THROTTLE, sip=None), False),  # the call goes on
        (replace(REFUSED, kind=ActionKind.ALLOW), False),
        (replace(REFUSED, kind=ActionKind.DIVERT), False),  # a redirection is not counted anyhow
    ],
)
def test_which_answers_refuse_a_call(action: Action, noted: bool) -> None:
    own = OwnAnswers()
    own.note("c1", action)
    own.note(None, action)
    assert (own.mask(declined())["outcome"].to_pylist() == ["incomplete"]) == noted
    assert own.mask(declined("c2")).equals(declined("c2"))


@pytest.mark.parametrize(
    ("values", "masked"),
    [
        ({}, True),
        ({"outcome": "cancelled", "final_status": 487}, True),
        ({"outcome": "answered", "final_status": 200}, False),
        ({"outcome": "redirected", "final_status": 302}, False),
        ({"outcome": "incomplete"}, False),
        ({"ring_time_s": 0.0}, False),
    ],
)
def test_which_ends_are_ours(values: dict[str, Any], masked: bool) -> None:
    own = OwnAnswers()
    own.note("c1", REFUSED)
    ends = declined(**values)
    found = own.mask(ends)
    assert own.counters()["own_answers_masked"] == masked
    expected = Outcome.INCOMPLETE if masked else values.get("outcome", "declined")
    assert found["outcome"].to_pylist() == [expected]
    assert found.schema.equals(ends.schema)
    assert found.drop_columns(["outcome"]).equals(ends.drop_columns(["outcome"]))


@pytest.mark.parametrize(
    ("standing", "status", "masked"),
    [
        (REJECTED, 603, True),
        (REJECTED, 607, True),
        (REJECTED, 486, False),  # no SBC answers so for us
        (WOULD_REJECT, 603, False),
        (TAGGED, 603, False),
        (None, 603, False),
    ],
)
def test_where_a_verdict_was_pushed_nobody_asks_about_the_call(
    standing: Standing | None, status: int, masked: bool
) -> None:
    own = OwnAnswers(held=lambda caller: None if standing is None else verdict(caller, standing, 1.0))
    assert (own.mask(declined(final_status=status))["outcome"][0].as_py() == "incomplete") == masked


def test_what_is_remembered_is_bounded() -> None:
    own = OwnAnswers(max_calls=2)
    for call_id in ("c1", "c2", "c1", "c3"):
        own.note(call_id, REFUSED)
    assert [own.mask(declined(one))["outcome"][0].as_py() for one in ("c1", "c2", "c3")] == [
        "incomplete",
        "declined",
        "incomplete",
    ]
    assert own.counters() == {"own_answers": 2, "own_answers_evicted": 1, "own_answers_masked": 2}
