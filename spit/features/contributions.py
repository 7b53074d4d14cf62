"""What events add to the sums, by name. Families combine them; each is defined once, here.

"young" is a caller at its first attempts (``attempt_columns.YOUNG_ATTEMPTS``), "known" a callee with whom the
caller had talked within 7 days.
"""

from __future__ import annotations

from spit.features import attempt_columns as a
from spit.features import end_columns as e
from spit.features.declare import HOUR_S, IDLE_S, MINUTE_S, Contribution
from spit.features.end_columns import QUICK_HANG_UP_S, SHORT_S
from spit.features.expressions import Column
from spit.records import Outcome


def _attempt(name: str, meaning: str, column: Column) -> Contribution:
    return Contribution(name, meaning, at_attempt=column)


def _end(name: str, meaning: str, column: Column) -> Contribution:
    return Contribution(name, meaning, at_end=column)


def _outcome(name: str, meaning: str, *outcomes: Outcome) -> Contribution:
    return _end(name, meaning, e.outcome(*outcomes))


def _of_young(base: Contribution) -> Contribution:
    """The same, of young callers' calls alone."""
    name, meaning = f"young_{base.name}", f"{base.meaning}; by a young caller"
    if base.at_attempt is not None:
        return _attempt(name, meaning, base.at_attempt.where(a.YOUNG))
    if base.at_end is not None:
        return _end(name, meaning, base.at_end.where(e.YOUNG))
    raise ValueError(f"{base.name}: expected a contribution of attempts or ends, found neither")


# Attempts.

ATTEMPTS = _attempt("attempts", "an attempt", a.ONE)
FIRST_CONTACTS = _attempt(
    "first_contacts", "the caller had not called the callee within 7 days", a.new_contact(IDLE_S)
)
REDIALS = _attempt("redials", "the caller called the same callee within 10 minutes", a.REDIAL)
RECIPROCAL = _attempt("reciprocal", "the callee had called him within 7 days", a.RECIPROCAL)
KNOWN = _attempt("known", "caller and callee had talked within 7 days", a.TALKED_BEFORE)
CONTACT_NEW_1M = _attempt(
    "contact_new_1m",
    "the caller had not called the callee within 1 minute",
    a.new_contact(MINUTE_S),
)
CONTACT_NEW_1H = _attempt(
    "contact_new_1h",
    "the caller had not called the callee within 1 hour",
    a.new_contact(HOUR_S),
)
CALLER_NEW_1H = _attempt(
    "caller_new_1h",
    "the caller's first attempt in 1 hour",
    a.longer_ago("caller_gap_s", HOUR_S),
)
DIVERTED = _attempt("diverted", "the call was forwarded (Diversion, History-Info)", a.DIVERTED)
WITHHELD = _attempt("withheld", "the caller withheld his identity", a.WITHHELD)
MESSAGES = _attempt("messages", "the attempt was a MESSAGE", a.MESSAGE)
NEIGHBOURS = _attempt("neighbours", "the caller's number is a neighbour of the callee's", a.NEIGHBOUR)
LEVEL = _attempt("level", "attestation: A 3, B 2, C 1, unsigned 0", a.LEVEL)
LEVEL2 = _attempt("level2", "the square of level", a.LEVEL.squared())
DIFFERING = _attempt(
    "differing",
    "asserted identity or PASSporT name another caller than From",
    a.DIFFERING,
)
HOUR_COS = _attempt("hour_cos", "cosine of the time of day", a.HOUR_COS)
HOUR_SIN = _attempt("hour_sin", "sine of the time of day", a.HOUR_SIN)

SEQUENTIAL = _attempt(
    "sequential", "callee 1 to 3 beside the caller's last", a.sequential("caller_last_number")
)
SAME_BLOCK = _attempt(
    "same_block",
    "callee of the same 10,000 as the caller's last",
    a.same_block("caller_last_number"),
)
GAPS = _attempt("gaps", "the caller had made an attempt before", a.has_gap("caller_gap_s"))
GAP_S = _attempt("gap_s", "seconds since the caller's last attempt", a.gap_s("caller_gap_s"))
GAP_S2 = _attempt("gap_s2", "the square of gap_s", a.gap_s("caller_gap_s").squared())
LOG_GAP = _attempt("log_gap", "ln(1 + gap_s)", a.log_gap("caller_gap_s"))
LOG_GAP2 = _attempt("log_gap2", "the square of log_gap", a.log_gap("caller_gap_s").squared())

