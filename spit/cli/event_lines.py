"""Call events as JSON lines, appended as they come."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from spit._core import write_jsonl
from spit.errors import SpitError


class EventLines:
    """Appends to ``path``; ``-`` is standard output. Raises SpitError when it cannot be opened."""

    def __init__(self, path: str) -> None:
        self._stream: BinaryIO
        if path == "-":
            self._stream = sys.stdout.buffer
            return
        try:
            self._stream = Path(path).open("ab")  # noqa: SIM115  open as long as the agent runs
        except OSError as error:
            raise SpitError(f"{path}: cannot be written: {error.strerror}") from None

    def take(self, events: pa.RecordBatch) -> None:
        """A line per event; a reader of the file or pipe has them at once."""
        self._stream.write(write_jsonl(events))
        self._stream.flush()

    def idle(self) -> None:
        """Nothing is held back."""

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Close the file; standard output stays open."""
        if self._stream is not sys.stdout.buffer:
            self._stream.close()
