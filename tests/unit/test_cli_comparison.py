"""The comparison with labels, and the reasons in words, as people read them."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from spit.cli.comparison import comparison_lines
from spit.cli.verdicts import reasons_in_words
from spit.engine.evaluation import Evaluation
from spit.engine.scored import REASONS_TYPE


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


def test_reasons_in_words() -> None:
    reasons = [
        [
            {"symbol": "SHORT_RING", "weight": 2.25, "text": "rings briefly, then hangs up"},
            {"symbol": "NEW", "weight": -0.5, "text": "is new"},
        ],
        [],
    ]
    assert reasons_in_words(pa.record_batch({"reasons": pa.array(reasons, REASONS_TYPE)})) == [
        ["rings briefly, then hangs up (SHORT_RING +2.2)", "is new (NEW -0.5)"],
        [],
    ]
