"""Changes of verdict posted to a URL, signed, in order, again until they are taken."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from spit.enforce.backoff import Backoff
from spit.enforce.receiver import Receiver
from spit.enforce.verdicts import CallerVerdict
from spit.http_post import PostConnection, PostError

#: Changes of one body.
BATCH = 100
#: Statuses about the address, the key or the moment, not about the body; every other 4xx would come again.
RETRIED_4XX = frozenset({401, 403, 404, 407, 408, 421, 425, 429})
#: Times that a body is posted to somebody who answers but fails: it may be the body that he fails at.
MAX_ANSWERED_TRIES = 10

_log = logging.getLogger("spit.push")


class Connection(Protocol):
    """``PostConnection`` as the webhook uses it."""

    def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]: ...
    def close(self) -> None: ...


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """``X-Spit-Signature``: HMAC-SHA256 over the timestamp, a dot and the body, in hexadecimal."""
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Webhook(Receiver):
    """One URL, served from a thread of its own; a listener of the feed.

    Up to ``max_queue`` changes wait; then the oldest goes, and is counted. ``wall_time_s``: for the signed
    timestamp, epoch seconds. Delivery is at least once: sent again it keeps its id and body.
    """

    def __init__(
        self,
        url: str,
        secret: bytes,
        *,
        max_queue: int = 10_000,
        timeout_s: float = 5.0,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_time_s: Callable[[], float] = time.time,
        connect: Callable[..., Connection] = PostConnection,
    ) -> None:
        super().__init__(
            url,
            thread="webhook",
            counters=(
                "deliveries",
                "changes",
                "failures",
                "queue_dropped",
                "changes_rejected",
                "changes_given_up",
            ),
            backoff=backoff,
            clock=clock,
        )
        self._secret = secret
        self._max_queue = max_queue
        self._wall_time_s = wall_time_s
        self._connection = connect(url, connect_timeout_s=timeout_s, read_timeout_s=timeout_s)
        self._waiting: deque[CallerVerdict] = deque()
        self._on_its_way = 0

    def changed(self, verdict: CallerVerdict) -> None:
        """Post it soon."""
        with self._lock:
            if len(self._waiting) >= self._max_queue:
                self._waiting.popleft()
                self._counts["queue_dropped"] += 1
            self._waiting.append(verdict)
        self._wakened.set()

    def renewed(self, verdict: CallerVerdict) -> None:
        """Nothing changed."""

    def levels(self) -> dict[str, int]:
        """Changes that wait, those on their way included, and whether the last post was taken."""
        with self._lock:
            return {"waiting": len(self._waiting) + self._on_its_way, "up": int(not self._failing)}

    def _run(self) -> None:
        while True:
            with self._lock:
                changes = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                self._on_its_way = len(changes)
            if changes:
                self._deliver(changes)
                with self._lock:
                    self._on_its_way = 0
            elif self._stopping:
                break
            else:
                self._wait()
            if self._is_over() or (self._stopping and self._failing):
                break
        self._connection.close()

    def _deliver(self, changes: list[CallerVerdict]) -> None:
        """Until it is taken, refused or given up, or it is the end."""
        delivery = f"{changes[0].sequence}-{changes[-1].sequence}"
        body = json.dumps(
            {"delivery": delivery, "verdicts": [change.document() for change in changes]},
            separators=(",", ":"),
            allow_nan=False,
        ).encode()
        answered = 0
        while True:
            why = self._post(delivery, body)
            if why is None:
                self._count(deliveries=1, changes=len(changes))
                self._went_well()
                return
            status, words = why
            if status is not None:
                answered += 1
            if status is not None and 300 <= status < 500 and status not in RETRIED_4XX:
                self._count(changes_rejected=len(changes), failures=1)
                _log.error("%s refused delivery %s for good: %s", self.name, delivery, words)
                return
            self._count(failures=1)
            self._went_wrong(words)
            if answered >= MAX_ANSWERED_TRIES:
                self._count(changes_given_up=len(changes))
                _log.error("%s: delivery %s was given up after %d tries", self.name, delivery, answered)
                return
            if not self._pause(self._backoff.next_s()):
                return

    def _post(self, delivery: str, body: bytes) -> tuple[int | None, str] | None:
        """None when it was taken, else the status, if any, and words."""
        timestamp = str(int(self._wall_time_s()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "spit",
            "X-Spit-Delivery": delivery,
            "X-Spit-Timestamp": timestamp,
            "X-Spit-Signature": f"sha256={signature(self._secret, timestamp, body)}",
        }
        try:
            status, _ = self._connection.post(body, headers)
        except PostError as error:
            return None, str(error)
        return None if 200 <= status < 300 else (status, f"status {status}")
