"""Captures of raw IP packets, written byte by byte: the decoder under test has no part in them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from spit import _core

SERVER_PORT = 5060
Row = dict[str, Any]


def _ipv4(protocol: int, payload: bytes) -> bytes:
    header = struct.pack(
        "!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0
    )  # the checksum is the sender's offload
    return header + b"\x0a\0\0\1\x0a\0\0\2" + payload


def datagram(payload: bytes) -> bytes:
    return _ipv4(17, struct.pack("!HHHH", SERVER_PORT, SERVER_PORT, 8 + len(payload), 0) + payload)


def stream(port: int, segments: Iterable[bytes]) -> list[bytes]:
    """A connection from a port, in these segments."""
    packets: list[bytes] = []
    sequence = 0xFFFFFFF0
    for payload in segments:
        header = struct.pack("!HHIIBBHHH", port, SERVER_PORT, sequence, 0, 5 << 4, 0x18, 0, 0, 0)
        packets.append(_ipv4(6, header + payload))
        sequence = (sequence + len(payload)) & 0xFFFFFFFF
    return packets


def messages(path: Path, packets: Sequence[bytes]) -> list[Row]:
    """The messages of a capture of these packets, which is written to ``path``."""
    records = [struct.pack("<IIII", 1, 0, len(packet), len(packet)) + packet for packet in packets]
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 101) + b"".join(records))
    reader = _core.CaptureReader([str(path)])
    rows: list[Row] = []
    while (batch := reader.read_messages(10_000)) is not None:
        rows += batch.to_pylist()
    assert reader.damages() == []
    return rows
