"""Requests of /v1/score that are read as bytes: whole, and of the plainest form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from spit.service.guard import SCORE_PATH

Headers = Sequence[tuple[bytes, bytes]]

_REQUEST_LINE = re.compile(rb"(GET|POST) ([!-~]+) HTTP/1\.1")
_HEADER_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([ -~\t]*)")  # nothing that is tried twice
#: They change what follows on the connection.
_UNUSUAL = frozenset({b"connection", b"expect", b"te", b"trailer", b"transfer-encoding", b"upgrade"})
_DIGITS = re.compile(rb"[0-9]{1,9}")


class PlainRequest(NamedTuple):
    """A whole request of /v1/score that asks nothing of the connection."""

    method: str
    headers: Headers  # names in lower case


def read_plain(data: bytes, *, max_header_bytes: int, max_body_bytes: int) -> PlainRequest | None:
    """``data`` as one whole request of /v1/score; None when it is another, more or less than one, or unusual.

    Stricter than HTTP/1.1 (RFC 9112) on purpose: nobody else reads what is taken here.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    if not end or len(head) > max_header_bytes or len(body) > max_body_bytes:
        return None
    first, *lines = head.split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None or line[2].partition(b"?")[0] != SCORE_PATH.encode():
        return None
    headers: list[tuple[bytes, bytes]] = []
    for text in lines:
        header = _HEADER_LINE.fullmatch(text)
        if header is None:
            return None
        headers.append((header[1].lower(), header[2].strip(b" \t")))
    hosts, lengths = (
        [value for name, value in headers if name == one] for one in (b"host", b"content-length")
    )
    if len(hosts) != 1 or len(lengths) > 1 or any(name in _UNUSUAL for name, _ in headers):
        return None
    length = lengths[0] if lengths else b"0"
    if _DIGITS.fullmatch(length) is None or int(length) != len(body):
        return None
    return PlainRequest(line[1].decode("ascii"), headers)
