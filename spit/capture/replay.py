"""Sends the packets of a capture to an interface, at the capture's pace, faster, or as fast as it goes."""

from __future__ import annotations

import errno
import gzip
import math
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from spit.errors import InputError, MissingExtraError, SpitError

#: A capture up to this size is read before the first packet is sent, so that reading does not slow sending.
READ_BEFORE_BYTES = 256 * 2**20

_ETHERNET, _NULL, _LOOP, _COOKED, _COOKED2 = 1, 0, 108, 113, 276
_RAW_IP = frozenset({12, 14, 101, 228, 229})
#: Locally administered: from 02:…:01 to 02:…:02.
_MADE_ADDRESSES = bytes.fromhex("020000000002020000000001")
_IP_TYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}
#: Nearer than this a packet is sent at once: sleeping takes longer.
_NEAR_S = 0.0005
_FULL_PAUSE_S = 0.0005


@dataclass(frozen=True, slots=True)
class Frame:
    """An Ethernet frame and when it was captured, epoch seconds."""

    time_s: float
    data: bytes


class PacketSocket(Protocol):
    """As much of a socket as sending takes."""

    def send(self, data: bytes, /) -> int: ...


@dataclass(slots=True)
class Sent:
    """What a replay did."""

    packets: int = 0
    bytes: int = 0
    too_long: int = 0
    not_ip: int = 0
    seconds: float = 0.0


def read_frames(path: str, sent: Sent) -> Iterator[Frame]:
    """The frames of a capture, as Ethernet; packets that are no IP and have no Ethernet header are counted.

    Raises InputError when it cannot be read, MissingExtraError without scapy.
    """
    try:
        from scapy.error import Scapy_Exception
        from scapy.utils import RawPcapNgReader, RawPcapReader
    except ImportError:
        raise MissingExtraError("replay", "simulate", "scapy") from None
    with _open(path) as stream:
        try:
            reader: Any = RawPcapReader(cast(Any, stream))
        except (Scapy_Exception, EOFError) as error:
            raise InputError(f"{path}: expected a pcap or pcapng capture, found: {error}") from None
        newer = isinstance(reader, RawPcapNgReader)
        resolution = 1e9 if getattr(reader, "nano", False) else 1e6
        for data, about in reader:
            if newer:
                link_type = about.linktype
                time_s = ((about.tshigh or 0) << 32 | (about.tslow or 0)) / float(about.tsresol or 1e6)
            else:
                link_type, time_s = reader.linktype, about.sec + about.usec / resolution
            frame = as_ethernet(link_type, data)
            if frame is None:
                sent.not_ip += 1
            else:
                yield Frame(time_s, frame)


def _open(path: str) -> BinaryIO:
    """The capture's bytes, unpacked where they are gzip."""
    with Path(path).open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path)) if packed else Path(path).open("rb")


def as_ethernet(link_type: int, data: bytes) -> bytes | None:
    """The packet as an Ethernet frame; None where there is no IP packet to put into one."""
    if link_type == _ETHERNET:
        return data
    offset = {_NULL: 4, _LOOP: 4, _COOKED: 16, _COOKED2: 20}.get(link_type, 0)
    if not offset and link_type not in _RAW_IP:
        return None
    packet = data[offset:]
    kind = _IP_TYPES.get(packet[0] >> 4) if packet else None
    return None if kind is None else _MADE_ADDRESSES + kind + packet


def open_interface(name: str) -> socket.socket:
    """A packet socket on the interface. Raises SpitError: one line that says what is missing."""
    if not hasattr(socket, "AF_PACKET"):
        raise SpitError("spit replay sends through packet sockets, which only Linux has")
    try:
        packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError:
        raise SpitError(f"{name}: sending packets takes root or the capability CAP_NET_RAW") from None
    try:
        packets.bind((name, 0))
    except OSError as error:
        packets.close()
        raise SpitError(f"{name}: packets cannot be sent there: {error.strerror}") from None
    return packets


def replay(
    frames: Iterable[Frame],
    to: PacketSocket,
    sent: Sent,
    *,
    speed: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Send every frame once. ``speed``: times the capture's pace, infinite for no pauses.

    Frames longer than the interface takes are counted in ``sent``. Raises OSError when the interface is gone.
    """
    began_s = clock()
    first_s: float | None = None
    try:
        for frame in frames:
            if math.isfinite(speed):
                first_s = frame.time_s if first_s is None else first_s
                early_s = (frame.time_s - first_s) / speed - (clock() - began_s)
                if early_s > _NEAR_S:
                    sleep(early_s)
            if _send(to, frame.data, sleep):
                sent.packets += 1
                sent.bytes += len(frame.data)
            else:
                sent.too_long += 1
    finally:
        sent.seconds += clock() - began_s


def load_frames(path: str, sent: Sent) -> Callable[[], Iterable[Frame]]:
    """What gives the frames, each time anew: from memory where they fit, else from the file.

    Raises as ``read_frames``, OSError when there is no such file.
    """
    if Path(path).stat().st_size > READ_BEFORE_BYTES:
        return lambda: read_frames(path, sent)
    frames = list(read_frames(path, sent))
    return lambda: frames


def _send(to: PacketSocket, data: bytes, sleep: Callable[[float], None]) -> bool:
    while True:
        try:
            to.send(data)
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                return False
            if error.errno != errno.ENOBUFS:
                raise
            sleep(_FULL_PAUSE_S)  # the interface's queue is full
        else:
            return True
