"""A plan straight into call events: what the tracker makes of the plan's packets, without the packets."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spit.records import ATTEMPT_FIELDS, EVENT_SCHEMA, PASSPORT_FIELDS, EventKind, Outcome
from spit.simulate.dialogue import sample_invite
from spit.simulate.network import CALLEE_DOMAIN, F64, I64, SBC_IPS, TRUNKS
from spit.simulate.plan import NEVER, T1_US, CallColumns, Mask, Plan
from spit.simulate.profiles import PROFILES

#: Outcome of each final status that a plan may hold; all others are "failed".
OUTCOMES = {
    200: Outcome.ANSWERED,
    404: Outcome.NOT_FOUND,
    408: Outcome.NO_ANSWER,
    410: Outcome.NOT_FOUND,
    480: Outcome.NO_ANSWER,
    484: Outcome.NOT_FOUND,
    486: Outcome.BUSY,
    487: Outcome.CANCELLED,
    600: Outcome.BUSY,
    603: Outcome.DECLINED,
    604: Outcome.NOT_FOUND,
    607: Outcome.UNWANTED,
    608: Outcome.DECLINED,
}
ATTESTATIONS = (None, "A", "B", "C")


def to_events(plan: Plan) -> pa.RecordBatch:
    """All ``attempt``, ``answer`` and ``end`` rows of the plan (records.EVENT_SCHEMA), in time order.

    Calls that outlast the capture are given at its last message: ``incomplete``, or answered and censored. A
    CANCEL without its 487 is cancelled all the same, a 407 without another try unauthorized.
    """
    calls = plan.calls
    last_us = np.int64(plan.last_message_us)
    known = _attempt_columns(plan)
    ends = _end_columns(calls, last_us)
    answered = np.flatnonzero(calls.answer_us <= last_us)
    everyone = np.arange(len(calls))

    rows = np.concatenate([everyone, answered, everyone])
    kinds = np.repeat([0, 1, 2], [len(calls), len(answered), len(calls)])
    times = np.concatenate([calls.invite_us, calls.answer_us[answered], ends["time_us"].to_numpy()])
    # Within a microsecond: attempt, answer, end, and last the ends that only the capture's own end gives.
    given_up = (kinds == 2) & ~_is_over(calls, last_us)[rows]
    order = np.lexsort((kinds + given_up, times))
    rows, kinds, times = rows[order], kinds[order], times[order]

    taken = pa.array(rows)
    names = pa.array([EventKind.ATTEMPT.value, EventKind.ANSWER.value, EventKind.END.value])
    is_end, is_attempt = pa.array(kinds == 2), pa.array(kinds == 0)
    columns = []
    for field in EVENT_SCHEMA:
        if field.name == "event":
            column = names.take(pa.array(kinds))
        elif field.name == "time_us":
            column = pa.array(times)
        elif field.name in known:
            column = known[field.name].take(taken)
        else:
            column = ends[field.name].take(taken)
            shown = is_end if field.name not in {"pdd_s", "setup_time_s"} else pc.invert(is_attempt)
            column = pc.if_else(shown, column, pa.scalar(None, column.type))
        columns.append(column.cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA)


@cache
def profile_fingerprints() -> tuple[str | None, ...]:
    """Fingerprint of every header profile, as the core computes it from an INVITE."""
    # The compiled module is needed neither to draw plans nor to write captures.
    from spit._core import parse_attempt

    return tuple(
        parse_attempt(sample_invite(i), time_us=0).column("fingerprint")[0].as_py()
        for i in range(len(PROFILES))
    )


def _attempt_columns(plan: Plan) -> dict[str, pa.Array]:
    """Columns that the INVITE shows, one row per call."""
    calls, parties = plan.calls, plan.parties
    count = len(calls)
    numbers = pc.binary_join_element_wise("+", pa.array(parties.numbers).cast(pa.string()), "")
    caller = numbers.take(pa.array(calls.caller))
    callee = numbers.take(pa.array(calls.callee))
    trunk = pa.array(calls.trunk)
    domain = pa.array([t.domain for t in TRUNKS]).take(trunk)
    profile = parties.profile[calls.caller]
    attestation = parties.attestation[calls.caller]
    signed = attestation > 0
    asserts = np.array([p.asserts_identity for p in PROFILES], dtype=np.bool_)[profile]
    callee_uri = pc.binary_join_element_wise("sip:", callee, f"@{CALLEE_DOMAIN};user=phone", "")
    constants = {"method": "INVITE", "transport": "udp", "media": "audio"}
    # Nobody here forges a token: it is issued for the INVITE, in whole seconds, and names who calls whom.
    is_signed, nothing = pa.array(signed), pa.scalar(None, pa.string())
    columns = {
        "start_time_us": pa.array(calls.invite_us),
        "call_id": pa.array(plan.call_ids, pa.string()),
        "caller": caller,
        "callee": callee,
        "caller_uri": pc.binary_join_element_wise("sip:", caller, "@", domain, ";user=phone", ""),
        "callee_uri": callee_uri,
        "request_uri": callee_uri,
        "source_ip": pa.array([t.ip for t in TRUNKS]).take(trunk),
        "destination_ip": pa.array(SBC_IPS).take(pa.array(calls.sbc)),
        "user_agent": pa.array([p.user_agent for p in PROFILES], pa.string()).take(pa.array(profile)),
        "fingerprint": pa.array(profile_fingerprints(), pa.string()).take(pa.array(profile)),
        "asserted_identity": pc.if_else(pa.array(asserts), caller, pa.scalar(None, pa.string())),
        "attestation": pa.array(ATTESTATIONS, pa.string()).take(pa.array(attestation)),
        "origid": pc.if_else(is_signed, pa.array([t.origid for t in TRUNKS]).take(trunk), nothing),
        "passport_types": pc.if_else(is_signed, "shaken", nothing),
        "passport_orig": pc.if_else(is_signed, caller, nothing),
        "passport_mismatch": pc.if_else(is_signed, "none", nothing),
        "passport_iat_age_s": pa.array(calls.invite_us % 1_000_000 / 1e6, mask=~signed),
        **{name: pa.repeat(pa.scalar(value), count) for name, value in constants.items()},
    }
    for field in ATTEMPT_FIELDS + PASSPORT_FIELDS:
        if field.name not in columns and field.name not in {"event", "time_us"}:
            columns[field.name] = pa.nulls(count, field.type)
    return columns


def _end_columns(calls: CallColumns, last_us: np.int64) -> dict[str, pa.Array]:
    """Columns of the ``end`` row, one row per call, as seen by a capture that stops at ``last_us``.

    ``time_us``: when the end became known; after ``end_time_us`` for calls that nothing more was heard of.
    """
    count = len(calls)
    answered = calls.answer_us <= last_us
    hung_up = calls.bye_us <= last_us
    settled = calls.final_us <= last_us
    rang = calls.ring_us <= last_us
    over = _is_over(calls, last_us)
    given_up = (calls.cancel_us <= last_us) & ~over
    unauthorized = (calls.challenge_us <= last_us) & (calls.retry_us > last_us)
    known_us = np.where(hung_up, calls.bye_us, np.where(settled, calls.final_us, last_us))
    end_us = np.where(given_up, calls.cancel_us, np.where(unauthorized, calls.challenge_us, known_us))
    ring_end_us = np.minimum(np.minimum(calls.answer_us, calls.cancel_us), end_us)

    outcome_of = {
        int(code): OUTCOMES.get(int(code), Outcome.FAILED).value for code in np.unique(calls.status)
    }
    outcome = np.full(count, Outcome.INCOMPLETE.value, dtype=object)
    for code, name in outcome_of.items():
        outcome[(calls.status == code) & (answered | settled)] = name
    outcome[given_up] = Outcome.CANCELLED.value
    outcome[unauthorized] = Outcome.UNAUTHORIZED.value
    hangup_by = np.where(hung_up, np.where(calls.callee_hangs_up, "callee", "caller"), "none")

    retransmissions = np.zeros(count, dtype=np.int32)
    for again in range(1, int(calls.retransmissions.max(initial=0)) + 1):
        seen = calls.invite_us + T1_US * (2**again - 1) <= last_us
        retransmissions += (calls.retransmissions >= again) & seen

    return {
        "time_us": pa.array(known_us),
        "end_time_us": pa.array(end_us),
        "outcome": pa.array(outcome, pa.string()),
        "final_status": pa.array(
            np.where(unauthorized, 407, calls.status), pa.int16(), mask=~(answered | settled | unauthorized)
        ),
        "ring_time_s": _seconds(calls.ring_us, ring_end_us, rang),
        "pdd_s": _seconds(calls.invite_us, calls.ring_us, rang),
        "setup_time_s": _seconds(calls.invite_us, calls.answer_us, answered),
        "duration_s": _seconds(calls.answer_us, end_us, answered),
        "duration_censored": pa.array(answered & ~hung_up),
        "hangup_by": pa.array(hangup_by.tolist(), pa.string()),
        "auth_challenged": pa.array(calls.challenge_us <= last_us),
        "retransmissions": pa.array(retransmissions),
        "legs": pa.array(np.ones(count, dtype=np.int16)),
    }


def _is_over(calls: CallColumns, last_us: np.int64) -> Mask:
    """Whether the message that ends each call is seen."""
    over: Mask = (calls.bye_us <= last_us) | (calls.final_us <= last_us)
    return over


def _seconds(begin_us: I64, end_us: I64, present: Mask) -> pa.Array:
    shown: F64 = np.where(present, end_us - np.where(begin_us < NEVER, begin_us, 0), 0) / 1e6
    return pa.array(shown, mask=~present)
