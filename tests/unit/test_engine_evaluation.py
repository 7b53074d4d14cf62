"""Evaluation: rates per campaign and kind, calls before detection, and labels that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from spit.config import PolicyConfig
from spit.engine.callers import F32, F64
from spit.engine.evaluation import SIMULATED_NOTE, Measurement, join_labels, kinds_of, read_labels
from spit.engine.scored import Scored
from spit.errors import InputError
from spit.policy.policy import Policy
from spit.records import Reason


def _scored(rows: Sequence[tuple[str, str | None, int]]) -> Scored:
    """Attempts as (call_id, caller, label rank)."""
    n = len(rows)
    events = pa.record_batch(
        {
            "call_id": pa.array([r[0] for r in rows], pa.string()),
            "caller": pa.array([r[1] for r in rows], pa.string()),
        }
    )
    ranks = np.array([r[2] for r in rows], dtype=np.int8)
    whole = np.arange(n, dtype=np.int64)
    score = ranks / 2.0
    return Scored(
        batch=events,
        rows=whole,
        values=np.zeros((n, 1), np.float32),
        probability=score,
        score=score,
        label_rank=ranks,
        attempts=whole + 1,
        flagged_at_attempt=np.zeros(n, np.int64),
        first_seen_us=whole,
        model="tiny/1",
        policy=Policy(PolicyConfig()),
        explain=_nothing,
    )


def _nothing(values: F32, _to_pass: F64) -> list[tuple[Reason, ...]]:
    return [()] * len(values)


def _labels(rows: list[tuple[str, str, str]], key: str = "call_id") -> pa.Table:
    return pa.Table.from_pylist([{key: k, "label": label, "campaign": c} for k, label, c in rows])


CALLS = [
    ("1", "s", 0),
    ("2", "h", 0),
    ("3", "s", 1),
    ("4", "s", 2),
    ("5", "s", 2),
    ("6", "t", 1),
    ("7", "h", 2),
]
TRUTH = [
    (c, "spam" if caller in "st" else "ham", "wangiri" if caller in "st" else "pbx") for c, caller, _ in CALLS
]


@pytest.mark.parametrize("cut", [0, 3, 7])
def test_rates_and_calls_before_detection(cut: int) -> None:
    measurement = Measurement()
    measurement.add([_scored(CALLS[:cut]), _scored(CALLS[cut:])], _labels(TRUTH))
    result = measurement.result(SIMULATED_NOTE)
    assert result.overall["callers_true_positive_rate"] == 0.5
    assert result.overall["callers_false_positive_rate"] == 1.0
    assert result.overall["calls_true_positive_rate"] == pytest.approx(2 / 5)
    assert result.overall["calls_false_positive_rate"] == pytest.approx(1 / 2)
    assert result.overall["calls_before_detection_median"] == 2.0  # calls 1 and 3 went by
    spam, ham = result.groups.to_dict("records")
    assert (spam["group"], spam["callers"], spam["callers_flagged"], spam["callers_suspect_ratio"]) == (
        "wangiri", 2, 1, 1.0
    )  # fmt: skip
    assert (ham["group"], ham["callers"], ham["calls"], ham["calls_before_detection_median"]) == (
        "pbx",
        1,
        2,
        1.0,
    )


def test_equal_numbers_of_two_captures_are_two_callers() -> None:
    measurement = Measurement()
    for source in ("one", "two"):
        measurement.add([_scored(CALLS)], _labels(TRUTH), source=source)
    assert measurement.result("").overall["callers"] == 6


def test_labels_by_caller_and_calls_without_label() -> None:
    measurement = Measurement()
    measurement.add([_scored(CALLS)], _labels([("s", "spam", "x"), ("h", "ham", "y")], key="caller"))
    overall = measurement.result("").overall
    assert (overall["callers"], overall["calls"], overall["calls_without_label"]) == (2, 6, 1)


def test_report_says_what_it_is_not_and_json_has_no_nan() -> None:
    measurement = Measurement()
    measurement.add([_scored(CALLS[5:6])], _labels(TRUTH))
    result = measurement.result(SIMULATED_NOTE)
    assert "not comparable with results on real traffic" in result.to_text()
    document = json.loads(result.to_json(), parse_constant=pytest.fail)
    assert document["overall"]["callers_false_positive_rate"] is None
    assert document["groups"][0]["calls_before_detection_median"] is None
    assert document["note"] == SIMULATED_NOTE


def test_kind_and_strength_are_those_of_the_labels_where_they_tell() -> None:
    labels = _labels([("1", "spam", "robocaller-2"), ("2", "ham", "pbx")])
    assert kinds_of(labels).to_pylist() == ["robocaller", "pbx"]
    told = labels.append_column("kind", pa.array(["rotating", ""])).append_column(
        "strength", pa.array(["stealthy", ""])
    )
    joined = join_labels([_scored(CALLS[:3])], told, source="s")
    assert joined["kind"].tolist()[:2] == ["rotating", "pbx"]
    assert joined["strength"].tolist()[:2] == ["stealthy", ""]
    assert joined["campaign"][0] == "s|robocaller-2"
    assert joined["spam"].isna().tolist() == [False, False, True]


def test_nothing_labelled_is_an_error() -> None:
    measurement = Measurement()
    measurement.add([_scored(CALLS)], _labels([("other", "spam", "x")]))
    with pytest.raises(InputError, match="expected attempts with labels, found none"):
        measurement.result("")


def test_read_labels(tmp_path: Path) -> None:
    path = tmp_path / "x.labels.csv"
    path.write_text("caller,label,campaign\n+4930123,spam,a\n007,ham,\n")
    assert read_labels(path)["caller"].to_pylist() == ["+4930123", "007"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("call,label\n1,spam\n", "expected the columns call_id"),
        ("call_id,label\n1,spam\n2,bad\n", "column label: expected spam or ham, found bad"),
        ("call_id,label\n1\n", "expected a CSV file of labels"),
        ("", "expected a CSV file of labels"),
    ],
)
def test_bad_labels_are_refused_with_the_file_name(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.labels.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_labels(path)
    assert words in str(caught.value)
    assert "x.labels.csv" in str(caught.value)
