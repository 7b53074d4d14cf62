"""Reads an Arrow IPC stream from a stranger: bounded by what was sent, checked before it is used."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pyarrow as pa

_DICTIONARY_BATCH = 2  # MessageHeader of Arrow's Message.fbs
_RECORD_BATCH = 3


def open_stream(body: bytes, max_unpacked: int) -> tuple[pa.ipc.RecordBatchStreamReader, int]:
    """A reader over ``body``, and the bytes that its buffers take when unpacked.

    Compressed buffers name a size of their own, which Arrow allocates before it unpacks: the sizes are summed
    first, so that a small body can't take all memory.
    Raises pa.ArrowException, OSError or ValueError when it is no sound stream or more than ``max_unpacked``.
    """
    buffer = pa.py_buffer(body)
    unpacked = 0
    for message in pa.ipc.MessageReader.open_stream(buffer):
        unpacked += _unpacked_bytes(bytes(message.metadata), message.body)
        if unpacked > max_unpacked:
            raise ValueError(f"expected at most {max_unpacked} bytes when unpacked, found more")
    return pa.ipc.open_stream(buffer), max(unpacked, len(body))


def read_batches(stream: pa.ipc.RecordBatchStreamReader, max_rows: int) -> Iterator[pa.RecordBatch]:
    """The batches, each validated down to its offsets and UTF-8. Raises ValueError past ``max_rows``."""
    rows = 0
    for batch in stream:
        rows += batch.num_rows
        if rows > max_rows:
            raise ValueError(f"expected at most {max_rows} rows in a body of this size, found {rows}")
        batch.validate(full=True)
        yield batch


def _unpacked_bytes(metadata: bytes, body: pa.Buffer | None) -> int:
    """What the buffers of a message (Message.fbs, verified by Arrow) take when unpacked."""
    message = struct.unpack_from("<I", metadata)[0]
    kind_at = _field(metadata, message, 1)
    kind = metadata[kind_at] if kind_at else 0
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH) or body is None:
        return 0
    batch = _table(metadata, message, 2)
    if kind == _DICTIONARY_BATCH:
        batch = _table(metadata, batch, 1)
    if not _field(metadata, batch, 3):  # no BodyCompression
        return int(body.size)
    buffers_at = _field(metadata, batch, 2)
    if not buffers_at:
        return 0
    vector = buffers_at + int(struct.unpack_from("<I", metadata, buffers_at)[0])
    count = int(struct.unpack_from("<I", metadata, vector)[0])
    view = memoryview(body)
    unpacked = 0
    for index in range(count):
        offset, length = struct.unpack_from("<qq", metadata, vector + 4 + 16 * index)
        if length == 0:
            continue
        if not 0 <= offset <= len(view) - 8:
            raise ValueError("a buffer outside of its message")
        size = int(struct.unpack_from("<q", view, offset)[0])
        if size < -1:
            raise ValueError(f"a buffer of {size} bytes")
        unpacked += length if size == -1 else size  # -1: this one was not worth compressing
    return unpacked


def _field(metadata: bytes, table: int, index: int) -> int:
    """Where field ``index`` of the table at ``table`` starts; 0 when it is absent."""
    vtable = table - int(struct.unpack_from("<i", metadata, table)[0])
    size = int(struct.unpack_from("<H", metadata, vtable)[0])
    slot = 4 + 2 * index
    if slot + 2 > size:
        return 0
    offset = int(struct.unpack_from("<H", metadata, vtable + slot)[0])
    return table + offset if offset else 0


def _table(metadata: bytes, table: int, index: int) -> int:
    at = _field(metadata, table, index)
    if not at:
        raise ValueError("a message without its batch")
    return at + int(struct.unpack_from("<I", metadata, at)[0])
