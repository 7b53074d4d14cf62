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

FORMAT_VERSION = 2
_AGENT_FORMAT_VERSION = 1
#: The open calls of a live capture, as the core wrote them; optional.
TRACKER = "tracker.bin"
#: Touched while the program that saves is alive, so that the next one can say what was lost.
_ALIVE = "alive"
_SET_ASIDE = "set-aside"
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


def has_state(directory: Path) -> bool:
    """Whether something was saved here."""
    return (directory / "CURRENT").exists()


def set_aside(directory: Path) -> Path:
    """Put a state that cannot be used out of the way, in place of the one put there before; returns where."""
    place = directory / _SET_ASIDE
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for path in directory.iterdir():
        if path.name == "CURRENT" or _SNAPSHOT.fullmatch(path.name):
            path.replace(place / path.name)
    return place


def mark_alive(directory: Path) -> None:
    """Note that the program still runs."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _ALIVE).touch()


def mark_stopped(directory: Path) -> None:
    """Note that the program ended in order: nothing came after its last save."""
    (directory / _ALIVE).unlink(missing_ok=True)


def last_alive_us(directory: Path) -> int | None:
    """When ``mark_alive`` was last called, epoch µs by the file system's clock; None after an orderly end."""
    try:
        return (directory / _ALIVE).stat().st_mtime_ns // 1_000
    except OSError:
        return None


def read_tracker(snapshot: Path) -> bytes | None:
    """The open calls of a live capture, None where none were saved. Raises InputError."""
    path = snapshot / TRACKER
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: expected saved calls, found: {error}") from None


def open_calls(directory: Path) -> bytes | None:
    """The calls of the current snapshot; None where there are none, or no snapshot that can be read."""
    try:
        return read_tracker(current_snapshot(directory))
    except InputError:
        return None


def save_tracker(directory: Path, tracker: bytes, *, saved_at_us: int) -> None:
    """The state of an agent, which keeps no features: only open calls. Raises OSError."""
    with new_snapshot(directory) as snapshot:
        (snapshot / TRACKER).write_bytes(tracker)
        facts = {"format_version": _AGENT_FORMAT_VERSION, "saved_at_us": saved_at_us}
        (snapshot / "agent.json").write_text(json.dumps(facts) + "\n")


def load_tracker(directory: Path) -> tuple[int, bytes]:
    """What ``save_tracker`` wrote: when, epoch µs, and the calls. Raises InputError."""
    snapshot = current_snapshot(directory)
    path = snapshot / "agent.json"
    try:
        facts = json.loads(path.read_bytes())
        version, saved_at_us = facts["format_version"], int(facts["saved_at_us"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: expected the facts of a saved state, found: {error}") from None
    tracker = read_tracker(snapshot)
    if version != _AGENT_FORMAT_VERSION or tracker is None:
        raise InputError(
            f"{snapshot}: expected calls of version {_AGENT_FORMAT_VERSION}, found version {version}"
        )
    return saved_at_us, tracker


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
    saved_at_us = facts.get("saved_at_us")
    if saved_at_us is not None and not isinstance(saved_at_us, int):
        raise InputError(f"{path}: field 'saved_at_us': expected a number, found {saved_at_us!r}")
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


def read_batches(snapshot: Path, family: str) -> dict[str, pa.RecordBatch]:
    """The record batches saved as ``FAMILY-NAME.arrow``, by name. Raises InputError."""
    return {
        path.stem.removeprefix(f"{family}-"): read_batch(path)
        for path in sorted(snapshot.glob(f"{family}-*.arrow"))
    }


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
