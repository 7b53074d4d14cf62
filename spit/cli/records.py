"""``spit records``: questions about the call records that a service keeps."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from spit.cli.formats import RowWriter, open_writer
from spit.cli.observers import open_pseudonyms
from spit.cli.output import choose_format, open_target
from spit.cli.parser import UsageError
from spit.cli.report import DONE
from spit.cli.rows import terminal_width
from spit.cli.settings import load_settings
from spit.cli.table import TableWriter
from spit.config import Config
from spit.storage.call_queries import CallQueries, Wanted, folder_view

#: Of a table, which has no room for all.
_COLUMNS = ("start_time", "caller", "callee", "outcome", "duration_s", "label", "score", "action", "call_id")
_FILTERS = ("caller", "callee", "since", "until", "limit")


def run(arguments: argparse.Namespace) -> int:
    """Write the rows; the exit status."""
    overrides = {"records.directory": arguments.directory}
    config = load_settings(arguments.config, overrides)
    if not config.records.directory:
        raise UsageError("expected --directory, or --config with records.directory")
    format_ = choose_format(arguments.format, arguments.output)
    queries = CallQueries(folder_view(Path(config.records.directory)))
    if arguments.question == "query":
        given = [f"--{name}" for name in _FILTERS if getattr(arguments, name) is not None]
        if given:
            raise UsageError(f"{', '.join(given)}: of calls; a query has its own words for that")
        if arguments.sql is None:
            raise UsageError("expected a query, such as 'SELECT count(*) FROM calls'")
        batches = queries.query(arguments.sql)
    else:
        if arguments.sql is not None:
            raise UsageError(f"calls: expected flags alone, found {arguments.sql!r}")
        batches = iter(queries.calls(_wanted(arguments, config)).to_batches())
    _write(batches, arguments, format_, columns=_COLUMNS if arguments.question == "calls" else None)
    return DONE


def _write(
    batches: Iterator[pa.RecordBatch],
    arguments: argparse.Namespace,
    format_: str,
    columns: tuple[str, ...] | None,
) -> None:
    from spit.records import RECORD_SCHEMA

    first = next(batches, None)
    if first is None:
        first = pa.RecordBatch.from_pylist([], schema=RECORD_SCHEMA)
    with open_target(arguments.output) as stream:
        writer: RowWriter
        if format_ == "table":
            width = terminal_width(arguments.output)
            writer = TableWriter(stream, first.schema, columns or tuple(first.schema.names), width)
        else:
            writer = open_writer(format_, stream, first.schema)
        writer.write(first)
        for batch in batches:
            writer.write(batch)
        writer.close()


def _wanted(arguments: argparse.Namespace, config: Config) -> Wanted:
    pseudonyms = open_pseudonyms(config)

    def identity(text: str | None) -> str | None:
        if text is None:
            return None
        from spit._core import canonical_identity

        found = canonical_identity(text, config.core_settings()) or text
        return found if pseudonyms is None else pseudonyms.of(found)

    return Wanted(
        caller=identity(arguments.caller),
        callee=identity(arguments.callee),
        since_s=_read_time("--since", arguments.since),
        until_s=_read_time("--until", arguments.until),
        limit=arguments.limit or 100,
    )


def _read_time(flag: str, text: str | None) -> float | None:
    """Epoch seconds of a number, or of a date or time in ISO 8601; UTC where it names no zone."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            seconds = math.nan
        else:
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(seconds):
        raise UsageError(
            f"{flag}: expected 2026-11-22, 2026-11-22T14:00:00Z or epoch seconds, found {text!r}"
        )
    return seconds
