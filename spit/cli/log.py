"""Log lines of the commands that run on: one per event on standard error, with the time in UTC."""

from __future__ import annotations

import logging
import sys
import time

from spit.cli.text import printable


class _Line(logging.Formatter):
    @staticmethod
    def converter(seconds: float | None = None) -> time.struct_time:
        return time.gmtime(seconds)

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        if record.exc_info:  # a traceback keeps its lines
            return line
        return printable(line)  # text of strangers may be in it


def start_log() -> None:
    """Send the lines of ``spit.*`` to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
    log = logging.getLogger("spit")
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False


def counter_lines(counters: dict[str, int]) -> str:
    """``name=count`` of every counter that is not zero."""
    return " ".join(f"{name}={count}" for name, count in counters.items() if count) or "nothing was counted"
