"""Rows that the core has written as lines already, and what every reading command tells at its end.

Nothing here imports pyarrow: on small captures that would take longer than all the rest.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from spit.capture.files import Captures
from spit.cli.output import open_target, to_terminal
from spit.cli.progress import Progress
from spit.cli.report import DONE, FAILED, print_error


def print_lines(arguments: argparse.Namespace, capture: Captures, lines: Iterator[bytes]) -> int:
    """Write every piece as it comes and return the exit status."""
    with open_target(arguments.output) as stream, reading_progress(arguments) as progress:
        for piece in lines:
            stream.write(piece)
            stream.flush()  # the reader of a pipe gets each batch when it is ready
            progress.read(*capture.progress())
    return report_reading(arguments, capture)


def reading_progress(arguments: argparse.Namespace) -> Progress:
    """Progress as the flags ask; rows that scroll on the terminal are progress enough."""
    wanted = arguments.progress
    if wanted is None and to_terminal(arguments.output):
        wanted = False
    return Progress(wanted)


def report_reading(arguments: argparse.Namespace, capture: Captures) -> int:
    """Print the counters if asked for and a line per damaged input; the exit status that follows."""
    if arguments.stats:
        for name, count in capture.counters().items():
            sys.stderr.write(f"{name} {count}\n")
    damages = capture.damages()
    for damage in damages:
        print_error(damage)
    return FAILED if damages else DONE