PEER_CALLER_NEW_1H = _attempt(
    "peer_caller_new_1h",
    "the caller had not come from this peer within 1 hour",
    a.new_peer_caller(HOUR_S),
)
PEER_CALLER_NEW = _attempt(
    "peer_caller_new",
    "the caller had not come from this peer within 7 days",
    a.new_peer_caller(IDLE_S),
)
PEER_CALLEE_NEW_1H = _attempt(
    "peer_callee_new_1h",
    "this peer had not called the callee within 1 hour",
    a.new_peer_callee(HOUR_S),
)
PEER_FIRST_CONTACTS = _attempt(
    "peer_first_contacts",
    "this peer had not called the callee within 7 days",
    a.new_peer_callee(IDLE_S),
)
PEER_SEQUENTIAL = _attempt(
    "peer_sequential", "callee 1 to 3 beside the peer's last", a.sequential("peer_last_number")
)
PEER_SAME_BLOCK = _attempt(
    "peer_same_block",
    "callee of the same 10,000 as the peer's last",
    a.same_block("peer_last_number"),
)
PEER_GAPS = _attempt("peer_gaps", "the peer had made an attempt before", a.has_gap("peer_gap_s"))
PEER_LOG_GAP = _attempt(
    "peer_log_gap", "ln(1 + seconds since the peer's last attempt)", a.log_gap("peer_gap_s")
)
PEER_LOG_GAP2 = _attempt("peer_log_gap2", "the square of peer_log_gap", a.log_gap("peer_gap_s").squared())

# Attempts by young callers. Their Last counts these alone, so that customers between do not hide them.

YOUNG_ATTEMPTS = _of_young(ATTEMPTS)
YOUNG_FIRST_CONTACTS = _of_young(FIRST_CONTACTS)
YOUNG_NEIGHBOURS = _of_young(NEIGHBOURS)
YOUNG_LEVEL = _of_young(LEVEL)
YOUNG_GAPS = _of_young(_attempt("gaps_at_peer", "there was an attempt before", a.has_gap("peer_young_gap_s")))
YOUNG_LOG_GAP = _of_young(_attempt("log_gap_at_peer", "ln(1 + seconds since)", a.log_gap("peer_young_gap_s")))
YOUNG_LOG_GAP2 = _of_young(
    _attempt("log_gap2_at_peer", "its square", a.log_gap("peer_young_gap_s").squared())
)
YOUNG_SEQUENTIAL = _of_young(
    _attempt("sequential_at_peer", "callee 1 to 3 beside", a.sequential("peer_young_last_number"))
)
YOUNG_SAME_BLOCK = _of_young(
    _attempt(
        "same_block_at_peer",
        "callee of the same 10,000",
        a.same_block("peer_young_last_number"),
    )
)
YOUNG_NEAR_CALLERS = _of_young(
    _attempt(
        "near_callers_at_peer",
        "caller's number within 100 of the last",
        a.near_caller("peer_young_last_caller_number"),
    )
)

# Both.

OPEN = Contribution(
    "open",
    "an attempt adds 1, its end takes away what is left of that",
    at_attempt=a.ONE,
    at_end=e.CLOSED,
)

# Ends.

