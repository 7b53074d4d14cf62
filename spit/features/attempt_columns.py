"""What an attempt says, and what the primitives knew before it: of it contributions are made."""

from __future__ import annotations

from spit.features.declare import DAY_S, TEN_MINUTES_S
from spit.features.expressions import Column, answer, constant, own

#: A caller is young at its first attempts: fewer than this many before, decayed over 1 day. A campaign that
#: rotates its numbers is made of young callers, whoever else uses its trunk.
YOUNG_ATTEMPTS = 2.5
#: Young callers' numbers no further apart than this are drawn from one range.
NEAR_NUMBERS = 100.0
#: A number 1 to this many beside the one before is the next of a sequence.
_STEP = 3.0
#: Numbers of one block share all but their last four digits.
_BLOCK = 1e4

#: Answers that steps of the plan write (``table``).
CALLER_ATTEMPTS, TALK_AGE_S = "caller_attempts", "talk_age_s"

ONE = constant(1.0)
DIVERTED = own("diverted")
WITHHELD = own("caller_withheld")
IDENTIFIED = own("identified")
HAS_CALLEE = own("has_callee")
MESSAGE = own("is_message")
NEIGHBOUR = own("neighbour")
LEVEL = own("attestation_level")
DIFFERING = own("asserted_differs") | own("passport_orig_differs")
HOUR_COS, HOUR_SIN = own("hour_cos"), own("hour_sin")
CALLEE_NUMBER, CALLER_NUMBER = own("callee_number"), own("caller_number")
#: By the caller's attempts before this one, decayed over 1 day.
YOUNG = IDENTIFIED & (answer(CALLER_ATTEMPTS) < YOUNG_ATTEMPTS)

REDIAL = answer("contact_age_s") <= TEN_MINUTES_S
RECIPROCAL = answer("contact_reverse_age_s").is_finite()
TALKED_BEFORE = answer(TALK_AGE_S).is_finite()


def longer_ago(age: str, limit_s: float) -> Column:
    """Not within the limit, or never."""
    return ~(answer(age) <= limit_s)


def new_contact(limit_s: float) -> Column:
    """A known caller who had not called the callee within the limit."""
    return longer_ago("contact_age_s", limit_s) & IDENTIFIED & HAS_CALLEE


def new_peer_caller(limit_s: float) -> Column:
    """A known caller who had not come from this peer within the limit."""
    return longer_ago("peer_caller_age_s", limit_s) & IDENTIFIED


def new_peer_callee(limit_s: float) -> Column:
    """A callee whom this peer had not called within the limit."""
    return longer_ago("peer_callee_age_s", limit_s) & HAS_CALLEE


def sequential(last: str) -> Column:
    """The callee's number lies 1 to 3 beside the one dialled before."""
    step = abs(CALLEE_NUMBER - answer(last))
    return (step >= 1.0) & (step <= _STEP)


def same_block(last: str) -> Column:
    """Another number than the one dialled before, but of the same 10,000."""
    previous = answer(last)
    block, other = (CALLEE_NUMBER / _BLOCK).floor(), (previous / _BLOCK).floor()
    return ~CALLEE_NUMBER.equals(previous) & block.equals(other)


def near_caller(last: str) -> Column:
    """Another caller's number than the one before, and close to it."""
    step = abs(CALLER_NUMBER - answer(last))
    return (step >= 1.0) & (step <= NEAR_NUMBERS)


def has_gap(age: str) -> Column:
    """There was an attempt before."""
    return answer(age).is_finite()


def gap_s(age: str) -> Column:
    """Seconds since the attempt before, within 1 day; 0 where there was none."""
    return answer(age).at_most(DAY_S).where(has_gap(age))


def log_gap(age: str) -> Column:
    """ln(1 + gap): one second more or less says nothing about a person, but much about a machine."""
    return gap_s(age).log_one_plus()
