"""Writes the first inputs of the fuzz targets into fuzz/seeds, from the project's own captures and messages.

Run from anywhere: ``python3 fuzz/seeds.py``. The formats are those of crates/spit-core/tests/invariants.
"""

from __future__ import annotations

import gzip
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
CAPTURES = HERE.parent / "captures"
#: The link types that the packet target knows, by the byte that names them.
LINKS = [1, 0, 101, 108, 113, 276, 1, 147]
FRAMES = 40

INVITE = (
    b"INVITE sip:+442000000002@h;user=phone SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n"
    b'From: "A, B" <sip:+442000000001@h;verstat=TN-Validation-Passed>;tag=a\r\n'
    b"To: <sip:+442000000002@h>\r\nCall-ID: 1@h\r\nCSeq: 1 INVITE\r\nContact: <sip:a@10.0.0.1>\r\n"
    b"P-Asserted-Identity: <tel:+442000000001>\r\nDiversion: <sip:+442000000003@h>;reason=unconditional\r\n"
    b"Identity: eyJhbGciOiJFUzI1NiIsInBwdCI6InNoYWtlbiJ9.eyJhdHRlc3QiOiJBIiwib3JpZ2lkIjoieCJ9.c2ln"
    b';info=<https://c>;alg=ES256;ppt="shaken"\r\n'
    b"Session-Expires: 1800;refresher=uac\r\nUser-Agent: a/1\r\nContent-Type: application/sdp\r\n"
    b"Content-Length: 49\r\n\r\nv=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nm=audio 9 RTP/AVP 0 8\r\n"
)
COMPACT = (
    b"INVITE sip:b@h SIP/2.0\nv: SIP/2.0/TCP h;branch=z9hG4bK2\nf: <sip:a@h>;tag=1\nt: sip:b@h\n"
    b"i: 2\nCSeq: 7\n INVITE\nsubject: one\n\ttwo\nl: 3\n\nabc"
)
RINGING = (
    b"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=a\r\n"
    b"To: <sip:b@h>;tag=b\r\nCall-ID: 1@h\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)
REASON = "SIP/2.0 200 д\r\nCall-ID: 3\r\nl: 4\r\n\r\nv=0\n".encode()
ODD = [
    b"",
    b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"SIP/2.0 200",
    b"INVITE sip:half",
    b"INVITE sip:b@h SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"INVITE sip:b@h SIP/2.0\r\nCall-ID: 1\r\nContent-Length: -1\r\nContent-Length: 3\r\n\r\nabc",
    b"INVITE  sip:b@h ;x y SIP/3.0 \r\n:\r\n : x\r\nno colon\r\nCSeq: 4294967296 INVITE\r\n\r\n",
]


def frames(name: str) -> Iterator[tuple[int, bytes]]:
    """Link type and frame of the first packets of a pcap file in the byte order of this machine."""
    path = CAPTURES / name
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    (link,) = struct.unpack_from("<I", data, 20)
    at = 24
    for _ in range(FRAMES):
        if at + 16 > len(data):
            return
        (length,) = struct.unpack_from("<I", data, at + 8)
        yield link & 0xFFFF, data[at + 16 : at + 16 + length]
        at += 16 + length


def record(link: int, frame: bytes) -> bytes:
    return struct.pack("<BBH", LINKS.index(link), 1, len(frame)) + frame


def ipv4(protocol: int, payload: bytes, number: int = 1, place: int = 0) -> bytes:
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), number, place, 64, protocol, 0)
    return header + b"\x0a\0\0\1\x0a\0\0\2" + payload


def ipv6(protocol: int, payload: bytes) -> bytes:
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, 64, b"\1" * 16, b"\2" * 16) + payload


def udp(payload: bytes, port: int = 5060) -> bytes:
    return struct.pack("!HHHH", 5060, port, 8 + len(payload), 0) + payload


def tcp(sequence: int, payload: bytes, flags: int = 0x18) -> bytes:
    return struct.pack("!HHIIBBHHH", 5060, 5062, sequence, 0, 5 << 4, flags, 0, 0, 0) + payload


