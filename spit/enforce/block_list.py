"""The callers to block now as CSV, for SBCs that fetch or read a file."""

from __future__ import annotations

import csv
import io
import logging
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from spit.enforce.verdicts import CallerVerdict
from spit.records import ActionKind

COLUMNS = ("caller", "action", "expires")
#: Actions that end the call.
BLOCKING = frozenset({ActionKind.REJECT, ActionKind.DROP})

_log = logging.getLogger("spit.push")


def block_list(verdicts: Iterable[CallerVerdict], now_us: int) -> str:
    """A header and a line per caller whose calls are ended, by caller; times are UTC (RFC 3339, seconds)."""
    rows = [
        (verdict.caller, verdict.standing.action.value, _time(verdict.expires_us()))
        for verdict in verdicts
        if verdict.standing.action in BLOCKING and verdict.expires_us() > now_us
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(sorted(rows))
    return text.getvalue()


class BlockListFile:
    """Writes the list to ``path``; whoever reads it sees the old list or the new one, whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._failing = False
        self._counts = {"writes": 0, "failures": 0}

    def write(self, verdicts: Iterable[CallerVerdict], now_us: int) -> bool:
        """Whether it could be written. Begin and end of failing are said."""
        unfinished = self.path.with_name(f"{self.path.name}.tmp")
        try:
            with unfinished.open("w", encoding="utf-8") as file:
                file.write(block_list(verdicts, now_us))
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self.path)
        except OSError as error:
            self._counts["failures"] += 1
            if not self._failing:
                _log.error(
                    "%s cannot be written: %s; the list there is getting old",
                    self.path, error.strerror or error,
                )  # fmt: skip
            self._failing = True
            return False
        self._counts["writes"] += 1
        if self._failing:
            _log.warning("%s is written again", self.path)
        self._failing = False
        return True

    def counters(self) -> dict[str, int]:
        """Writes that went well and that did not."""
        return dict(self._counts)


def _time(time_us: int) -> str:
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
