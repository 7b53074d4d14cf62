"""A plan straight into call events: what the tracker makes of the plan's packets, without the packets."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spit.records import ATTEMPT_FIELDS, EVENT_SCHEMA, PASSPORT_FIELDS, EventKind, Outcome
from spit.simulate.call_ids import call_ids
from spit.simulate.columns import ATTESTATIONS, EXEMPTIONS, MEDIA, NEVER, CallColumns, Mask
from spit.simulate.dialogue import sample_invite
from spit.simulate.identities import canonical, uri
from spit.simulate.network import F64, I64, SBC_IPS, SBC_IPS_V6, Network
from spit.simulate.plan import T1_US, Plan, sightings
from spit.simulate.profiles import PROFILES
from spit.simulate.requests import verstat

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
#: A call that waits for another try after a challenge ends after this (docs/configuration.md,
#: ring_timeout_s).
RING_TIMEOUT_US = 185_000_000
BATCH_ROWS = 65_536


def to_events(plan: Plan) -> pa.RecordBatch:
    """All ``attempt``, ``answer`` and ``end`` rows of the plan (records.EVENT_SCHEMA), in time order.

    Calls that outlast the capture are given at its last message: ``incomplete``, or answered and censored. A
    CANCEL without its 487 is cancelled all the same, a 407 without another try unauthorized.
    """
    batches = list(event_batches(plan))
    return pa.concat_batches(batches) if batches else EVENT_SCHEMA.empty_table().to_batches()[0]


def event_batches(plan: Plan, max_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """The rows of ``to_events`` in batches: texts are made for one batch at a time."""
    calls = plan.calls
    last_us = np.int64(plan.last_message_us)
    answered = np.flatnonzero(calls.answer_us <= last_us)
    everyone = np.arange(len(calls))
    rows = np.concatenate([everyone, answered, everyone])
    kinds = np.repeat(np.array([0, 1, 2], dtype=np.int8), [len(calls), len(answered), len(calls)])
    times = np.concatenate([calls.invite_us, calls.answer_us[answered], _known_us(calls, last_us)])
    # Within a microsecond: attempt, answer, end, and last the ends that only the capture's own end gives.
    given_up = (kinds == 2) & ~_is_over(calls, last_us)[rows]
    order = np.lexsort((kinds + given_up, times))
    look = _Looks(plan)
    for start in range(0, len(order), max_rows):
        part = order[start : start + max_rows]
        yield _batch(plan, look, calls.take(rows[part]), kinds[part], times[part], last_us)


def _batch(
    plan: Plan, look: _Looks, calls: CallColumns, kinds: npt.NDArray[np.int8], times: I64, last_us: np.int64
) -> pa.RecordBatch:
    """Rows of these calls, one per event."""
    names = pa.array([EventKind.ATTEMPT.value, EventKind.ANSWER.value, EventKind.END.value])
    known = _attempt_columns(plan, look, calls)
    ends = _end_columns(calls, last_us)
    is_end, is_attempt = pa.array(kinds == 2), pa.array(kinds == 0)
    columns = []
    for field in EVENT_SCHEMA:
        if field.name == "event":
            column = names.take(pa.array(kinds))
        elif field.name == "time_us":
            column = pa.array(times)
        elif field.name in known:
            column = known[field.name]
        else:
            column = ends[field.name]
            shown = is_end if field.name not in {"pdd_s", "setup_time_s"} else pc.invert(is_attempt)
            column = pc.if_else(shown, column, pa.scalar(None, column.type))
        columns.append(column.cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA)


@cache
def profile_fingerprint(
    profile: int, compact: bool, media: int, is_message: bool, exemption: int
) -> str | None:
    """Fingerprint of a request of this header profile, as the core computes it."""
    # The compiled module is needed neither to draw plans nor to write captures.
    from spit._core import parse_attempt

    request = sample_invite(
        profile, compact=compact, media=media, is_message=is_message, exemption=EXEMPTIONS[exemption]
    )
    return parse_attempt(request, time_us=0).column("fingerprint")[0].as_py()  # type: ignore[no-any-return]


class _Looks:
    """How parties are written, kept for the whole plan: texts of a party are made once per trunk's format."""

    def __init__(self, plan: Plan) -> None:
        self.numbers = plan.parties.numbers
        self.network = plan.network

    def texts(self, party: I64) -> pa.Array:
        """The canonical identity of each party."""
        found, at = np.unique(party, return_inverse=True)
        numbers = self.numbers[found].tolist()
        return pa.array([canonical(n) for n in numbers], pa.string()).take(pa.array(at))

    def uris(self, party: I64, trunk: I64, *, is_callee: bool) -> pa.Array:
        """The URI of each party as its trunk writes it."""
        trunks = self.network.trunks
        found, at = np.unique(party * len(trunks) + trunk, return_inverse=True)
        parties, kinds = np.divmod(found, len(trunks))
        written = [
            uri(number, trunks[t], self.network, is_callee=is_callee)
            for number, t in zip(self.numbers[parties].tolist(), kinds.tolist(), strict=True)
        ]
        return pa.array(written, pa.string()).take(pa.array(at))

    def fingerprints(self, calls: CallColumns) -> pa.Array:
        """The fingerprint of each call's request."""
        compact = np.array([t.compact for t in self.network.trunks])[calls.trunk]
        parts = (calls.profile, compact, calls.media, calls.is_message, calls.exemption)
        sizes = (len(PROFILES), 2, len(MEDIA), 2, len(EXEMPTIONS))
        key = np.ravel_multi_index(tuple(p.astype(np.int64) for p in parts), sizes)
        found, at = np.unique(key, return_inverse=True)
        made = []
        for one in found.tolist():
            profile, small, media, is_message, exemption = (int(i) for i in np.unravel_index(one, sizes))
            made.append(profile_fingerprint(profile, bool(small), media, bool(is_message), exemption))
        return pa.array(made, pa.string()).take(pa.array(at))


