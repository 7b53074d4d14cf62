"""Progress of long work on standard error: bytes read, bytes in all, rate."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from spit.cli.text import byte_count

_TERMINAL_PERIOD_S = 0.2
_LOG_PERIOD_S = 5.0


class Progress:
    """Reports at most every 0.2 s on a terminal (one line, rewritten) and every 5 s elsewhere (a line each).

    ``wanted``: True or False as the user said, None to report only on a terminal. ``clock``: seconds,
    monotonic. The terminal's line is wiped at the end, so that it never mixes with the rows.
    """

    def __init__(
        self,
        wanted: bool | None,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._wanted = self._terminal if wanted is None else wanted
        self._clock = clock
        self._started_s = self._reported_s = clock()
        self._period_s = _TERMINAL_PERIOD_S if self._terminal else _LOG_PERIOD_S
        self._line_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wipe()

    def read(self, read: int, total: int | None) -> None:
        """``read`` bytes of input so far, of ``total`` where that is known (standard input: None)."""
        elapsed_s = self._clock() - self._started_s
        rate = byte_count(read / elapsed_s) if elapsed_s > 0 else "0 B"
        share = "" if not total else f" of {byte_count(total)} ({min(100 * read // total, 100)} %)"
        self.say(f"read {byte_count(read)}{share}, {rate}/s")

    def say(self, text: str) -> None:
        """Report ``text`` unless the last report was a moment ago."""
        now_s = self._clock()
        if not self._wanted or now_s - self._reported_s < self._period_s:
            return
        self._reported_s = now_s
        if self._terminal:
            self._stream.write(f"\r\x1b[K{text}")
            self._line_open = True
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def wipe(self) -> None:
        """Take the terminal's line away before something else is printed."""
        if self._line_open:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._line_open = False
