"""HEP packets made by hand (HEP3 Network Protocol Specification), and captures made of them by scapy."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable
from pathlib import Path

from scapy.layers.inet import IP, TCP, UDP
from scapy.packet import Packet
from scapy.utils import wrpcap

from spit import _core

#: A moment between others: HEP's own times are held against it.
NOW_S = 1_700_000_000.25


def sip(call_id: str, method: str = "INVITE") -> bytes:
    """A request that needs nothing else to be a row."""
    return (
        f"{method} sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK{call_id}\r\n"
        f"From: <sip:alice@example.org>;tag=1\r\nTo: <sip:bob@example.org>\r\nCall-ID: {call_id}\r\n"
        f"CSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def hep3(
    payload: bytes,
    *,
    source: str = "192.0.2.1",
    destination: str = "192.0.2.2",
    time_s: float = NOW_S,
    ip_protocol: int = 17,
    protocol_type: int = 1,
    payload_chunk: int = 15,
    more: Iterable[tuple[int, int, bytes]] = (),
) -> bytes:
    """A packet of version 3; ``more`` are further chunks: vendor, type, value."""
    ends = [ipaddress.ip_address(source), ipaddress.ip_address(destination)]
    addresses = (3, 4) if ends[0].version == 4 else (5, 6)
    chunks = [
        (0, 1, bytes([2 if ends[0].version == 4 else 10])),
        (0, 2, bytes([ip_protocol])),
        (0, addresses[0], ends[0].packed),
        (0, addresses[1], ends[1].packed),
        (0, 7, struct.pack("!H", 5060)),
        (0, 8, struct.pack("!H", 5062)),
        (0, 9, struct.pack("!I", int(time_s))),
        (0, 10, struct.pack("!I", round(time_s % 1 * 1e6))),
        (0, 11, bytes([protocol_type])),
        (0, 12, struct.pack("!I", 7)),
        *more,
        (0, payload_chunk, payload),
    ]
    body = b"".join(
        struct.pack("!HHH", vendor, kind, len(value) + 6) + value for vendor, kind, value in chunks
    )
    return b"HEP3" + struct.pack("!H", len(body) + 6) + body


def hep2(payload: bytes, *, time_s: float = NOW_S) -> bytes:
    """A packet of version 2 over IPv4 as Kamailio sends it."""
    ends = ipaddress.ip_address("192.0.2.1").packed + ipaddress.ip_address("192.0.2.2").packed
    header = struct.pack("!BBBBHH", 2, 16, 2, 17, 5060, 5062) + ends
    return header + struct.pack("<IIHH", int(time_s), round(time_s % 1 * 1e6), 7, 0) + payload


def datagram(payload: bytes, *, time_s: float = NOW_S, port: int = 9060) -> Packet:
    """A packet from a sender to a collector."""
    packet = IP(src="198.51.100.1", dst="198.51.100.2") / UDP(sport=5060, dport=port) / payload
    packet.time = time_s
    return packet


def connection(
    chunks: Iterable[bytes],
    *,
    sport: int = 40000,
    dport: int = 9060,
    back: Iterable[bytes] = (),
    begin: bool = True,
) -> list[Packet]:
    """A TCP connection: what one side sends segment by segment, then what the other one sends."""
    ends = IP(src="198.51.100.1", dst="198.51.100.2"), IP(src="198.51.100.2", dst="198.51.100.1")
    ports = (sport, dport), (dport, sport)
    packets: list[Packet] = []
    for end, (source, destination), parts in zip(ends, ports, (list(chunks), list(back)), strict=True):
        sequence = 2**32 - 30
        if begin:
            packets.append(end / TCP(sport=source, dport=destination, flags="S", seq=sequence))
            sequence += 1
        for part in parts:
            packets.append(
                end / TCP(sport=source, dport=destination, flags="PA", seq=sequence % 2**32) / part
            )
            sequence += len(part)
    for at, packet in enumerate(packets):
        packet.time = NOW_S + at / 1000
    return packets


def read(
    path: Path, packets: list[Packet], settings: dict[str, object] | None = None
) -> tuple[list[dict[str, object]], dict[str, int]]:
    """Writes a capture and reads its messages: the rows, and the counters that are not 0."""
    wrpcap(str(path), packets, linktype=101)
    reader = _core.CaptureReader([str(path)], settings)
    rows: list[dict[str, object]] = []
    while (batch := reader.read_messages(1000)) is not None:
        rows += batch.to_pylist()
    return rows, {name: value for name, value in reader.counters().items() if value}
