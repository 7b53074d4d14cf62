"""Lists as files: read whole or not at all, mistakes by line and column, and back again."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spit.list_files import (
    MAX_MISTAKES,
    ImportMistakesError,
    csv_lines,
    entry_fields,
    json_lines,
    parse_csv,
    parse_json,
)
from spit.lists import ListEntry, ListKind, read_entry

printable = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=' ,";='), max_size=20)
entries = st.builds(
    ListEntry,
    kind=st.sampled_from([ListKind.ALLOW, ListKind.BLOCK]),
    pattern=st.from_regex(r"\+[0-9]{2,12}\*?", fullmatch=True),
    tenant=st.sampled_from(["", "a", "b@c.example"]),
    callee=st.sampled_from(["", "+4930*", "*"]),
    expires_at_us=st.one_of(st.none(), st.integers(0, 4_102_444_800_000_000)),
    reason=printable,
    author=printable,
    created_at_us=st.integers(1, 4_102_444_800_000_000),
)


@given(st.lists(entries, max_size=10, unique_by=lambda one: one.key))
def test_what_is_exported_is_imported_as_it_was(found: list[ListEntry]) -> None:
    assert parse_csv("".join(csv_lines(found))) == found
    from_json = parse_json("".join(json_lines(found)))
    # JSON has epoch seconds: a double holds those to the microsecond up to the year 2100.
    assert from_json == found
    assert parse_json(json.dumps({"entries": [entry_fields(one) for one in found], "next": None})) == found


def mistakes(text: str, *, as_json: bool = False) -> list[tuple[str, str]]:
    with pytest.raises(ImportMistakesError) as caught:
        (parse_json if as_json else parse_csv)(text)
    return [(one.field, one.found) for one in caught.value.mistakes]


def test_csv_takes_columns_in_any_order_a_bom_and_blank_lines() -> None:
    text = "\ufeffpattern,kind\r\n+1,block\r\n\r\n+2,allow\r\n"
    assert [one.key for one in parse_csv(text)] == [("block", "", "+1", ""), ("allow", "", "+2", "")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [("line 1", "nothing"), ("line 1", "nothing")]),
        ("kind,number\n", [("line 1", "number"), ("line 1", "kind,number")]),
        ("kind,pattern,kind\n", [("line 1", "kind,pattern,kind")]),
        ("kind,pattern\nblock\n", [("line 2", "1")]),
        (
            "kind,pattern\nblock,+1**\nblok,\nallow,+2\n",
            [("line 2, pattern", "+1**"), ("line 3, kind", "blok"), ("line 3, pattern", "nothing")],
        ),
        (
            'kind,pattern,reason\nblock,+1,"two\nlines"\nblok,+2,\n',
            [("line 2, reason", "two\nlines"), ("line 4, kind", "blok")],
        ),
        ("kind,pattern\nblock,+1\nallow,+1\nblock, +1 \n", [("line 4", "those of line 2")]),
    ],
)
def test_mistakes_in_csv_have_their_line_and_column(text: str, found: list[tuple[str, str]]) -> None:
    assert mistakes(text) == found


def test_broken_csv_and_json_are_said() -> None:
    assert mistakes('kind,pattern\nblock,"+1\n')[0][0] == "line 2"
    assert mistakes("[{]", as_json=True)[0][0] == "line 1, column 3"
    assert mistakes("[" * 100_000, as_json=True)[0][0] in ("file", "line 1, column 100001")
    assert mistakes('{"a": 1}', as_json=True) == [("file", "dict {'a': 1}")]


def test_mistakes_in_json_have_their_entry_and_field() -> None:
    text = json.dumps(
        [{"kind": "block", "pattern": "+1"}, 7, {"kind": "block", "patern": "+1"}, {"kind": "x"}]
    )
    assert mistakes(text, as_json=True) == [
        ("entry 1", "int 7"),
        ("entry 2", "patern"),
        ("entry 3, kind", "x"),
        ("entry 3, pattern", "nothing"),
    ]


def test_not_more_mistakes_than_anybody_reads() -> None:
    text = io.StringIO()
    text.write("kind,pattern\n")
    text.writelines("blok,+1\n" for _ in range(1_000))
    assert len(mistakes(text.getvalue())) == MAX_MISTAKES


def test_identities_are_brought_to_their_canonical_form_before_they_are_compared() -> None:
    def canonicalise(text: str) -> str:
        return "+12025550100" if text == "2025550100" else text

    with pytest.raises(ImportMistakesError, match="those of line 2"):
        parse_csv("kind,pattern\nblock,+12025550100\nblock,2025550100\n", canonicalise)
    assert parse_csv("kind,pattern\nblock,2025550100\n", canonicalise) == [
        read_entry({"kind": "block", "pattern": "+12025550100"})
    ]