def _verstats(network: Network, attestation: I64) -> pa.Array:
    if not network.verifies:
        return pa.nulls(len(attestation), pa.string())
    return pa.array([verstat(a) for a in ATTESTATIONS], pa.string()).take(pa.array(attestation))


def _attempt_columns(plan: Plan, look: _Looks, calls: CallColumns) -> dict[str, pa.Array]:
    """Columns that the request shows, one row per call."""
    network, count = plan.network, len(calls)
    trunks = network.trunks
    caller = look.texts(calls.caller)
    callee = look.texts(calls.callee)
    trunk = pa.array(calls.trunk)
    callee_uri = look.uris(calls.callee, calls.trunk.astype(np.int64), is_callee=True)
    is_ipv6 = np.array([t.is_ipv6 for t in trunks])[calls.trunk]
    asserts = (
        np.array([p.asserts_identity for p in PROFILES], dtype=np.bool_)[calls.profile] & ~calls.is_message
    )
    asserts |= network.verifies
    # Nobody here forges a token: it is issued for the INVITE, in whole seconds, and names who calls whom.
    signed = (calls.attestation > 0) & ~calls.is_message
    attestation = np.where(signed, calls.attestation, 0)
    is_signed, nothing = pa.array(signed), pa.scalar(None, pa.string())
    diverted = calls.diverter >= 0
    media = pa.array([*MEDIA, "message"]).take(pa.array(np.where(calls.is_message, len(MEDIA), calls.media)))
    columns = {
        "start_time_us": pa.array(calls.invite_us),
        "method": pa.array(["INVITE", "MESSAGE"]).take(pa.array(calls.is_message.astype(np.int8))),
        "transport": pa.array([t.transport for t in trunks]).take(trunk),
        "media": media,
        "call_id": call_ids(calls),
        "caller": caller,
        "callee": callee,
        "caller_uri": look.uris(calls.caller, calls.trunk.astype(np.int64), is_callee=False),
        "callee_uri": callee_uri,
        "request_uri": callee_uri,
        "source_ip": pa.array([t.ip for t in trunks]).take(trunk),
        "destination_ip": pa.array([*SBC_IPS, *SBC_IPS_V6]).take(pa.array(calls.sbc + 2 * is_ipv6)),
        "user_agent": pa.array([p.user_agent for p in PROFILES], pa.string()).take(pa.array(calls.profile)),
        "fingerprint": look.fingerprints(calls),
        "asserted_identity": pc.if_else(pa.array(asserts), caller, pa.scalar(None, pa.string())),
        "attestation": pa.array(ATTESTATIONS, pa.string()).take(pa.array(attestation)),
        "origid": pc.if_else(is_signed, pa.array([t.origid for t in trunks]).take(trunk), nothing),
        "verstat": _verstats(network, attestation),
        "diverted_by": pc.if_else(
            pa.array(diverted), look.texts(np.where(diverted, calls.diverter, calls.caller)), nothing
        ),
        "exemption": pa.array(EXEMPTIONS, pa.string()).take(pa.array(calls.exemption)),
        "passport_types": pc.if_else(is_signed, "shaken", nothing),
        "passport_orig": pc.if_else(is_signed, caller, nothing),
        "passport_mismatch": pc.if_else(is_signed, "none", nothing),
        "passport_iat_age_s": pa.array(calls.invite_us % 1_000_000 / 1e6, mask=~signed),
    }
    for field in ATTEMPT_FIELDS + PASSPORT_FIELDS:
        if field.name not in columns and field.name not in {"event", "time_us"}:
            columns[field.name] = pa.nulls(count, field.type)
    return columns


