"""Calls that end, and the records that they become."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
from fake_live_reader import T0_US, events

from spit.cli.detector import build_engine
from spit.config import Config
from spit.engine.call_records import CallRecords, RecordLimits
from spit.engine.engine import Engine
from spit.storage.call_files import CallFiles
from spit.storage.pseudonyms import Pseudonyms

CALLER, CALLEE = "+12025550199", "+4930123456"
HOUR_US = 3_600_000_000


def ends(*call_ids: str, start_us: int = T0_US, **values: object) -> pa.RecordBatch:
    """An end per Call-ID, of calls of 9.5 s."""
    fixed: dict[str, object] = {
        "event": "end",
        "start_time_us": start_us,
        "time_us": start_us + 9_500_000,
        "end_time_us": start_us + 9_500_000,
        "caller": CALLER,
        "callee": CALLEE,
        "outcome": "answered",
        "duration_s": 4.25,
    }
    return events(*call_ids, **{**fixed, **values})


def open_records(
    directory: Path,
    *,
    wait_for_save: bool = False,
    pseudonyms: Pseudonyms | None = None,
    clock: Callable[[], float] = lambda: 0.0,
    wall_s: Callable[[], float] = lambda: T0_US / 1e6,
    limits: RecordLimits | None = None,
) -> CallRecords:
    """Records whose flush is due at once, unless ``limits`` say otherwise. No thread is started."""
    return CallRecords(
        CallFiles(directory),
        limits or RecordLimits(flush_s=0.0),
        pseudonyms=pseudonyms,
        wait_for_save=wait_for_save,
        clock=clock,
        wall_s=wall_s,
    )


def engine_with(records: CallRecords) -> Engine:
    return build_engine(Config(), saved=[records])


def files(directory: Path) -> list[str]:
    """Every file but the lock, by its path in the folder."""
    return sorted(
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() and path.name != ".lock"
    )


def recorded(directory: Path) -> list[str]:
    """Every Call-ID in every file, as any reader of Parquet sees it."""
    found: list[str] = []
    for path in sorted(directory.glob("date=*/hour=*/part-*.parquet")):
        found += pa.parquet.read_table(path, partitioning=None)["call_id"].to_pylist()
    return sorted(found)
