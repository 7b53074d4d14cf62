"""What ``spit messages`` and ``spit calls`` share: read batches, write rows."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence

import pyarrow as pa

from spit.capture.files import Captures
from spit.cli.formats import RowWriter, open_writer
from spit.cli.lines import reading_progress, report_reading
from spit.cli.output import choose_format, open_target, to_terminal
from spit.cli.table import TableWriter


def print_rows(
    arguments: argparse.Namespace,
    capture: Captures,
    batches: Iterator[pa.RecordBatch],
    schema: pa.Schema,
    table_columns: Sequence[str],
) -> int:
    """Write every batch in the format asked for and return the exit status."""
    format_ = choose_format(arguments.format, arguments.output)
    with open_target(arguments.output) as stream, reading_progress(arguments) as progress:
        writer: RowWriter
        if format_ == "table":
            writer = TableWriter(stream, schema, table_columns, terminal_width(arguments.output))
        else:
            writer = open_writer(format_, stream, schema)
        for batch in batches:
            writer.write(batch)
            progress.read(*capture.progress())
        writer.close()
    return report_reading(arguments, capture)


def terminal_width(path: str | None) -> int | None:
    """Characters a line of output may have; None where it does not go to a terminal."""
    return shutil.get_terminal_size().columns if to_terminal(path) else None
