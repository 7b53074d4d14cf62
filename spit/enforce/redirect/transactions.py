"""INVITE server transactions of an element that refuses and redirects (RFC 3261 section 17.2.1, RFC 6026).

No socket and no clock: every method is told the time, in seconds of a clock that never goes back, and answers
what is to be sent. A 2xx is never sent, so that the states of RFC 6026 for it are not needed.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

from spit.enforce.redirect.request import Key

T1_S = 0.5
T2_S = 4.0
T4_S = 5.0
#: Timer H: for how long an ACK is waited for.
TIMER_H_S = 64 * T1_S
#: An answer that takes longer is announced by a 100.
TRYING_AFTER_S = 0.2

Route = TypeVar("Route")


class State(Enum):
    """Where a transaction stands. SILENT: nothing is answered, retransmissions are absorbed."""

    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    SILENT = "silent"


@dataclass(slots=True)
class Transaction(Generic[Route]):
    """One INVITE. ``route``: where its responses go; ``reliable``: over a transport that loses nothing.

    ``trying`` and ``terminated`` build the 100 and the 487: most calls need neither.
    """

    key: Key
    route: Route
    reliable: bool
    trying: Callable[[], bytes]
    terminated: Callable[[], bytes]
    state: State = State.PROCEEDING
    response: bytes | None = None  # the last one sent
    interval_s: float = T1_S  # of timer G
    give_up_s: float = 0.0  # when timer H fires
    due_s: float | None = None  # when it is looked at next

    @property
    def is_open(self) -> bool:
        """Whether no final response was decided yet."""
        return self.state is State.PROCEEDING


@dataclass(frozen=True, slots=True)
class Send(Generic[Route]):
    """Bytes to send."""

    route: Route
    data: bytes


@dataclass(slots=True)
class _Counts:
    invites: int = 0
    invites_repeated: int = 0
    acks: int = 0
    responses_repeated: int = 0
    acks_missing: int = 0
    transactions_evicted: int = 0
    transactions_refused: int = 0


@dataclass(slots=True)
class Transactions(Generic[Route]):
    """All INVITE transactions, at most ``max_transactions``: the oldest that is over goes first."""

    max_transactions: int
    _open: dict[Key, Transaction[Route]] = field(default_factory=dict)
    _over: OrderedDict[Key, None] = field(default_factory=OrderedDict)
    _timers: list[tuple[float, int, Transaction[Route]]] = field(default_factory=list)
    _armed: int = 0
    _counts: _Counts = field(default_factory=_Counts)

    def __len__(self) -> int:
        return len(self._open)

    @property
    def unacknowledged(self) -> int:
        """How many have a final response that no ACK came for, or none yet."""
        done = (State.CONFIRMED, State.SILENT)
        return sum(transaction.state not in done for transaction in self._open.values())

    def counters(self) -> Mapping[str, int]:
        """By name (docs/counters.md)."""
        return {name: getattr(self._counts, name) for name in _Counts.__slots__}

    def find(self, key: Key) -> Transaction[Route] | None:
        """The transaction of that key; None without one."""
        return self._open.get(key)

    def open(
        self,
        key: Key,
        route: Route,
        *,
        reliable: bool,
        trying: Callable[[], bytes],
        terminated: Callable[[], bytes],
        now_s: float,
    ) -> Transaction[Route] | None:
        """A new transaction for an INVITE; None when there is room for none.

        ``trying``: the 100 that is sent when the answer takes long. ``terminated``: the 487 for a CANCEL.
        """
        if len(self._open) >= self.max_transactions:
            if not self._over:
                self._counts.transactions_refused += 1
                return None
            self._counts.transactions_evicted += 1
            self._remove(next(iter(self._over)))
        transaction = Transaction(key, route, reliable, trying, terminated)
        self._open[key] = transaction
        self._counts.invites += 1
        self._arm(transaction, now_s + TRYING_AFTER_S)
        return transaction

    def repeated(self, transaction: Transaction[Route]) -> Iterable[Send[Route]]:
        """A retransmitted INVITE: the last response again, where there is one and the ACK has not come."""
        self._counts.invites_repeated += 1
        if transaction.response is None or transaction.state in (State.CONFIRMED, State.SILENT):
            return ()
        return (Send(transaction.route, transaction.response),)

    def answer(self, transaction: Transaction[Route], response: bytes, now_s: float) -> Iterable[Send[Route]]:
        """The final response (300 to 699); nothing when there was one already."""
        if transaction.state is not State.PROCEEDING:
            return ()
        transaction.state = State.COMPLETED
        transaction.response = response
        transaction.give_up_s = now_s + TIMER_H_S
        self._over[transaction.key] = None
        self._arm(transaction, transaction.give_up_s if transaction.reliable else now_s + T1_S)
        return (Send(transaction.route, response),)

    def silence(self, transaction: Transaction[Route], now_s: float) -> None:
        """No final response at all, and none to what repeats the INVITE for as long as that may come."""
        if transaction.state is State.PROCEEDING:
            transaction.state = State.SILENT
            self._over[transaction.key] = None
            self._arm(transaction, now_s + TIMER_H_S)

    def cancel(self, transaction: Transaction[Route], now_s: float) -> Iterable[Send[Route]]:
        """The 487 to the INVITE when it has no final response yet (RFC 3261 section 9.2)."""
        return self.answer(transaction, transaction.terminated(), now_s)

    def acknowledge(self, transaction: Transaction[Route], now_s: float) -> None:
        """An ACK. Those that follow are absorbed for a while over UDP (timer I)."""
        self._counts.acks += 1
        if transaction.state is not State.COMPLETED:
            return
        transaction.state = State.CONFIRMED
        if transaction.reliable:
            self._remove(transaction.key)
        else:
            self._arm(transaction, now_s + T4_S)

    def due_s(self) -> float | None:
        """When ``advance`` has something to do; None when nothing is waited for."""
        timers = self._timers
        while timers and not self._is_armed(*timers[0]):
            heapq.heappop(timers)
        return timers[0][0] if timers else None

    def advance(self, now_s: float) -> list[Send[Route]]:
        """What the timers that are due send."""
        sends: list[Send[Route]] = []
        while (due_s := self.due_s()) is not None and due_s <= now_s:
            transaction = heapq.heappop(self._timers)[2]
            transaction.due_s = None
            sends += self._fire(transaction, now_s)
        return sends

    def _fire(self, transaction: Transaction[Route], now_s: float) -> Iterable[Send[Route]]:
        if transaction.state is State.PROCEEDING:
            transaction.response = transaction.trying()
            return (Send(transaction.route, transaction.response),)
        if transaction.state is not State.COMPLETED:
            self._remove(transaction.key)
            return ()
        if now_s >= transaction.give_up_s or transaction.response is None:
            self._counts.acks_missing += 1
            self._remove(transaction.key)
            return ()
        transaction.interval_s = min(2 * transaction.interval_s, T2_S)
        self._arm(transaction, min(now_s + transaction.interval_s, transaction.give_up_s))
        self._counts.responses_repeated += 1
        return (Send(transaction.route, transaction.response),)

    def _arm(self, transaction: Transaction[Route], due_s: float) -> None:
        transaction.due_s = due_s
        self._armed += 1
        heapq.heappush(self._timers, (due_s, self._armed, transaction))
        # Timers that were replaced stay in the heap until they come up: at most as many as those that count.
        if len(self._timers) > 2 * len(self._open) + 64:
            self._timers = [one for one in self._timers if self._is_armed(*one)]
            heapq.heapify(self._timers)

    def _is_armed(self, due_s: float, _number: int, transaction: Transaction[Route]) -> bool:
        return transaction.due_s == due_s and self._open.get(transaction.key) is transaction

    def _remove(self, key: Key) -> None:
        self._open.pop(key, None)
        self._over.pop(key, None)
