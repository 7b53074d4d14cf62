"""Changes of verdict posted to a URL, signed, in order, again until they are taken."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from spit.enforce.backoff import Backoff
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


class Webhook:
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
        self.name = url
        self._secret = secret
        self._max_queue = max_queue
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._wall_time_s = wall_time_s
        self._connection = connect(url, connect_timeout_s=timeout_s, read_timeout_s=timeout_s)
        self._lock = threading.Lock()
        self._wakened = threading.Event()
        self._waiting: deque[CallerVerdict] = deque()
        self._on_its_way = 0
        self._stopping = False
        self._until_s = 0.0
        self._failing = False
        self._counts = dict.fromkeys(
            ("deliveries", "changes", "failures", "queue_dropped", "changes_rejected", "changes_given_up"), 0
        )
        self._thread = threading.Thread(target=self._run, name=f"webhook {url}", daemon=True)

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

    def start(self) -> None:
        """Begin to post."""
        self._thread.start()

    def finish(self, timeout_s: float) -> None:
        """Post what waits, as far as it is taken, until then at most."""
        self._until_s = self._clock() + timeout_s
        self._stopping = True
        self._wakened.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of what ``finish`` began; whether it was in time."""
        self._thread.join(max(timeout_s, 0.0))
        return not self._thread.is_alive()

    def counters(self) -> dict[str, int]:
        """What was delivered and what was not, since the start."""
        with self._lock:
            return dict(self._counts)

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
                self._wakened.wait()
                self._wakened.clear()
            if self._stopping and (self._failing or self._clock() >= self._until_s):
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
            if not self._failing:
                _log.error("%s does not take verdicts: %s", self.name, words)
            self._failing = True
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

    def _pause(self, pause_s: float) -> bool:
        """The whole pause, whatever comes meanwhile; False when it is the end."""
        until_s = self._clock() + pause_s
        while not self._stopping and (left_s := until_s - self._clock()) > 0:
            self._wakened.wait(left_s)
            if not self._stopping:
                self._wakened.clear()
        return not self._stopping

    def _went_well(self) -> None:
        self._backoff.reset()
        if self._failing:
            _log.warning("%s takes verdicts again", self.name)
        self._failing = False

    def _count(self, **counts: int) -> None:
        with self._lock:
            for name, by in counts.items():
                self._counts[name] += by
