"""POST over HTTP and HTTPS: a connection that stays open, with timeouts on connecting and on reading.

Certificates are verified and redirects are not followed: what is sent goes to the configured host alone.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

#: Answers are a line; a stranger's may be anything.
_MAX_ANSWER_BYTES = 64 * 1024


class PostError(Exception):
    """Nobody answered, or gave no whole answer; says why."""


class PostConnection:
    """Posts bodies to one URL. Not thread-safe.

    ``connect_timeout_s`` bounds the TCP (and TLS) handshake, ``read_timeout_s`` each wait for the network. A
    body may arrive twice: who gets it must be able to tell.
    """

    def __init__(self, url: str, *, connect_timeout_s: float = 3.0, read_timeout_s: float = 10.0) -> None:
        address = urlsplit(url)
        self.url = url
        self._secure = address.scheme == "https"
        self._host = address.hostname or ""
        self._port = address.port
        self._path = address.path or "/"
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def post(
        self, body: bytes, headers: Mapping[str, str], timeout_s: float | None = None
    ) -> tuple[int, bytes]:
        """Status and body of the answer. ``timeout_s`` shortens both timeouts. Raises PostError."""
        reused = self._connection is not None
        try:
            return self._exchange(body, headers, timeout_s)
        except (http.client.HTTPException, OSError, ValueError) as error:
            self.close()
            # The other side may have closed an idle connection.
            if not reused or isinstance(error, TimeoutError):
                raise PostError(_words(error)) from None
        try:
            return self._exchange(body, headers, timeout_s)
        except (http.client.HTTPException, OSError, ValueError) as error:
            self.close()
            raise PostError(_words(error)) from None

    def close(self) -> None:
        """The next post connects again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(
        self, body: bytes, headers: Mapping[str, str], timeout_s: float | None
    ) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = self._connect(_shorter(self._connect_timeout_s, timeout_s))
        connection = self._connection
        connection.sock.settimeout(_shorter(self._read_timeout_s, timeout_s))
        connection.request("POST", self._path, body, dict(headers))
        response = connection.getresponse()
        text = response.read(_MAX_ANSWER_BYTES)
        if response.will_close or not response.isclosed():
            self.close()
        return response.status, text

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection
        if self._secure:
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=timeout_s, context=context
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        connection.connect()
        return connection


def _shorter(timeout_s: float, limit_s: float | None) -> float:
    # 0 would make the socket non-blocking.
    return timeout_s if limit_s is None else max(min(timeout_s, limit_s), 0.001)


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error) or type(error).__name__
