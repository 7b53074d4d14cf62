"""How trunks write numbers, URIs, Call-IDs, session descriptions and passports."""

from __future__ import annotations

import base64
import json

from .draws import Draws
from .parties import Party
from .trunks import Trunk

REASONS = {
    100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 401: "Unauthorized", 404: "Not Found",
    407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone", 480: "Temporarily Unavailable",
    484: "Address Incomplete", 486: "Busy Here", 487: "Request Terminated", 500: "Server Internal Error",
    503: "Service Unavailable", 600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere",
}  # fmt: skip
_PAYLOADS = ("8 0 18 101", "8 101", "9 8 0 101", "0 8 96", "8 0 3 18 96")
_ORIGINS = ("-", "root", "SBC", "-", "FreeSWITCH")
_SESSIONS = ("-", "call", "SIP Call", "session", "VoIP")
_PAYLOAD_LINES = {
    "8": "a=rtpmap:8 PCMA/8000\r\n",
    "0": "a=rtpmap:0 PCMU/8000\r\n",
    "18": "a=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n",
    "9": "a=rtpmap:9 G722/8000\r\n",
    "3": "a=rtpmap:3 GSM/8000\r\n",
}


def session_description(address: str, port: int, codec: int, session: int) -> str:
    """An SDP body (RFC 8866); ``codec`` chooses the payloads and what else products write their way."""
    payloads = _PAYLOADS[codec]
    text = (
        f"v=0\r\no={_ORIGINS[codec]} {session} {session} IN IP4 {address}\r\ns={_SESSIONS[codec]}\r\n"
        f"c=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP {payloads}\r\n"
    )
    for payload in payloads.split():
        events = f"a=rtpmap:{payload} telephone-event/8000\r\na=fmtp:{payload} 0-15\r\n"
        text += _PAYLOAD_LINES.get(payload, events)
    return text + ("a=ptime:20\r\na=sendrecv\r\n" if codec % 2 else "a=sendrecv\r\n")


def written_number(number: str, style: str, home: str) -> str:
    """A number in a trunk's format (``Trunk.number_format``); ``home``: the own country code."""
    if style in ("plus", "tel"):
        return "+" + number
    if style == "noplus":
        return number
    if style == "nat0" and number.startswith(home):
        return "0" + number[len(home) :]
    return "00" + number


def uri(number: str, style: str, host: str, home: str) -> str:
    if style == "tel":
        return f"tel:+{number}"
    return f"sip:{written_number(number, style, home)}@{host}{';user=phone' if style == 'plus' else ''}"


def call_id(draws: Draws, style: str, host: str) -> str:
    if style == "uuid":
        parts = [draws.hex_digits(8), draws.hex_digits(4), draws.hex_digits(3), draws.hex_digits(3)]
        return f"{parts[0]}-{parts[1]}-4{parts[2]}-b{parts[3]}-{draws.hex_digits(12)}"
    if style == "hexhost":
        return f"{draws.hex_digits(24)}@{host}"
    if style == "dec":
        first = draws.getrandbits(31)
        return f"{first}_{draws.getrandbits(28)}@{host}"
    return _base64(draws.getrandbits(136).to_bytes(17, "big")) + ".."


def passport(draws: Draws, trunk: Trunk, caller: Party, callee: str, issued_s: int) -> str:
    """The value of an Identity header field (RFC 8224, 8588); the signature is noise."""
    full, partial, _ = trunk.attestation
    level = "A" if caller.attestation < full else "B" if caller.attestation < full + partial else "C"
    certificate = f"https://cr.example.org/{trunk.index}.pem"
    header = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": certificate}
    claims = {
        "attest": level,
        "dest": {"tn": [callee]},
        "iat": issued_s,
        "orig": {"tn": caller.number},
        "origid": trunk.origin_ids[caller.peer & 1],
    }
    signed = ".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    signature = _base64(draws.getrandbits(512).to_bytes(64, "big"))
    return f"{signed}.{signature};info=<{certificate}>;alg=ES256;ppt=shaken"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
