"""The batches of the Rust core have exactly the columns, types and nullability that ``records`` promises."""

from __future__ import annotations

import struct
from pathlib import Path

import pyarrow as pa
import pytest

from spit import _core, records

CAPTURE = str(Path(__file__).parents[2] / "captures" / "wangiri.pcap")


@pytest.mark.parametrize(
    ("read", "schema"),
    [
        ("read_messages", records.MESSAGE_SCHEMA),
        ("read_events", records.EVENT_SCHEMA),
        ("read_calls", records.CALL_SCHEMA),
    ],
)
def test_batches_have_the_schema_of_the_records(read: str, schema: pa.Schema) -> None:
    batch = getattr(_core.CaptureReader([CAPTURE]), read)(100)
    assert batch.num_rows > 0
    assert batch.schema.equals(schema)


def test_a_batch_ends_before_its_text_outgrows_a_column(tmp_path: Path) -> None:
    """Columns count bytes in 31 bits: what is asked for in rows may be far more in text."""
    call_id = "x" * 60_000
    invite = (
        "INVITE sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
        f"Call-ID: {call_id}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    udp = struct.pack("!HHHH", 5060, 5060, 8 + len(invite), 0) + invite
    path, count = tmp_path / "long.pcap", 1_200
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 101))
        for number in range(count):
            header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0)
            packet = header + b"\x0a\0\0\1\x0a\0\0\2" + udp
            file.write(struct.pack("<IIII", 1 + number, 0, len(packet), len(packet)) + packet)
    reader = _core.CaptureReader([str(path)])
    rows = []
    while (batch := reader.read_messages(10 * count)) is not None:
        assert batch.nbytes < 2 * 64 * 2**20
        rows.append(batch.num_rows)
    assert sum(rows) == count
    assert len(rows) == 2
