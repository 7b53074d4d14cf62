"""The records that cross the border between Rust and Python, and between the layers.

``EVENT_SCHEMA`` is the contract of a batch of call events: one row per event, three kinds of event.

* ``attempt``: what the INVITE (or the out-of-dialog MESSAGE) alone shows. A verdict is wanted here.
* ``answer``: the first 2xx to the INVITE.
* ``end``: the finished call. Every attempt gets exactly one ``end``, also when the capture stops first.

Columns that an event cannot know are null: an ``attempt`` has no outcome, so that training cannot leak the
future (docs/decisions/0002).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa


class EventKind(StrEnum):
    """The three kinds of call event."""

    ATTEMPT = "attempt"
    ANSWER = "answer"
    END = "end"


class Outcome(StrEnum):
    """How a call ended. Sources: RFC 3261 section 21, RFC 8197 (607), RFC 8688 (608)."""

    ANSWERED = "answered"
    BUSY = "busy"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    NOT_FOUND = "not_found"
    NO_ANSWER = "no_answer"
    REDIRECTED = "redirected"
    FAILED = "failed"
    UNAUTHORIZED = "unauthorized"
    UNWANTED = "unwanted"
    INCOMPLETE = "incomplete"


#: Known at the INVITE.
ATTEMPT_FIELDS: list[pa.Field] = [
    pa.field("event", pa.string(), nullable=False),
    pa.field("time_us", pa.int64(), nullable=False),  # when the event became known, epoch µs
    pa.field("start_time_us", pa.int64(), nullable=False),  # the first INVITE of the attempt, epoch µs
    pa.field("method", pa.string(), nullable=False),  # INVITE or MESSAGE
    pa.field("call_id", pa.string(), nullable=False),
    pa.field("caller", pa.string()),  # canonical identity: E.164 where it is a number, else user@host
    pa.field("callee", pa.string()),
    pa.field("caller_uri", pa.string()),  # URI of From
    pa.field("callee_uri", pa.string()),  # URI of To
    pa.field("request_uri", pa.string()),
    pa.field("source_ip", pa.string()),
    pa.field("destination_ip", pa.string()),
    pa.field("transport", pa.string()),
    pa.field("user_agent", pa.string()),
    pa.field("fingerprint", pa.string()),  # 16 hex digits: User-Agent, header order, SDP shape
    pa.field("asserted_identity", pa.string()),  # canonical identity that the network asserts (RFC 3325)
    pa.field("attestation", pa.string()),  # A, B or C of the first shaken PASSporT, unverified
    pa.field("origid", pa.string()),
    pa.field("verstat", pa.string()),
    pa.field("media", pa.string()),  # media types of the SDP offer, comma-separated; "message" for MESSAGE
    pa.field("diverted_by", pa.string()),  # canonical identity of the last forwarder (RFC 5806, 7044, 8946)
    pa.field("exemption", pa.string()),  # emergency, psap_callback or resource_priority: never blocked
]

#: Known when the call has ended; ``answer`` events fill pdd_s and setup_time_s.
END_FIELDS: list[pa.Field] = [
    pa.field("end_time_us", pa.int64()),
    pa.field("outcome", pa.string()),
    pa.field("final_status", pa.int16()),
    pa.field("ring_time_s", pa.float64()),  # first 18x to answer, CANCEL or final; null when it never rang
    pa.field("pdd_s", pa.float64()),  # first INVITE to first provisional other than 100 (RFC 6076 SRD)
    pa.field("setup_time_s", pa.float64()),  # first INVITE to first 2xx
    pa.field("duration_s", pa.float64()),  # first 2xx to BYE; null unless answered
    pa.field("duration_censored", pa.bool_()),  # the BYE was not seen: duration_s is a lower bound
    pa.field("hangup_by", pa.string()),  # caller, callee or none
    pa.field("auth_challenged", pa.bool_()),
    pa.field("retransmissions", pa.int32()),
    pa.field("legs", pa.int16()),
]

#: Known at the INVITE: what its PASSporTs claim (RFC 8225), unverified. Null where there is none to read.
PASSPORT_FIELDS: list[pa.Field] = [
    pa.field("passport_types", pa.string()),  # "shaken", "div", "rcd" …, comma-separated; "base": unnamed
    pa.field("passport_orig", pa.string()),  # canonical identity that is claimed to call
    pa.field(
        "passport_mismatch", pa.string()
    ),  # none, orig (not the caller), dest (not the callee), orig,dest
    pa.field("passport_iat_age_s", pa.float64()),  # from issue to INVITE; an old token is replayed
]

EVENT_SCHEMA: pa.Schema = pa.schema(ATTEMPT_FIELDS + END_FIELDS + PASSPORT_FIELDS)

#: ``spit messages``: one row per SIP message, in this order.
MESSAGE_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("time", pa.float64(), nullable=False),  # epoch seconds, µs resolution
        pa.field("source", pa.string(), nullable=False),  # ip:port, IPv6 in brackets
        pa.field("destination", pa.string(), nullable=False),
        pa.field("transport", pa.string(), nullable=False),
        pa.field("method", pa.string()),  # of a request
        pa.field("status", pa.int16()),  # of a response
        pa.field("call_id", pa.string()),
        pa.field("cseq", pa.int64()),
        pa.field("cseq_method", pa.string()),
        pa.field("from_user", pa.string()),
        pa.field("to_user", pa.string()),
        pa.field("from_tag", pa.string()),
        pa.field("to_tag", pa.string()),
        pa.field("user_agent", pa.string()),
        pa.field("anomalies", pa.list_(pa.field("item", pa.string(), nullable=False)), nullable=False),
    ]
)

#: ``spit calls``: one row per call, in this order (the contract of the command line).
CALL_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("call_id", pa.string()),
        pa.field("start_time", pa.float64()),
        pa.field("end_time", pa.float64()),
        *[
            field_
            for field_ in ATTEMPT_FIELDS
            if field_.name
            not in {"event", "time_us", "start_time_us", "method", "call_id", "diverted_by", "exemption"}
        ],
        *END_FIELDS[1:],
    ]
)

#: A call record: a finished call, what of its INVITE CALL_SCHEMA lacks, and the verdict at its attempt.
RECORD_SCHEMA: pa.Schema = pa.schema(
    [
        *CALL_SCHEMA,
        pa.field("method", pa.string()),
        *[field_ for field_ in ATTEMPT_FIELDS if field_.name in {"diverted_by", "exemption"}],
        *PASSPORT_FIELDS,
        pa.field("label", pa.string()),  # these four are null where the attempt is not remembered
        pa.field("score", pa.float64()),
        pa.field("action", pa.string()),  # what enforcing would have done
        pa.field("model", pa.string()),
    ]
)


class Label(StrEnum):
    """What the detector thinks of a caller or a call."""

    LEGIT = "legit"
    SUSPECT = "suspect"
    SPAM = "spam"


class ActionKind(StrEnum):
    """What the SBC is told to do."""

    ALLOW = "allow"
    TAG = "tag"
    THROTTLE = "throttle"
    CHALLENGE = "challenge"
    DIVERT = "divert"
    REJECT = "reject"
    DROP = "drop"


class Mode(StrEnum):
    """Whether actions are carried out or only reported."""

    MONITOR = "monitor"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class Reason:
    """One piece of evidence: a symbol, its weight in log-odds, and the words a person reads.

    ``counterfactual``: what would have made the call pass, in words; None where no change of this alone does.
    """

    symbol: str
    weight: float
    text: str
    counterfactual: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What detection says of one attempt. It never knows what is done with it."""

    caller: str | None
    score: float  # 0 to 1
    label: Label
    reasons: tuple[Reason, ...]
    model: str  # "name/version" of the model bundle
    attempts: int  # attempts of this caller seen so far, this one included
    evidence: tuple[str, ...] = ()  # Call-IDs of the caller's first labelled attempts


@dataclass(frozen=True, slots=True)
class SipAnswer:
    """The SIP response that carries out an action (RFC 3261, RFC 8197, RFC 8688, ATIS-1000099)."""

    code: int
    reason: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Action:
    """What policy decided. ``kind`` is carried out; ``would`` is what enforcing would have done.

    ``add_headers``: what a tagged INVITE gets on its way to the callee, name to value.
    """

    kind: ActionKind
    would: ActionKind
    mode: Mode
    sip: SipAnswer | None
    ttl_s: int
    add_headers: dict[str, str] = field(default_factory=dict)
    listed: str | None = None  # the kind of the list entry that decided, configured lists included
