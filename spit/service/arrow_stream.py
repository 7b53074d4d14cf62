"""Reads an Arrow IPC stream from a stranger: bounded by what was sent, checked before it is used."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pyarrow as pa

_DICTIONARY_BATCH = 2  # MessageHeader of Arrow's Message.fbs
_RECORD_BATCH = 3


def open_stream(body: bytes) -> pa.ipc.RecordBatchStreamReader:
    """A reader over ``body``. Raises pa.ArrowException, OSError or ValueError when it is not a sound stream.

    Compressed buffers are refused: they name a size of their own, so a small body could take all memory.
    """
    buffer = pa.py_buffer(body)
    for message in pa.ipc.MessageReader.open_stream(buffer):
        if _is_compressed(bytes(message.metadata)):
            raise ValueError("expected buffers without compression, found compressed ones")
    return pa.ipc.open_stream(buffer)


def read_batches(stream: pa.ipc.RecordBatchStreamReader, max_rows: int) -> Iterator[pa.RecordBatch]:
    """The batches, each validated down to its offsets and UTF-8. Raises ValueError past ``max_rows``."""
    rows = 0
    for batch in stream:
        rows += batch.num_rows
        if rows > max_rows:
            raise ValueError(f"expected at most {max_rows} rows in a body of this size, found {rows}")
        batch.validate(full=True)
        yield batch


def _is_compressed(metadata: bytes) -> bool:
    """Whether a message's flatbuffer (Message.fbs, verified by Arrow) carries a BodyCompression."""
    message = struct.unpack_from("<I", metadata)[0]
    kind_at = _field(metadata, message, 1)
    kind = metadata[kind_at] if kind_at else 0
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH):
        return False
    batch = _table(metadata, message, 2)
    if kind == _DICTIONARY_BATCH:
        batch = _table(metadata, batch, 1)
    return _field(metadata, batch, 3) != 0


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
