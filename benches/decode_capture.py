"""Writes the capture that benches/decode.py reads: SIP calls over UDP, as a trunk shows them.

Deterministic for a seed. Run as a program of its own, so that the measuring process stays small: on Linux a
child's peak memory starts at its parent's.

    python benches/decode_capture.py FILE --messages 400000 --seed 1
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Shares of calls by outcome, near those of a conversational trunk (ASR 60 %).
OUTCOMES = (
    ("answered", 0.45),
    ("answered_after_challenge", 0.15),
    ("cancelled", 0.18),
    ("busy", 0.12),
    ("not_found", 0.10),
)
CALLS_PER_S = 200.0
START_EPOCH_S = 1_700_000_000

_USER_AGENTS = (
    "FPBX-16.0.33(18.9.0)",
    "Grandstream GXP2170 1.0.11.64",
    "Yealink SIP-T46U 108.86.0.20",
    "Linphone/5.2",
)
_REASONS = {100: "Trying", 180: "Ringing", 200: "OK", 404: "Not Found", 407: "Proxy Authentication Required",
            486: "Busy Here", 487: "Request Terminated"}  # fmt: skip
_CLIENT, _SERVER = "198.51.100.10", "203.0.113.20"
_LINKTYPE_ETHERNET = 1
_CHALLENGE = (
    'Proxy-Authenticate: Digest realm="sip.example.net", nonce="{nonce:032x}", algorithm=MD5, qop="auth"\r\n'
)
_CREDENTIALS = (
    'Proxy-Authorization: Digest username="{caller}", realm="sip.example.net", nonce="{nonce:032x}", '
    'uri="sip:{callee}@sip.example.net", response="{nonce:032x}", algorithm=MD5, cnonce="{tag}", qop=auth, '
    "nc=00000001\r\n"
)


@dataclass(frozen=True, slots=True)
class Message:
    """One packet of a call."""

    offset_s: float  # since the first INVITE
    from_client: bool
    sip: bytes


class Call:
    """The headers that one call's messages share."""

    def __init__(self, number: int, random_: random.Random) -> None:
        self.caller = f"+4930{random_.randrange(1000000, 9999999)}"
        self.callee = f"+4989{random_.randrange(1000000, 9999999)}"
        self.call_id = f"{random_.getrandbits(96):024x}-{number}@{_CLIENT}"
        self.from_tag = f"{random_.getrandbits(40):010x}"
        self.to_tag = f"as{random_.getrandbits(32):08x}"
        self.branch = f"z9hG4bK{random_.getrandbits(64):016x}"
        self.agent = random_.choice(_USER_AGENTS)
        self.nonce = random_.getrandbits(128)
        self.media_port = random_.randrange(10000, 60000, 2)

    def request(
        self,
        method: str,
        cseq: int,
        *,
        branch: str = "",
        tagged: bool = False,
        extra: str = "",
        body: str = "",
    ) -> bytes:
        """A request of the caller."""
        to_tag = f";tag={self.to_tag}" if tagged else ""
        content = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} sip:{self.callee}@sip.example.net;user=phone SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {_CLIENT}:5060;branch={self.branch}{branch};rport\r\n"
            "Max-Forwards: 70\r\n"
            f'From: "{self.caller}" <sip:{self.caller}@sip.example.net>;tag={self.from_tag}\r\n'
            f"To: <sip:{self.callee}@sip.example.net>{to_tag}\r\n"
            f"Call-ID: {self.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\n"
            f"Contact: <sip:{self.caller}@{_CLIENT}:5060>\r\n"
            f"P-Asserted-Identity: <sip:{self.caller}@sip.example.net;user=phone>\r\n"
            "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE\r\n"
            "Supported: replaces, timer\r\n"
            f"User-Agent: {self.agent}\r\n"
            f"{extra}{content}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode("ascii")

    def response(
        self, status: int, method: str, cseq: int, *, branch: str = "", extra: str = "", body: str = ""
    ) -> bytes:
        """A response of the called side. 100 has no To-tag (RFC 3261 section 8.2.6.2 lets it be absent)."""
        to_tag = "" if status == 100 else f";tag={self.to_tag}"
        content = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"SIP/2.0 {status} {_REASONS[status]}\r\n"
            f"Via: SIP/2.0/UDP {_CLIENT}:5060;branch={self.branch}{branch};received={_CLIENT};rport=5060\r\n"
            f'From: "{self.caller}" <sip:{self.caller}@sip.example.net>;tag={self.from_tag}\r\n'
            f"To: <sip:{self.callee}@sip.example.net>{to_tag}\r\n"
            f"Call-ID: {self.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\n"
            f"Contact: <sip:{self.callee}@{_SERVER}:5060>\r\n"
            "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE\r\n"
            "Server: SBC 9.2.1\r\n"
            f"{extra}{content}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode("ascii")

    def sdp(self, address: str) -> str:
        """An audio offer or answer."""
        return (
            f"v=0\r\no=- {self.media_port} {self.media_port} IN IP4 {address}\r\n"
            f"s=-\r\nc=IN IP4 {address}\r\n"
            f"t=0 0\r\nm=audio {self.media_port} RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n"
            "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n"
            "a=sendrecv\r\n"
        )


