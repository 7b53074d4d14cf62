"""Ethernet frames of SIP messages as a mirror port sees them, in a pcap file."""

from __future__ import annotations

import struct
from pathlib import Path
from types import TracebackType
from typing import Self

from .draws import Draws
from .trunks import Connection

_PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)  # microseconds, Ethernet
_SYN, _SYN_ACK, _ACK, _PUSH_ACK = 0x02, 0x12, 0x10, 0x18
_TCP, _UDP, _FRAGMENT = 6, 17, 44
_SEGMENT_BYTES = 1400
_IPV4_PAYLOAD_BYTES, _IPV6_FRAGMENT_BYTES, _IPV6_PAYLOAD_BYTES = 1480, 1440, 1452


class PcapWriter:
    """Writes frames in order of time, no two at one moment. ``start_s``: Unix time of moment 0."""

    def __init__(self, path: Path, start_s: int) -> None:
        self.frames = 0
        self._start_s, self._last_s = start_s, 0.0
        self._file = path.open("wb", 1 << 20)

    def __enter__(self) -> Self:
        self._file.write(_PCAP_HEADER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, time_s: float, frame: bytes) -> None:
        time_s = time_s if time_s > self._last_s else self._last_s + 1e-6
        self._last_s = time_s
        self.frames += 1
        second = int(time_s)
        header = (self._start_s + second, int((time_s - second) * 1e6), len(frame), len(frame))
        self._file.write(struct.pack("<IIII", *header) + frame)


class Mirror:
    """Turns messages into frames: segments, fragments, doubled frames, and now and then none at all."""

    def __init__(self, draws: Draws, writer: PcapWriter) -> None:
        self._draws, self._writer = draws, writer

    def send(self, time_s: float, connection: Connection, direction: int, message: bytes) -> None:
        """Write the message's frames, unless the mirror loses it (only over UDP, where it shows as lost)."""
        if connection.tcp:
            if not connection.opened:
                connection.opened = True
                self._segment(time_s - 0.003, connection, 0, b"", _SYN)
                self._segment(time_s - 0.002, connection, 1, b"", _SYN_ACK)
                self._segment(time_s - 0.001, connection, 0, b"", _ACK)
            for part in self._split(message):
                self._segment(time_s, connection, direction, part, _PUSH_ACK)
                time_s += 2e-5
        elif self._draws.random() >= 0.0004:
            self._datagram(time_s, connection, direction, message)

    def _split(self, message: bytes) -> list[bytes]:
        """Segments of at most 1400 bytes; now and then two where one would do, cut anywhere."""
        parts = [message]
        size = len(message)
        if size > _SEGMENT_BYTES or self._draws.random() < 0.03:
            anywhere = self._draws.random() < 0.5 and size < 2600
            at = self._draws.randint(1, size - 1) if anywhere else _SEGMENT_BYTES
            at = min(max(at, size - _SEGMENT_BYTES), _SEGMENT_BYTES, size - 1)
            parts = [message[:at], message[at:]]
        while len(parts[-1]) > _SEGMENT_BYTES:
            rest = parts.pop()
            parts += [rest[:_SEGMENT_BYTES], rest[_SEGMENT_BYTES:]]
        return parts

    def _segment(
        self, time_s: float, connection: Connection, direction: int, data: bytes, flags: int
    ) -> None:
        source, destination = _ends(connection.ports, direction)
        sequence = connection.sequence
        acknowledged = 0 if flags == _SYN else sequence[1 - direction]
        header = struct.pack(
            "!HHIIBBHHH", source, destination, sequence[direction], acknowledged, 0x50, flags, 64000, 0, 0
        )
        pseudo = _pseudo_header(connection, direction, _TCP, 20 + len(data))
        checksum = struct.pack("!H", _checksum(pseudo + header + data))
        sequence[direction] = (sequence[direction] + len(data) + (1 if flags & _SYN else 0)) & 0xFFFFFFFF
        self._packet(time_s, connection, direction, _TCP, header[:16] + checksum + header[18:] + data)

    def _packet(
        self, time_s: float, connection: Connection, direction: int, protocol: int, payload: bytes
    ) -> bytes:
        make = _ipv6 if connection.ipv6 else _ipv4_next
        frame = make(connection, direction, protocol, payload)
        self._writer.write(time_s, frame)
        return frame

    def _datagram(self, time_s: float, connection: Connection, direction: int, message: bytes) -> None:
        source, destination = _ends(connection.ports, direction)
        size = 8 + len(message)
        header = struct.pack("!HHH", source, destination, size)
        if connection.ipv6:
            pseudo = _pseudo_header(connection, direction, _UDP, size)
            checksum = _checksum(pseudo + header + b"\0\0" + message)
            self._datagram_ipv6(time_s, connection, direction, header + struct.pack("!H", checksum) + message)
            return
        datagram = header + b"\0\0" + message  # a checksum of zero: none, as some SBCs send it
        if size <= _IPV4_PAYLOAD_BYTES:
            frame = self._packet(time_s, connection, direction, _UDP, datagram)
            if connection.doubled and self._draws.random() < 0.02:
                self._writer.write(time_s + 3e-5, frame)  # the same IP identification tells it
            return
        connection.ip_id[direction] = identification = (connection.ip_id[direction] + 1) & 0xFFFF
        for offset in range(0, size, _IPV4_PAYLOAD_BYTES):
            part = datagram[offset : offset + _IPV4_PAYLOAD_BYTES]
            more = offset + _IPV4_PAYLOAD_BYTES < size
            frame = _ipv4(connection, direction, _UDP, part, identification, offset, more)
            self._writer.write(time_s, frame)

    def _datagram_ipv6(self, time_s: float, connection: Connection, direction: int, datagram: bytes) -> None:
        size = len(datagram)
        if size <= _IPV6_PAYLOAD_BYTES:
            self._packet(time_s, connection, direction, _UDP, datagram)
            return
        identification = self._draws.getrandbits(32)
        for offset in range(0, size, _IPV6_FRAGMENT_BYTES):
            more = 1 if offset + _IPV6_FRAGMENT_BYTES < size else 0
            header = struct.pack("!BBHI", _UDP, 0, offset | more, identification)
            part = header + datagram[offset : offset + _IPV6_FRAGMENT_BYTES]
            self._packet(time_s, connection, direction, _FRAGMENT, part)


