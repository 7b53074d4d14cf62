"""The bodies of /v1/events: JSON or an Arrow IPC stream, decoded and checked into one batch."""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from collections.abc import Callable

import pyarrow as pa

from spit.records import EVENT_SCHEMA, EventKind
from spit.service.arrow_stream import open_stream, read_batches
from spit.service.event_check import LAST_TIME_S, MAX_TEXT_BYTES, check_events, raise_if_any
from spit.service.identity import Canonicalise
from spit.service.problems import MAX_ERRORS, FieldError, ProblemError, show

#: As service.max_events_bytes is by default: a compressed body may say no more than a plain one.
MAX_UNPACKED_BYTES = 64 * 2**20
#: The event schema before it is checked.
_ALL_NULLABLE = pa.schema([field.with_nullable(True) for field in EVENT_SCHEMA])
_NAMES = frozenset(EVENT_SCHEMA.names)
_SECONDS = {"time": "time_us", "start_time": "start_time_us", "end_time": "end_time_us"}


def decode_json(body: bytes, canonicalise: Canonicalise) -> pa.RecordBatch:
    """Events from ``{"events": [...]}``, a list, or one object. Caller and callee may be URIs.

    Raises ProblemError: 400 when it is not JSON, 422 naming row and field when an event is wrong.
    """
    rows = _json_rows(body)
    errors: list[FieldError] = []
    columns: dict[str, list[object]] = {name: [] for name in EVENT_SCHEMA.names}
    for index, row in enumerate(rows):
        values = _read_row(index, row, canonicalise, errors)
        if len(errors) >= MAX_ERRORS:
            break
        for name, column in columns.items():
            column.append(values.get(name))
    raise_if_any(errors)
    arrays = [pa.array(columns[field.name], field.type) for field in EVENT_SCHEMA]
    return check_events(pa.RecordBatch.from_arrays(arrays, schema=_ALL_NULLABLE))


