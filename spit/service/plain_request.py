"""Requests of /v1/score that are read as bytes: whole, and of the plainest form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from spit.service.guard import SCORE_PATH

Headers = Sequence[tuple[bytes, bytes]]

_BEGINNINGS = tuple(method + SCORE_PATH.encode() for method in (b"GET ", b"POST "))
_REQUEST_LINE = re.compile(rb"(GET|POST) %s(?:\?([!-~]*))? HTTP/1\.1" % re.escape(SCORE_PATH.encode()))
_HEADER_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([ -~\t]*)")  # nothing that is tried twice
#: They change what follows on the connection.
_UNUSUAL = frozenset({b"connection", b"expect", b"te", b"trailer", b"transfer-encoding", b"upgrade"})
#: What many clients say, and what HTTP/1.1 does anyhow.
_AS_EVER = (b"connection", b"keep-alive")
_DIGITS = re.compile(rb"[0-9]{1,9}")


class PlainRequest(NamedTuple):
    """A whole request of /v1/score that asks nothing of the connection."""

    method: str
    query: bytes
    headers: Headers  # names in lower case
    body: bytes


def read_plain(data: bytes, *, max_header_bytes: int, max_body_bytes: int) -> PlainRequest | None:
    """``data`` as one whole request of /v1/score; None when it is another, more or less than one, or unusual.

    Stricter than HTTP/1.1 (RFC 9112) on purpose: nobody else reads what is taken here.
    """
    if not data.startswith(_BEGINNINGS):  # most of what is no question, and all of a large one
        return None
    head, end, body = data.partition(b"\r\n\r\n")
    if not end or len(head) > max_header_bytes or len(body) > max_body_bytes:
        return None
    first, *lines = head.split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        return None
    headers: list[tuple[bytes, bytes]] = []
    hosts, length = 0, b""
    for text in lines:
        header = _HEADER_LINE.fullmatch(text)
        if header is None:
            return None
        name, value = header[1].lower(), header[2].strip(b" \t")
        if name in _UNUSUAL and (name, value.lower()) != _AS_EVER:
            return None
        if name == b"host":
            hosts += 1
        elif name == b"content-length":
            if length or _DIGITS.fullmatch(value) is None:
                return None
            length = value
        headers.append((name, value))
    if hosts != 1 or int(length or b"0") != len(body):
        return None
    return PlainRequest(line[1].decode("ascii"), line[2] or b"", headers, body)
