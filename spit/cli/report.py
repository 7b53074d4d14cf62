"""Exit statuses and the one line that tells an error."""

from __future__ import annotations

import sys

from spit.cli.redact import redact
from spit.cli.text import printable

#: 130 is the shell's convention for a program stopped by SIGINT.
DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def print_error(text: str) -> None:
    """One line on standard error. Line ends and control characters of hostile input are shown escaped."""
    sys.stderr.write(f"spit: {redact(printable(text))}\n")
    sys.stderr.flush()
