"""``spit lists``: the entries of the control database, and who changed them."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from spit.cli.control import actor, now_us, open_database
from spit.cli.formats import RowWriter, open_writer
from spit.cli.moments import parse_expiry
from spit.cli.output import choose_format, open_target
from spit.cli.report import DONE, FAILED, print_error
from spit.cli.rows import terminal_width
from spit.cli.table import TableWriter
from spit.config import Config
from spit.errors import InputError
from spit.list_files import (
    FIELDS,
    ImportMistakesError,
    csv_lines,
    entry_fields,
    json_lines,
    parse_csv,
    parse_json,
)
from spit.lists import Canonicalise, EntryError, read_entry
from spit.storage.list_queries import EntryExistsError, Filter

_PAGE = 1_000
_ENTRY_SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64()),
        *(
            pa.field(name, {"expires_at": pa.float64(), "created_at": pa.float64()}.get(name, pa.string()))
            for name in FIELDS[:-2]
        ),
        pa.field("callback_delay_s", pa.int64()),
        pa.field("callback_window_s", pa.int64()),
    ]
)
_ENTRY_COLUMNS = ("id", "kind", "tenant", "pattern", "callee", "expires_at", "reason", "author", "created_at")
_AUDIT_SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64()),
        pa.field("time", pa.float64()),
        *(
            pa.field(name, pa.string())
            for name in ("actor", "action", "object", "object_id", "before", "after")
        ),
    ]
)


def run(arguments: argparse.Namespace) -> int:
    """Run one action; the exit status."""
    from spit.storage.lists import ListStore

    config, database = open_database(arguments)
    with contextlib.closing(database):
        if arguments.action == "audit":
            from spit.storage.audit import AuditLog

            return _audit(arguments, AuditLog(database))
        store = ListStore(database)
        if arguments.action == "list":
            return _list(arguments, store)
        if arguments.action == "export":
            return _export(arguments, store)
        if arguments.action == "remove":
            return _remove(arguments, store)
        if arguments.action == "import":
            return _import(arguments, store, _canonicaliser(config))
        return _add(arguments, store, _canonicaliser(config))


def _canonicaliser(config: Config) -> Canonicalise:
    from spit import _core

    settings = config.core_settings()
    return lambda identity: _core.canonical_identity(identity, settings)


def _filter(arguments: argparse.Namespace) -> Filter:
    return Filter(
        kind=arguments.kind,
        tenant=arguments.tenant,
        pattern=arguments.pattern.lower(),
        callee=None if arguments.callee is None else arguments.callee.lower(),
        active_at_us=now_us() if arguments.active else None,
    )


def _list(arguments: argparse.Namespace, store: Any) -> int:
    rows = (entry_fields(entry) for entry in store.export(_filter(arguments)))
    write_rows(arguments, rows, _ENTRY_SCHEMA, _ENTRY_COLUMNS)
    return DONE


def _add(arguments: argparse.Namespace, store: Any, canonicalise: Canonicalise) -> int:
    at_us = now_us()
    expires_at_us = parse_expiry(arguments.expires, at_us)
    names = ("kind", "pattern", "callee", "tenant", "reason", "callback_delay_s", "callback_window_s")
    values = {name: getattr(arguments, name) for name in names}
    try:
        entry = read_entry({**values, "author": arguments.author or actor()}, canonicalise)
        made = store.create(replace(entry, expires_at_us=expires_at_us), actor=actor(), time_us=at_us)
    except (EntryError, EntryExistsError) as error:
        print_error(str(error))
        return FAILED
    print(made.id)  # noqa: T201  what the next command takes
    return DONE


def _remove(arguments: argparse.Namespace, store: Any) -> int:
    status = DONE
    for entry_id in arguments.ids:
        if store.remove(entry_id, actor=actor(), time_us=now_us()) is None:
            print_error(f"there is no entry {entry_id}")
            status = FAILED
    return status


def _import(arguments: argparse.Namespace, store: Any, canonicalise: Canonicalise) -> int:
    name = arguments.file
    format_ = arguments.format or ("json" if name.lower().endswith(".json") else "csv")
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: expected UTF-8 text, found another byte at offset {error.start}") from None
    try:
        entries = (parse_json if format_ == "json" else parse_csv)(text, canonicalise)
    except ImportMistakesError as error:
        for one in error.mistakes:
            print_error(f"{name}: {one.field}: expected {one.expected}, found {one.found}")
        print_error(f"{name}: nothing was imported")
        return FAILED
    done = store.import_entries(entries, actor=actor(), time_us=now_us())
    print_error(f"{name}: {done.added} added, {done.changed} changed, {done.unchanged} unchanged")
    return DONE


def _export(arguments: argparse.Namespace, store: Any) -> int:
    entries = store.export(_filter(arguments))
    lines = json_lines(entries) if arguments.format == "json" else csv_lines(entries)
    with open_target(arguments.output) as stream:
        for line in lines:
            stream.write(line.encode())
    return DONE


def _audit(arguments: argparse.Namespace, log: Any) -> int:
    def rows() -> Iterator[dict[str, object]]:
        before_id, left = None, arguments.limit
        while left and (
            page := log.find(
                object_=arguments.object,
                object_id=arguments.object_id,
                actor=arguments.actor,
                before_id=before_id,
                limit=min(left, _PAGE),
            )
        ):
            before_id, left = page[-1].id, left - len(page)
            for one in page:
                change = one.change
                yield {
                    "id": one.id,
                    "time": one.time_us / 1e6,
                    "actor": one.actor,
                    "action": change.action,
                    "object": change.object,
                    "object_id": change.object_id,
                    "before": None
                    if change.before is None
                    else json.dumps(change.before, ensure_ascii=False),
                    "after": _json(change.after),
                }

    write_rows(arguments, rows(), _AUDIT_SCHEMA, _AUDIT_SCHEMA.names)
    return DONE


def _json(values: dict[str, Any] | None) -> str | None:
    return None if values is None else json.dumps(values, ensure_ascii=False)


def write_rows(
    arguments: argparse.Namespace,
    rows: Iterable[dict[str, object]],
    schema: pa.Schema,
    columns: Iterable[str],
) -> None:
    """Write ``rows`` as ``--format`` and ``--output`` say; ``columns`` are those of a table."""
    format_ = choose_format(arguments.format, arguments.output)
    with open_target(arguments.output) as stream:
        writer: RowWriter
        if format_ == "table":
            writer = TableWriter(stream, schema, list(columns), terminal_width(arguments.output))
        else:
            writer = open_writer(format_, stream, schema)
        remaining = iter(rows)
        while page := list(islice(remaining, _PAGE)):
            writer.write(pa.RecordBatch.from_pylist(page, schema=schema))
        writer.close()
