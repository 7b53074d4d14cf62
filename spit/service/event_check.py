"""Whether a batch says what a call event can say; every mistake is named by row and field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spit.records import END_FIELDS, EVENT_SCHEMA, EventKind, Outcome
from spit.service.problems import MAX_ERRORS, FieldError, ProblemError, show

#: The year 2100: catches milliseconds where seconds, and nanoseconds where microseconds are meant.
LAST_TIME_S = 4_102_444_800
MAX_TEXT_BYTES = 4096
WORDS: dict[str, tuple[str, ...]] = {
    "event": tuple(EventKind),
    "method": ("INVITE", "MESSAGE"),
    "outcome": tuple(Outcome),
    "hangup_by": ("caller", "callee", "none"),
    "attestation": ("A", "B", "C"),
    "exemption": ("emergency", "psap_callback", "resource_priority"),
}
_END_NAMES = [field.name for field in END_FIELDS]
_NEEDED_AT_END = ["outcome", "end_time_us"]


def check_events(batch: pa.RecordBatch) -> pa.RecordBatch:
    """``batch`` under records.EVENT_SCHEMA. Raises ProblemError (422): row, field, expected, found."""
    if not is_sound(batch):
        raise_if_any(find_mistakes(batch))
    return pa.RecordBatch.from_arrays(batch.columns, schema=EVENT_SCHEMA)


def is_sound(batch: pa.RecordBatch) -> bool:
    """Whether ``find_mistakes`` finds none, at an eighth of its cost: as nearly always.

    While a batch is looked at, questions share the processor and the interpreter with it.
    """
    for field in EVENT_SCHEMA:
        column = batch.column(field.name)
        nulls = column.null_count
        if nulls and not field.nullable:
            return False
        if nulls < len(column) and not _holds_sound_values(field, column):
            return False
    times_us = batch.column("time_us").to_numpy()
    if (batch.column("start_time_us").to_numpy() > times_us).any():
        return False
    event = batch.column("event")
    attempts = batch.select(_END_NAMES).filter(pc.equal(event, EventKind.ATTEMPT.value))
    ends = batch.select(_NEEDED_AT_END).filter(pc.equal(event, EventKind.END.value))
    return all(column.null_count == attempts.num_rows for column in attempts.columns) and all(
        column.null_count == 0 for column in ends.columns
    )


def _holds_sound_values(field: pa.Field, column: pa.Array) -> bool:
    """Whether the values of the column, nulls apart, may stand there; at least one is not null."""
    if field.name in WORDS:
        found = pc.unique(column)
        words = WORDS[field.name]
        return len(found) <= len(words) + 1 and {*words, None}.issuperset(found.to_pylist())
    if field.type == pa.string():
        return bool(pc.max(pc.binary_length(column)).as_py() <= MAX_TEXT_BYTES)
    if field.name.endswith("_us"):
        least, most = pc.min_max(column).as_py().values()
        return bool(0 <= least <= most <= LAST_TIME_S * 1_000_000)
    if field.name.endswith("_s"):
        values = pc.drop_null(column).to_numpy()
        return bool(np.isfinite(values).all() and (values >= 0.0).all())
    return True


def find_mistakes(batch: pa.RecordBatch) -> list[FieldError]:
    """Every mistake of a batch in the types of records.EVENT_SCHEMA, by row; MAX_ERRORS of a kind at most."""
    errors: list[FieldError] = []

    def check(name: str, wrong: Any, expected: str) -> None:
        for row in np.flatnonzero(np.asarray(pc.fill_null(wrong, False)))[:MAX_ERRORS]:
            value = batch.column(name)[int(row)].as_py()
            found = "nothing" if value is None else show(value)
            errors.append(FieldError(row=int(row), field=name, expected=expected, found=found))

    for field in EVENT_SCHEMA:
        column = batch.column(field.name)
        if not field.nullable:
            check(field.name, pc.is_null(column), "a value")
        if field.name in WORDS:
            words = WORDS[field.name]
            known = pc.or_(pc.is_null(column), pc.is_in(column, pa.array(list(words), pa.string())))
            check(field.name, pc.invert(known), "one of " + ", ".join(words))
        elif field.type == pa.string():
            check(
                field.name,
                pc.greater(pc.binary_length(column), MAX_TEXT_BYTES),
                f"at most {MAX_TEXT_BYTES} bytes",
            )
        elif field.name.endswith("_us"):
            in_time = pc.and_(pc.greater_equal(column, 0), pc.less_equal(column, LAST_TIME_S * 1_000_000))
            check(field.name, pc.invert(in_time), "epoch microseconds between 1970 and 2100")
        elif field.name.endswith("_s"):
            sound = pc.and_(pc.is_finite(column), pc.greater_equal(column, 0.0))
            check(field.name, pc.invert(sound), "a finite number of seconds of at least 0")
    late = pc.greater(batch.column("start_time_us"), batch.column("time_us"))
    check("start_time_us", late, "at most time_us")
    is_attempt = pc.equal(batch.column("event"), EventKind.ATTEMPT.value)
    for field in END_FIELDS:
        known_too_soon = pc.and_(is_attempt, pc.is_valid(batch.column(field.name)))
        check(field.name, known_too_soon, "nothing: an attempt cannot know how the call ends")
    is_end = pc.equal(batch.column("event"), EventKind.END.value)
    for name in _NEEDED_AT_END:
        check(name, pc.and_(is_end, pc.is_null(batch.column(name))), "a value in an end event")
    errors.sort(key=lambda error: error.row or 0)
    return errors


def raise_if_any(errors: Sequence[FieldError]) -> None:
    """Raises ProblemError (422) with the mistakes found so far."""
    if errors:
        fields = ", ".join(dict.fromkeys(error.field for error in errors[:MAX_ERRORS]))
        raise ProblemError(422, f"nothing was accepted; there are mistakes in: {fields}", errors)
