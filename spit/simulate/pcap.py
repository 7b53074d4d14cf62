"""SIP messages in packets, written as pcap with scapy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spit.errors import MissingExtraError
from spit.simulate.dialogue import messages
from spit.simulate.plan import Plan

SIP_PORT = 5060
#: Ethernet, IPv4 and UDP headers without options.
ETHERNET_BYTES, IP_BYTES, UDP_BYTES = 14, 20, 8
LINKTYPE_ETHERNET = 1
#: Most of an IP payload in one packet of 1500 bytes; a multiple of eight.
FRAGMENT_BYTES = 1480
_PROGRESS_EVERY = 2_000


def write_capture(plan: Plan, path: Path, progress: Callable[[int], None] | None = None) -> int:
    """Writes the plan's packets to ``path`` (pcap, µs) and returns how many there are.

    ``progress`` is called now and then with the packets written so far. Raises MissingExtraError when scapy
    is not installed, OSError when the file cannot be written.
    """
    try:
        from scapy.utils import RawPcapWriter
    except ImportError:
        raise MissingExtraError("simulate", "simulate", "scapy") from None

    framer = _Framer()
    written = 0
    with path.open("wb") as file:
        # RawPcapWriter takes bytes: building a scapy packet per message would be ten times slower.
        writer = RawPcapWriter(file, linktype=LINKTYPE_ETHERNET, sync=False)
        writer.write_header(None)
        for time_us, source, destination, payload in messages(plan):
            seconds, microseconds = divmod(time_us, 1_000_000)
            for frame in framer.frames(source, destination, payload):
                writer.write_packet(frame, sec=seconds, usec=microseconds)
                written += 1
                if progress is not None and written % _PROGRESS_EVERY == 0:
                    progress(written)
        writer.flush()
    if progress is not None:
        progress(written)
    return written


class _Framer:
    """Wraps payloads in Ethernet, IPv4 and UDP; scapy builds the headers once per flow."""

    def __init__(self) -> None:
        self._headers: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        self._next_ip_id: dict[str, int] = {}

    def frames(self, source: str, destination: str, payload: bytes) -> list[bytes]:
        """The frames of one message with lengths and checksums: several where it exceeds the MTU."""
        from scapy.utils import checksum

        flow = (source, destination)
        if flow not in self._headers:
            self._headers[flow] = _build_headers(source, destination)
        link_and_ip, udp_ports = self._headers[flow]
        length = (UDP_BYTES + len(payload)).to_bytes(2, "big")
        # Pseudo header of RFC 768: addresses, protocol 17, UDP length.
        pseudo = link_and_ip[-8:] + b"\x00\x11" + length
        # A computed zero is sent as ones: zero means that there is no checksum.
        total = checksum(pseudo + udp_ports + length + b"\x00\x00" + payload) or 0xFFFF
        datagram = udp_ports + length + total.to_bytes(2, "big") + payload

        ip_id = self._next_ip_id.get(source, 0)
        self._next_ip_id[source] = (ip_id + 1) & 0xFFFF
        frames = []
        for offset in range(0, len(datagram), FRAGMENT_BYTES):
            part = datagram[offset : offset + FRAGMENT_BYTES]
            more = offset + FRAGMENT_BYTES < len(datagram)
            frame = bytearray(link_and_ip)
            frame[16:18] = (IP_BYTES + len(part)).to_bytes(2, "big")
            frame[18:20] = ip_id.to_bytes(2, "big")
            # RFC 791: offset in units of eight bytes, more-fragments flag above it.
            frame[20:22] = (offset // 8 | more << 13).to_bytes(2, "big")
            frame[24:26] = checksum(bytes(frame[ETHERNET_BYTES:])).to_bytes(2, "big")
            frames.append(bytes(frame) + part)
        return frames


def _build_headers(source: str, destination: str) -> tuple[bytes, bytes]:
    """Ethernet and IP headers with length, id, fragment and checksum zero; and the UDP ports."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    packet = (
        Ether(src=_mac(source), dst=_mac(destination))
        / IP(src=source, dst=destination, ttl=62, tos=0x60, len=0, id=0, chksum=0)
        / UDP(sport=SIP_PORT, dport=SIP_PORT, len=0, chksum=0)
    )
    built = bytes(packet)
    ports = ETHERNET_BYTES + IP_BYTES
    return built[:ports], built[ports : ports + 4]


def _mac(address: str) -> str:
    """A locally administered address that goes with the IP address."""
    return "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))
