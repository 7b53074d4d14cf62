"""Lets a caller pass for a while who appeals: a temporary allow entry in the lists."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from spit.engine.feedback import DAY_US, Report
from spit.errors import ControlError
from spit.export.prometheus import Sample
from spit.lists import EntryError, ListEntry, parse_pattern, read_entry
from spit.policy.policy import Policy
from spit.storage.list_queries import EntryExistsError, Filter

if TYPE_CHECKING:
    from spit.engine.control_data import ControlData

#: Who has passed on an appeal does so again this long afterwards: sooner, an operator decides. Otherwise a
#: spammer with a form to fill in each day would never be blocked.
REPEAT_US = 7 * DAY_US

_log = logging.getLogger("spit.feedback")


class LiftOutcome(StrEnum):
    """What an appeal did to the block."""

    LIFTED = "lifted"
    PASSES = "passes"  # an allow entry is there already
    NOT_BLOCKED = "not_blocked"  # the caller was never labelled spam
    OPERATOR = "operator"  # a block or do-not-originate list names the caller
    REPEATED = "repeated"  # it was lifted not long ago
    OFF = "off"  # feedback.appeal_lift_s is 0, there is no control database, or no list can name the caller
    FAILED = "failed"  # the control database does not answer


@dataclass(frozen=True, slots=True)
class Lift:
    """``until_us``: of ``lifted`` and ``passes``, epoch µs; None: never ends, or nothing was lifted."""

    outcome: LiftOutcome
    until_us: int | None = None


class AppealLifts:
    """Lifts the block of callers whose appeal was taken. Thread-safe; nothing here raises.

    ``policy``: the one in force; ``was_blocked``: whether a caller was ever labelled spam. ``lift_s`` 0:
    never. What a block or do-not-originate list says of a caller stays: that is an operator's word.
    """

    def __init__(
        self,
        control: ControlData | None,
        *,
        policy: Callable[[], Policy],
        was_blocked: Callable[[str], bool],
        lift_s: int,
    ) -> None:
        self._control = control
        self._policy = policy
        self._was_blocked = was_blocked
        self._lift_us = lift_s * 1_000_000
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(LiftOutcome, 0)

    def lift(self, appeal: Report, *, actor: str, time_us: int, tenant: str = "", callee: str = "") -> Lift:
        """Let the calls of the appeal's caller pass from ``time_us`` (epoch µs, of the verdicts) on.

        ``tenant``, ``callee`` (canonical): those calls alone; "": all. ``actor``: for the audit log.
        """
        try:
            lift = self._lift(appeal, actor, time_us, tenant, callee)
        except ControlError as error:
            _log.error("the appeal of a caller lifts no block: %s", error)
            lift = Lift(LiftOutcome.FAILED)
        with self._lock:
            self._counts[lift.outcome] += 1
        return lift

    def samples(self) -> list[Sample]:
        """For /metrics."""
        with self._lock:
            counts = dict(self._counts)
        return [
            Sample(
                "spit_appeals_total",
                "counter",
                "Appeals over HTTP, by what they did to the block",
                count,
                (("outcome", outcome.value),),
            )
            for outcome, count in counts.items()
        ]

    def _lift(self, appeal: Report, actor: str, time_us: int, tenant: str, callee: str) -> Lift:
        control = self._control
        if control is None or not self._lift_us:
            return Lift(LiftOutcome.OFF)
        if self._policy().is_blocked_by_operator(tenant, appeal.caller, callee.lower(), time_us):
            return Lift(LiftOutcome.OPERATOR)
        if not self._was_blocked(appeal.caller):
            return Lift(LiftOutcome.NOT_BLOCKED)
        entry = _entry(appeal, actor, time_us + self._lift_us, tenant, callee)
        if entry is None:
            return Lift(LiftOutcome.OFF)
        found = control.entries.find(
            Filter(kind=entry.kind.value, tenant=tenant, pattern=entry.pattern, callee=entry.callee), limit=1
        )
        now_us = control.clock()
        try:
            if not found:
                control.entries.create(entry, actor=actor, time_us=now_us)
            else:
                until_us = found[0].expires_at_us
                if until_us is None or until_us > time_us:
                    return Lift(LiftOutcome.PASSES, until_us)
                if time_us - until_us < REPEAT_US:
                    return Lift(LiftOutcome.REPEATED)
                control.entries.change(found[0].id, entry, actor=actor, time_us=now_us)
        except EntryExistsError:  # another appeal was quicker, here or at another scorer
            return Lift(LiftOutcome.PASSES, entry.expires_at_us)
        control.refresh()
        return Lift(LiftOutcome.LIFTED, entry.expires_at_us)


def _entry(appeal: Report, actor: str, expires_at_us: int, tenant: str, callee: str) -> ListEntry | None:
    """None for a caller or callee whom no list can name alone."""
    if not _names_one(appeal.caller) or (callee and not _names_one(callee)):
        return None
    try:
        entry = read_entry(
            {
                "kind": "allow",
                "pattern": appeal.caller,
                "tenant": tenant,
                "callee": callee,
                "reason": f"appeal about the call {_line(appeal.call_id)}",
                "author": _line(actor),
            }
        )
    except EntryError:
        return None
    # Not a field above: there it would be rounded to seconds of a float.
    return replace(entry, expires_at_us=expires_at_us)


def _names_one(identity: str) -> bool:
    """Whether ``identity`` as a pattern is itself: one that ends in * would let others pass, too."""
    try:
        pattern = parse_pattern(identity)
    except ValueError:
        return False
    return pattern.prefix is None and pattern.first == pattern.last


def _line(text: str) -> str:
    """``text`` without what a reason may not hold, and not endless: a Call-ID is anybody's bytes."""
    return "".join(character if character.isprintable() else "?" for character in text)[:256]
