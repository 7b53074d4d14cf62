"""Call records on disk: Parquet by hour of the call's start, in parts that appear whole.

``DIR/date=2026-11-22/hour=14/part-FIRST-LAST.parquet``. Numbers only rise. A part of one number is what was
flushed then; a part of several is merged from what lay between them and stands for all of it, so that a crash
between merging and removing shows no call twice to those who list by ``hour_parts``.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spit.errors import ConfigError
from spit.records import RECORD_SCHEMA

HOUR_S = 3_600
#: Parts are merged up to this many calls: about 100 MB in memory.
MERGE_ROWS = 250_000
_ROW_GROUP_ROWS = 16_384
#: An hour is over when calls have started so much later.
_GRACE_S = 600
#: Later times are somebody's mistake; they are all kept in the last hour of the year 2100.
_LAST_HOUR = 4_102_444_800 // HOUR_S - 1
_PART = re.compile(r"part-(\d{12})-(\d{12})\.parquet")
_FOLDER = re.compile(r"date=(\d{4}-\d{2}-\d{2})/hour=(\d{2})")
_LOCK = ".lock"

#: Columns whose values repeat; a dictionary of the others costs time and saves nothing.
_REPEATING = [
    "caller", "callee", "source_ip", "destination_ip", "transport", "user_agent", "fingerprint",
    "attestation", "origid", "verstat", "media", "exemption", "outcome", "final_status", "hangup_by",
    "method", "label", "action", "model",
]  # fmt: skip

_log = logging.getLogger("spit.records")


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """A file with the calls of one hour that were flushed from number ``first`` to ``last``."""

    first: int
    last: int
    path: Path

    def covers(self, other: Part) -> bool:
        """Whether it stands for another part."""
        return self != other and self.first <= other.first and other.last <= self.last


def hour_folder(directory: Path, hour: int) -> Path:
    """``hour``: whole hours since 1970, UTC."""
    moment = datetime.fromtimestamp(hour * HOUR_S, UTC)
    return directory / f"date={moment:%Y-%m-%d}" / f"hour={moment:%H}"


def hour_folders(directory: Path) -> list[tuple[int, Path]]:
    """Every hour there is, the oldest first. Raises OSError."""
    found = []
    for folder in directory.glob("date=*/hour=*"):
        match = _FOLDER.fullmatch(f"{folder.parent.name}/{folder.name}")
        try:
            moment = datetime.strptime(f"{match[1]} {match[2]} +0000", "%Y-%m-%d %H %z") if match else None
        except ValueError:
            continue  # not ours
        if moment is not None:
            found.append((int(moment.timestamp()) // HOUR_S, folder))
    return sorted(found)


def hour_parts(folder: Path) -> tuple[list[Part], list[Part]]:
    """The parts of an hour that count, and those that another one stands for."""
    found = sorted(
        Part(int(match[1]), int(match[2]), path)
        for path in folder.iterdir()
        if (match := _PART.fullmatch(path.name))
    )
    covered = [part for part in found if any(other.covers(part) for other in found)]
    return [part for part in found if part not in covered], covered


def all_parts(
    directory: Path, since_s: float | None = None, until_s: float | None = None
) -> Iterator[tuple[int, Part]]:
    """Hour and part of every file that may hold calls started in that time, the oldest hour first."""
    for hour, folder in hour_folders(directory):
        if since_s is not None and (hour + 1) * HOUR_S <= since_s:
            continue
        if until_s is not None and hour * HOUR_S >= until_s:
            continue
        try:
            parts, _ = hour_parts(folder)
        except FileNotFoundError:
            continue  # expired just now
        for part in parts:
            yield hour, part


class CallFiles:
    """Writes, merges and removes the files of one folder. For one thread at a time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock: int | None = None
        #: Hours with parts that may be worth merging.
        self._touched: set[int] = set()
        self._newest_s = 0.0
        self.files = 0
        self.files_merged = 0
        self.hours_expired = 0

    def open(self) -> int:
        """Claim the folder; the highest number in it, 0 when there is none.

        Raises ConfigError where another process writes there, OSError where nobody can.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self.directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise ConfigError(
                f"records.directory: expected a folder of its own, found {self.directory} in use by another "
                "process"
            ) from None
        try:
            return self._take_stock()
        except OSError:
            self.close()
            raise

    def _take_stock(self) -> int:
        highest = 0
        for hour, folder in hour_folders(self.directory):
            for unfinished in folder.glob(".part-*.tmp"):
                unfinished.unlink(missing_ok=True)
            live, covered = hour_parts(folder)
            highest = max([highest, *(part.last for part in live)])
            if len(live) > 1 or covered:
                self._touched.add(hour)
            if live:
                self._newest_s = float(hour * HOUR_S)
        return highest

    def close(self) -> None:
        """Leave the folder to others."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def write(self, calls: pa.Table, number: int) -> None:
        """Add ``calls`` (RECORD_SCHEMA) as part ``number`` of each of their hours, those that are not there
        yet. Raises OSError; what is written then stays, and the same call may be made again.
        """
        start_s = calls["start_time"].to_numpy()
        hours = np.clip(np.nan_to_num(start_s) // HOUR_S, 0, _LAST_HOUR).astype(np.int64)
        for hour in np.unique(hours).tolist():
            folder = hour_folder(self.directory, hour)
            part = Part(number, number, folder / _name(number, number))
            if folder.is_dir():
                live, _ = hour_parts(folder)
                if any(one == part or one.covers(part) for one in live):
                    continue
            else:
                _make_folder(folder, self.directory)
            _write_whole(calls.filter(pa.array(hours == hour)), part.path)
            self.files += 1
            self._touched.add(hour)
        if len(start_s):
            self._newest_s = max(self._newest_s, float(np.nanmax(start_s)))

    def merge(self) -> None:
        """Merge the small parts of hours that are over, by event time. Raises OSError."""
        for hour in sorted(self._touched):
            if (hour + 1) * HOUR_S + _GRACE_S <= self._newest_s:
                self._touched.discard(hour)  # also when it fails: the others come next time
                folder = hour_folder(self.directory, hour)
                if folder.is_dir():
                    self._merge_hour(folder)

    def expire(self, *, wall_s: float, retention_days: int, max_bytes: int) -> None:
        """Remove hours that are too old, and the oldest while there is too much; 0 is no limit.

        Age counts from the newest call, at most from ``wall_s``: neither a call from the future nor a clock
        that jumps there removes what is recent. Raises OSError.
        """
        found = hour_folders(self.directory)
        oldest_s = min(self._newest_s, wall_s) - retention_days * 86_400
        sizes = {
            hour: sum(file.stat().st_size for file in folder.iterdir() if _PART.fullmatch(file.name))
            for hour, folder in found
        }
        total = sum(sizes.values())
        for hour, folder in found:
            is_old = retention_days > 0 and (hour + 1) * HOUR_S <= oldest_s
            is_too_much = 0 < max_bytes < total and hour != found[-1][0]
            if is_old or is_too_much:
                for file in folder.iterdir():
                    if _PART.fullmatch(file.name):
                        file.unlink(missing_ok=True)
                _remove_empty(folder)
                total -= sizes[hour]
                self.hours_expired += 1
                self._touched.discard(hour)
                if is_too_much and not is_old:
                    _log.warning("%s: removed, because records.max_mib is reached", folder)

    def _merge_hour(self, folder: Path) -> None:
        live, covered = hour_parts(folder)
        for part in covered:
            part.path.unlink(missing_ok=True)
        run: list[Part] = []
        rows = 0
        for part in live:
            count = pq.read_metadata(part.path).num_rows
            if rows + count > MERGE_ROWS:
                self._merge_run(run)
                run, rows = [], 0
            run.append(part)
            rows += count
        self._merge_run(run)

    def _merge_run(self, run: list[Part]) -> None:
        if len(run) < 2:
            return
        tables = [pq.read_table(part.path, partitioning=None) for part in run]
        merged = pa.concat_tables(tables, promote_options="permissive")
        # By caller: who is asked about is found in few row groups.
        merged = merged.sort_by([("caller", "ascending"), ("start_time", "ascending")])
        first, last = run[0].first, run[-1].last
        _write_whole(merged, run[0].path.parent / _name(first, last))
        for part in run:
            part.path.unlink(missing_ok=True)
        self.files_merged += len(run)


def _name(first: int, last: int) -> str:
    return f"part-{first:012d}-{last:012d}.parquet"


def _write_whole(calls: pa.Table, path: Path) -> None:
    """The file appears under its name when all of it is on disk."""
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        with unfinished.open("wb") as file:
            pq.write_table(
                calls.cast(RECORD_SCHEMA),
                file,
                compression="zstd",
                use_dictionary=_REPEATING,
                row_group_size=_ROW_GROUP_ROWS,
            )
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _make_folder(folder: Path, directory: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for one in (folder.parent, directory):
        _sync(one)


def _remove_empty(folder: Path) -> None:
    for one in (folder, folder.parent):
        try:
            one.rmdir()
        except OSError:
            return  # something of others, or another hour, is in it


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
