"""Questions about call records, answered by DuckDB, which itself may open no file and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds

from spit.errors import InputError, MissingExtraError
from spit.records import RECORD_SCHEMA
from spit.storage.call_files import Part, all_parts

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BATCH_ROWS = 8_192
_MEMORY = "512MB"
#: Fixed before a query comes, and locked: no files, no network, no extensions, no spilling to disk.
_CONFIG: dict[str, Any] = {
    "allow_community_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": _MEMORY,
    "python_enable_replacements": "false",
    "temp_directory": "",
    "threads": "1",  # scores are asked for meanwhile
}
_LOCKED = ("SET enable_external_access = false", "SET lock_configuration = true")


@dataclass(frozen=True, slots=True)
class View:
    """What is there: files, and calls that are in none of them yet."""

    parts: list[Part]
    buffered: pa.Table = field(default_factory=RECORD_SCHEMA.empty_table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which calls are asked for: identities as the records have them, start times in epoch seconds."""

    caller: str | None = None
    callee: str | None = None
    since_s: float | None = None
    until_s: float | None = None
    limit: int = 100


#: The view of the calls that started in a time (epoch seconds; None: any).
ViewOf = Callable[[float | None, float | None], View]


def folder_view(directory: Path) -> ViewOf:
    """The files of a folder that another process may write. Raises InputError."""

    def view(since_s: float | None, until_s: float | None) -> View:
        if not directory.is_dir():
            raise InputError(f"{directory}: expected a folder of call records, found none")
        return View([part for _, part in all_parts(directory, since_s, until_s)])

    return view


class CallQueries:
    """Answers over what ``view_of`` shows at the moment of each question. Thread-safe."""

    def __init__(self, view_of: ViewOf) -> None:
        self._view_of = view_of

    def calls(self, wanted: Wanted) -> pa.Table:
        """The newest calls that are wanted, the newest first (RECORD_SCHEMA). Raises InputError."""
        conditions, values = ["true"], []
        for condition, value in (
            ("caller = ?", wanted.caller),
            ("callee = ?", wanted.callee),
            ("start_time >= ?", wanted.since_s),
            ("start_time < ?", wanted.until_s),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        # Only our own words become SQL; what the user gave are parameters.
        sql = (
            f"SELECT * FROM calls WHERE {' AND '.join(conditions)} "  # noqa: S608
            "ORDER BY start_time DESC, call_id LIMIT ?"
        )
        for retry in (True, False):
            try:
                with _opened(self._view_of(wanted.since_s, wanted.until_s)) as connection:
                    answer: pa.Table = connection.sql(sql, params=[*values, wanted.limit]).to_arrow_table()
                    return answer.cast(RECORD_SCHEMA)
            except InputError:
                if not retry:  # a file may have been merged or expired meanwhile
                    raise
        raise AssertionError

    def query(self, sql: str) -> Iterator[pa.RecordBatch]:
        """Run one SELECT over the table ``calls``; at least one batch, of columns that every format can hold.

        Raises InputError: what is wrong with it.
        """
        import duckdb

        try:
            statements = duckdb.extract_statements(sql)
        except duckdb.Error as error:
            raise InputError(f"query: {_first_line(error)}") from None
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            found = ", ".join(str(one.type).rpartition(".")[2] for one in statements) or "nothing"
            raise InputError(f"query: expected one SELECT, found {found}")
        with _opened(self._view_of(None, None)) as connection:
            reader = connection.sql(sql).to_arrow_reader(BATCH_ROWS)
            empty = True
            for batch in reader:
                empty = False
                yield _plain(batch)
            if empty:
                yield _plain(pa.RecordBatch.from_pylist([], schema=reader.schema))


@contextmanager
def _opened(view: View) -> Iterator[DuckDBPyConnection]:
    try:
        import duckdb
    except ImportError:
        raise MissingExtraError("records", "storage", "duckdb") from None

    try:
        with duckdb.connect(":memory:", config=_CONFIG) as connection:
            # DuckDB gets the open data set and never a path.
            connection.register("calls", _dataset(view))
            for statement in _LOCKED:
                connection.execute(statement)
            yield connection
    except (duckdb.Error, OSError, pa.ArrowException) as error:
        raise InputError(f"query: {_first_line(error)}") from None


def _dataset(view: View) -> ds.Dataset:
    buffered = ds.dataset(view.buffered.cast(RECORD_SCHEMA))
    if not view.parts:
        return buffered
    paths = [str(part.path) for part in view.parts]
    files = ds.dataset(paths, schema=RECORD_SCHEMA, format="parquet", partitioning=None)
    return ds.dataset([files, buffered]) if view.buffered.num_rows else files


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Whole numbers, numbers, booleans and text: any other type becomes text."""
    columns = [_plain_column(column) for column in batch.columns]
    names = _unique(batch.schema.names)
    return pa.RecordBatch.from_arrays(columns, names=names)


def _plain_column(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_decimal(kind):  # sums of whole numbers
        return column.cast(pa.float64()) if kind.scale else _whole(column)
    if pa.types.is_integer(kind):
        return _whole(column)
    if pa.types.is_floating(kind):
        return column.cast(pa.float64())
    if pa.types.is_boolean(kind) or pa.types.is_string(kind):
        return column
    return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())


def _whole(column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column.cast(pa.float64())


def _unique(names: Iterable[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        count = 1
        unique = name
        while unique in found:
            count += 1
            unique = f"{name}_{count}"
        found.append(unique)
    return found
