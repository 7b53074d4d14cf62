"""List entries: which patterns there are, what they hold, and how mistakes are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spit.lists import (
    CALLBACK_DELAY_S,
    CALLBACK_WINDOW_S,
    EntryError,
    ListKind,
    parse_pattern,
    parse_time_us,
    read_entry,
    show_time,
)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("+12025550100", ["+12025550100"], ["+120255501001", "+1202555010", "+12025550101"]),
        ("+1202555*", ["+1202555", "+12025550100"], ["+1202556", "+1202"]),
        (
            "+12025550100-+12025550199",
            ["+12025550100", "+12025550150", "+12025550199"],
            ["+12025550200", "+12025550099", "+120255501500", "+1202555015"],
        ),
        ("alice-bob@example.org", ["alice-bob@example.org"], ["alice@example.org"]),
        ("*", ["+1", "anybody@example.org"], []),
    ],
)
def test_what_a_pattern_holds(text: str, inside: list[str], outside: list[str]) -> None:
    pattern = parse_pattern(text)
    assert [one for one in inside + outside if pattern.holds(one)] == inside


@pytest.mark.parametrize(
    "text",
    ["", "a b", "+1**", "*1", "+12025550199-+12025550100", "+1202-+12025550100", "+12-+12", "x" * 257],
)
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_pattern(text)


def test_an_entry_has_defaults_and_lower_case() -> None:
    entry = read_entry({"kind": "block", "pattern": " Alice@Example.org ", "expires_at": ""})
    assert (entry.kind, entry.pattern, entry.tenant, entry.callee) == (
        ListKind.BLOCK,
        "alice@example.org",
        "",
        "",
    )
    assert entry.expires_at_us is None
    assert entry.callback_delay_s is None


def test_whole_identities_are_brought_to_their_canonical_form() -> None:
    def canonicalise(text: str) -> str | None:
        return {"sip:+12025550100@x.org": "+12025550100"}.get(text, None if "?" in text else text)

    assert (
        read_entry({"kind": "dno", "pattern": "sip:+12025550100@x.org"}, canonicalise).pattern
        == "+12025550100"
    )
    assert read_entry({"kind": "dno", "pattern": "+1202*"}, canonicalise).pattern == "+1202*"
    with pytest.raises(EntryError, match="an identity, a URI or a number"):
        read_entry({"kind": "dno", "pattern": "sip:?"}, canonicalise)


def test_a_grey_entry_has_the_usual_delay_and_window() -> None:
    entry = read_entry({"kind": "grey", "pattern": "+1202*"})
    assert (entry.callback_delay_s, entry.callback_window_s) == (CALLBACK_DELAY_S, CALLBACK_WINDOW_S)
    assert read_entry({"kind": "grey", "pattern": "+1202*", "callback_delay_s": "5"}).callback_delay_s == 5


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, ["kind", "pattern"]),
        ({"kind": "blok", "pattern": "a b"}, ["kind", "pattern"]),
        ({"kind": "consent", "pattern": "+1202*"}, ["callee"]),
        ({"kind": "dno", "pattern": "+1202*", "callee": "+49"}, ["callee"]),
        ({"kind": "decoy", "pattern": "+1202", "callee": "+49"}, ["callee"]),
        ({"kind": "block", "pattern": "*"}, ["pattern"]),
        ({"kind": "block", "pattern": "+1", "callback_delay_s": 5}, ["callback_delay_s"]),
        ({"kind": "grey", "pattern": "+1", "callback_window_s": 0.5}, ["callback_window_s"]),
        ({"kind": "block", "pattern": "+1\u00fc"}, ["pattern"]),
        ({"kind": "block", "pattern": "+1", "expires_at": "tomorrow"}, ["expires_at"]),
        ({"kind": "block", "pattern": "+1", "expires_at": "2029-01-01T00:00:00"}, ["expires_at"]),
        ({"kind": "block", "pattern": "+1", "expires_at": True}, ["expires_at"]),
        ({"kind": "block", "pattern": "+1", "tenant": "a b"}, ["tenant"]),
        ({"kind": "block", "pattern": "+1", "reason": "two\nlines"}, ["reason"]),
        ({"kind": "block", "pattern": "+1", "reason": "\ud800"}, ["reason"]),
        ({"kind": "block", "pattern": "+1", "author": "x" * 1025}, ["author"]),
    ],
)
def test_every_mistake_is_named(values: dict[str, object], fields: list[str]) -> None:
    with pytest.raises(EntryError) as caught:
        read_entry(values)
    assert [one.field for one in caught.value.mistakes] == fields


def test_times_are_seconds_or_iso_8601() -> None:
    assert parse_time_us("1700000000.25") == 1_700_000_000_250_000
    assert parse_time_us("2023-11-14T22:13:20Z") == 1_700_000_000_000_000
    assert parse_time_us("2023-11-14T23:13:20+01:00") == 1_700_000_000_000_000
    for text in ("1700000000000", "nan", "-1", "2199-01-01T00:00:00Z"):
        with pytest.raises(ValueError, match="year 2100"):
            parse_time_us(text)


@given(st.integers(0, 4_102_444_800_000_000))
def test_a_time_that_is_shown_is_read_back(time_us: int) -> None:
    assert parse_time_us(show_time(time_us)) == time_us
