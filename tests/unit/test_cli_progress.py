"""Progress on standard error."""

from __future__ import annotations

import io

from spit.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_silent_unless_a_terminal_or_asked_for() -> None:
    for wanted, expected in ((None, ""), (False, ""), (True, "read 2.0 MB of 4.0 MB (50 %), 200.0 kB/s\n")):
        stream, clock = io.StringIO(), Clock()
        with Progress(wanted, stream=stream, clock=clock) as progress:
            clock.now_s += 10
            progress.read(2_000_000, 4_000_000)
        assert stream.getvalue() == expected


def test_reports_are_throttled() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress(True, stream=stream, clock=clock) as progress:
        for _ in range(20):
            clock.now_s += 1
            progress.read(10, None)
    assert stream.getvalue().splitlines() == [f"read 10 B, {rate} B/s" for rate in (2, 1, 1, 0)]


def test_a_terminal_line_is_rewritten_and_wiped() -> None:
    stream, clock = Terminal(), Clock()
    with Progress(None, stream=stream, clock=clock) as progress:
        clock.now_s += 1
        progress.read(500, None)
    assert stream.getvalue() == "\r\x1b[Kread 500 B, 500 B/s\r\x1b[K"
