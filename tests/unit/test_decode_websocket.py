"""SIP in WebSocket frames (RFC 7118) inside captures made by scapy, and what tshark reads in them."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hep_packets import connection, read, sip

MASK = bytes([0x37, 0xFA, 0x21, 0x3D])
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: sip.example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://www.example.org\r\n"
    b"Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)
OK = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bK1\r\nFrom: <sip:alice@example.org>;tag=1\r\n"
    b"To: <sip:bob@example.org>;tag=2\r\nCall-ID: answer\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)


def frame(first: int, payload: bytes, *, mask: bytes = b"") -> bytes:
    """One frame: ``first`` holds FIN, RSV and opcode (RFC 6455 section 5.2)."""
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head = bytes([first, bit | len(payload)])
    elif len(payload) < 65_536:
        head = bytes([first, bit | 126]) + struct.pack("!H", len(payload))
    else:
        head = bytes([first, bit | 127]) + struct.pack("!Q", len(payload))
    body = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)) if mask else payload
    return head + mask + body


def call_ids(rows: list[dict[str, object]]) -> list[object]:
    return [row["call_id"] for row in rows]


def test_masked_from_the_client_and_unmasked_from_the_server(tmp_path: Path) -> None:
    packets = connection(
        [REQUEST, frame(0x81, sip("one"), mask=MASK)], dport=80, back=[RESPONSE, frame(0x82, OK)]
    )
    rows, counters = read(tmp_path / "c.pcap", packets)
    assert call_ids(rows) == ["one", "answer"]
    assert {row["transport"] for row in rows} == {"ws"}
    assert rows[1]["source"] == "198.51.100.2:80"
    assert (counters["ws_frames"], counters["ws_messages"]) == (2, 2)
    # The heads of HTTP are part of the protocol, not junk.
    assert "tcp_junk_bytes" not in counters


@pytest.mark.parametrize("mask", [b"", MASK])
def test_fragments_with_control_frames_between_them(tmp_path: Path, mask: bytes) -> None:
    message = sip("one")
    stream = (
        frame(0x01, message[:50], mask=mask)
        + frame(0x89, b"are you there", mask=mask)
        + frame(0x00, message[50:60], mask=mask)
        + frame(0x8A, b"", mask=mask)
        + frame(0x80, message[60:], mask=mask)
        + frame(0x81, b"\r\n\r\n", mask=mask)
        + frame(0x81, sip("two"), mask=mask)
        + frame(0x88, b"\x03\xe8", mask=mask)
    )
    for size in (1, 13, len(stream)):
        parts = [stream[at : at + size] for at in range(0, len(stream), size)]
        rows, counters = read(tmp_path / "c.pcap", connection([REQUEST, *parts]))
        assert call_ids(rows) == ["one", "two"], size
        assert (counters["ws_frames"], counters["ws_messages"]) == (8, 3)
        assert not {"ws_bad", "tcp_junk_bytes"} & set(counters)


def test_long_payloads_have_longer_lengths(tmp_path: Path) -> None:
    # Nothing in a frame's message needs Content-Length: the frame says where it ends.
    long = sip("long").replace(b"Content-Length: 0\r\n", b"X: " + b"x" * 70_000 + b"\r\n")
    stream = frame(0x81, long, mask=MASK) + frame(0x81, sip("short"), mask=MASK)
    parts = [REQUEST, *(stream[at : at + 1400] for at in range(0, len(stream), 1400))]
    rows, _ = read(tmp_path / "c.pcap", connection(parts))
    assert call_ids(rows) == ["long", "short"]


@pytest.mark.parametrize("mask", [b"", MASK])
def test_a_capture_that_begins_within_the_connection(tmp_path: Path, mask: bytes) -> None:
    torn = frame(0x81, sip("torn"), mask=mask)[100:]
    parts = [torn, frame(0x81, sip("one"), mask=mask), frame(0x82, sip("two"), mask=mask)]
    rows, _ = read(tmp_path / "c.pcap", connection(parts, begin=False))
    assert call_ids(rows) == ["one", "two"]
    assert {row["transport"] for row in rows} == {"ws"}


def test_a_lost_segment_costs_the_messages_within_it_only(tmp_path: Path) -> None:
    parts = [frame(0x81, sip(name), mask=MASK) for name in ("one", "lost", "three", "four")]
    packets = connection([REQUEST, *parts])
    del packets[3]
    rows, counters = read(tmp_path / "c.pcap", packets)
    assert call_ids(rows) == ["one", "three", "four"]
    assert counters["tcp_gaps"] == 1


def test_compressed_messages_and_lies_are_counted(tmp_path: Path) -> None:
    lie = frame(0x81, sip("lie"))
    lie = lie[:2] + struct.pack("!H", len(lie)) + lie[4:]
    parts = [
        REQUEST,
        frame(0xC1, b"\xaa\xbb\xcc"),
        frame(0x81, sip("one")),
        frame(0x83, b"reserved"),
        lie,
        frame(0x81, sip("hidden")),
        frame(0x81, sip("last")),
    ]
    rows, counters = read(tmp_path / "c.pcap", connection(parts))
    assert call_ids(rows) == ["one", "lie", "last"]
    assert counters["ws_compressed"] == 1
    assert counters["ws_bad"] >= 2


def test_frames_without_sip_are_given_up(tmp_path: Path) -> None:
    chat = [frame(0x81, b"{" + b"x" * 1000 + b"}") for _ in range(70)]
    rows, counters = read(tmp_path / "c.pcap", connection([REQUEST, *chat]))
    assert rows == []
    assert counters["tcp_not_sip"] == 1


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_messages_are_tsharks(tmp_path: Path) -> None:
    message = sip("two")
    packets = connection(
        [
            REQUEST,
            frame(0x81, sip("one"), mask=MASK),
            frame(0x01, message[:80], mask=MASK),
            frame(0x80, message[80:], mask=MASK),
        ],
        dport=80,
        back=[RESPONSE, frame(0x81, OK)],
    )
    # tshark takes the upgrade only in the order in which it happened.
    packets = [packets[at] for at in (0, 5, 1, 6, 2, 3, 4, 7)]
    for at, packet in enumerate(packets):
        packet.time = 1_700_000_000 + at
    path = tmp_path / "c.pcap"
    rows, _ = read(path, packets)
    done = subprocess.run(
        [sys.executable, "-m", "spit.capture.tshark", str(path)], capture_output=True, text=True, check=True
    )
    theirs = [json.loads(line) for line in done.stdout.splitlines()]
    assert [{name: row[name] for name in theirs[0]} for row in rows] == theirs
    assert len(rows) == 3
