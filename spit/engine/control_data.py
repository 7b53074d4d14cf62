"""Keeps the lists and keys in memory as the control database has them, also while it is away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from spit.errors import ControlError
from spit.export.prometheus import Sample
from spit.lists import ListEntry, show_time
from spit.policy.list_index import ListIndex
from spit.policy.lists import Lists
from spit.storage.audit import AuditLog
from spit.storage.control import ControlDatabase
from spit.storage.keyring import KeyRing, Principal
from spit.storage.keys import KeyStore
from spit.storage.list_queries import History
from spit.storage.lists import ListStore

_CHUNK = 500

_log = logging.getLogger("spit.control")


class ControlData:
    """One process's view of a control database: ``lists`` and ``ring`` are those of its last change seen.

    ``refresh`` follows the database, and a thread calls it every ``poll_s`` seconds. While the database is
    away, the last state stays in force. ``clock``: epoch µs. Raises ControlError when it cannot be read at
    the start.
    """

    def __init__(
        self, database: ControlDatabase, lists: Lists, *, poll_s: float, clock: Callable[[], int]
    ) -> None:
        self.entries = ListStore(database)
        self.keys = KeyStore(database)
        self.audit = AuditLog(database)
        self.lists = lists
        self.ring = KeyRing()
        self.clock = clock
        self._database = database
        self._poll_s = poll_s
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._version = -1
        self._history: History | None = None
        self._read_at_us = 0
        self._failure: str | None = None
        self._failures = 0
        self._read()

    def start(self) -> None:
        """Follow the database from now on."""
        self._thread.start()

    def close(self) -> None:
        """Follow it no more, and close it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._database.close()

    def refresh(self) -> None:
        """See every change that was made before this call. Begin and end of failing are said."""
        try:
            self._read()
        except Exception as error:  # noqa: BLE001  whatever is wrong, the last state stays in force
            self._failures += 1
            if self._failure is None:
                trace = None if isinstance(error, ControlError) else error
                _log.error("%s; lists and keys stay as they were", error, exc_info=trace)
            self._failure = str(error)
            return
        if self._failure is not None:
            _log.warning("the control database is back")
        self._failure = None

    def verify(self, key: str, now: float) -> Principal | None:
        """As ``KeyRing.verify``, by the keys of the last change seen: needs no database."""
        return self.ring.verify(key, now)

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self.ring)

    def warning(self) -> str | None:
        """What an operator should know; None while the database answers. Why stands in the log alone."""
        if self._failure is None:
            return None
        since = show_time(self._read_at_us)
        return f"the control database does not answer: lists and keys are those of {since}"

    def samples(self) -> list[Sample]:
        """For /metrics."""
        index = self.lists.index
        age_s = max(self.clock() - self._read_at_us, 0) / 1e6
        grey = self.lists.grey.counters()
        return [
            Sample(
                "spit_control_database_up", "gauge", "The control database answers", float(not self._failure)
            ),
            Sample("spit_control_age_seconds", "gauge", "Since lists and keys were last compared", age_s),
            Sample("spit_control_version", "gauge", "Changes of the control database so far", self._version),
            Sample(
                "spit_control_failures_total", "counter", "Times that it could not be read", self._failures
            ),
            Sample("spit_api_keys", "gauge", "API keys, revoked ones too", len(self.ring)),
            *(
                Sample("spit_list_entries", "gauge", "List entries", count, (("kind", kind),))
                for kind, count in index.counts().items()
            ),
            Sample("spit_grey_pairs", "gauge", "Grey calls remembered", grey["grey_pairs"]),
            *(
                Sample(f"spit_{name}_total", "counter", words, grey[name])
                for name, words in (
                    ("grey_pairs_evicted", "Grey calls forgotten because there were too many"),
                    ("grey_refused", "Calls refused until a call back"),
                    ("grey_passed", "Calls back that passed"),
                )
            ),
        ]

    def _read(self) -> None:
        with self._lock:  # a request that changed something and the thread must not undo each other's view
            version = self._database.version()
            if version != self._version:
                self._read_lists()
                self.ring = self.keys.ring()
                self._version = version
            self._read_at_us = self.clock()

    def _read_lists(self) -> None:
        changes = None if self._history is None else self.entries.changes_since(self._history)
        if changes is not None:
            self.lists.index = self.lists.index.with_changes(changes.changed, changes.removed)
            self._history = changes.history
            return
        history, entries = self.entries.read_all(pause=lambda: time.sleep(0))
        self.lists.index = ListIndex(_yielding(entries))
        self._history = history

    def _run(self) -> None:
        while not self._stop.wait(self._poll_s):
            self.refresh()


def _yielding(entries: Iterable[ListEntry]) -> Iterator[ListEntry]:
    """The entries, letting go of the interpreter now and then: no question waits for a long list."""
    for count, entry in enumerate(entries):
        if count % _CHUNK == 0:
            time.sleep(0)
        yield entry
