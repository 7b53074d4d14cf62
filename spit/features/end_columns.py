"""What the end of a call says, and what the primitives knew before it: contributions of ends are made of it.

Not counted, but for the call being over: incomplete calls (the capture stopped), redirections (RFC 6076
leaves 3xx out of every ratio) and rejections by an intermediary (RFC 8688), which would make a blocked caller
look worse forever.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

import numpy as np
import pyarrow as pa

from spit.features.attempt_columns import CALLER_ATTEMPTS, TALK_AGE_S, YOUNG_ATTEMPTS
from spit.features.declare import DAY_S, F64, HOUR_S
from spit.features.expressions import Column, answer, code, given, known, number
from spit.records import Outcome

#: Rings or talks no longer than this mark one-ring and short calls (carriers' limit for short calls).
SHORT_S = 6.0
#: A callee who hangs up this soon has not listened.
QUICK_HANG_UP_S = 10.0
#: Calls that are still open when their end is lost are forgotten over this time.
OPEN_WINDOW_S = DAY_S
#: At an end the call's own attempt counts already.
_YOUNG_ATTEMPTS_AT_END = YOUNG_ATTEMPTS + 1.0
_OUTCOMES = tuple(Outcome)
_NOT_COUNTED = (Outcome.INCOMPLETE, Outcome.REDIRECTED)
_INTERMEDIARY_REJECTED = 608.0  # RFC 8688: our own block, or another network's, is not the callee's word
_NAN = float("nan")

_OUTCOME = code("outcome", _OUTCOMES)


def _among(*outcomes: Outcome) -> Column:
    return reduce(or_, (_OUTCOME.equals(float(_OUTCOMES.index(outcome))) for outcome in outcomes))


def _seconds(name: str, limit_s: float) -> Column:
    """Seconds within 0 to ``limit_s``, NaN where null: one absurd value must not fill a sum for days."""
    return number(name, null=_NAN).clipped(0.0, limit_s)


COUNTED = (
    (_OUTCOME >= 0.0)
    & ~_among(*_NOT_COUNTED)
    & ~number("final_status", null=0.0).equals(_INTERMEDIARY_REJECTED)
)


def outcome(*outcomes: Outcome) -> Column:
    """It ended so, and is counted."""
    return _among(*outcomes) & COUNTED


DIVERTED = known("diverted_by")
_DURATION_S = _seconds("duration_s", DAY_S)
TIMED = (
    outcome(Outcome.ANSWERED) & _DURATION_S.is_finite() & ~number("duration_censored", null=0.0).equals(1.0)
)
TALK_S = _DURATION_S.where(TIMED)
SHORT = TIMED & (TALK_S <= SHORT_S)
#: Longer than a short call: these two have something to do with each other.
TALKED = TIMED & ~SHORT
CALLEE_HUNG_UP = TIMED & code("hangup_by", ["callee"]).equals(0.0)
RING_S = _seconds("ring_time_s", HOUR_S)
_PDD_S = _seconds("pdd_s", HOUR_S)
PROGRESSED = COUNTED & _PDD_S.is_finite()
PDD_S = _PDD_S.where(PROGRESSED)
#: By the caller's attempts, decayed over 1 day; NaN where nobody is named.
YOUNG = answer(CALLER_ATTEMPTS) < _YOUNG_ATTEMPTS_AT_END
#: Caller and callee had talked before this call.
TALKED_BEFORE = answer(TALK_AGE_S).is_finite()
#: What is left of the +1 that the call's attempt added: exactly this is taken away.
CLOSED = given("closed")


def rang(of: Outcome) -> Column:
    """It rang and ended so."""
    return outcome(of) & RING_S.is_finite()


ONE_RING = rang(Outcome.CANCELLED) & (RING_S <= SHORT_S)
#: It rang for longer than one ring, and nobody picked up before the network or the caller gave up.
RANG_OUT = (rang(Outcome.CANCELLED) & (RING_S > SHORT_S)) | rang(Outcome.NO_ANSWER)


def given_columns(events: pa.RecordBatch) -> dict[str, F64]:
    """What is handed over beside the events, float64[n] by name.

    numpy's exponential differs from that of Rust in the last bit on some processors. Models were trained with
    this one: where a call is over, they tell what it leaves from nothing.
    """
    end_us, start_us = (events[name].to_numpy() for name in ("time_us", "start_time_us"))
    call_s = np.maximum((end_us - start_us) / 1e6, 0.0)
    return {"closed": -np.exp(-call_s / OPEN_WINDOW_S)}
