"""The portable path: scapy reads interfaces in a thread, the core decodes and tracks (``_core.Feed``)."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spit import _core
from spit.errors import MissingExtraError, SpitError

if TYPE_CHECKING:
    import pyarrow as pa

_ETHERNET = 1
_POLL_S = 0.2
_FEED_AT_ONCE = 1_024
_DEFAULT_QUEUE_MESSAGES = 100_000
_DEFAULT_RING_MIB = 32
_SO_RCVBUFFORCE = 33  # Linux, socket(7)
#: Linux, packet(7): received and dropped since the last look.
_SOL_PACKET, _PACKET_STATISTICS = 263, 6


class SniffedInterfaces:
    """Interfaces read by scapy; satisfies ``live.LiveSource``.

    A few ten thousand packets a second; what is more than ``queue_messages`` behind is dropped, oldest first,
    and counted. Raises SpitError when an interface cannot be opened, MissingExtraError without scapy.
    """

    def __init__(
        self, interfaces: Sequence[str], settings: Mapping[str, object], live: Mapping[str, object]
    ) -> None:
        try:
            import scapy.arch  # sets the kinds of socket in conf
            import scapy.layers.l2  # and this the kinds of link  # noqa: F401
            from scapy.config import conf
        except ImportError:
            raise MissingExtraError("agent --decoder scapy", "simulate", "scapy") from None
        self._excluded = frozenset(str(one) for one in _list(live.get("exclude")))
        self._feed = _core.Feed(dict(settings), kind="events")
        self._feeding = threading.Lock()
        self._sockets: list[Any] = []
        self._link_types: dict[int, int] = {}
        for interface in interfaces:
            try:
                opened = conf.L2listen(iface=interface)
            except PermissionError as error:
                self.close()
                raise SpitError(
                    f"{interface}: cannot be captured: {error.strerror}: it takes root or CAP_NET_RAW"
                ) from None
            except (OSError, ValueError) as error:
                self.close()
                raise SpitError(f"{interface}: cannot be captured: {error}") from None
            _enlarge(opened, int(str(live.get("ring_mib", _DEFAULT_RING_MIB))) * 2**20)
            self._sockets.append(opened)
            layers: dict[Any, int] = conf.l2types.layer2num
            self._link_types[id(opened)] = layers.get(getattr(opened, "LL", None), _ETHERNET)
        self._queue: deque[tuple[int, int, bytes]] = deque()
        self._room = int(str(live.get("queue_messages", _DEFAULT_QUEUE_MESSAGES)))
        self._arrived = threading.Condition()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._listen, args=(one,), name="sniff", daemon=True)
            for one in self._sockets
        ]
        self._counts = dict.fromkeys(
            ("kernel_received", "kernel_dropped", "ring_dropped", "queue_dropped", "excluded"), 0
        )
        self._failure: OSError | None = None
        self.ended = False

    def hep_addresses(self) -> list[str]:
        """None: this path reads interfaces only."""
        return []

    def start(self) -> None:
        """Begin to listen."""
        for thread in self._threads:
            thread.start()

    def read_events(self, max_rows: int, timeout_s: float) -> pa.RecordBatch | None:
        """As ``_core.LiveReader.read_events``. Raises OSError when an interface went away."""
        with self._arrived:
            if not self._queue and not self._stopping.is_set():
                self._arrived.wait(timeout_s)
            frames = [self._queue.popleft() for _ in range(min(len(self._queue), _FEED_AT_ONCE, max_rows))]
            failure = self._failure
        if not frames and failure is not None:
            raise failure
        with self._feeding:
            for time_us, link_type, data in frames:
                self._feed.frame(time_us, link_type, data)
            if not frames:
                # Timeouts of calls go by the traffic's time; where there is none, by the clock.
                self._feed.advance(time.time_ns() // 1_000)
            events: pa.RecordBatch | None = self._feed.read_events()
        if events is None and not frames and self._stopping.is_set():
            self.close()
            self.ended = True
        return events

    def stop(self) -> None:
        """Stop listening."""
        self._stopping.set()
        with self._arrived:
            self._arrived.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def counters(self) -> dict[str, int]:
        """The kernel's, the queue's, then the decoder's and the tracker's."""
        with self._feeding:
            return {**self._counts, **self._feed.counters()}

    def close(self) -> None:
        """Give the interfaces free."""
        for one in self._sockets:
            one.close()
        self._sockets = []

    def _listen(self, source: Any) -> None:
        link_type = self._link_types[id(source)]
        try:
            while not self._stopping.is_set():
                readable, _, _ = select.select([source], [], [], _POLL_S)
                if readable:
                    _, data, at_s = source.recv_raw()
                    if data is not None:
                        time_us = time.time_ns() // 1_000 if at_s is None else round(float(at_s) * 1e6)
                        self._put(time_us, link_type, data)
                else:
                    self._count_kernel(source)
            self._count_kernel(source)
        except OSError as error:
            with self._arrived:
                self._failure = error
                self._arrived.notify_all()

    def _put(self, time_us: int, link_type: int, data: bytes) -> None:
        if self._excluded and link_type == _ETHERNET and not self._excluded.isdisjoint(endpoints(data)):
            self._counts["excluded"] += 1
            return
        with self._arrived:
            if len(self._queue) >= self._room:
                self._queue.popleft()
                self._counts["queue_dropped"] += 1
            self._queue.append((time_us, link_type, data))
            self._arrived.notify()

    def _count_kernel(self, source: Any) -> None:
        kernel = getattr(source, "ins", None)
        if not isinstance(kernel, socket.socket):
            return
        try:
            received, dropped = struct.unpack("II", kernel.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        except OSError:
            return  # not a packet socket of Linux: its kernel does not tell
        with self._arrived:
            self._counts["kernel_received"] += received
            self._counts["kernel_dropped"] += dropped


def _enlarge(source: Any, size_bytes: int) -> None:
    """The kernel's buffer of a packet socket: scapy's own holds a few dozen packets."""
    kernel = getattr(source, "ins", None)
    if isinstance(kernel, socket.socket):
        try:
            kernel.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size_bytes)
        except OSError:  # takes CAP_NET_ADMIN; without it up to the system's bound
            kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size_bytes)


def endpoints(frame: bytes) -> tuple[str, ...]:
    """Source and destination of an Ethernet frame as ``ip:port``; nothing where it is no plain TCP or UDP."""
    at = 12
    kind = frame[at : at + 2]
    while kind in (b"\x81\x00", b"\x88\xa8"):
        at += 4
        kind = frame[at : at + 2]
    at += 2
    if kind == b"\x08\x00" and len(frame) >= at + 20:
        protocol, width, addresses = frame[at + 9], 4, at + 12
        family, ports = socket.AF_INET, at + 4 * (frame[at] & 0x0F)
    elif kind == b"\x86\xdd" and len(frame) >= at + 40:
        protocol, width, addresses = frame[at + 6], 16, at + 8
        family, ports = socket.AF_INET6, at + 40
    else:
        return ()
    if protocol not in (6, 17) or len(frame) < ports + 4:
        return ()
    found = []
    for index in range(2):
        address = socket.inet_ntop(family, frame[addresses + index * width : addresses + (index + 1) * width])
        port = int.from_bytes(frame[ports + 2 * index : ports + 2 * index + 2])
        found.append(f"[{address}]:{port}" if width == 16 else f"{address}:{port}")
    return tuple(found)


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