def packets() -> Iterator[bytes]:
    for path in sorted(CAPTURES.glob("*.pcap*")):
        yield b"".join(record(link, frame) for link, frame in frames(path.name))
    whole = udp(INVITE)
    halves = [ipv4(17, whole[:400], 7, 0x2000), ipv4(17, whole[400:], 7, 400 // 8)]
    yield b"".join(record(101, half) for half in halves)
    yield b"".join(record(101, half) for half in reversed(halves))
    stream = INVITE + RINGING
    cut = [(0, stream[:100]), (300, stream[300:]), (100, stream[100:300])]
    segments = [*(tcp(at, part) for at, part in cut), tcp(9, b"", 1)]
    yield b"".join(record(101, ipv4(6, segment)) for segment in segments)
    fragment = struct.pack("!BBHI", 17, 0, 1, 5) + whole[:400]
    last = struct.pack("!BBHI", 17, 0, 400, 5) + whole[400:]
    yield record(101, ipv6(44, fragment)) + record(101, ipv6(44, last))
    ethernet = b"\0" * 12
    yield record(1, ethernet + b"\x81\0\0\7\x08\0" + ipv4(17, udp(RINGING)))
    yield record(113, b"\0" * 14 + b"\x08\0" + ipv4(17, udp(RINGING)))
    yield record(276, b"\x86\xdd" + b"\0" * 18 + ipv6(17, udp(RINGING)))
    yield record(0, b"\2\0\0\0" + ipv4(1, b"\3\3" + ipv4(17, udp(INVITE))))
    yield from (record(101, packet) for packet in tunnels())
    pppoe = b"\x88\x64\x11\0\0\1" + struct.pack("!HH", len(RINGING) + 30, 0x21)
    yield record(1, ethernet + pppoe + ipv4(17, udp(RINGING)))
    yield record(1, ethernet + b"\x88\x47\0\1\1\x40" + ipv4(17, udp(RINGING)))


def tunnels() -> Iterator[bytes]:
    """Each encapsulation once, then one in the other."""
    inner = ipv4(17, udp(RINGING))
    frame = b"\0" * 12 + b"\x08\0" + inner
    label = b"\0\1\1\x40"
    gre = [
        ipv4(47, b"\0\0\x08\0" + inner),
        ipv4(47, b"\x20\0\x65\x58\0\0\0\7" + frame),
        ipv4(47, b"\0\0\x88\xbe" + frame),
        ipv4(47, b"\x10\0\x88\xbe\0\0\0\1" + b"\x10\1\0\1\0\0\0\0" + frame),
        ipv4(47, b"\x10\0\x22\xeb\0\0\0\1" + b"\x20\1\0\1" + b"\0" * 8 + frame),
    ]
    over_udp = {
        4789: b"\x08\0\0\0\0\0\7\0" + frame,
        6081: b"\0\0\x65\x58\0\0\7\0" + frame,
        2152: struct.pack("!BBHI", 0x30, 255, len(inner), 7) + inner,
    }
    yield from gre
    yield from (ipv4(17, udp(payload, port)) for port, payload in over_udp.items())
    yield from (ipv4(4, inner), ipv4(41, ipv6(17, udp(RINGING))), ipv4(137, label + inner))
    yield ipv4(4, gre[1])


def messages() -> Iterator[bytes]:
    yield from (INVITE, COMPACT, RINGING, REASON, RINGING + INVITE, INVITE + b"xyz")
    yield from ODD


def streams() -> Iterator[bytes]:
    cuts = [b"\0" * 8, b"\1" * 8, b"\x07\x40\xff\x10\x01\x20\x03\x80", b"\xc8" * 8]
    contents = [INVITE + RINGING + b"\r\n\r\n" + COMPACT, REASON + RINGING, b"rest\r\n" + INVITE, *ODD]
    upgrade = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
    halves = [websocket(0x01, INVITE[:99]), websocket(0x89, b""), websocket(0x80, INVITE[99:])]
    contents.append(upgrade + websocket(0x81, RINGING) + websocket(0x82, INVITE) + b"".join(halves))
    contents.append(b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n" + websocket(0x81, RINGING, b"") * 2)
    packets = list(hep_packets())
    contents.append(packets[0] + packets[1] + packets[7])
    contents.append(b"X" + packets[0])
    for content in contents:
        for cut in cuts:
            yield cut + content


def websocket(first: int, payload: bytes, mask: bytes = b"\1\2\3\4") -> bytes:
    """A frame (RFC 6455 section 5.2): FIN and opcode, length, mask, payload."""
    masked = 0x80 if mask else 0
    size = len(payload)
    length = bytes([masked | size]) if size < 126 else struct.pack("!BH", masked | 126, size)
    if mask:
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return bytes([first]) + length + mask + payload


def chunk(kind: int, value: bytes, vendor: int = 0) -> bytes:
    return struct.pack("!HHH", vendor, kind, 6 + len(value)) + value


def hep3(*chunks: bytes) -> bytes:
    body = b"".join(chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


def hep_packets() -> Iterator[bytes]:
    v4 = [chunk(1, b"\2"), chunk(3, b"\x0a\0\0\1"), chunk(4, b"\x0a\0\0\2")]
    v6 = [chunk(1, b"\x0a"), chunk(5, b"\1" * 16), chunk(6, b"\2" * 16)]
    ports = [chunk(7, b"\x13\xc4"), chunk(8, b"\x13\xc4")]
    time = [chunk(9, struct.pack("!I", 1_700_000_000)), chunk(10, struct.pack("!I", 5))]
    about = [chunk(2, b"\x11"), *ports, *time, chunk(11, b"\1"), chunk(12, b"\0\0\0\7")]
    plain, packed = chunk(15, INVITE), chunk(16, zlib.compress(INVITE))
    yield hep3(*v4, *about, plain)
    yield hep3(*v6, *about, packed, chunk(17, b"1@h"))
    yield hep3(*v4, *about, chunk(14, b"key"), plain)
    yield hep3(*v4, *about, chunk(14, b"wrong"), chunk(1, b"x", vendor=9), packed)
    yield hep3(*v4, *about, plain) + hep3(*v6, *about, packed)
    yield hep3(*v4, *about, chunk(16, zlib.compress(b"\0" * 200_000)))
    yield hep3(*v4, *about, chunk(15, hep3(*v4, *about, plain)))
    yield hep3(*v4, *about[:-2], chunk(11, b"\5"), chunk(15, b"{}"))
    yield b"junk" + hep3(*v4, *about, plain)[:-9] + hep3(*v4, *about, plain)
    header = struct.pack("!BBBBHH", 2, 16, 2, 17, 5060, 5060) + b"\x0a\0\0\1\x0a\0\0\2"
    yield header + struct.pack("<IIHH", 1_700_000_000, 5, 7, 0) + INVITE
    header = struct.pack("!BBBBHH", 2, 40, 10, 17, 5060, 5060) + b"\1" * 16 + b"\2" * 16
    yield header + struct.pack("!IIHH", 1_700_000_000, 5, 7, 0) + INVITE


def talks() -> Iterator[bytes]:
    invite, ringing, ok, bye, cancel = 0x00, 0x08, 0x08, 0x04, 0x03
    call = [
        (invite, 1, 0, 0x00, 0x00, 0x40),
        (ringing, 9, 1, 0x20, 0x00, 0x00),
        (ok, 99, 4, 0x20, 0x00, 0x00),
        (bye, 200, 0, 0x20, 0x10, 0x00),
    ]
    cancelled = [call[0], call[1], (cancel, 50, 0, 0x00, 0x00, 0x00), (ok, 1, 11, 0x20, 0x00, 0x00)]
    for talk in (call, cancelled, call + cancelled, call * 3):
        yield b"\3" + b"".join(map(bytes, talk))
    chance = random.Random(1)
    for length in (20, 100, 400, 1000):
        yield bytes([length & 0xFF]) + chance.randbytes(6 * length)


def main() -> None:
    made = {
        "hep": hep_packets,
        "packet": packets,
        "sip_message": messages,
        "sip_stream": streams,
        "tracker": talks,
    }
    for target, inputs in made.items():
        folder = HERE / "seeds" / target
        folder.mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(inputs()):
            (folder / f"seed-{number:02}").write_bytes(content)


if __name__ == "__main__":
    main()
