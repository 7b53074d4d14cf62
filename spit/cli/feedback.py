"""``spit feedback``: the reports about calls, or the labels that follow from them."""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow as pa

from spit.cli.formats import RowWriter, open_writer
from spit.cli.output import choose_format, open_target
from spit.cli.report import DONE
from spit.cli.rows import terminal_width
from spit.cli.table import TableWriter
from spit.engine.feedback_labels import LABEL_SCHEMA, REPORT_COLUMNS, resolve_reports
from spit.engine.feedback_store import read_reports

_REPORT_SCHEMA = pa.schema(
    [pa.field(name, pa.float64() if name in ("time", "weight") else pa.string()) for name in REPORT_COLUMNS]
)


def run(arguments: argparse.Namespace) -> int:
    """Write the rows; the exit status."""
    format_ = choose_format(arguments.format, arguments.output)
    reports = read_reports(Path(arguments.store))
    table = pa.Table.from_pylist([*reports], schema=_TEXTS)
    if arguments.labels:
        schema, table = LABEL_SCHEMA, resolve_reports(table, where=arguments.store)
    else:
        schema, table = _REPORT_SCHEMA, table.cast(_REPORT_SCHEMA)
    with open_target(arguments.output) as stream:
        writer: RowWriter
        if format_ == "table":
            writer = TableWriter(stream, schema, schema.names, terminal_width(arguments.output))
        else:
            writer = open_writer(format_, stream, schema)
        for batch in table.to_batches():
            writer.write(batch)
        writer.close()
    return DONE


_TEXTS = pa.schema([pa.field(name, pa.string()) for name in REPORT_COLUMNS])