def decode_arrow(body: bytes, max_unpacked: int = MAX_UNPACKED_BYTES) -> pa.RecordBatch:
    """Events from an Arrow IPC stream; nullable columns may be left out, identities must be canonical.

    Buffers may be compressed; unpacked they take at most ``max_unpacked`` bytes.
    Raises ProblemError: 400 when it cannot be read, 422 naming column or row when it does not fit.
    """
    try:
        stream, unpacked = open_stream(body, max_unpacked)
        with stream:
            raise_if_any(_schema_errors(stream.schema))
            # Null columns may claim any length, but time_us alone takes 8 bytes a row.
            batches = [_fit(batch) for batch in read_batches(stream, max_rows=unpacked // 8)]
    except (pa.ArrowException, OSError, ValueError, struct.error) as error:
        raise ProblemError(
            400, f"expected an Arrow IPC stream, found a mistake: {show(str(error))}"
        ) from None
    if len(batches) == 1:  # as agents send them
        return check_events(batches[0])
    table = pa.Table.from_batches(batches, schema=_ALL_NULLABLE).combine_chunks()
    merged = table.to_batches() or [pa.RecordBatch.from_pylist([], schema=_ALL_NULLABLE)]
    return check_events(merged[0])


def _json_rows(body: bytes) -> list[object]:
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ProblemError(400, f"expected JSON, found a mistake: {show(str(error))}") from None
    if isinstance(document, dict) and "events" in document:
        document = document["events"]
        if not isinstance(document, list):
            found = FieldError(field="events", expected="a list of events", found=show(document))
            raise ProblemError(422, "the request has mistakes in: events", [found])
    elif isinstance(document, dict):
        document = [document]
    if not isinstance(document, list):
        found = FieldError(field="body", expected="an object or a list of events", found=show(document))
        raise ProblemError(422, "the request has mistakes in: body", [found])
    return document


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _read_row(
    index: int, row: object, canonicalise: Canonicalise, errors: list[FieldError]
) -> dict[str, object]:
    """The values of one event by column; mistakes go to ``errors``."""

    def refuse(field: str, expected: str, found: object) -> None:
        errors.append(FieldError(row=index, field=field, expected=expected, found=show(found)))

    if not isinstance(row, dict):
        refuse("event", "an object", row)
        return {}
    values: dict[str, object] = {}
    for name, value in row.items():
        column = _SECONDS.get(name, name)
        if column not in _READERS:
            refuse(show(name), "a field of a call event (docs/http-api.md)", value)
        elif value is None:
            continue
        elif column != name and row.get(column) is not None:
            refuse(name, f"either {name} or {column}", "both")
        else:
            read, expected = _READERS[name]
            try:
                values[column] = read(value)
            except (ValueError, OverflowError):
                refuse(name, expected, value)
            # Here, because an identity may become short by being made canonical.
            if isinstance(value, str) and len(value) > MAX_TEXT_BYTES:
                refuse(name, f"at most {MAX_TEXT_BYTES} bytes", value)
    values.setdefault("method", "INVITE")
    if values.get("event") == EventKind.ATTEMPT and "time_us" in values:
        values.setdefault("start_time_us", values["time_us"])
    if values.get("event") == EventKind.END and "time_us" in values:
        values.setdefault("end_time_us", values["time_us"])
    for party in ("caller", "callee"):
        given = values.get(party) or values.get(f"{party}_uri")
        if isinstance(given, str):
            if ":" in given:
                values.setdefault(f"{party}_uri", given)
            values[party] = canonicalise(given)
    return values


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    value.encode()  # a lone surrogate is no text: UnicodeEncodeError is a ValueError
    return value


def _read_boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _read_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _read_seconds(value: object) -> int:
    seconds = _read_number(value)
    if not 0 <= seconds <= LAST_TIME_S:
        raise ValueError
    return round(seconds * 1_000_000)


def _integer_reader(bits: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON has one kind of number: 2.0 is an integer
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise ValueError
        return value

    return read


def _reader(kind: pa.DataType) -> tuple[Callable[[object], object], str]:
    if pa.types.is_integer(kind):
        return _integer_reader(kind.bit_width), f"an integer of {kind.bit_width} bits"
    if pa.types.is_floating(kind):
        return _read_number, "a number"
    if pa.types.is_boolean(kind):
        return _read_boolean, "true or false"
    return _read_text, "text"


_READERS: dict[str, tuple[Callable[[object], object], str]] = {
    **{field.name: _reader(field.type) for field in EVENT_SCHEMA},
    **dict.fromkeys(_SECONDS, (_read_seconds, "epoch seconds between 1970 and 2100")),
}


def _schema_errors(schema: pa.Schema) -> list[FieldError]:
    errors = []
    counts = Counter(schema.names)
    for name, count in sorted(counts.items()):
        if name not in _NAMES:
            errors.append(FieldError(field=show(name), expected="a column of a call event", found="another"))
        elif count > 1:
            errors.append(FieldError(field=name, expected="one column", found="several of that name"))
    for field in EVENT_SCHEMA:
        if not field.nullable and field.name not in counts:
            errors.append(FieldError(field=field.name, expected=f"a column of {field.type}", found="nothing"))
    return errors


def _fit(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch in the order and types of the event schema."""
    arrays, errors = [], []
    names = set(batch.schema.names)
    for field in EVENT_SCHEMA:
        if field.name not in names:
            arrays.append(pa.nulls(batch.num_rows, field.type))
            continue
        column = batch.column(field.name)
        if column.type == field.type:
            arrays.append(column)
            continue
        try:
            arrays.append(column.cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            errors.append(
                FieldError(field=field.name, expected=f"a column of {field.type}", found=str(column.type))
            )
    raise_if_any(errors)
    return pa.RecordBatch.from_arrays(arrays, schema=_ALL_NULLABLE)
