"""Queries over call records: one SELECT, no file, no change, an answer that every format holds."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from fake_live_reader import T0_US
from recorded_calls import ends, engine_with, open_records

from spit.cli import main
from spit.errors import ConfigError, InputError
from spit.storage.call_queries import CallQueries, folder_view
from spit.storage.pseudonyms import read_key


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "records"
    records = open_records(place)
    engine_with(records).observe(ends("a", "b", final_status=200))
    records.close(1)
    return place


def ask(folder: Path, sql: str) -> pa.Table:
    return pa.Table.from_batches(CallQueries(folder_view(folder)).query(sql))


def test_a_select_is_answered_in_plain_types(folder: Path) -> None:
    table = ask(
        folder,
        "SELECT count(*) AS n, sum(final_status) AS s, avg(duration_s) AS d, max(call_id) AS m, "
        "list(call_id ORDER BY call_id) AS l, to_timestamp(max(start_time)) AS t, true AS b, 1 AS n "
        "FROM calls",
    )
    (row,) = table.to_pylist()
    assert (row["n"], row["s"], row["d"], row["m"], row["b"]) == (2, 400, 4.25, "b", True)
    assert row["l"] == "['a', 'b']"
    assert row["t"].startswith("2023-11-14")
    assert table.column_names[-1] == "n_2"


def test_an_empty_answer_has_its_columns(folder: Path) -> None:
    table = ask(folder, "SELECT call_id, duration_s FROM calls WHERE false")
    assert (table.column_names, table.num_rows) == (["call_id", "duration_s"], 0)


@pytest.mark.parametrize(
    "sql",
    [
        "DROP VIEW calls",
        "COPY calls TO 'stolen.csv'",
        "SELECT 1; SELECT 2",
        "INSTALL httpfs",
        "ATTACH 'x.db'",
        "SET enable_external_access = true",
        "CREATE TABLE x (a int)",
        "",
        "SELEC 1",
        "SELECT nothing FROM calls",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM folder",
    ],
)
def test_anything_else_is_refused(folder: Path, sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=r"^query: "):
        ask(folder, sql)
    assert not (folder / "stolen.csv").exists()


def test_an_answer_without_end_is_ended_by_memory_and_not_the_machine(folder: Path) -> None:
    with pytest.raises(InputError, match="Memory"):
        ask(folder, "SELECT list(x) FROM range(1000000000) t(x)")


def test_the_command_lists_and_asks(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    where = ["--directory", str(folder)]
    assert main(["records", "calls", *where, "--caller", "+1 202 555 0199", "--since", "2023-11-14"]) == 0
    lines = capfdbinary.readouterr().out.splitlines()
    assert len(lines) == 2
    assert b'"call_id":"a"' in lines[0].replace(b": ", b":")
    assert main(["records", "query", "SELECT count(*) AS n FROM calls", *where, "--format", "csv"]) == 0
    assert capfdbinary.readouterr().out.split() == [b'"n"', b"2"]
    assert main(["records", "calls", *where, "--until", str(T0_US / 1e6), "--format", "table"]) == 0
    assert len(capfdbinary.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(
    ("argv", "status", "words"),
    [
        (["calls"], 2, "expected --directory"),
        (["query", "--directory", "."], 2, "expected a query"),
        (["calls", "SELECT 1", "--directory", "."], 2, "expected flags alone"),
        (["query", "SELECT 1", "--directory", ".", "--limit", "1"], 2, "--limit"),
        (["calls", "--directory", ".", "--since", "yesterday"], 2, "--since: expected 2026-11-22"),
        (["calls", "--directory", "nowhere"], 1, "expected a folder of call records, found none"),
        (["query", "DROP TABLE x", "--directory", "."], 1, "expected one SELECT, found DROP"),
    ],
)
def test_mistakes_are_one_line(
    argv: list[str], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["records", *argv]) == status
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = read_key(path)
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key(path) == key
    path.write_bytes(b"short")
    with pytest.raises(ConfigError, match=r"expected .* to hold a key of 32 bytes, found 5"):
        read_key(path)
    with pytest.raises(ConfigError, match="cannot use"):
        read_key(tmp_path / "nowhere" / "key")
