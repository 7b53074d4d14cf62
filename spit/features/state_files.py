"""Saved state: Arrow IPC files in a numbered folder, and a manifest that names the folder.

The manifest is replaced last, so a crash at any moment leaves the former state whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from spit.errors import InputError

MANIFEST = "manifest.json"
_FORMAT = 1


class Restorable(Protocol):
    """A primitive that continues from a state; ValueError when it cannot."""

    def restore(self, state: pa.RecordBatch) -> None: ...


def save(directory: Path, states: Iterable[tuple[str, pa.RecordBatch]], schema_hash: str) -> None:
    """Writes the states and then the manifest; removes older folders."""
    directory.mkdir(parents=True, exist_ok=True)
    taken = [int(path.name.removeprefix("state-")) for path in _folders(directory)]
    folder = directory / f"state-{max(taken, default=0) + 1}"
    folder.mkdir()
    files = {}
    for name, state in states:
        path = folder / f"{name}.arrow"
        with path.open("wb") as out:
            with pa.ipc.new_file(out, state.schema) as writer:
                writer.write_batch(state)
            out.flush()
            os.fsync(out.fileno())
        files[name] = _digest(path)
    _sync(folder)
    manifest = {"format": _FORMAT, "schema_hash": schema_hash, "folder": folder.name, "sha256": files}
    temporary = directory / f"{MANIFEST}.new"
    with temporary.open("w", encoding="utf-8") as out:
        json.dump(manifest, out, indent=2)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(directory / MANIFEST)
    _sync(directory)
    for old in _folders(directory):
        if old != folder:
            shutil.rmtree(old)


def load(directory: Path, primitives: Mapping[str, Restorable], schema_hash: str) -> None:
    """Restores every primitive. Raises InputError that says which file, what was expected and found."""
    path = directory / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected the manifest of saved features, found {error}") from error
    found = {key: _entry(manifest, key) for key in ("format", "schema_hash", "folder", "sha256")}
    for key, expected in (("format", _FORMAT), ("schema_hash", schema_hash)):
        if found[key] != expected:
            raise InputError(f"{path}: expected the {key} {expected}, found {found[key]}")
    files = found["sha256"]
    if not isinstance(files, dict) or set(files) != set(primitives):
        raise InputError(f"{path}: expected files for {', '.join(primitives)}, found {files}")
    folder = directory / Path(str(found["folder"])).name
    for name, primitive in primitives.items():
        _restore(folder / f"{name}.arrow", files[name], primitive)


def _restore(path: Path, digest: object, primitive: Restorable) -> None:
    try:
        actual = _digest(path)
        if actual != digest:
            raise InputError(f"{path}: expected the SHA-256 {digest}, found {actual}: the file is damaged")
        with pa.memory_map(str(path)) as mapped, pa.ipc.open_file(mapped) as reader:
            if reader.num_record_batches != 1:
                raise InputError(f"{path}: expected one record batch, found {reader.num_record_batches}")
            primitive.restore(reader.get_batch(0))
    except (OSError, ValueError) as error:  # pa.ArrowInvalid is a ValueError
        raise InputError(f"{path}: {error}") from error


def _entry(manifest: Any, key: str) -> object:
    return manifest.get(key) if isinstance(manifest, dict) else None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folders(directory: Path) -> list[Path]:
    return [path for path in directory.glob("state-*") if path.name.removeprefix("state-").isdecimal()]


def _sync(directory: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
