"""From reports to labels: independent voices, no poisoning, no label for ever."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from spit.engine.feedback_labels import REPORT_COLUMNS, REPORTS_PER_DAY, resolve_reports
from spit.errors import InputError

HOUR, DAY = 3_600.0, 86_400.0


def said(
    call: str, caller: str, reporter: str, time: float = 0.0, kind: str = "report", weight: float = 1.0
) -> tuple[str, str, str, str, str, float, float]:
    label = "ham" if kind in ("not_spam", "appeal") else "spam"
    return label, call, caller, kind, reporter, time, weight


def labels(*voices: tuple[str, str, str, str, str, float, float]) -> dict[str, str]:
    table = pa.table(dict(zip(REPORT_COLUMNS, map(list, zip(*voices, strict=True)), strict=True)))
    return {row["call_id"]: row["label"] for row in resolve_reports(table).to_pylist()}


def test_three_independent_reporters_make_a_label_of_the_reported_calls_alone() -> None:
    two = [said("c1", "x", "r1"), said("c2", "x", "r2", HOUR)]
    assert labels(*two) == {}
    assert labels(*two, said("c3", "x", "r3", 2 * HOUR)) == {"c1": "spam", "c2": "spam", "c3": "spam"}


def test_one_reporter_is_one_voice_however_often_it_speaks() -> None:
    assert labels(*[said(f"c{i}", "x", "r1", i) for i in range(9)], said("d", "x", "r2", 9)) == {}


def test_reports_days_apart_are_not_added_up() -> None:
    """The number that was spoofed on Monday is not blamed on Friday."""
    first = [said(f"c{i}", "x", f"r{i}") for i in range(3)]
    later = [said(f"d{i}", "x", f"s{i}", 4 * DAY) for i in range(2)]
    assert set(labels(*first, *later)) == {"c0", "c1", "c2"}


def test_a_decoy_suffices_and_an_appeal_does_not_lift_it() -> None:
    voices = [said("c0", "x", "decoy", 0, "decoy"), *[said(f"c{i}", "x", f"r{i}", i) for i in range(1, 4)]]
    assert labels(voices[0]) == {"c0": "spam"}
    appealed = labels(*voices, said("c1", "x", "x", HOUR, "appeal"))
    assert appealed == {"c0": "spam", "c1": "ham", "c2": "ham", "c3": "ham"}


def test_an_appeal_reaches_a_week_back_and_not_forward() -> None:
    old = [said(f"o{i}", "x", f"r{i}", 0) for i in range(3)]
    new = [said(f"n{i}", "x", f"r{i}", 20 * DAY) for i in range(3)]
    found = labels(*old, said("o1", "x", "x", 8 * DAY, "appeal"), *new)
    assert set(found.values()) == {"spam"}
    assert len(found) == 6


def test_contradicted_callers_get_no_label() -> None:
    spam = [said(f"c{i}", "x", f"r{i}") for i in range(3)]
    ham = [said(f"h{i}", "x", f"w{i}", 1, "not_spam") for i in range(3)]
    assert labels(*spam, *ham) == {}


def test_who_contradicts_many_loses_its_voice() -> None:
    """Three that report everybody as spam, against the wish of others, decide nothing any more elsewhere."""
    gang = ["g1", "g2", "g3"]
    lies = [said(f"l{n}-{g}", f"victim{n}", g, n) for n in range(4) for g in gang]
    truth = [
        said(f"t{n}-{w}", f"victim{n}", w, n + 0.5, "not_spam")
        for n in range(4)
        for w in [f"w{n}{i}" for i in range(9)]
    ]
    alone = [said(f"a-{g}", "other", g, HOUR) for g in gang]
    assert set(labels(*alone).values()) == {"spam"}
    assert not any(call.startswith("a-") for call in labels(*lies, *truth, *alone))


def test_a_reporters_day_is_limited_and_weak_voices_stay_weak() -> None:
    flood = [
        said(f"{caller}-{reporter}", f"x{caller:02}", reporter, caller)
        for caller in range(REPORTS_PER_DAY + 5)
        for reporter in ("r1", "r2", "r3")
    ]
    assert len(labels(*flood)) == 3 * REPORTS_PER_DAY
    weak = [said(f"c{i}", "x", f"network{i}", i, "rejected", 0.5) for i in range(3)]
    table = pa.table(dict(zip(REPORT_COLUMNS, map(list, zip(*weak, strict=True)), strict=True)))
    assert {row["weight"] for row in resolve_reports(table).to_pylist()} == {0.5}


def test_a_reporter_that_changes_its_mind_has_the_last_word() -> None:
    voices = [said(f"c{i}", "x", f"r{i}", i) for i in range(3)]
    assert labels(*voices, said("c2", "x", "r2", 9, "not_spam")) == {}


def test_the_order_of_the_reports_does_not_matter() -> None:
    rng = random.Random(5)
    kinds = ["report", "report", "last_call", "not_spam", "decoy", "appeal"]
    voices = [
        said(
            f"c{i}",
            f"x{rng.randrange(5)}",
            f"r{rng.randrange(12)}",
            rng.random() * 3 * DAY,
            rng.choice(kinds),
        )
        for i in range(120)
    ]
    expected = labels(*voices)
    rng.shuffle(voices)
    assert expected
    assert labels(*voices) == expected


def test_what_is_no_report_is_told() -> None:
    with pytest.raises(InputError, match=r"row 1: expected label spam or ham, a time and a weight"):
        labels(said("c", "x", "r", float("nan")))
    with pytest.raises(InputError, match="found none named caller"):
        resolve_reports(pa.table({"label": ["spam"], "call_id": ["c"]}))
