"""Responses as bytes (RFC 3261 section 8.2.6)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from spit import __version__
from spit.enforce.redirect.grammar import first_of_list
from spit.enforce.redirect.request import Request

SERVER = f"spit/{__version__}"
ALLOW = "INVITE, ACK, CANCEL, OPTIONS"

_PHRASES = {
    100: "Trying",
    200: "OK",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    607: "Unwanted",
    608: "Rejected",
}
_CLASSES = {1: "Trying", 2: "OK", 3: "Redirected", 4: "Request Failed", 5: "Server Failed", 6: "Declined"}


def reason_phrase(code: int) -> str:
    """The usual words of a status code."""
    return _PHRASES.get(code) or _CLASSES[code // 100]


def response_tag(request: Request, key: bytes) -> str:
    """The To tag of every response to a request: the same for its retransmissions and for its CANCEL.

    64 bits that nobody without ``key`` (16 bytes or more) can foretell (RFC 3261 sections 8.2.6.2, 8.2.7 and
    19.3).
    """
    digest = hashlib.blake2s(key=key[:32], digest_size=8)
    host, port = request.via.sent_by
    call_id = request.header("call-id") or ""
    for part in (call_id, request.from_tag, request.cseq_number, request.via.branch, host, str(port)):
        digest.update(part.encode("latin-1", "replace"))
        digest.update(b"\0")
    return digest.hexdigest()


def build_response(
    request: Request,
    code: int,
    reason: str = "",
    headers: Iterable[tuple[str, str]] = (),
    *,
    source: tuple[str, int],
    tag: str,
) -> bytes:
    """The response to ``request``, which came from ``source`` (address, port).

    ``tag`` is put on a To that has none, but not in a 100. Record-Route is not copied: no response of a
    redirect server makes a dialog (RFC 3261 section 12.1.1).
    """
    lines = [f"SIP/2.0 {code} {reason or reason_phrase(code)}"]
    vias = list(request.every("via"))
    lines.append(f"Via: {request.via.as_received(*source)}{first_of_list(vias[0])[1]}")
    lines += [f"Via: {via}" for via in vias[1:]]
    for name in ("From", "To", "Call-ID", "CSeq"):
        value = request.header(name.lower())
        if value is None:
            continue
        if name == "To" and code != 100 and not request.to_tag:
            value = f"{value};tag={tag}"
        lines.append(f"{name}: {value}")
    timestamp = request.header("timestamp")
    if code == 100 and timestamp is not None:
        lines.append(f"Timestamp: {timestamp}")  # RFC 3261 section 8.2.6.1
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Server: {SERVER}", "Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace")
