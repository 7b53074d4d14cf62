"""The requests that begin an attempt, as bytes: INVITE and MESSAGE in the formats of trunks and equipment."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from spit.simulate.columns import MEDIA
from spit.simulate.identities import uri
from spit.simulate.network import CALLEE_DOMAIN, DEFAULT_NETWORK, MIN_NUMBER, Network, Trunk
from spit.simulate.profiles import HeaderProfile

CERTIFICATE_URL = "https://cert.example/sp.pem"
#: RFC 3261 section 7.3.3 and 20, RFC 8224 section 4.
COMPACT_NAMES = {
    "Via": "v",
    "From": "f",
    "To": "t",
    "Call-ID": "i",
    "Contact": "m",
    "Content-Type": "c",
    "Content-Length": "l",
    "Supported": "k",
    "Identity": "y",
}
_INVITE_ONLY = {"Contact", "Allow", "Supported", "Allow-Events", "P-Asserted-Identity", "X-FS-Support"}


@dataclass(frozen=True, slots=True)
class Call:
    """What the messages of one call have in common. ``attestation``: A, B, C or None when unsigned."""

    profile: HeaderProfile
    caller: int  # digits of E.164, or an extension
    callee: int
    display: str
    trunk: Trunk
    sbc_ip: str
    call_id: str
    id_high: int
    id_low: int
    attestation: str | None
    status: int
    callee_hangs_up: bool
    early_media: bool
    network: Network = DEFAULT_NETWORK
    media: int = 0
    is_message: bool = False
    exemption: str | None = None
    diverter: int | None = None
    proxied: bool = False

    @property
    def caller_uri(self) -> str:
        """URI of From."""
        return uri(self.caller, self.trunk, self.network, is_callee=False)

    @property
    def callee_uri(self) -> str:
        """URI of To and of the request."""
        return uri(self.callee, self.trunk, self.network, is_callee=True)

    @property
    def transport(self) -> str:
        """As Via writes it."""
        return self.trunk.transport.upper()

    @property
    def from_line(self) -> str:
        """Value of the caller's From."""
        display = f'"{self.display}" ' if self.display else ""
        return f"{display}<{self.caller_uri}>;tag={self.id_low >> 32:08x}"

    def to_line(self, branch: int = 0) -> str:
        """Value of To with the tag of the callee's ``branch``; a fork has branch 1."""
        tag = (self.id_high >> 20) + branch & 0xFFFFFFFF
        return f"<{self.callee_uri}>;tag={tag:08x}"

    def via(self, step: int, address: str | None = None) -> str:
        """Value of Via: one branch per transaction, numbered by ``step``."""
        branch = (self.id_low * 31 + step) & 0xFFFFFFFFFFFF
        return f"SIP/2.0/{self.transport} {host(address or self.trunk.ip)}:5060;branch=z9hG4bK{branch:012x}"

    def contact(self, number: int, address: str) -> str:
        """Value of Contact: a party's number at an address."""
        user = f"+{number}" if number >= MIN_NUMBER else str(number)
        return f"sip:{user}@{host(address)}:5060"


def host(address: str) -> str:
    """An address as URIs write it."""
    return f"[{address}]" if ":" in address else address


def encode(call: Call, lines: list[str], body: str = "") -> bytes:
    """A message of these lines, in the compact form of RFC 3261 section 7.3.3 where the trunk uses it."""
    if call.trunk.compact:
        lines = [lines[0], *(_compacted(line) for line in lines[1:])]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def _compacted(line: str) -> str:
    name, _, value = line.partition(":")
    return f"{COMPACT_NAMES.get(name, name)}:{value}"


