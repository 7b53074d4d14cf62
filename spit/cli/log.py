"""Log lines of the commands that run on: one per event on standard error, with the time in UTC."""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime

from spit.cli.redact import redact
from spit.cli.text import printable
from spit.service.request_id import REQUEST_ID

#: Ours, and those of the HTTP server.
_LOGGERS = ("spit", "uvicorn")


class _Line(logging.Formatter):
    """``TIME LEVEL message``, and the id of the request where there is one."""

    @staticmethod
    def converter(seconds: float | None = None) -> time.struct_time:
        return time.gmtime(seconds)

    def format(self, record: logging.LogRecord) -> str:
        # Text of strangers may be in the message; only a traceback keeps its lines.
        line = f"{self.formatTime(record, self.datefmt)}Z {record.levelname} {printable(record.getMessage())}"
        if request_id := REQUEST_ID.get():
            line += f" request_id={request_id}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return redact(line)


class _JsonLine(logging.Formatter):
    """One JSON object per line: ``time``, ``level``, ``logger``, ``message``, and what the event has."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if request_id := REQUEST_ID.get():
            line["request_id"] = request_id
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line.update(
                (name, redact(value) if isinstance(value, str) else value) for name, value in fields.items()
            )
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, default=str)


class _Seldom(logging.Filter):
    """Lets each warning of the HTTP server through once a second: anybody can cause one, and fill a disk."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, tuple[float, int]] = {}  # the texts are the server's own: few

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING or not record.name.startswith("uvicorn"):
            return True
        text = str(record.msg)
        at, left_out = self._last.get(text, (float("-inf"), 0))
        if 0 <= record.created - at < 1.0:
            self._last[text] = (at, left_out + 1)
            return False
        self._last[text] = (record.created, 0)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} more before)", None
        return True


def start_log(*, json_lines: bool = False) -> None:
    """Send the lines of ``spit.*`` and of the HTTP server to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLine() if json_lines else _Line(datefmt="%Y-%m-%dT%H:%M:%S"))
    handler.addFilter(_Seldom())
    for name in _LOGGERS:
        log = logging.getLogger(name)
        log.handlers[:] = [handler]
        log.setLevel(logging.INFO)
        log.propagate = False


def counter_lines(counters: dict[str, int]) -> str:
    """``name=count`` of every counter that is not zero."""
    return " ".join(f"{name}={count}" for name, count in counters.items() if count) or "nothing was counted"
