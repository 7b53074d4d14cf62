"""Rows as JSON lines, CSV or Parquet. Tables for people are in table.py."""

from __future__ import annotations

import json
from typing import BinaryIO, Protocol

import pyarrow as pa

from spit.cli.output import CountedStream

#: Rows that become text at once: callers come in one batch, however many they are.
_LINES_AT_ONCE = 8_192
#: Rows that one row group of a Parquet file gathers.
_ROW_GROUP_ROWS = 131_072


class RowWriter(Protocol):
    """Takes batches of one schema, then is closed once."""

    def write(self, batch: pa.RecordBatch) -> None: ...
    def close(self) -> None: ...


def open_writer(format_: str, stream: BinaryIO, schema: pa.Schema) -> RowWriter:
    """The writer of ``jsonl``, ``csv`` or ``parquet``. An empty answer still has its header."""
    if format_ == "jsonl":
        return JsonlWriter(stream)
    if format_ == "csv":
        return CsvWriter(stream, schema)
    if format_ == "parquet":
        return ParquetRows(stream, schema)
    raise ValueError(f"expected jsonl, csv or parquet, found {format_}")


#: Columns whose values repeat; a dictionary of the others costs time and saves nothing.
_REPEATING = frozenset(
    [
        "event",
        "method",
        "transport",
        "source",
        "source_ip",
        "destination",
        "destination_ip",
        "user_agent",
        "fingerprint",
        "attestation",
        "origid",
        "verstat",
        "media",
        "exemption",
        "outcome",
        "final_status",
        "hangup_by",
        "cseq_method",
        "status",
        "label",
        "action",
        "model",
    ]
)


class JsonlWriter:
    """One JSON object a line, nulls written, so that every line has every key."""

    def __init__(self, stream: BinaryIO) -> None:
        from spit._core import write_jsonl

        self._stream = stream
        self._encode = write_jsonl

    def write(self, batch: pa.RecordBatch) -> None:
        for start in range(0, batch.num_rows, _LINES_AT_ONCE):
            self._stream.write(self._encode(batch.slice(start, _LINES_AT_ONCE)))
        self._stream.flush()  # the reader of a pipe gets each batch when it is ready

    def close(self) -> None:
        self._stream.flush()


class CsvWriter:
    """RFC 4180 with a header line. Lists of strings are joined by ``;``, other lists are JSON text."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema) -> None:
        from pyarrow import csv

        self._schema = pa.schema(
            [pa.field(f.name, pa.string() if pa.types.is_list(f.type) else f.type) for f in schema]
        )
        self._writer = csv.CSVWriter(CountedStream(stream), self._schema)

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [_flat(column) for column in batch.columns]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


class ParquetRows:
    """Parquet, zstd. Small batches are gathered into row groups that engines read well."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema) -> None:
        from pyarrow import parquet

        repeating = [name for name in schema.names if name in _REPEATING]
        self._writer = parquet.ParquetWriter(
            CountedStream(stream), schema, compression="zstd", use_dictionary=repeating
        )
        self._schema = schema
        self._gathered: list[pa.RecordBatch] = []
        self._gathered_rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        self._gathered.append(batch)
        self._gathered_rows += batch.num_rows
        if self._gathered_rows >= _ROW_GROUP_ROWS:
            self._write_group()

    def close(self) -> None:
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        if self._gathered:
            self._writer.write_table(pa.Table.from_batches(self._gathered, self._schema))
            self._gathered = []
            self._gathered_rows = 0


def _flat(column: pa.Array) -> pa.Array:
    """``column`` as CSV can hold it."""
    if not pa.types.is_list(column.type):
        return column
    if pa.types.is_string(column.type.value_type):
        from pyarrow import compute

        return compute.binary_join(column.cast(pa.list_(pa.string())), ";")
    texts = [None if v is None else json.dumps(v, ensure_ascii=False) for v in column.to_pylist()]
    return pa.array(texts, pa.string())
