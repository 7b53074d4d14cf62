"""Changes of verdict per caller, numbered, in a bounded ring; and what holds of each caller now."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from spit.enforce.verdicts import CLEAR, CallerVerdict, Standing
from spit.records import Label

#: A verdict that nobody may remember (ttl 0) is still told once and not at each attempt.
MIN_HOLD_S = 60
#: A verdict is renewed when it has lived this share of its time.
_RENEWED_AFTER = 4


class Listener(Protocol):
    """Told of verdicts in their order, by whoever found them: it must return at once and never raise."""

    def changed(self, verdict: CallerVerdict) -> None:
        """A caller's verdict is another one than before."""

    def renewed(self, verdict: CallerVerdict) -> None:
        """A verdict that stays was confirmed by an attempt, so that it holds for longer."""


class VerdictFeed:
    """Thread-safe. Callers of whom nothing is said cost nothing here.

    ``history``: changes kept for those who come later. ``max_callers``: verdicts held; the one confirmed
    least recently goes first. ``first_sequence``: where numbers begin; they must not go back when a process
    starts again, so it is the time in ms. ``ttls_s``: lifetimes that listeners give verdicts instead of their
    own.
    """

    def __init__(
        self,
        *,
        history: int = 10_000,
        max_callers: int = 100_000,
        first_sequence: int = 1,
        ttls_s: Iterable[int] = (),
    ) -> None:
        if history < 1 or max_callers < 1:
            raise ValueError(f"expected history and max_callers >= 1, found {history}, {max_callers}")
        self.history = history
        self._max_callers = max_callers
        self._origin = first_sequence
        self._next = first_sequence
        self._ring: dict[int, CallerVerdict] = {}
        self._held: OrderedDict[str, CallerVerdict] = OrderedDict()
        self._ttls_s = [ttl_s for ttl_s in ttls_s if ttl_s]
        self._listeners: tuple[Listener, ...] = ()
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(
            (
                "changes",
                "renewals",
                "changes_dropped",
                "changes_left_out",
                "callers_evicted",
                "callers_unlistable",
                "failures",
            ),
            0,
        )

    def listen(self, listener: Listener) -> None:
        """Tell it from now on."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def ignore(self, listener: Listener) -> None:
        """Tell it no more."""
        with self._lock:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

    def held(self, caller: str) -> CallerVerdict | None:
        """What is said of the caller; None when nothing is."""
        return self._held.get(caller)

    def holds_any(self) -> bool:
        """Whether anything is said of anybody."""
        return bool(self._held)

    def is_news(self, verdict: CallerVerdict) -> bool:
        """Whether ``tell`` would find a change."""
        known = self._held.get(verdict.caller)
        if known is None:
            return not verdict.standing.is_clear
        return verdict.seen_us >= known.seen_us and verdict.standing != known.standing

    def tell(self, verdict: CallerVerdict) -> bool:
        """Take the verdict of an attempt: a change, a confirmation, or neither; whether it was a change.

        One that is older than what is known of the caller changes nothing: chunks may come out of order.
        """
        with self._lock:
            known = self._held.get(verdict.caller)
            if known is None:
                if verdict.standing.is_clear:
                    return False
            elif verdict.seen_us < known.seen_us:
                return False
            elif verdict.standing == known.standing:
                self._confirm(known, verdict)
                return False
            self._change(verdict, CLEAR if known is None else known.standing)
            return True

    def reconsider(self, judge: Callable[[list[CallerVerdict]], list[CallerVerdict]]) -> int:
        """Judge anew what is held, as after a change of policy or lists; how many verdicts changed.

        ``judge``: gets the verdicts held and returns those that are others now; it runs outside of the lock.
        """
        with self._lock:
            held = list(self._held.values())
        changes = judge(held) if held else []
        changed = 0
        with self._lock:
            for verdict in changes:
                known = self._held.get(verdict.caller)
                # An attempt in between knew more.
                if known is None or known.seen_us != verdict.seen_us:
                    continue
                # The same, but to be remembered by nobody any more, is a change for whoever remembers it.
                if known.standing == verdict.standing and (verdict.ttl_s or not known.ttl_s):
                    continue
                self._change(verdict, known.standing)
                changed += 1
        return changed

    def expire(self, now_us: int) -> None:
        """Let go of verdicts that nobody holds any more: their callers are told of again when they call."""
        with self._lock:
            # In the order of confirmation, which is that of expiry but for another ttl in between.
            while self._held:
                caller, verdict = next(iter(self._held.items()))
                if verdict.seen_us + self._hold_us(verdict) > now_us:
                    return
                del self._held[caller]

    def standing(self) -> list[CallerVerdict]:
        """All verdicts held, the one confirmed least recently first."""
        with self._lock:
            return list(self._held.values())

    def after(self, sequence: int, limit: int) -> tuple[list[CallerVerdict], int]:
        """Up to ``limit`` changes after ``sequence``, oldest first, and how many before them are lost."""
        with self._lock:
            first = self._next - len(self._ring)
            begin = max(sequence + 1, first)
            found = [self._ring[at] for at in range(begin, min(begin + limit, self._next))]
            return found, begin - max(sequence + 1, self._origin)

    def latest(self, limit: int) -> list[CallerVerdict]:
        """The last ``limit`` changes, oldest first."""
        with self._lock:
            begin = max(self._next - limit, self._next - len(self._ring))
            return [self._ring[at] for at in range(begin, self._next)]

    def range(self) -> tuple[int, int, int]:
        """The first number ever given, the first still kept, and the last one given (one less when none)."""
        with self._lock:
            return self._origin, self._next - len(self._ring), self._next - 1

    def count(self, name: str, by: int = 1) -> None:
        """Count what happened on the way here."""
        with self._lock:
            self._counts[name] += by

    def counters(self) -> dict[str, int]:
        """Changes, confirmations that were passed on, and what was dropped, since the start."""
        with self._lock:
            return dict(self._counts)

    def levels(self) -> dict[str, int]:
        """Callers of whom something is said, and of whom something is enforced."""
        with self._lock:
            enforced = sum(verdict.standing.is_enforced for verdict in self._held.values())
            return {"callers": len(self._held), "callers_enforced": enforced}

    def _confirm(self, known: CallerVerdict, verdict: CallerVerdict) -> None:
        shortest_s = min([verdict.ttl_s or MIN_HOLD_S, *self._ttls_s])
        if verdict.seen_us - known.seen_us < shortest_s * 1_000_000 // _RENEWED_AFTER:
            return
        renewed = replace(
            known,
            seen_us=verdict.seen_us,
            score=verdict.score,
            attempts=verdict.attempts,
            model=verdict.model,
            ttl_s=verdict.ttl_s,
        )
        self._held[known.caller] = renewed
        self._held.move_to_end(known.caller)
        self._counts["renewals"] += 1
        for listener in self._listeners:
            listener.renewed(renewed)

    def _change(self, verdict: CallerVerdict, was: Standing) -> None:
        told = replace(verdict, sequence=self._next, was=was)
        self._next += 1
        self._ring[told.sequence] = told
        if len(self._ring) > self.history:
            del self._ring[told.sequence - self.history]
            self._counts["changes_dropped"] += 1
        if told.standing.is_clear:
            self._held.pop(told.caller, None)
        else:
            self._held[told.caller] = told
            self._held.move_to_end(told.caller)
            if len(self._held) > self._max_callers:
                self._held.popitem(last=False)
                self._counts["callers_evicted"] += 1
        self._counts["changes"] += 1
        for listener in self._listeners:
            listener.changed(told)

    def _hold_us(self, verdict: CallerVerdict) -> int:
        return max(verdict.ttl_s, MIN_HOLD_S, *self._ttls_s, 0) * 1_000_000


def passes(
    verdict: CallerVerdict,
    *,
    labels: frozenset[Label] = frozenset(),
    actions: frozenset[str] = frozenset(),
    would_actions: frozenset[str] = frozenset(),
) -> bool:
    """Whether the verdict, or the one before it, is one of these (all when empty).

    Who sees a caller come must see it go.
    """
    return any(
        (not labels or one.label in labels)
        and (not actions or one.action in actions)
        and (not would_actions or one.would_action in would_actions)
        for one in (verdict.standing, verdict.was)
    )
