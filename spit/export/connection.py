"""One scorer over HTTP: a connection that stays open, with timeouts on connecting and on reading."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

#: Answers of a scorer are a line; a stranger's may be anything.
_MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a scorer said: the status, and the words of its problem document."""

    status: int
    detail: str = ""
    duplicate: bool = False


class ScorerError(Exception):
    """A scorer could not be asked, or gave no whole answer; says why."""


class ScorerConnection:
    """Posts bodies to ``URL/v1/events``. Not thread-safe.

    ``connect_timeout_s`` bounds the TCP (and TLS) handshake, ``read_timeout_s`` each wait for the network.
    """

    def __init__(self, url: str, *, connect_timeout_s: float = 3.0, read_timeout_s: float = 10.0) -> None:
        address = urlsplit(url)
        self.url = url
        self._secure = address.scheme == "https"
        self._host = address.hostname or ""
        self._port = address.port
        self._path = f"{address.path.rstrip('/')}/v1/events"
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes, headers: Mapping[str, str], timeout_s: float | None = None) -> Answer:
        """The scorer's answer. ``timeout_s`` shortens both timeouts. Raises ScorerError."""
        reused = self._connection is not None
        try:
            return self._exchange(body, headers, timeout_s)
        except (http.client.HTTPException, OSError, ValueError) as error:
            self.close()
            # The scorer may have closed an idle connection; a repeated batch is dropped by its number.
            if not reused or isinstance(error, TimeoutError):
                raise ScorerError(_words(error)) from None
        try:
            return self._exchange(body, headers, timeout_s)
        except (http.client.HTTPException, OSError, ValueError) as error:
            self.close()
            raise ScorerError(_words(error)) from None

    def close(self) -> None:
        """The next post connects again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, body: bytes, headers: Mapping[str, str], timeout_s: float | None) -> Answer:
        if self._connection is None:
            self._connection = self._connect(_shorter(self._connect_timeout_s, timeout_s))
        connection = self._connection
        connection.sock.settimeout(_shorter(self._read_timeout_s, timeout_s))
        connection.request("POST", self._path, body, dict(headers))
        response = connection.getresponse()
        text = response.read(_MAX_ANSWER_BYTES)
        if response.will_close or not response.isclosed():
            self.close()
        return _answer(response.status, text)

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


def _answer(status: int, text: bytes) -> Answer:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return Answer(status)
    errors = document.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    return Answer(
        status,
        str(document.get("detail", ""))[:200] + (f": {json.dumps(first)[:200]}" if first else ""),
        document.get("duplicate") is True,
    )


def _shorter(timeout_s: float, limit_s: float | None) -> float:
    # 0 would make the socket non-blocking.
    return timeout_s if limit_s is None else max(min(timeout_s, limit_s), 0.001)


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error) or type(error).__name__