def _ends(of: tuple[int, int], direction: int) -> tuple[int, int]:
    return of if direction == 0 else (of[1], of[0])


def _addresses(connection: Connection, direction: int) -> bytes:
    first, second = connection.addresses
    return first + second if direction == 0 else second + first


def _ipv4_next(connection: Connection, direction: int, protocol: int, payload: bytes) -> bytes:
    """A whole packet with the connection's next identification."""
    connection.ip_id[direction] = identification = (connection.ip_id[direction] + 1) & 0xFFFF
    return _ipv4(connection, direction, protocol, payload, identification)


def _ipv4(
    connection: Connection,
    direction: int,
    protocol: int,
    payload: bytes,
    identification: int,
    offset: int = 0,
    more: bool = False,
) -> bytes:
    """A frame with an IPv4 packet (RFC 791), or with the fragment of one that begins at ``offset``."""
    service = 0x68 if protocol == _UDP else 0
    fragment = (more << 13) | (offset >> 3)
    header = struct.pack(
        "!BBHHHBBH", 0x45, service, 20 + len(payload), identification, fragment, 58, protocol, 0
    )
    header += _addresses(connection, direction)
    checksum = struct.pack("!H", _checksum(header))
    return connection.ethernet[direction] + header[:10] + checksum + header[12:] + payload


def _ipv6(connection: Connection, direction: int, next_header: int, payload: bytes) -> bytes:
    """A frame with an IPv6 packet (RFC 8200)."""
    header = struct.pack("!IHBB", 0x60000000, len(payload), next_header, 60)
    return connection.ethernet[direction] + header + _addresses(connection, direction) + payload


def _pseudo_header(connection: Connection, direction: int, protocol: int, size: int) -> bytes:
    if connection.ipv6:
        end = struct.pack("!IHBB", size, 0, 0, protocol)
    else:
        end = struct.pack("!BBH", 0, protocol, size)
    return _addresses(connection, direction) + end


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071); zero is written as its other form, as UDP asks for."""
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) >> 1}H", data)) % 65535
    return (~total & 0xFFFF) or 0xFFFF
