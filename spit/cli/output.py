"""Where rows go: standard output, or a file that appears under its name only when it is complete."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from spit.cli.parser import UsageError
from spit.errors import SpitError


@contextmanager
def open_target(path: str | None) -> Iterator[BinaryIO]:
    """A binary stream to ``path``, or to standard output where it is None or ``-``.

    A file is written beside its target and renamed when the block ends well, so that no reader meets half a
    file; when it does not, nothing is left behind. Devices and pipes are written directly.
    Raises SpitError when the file cannot be made.
    """
    if path is None or path == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    # A link keeps pointing where it points: the file behind it is replaced.
    target = Path(path).resolve()
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        try:
            stream = target.open("wb")
        except OSError as error:
            raise _cannot_write(path, error) from None
        with stream:
            yield stream
        return
    with new_file(target) as unfinished, unfinished.open("wb") as stream:
        yield stream


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A path to fill beside ``target``; it takes the target's place when the block ends well, else it goes.

    Raises SpitError when it cannot be made.
    """
    import tempfile  # not for /dev/null and pipes

    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    except OSError as error:
        raise _cannot_write(str(target), error) from None
    os.close(descriptor)
    unfinished = Path(name)
    try:
        yield unfinished
        # mkstemp makes a private file; the finished one gets the mode that any new file would get.
        unfinished.chmod(0o666 & ~_umask())
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def choose_format(wanted: str | None, path: str | None) -> str:
    """The format asked for, else table on a terminal and jsonl elsewhere.

    Raises UsageError for Parquet on a terminal.
    """
    terminal = path in (None, "-") and sys.stdout.isatty()
    if wanted is None:
        return "table" if terminal else "jsonl"
    if wanted == "parquet" and terminal:
        raise UsageError("--format parquet is binary: send it to a file with --output FILE, or to a pipe")
    return wanted


def to_terminal(path: str | None) -> bool:
    """Whether the rows of this run are read by a person as they appear."""
    return path in (None, "-") and sys.stdout.isatty()


class CountedStream(io.RawIOBase):
    """A stream that knows how many bytes it took: Parquet asks, and a pipe cannot tell."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(cast(bytes, data))
        self._stream.write(view)
        self._written += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        if not self.closed:
            self._stream.flush()


def _cannot_write(path: str, error: OSError) -> SpitError:
    return SpitError(f"{path}: cannot be written: {error.strerror}")


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
