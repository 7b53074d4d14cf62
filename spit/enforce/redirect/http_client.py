"""HTTP/1.1 requests over connections that stay open, one exchange at a time each (RFC 9112)."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

#: Connections at the same time; who comes while all are in use waits, and a slow server is not flooded.
MAX_CONNECTIONS = 32
_MAX_BODY_BYTES = 256 * 1024
_MAX_HEADERS = 100
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: .*)?\r?\n")


class HttpError(Exception):
    """No whole answer came; says why."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """Status and body."""

    status: int
    body: bytes


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class HttpClient:
    """Posts to one server. Not thread-safe: belongs to one event loop. Timeouts are the caller's."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._host = address.hostname or ""
        secure = address.scheme == "https"
        self._port = address.port or (443 if secure else 80)
        self._tls = ssl.create_default_context() if secure else None
        self._authority = address.netloc
        self._base = address.path.rstrip("/")
        self._idle: deque[_Connection] = deque()
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)

    async def post(self, target: str, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """The response. Raises HttpError."""
        lines = [f"POST {self._base}{target} HTTP/1.1", f"Host: {self._authority}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("ascii") + body
        async with self._places:
            return await self._send(request)

    async def _send(self, request: bytes) -> HttpResponse:
        while self._idle:
            try:
                return await self._exchange(self._idle.pop(), request)
            except (_ClosedError, OSError):
                continue  # the server had let an idle connection go
        try:
            connection = _Connection(
                *await asyncio.open_connection(self._host, self._port, ssl=self._tls, limit=64 * 1024)
            )
            return await self._exchange(connection, request)
        except _ClosedError:
            raise HttpError("the connection was closed without an answer") from None
        except OSError as error:
            raise HttpError(error.strerror or str(error) or type(error).__name__) from None

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().writer.close()

    async def _exchange(self, connection: _Connection, request: bytes) -> HttpResponse:
        kept = False
        try:
            connection.writer.write(request)
            await connection.writer.drain()
            response, kept = await _read_response(connection.reader)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise HttpError(f"expected an HTTP response, found something else: {error}") from None
        finally:
            # Also where the caller's time ran out: a late answer must not be read for the next one.
            if kept:
                self._idle.append(connection)
            else:
                connection.writer.close()
        return response


class _ClosedError(Exception):
    """The server closed the connection before the first byte of a response."""


async def _read_response(reader: asyncio.StreamReader) -> tuple[HttpResponse, bool]:
    """The response, and whether the connection can be used again."""
    line = await reader.readline()
    if not line:
        raise _ClosedError
    status = _STATUS.fullmatch(line)
    if status is None:
        raise ValueError(f"status line {line[:80]!r}")
    headers = await _read_headers(reader)
    keep = headers.get(b"connection", b"").lower() != b"close" and line.startswith(b"HTTP/1.1")
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        body = await _read_chunks(reader)
    elif re.fullmatch(rb"\d{1,9}", length := headers.get(b"content-length", b"")):
        if int(length) > _MAX_BODY_BYTES:
            raise ValueError(f"a body of {int(length)} bytes")
        body = await reader.readexactly(int(length))
    else:
        raise ValueError("neither Content-Length nor chunks")
    return HttpResponse(int(status[1]), body), keep


async def _read_headers(reader: asyncio.StreamReader) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for _ in range(_MAX_HEADERS):
        line = (await reader.readline()).rstrip(b"\r\n")
        if not line:
            return headers
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    raise ValueError(f"more than {_MAX_HEADERS} headers")


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readline()).partition(b";")[0], 16)
        if not 0 <= size <= _MAX_BODY_BYTES - len(body):
            raise ValueError(f"a chunk of {size} bytes")
        if size == 0:
            await _read_headers(reader)
            return body
        body += await reader.readexactly(size)
        await reader.readexactly(2)
