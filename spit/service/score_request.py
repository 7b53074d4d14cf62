"""What a request of /v1/score brings, read once each: headers, query, body.

Starlette's own readers give the same and take as long as the verdict (docs/decisions/0020).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.requests import ClientDisconnect
from starlette.types import Receive


class ScoreRequestHeaders(NamedTuple):
    """Those that are read; "" and None where there is none."""

    accept: str = ""
    media_type: str = ""
    tenant: str | None = None


def read_headers(headers: Iterable[tuple[bytes, bytes]]) -> ScoreRequestHeaders:
    """From names in lower case, as ASGI has them. Several Accept are one, of others the first counts."""
    accept: list[str] = []
    media_type: str | None = None
    tenant: str | None = None
    for name, value in headers:
        if name == b"accept":
            accept.append(value.decode("latin-1"))
        elif name == b"content-type" and media_type is None:
            media_type = value.decode("latin-1").partition(";")[0].strip().lower()
        elif name == b"x-spit-tenant" and tenant is None:
            tenant = value.decode("latin-1")
    return ScoreRequestHeaders(",".join(accept), media_type or "", tenant)


def read_query(query: bytes) -> dict[str, str]:
    """The query by name, the last where a name comes twice; a mistake in UTF-8 is U+FFFD."""
    if not query:
        return {}
    if not query.isascii():
        return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    found = {}
    for part in query.decode("ascii").split("&"):
        if part:
            name, _, value = part.partition("=")
            found[_unescape(name)] = _unescape(value)
    return found


def _unescape(text: str) -> str:
    text = text.replace("+", " ")
    return unquote_to_bytes(text).decode("utf-8", "replace") if "%" in text else text


async def read_body(receive: Receive) -> bytes:
    """The whole body. Raises ClientDisconnect."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
