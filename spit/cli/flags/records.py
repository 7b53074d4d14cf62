"""The flags of ``spit records``."""

from __future__ import annotations

import argparse

from spit.cli.flags.shared import add_config_flag, add_format_flags
from spit.cli.flags.values import count


def add_records(parser: argparse.ArgumentParser) -> None:
    """``spit records``."""
    parser.add_argument(
        "question",
        choices=("calls", "query"),
        help="calls: the newest calls that the flags ask for; query: one SELECT over the table calls",
    )
    parser.add_argument(
        "sql", metavar="SQL", nargs="?", help="of query, such as 'SELECT count(*) FROM calls'"
    )
    parser.add_argument("--directory", metavar="DIR", help="folder of the records (default: the settings')")
    parser.add_argument("--caller", metavar="WHO", help="calls: URI, number or canonical identity")
    parser.add_argument("--callee", metavar="WHO", help="calls: the same of who was called")
    parser.add_argument(
        "--since",
        metavar="TIME",
        help="calls: started then or later; 2026-11-22, ...T14:00Z or epoch seconds",
    )
    parser.add_argument("--until", metavar="TIME", help="calls: started before then")
    parser.add_argument(
        "--limit", metavar="N", type=count(1), help="calls: at most so many, the newest (default: 100)"
    )
    add_config_flag(parser)
    add_format_flags(parser)