ENDED = _end("ended", "a call ended and how is known", e.COUNTED)
ANSWERED = _outcome("answered", "it was answered", Outcome.ANSWERED)
CANCELLED = _outcome("cancelled", "the caller gave up before an answer", Outcome.CANCELLED)
NOT_FOUND = _outcome("not_found", "nobody has that number", Outcome.NOT_FOUND)
REFUSED = _outcome("refused", "it was busy or declined", Outcome.BUSY, Outcome.DECLINED)
DECLINED = _outcome("declined", "the callee declined it, or said 607", Outcome.DECLINED, Outcome.UNWANTED)
NO_ANSWER = _outcome("no_answer", "nobody picked up", Outcome.NO_ANSWER)
UNWANTED = _outcome("unwanted", "the callee said 607 Unwanted", Outcome.UNWANTED)
TIMED = _end("timed", "it was answered and its BYE was seen", e.TIMED)
TALK_S = _end("talk_s", "seconds talked, of timed calls", e.TALK_S)
TALK_S2 = _end("talk_s2", "the square of talk_s", e.TALK_S.squared())
SHORT = _end("short", f"timed and talked at most {SHORT_S:.0f} s", e.SHORT)
CALLEE_HUNG_UP = _end("callee_hung_up", "timed and the callee hung up", e.CALLEE_HUNG_UP)
QUICK_HANG_UP = _end(
    "quick_hang_up",
    f"timed and the callee hung up within {QUICK_HANG_UP_S:.0f} s",
    e.CALLEE_HUNG_UP & (e.TALK_S <= QUICK_HANG_UP_S),
)
RANG_CANCELLED = _end("rang_cancelled", "it rang and the caller gave up", e.rang(Outcome.CANCELLED))
ONE_RING = _end("one_ring", f"it rang at most {SHORT_S:.0f} s and the caller gave up", e.ONE_RING)
CANCELLED_RING_S = _end(
    "cancelled_ring_s",
    "seconds it rang before the caller gave up",
    e.RING_S.where(e.rang(Outcome.CANCELLED)),
)
RANG_OUT = _end("rang_out", "it rang longer than that, and nobody picked up", e.RANG_OUT)
RING_OUT_S = _end("ring_out_s", "seconds it rang in vain", e.RING_S.where(e.RANG_OUT))
RING_OUT_S2 = _end("ring_out_s2", "the square of ring_out_s", e.RING_S.where(e.RANG_OUT).squared())
RANG_ANSWERED = _end("rang_answered", "it rang and was answered", e.rang(Outcome.ANSWERED))
ANSWER_RING_S = _end(
    "answer_ring_s", "seconds it rang before the answer", e.RING_S.where(e.rang(Outcome.ANSWERED))
)
PROGRESSED = _end("progressed", "the post-dial delay is known", e.PROGRESSED)
PDD_S = _end("pdd_s", "seconds of post-dial delay", e.PDD_S)
STRANGERS_ENDED = _end("strangers_ended", "ended, callee not known", e.COUNTED & ~e.TALKED_BEFORE)
STRANGERS_ANSWERED = _end(
    "strangers_answered",
    "answered, callee not known",
    e.outcome(Outcome.ANSWERED) & ~e.TALKED_BEFORE,
)
STRANGERS_TIMED = _end("strangers_timed", "timed, callee not known", e.TIMED & ~e.TALKED_BEFORE)
STRANGERS_TALK_S = _end(
    "strangers_talk_s",
    "seconds talked with callees not known",
    e.TALK_S.where(~e.TALKED_BEFORE),
)
KNOWN_TIMED = _end("known_timed", "timed, callee known", e.TIMED & e.TALKED_BEFORE)
KNOWN_TALK_S = _end("known_talk_s", "seconds talked with known callees", e.TALK_S.where(e.TALKED_BEFORE))

YOUNG_ENDED = _of_young(ENDED)
YOUNG_ANSWERED = _of_young(ANSWERED)
YOUNG_CANCELLED = _of_young(CANCELLED)
YOUNG_NOT_FOUND = _of_young(NOT_FOUND)
YOUNG_DECLINED = _of_young(DECLINED)
YOUNG_UNWANTED = _of_young(UNWANTED)
YOUNG_TIMED = _of_young(TIMED)
YOUNG_TALK_S = _of_young(TALK_S)
YOUNG_TALK_S2 = _of_young(TALK_S2)
YOUNG_SHORT = _of_young(SHORT)
YOUNG_CALLEE_HUNG_UP = _of_young(CALLEE_HUNG_UP)
YOUNG_ONE_RING = _of_young(ONE_RING)
