"""The comparison with labels, and the rows of callers, as people and programs read them."""

from __future__ import annotations

import pandas as pd

from spit.cli.comparison import comparison_lines
from spit.cli.verdicts import CALLER_SCHEMA, caller_rows, reasons_in_words
from spit.engine.engine import CallerSummary
from spit.engine.evaluation import Evaluation
from spit.records import ActionKind, Label, Reason


def group(
    label: str, name: str, callers: int, flagged: int, suspect: int, before: float | None
) -> dict[str, object]:
    return {
        "label": label,
        "group": name,
        "callers": callers,
        "callers_flagged": flagged,
        "callers_suspect_ratio": (flagged + suspect) / callers,
        "calls_before_detection_median": before,
    }


def lines(groups: list[dict[str, object]], without_label: int = 0) -> list[str]:
    return comparison_lines(Evaluation(pd.DataFrame(groups), {"calls_without_label": without_label}, "note"))


def test_found_missed_and_wrongly_flagged() -> None:
    assert lines(
        [
            group("spam", "wangiri-1", 7, 4, 1, 3.0),
            group("spam", "sequential", 3, 0, 0, None),
            group("ham", "person", 300, 1, 2, 5.0),
        ],
        without_label=4,
    ) == [
        "Comparison with the labels, by caller",
        "",
        "spam campaign    callers    found  suspect  missed  calls before (median)",
        "wangiri-1              7        4        1       2             3",
        "sequential             3        0        0       3",
        "",
        "legitimate kind  callers  flagged  suspect  passed",
        "person               300        1        2     297",
        "",
        "Found 4 of 10 spam callers, missed 5, suspect 1. "
        "Wrongly flagged 1 of 300 legitimate callers, suspect 2. 4 calls have no label.",
    ]


def test_without_spam_there_is_no_spam_table() -> None:
    text = lines([group("ham", "person", 3, 0, 0, None)])
    assert not any("campaign" in line for line in text)
    assert text[-1] == (
        "Found 0 of 0 spam callers, missed 0, suspect 0. "
        "Wrongly flagged 0 of 3 legitimate callers, suspect 0."
    )


CALLER = CallerSummary(
    caller="+4930100",
    label=Label.SPAM,
    score=0.97,
    action=ActionKind.REJECT,
    reasons=(Reason("SHORT_RING", 2.25, "rings briefly, then hangs up"), Reason("NEW", -0.5, "is new")),
    attempts=40,
    flagged_at_attempt=None,
    first_seen=1.5,
    last_seen=2.5,
    source_ips=("192.0.2.1", "2001:db8::1"),
    model="baseline/1",
)


def test_caller_rows_hold_the_contract() -> None:
    rows = caller_rows([CALLER])
    assert rows.schema == CALLER_SCHEMA
    assert rows.to_pylist() == [
        {
            "caller": "+4930100",
            "label": "spam",
            "score": 0.97,
            "action": "reject",
            "reasons": [
                {"symbol": "SHORT_RING", "weight": 2.25, "text": "rings briefly, then hangs up"},
                {"symbol": "NEW", "weight": -0.5, "text": "is new"},
            ],
            "attempts": 40,
            "flagged_at_attempt": None,
            "first_seen": 1.5,
            "last_seen": 2.5,
            "source_ips": ["192.0.2.1", "2001:db8::1"],
            "model": "baseline/1",
        }
    ]
    assert caller_rows([]).num_rows == 0


def test_reasons_in_words() -> None:
    assert reasons_in_words(caller_rows([CALLER])) == [
        ["rings briefly, then hangs up (SHORT_RING +2.2)", "is new (NEW -0.5)"]
    ]
