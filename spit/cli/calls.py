"""``spit calls``: a row per call of captures."""

from __future__ import annotations

import argparse

from spit.cli.captures import open_captures
from spit.cli.lines import print_lines
from spit.cli.output import choose_format
from spit.cli.settings import capture_settings

_TABLE_COLUMNS = (
    "start_time", "caller", "callee", "source_ip", "outcome", "final_status", "ring_time_s", "duration_s",
    "hangup_by", "call_id",
)  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Print the calls of ``arguments.captures`` and return the exit status."""
    capture = open_captures(arguments, capture_settings(arguments.config))
    capture.read_ahead()
    format_ = choose_format(arguments.format, arguments.output)
    if format_ in ("csv", "jsonl"):
        return print_lines(arguments, capture, capture.calls_text(format_))
    # Importing pyarrow takes longer than decoding a hundred thousand messages, so decoding begins first.
    from spit.cli.rows import print_rows
    from spit.records import CALL_SCHEMA

    return print_rows(arguments, capture, capture.calls(), CALL_SCHEMA, _TABLE_COLUMNS)
