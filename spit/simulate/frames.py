"""Messages in frames: Ethernet, 802.1Q, IPv4 and IPv6 with fragments, UDP and TCP; scapy builds headers."""

from __future__ import annotations

from dataclasses import dataclass

from spit.simulate.dialogue import Message

SIP_PORT = 5060
#: IPv4 and UDP headers without options.
IP_BYTES, UDP_BYTES = 20, 8
#: Most of an IP payload in one packet of 1500 bytes; a multiple of eight.
FRAGMENT_BYTES = 1480
FRAGMENT_BYTES_V6 = 1448
#: TCP segments as a sender with an MTU of 1500 cuts them.
SEGMENT_BYTES = 1440


@dataclass(slots=True)
class _Flow:
    """One direction between two addresses. ``prefix``: what stands before the IP payload."""

    link_bytes: int
    prefix: bytes
    addresses: bytes  # source and destination, as a pseudo header has them
    next_sequence: int = 1


class Framer:
    """Wraps messages in frames with lengths and checksums; the headers of a flow are built once."""

    def __init__(self) -> None:
        self._flows: dict[tuple[str, str, str, int | None], _Flow] = {}
        self._next_ip_id: dict[str, int] = {}

    def frames(self, message: Message) -> list[bytes]:
        """The frames of one message: several where it exceeds the MTU."""
        key = (message.source, message.destination, message.transport, message.vlan)
        flow = self._flows.get(key)
        if flow is None:
            flow = self._flows[key] = _flow(message)
        if message.transport == "tcp":
            payloads = self._segments(message, flow)
        else:
            payloads = [_datagram(message.payload, flow)]
        pack = self._ipv6 if ":" in message.source else self._ipv4
        return [frame for payload in payloads for frame in pack(message, flow, payload)]

    def _segments(self, message: Message, flow: _Flow) -> list[bytes]:
        other = self._flows.get((message.destination, message.source, "tcp", message.vlan))
        acknowledged = other.next_sequence if other is not None else 1
        segments = []
        for offset in range(0, len(message.payload), SEGMENT_BYTES):
            part = message.payload[offset : offset + SEGMENT_BYTES]
            header = bytearray(20)
            header[0:4] = SIP_PORT.to_bytes(2, "big") * 2
            header[4:8] = flow.next_sequence.to_bytes(4, "big")
            header[8:12] = acknowledged.to_bytes(4, "big")
            # Header of five words; PSH and ACK; a window of 64 KiB.
            header[12:16] = b"\x50\x18\xff\xff"
            header[16:18] = _checksum(6, flow, bytes(header) + part).to_bytes(2, "big")
            segments.append(bytes(header) + part)
            flow.next_sequence = flow.next_sequence + len(part) & 0xFFFFFFFF
        return segments

    def _ip_id(self, source: str) -> int:
        ip_id = self._next_ip_id.get(source, 0)
        self._next_ip_id[source] = (ip_id + 1) & 0xFFFF
        return ip_id

    def _ipv4(self, message: Message, flow: _Flow, payload: bytes) -> list[bytes]:
        from scapy.utils import checksum

        ip_id, at = self._ip_id(message.source), flow.link_bytes
        frames = []
        for offset in range(0, len(payload), FRAGMENT_BYTES):
            part = payload[offset : offset + FRAGMENT_BYTES]
            more = offset + FRAGMENT_BYTES < len(payload)
            frame = bytearray(flow.prefix)
            frame[at + 2 : at + 4] = (IP_BYTES + len(part)).to_bytes(2, "big")
            frame[at + 4 : at + 6] = ip_id.to_bytes(2, "big")
            # RFC 791: offset in units of eight bytes, more-fragments flag above it.
            frame[at + 6 : at + 8] = (offset // 8 | more << 13).to_bytes(2, "big")
            frame[at + 10 : at + 12] = checksum(bytes(frame[at:])).to_bytes(2, "big")
            frames.append(bytes(frame) + part)
        return frames

    def _ipv6(self, message: Message, flow: _Flow, payload: bytes) -> list[bytes]:
        at = flow.link_bytes
        if len(payload) <= FRAGMENT_BYTES_V6 + 8:
            frame = bytearray(flow.prefix)
            frame[at + 4 : at + 6] = len(payload).to_bytes(2, "big")
            return [bytes(frame) + payload]
        protocol, ip_id = flow.prefix[at + 6], self._ip_id(message.source)
        frames = []
        for offset in range(0, len(payload), FRAGMENT_BYTES_V6):
            part = payload[offset : offset + FRAGMENT_BYTES_V6]
            more = offset + FRAGMENT_BYTES_V6 < len(payload)
            # RFC 8200 section 4.5: next header, reserved, offset with the flag below it, identification.
            extension = bytes([protocol, 0]) + (offset | more).to_bytes(2, "big") + ip_id.to_bytes(4, "big")
            frame = bytearray(flow.prefix)
            frame[at + 4 : at + 6] = (len(extension) + len(part)).to_bytes(2, "big")
            frame[at + 6] = 44
            frames.append(bytes(frame) + extension + part)
        return frames


def _datagram(payload: bytes, flow: _Flow) -> bytes:
    length = (UDP_BYTES + len(payload)).to_bytes(2, "big")
    ports = SIP_PORT.to_bytes(2, "big") * 2
    # A computed zero is sent as ones: zero means that there is no checksum.
    total = _checksum(17, flow, ports + length + b"\x00\x00" + payload) or 0xFFFF
    return ports + length + total.to_bytes(2, "big") + payload


def _checksum(protocol: int, flow: _Flow, payload: bytes) -> int:
    """Over the pseudo header (RFC 768, RFC 8200 section 8.1) and what stands behind it."""
    from scapy.utils import checksum

    pseudo = flow.addresses + bytes([0, protocol]) + len(payload).to_bytes(2, "big")
    return int(checksum(pseudo + payload))


def _flow(message: Message) -> _Flow:
    """Headers with length, id, fragment and checksum zero."""
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Dot1Q, Ether

    link = Ether(src=_mac(message.source), dst=_mac(message.destination))
    if message.vlan is not None:
        link = link / Dot1Q(vlan=message.vlan)
    protocol = 6 if message.transport == "tcp" else 17
    if ":" in message.source:
        built = bytes(link / IPv6(src=message.source, dst=message.destination, nh=protocol, plen=0, hlim=62))
        return _Flow(len(built) - 40, built, built[-32:])
    network = IP(
        src=message.source, dst=message.destination, proto=protocol, ttl=62, tos=0x60, len=0, id=0, chksum=0
    )
    built = bytes(link / network)
    return _Flow(len(built) - IP_BYTES, built, built[-8:])


def _mac(address: str) -> str:
    """A locally administered address that goes with the IP address."""
    if ":" in address:
        return "02:06:00:00:00:" + address.rsplit(":", 1)[1].zfill(2)[-2:]
    return "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))
