"""``spit messages``: a row per SIP message of captures."""

from __future__ import annotations

import argparse

from spit.cli.captures import open_captures
from spit.cli.rows import print_rows
from spit.cli.settings import capture_settings
from spit.records import MESSAGE_SCHEMA

_TABLE_COLUMNS = (
    "time", "source", "destination", "method", "status", "from_user", "to_user", "call_id", "anomalies",
)  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Print the messages of ``arguments.captures`` and return the exit status."""
    capture = open_captures(arguments, capture_settings(arguments.config))
    return print_rows(arguments, capture, capture.messages(), MESSAGE_SCHEMA, _TABLE_COLUMNS)
