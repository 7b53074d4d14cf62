"""The files of a journal: numbered segments of framed entries, read back as far as they are whole.

A segment is a header (what it is, and the Arrow schema of its events) and then frames: mark, length, CRC-32,
sequence number, payload. A payload is the entry's facts as JSON and one Arrow record batch message. A frame
that is cut short or damaged is passed over to the next mark whose CRC fits, and counted.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from spit.records import EVENT_SCHEMA

_MAGIC = b"SPITJNL1"
_HEADER = struct.Struct("<8sII")  # magic, bytes of the schema, its CRC-32
_MARK = b"\xa5JE\n"
_FRAME = struct.Struct("<4sIIQ")  # mark, bytes of the payload, CRC-32 of sequence and payload, sequence
_SEQUENCE = struct.Struct("<Q")
_FACTS = struct.Struct("<H")
_NAME = re.compile(r"segment-(\d{20})\.journal")


@dataclass(frozen=True, slots=True)
class Entry:
    """Events that were accepted together. ``agent``: who numbered them ``number``; None when nobody did."""

    sequence: int
    events: pa.RecordBatch  # records.EVENT_SCHEMA
    agent: str | None
    number: int


@dataclass(slots=True)
class ReadCounts:
    """What reading back has met. ``torn_bytes``: at the end of a segment; ``damaged_bytes``: before it."""

    entries: int = 0
    torn_bytes: int = 0
    damaged_bytes: int = 0
    unreadable: list[str] = field(default_factory=list)


def segment_name(sequence: int) -> str:
    """The file whose first entry is ``sequence``."""
    return f"segment-{sequence:020d}.journal"


def first_sequence(name: str) -> int | None:
    """Of the file with this name; None where it is no segment."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def segments(directory: Path) -> list[tuple[int, Path]]:
    """Every segment in the folder by its first sequence number; none where there is no folder."""
    if not directory.is_dir():
        return []
    found = ((first_sequence(path.name), path) for path in directory.iterdir())
    return sorted((first, path) for first, path in found if first is not None)


def encode_header() -> bytes:
    """What a segment begins with."""
    schema: bytes = EVENT_SCHEMA.serialize().to_pybytes()
    return _HEADER.pack(_MAGIC, len(schema), zlib.crc32(schema)) + schema


def encode_payload(events: pa.RecordBatch, agent: str | None, number: int) -> bytes:
    """The part of a frame that is long to make; needs no sequence number."""
    facts = json.dumps({} if agent is None else {"agent": agent, "number": number}).encode()
    batch = events.serialize()
    return b"".join((_FACTS.pack(len(facts)), facts, memoryview(batch)))


def encode_frame(sequence: int, payload: bytes) -> bytes:
    """Mark, length, CRC-32 and sequence number before ``payload``."""
    crc = zlib.crc32(payload, zlib.crc32(_SEQUENCE.pack(sequence)))
    return _FRAME.pack(_MARK, len(payload), crc, sequence) + payload


def read_entries(path: Path, counts: ReadCounts) -> Iterator[Entry]:
    """The whole entries of a segment, in order. What can't be read is noted in ``counts``."""
    try:
        data = path.read_bytes()
    except OSError as error:
        counts.unreadable.append(f"{path}: {error.strerror or error}")
        return
    schema, at = _read_header(data)
    if schema is None:
        # Cut off while it was made: nothing was accepted into it yet.
        counts.torn_bytes += len(data)
        return
    view = memoryview(data)
    while at < len(data):
        entry, end = _read_frame(view, at, schema)
        if entry is not None:
            counts.entries += 1
            yield entry
            at = end
            continue
        following = _next_frame(data, at + 1)
        if following is None:
            counts.torn_bytes += len(data) - at
            return
        counts.damaged_bytes += following - at
        at = following


def _read_header(data: bytes) -> tuple[pa.Schema | None, int]:
    if len(data) < _HEADER.size:
        return None, 0
    magic, length, crc = _HEADER.unpack_from(data)
    schema = data[_HEADER.size : _HEADER.size + length]
    if magic != _MAGIC or len(schema) < length or zlib.crc32(schema) != crc:
        return None, 0
    return pa.ipc.read_schema(pa.py_buffer(schema)), _HEADER.size + length


def _read_frame(data: memoryview, at: int, schema: pa.Schema) -> tuple[Entry | None, int]:
    """The entry at ``at`` and where it ends; None where there is no whole one."""
    payload = _payload(data, at)
    if payload is None:
        return None, at
    sequence = _FRAME.unpack_from(data, at)[3]
    (length,) = _FACTS.unpack_from(payload)
    facts = json.loads(bytes(payload[_FACTS.size : _FACTS.size + length]))
    # A copy: Arrow wants its buffers aligned, and the segment is not kept in memory by what is read of it.
    batch = pa.ipc.read_record_batch(pa.py_buffer(bytes(payload[_FACTS.size + length :])), schema)
    entry = Entry(sequence, _fit(batch), facts.get("agent"), facts.get("number", 0))
    return entry, at + _FRAME.size + len(payload)


def _payload(data: memoryview, at: int) -> memoryview | None:
    """Of the frame at ``at`` whose mark, length and CRC-32 are right."""
    if at + _FRAME.size > len(data):
        return None
    mark, length, crc, sequence = _FRAME.unpack_from(data, at)
    payload = data[at + _FRAME.size : at + _FRAME.size + length]
    if mark != _MARK or len(payload) < length or length < _FACTS.size:
        return None
    return payload if zlib.crc32(payload, zlib.crc32(_SEQUENCE.pack(sequence))) == crc else None


def _next_frame(data: bytes, start: int) -> int | None:
    view = memoryview(data)
    at = data.find(_MARK, start)
    while at >= 0:
        if _payload(view, at) is not None:
            return at
        at = data.find(_MARK, at + 1)
    return None


def _fit(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Under EVENT_SCHEMA, also where another version wrote it: columns that it did not have are null."""
    if batch.schema.equals(EVENT_SCHEMA):
        return batch
    known = set(batch.schema.names)
    columns = [
        batch[one.name].cast(one.type) if one.name in known else pa.nulls(batch.num_rows, one.type)
        for one in EVENT_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA)
