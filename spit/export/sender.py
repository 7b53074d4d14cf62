"""Takes batches from the spool to scorers: at least once, in order, to the first scorer that answers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from spit.export.connection import Answer, ScorerConnection, ScorerError
from spit.export.encode import CONTENT_TYPE
from spit.export.spool import Spool

#: Answers about the address, the token or the moment, not about the batch: it stays and is sent again. Every
#: other 4xx would be the same for this batch for ever, so the batch is put aside.
RETRIED_4XX = frozenset({401, 403, 404, 407, 408, 421, 425, 429})

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_IDLE_S = 1.0

_log = logging.getLogger("spit.export")


class Connection(Protocol):
    """``ScorerConnection`` as the sender uses it."""

    @property
    def url(self) -> str: ...
    def post(self, body: bytes, headers: dict[str, str], timeout_s: float | None = None) -> Answer: ...
    def close(self) -> None: ...


class Sender:
    """Delivers the spool's batches; ``run`` belongs into a thread of its own.

    ``scorers``: URLs. The one that took the last batch gets the next; when it does not answer, the others
    are tried in order. When none answers, the batch waits: pauses double from 0.5 s to 30 s, each between
    half and all of that by ``jitter`` (0 to 1). ``clock``: seconds, monotonic. ``pause``: waits that many
    seconds and returns True as soon as the sender is to stop.
    """

    def __init__(
        self,
        spool: Spool,
        scorers: Sequence[str],
        *,
        agent_id: str,
        token: str,
        clock: Callable[[], float],
        pause: Callable[[float], bool],
        jitter: Callable[[], float],
        connect: Callable[[str], Connection] = ScorerConnection,
    ) -> None:
        self._spool = spool
        self._agent_id = agent_id
        self._clock = clock
        self._pause = pause
        self._jitter = jitter
        self._connect = connect
        self._settings = threading.Lock()
        self._token = token
        self._scorers = list(scorers)
        self._connections: list[Connection] = []
        self._current = 0
        self._silent_since_s: dict[str, float] = {}
        self._counts = dict.fromkeys(
            ("batches_sent", "events_sent", "bytes_sent", "batches_repeated", "send_failures", "failovers"), 0
        )

    def configure(self, scorers: Sequence[str], token: str) -> None:
        """Other scorers, another token: from the next batch on."""
        with self._settings:
            self._scorers, self._token = list(scorers), token

    def counters(self) -> dict[str, int]:
        """Batches, events and bytes that a scorer took, failed requests, changes of scorer."""
        return dict(self._counts)

    def run(self) -> None:
        """Deliver until ``pause`` says stop."""
        failures = 0
        while not self._pause(0.0):
            delivered = self.deliver_next(_IDLE_S)
            if delivered is False:
                failures += 1
                longest_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(failures - 1, 16))
                self._pause(longest_s * (0.5 + 0.5 * self._jitter()))
            elif delivered:
                failures = 0

    def drain(self, until_s: float) -> None:
        """Deliver until the spool is empty, nobody takes a batch, or ``clock`` reads ``until_s``."""
        while len(self._spool) and (left_s := until_s - self._clock()) > 0:
            if not self.deliver_next(0.0, timeout_s=left_s):
                break

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            connection.close()

    def deliver_next(self, wait_s: float, timeout_s: float | None = None) -> bool | None:
        """True when the oldest batch left the spool, False when nobody took it, None when none waited."""
        self._apply_settings()
        taken = self._spool.take(wait_s)
        if taken is None:
            return None
        batch, body = taken
        headers = {
            "Content-Type": CONTENT_TYPE,
            "X-Spit-Agent": self._agent_id,
            "X-Spit-Batch": str(batch.number),
        }
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            answer = self._post_to_any(body, headers, timeout_s)
            if answer is None:
                self._spool.release()
                return False
            if answer.status >= 400:
                _log.error(
                    "batch %d with %d events was rejected and put aside: status %d %s",
                    batch.number, batch.events, answer.status, answer.detail,
                )  # fmt: skip
                self._spool.reject(batch.number)
                return True
            self._spool.acknowledge(batch.number)
        except OSError as error:  # of the spool's disk
            _log.error("batch %d cannot be taken out of the spool: %s", batch.number, error)
            self._spool.release()
            return False
        self._counts["batches_repeated" if answer.duplicate else "batches_sent"] += 1
        if not answer.duplicate:
            self._counts["events_sent"] += batch.events
            self._counts["bytes_sent"] += len(body)
        return True

    def _apply_settings(self) -> None:
        with self._settings:
            scorers = self._scorers
        if [connection.url for connection in self._connections] != scorers:
            self.close()
            self._connections = [self._connect(url) for url in scorers]
            self._current = 0
            self._silent_since_s.clear()

    def _post_to_any(self, body: bytes, headers: dict[str, str], timeout_s: float | None) -> Answer | None:
        """The answer of the first scorer that takes or rejects the batch, None when there is none."""
        count = len(self._connections)
        for index in ((self._current + step) % count for step in range(count)):
            connection = self._connections[index]
            try:
                answer = connection.post(body, headers, timeout_s)
            except ScorerError as error:
                self._failed(connection.url, str(error))
                continue
            if not 200 <= answer.status < 300 and (
                not 400 <= answer.status < 500 or answer.status in RETRIED_4XX
            ):
                self._failed(connection.url, f"status {answer.status} {answer.detail}".rstrip())
                continue
            self._answered(connection.url)
            if index != self._current:
                self._counts["failovers"] += 1
                self._current = index
            return answer
        return None

    def _failed(self, url: str, why: str) -> None:
        self._counts["send_failures"] += 1
        if url not in self._silent_since_s:
            self._silent_since_s[url] = self._clock()
            _log.warning("%s does not take events: %s; %d batches wait", url, why, len(self._spool))

    def _answered(self, url: str) -> None:
        since_s = self._silent_since_s.pop(url, None)
        if since_s is not None:
            _log.warning(
                "%s takes events again after %.0f s; %d batches wait",
                url, self._clock() - since_s, len(self._spool),
            )  # fmt: skip
