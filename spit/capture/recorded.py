"""Recorded calls, read back as call events in time order: files of calls or of events, and captures.

Parquet is read slice by slice of time by its statistics; of Arrow and JSON lines each slice reads the whole
file.

A file of calls (``spit calls --format parquet``) holds a row per finished call. Its events are rebuilt: the
attempt at ``start_time``, the answer ``setup_time_s`` later, the end at ``end_time``. What such a row does
not hold is taken as follows, because the columns of ``spit calls`` are a contract:

* ``method`` is MESSAGE where ``media`` is ``message``, else INVITE;
* ``diverted_by``, ``exemption`` and the ``passport_*`` columns are null, unless the file has columns of these
  names: a forwarded call then counts as its caller's own, and nothing is exempt. Events and captures have
  them.
* An end is known at ``end_time``. The tracker learns of the end of a silent call only when its time runs out.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.json as pa_json

from spit.capture.files import CaptureFiles
from spit.errors import InputError
from spit.records import CALL_SCHEMA, END_FIELDS, EVENT_SCHEMA, EventKind

I64 = npt.NDArray[np.int64]

#: Rows sorted in memory at a time; larger files are read slice by slice of time.
WINDOW_ROWS = 250_000
BATCH_ROWS = 65_536

_SUFFIXES = {".parquet": "parquet", ".arrow": "ipc", ".feather": "ipc", ".jsonl": "jsonl"}
_ATTEMPT, _ANSWER, _END = range(3)
_KINDS = pa.array([EventKind.ATTEMPT.value, EventKind.ANSWER.value, EventKind.END.value])
_CALL_NEEDS = ("call_id", "start_time", "end_time", "caller", "callee", "outcome")
_CALL_NAMES = tuple(CALL_SCHEMA.names)
_END_NAMES = frozenset(field.name for field in END_FIELDS)
_EVENT_NEEDS = tuple(field.name for field in EVENT_SCHEMA if not field.nullable)


class RecordedCalls:
    """The call events of recordings: files of calls or events (Parquet, Arrow, JSON lines), folders,
    captures.

    One run reads recordings of one kind. ``settings``: as for CaptureFiles. ``window_rows``: calls sorted in
    memory at a time; results do not depend on it. Raises InputError: which file, what was expected and found.
    """

    def __init__(
        self,
        paths: Sequence[str],
        settings: Mapping[str, object] | None = None,
        *,
        window_rows: int = WINDOW_ROWS,
    ) -> None:
        files = [file for path in paths for file in _files_of(path)]
        formats = sorted({_format_of(file) for file in files})
        if len(formats) != 1:
            raise InputError(
                "recorded calls: expected files of one kind (Parquet, Arrow, JSON lines or captures), "
                f"found {' and '.join(formats) or 'none'}"
            )
        self._files = files
        self._settings = settings
        self._window_rows = window_rows
        self._damages: list[str] = []
        self._parts: list[ds.Dataset] = []
        self._are_calls = False
        if formats != ["capture"]:
            self._parts = [_open(file, formats[0]) for file in files]
            shapes = {_holds_calls(part.schema, file) for part, file in zip(self._parts, files, strict=True)}
            if len(shapes) > 1:
                raise InputError("recorded calls: expected files of calls or files of events, found both")
            (self._are_calls,) = shapes

    def events(self) -> Iterator[pa.RecordBatch]:
        """Batches of records.EVENT_SCHEMA in time order; from the beginning each time it is asked for."""
        if not self._parts:
            capture = CaptureFiles(self._files, self._settings)
            yield from capture.events()
            self._damages = capture.damages()
            return
        for low, high in self._windows():
            rows = self._read(low, high)
            events = call_events(rows, low, high) if self._are_calls else _sorted_events(rows)
            for start in range(0, events.num_rows, BATCH_ROWS):
                yield events.slice(start, BATCH_ROWS)

    def damages(self) -> list[str]:
        """One line per capture that could not be read to its end, and one about calls without a start."""
        return self._damages

    def _windows(self) -> list[tuple[float, float]]:
        """Stretches of time, in the files' own unit, of about ``window_rows`` rows each; open at both
        ends.
        """
        name = "start_time" if self._are_calls else "time_us"
        columns = [table[name] for table in self._tables([name])]
        missing = sum(column.null_count for column in columns)
        self._damages = (
            [f"recorded calls: {missing} rows have no start_time and were left out"] if missing else []
        )
        times = np.concatenate([column.drop_null().to_numpy() for column in columns])
        rows = self._window_rows if self._are_calls else 2 * self._window_rows
        count = -(-len(times) // rows)
        at = [len(times) * i // count for i in range(1, count)]
        edges = [-math.inf, *np.unique(np.partition(times, at)[at]).tolist(), math.inf] if at else []
        return list(itertools.pairwise(edges)) if edges else [(-math.inf, math.inf)]

    def _read(self, low: float, high: float) -> pa.Table:
        """The rows that may have an event from ``low`` to before ``high``."""
        if self._are_calls:
            begins, ends = ds.field("start_time"), ds.field("end_time")
            keep = begins.is_valid()
            if math.isfinite(low):
                keep &= (begins >= low) | (ends >= low)
            if math.isfinite(high):
                keep &= begins < high
        else:
            time_us = ds.field("time_us")
            keep = time_us.is_valid()
            if math.isfinite(low):
                keep &= time_us >= int(low)
            if math.isfinite(high):
                keep &= time_us < int(high)
        known = EVENT_SCHEMA.names if not self._are_calls else [*_CALL_NAMES, *EVENT_SCHEMA.names]
        tables = self._tables(dict.fromkeys(known), keep)
        return pa.concat_tables(tables, promote_options="permissive").combine_chunks()

    def _tables(self, names: Iterable[str], keep: ds.Expression | None = None) -> list[pa.Table]:
        """Those columns of each file that it has, of the rows to keep. Raises InputError."""
        tables = []
        for part, file in zip(self._parts, self._files, strict=True):
            columns = [name for name in names if name in part.schema.names]
            try:
                tables.append(part.to_table(columns=columns, filter=keep))
            except (OSError, pa.ArrowException) as error:
                reason = str(error).splitlines()[0]
                raise InputError(f"{file}: cannot be read to its end: {reason}") from None
        return tables


def call_events(calls: pa.Table, low_s: float = -math.inf, high_s: float = math.inf) -> pa.RecordBatch:
    """The events (records.EVENT_SCHEMA) of these calls that lie from ``low_s`` to before ``high_s``, epoch
    seconds, in time order. ``calls``: the columns of ``spit calls``; of RECORD_SCHEMA those there are.
    """
    begin_us, begins = _micros(calls["start_time"])
    end_us, ends = _micros(calls["end_time"])
    setup_us, answers = (
        _micros(calls["setup_time_s"])
        if "setup_time_s" in calls.column_names
        else (
            begin_us,
            np.zeros(len(begin_us), np.bool_),
        )
    )
    low_us = -math.inf if math.isinf(low_s) else round(low_s * 1e6)
    high_us = math.inf if math.isinf(high_s) else round(high_s * 1e6)
    rows, kinds, times = [], [], []
    for code, (at_us, there) in enumerate(
        [(begin_us, begins), (begin_us + setup_us, answers), (np.maximum(end_us, begin_us), ends)]
    ):
        found = np.flatnonzero(there & (at_us >= low_us) & (at_us < high_us))
        rows.append(found)
        kinds.append(np.full(len(found), code))
        times.append(at_us[found])
    row, kind, time_us = np.concatenate(rows), np.concatenate(kinds), np.concatenate(times)
    # Within a microsecond: attempt, answer, end, as the tracker gives them.
    order = np.lexsort((kind, time_us))
    row, kind, time_us = row[order], kind[order], time_us[order]
    taken, is_attempt, is_end = pa.array(row), pa.array(kind == _ATTEMPT), pa.array(kind == _END)
    columns = []
    for field in EVENT_SCHEMA:
        if field.name == "event":
            column = _KINDS.take(pa.array(kind))
        elif field.name == "time_us":
            column = pa.array(time_us)
        elif field.name == "start_time_us":
            column = pa.array(begin_us[row])
        elif field.name == "end_time_us":
            column = pc.if_else(is_end, pa.array(end_us[row]), pa.scalar(None, pa.int64()))
        else:
            column = _method(calls) if field.name == "method" else _column(calls, field)
            column = column.take(taken)
            if field.name in ("pdd_s", "setup_time_s"):
                column = pc.if_else(is_attempt, pa.scalar(None, field.type), column)
            elif field.name in _END_NAMES:
                column = pc.if_else(is_end, column, pa.scalar(None, field.type))
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA)


def _sorted_events(rows: pa.Table) -> pa.RecordBatch:
    """The rows under EVENT_SCHEMA in time order; rows of one microsecond stay as they were."""
    order = np.argsort(rows["time_us"].to_numpy(), kind="stable")
    in_order = bool((np.diff(order) == 1).all())
    columns = [_column(rows, field) for field in EVENT_SCHEMA]
    if not in_order:
        columns = [column.take(pa.array(order)) for column in columns]
    return pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA)


def _column(rows: pa.Table, field: pa.Field) -> pa.Array:
    """The column as EVENT_SCHEMA has it, nulls where the file has none."""
    if field.name not in rows.column_names:
        return pa.nulls(rows.num_rows, field.type)
    column = rows[field.name].cast(field.type).combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column


def _method(calls: pa.Table) -> pa.Array:
    if "method" in calls.column_names:
        return _column(calls, EVENT_SCHEMA.field("method"))
    media = _column(calls, EVENT_SCHEMA.field("media"))
    return pc.if_else(pc.equal(media, "message").fill_null(False), "MESSAGE", "INVITE")


def _micros(seconds: pa.ChunkedArray) -> tuple[I64, npt.NDArray[np.bool_]]:
    """Whole microseconds (float64 seconds of this century hold them exactly), and where there are any."""
    values = seconds.cast(pa.float64()).fill_null(math.nan).to_numpy()
    there = np.isfinite(values)
    return np.round(np.where(there, values, 0.0) * 1e6).astype(np.int64), there


def _files_of(path: str) -> list[str]:
    """The file, or the recordings in the folder, in the order of their names; those of call records lie in
    folders of dates and hours.
    """
    place = Path(path)
    if not place.is_dir():
        return [path]
    files = [file for pattern in ("*", "date=*/hour=*/part-*.parquet") for file in place.glob(pattern)]
    found = sorted(str(file) for file in files if file.suffix in _SUFFIXES and file.is_file())
    if not found:
        raise InputError(f"{path}: expected a folder with {' or '.join(_SUFFIXES)} files, found none")
    return found


def _format_of(file: str) -> str:
    return _SUFFIXES.get(Path(file).suffix, "capture")


def _open(file: str, format_: str) -> ds.Dataset:
    try:
        # No partitioning: the date and hour in the path are no columns.
        return ds.dataset(
            file, format=_lines_format(file) if format_ == "jsonl" else format_, partitioning=None
        )
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{file}: expected a file of {format_}, found: {reason}") from None


def _lines_format(file: str) -> ds.FileFormat:
    """JSON lines with the types of the records: what the first lines leave null would have none."""
    with Path(file).open("rb") as lines:
        first = lines.readline(1 << 20)
    try:
        names = set(json.loads(first))
    except (ValueError, TypeError, RecursionError):
        raise InputError(f"{file}: expected a JSON object a line, found {first[:40]!r}") from None
    known = {field.name: field for field in (*CALL_SCHEMA, *EVENT_SCHEMA)}
    schema = pa.schema([field.with_nullable(True) for name, field in known.items() if name in names])
    return ds.JsonFileFormat(
        parse_options=pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    )


def _holds_calls(schema: pa.Schema, file: str) -> bool:
    """Whether the columns are those of calls, and not of events. Raises InputError when of neither."""
    if all(name in schema.names for name in _EVENT_NEEDS):
        return False
    missing = [name for name in _CALL_NEEDS if name not in schema.names]
    if missing:
        raise InputError(
            f"{file}: expected the columns of spit calls (or of call events), found none named "
            f"{', '.join(missing)}"
        )
    return True
