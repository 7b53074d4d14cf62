"""Reasons: weights by occlusion, words only where they hold, every feature named by one symbol."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from spit.features.table import FeatureTable
from spit.model.reasons import MAX_REASONS, MIN_WEIGHT, explain, symbol_weights
from spit.model.scorer import F32, F64, Model
from spit.model.symbol import Row, Symbol
from spit.model.symbols import SYMBOLS, UNUSUAL_PATTERN
from spit.records import EVENT_SCHEMA

DOCS = Path(__file__).parents[2] / "docs" / "reasons.md"
NAMES = tuple(FeatureTable.names)


class LinearModel(Model):
    """Log-odds that are a sum: the weight of every symbol is known."""

    def __init__(self, features: tuple[str, ...], coefficients: list[float], baseline: list[float]) -> None:
        self.name = "linear/1"
        self.features = features
        self.baseline = np.array(baseline, dtype=np.float32)
        self._coefficients = np.array(coefficients)

    def log_odds(self, values: F32) -> F64:
        return np.asarray(np.nan_to_num(values).astype(np.float64) @ self._coefficients)


def _symbol(name: str, *features: str, words: str | None = "so it is") -> Symbol:
    return Symbol(name, f"subject of {name}", features, lambda _row: words)


def test_weight_is_what_the_log_odds_lose_without_the_features() -> None:
    model = LinearModel(("a", "b", "c"), [1.0, 2.0, -3.0], [0.5, 0.0, 1.0])
    symbols = (_symbol("AB", "a", "b"), _symbol("C", "c"), _symbol("ELSEWHERE", "not_a_feature"))
    weights, overall = symbol_weights(
        model, np.array([[1.5, 1.0, 2.0], [0.5, 0.0, 0.0]], np.float32), symbols
    )
    np.testing.assert_allclose(weights, [[3.0, -3.0], [0.0, 3.0]])
    np.testing.assert_allclose(overall, [0.0, 3.0])


def test_strongest_first_at_most_five_and_none_below_the_minimum() -> None:
    names = tuple("abcdefgh")
    model = LinearModel(names, [0.5, 3.0, 1.0, 2.0, 1.5, 0.8, MIN_WEIGHT / 2, -1.0], [0.0] * 8)
    symbols = tuple(_symbol(n.upper(), n) for n in names)
    (reasons,) = explain(model, np.ones((1, 8), np.float32), symbols)
    assert [r.symbol for r in reasons] == ["B", "D", "E", "C", "F"]
    assert [r.weight for r in reasons] == [3.0, 2.0, 1.5, 1.0, 0.8]
    assert len(reasons) == MAX_REASONS
    (few,) = explain(model, np.array([[0, 0, 0, 0, 0, 0, 1, 0]], np.float32), symbols)
    assert [r.symbol for r in few] == [UNUSUAL_PATTERN.name]


def test_telling_symbols_are_not_crowded_out() -> None:
    names = tuple("abcdef")
    model = LinearModel(names, [6.0, 5.0, 4.0, 3.0, 2.0, 1.0], [0.0] * 6)
    symbols = (*(_symbol(n.upper(), n) for n in "abcde"), replace(_symbol("F", "f"), telling=True))
    (reasons,) = explain(model, np.ones((1, 6), np.float32), symbols)
    assert [r.symbol for r in reasons] == ["A", "B", "C", "D", "F"]


def test_what_does_not_hold_is_not_said_but_a_reason_is_always_given() -> None:
    model = LinearModel(("a", "b"), [3.0, 1.0], [0.0, 0.0])
    symbols = (_symbol("A", "a", words=None), _symbol("B", "b"))
    row = np.ones((1, 2), np.float32)
    assert [r.symbol for r in explain(model, row, symbols)[0]] == ["B"]
    (only,) = explain(model, row, (_symbol("A", "a", words=None), _symbol("B", "b", words=None)))[0]
    assert (only.symbol, only.weight, only.text) == (
        "A",
        3.0,
        "Unusual for a legitimate caller: subject of A.",
    )
    (overall,) = explain(model, -row, symbols)[0]
    assert (overall.symbol, overall.weight) == ("UNUSUAL_PATTERN", -4.0)


def test_many_rows_are_explained_as_each_alone() -> None:
    rng = np.random.default_rng(0)
    model = LinearModel(NAMES, rng.normal(size=len(NAMES)).tolist(), [0.0] * len(NAMES))
    rows = rng.lognormal(size=(300, len(NAMES))).astype(np.float32)
    together = explain(model, rows)
    assert all(together)
    for i in (0, 127, 128, 299):
        assert explain(model, rows[i : i + 1])[0] == together[i]
    assert explain(model, rows[:0]) == []


def test_every_feature_belongs_to_one_symbol() -> None:
    covered = sorted(f for symbol in SYMBOLS for f in symbol.features)
    assert covered == sorted(NAMES)


def test_symbols_have_names_of_their_own_and_subjects() -> None:
    names = [symbol.name for symbol in (*SYMBOLS, UNUSUAL_PATTERN)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Z]+(_[A-Z]+)*", name) for name in names)
    assert all(symbol.subject[0].islower() and symbol.subject[-1] != "." for symbol in SYMBOLS)


def _row(**known: float) -> Row:
    return Row(NAMES, np.array([known.get(name, np.nan) for name in NAMES], dtype=np.float32))


def test_nothing_is_said_of_unknown_values() -> None:
    assert {s.name for s in SYMBOLS if s.text(_row()) is not None} == set()


def test_nothing_is_said_of_a_subscriber_of_whom_nothing_is_known() -> None:
    """The priors of the ratios must not be read out as if they were observed."""
    known = {"event": "attempt", "time_us": 0, "start_time_us": 0, "method": "INVITE", "call_id": "a"}
    parties = {"caller": "+4930111111", "callee": "+4930222222", "source_ip": "192.0.2.1"}
    attempt = pa.RecordBatch.from_pylist([{**known, **parties}], schema=EVENT_SCHEMA)
    values = FeatureTable().read(attempt)
    said = {s.name for s in SYMBOLS if s.text(Row(NAMES, values[0])) is not None}
    assert said <= {"FIRST_CONTACT", "IDENTITY_WEAK_ATTESTATION"}


@pytest.mark.parametrize(
    ("symbol", "known", "words"),
    [
        ("CALLER_HIGH_RATE", {"caller_attempts_1h": 143.4}, "has tried about 143 calls within an hour"),
        (
            "CALLER_HIGH_RATE",
            {"caller_attempts_1m": 7, "caller_attempts_1h": 50},
            "about 7 calls within a minute",
        ),
        ("CALLER_HIGH_RATE", {"caller_attempts_1h": 5}, None),
        (
            "CALLER_SEQUENTIAL_DIALLING",
            {"caller_sequential_ratio_1h": 0.61},
            "About 61 % of this caller's calls",
        ),
        ("CALLER_SEQUENTIAL_DIALLING", {"caller_sequential_ratio_1h": 0.01}, None),
        (
            "CALLER_ONE_RING",
            {"caller_one_ring_ratio_1d": 0.8},
            "About 80 % of this caller's calls ring for at most",
        ),
        ("CALLER_ONE_RING", {"caller_mean_ring_before_cancel_s_1d": 3.1}, "gives up after about 3 seconds"),
        ("CALLER_SHORT_CALLS", {"caller_mean_talk_s_1h": 12.0}, "last only about 12 seconds on average"),
        ("CALLER_SHORT_CALLS", {"caller_mean_talk_s_1h": 180.0}, None),
        (
            "CALLER_LOW_ANSWER_RATIO",
            {"caller_answer_ratio_1h": 0.6, "caller_answer_ratio_1d": 0.18},
            "about 18 %",
        ),
        ("CALLER_UNKNOWN_NUMBERS", {"caller_not_found_ratio_1d": 0.3}, "About 30 % of the numbers"),
        (
            "FINGERPRINT_NUMBER_ROTATION",
            {"peer_distinct_callers_1h": 23},
            "about 23 different caller numbers",
        ),
        ("IDENTITY_WEAK_ATTESTATION", {"identity_attestation_level": 1.0}, "(attestation C)"),
        ("IDENTITY_WEAK_ATTESTATION", {"identity_attestation_level": 3.0}, None),
        (
            "IDENTITY_MISMATCH",
            {"identity_asserted_differs": 1.0},
            "not the one that the caller's network asserts",
        ),
    ],
)
def test_words(symbol: str, known: dict[str, float], words: str | None) -> None:
    (found,) = [s for s in SYMBOLS if s.name == symbol]
    text = found.text(_row(**known))
    if words is None:
        assert text is None
    else:
        assert text is not None
        assert words in text
        assert text.endswith(".")


def test_documented() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| (.+?) \|$", DOCS.read_text(), re.MULTILINE)
    expected = [
        (s.name, s.subject, ", ".join(f"`{f}`" for f in s.features) or "all")
        for s in (*SYMBOLS, UNUSUAL_PATTERN)
    ]
    assert rows == expected
