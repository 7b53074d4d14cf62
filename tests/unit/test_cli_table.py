"""Tables for people."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest

from spit.cli.table import TableWriter, fit_widths
from spit.cli.text import byte_count, iso_time, printable, shorten

SCHEMA = pa.schema(
    [
        pa.field("start_time", pa.float64()),
        pa.field("caller", pa.string()),
        pa.field("final_status", pa.int16()),
        pa.field("auth_challenged", pa.bool_()),
        pa.field("anomalies", pa.list_(pa.string())),
    ]
)


def table(rows: list[dict[str, object]], columns: tuple[str, ...], width: int | None = None) -> list[str]:
    stream = io.BytesIO()
    writer = TableWriter(stream, SCHEMA, columns, width)
    for row in rows:
        writer.write(pa.RecordBatch.from_pylist([row], schema=SCHEMA))
    writer.close()
    return stream.getvalue().decode().splitlines()


def test_numbers_are_right_aligned_and_times_are_utc() -> None:
    row = {"start_time": 1700000000.5, "caller": "+4930", "final_status": 200}
    assert table([row], ("start_time", "caller", "final_status")) == [
        "start_time                caller  final_status",
        "2023-11-14T22:13:20.500Z  +4930            200",
    ]


def test_no_rows_leave_the_heading() -> None:
    assert table([], ("caller", "final_status")) == ["caller  final_status"]


def test_null_is_empty_and_lists_are_joined() -> None:
    row: dict[str, object] = {"caller": None, "auth_challenged": False, "anomalies": ["a", "b"]}
    assert table([row], ("caller", "auth_challenged", "anomalies"))[1] == "        no               a;b"


def test_escape_sequences_never_reach_the_terminal() -> None:
    line = table([{"caller": "\x1b[2J\r\nbob\u202e"}], ("caller",))[1]
    assert line == "\\x1b[2J\\r\\nbob\\u202e"


def test_a_later_longer_cell_is_cut_on_a_terminal_only() -> None:
    rows: list[dict[str, object]] = [{"caller": "short"}, {"caller": "much-longer-than-before"}]
    assert table(rows, ("caller",), width=80)[2] == "much-…"
    assert table(rows, ("caller",))[2] == "much-longer-than-before"


def test_notes_are_wrapped_and_harmless_below_their_row() -> None:
    stream = io.BytesIO()
    batch = pa.RecordBatch.from_pylist([{"caller": "+1"}, {"caller": "+2"}], schema=SCHEMA)
    notes = [["\x1b[2J " + "word " * 12], []]
    TableWriter(stream, SCHEMA, ("caller",), 60, notes=lambda _rows: notes).write(batch)
    assert stream.getvalue().decode().splitlines() == [
        "caller",
        "+1",
        "    - \\x1b[2J word word word word word word word word word",
        "      word word word",
        "+2",
    ]


@pytest.mark.parametrize("width", [10, 20, 30, 79])
def test_lines_never_exceed_the_terminal(width: int) -> None:
    row = {"start_time": 0.0, "caller": "x" * 100, "final_status": 486, "anomalies": ["y" * 50]}
    lines = table([row], ("start_time", "caller", "final_status", "anomalies"), width=width)
    assert max(map(len, lines)) <= width


def test_the_widest_text_gives_way_first() -> None:
    widths = fit_widths(("a", "b", "n"), [("x" * 30, "y" * 12, "123")], (False, False, True), 40)
    assert widths == [21, 12, 3]


def test_text_for_people() -> None:
    assert iso_time(-1e20) == "-100000000000000000000.000"
    assert [byte_count(n) for n in (999, 1000, 12_345_678, 5e9)] == ["999 B", "1.0 kB", "12.3 MB", "5.0 GB"]
    assert (shorten("abc", 3), shorten("abcd", 3)) == ("abc", "ab…")
    assert printable("Zoë\x07") == "Zoë\\x07"
