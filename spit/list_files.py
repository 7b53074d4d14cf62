"""List entries as CSV and JSON: read whole or not at all, every mistake named by its place."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from spit.lists import Canonicalise, EntryError, FieldMistake, ListEntry, read_entry, show, show_time

#: The fields of an entry in files and in the API, in this order.
FIELDS = (
    "kind",
    "tenant",
    "pattern",
    "callee",
    "expires_at",
    "reason",
    "author",
    "created_at",
    "callback_delay_s",
    "callback_window_s",
)
#: More would not be read.
MAX_MISTAKES = 20


class ImportMistakesError(Exception):
    """A file has mistakes; ``mistakes`` are the first of them, their ``field`` says line and column."""

    def __init__(self, mistakes: list[FieldMistake]) -> None:
        first = mistakes[0]
        super().__init__(f"{first.field}: expected {first.expected}, found {first.found}")
        self.mistakes = tuple(mistakes)


def parse_csv(text: str, canonicalise: Canonicalise | None = None) -> list[ListEntry]:
    """The entries of CSV with a header line of FIELDS in any order. Raises ImportMistakesError.

    Only ``kind`` and ``pattern`` are needed.
    """
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        header = [name.strip() for name in next(lines, [])]
        _check_header(header)
        return _read(_csv_rows(lines, header), canonicalise)
    except csv.Error as error:
        mistake = FieldMistake(f"line {lines.line_num}", "a line of CSV", str(error))
        raise ImportMistakesError([mistake]) from None


def parse_json(text: str, canonicalise: Canonicalise | None = None) -> list[ListEntry]:
    """The entries of a JSON list of objects with FIELDS, or of an object whose ``entries`` is one.

    Raises ImportMistakesError. ``id`` is ignored.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = (
            f"line {error.lineno}, column {error.colno}"
            if isinstance(error, json.JSONDecodeError)
            else "file"
        )
        raise ImportMistakesError([FieldMistake(where, "JSON", str(error)[:80])]) from None
    rows = document.get("entries") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise ImportMistakesError([FieldMistake("file", "a list of entries", show(document))])
    return _read(_json_rows(rows), canonicalise)


def entry_fields(entry: ListEntry) -> dict[str, Any]:
    """An entry as the API tells it: times in epoch seconds."""
    return {
        "id": entry.id,
        "kind": entry.kind.value,
        "tenant": entry.tenant,
        "pattern": entry.pattern,
        "callee": entry.callee,
        "expires_at": None if entry.expires_at_us is None else entry.expires_at_us / 1e6,
        "reason": entry.reason,
        "author": entry.author,
        "created_at": entry.created_at_us / 1e6,
        "callback_delay_s": entry.callback_delay_s,
        "callback_window_s": entry.callback_window_s,
    }


def csv_lines(entries: Iterable[ListEntry]) -> Iterator[str]:
    """A header line, then a line for each; times as ISO 8601 in UTC."""
    yield ",".join(FIELDS) + "\n"
    for entry in entries:
        row = entry_fields(entry) | {
            "expires_at": None if entry.expires_at_us is None else show_time(entry.expires_at_us),
            "created_at": show_time(entry.created_at_us),
        }
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow([row[name] for name in FIELDS])
        yield text.getvalue()


def json_lines(entries: Iterable[ListEntry]) -> Iterator[str]:
    """A JSON list, an entry a line."""
    yield "["
    before = "\n"
    for entry in entries:
        yield before + json.dumps(entry_fields(entry), ensure_ascii=False)
        before = ",\n"
    yield "\n]\n"


def _check_header(header: list[str]) -> None:
    mistakes = [
        FieldMistake("line 1", f"columns among {','.join(FIELDS)}", show(name) or "nothing")
        for name in header
        if name not in FIELDS
    ]
    mistakes += [
        FieldMistake("line 1", f"the column {name}", ",".join(header)[:80] or "nothing")
        for name in ("kind", "pattern")
        if name not in header
    ]
    if len(set(header)) != len(header):
        mistakes.append(FieldMistake("line 1", "each column once", ",".join(header)[:80]))
    if mistakes:
        raise ImportMistakesError(mistakes[:MAX_MISTAKES])


def _csv_rows(lines: Any, header: list[str]) -> Iterator[tuple[str, Mapping[str, object] | FieldMistake]]:
    at = 2
    for row in lines:
        where = f"line {at}"
        at = lines.line_num + 1
        if not row:
            continue
        if len(row) != len(header):
            yield where, FieldMistake(where, f"{len(header)} columns", str(len(row)))
        else:
            yield where, dict(zip(header, row, strict=True))


def _json_rows(rows: list[Any]) -> Iterator[tuple[str, Mapping[str, object] | FieldMistake]]:
    for index, row in enumerate(rows):
        where = f"entry {index}"
        if not isinstance(row, dict):
            yield where, FieldMistake(where, "an object", show(row))
        elif unknown := [name for name in row if name not in FIELDS and name != "id"]:
            yield where, FieldMistake(where, f"fields among {', '.join(FIELDS)}", show(unknown[0]))
        else:
            yield where, row


def _read(
    rows: Iterator[tuple[str, Mapping[str, object] | FieldMistake]], canonicalise: Canonicalise | None
) -> list[ListEntry]:
    entries: dict[tuple[str, str, str, str], tuple[str, ListEntry]] = {}
    mistakes: list[FieldMistake] = []
    for where, row in rows:
        if len(mistakes) >= MAX_MISTAKES:
            break
        if isinstance(row, FieldMistake):
            mistakes.append(row)
            continue
        try:
            entry = read_entry(row, canonicalise)
        except EntryError as error:
            mistakes += [
                FieldMistake(f"{where}, {one.field}", one.expected, one.found) for one in error.mistakes
            ]
            continue
        first, _ = entries.setdefault(entry.key, (where, entry))
        if first != where:
            expected = "kind, tenant, pattern and callee that no other entry has"
            mistakes.append(FieldMistake(where, expected, f"those of {first}"))
    if mistakes:
        raise ImportMistakesError(mistakes[:MAX_MISTAKES])
    return [entry for _, entry in entries.values()]