def request(call: Call, time_us: int, *, cseq: int) -> bytes:
    """The INVITE, or the MESSAGE, that begins the attempt. ``cseq`` 2 answers a challenge."""
    profile = call.profile
    method = "MESSAGE" if call.is_message else "INVITE"
    body = _text(call) if call.is_message else sdp(call, call.trunk.ip, call.id_high)
    values = {
        "Via": call.via(cseq),
        "Max-Forwards": "69",
        "From": call.from_line,
        "To": f"<{call.callee_uri}>",
        "Call-ID": call.call_id,
        "CSeq": f"{cseq} {method}",
        "Contact": f"<{call.contact(call.caller, call.trunk.ip)}>",
        "P-Asserted-Identity": f"<{_asserted(call)}>",
        "Content-Type": "text/plain" if call.is_message else "application/sdp",
        "Content-Length": str(len(body)),
        **dict(profile.extra),
    }
    if profile.user_agent is not None:
        values["User-Agent"] = profile.user_agent
    if "Date" in profile.order:
        values["Date"] = datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime(
            "%a, %d %b %Y %H:%M:%S GMT"
        )
    lines = [f"{method} {call.callee_uri} SIP/2.0"]
    shown = () if call.is_message else profile.order
    for name in profile.order:
        if call.is_message and name in _INVITE_ONLY:
            continue
        if name == "Content-Type":
            # Network elements add what they add before the body's headers.
            if cseq > 1:
                lines.append(f"Proxy-Authorization: {_digest(call)}")
            if call.diverter is not None:
                target = uri(call.diverter, call.trunk, call.network, is_callee=True)
                lines.append(f"Diversion: <{target}>;reason=unconditional;counter=1")
            if call.exemption == "psap_callback":
                lines.append("Priority: psap-callback")
            if call.network.verifies and "P-Asserted-Identity" not in shown:
                lines.append(f"P-Asserted-Identity: {values['P-Asserted-Identity']}")
            if call.attestation is not None and not call.is_message:
                lines.append(f"Identity: {_identity(call, time_us)}")
        lines.append(f"{name}: {values[name]}")
    return encode(call, lines, body)


def _digest(call: Call) -> str:
    return (
        f'Digest username="{call.trunk.domain}", realm="{CALLEE_DOMAIN}", nonce="{call.id_high:016x}", '
        f'uri="{call.callee_uri}", response="{call.id_high:016x}{call.id_low:016x}", algorithm=MD5'
    )


def _identity(call: Call, time_us: int) -> str:
    """A shaken PASSporT (RFC 8588) whose signature is not one: nobody here holds a certificate."""
    header = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": CERTIFICATE_URL}
    payload = {
        "attest": call.attestation,
        "dest": {"tn": [str(call.callee)]},
        "iat": time_us // 1_000_000,
        "orig": {"tn": str(call.caller)},
        "origid": call.trunk.origid,
    }
    signature = (call.id_low.to_bytes(8, "big") + call.id_high.to_bytes(8, "big")) * 4
    parts = [
        base64.urlsafe_b64encode(part).rstrip(b"=").decode()
        for part in (_compact_json(header), _compact_json(payload), signature)
    ]
    return f"{'.'.join(parts)};info=<{CERTIFICATE_URL}>;alg=ES256;ppt=shaken"


def _compact_json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def verstat(attestation: str | None) -> str:
    """What a verifying peer says of a call (3GPP TS 24.229 section 7.2A.20)."""
    return "No-TN-Validation" if attestation is None else "TN-Validation-Passed"


def _asserted(call: Call) -> str:
    if not call.network.verifies:
        return call.caller_uri
    word = f";verstat={verstat(None if call.is_message else call.attestation)}"
    user, at, rest = call.caller_uri.partition("@")
    return f"{user}{word}{at}{rest}"


def _text(call: Call) -> str:
    return f"{call.id_high % 10**6:06d}\r\n"


def sdp(call: Call, address: str, seed: int) -> str:
    """The offer, or the answer, of a call's media at an address."""
    profile = call.profile
    payloads = " ".join(str(codec.payload_type) for codec in profile.codecs)
    family = "IP6" if ":" in address else "IP4"
    port = 10_000 + seed % 20_000 * 2
    lines = [
        "v=0",
        f"o=- {seed % 10**9} 1 IN {family} {address}",
        f"s={profile.session_name}",
        f"c=IN {family} {address}",
        "t=0 0",
    ]
    if MEDIA[call.media] == "image":
        lines += [f"m=image {port} udptl t38", "a=T38FaxVersion:0", "a=T38MaxBitRate:14400"]
        return "\r\n".join(lines) + "\r\n"
    lines += [
        f"m=audio {port} RTP/AVP {payloads}",
        *(f"a=rtpmap:{codec.payload_type} {codec.rtpmap}" for codec in profile.codecs),
    ]
    if profile.ptime_ms is not None:
        lines.append(f"a=ptime:{profile.ptime_ms}")
    lines.append("a=sendrecv")
    if MEDIA[call.media] == "audio,video":
        lines += [f"m=video {port + 2} RTP/AVP 96", "a=rtpmap:96 H264/90000"]
    return "\r\n".join(lines) + "\r\n"