def _left(calls: CallColumns) -> Mask:
    """Whether each call was left at the challenge."""
    left: Mask = (calls.challenge_us < NEVER) & (calls.retry_us == NEVER)
    return left


def _known_us(calls: CallColumns, last_us: np.int64) -> I64:
    """When the end of each call became known, by a capture that stops at ``last_us``.

    That is after ``end_time_us`` for calls that nothing more was heard of.
    """
    over_us = np.minimum(calls.bye_us, calls.final_us)
    over_us = np.where(_left(calls), calls.challenge_us + RING_TIMEOUT_US, over_us)
    return np.minimum(over_us, last_us)


def _end_columns(calls: CallColumns, last_us: np.int64) -> dict[str, pa.Array]:
    """Columns of the ``end`` row, one row per call, as seen by a capture that stops at ``last_us``."""
    count = len(calls)
    texted = calls.is_message & (calls.status == 200) & (calls.final_us <= last_us)
    answered = calls.answer_us <= last_us
    hung_up = calls.bye_us <= last_us
    settled = calls.final_us <= last_us
    rang = calls.ring_us <= last_us
    given_up = (calls.cancel_us <= last_us) & ~_is_over(calls, last_us)
    unauthorized = (calls.challenge_us <= last_us) & (calls.retry_us > last_us)
    end_us = np.where(unauthorized, calls.challenge_us, _known_us(calls, last_us))
    end_us = np.where(given_up, calls.cancel_us, end_us)
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
    _, hops = sightings(calls)
    seen_twice = np.minimum(hops["invite"], hops["invite_retry"]) <= last_us

    return {
        "end_time_us": pa.array(end_us),
        "outcome": pa.array(outcome, pa.string()),
        "final_status": pa.array(
            np.where(unauthorized, 407, calls.status), pa.int16(), mask=~(answered | settled | unauthorized)
        ),
        "ring_time_s": _seconds(calls.ring_us, ring_end_us, rang),
        "pdd_s": _seconds(calls.invite_us, calls.ring_us, rang),
        "setup_time_s": _seconds(
            calls.invite_us, np.where(texted, calls.final_us, calls.answer_us), answered | texted
        ),
        "duration_s": _seconds(calls.answer_us, end_us, answered),
        "duration_censored": pa.array(answered & ~hung_up),
        "hangup_by": pa.array(hangup_by.tolist(), pa.string()),
        "auth_challenged": pa.array(calls.challenge_us <= last_us),
        "retransmissions": pa.array(retransmissions),
        "legs": pa.array(1 + seen_twice.astype(np.int16)),
    }


def _is_over(calls: CallColumns, last_us: np.int64) -> Mask:
    """Whether what ends each call comes before the capture does."""
    over: Mask = (calls.bye_us <= last_us) | (calls.final_us <= last_us)
    over |= _left(calls) & (calls.challenge_us <= last_us - RING_TIMEOUT_US)
    return over


def _seconds(begin_us: I64, end_us: I64, present: Mask) -> pa.Array:
    shown: F64 = np.where(present, end_us - np.where(begin_us < NEVER, begin_us, 0), 0) / 1e6
    return pa.array(shown, mask=~present)
