"""One scorer over HTTP: what it answers to a batch of events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from spit.http_post import PostConnection, PostError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a scorer said: the status, and the words of its problem document."""

    status: int
    detail: str = ""
    duplicate: bool = False


class ScorerError(Exception):
    """A scorer could not be asked, or gave no whole answer; says why."""


class ScorerConnection:
    """Posts bodies to ``URL/v1/events``. Not thread-safe. Timeouts are those of ``PostConnection``.

    A repeated batch is dropped by its number, so a body may go out twice.
    """

    def __init__(self, url: str, *, connect_timeout_s: float = 3.0, read_timeout_s: float = 10.0) -> None:
        self.url = url
        self._connection = PostConnection(
            f"{url.rstrip('/')}/v1/events",
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=read_timeout_s,
        )

    def post(self, body: bytes, headers: Mapping[str, str], timeout_s: float | None = None) -> Answer:
        """The scorer's answer. ``timeout_s`` shortens both timeouts. Raises ScorerError."""
        try:
            return _answer(*self._connection.post(body, headers, timeout_s))
        except PostError as error:
            raise ScorerError(str(error)) from None

    def close(self) -> None:
        """The next post connects again."""
        self._connection.close()


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
