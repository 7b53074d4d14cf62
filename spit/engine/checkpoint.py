"""A saved state on disk: numbered snapshots and a file ``CURRENT`` that names the one that counts.

``CURRENT`` is replaced atomically after the snapshot is complete: a crash while saving leaves the old state.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from spit.errors import InputError

FORMAT_VERSION = 1
_SNAPSHOT = re.compile(r"snapshot-(\d{1,12})")


@contextmanager
def new_snapshot(directory: Path) -> Iterator[Path]:
    """A directory to fill; when the block ends well it becomes the current one and the others are removed."""
    directory.mkdir(parents=True, exist_ok=True)
    numbers = [int(m.group(1)) for p in directory.iterdir() if (m := _SNAPSHOT.fullmatch(p.name))]
    snapshot = directory / f"snapshot-{max(numbers, default=0) + 1}"
    snapshot.mkdir()
    try:
        yield snapshot
        for file in snapshot.rglob("*"):
            if file.is_file():
                _sync(file)
        scratch = directory / "CURRENT.new"
        scratch.write_text(snapshot.name + "\n")
        _sync(scratch)
        scratch.replace(directory / "CURRENT")
        _sync(directory)
    except BaseException:
        shutil.rmtree(snapshot, ignore_errors=True)
        raise
    for other in directory.iterdir():
        if _SNAPSHOT.fullmatch(other.name) and other != snapshot:
            shutil.rmtree(other, ignore_errors=True)


def current_snapshot(directory: Path) -> Path:
    """The snapshot that counts. Raises InputError when there is none."""
    try:
        name = (directory / "CURRENT").read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{directory}: expected a saved state with a file CURRENT, found: {error}") from None
    if not _SNAPSHOT.fullmatch(name) or not (directory / name).is_dir():
        raise InputError(f"{directory / 'CURRENT'}: expected the name of a snapshot here, found {name!r}")
    return directory / name


def write_facts(snapshot: Path, facts: dict[str, Any]) -> None:
    """Write what is neither feature, evidence nor caller."""
    (snapshot / "engine.json").write_text(json.dumps({"format_version": FORMAT_VERSION, **facts}) + "\n")


def read_facts(snapshot: Path, *, schema_hash: str) -> dict[str, Any]:
    """What ``write_facts`` wrote. Raises InputError when damaged or made with other features."""
    path = snapshot / "engine.json"
    try:
        facts = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected the facts of a saved state, found: {error}") from None
    expected = {"format_version": FORMAT_VERSION, "schema_hash": schema_hash}
    found = {name: facts.get(name) for name in expected} if isinstance(facts, dict) else facts
    if found != expected:
        raise InputError(f"{path}: saved by another version: expected {expected}, found {found}")
    for name in ("now_us", "events", "attempts"):
        value = facts.get(name)
        if not isinstance(value, int) and not (name == "now_us" and value is None):
            raise InputError(f"{path}: field {name!r}: expected a number, found {value!r}")
    return dict(facts)


def write_batch(path: Path, batch: pa.RecordBatch) -> None:
    """One record batch as an Arrow IPC file."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def read_batch(path: Path) -> pa.RecordBatch:
    """What ``write_batch`` wrote. Raises InputError."""
    try:
        with pa.OSFile(str(path), "rb") as source:
            table = pa.ipc.open_file(source).read_all()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: expected an Arrow file of a saved state, found: {error}") from None
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
