"""The rows of callers: the contract of ``spit score``, and the same action as a single decision gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from feature_events import attempts_of

from spit.config import PolicyConfig
from spit.engine.callers import F32, F64, CallerTable
from spit.engine.summaries import CALLER_SCHEMA, caller_rows, summaries
from spit.policy.policy import Policy
from spit.records import Label, Reason, Verdict

#: Caller, score, source. Labels follow the default thresholds.
ATTEMPTS = [
    ("+4930100", 0.97, "192.0.2.1"),
    ("+4930200", 0.1, None),
    ("+4930300", 0.97, "192.0.2.2"),
    ("+4930100", 0.2, "2001:db8::1"),
]


def explain(values: F32, _to_pass: F64) -> list[tuple[Reason, ...]]:
    return [(Reason(f"ROW_{row[0]:.0f}", 2.25, "because"),) for row in values]


def rows_of(policy: Policy, attempts: Sequence[tuple[str, float, str | None]]) -> pa.RecordBatch:
    table = CallerTable(max_callers=10)
    scores = np.array([a[1] for a in attempts], np.float64)
    n = len(attempts)
    table.update(
        attempts_of(
            caller=[a[0] for a in attempts],
            source_ip=[a[2] for a in attempts],
            call_id=[f"call-{i}" for i in range(n)],
        ),
        np.arange(n, dtype=np.int64) * 500_000,
        scores,
        policy.label_ranks(scores),
        np.arange(n, dtype=np.float32).reshape(-1, 1),
    )
    return caller_rows(table.columns(), policy=policy, explain=explain, model="baseline/1")


def test_rows_hold_the_contract_the_highest_score_first() -> None:
    rows = rows_of(Policy(PolicyConfig()), ATTEMPTS)
    assert rows.schema == CALLER_SCHEMA
    spam, other, legit = rows.to_pylist()
    assert spam == {
        "caller": "+4930100",
        "label": "spam",
        "score": 0.97,
        "action": "reject",
        "reasons": [{"symbol": "ROW_0", "weight": 2.25, "text": "because", "counterfactual": None}],
        "attempts": 2,
        "flagged_at_attempt": 1,
        "first_seen": 0.0,
        "last_seen": 1.5,
        "source_ips": ["192.0.2.1", "2001:db8::1"],
        "call_ids": ["call-0"],
        "model": "baseline/1",
    }
    assert (other["caller"], other["reasons"][0]["symbol"]) == ("+4930300", "ROW_2")
    assert (legit["label"], legit["action"], legit["reasons"]) == ("legit", "allow", [])
    assert (legit["flagged_at_attempt"], legit["source_ips"]) == (None, [])


def test_no_caller_is_no_row() -> None:
    rows = rows_of(Policy(PolicyConfig()), [])
    assert (rows.schema, rows.num_rows, summaries(rows)) == (CALLER_SCHEMA, 0, [])


def test_lists_decide_as_for_a_single_attempt() -> None:
    policy = Policy(PolicyConfig(allow=("+4930100", "+49302*"), block=("+4930200", "+4930300", "+49304*")))
    attempts = [(f"+4930{i}00", score, None) for i in range(1, 6) for score in (0.1, 0.97)[i % 2 :]]
    found = summaries(rows_of(policy, attempts))
    assert len(found) == 5
    for caller in found:
        verdict = Verdict(caller.caller, caller.score, caller.label, (), "m/1", caller.attempts)
        assert caller.action is policy.decide(verdict, callee=None, exemption=None).would


def test_ranks_are_the_labels_of_the_scores() -> None:
    policy = Policy(PolicyConfig())
    scores = np.r_[np.linspace(0, 1, 101), np.nan]
    labels = [list(Label)[rank] for rank in policy.label_ranks(scores)]
    assert labels == [policy.label(score) for score in scores]
    assert set(labels) == set(Label)
