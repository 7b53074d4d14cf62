"""A network of its own for tests of live capture: two ends of one cable, and frames to send over it."""

from __future__ import annotations

import ctypes
import gzip
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pytest

from spit import _core

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "captures/demo.pcap.gz"
DEADLINE_S = 60.0  # Only a failure takes so long.
CLONE_NEWNET = 0x40000000
T = TypeVar("T")

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None,
    reason="needs root, for packet sockets and a network namespace, and the program ip (iproute2)",
)


def in_own_network(body: Callable[[], T]) -> T:
    """Run ``body`` in a thread with a network of its own: ``near`` and ``far`` are ends of one cable."""

    def run() -> T:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
        # Or else the ends greet each other.
        for switch in Path("/proc/sys/net/ipv6/conf").glob("*/disable_ipv6"):
            switch.write_text("1")
        for command in (
            "link set lo up",
            "link add near type veth peer name far",
            "link set near up",
            "link set far up",
        ):
            subprocess.run(["ip", *command.split()], check=True)
        return body()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(run).result()


def frames_of(capture: Path) -> Iterator[bytes]:
    """The frames of a little-endian pcap file, gzip or not."""
    data = capture.read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    at = 24
    while at < len(data):
        (kept,) = struct.unpack_from("<8xI", data, at)
        yield data[at + 16 : at + 16 + kept]
        at += 16 + kept


def cable(interface: str = "far") -> socket.socket:
    """A socket that sends frames."""
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((interface, 0))
    return sender


def ethernet_udp(payload: bytes, *, source: str, destination: str, identification: int = 0) -> bytes:
    """An Ethernet frame with a UDP datagram; addresses are ``ip:port``, IPv4."""
    (source_ip, source_port), (destination_ip, destination_port) = (
        address.rsplit(":", 1) for address in (source, destination)
    )
    udp = struct.pack("!HHHH", int(source_port), int(destination_port), 8 + len(payload), 0) + payload
    return ethernet_ipv4(udp, source_ip, destination_ip, identification, 0)


def ethernet_ipv4(
    payload: bytes, source_ip: str, destination_ip: str, identification: int, fragment: int
) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), identification, fragment, 64, 17, 0)
    addresses = socket.inet_aton(source_ip) + socket.inet_aton(destination_ip)
    return b"\x02" * 12 + b"\x08\x00" + head + addresses + payload


def invite(call_id: str, *, padding: int = 0) -> bytes:
    return (
        f"INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{call_id}\r\n"
        f"From: <sip:+4930111@example.org>;tag=a\r\nTo: <sip:+4930222@example.org>\r\nCall-ID: {call_id}\r\n"
        f"CSeq: 1 INVITE\r\nX-Padding: {'x' * padding}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def wait_until(reader: _core.LiveReader, done: Callable[[], bool]) -> None:
    """Wait without reading."""
    end = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < end, f"not done after {DEADLINE_S} s: {reader.counters()}"


def read_until(reader: _core.LiveReader, done: Callable[[], bool]) -> list[dict[str, object]]:
    """The events until ``done``, then those up to the end of capture."""
    batches: list[pa.RecordBatch] = []
    end = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < end, f"not done after {DEADLINE_S} s: {reader.counters()}"
        batches += [batch] if (batch := reader.read_events(1000, 0.1)) is not None else []
    reader.stop()
    while not reader.ended:
        assert time.monotonic() < end, f"not ended after {DEADLINE_S} s: {reader.counters()}"
        batches += [batch] if (batch := reader.read_events(1000, 0.1)) is not None else []
    return [row for batch in batches for row in batch.to_pylist()]