def call_messages(outcome: str, call: Call, random_: random.Random) -> list[Message]:
    """The packets of one call, in time order."""
    messages: list[Message] = []
    offset_s = 0.0

    def send(from_client: bool, after_s: float, sip: bytes) -> None:
        nonlocal offset_s
        offset_s += after_s
        messages.append(Message(offset_s, from_client, sip))

    cseq = 101
    offer, answer = call.sdp(_CLIENT), call.sdp(_SERVER)
    send(True, 0, call.request("INVITE", cseq, body=offer))
    credentials = ""
    if outcome == "answered_after_challenge":
        send(False, 0.01, call.response(407, "INVITE", cseq, extra=_CHALLENGE.format(nonce=call.nonce)))
        send(True, 0.01, call.request("ACK", cseq, tagged=True))
        cseq += 1
        credentials = _CREDENTIALS.format(
            caller=call.caller, callee=call.callee, nonce=call.nonce, tag=call.from_tag
        )
        send(True, 0.01, call.request("INVITE", cseq, branch="b", extra=credentials, body=offer))
    branch = "b" if credentials else ""
    send(False, 0.01, call.response(100, "INVITE", cseq, branch=branch))
    if outcome in ("busy", "not_found"):
        status = 486 if outcome == "busy" else 404
        send(False, 0.3, call.response(status, "INVITE", cseq, branch=branch))
        send(True, 0.01, call.request("ACK", cseq, branch=branch, tagged=True))
        return messages
    send(False, 0.5, call.response(180, "INVITE", cseq, branch=branch))
    ring_s = random_.uniform(1.0, 20.0)
    if outcome == "cancelled":
        send(True, ring_s, call.request("CANCEL", cseq, branch=branch))
        send(False, 0.01, call.response(200, "CANCEL", cseq, branch=branch))
        send(False, 0.01, call.response(487, "INVITE", cseq, branch=branch))
        send(True, 0.01, call.request("ACK", cseq, branch=branch, tagged=True))
        return messages
    send(False, ring_s, call.response(200, "INVITE", cseq, branch=branch, body=answer))
    send(True, 0.02, call.request("ACK", cseq, branch="a", tagged=True))
    send(True, random_.lognormvariate(4.0, 1.0), call.request("BYE", cseq + 1, branch="e", tagged=True))
    send(False, 0.02, call.response(200, "BYE", cseq + 1, branch="e"))
    return messages


def packets(message_count: int, seed: int) -> Iterator[tuple[float, bool, bytes, bool]]:
    """(epoch seconds, from the client, SIP, first of its call) in time order; at least ``message_count``."""
    random_ = random.Random(seed)
    names = [name for name, _ in OUTCOMES]
    weights = [share for _, share in OUTCOMES]
    waiting: list[tuple[float, int, bool, bytes, bool]] = []
    sequence = planned = 0
    start_s = float(START_EPOCH_S)
    while planned < message_count:
        start_s += random_.expovariate(CALLS_PER_S)
        while waiting and waiting[0][0] <= start_s:
            time_s, _, from_client, sip, first = heapq.heappop(waiting)
            yield time_s, from_client, sip, first
        outcome = random_.choices(names, weights)[0]
        for i, message in enumerate(call_messages(outcome, Call(planned, random_), random_)):
            entry = (start_s + message.offset_s, sequence, message.from_client, message.sip, i == 0)
            heapq.heappush(waiting, entry)
            sequence += 1
            planned += 1
    while waiting:
        time_s, _, from_client, sip, first = heapq.heappop(waiting)
        yield time_s, from_client, sip, first


def ethernet_frame(from_client: bool, payload: bytes, identification: int) -> bytes:
    """The payload in UDP, IPv4 and Ethernet; UDP checksum 0 is "none" (RFC 768)."""
    addresses = [bytes(map(int, a.split("."))) for a in (_CLIENT, _SERVER)]
    macs = [b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02"]
    if not from_client:
        addresses.reverse()
        macs.reverse()
    total = 28 + len(payload)
    header = struct.pack("!BBHHHBBH", 0x45, 0, total, identification & 0xFFFF, 0, 64, 17, 0) + b"".join(
        addresses
    )
    checksum = sum(struct.unpack("!10H", header))
    while checksum > 0xFFFF:
        checksum = (checksum & 0xFFFF) + (checksum >> 16)
    header = header[:10] + struct.pack("!H", ~checksum & 0xFFFF) + header[12:]
    udp = struct.pack("!HHHH", 5060, 5060, total - 20, 0)
    return macs[1] + macs[0] + b"\x08\x00" + header + udp + payload


def write_capture(path: Path, message_count: int, seed: int) -> dict[str, int]:
    """Write a pcap and return its numbers: messages, calls, bytes."""
    messages = calls = size = 0
    with path.open("wb") as file:
        size += file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _LINKTYPE_ETHERNET))
        for time_s, from_client, sip, first in packets(message_count, seed):
            frame = ethernet_frame(from_client, sip, messages)
            seconds = int(time_s)
            record = struct.pack("<IIII", seconds, int((time_s - seconds) * 1e6), len(frame), len(frame))
            size += file.write(record + frame)
            messages += 1
            calls += first
    return {"messages": messages, "calls": calls, "bytes": size}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--messages", type=int, default=400_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(json.dumps(write_capture(arguments.file, arguments.messages, arguments.seed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
