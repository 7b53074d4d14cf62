"""Rows as a table for people: the main columns, aligned, cut to the terminal's width."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import BinaryIO

import pyarrow as pa

from spit.cli.text import iso_time, printable, shorten

#: Columns that hold epoch seconds.
_TIMES = frozenset(
    {"time", "start_time", "end_time", "first_seen", "last_seen", "created_at", "expires_at", "revoked_at"}
)
_NARROWEST = 8
_WIDEST = 40
_GAP = "  "
#: Characters a line of a note has where the output has no width of its own.
_NOTE_WIDTH = 100


class TableWriter:
    """Writes ``columns`` of each batch, one line a row.

    The first batch decides the widths, so that rows appear as they are read. ``width``: of the terminal in
    characters; None where the table goes to a file or a pipe, and nothing is cut. ``notes``: lines to print
    below each row, indented and wrapped.
    """

    def __init__(
        self,
        stream: BinaryIO,
        schema: pa.Schema,
        columns: Sequence[str],
        width: int | None,
        notes: Callable[[pa.RecordBatch], list[list[str]]] | None = None,
    ) -> None:
        self._stream = stream
        self._schema = schema
        self._columns = columns
        self._width = width
        self._notes = notes
        self._right = [_is_number(schema.field(name)) for name in columns]
        self._widths: list[int] | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        cells = [cell_texts(batch.column(name), name) for name in self._columns]
        notes = [[]] * batch.num_rows if self._notes is None else self._notes(batch)
        self._write_rows(list(zip(*cells, strict=True)), notes)

    def close(self) -> None:
        if self._widths is None:  # no row came: the heading alone says so
            self._write_rows([], [])

    def _write_rows(self, rows: list[tuple[str, ...]], notes: list[list[str]]) -> None:
        lines = []
        if self._widths is None:
            self._widths = fit_widths(self._columns, rows, self._right, self._width)
            lines.append(self._line(tuple(self._columns), self._widths))
        for row, below in zip(rows, notes, strict=True):
            lines.append(self._line(row, self._widths))
            lines.extend(line for note in below for line in self._wrapped(note))
        self._stream.write("".join(lines).encode("utf-8", "backslashreplace"))
        self._stream.flush()

    def _wrapped(self, note: str) -> list[str]:
        width = max(self._width or _NOTE_WIDTH, _NOTE_WIDTH // 2)
        lines = textwrap.wrap(printable(note), width, initial_indent="    - ", subsequent_indent="      ")
        return [line + "\n" for line in lines]

    def _line(self, cells: tuple[str, ...], widths: list[int]) -> str:
        texts = []
        for cell, width, right in zip(cells, widths, self._right, strict=True):
            text = cell if self._width is None else shorten(cell, width)
            texts.append(text.rjust(width) if right else text.ljust(width))
        line = _GAP.join(texts).rstrip()
        return (line if self._width is None else shorten(line, self._width)) + "\n"


def cell_texts(column: pa.Array, name: str) -> list[str]:
    """The cells of a column as a person reads them; null is empty."""
    values = column.to_pylist()
    if name in _TIMES:
        return ["" if v is None else iso_time(v) for v in values]
    if pa.types.is_floating(column.type):
        return ["" if v is None else f"{v:.3f}" for v in values]
    if pa.types.is_boolean(column.type):
        return ["" if v is None else ("yes" if v else "no") for v in values]
    if pa.types.is_list(column.type):
        return ["" if v is None else printable(";".join(str(item) for item in v)) for v in values]
    return ["" if v is None else printable(str(v)) for v in values]


def fit_widths(
    headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], width: int | None
) -> list[int]:
    """Column widths that fit ``width``: the widest text columns give way first, numbers never."""
    widths = [max([len(heading), *(len(row[i]) for row in rows)]) for i, heading in enumerate(headings)]
    if width is None:
        return widths
    widths = [w if right[i] else min(w, _WIDEST) for i, w in enumerate(widths)]
    spare = width - len(_GAP) * (len(widths) - 1)
    while sum(widths) > spare:
        text_columns = [i for i, w in enumerate(widths) if not right[i] and w > _NARROWEST]
        if not text_columns:
            break  # the lines are cut instead
        widths[max(text_columns, key=lambda i: widths[i])] -= 1
    return widths


def _is_number(field: pa.Field) -> bool:
    if field.name in _TIMES:
        return False
    return bool(pa.types.is_integer(field.type) or pa.types.is_floating(field.type))
