"""Capture files as tshark reads them: TLS with a key log, SCTP and what else the own decoder does not know.

A process per file (``spit.capture.tshark``) gives the bytes of each message; the Rust core parses and tracks
them, so that the rows are those of ``spit.capture.files``.
"""

from __future__ import annotations

import csv
import heapq
import importlib.util
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from spit._core import Feed, call_columns, write_jsonl
from spit.capture.tshark import require_programs
from spit.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa

#: Messages per batch: tshark gives some hundred a second, and whoever watches wants rows.
BATCH_MESSAGES = 256


class TsharkFiles:
    """The messages, calls or call events of capture files, read once, as ``CaptureFiles`` gives them.

    ``tls_keys``: a key log as SIP stacks and browsers write it (SSLKEYLOGFILE). ``command``: for the error.
    Raises MissingExtraError without pyshark, InputError without tshark or when the key log can't be read.
    """

    def __init__(
        self,
        paths: Sequence[str],
        settings: Mapping[str, object] | None = None,
        *,
        tls_keys: str | None = None,
        command: str = "messages",
    ) -> None:
        if "-" in paths:
            raise InputError("standard input (-): expected files, because --decoder tshark can't read pipes")
        if importlib.util.find_spec("pyshark") is None:
            raise MissingExtraError(command, "tshark", "pyshark")
        require_programs()
        if tls_keys is not None:
            with Path(tls_keys).open("rb"):
                pass
        self._settings = None if settings is None else dict(settings)
        self._feed: Feed | None = None
        self._files = [_DissectedFile(path, tls_keys) for path in paths]
        self._read_bytes = 0

    def messages(self) -> Iterator[pa.RecordBatch]:
        """A row per SIP message (records.MESSAGE_SCHEMA)."""
        return self._batches("messages", lambda feed: feed.read_messages())

    def calls(self) -> Iterator[pa.RecordBatch]:
        """A row per finished call (records.CALL_SCHEMA)."""
        return self._batches("calls", lambda feed: feed.read_calls())

    def calls_text(self, format_: str) -> Iterator[bytes]:
        """The rows of ``calls`` as lines of ``csv``, header line first, or ``jsonl``."""
        if format_ == "csv":
            yield ",".join(call_columns()).encode() + b"\n"
        for batch in self.calls():
            yield _csv_lines(batch) if format_ == "csv" else write_jsonl(batch)

    def events(self, *, scored: bool = False) -> Iterator[pa.RecordBatch]:  # noqa: ARG002  all are given
        """A row per call event (records.EVENT_SCHEMA)."""
        return self._batches("events", lambda feed: feed.read_events())

    def read_ahead(self) -> None:
        """Start the processes, while the caller imports what it needs."""
        for file in self._files:
            file.start()

    def damages(self) -> list[str]:
        """One line per input that could not be read to its end: where, expected, found."""
        return [file.damage for file in self._files if file.damage is not None]

    def counters(self) -> dict[str, int]:
        """Messages, drops and evictions so far, by name. tshark passes no packets on, so none are counted."""
        return (Feed() if self._feed is None else self._feed).counters()

    def progress(self) -> tuple[int, int | None]:
        """Bytes of messages so far; nobody knows how many there will be."""
        return self._read_bytes, None

    def _batches(self, kind: str, read: Callable[[Feed], pa.RecordBatch | None]) -> Iterator[pa.RecordBatch]:
        feed = self._feed = Feed(self._settings, kind=kind)
        self.read_ahead()
        streams = [file.messages() for file in self._files]
        try:
            for count, message in enumerate(heapq.merge(*streams, key=lambda one: one.time_us), start=1):
                feed.message(
                    message.time_us, message.source, message.destination, message.transport, message.data
                )
                self._read_bytes += len(message.data)
                if count % BATCH_MESSAGES == 0 and (batch := read(feed)) is not None:
                    yield batch
        finally:
            for file in self._files:
                file.stop()
        # Calls went on until the last packet, whatever it was.
        ends = [file.end_us for file in self._files if file.end_us is not None]
        if ends:
            feed.advance(max(ends))
        feed.flush()
        if (batch := read(feed)) is not None:
            yield batch


@dataclass(frozen=True, slots=True)
class _Message:
    """One SIP message as bytes. Addresses as ``ip:port``."""

    time_us: int
    source: str
    destination: str
    transport: str
    data: bytes


class _DissectedFile:
    """One file and the process that dissects it. ``end_us`` and ``damage`` are known when it has ended."""

    def __init__(self, path: str, tls_keys: str | None) -> None:
        self.end_us: int | None = None
        self.damage: str | None = None
        self._path = path
        # -P: what lies in the working directory is no part of the program.
        self._command = [sys.executable, "-P", "-W", "ignore", "-m", "spit.capture.tshark", "--raw"]
        self._command += [] if tls_keys is None else ["--tls-keys", tls_keys]
        self._command += ["--", path]
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None

    def start(self) -> None:
        """Begin to dissect; further calls do nothing."""
        if self._process is None:
            self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
            self._process = subprocess.Popen(  # noqa: S603  # a list of arguments, no shell
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._complaints
            )

    def messages(self) -> Iterator[_Message]:
        """The messages in the order of the file."""
        self.start()
        if self._process is None or self._process.stdout is None or self._complaints is None:
            return
        for line in self._process.stdout:
            row = json.loads(line)
            if "end_us" in row:
                self.end_us = row["end_us"]
                continue
            row["data"] = bytes.fromhex(row["data"])
            yield _Message(**row)
        if (status := self._process.wait()) != 0:
            self._complaints.seek(0)
            said = self._complaints.read().decode(errors="replace").strip().splitlines()
            self.damage = (
                said[-1] if said else f"{self._path}: expected tshark to end well, found exit status {status}"
            )

    def stop(self) -> None:
        """End the process if it still runs."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        if self._complaints is not None:
            self._complaints.close()


def _csv_lines(batch: pa.RecordBatch) -> bytes:
    """Rows as the core writes them (RFC 4180): null empty, truth in small letters."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
        writer.writerow(str(value).lower() if isinstance(value, bool) else value for value in row)
    return text.getvalue().encode()
