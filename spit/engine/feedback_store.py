"""Reports on disk: a CSV file that is only appended to, and that ``spit train --labels`` reads."""

from __future__ import annotations

import csv
import io
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from spit.engine.feedback import Report
from spit.engine.feedback_labels import REPORT_COLUMNS
from spit.errors import InputError

_KEY_BYTES = 32


class FeedbackStore:
    """Appends reports to the file ``path``; each is on disk when ``append`` returns.

    Beside it lies ``path.key``, the secret of the reporters' hashes, readable by the owner alone. Raises
    OSError, and InputError where the file is no store.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        header = ",".join(REPORT_COLUMNS) + "\n"
        with path.open("a+b") as file:
            size = file.tell()
            if size == 0:
                file.write(header.encode())
                return
            file.seek(0)
            found = file.readline().decode("utf-8", "replace")
            if found != header:
                raise InputError(
                    f"{path}: expected a feedback store that begins with {header.strip()}, found others"
                )
            file.seek(size - 1)
            if file.read(1) != b"\n":
                # The last append was cut short: what is there of it stays, and the next one gets its own
                # line.
                file.write(b"\n")

    def key(self) -> bytes:
        """The secret; made when there is none."""
        place = self._path.with_name(self._path.name + ".key")
        try:
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            found = place.read_bytes()
            if len(found) != _KEY_BYTES:
                raise InputError(
                    f"{place}: expected a key of {_KEY_BYTES} bytes, found {len(found)}"
                ) from None
            return found
        key = secrets.token_bytes(_KEY_BYTES)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
        return key

    def append(self, reports: Sequence[Report]) -> None:
        """Write them down, in order."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for report in reports:
            writer.writerow(
                [
                    report.label,
                    report.call_id,
                    report.caller,
                    report.kind.value,
                    report.reporter_hash,
                    f"{report.time_us / 1e6:.6f}",
                    f"{report.weight:g}",
                ]
            )
        with self._path.open("ab") as file:
            file.write(text.getvalue().encode("utf-8", "backslashreplace"))
            file.flush()
            os.fsync(file.fileno())


def read_reports(path: Path) -> list[dict[str, str]]:
    """Every whole report of a store, oldest first; a line that was cut short is left out. Raises
    InputError.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if tuple(rows.fieldnames or ()) != REPORT_COLUMNS:
                raise InputError(
                    f"{path}: expected a feedback store with the columns {','.join(REPORT_COLUMNS)}, found "
                    f"{','.join(rows.fieldnames or ()) or 'nothing'}"
                )
            return [row for row in rows if None not in row and None not in row.values()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: expected a feedback store, found: {error}") from None
