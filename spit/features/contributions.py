"""What events add to the sums, by name. Families combine them; each is defined once, here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spit.features.columns import SHORT_S, AttemptColumns, EndColumns
from spit.features.declare import F64, HOUR_S, IDLE_S, MINUTE_S, Contribution, Mask, Stage
from spit.records import Outcome


def _attempt(name: str, meaning: str, compute: Callable[[AttemptColumns], F64 | Mask]) -> Contribution:
    return Contribution(name, Stage.ATTEMPT, meaning, compute)


def _end(name: str, meaning: str, compute: Callable[[EndColumns], F64 | Mask]) -> Contribution:
    return Contribution(name, Stage.END, meaning, compute)


def _outcome(name: str, meaning: str, *outcomes: Outcome) -> Contribution:
    return _end(name, meaning, lambda ends: ends.outcome(*outcomes))


ATTEMPTS = _attempt("attempts", "an attempt", lambda a: np.ones(a.count))
FIRST_CONTACTS = _attempt(
    "first_contacts", "the caller had not called the callee within 7 days", lambda a: a.new_contact(IDLE_S)
)
REDIALS = _attempt("redials", "the caller called the same callee within 10 minutes", lambda a: a.redial())
RECIPROCAL = _attempt("reciprocal", "the callee had called him within 7 days", lambda a: a.reciprocal())
CONTACT_NEW_1M = _attempt(
    "contact_new_1m",
    "the caller had not called the callee within 1 minute",
    lambda a: a.new_contact(MINUTE_S),
)
CONTACT_NEW_1H = _attempt(
    "contact_new_1h",
    "the caller had not called the callee within 1 hour",
    lambda a: a.new_contact(HOUR_S),
)
CALLER_NEW_1H = _attempt(
    "caller_new_1h",
    "the caller's first attempt in 1 hour",
    lambda a: a.longer_ago("caller_gap_s", HOUR_S),
)
DIVERTED = _attempt("diverted", "the call was forwarded (Diversion, History-Info)", lambda a: a.diverted)
WITHHELD = _attempt("withheld", "the caller withheld his identity", lambda a: a.withheld)

SEQUENTIAL = _attempt(
    "sequential", "callee 1 to 3 beside the caller's last", lambda a: a.sequential("caller_last_number")
)
SAME_BLOCK = _attempt(
    "same_block",
    "callee of the same 10,000 as the caller's last",
    lambda a: a.same_block("caller_last_number"),
)
GAPS = _attempt("gaps", "the caller had made an attempt before", lambda a: a.has_gap("caller_gap_s"))
GAP_S = _attempt("gap_s", "seconds since the caller's last attempt", lambda a: a.gap_s("caller_gap_s"))
GAP_S2 = _attempt("gap_s2", "the square of gap_s", lambda a: a.gap_s("caller_gap_s") ** 2)
LOG_GAP = _attempt("log_gap", "ln(1 + gap_s)", lambda a: a.log_gap("caller_gap_s"))
LOG_GAP2 = _attempt("log_gap2", "the square of log_gap", lambda a: a.log_gap("caller_gap_s") ** 2)

PEER_CALLER_NEW_1H = _attempt(
    "peer_caller_new_1h",
    "the caller had not come from this peer within 1 hour",
    lambda a: a.new_peer_caller(HOUR_S),
)
PEER_CALLER_NEW = _attempt(
    "peer_caller_new",
    "the caller had not come from this peer within 7 days",
    lambda a: a.new_peer_caller(IDLE_S),
)
PEER_CALLEE_NEW_1H = _attempt(
    "peer_callee_new_1h",
    "this peer had not called the callee within 1 hour",
    lambda a: a.new_peer_callee(HOUR_S),
)
PEER_FIRST_CONTACTS = _attempt(
    "peer_first_contacts",
    "this peer had not called the callee within 7 days",
    lambda a: a.new_peer_callee(IDLE_S),
)
PEER_SEQUENTIAL = _attempt(
    "peer_sequential", "callee 1 to 3 beside the peer's last", lambda a: a.sequential("peer_last_number")
)
PEER_SAME_BLOCK = _attempt(
    "peer_same_block",
    "callee of the same 10,000 as the peer's last",
    lambda a: a.same_block("peer_last_number"),
)
PEER_GAPS = _attempt("peer_gaps", "the peer had made an attempt before", lambda a: a.has_gap("peer_gap_s"))
PEER_LOG_GAP = _attempt(
    "peer_log_gap", "ln(1 + seconds since the peer's last attempt)", lambda a: a.log_gap("peer_gap_s")
)
PEER_LOG_GAP2 = _attempt(
    "peer_log_gap2", "the square of peer_log_gap", lambda a: a.log_gap("peer_gap_s") ** 2
)

ENDED = _end("ended", "a call ended and how is known", lambda e: np.ones(e.count))
ANSWERED = _outcome("answered", "it was answered", Outcome.ANSWERED)
CANCELLED = _outcome("cancelled", "the caller gave up before an answer", Outcome.CANCELLED)
NOT_FOUND = _outcome("not_found", "nobody has that number", Outcome.NOT_FOUND)
REFUSED = _outcome("refused", "it was busy or declined", Outcome.BUSY, Outcome.DECLINED)
NO_ANSWER = _outcome("no_answer", "nobody picked up", Outcome.NO_ANSWER)
UNWANTED = _outcome("unwanted", "the callee said 607 Unwanted", Outcome.UNWANTED)
TIMED = _end("timed", "it was answered and its BYE was seen", lambda e: e.timed)
TALK_S = _end("talk_s", "seconds talked, of timed calls", lambda e: e.talk_s)
TALK_S2 = _end("talk_s2", "the square of talk_s", lambda e: e.talk_s**2)
SHORT = _end("short", f"timed and talked at most {SHORT_S:.0f} s", lambda e: e.timed & (e.talk_s <= SHORT_S))
CALLEE_HUNG_UP = _end("callee_hung_up", "timed and the callee hung up", lambda e: e.callee_hung_up)
RANG_CANCELLED = _end("rang_cancelled", "it rang and the caller gave up", lambda e: e.rang_and_cancelled())
ONE_RING = _end("one_ring", f"it rang at most {SHORT_S:.0f} s and the caller gave up", lambda e: e.one_ring())
CANCELLED_RING_S = _end(
    "cancelled_ring_s", "seconds it rang before the caller gave up", lambda e: e.cancelled_ring_s()
)
