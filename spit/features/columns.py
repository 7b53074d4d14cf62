"""What a batch of events says, as arrays. Vectorised: no loop over events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spit import _core
from spit.errors import InputError
from spit.features.declare import DAY_S, F64, HOUR_S, TEN_MINUTES_S, Mask
from spit.records import EventKind, Outcome

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

#: Rings or talks no longer than this mark one-ring and short calls (carriers' limit for short calls).
SHORT_S = 6.0
#: A caller is young at its first attempts: fewer than this many before, decayed over 1 day. A campaign that
#: rotates its numbers is made of young callers, whoever else uses its trunk.
YOUNG_ATTEMPTS = 2.5
#: At an end the call's own attempt counts already.
_YOUNG_ATTEMPTS_AT_END = YOUNG_ATTEMPTS + 1.0
#: Young callers' numbers no further apart than this are drawn from one range.
NEAR_NUMBERS = 100.0
#: A callee who hangs up this soon has not listened.
QUICK_HANG_UP_S = 10.0
#: Calls that are still open when their end is lost are forgotten over this time.
OPEN_WINDOW_S = DAY_S
_OUTCOMES = pa.array([str(outcome) for outcome in Outcome])
_OUTCOME_CODES = {outcome: code for code, outcome in enumerate(Outcome)}
_NOT_COUNTED = (Outcome.INCOMPLETE, Outcome.REDIRECTED)
_INTERMEDIARY_REJECTED = 608  # RFC 8688: our own block, or another network's, is not the callee's word


def _numpy(array: pa.Array, null: object) -> npt.NDArray[np.generic]:
    if array.null_count:
        array = array.fill_null(null)
    filled: npt.NDArray[np.generic] = array.to_numpy(zero_copy_only=False)
    return filled


def _mask(array: pa.Array) -> Mask:
    return _numpy(array, False).astype(np.bool_, copy=False)


def _equals(array: pa.Array, text: str) -> Mask:
    return _mask(pc.equal(array, text))


def _seconds(array: pa.Array, limit_s: float) -> F64:
    """Seconds within 0 to ``limit_s``, NaN where null: one absurd value must not fill a sum for days."""
    return np.clip(_numpy(array, np.nan).astype(np.float64, copy=False), 0.0, limit_s)


def _known(array: pa.Array) -> Mask:
    if array.null_count in (0, len(array)):
        return np.full(len(array), not array.null_count)
    return _mask(pc.is_valid(array))


def column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """The column; InputError when the batch has none."""
    at = batch.schema.get_field_index(name)
    if at < 0:
        raise InputError(f"events: expected a column {name}, found {', '.join(batch.schema.names)}")
    return batch.column(at)


_ATTEMPT_COLUMNS = (
    *("time_us", "method", "caller", "callee", "caller_uri", "asserted_identity", "attestation", "verstat"),
    *("media", "diverted_by", "passport_types", "passport_mismatch", "passport_iat_age_s"),
)
_END_COLUMNS = (
    *("time_us", "start_time_us", "outcome", "final_status", "ring_time_s", "pdd_s", "duration_s"),
    *("duration_censored", "hangup_by", "diverted_by"),
)


_KEY_COLUMNS = ("caller", "callee", "origid", "source_ip", "fingerprint")
#: The keys of an event: what the primitives are asked for, and what evidence and campaigns are counted by.
EVENT_KEYS = [
    *("caller", "callee", "origid", "block", "callee_block", "source", "peer"),
    *("contact", "contact_reverse", "peer_caller", "peer_callee"),
    *("identity", "identity_source", "identity_block", "tie_peer"),
]
_KEY_PLACES = {name: place for place, name in enumerate(EVENT_KEYS)}


def _columns(events: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    """These columns. InputError when one is missing."""
    return pa.record_batch([column(events, name) for name in names], names=list(names))


def _values(array: pa.Array, rows: I64, null: object) -> npt.NDArray[np.generic]:
    """These rows of a column of numbers."""
    if array.null_count:
        return _numpy(array.take(pa.array(rows)), null)
    whole: npt.NDArray[np.generic] = array.to_numpy(zero_copy_only=False)
    return whole[rows]


def select_events(events: pa.RecordBatch) -> tuple[Mask, Mask]:
    """Which rows are attempts, and which are ends."""
    kind = column(events, "event")
    return _equals(kind, EventKind.ATTEMPT), _equals(kind, EventKind.END)


def outcome_codes(events: pa.RecordBatch) -> I64:
    """The position of each row's outcome in ``Outcome``, -1 where there is none."""
    found = pc.index_in(column(events, "outcome"), value_set=_OUTCOMES)
    return _numpy(found, -1).astype(np.int64)


class EventKeys:
    """The keys of n events by name (EVENT_KEYS), uint64[n], 0 where there is none.

    caller, callee: the person, the same key in both roles. source, peer (source and fingerprint), origid;
    block, callee_block (numbers of caller and callee without their last 4 digits); contact, contact_reverse,
    peer_caller, peer_callee: ordered pairs. identity, identity_block: of the caller, whatever it names;
    identity_source: it and the source; tie_peer: as peer, another key.
    """

    def __init__(self, keys: U64) -> None:
        """``keys``: uint64 [EVENT_KEYS, n]."""
        self._keys = keys

    @classmethod
    def read(cls, events: pa.RecordBatch, rows: I64 | None = None) -> EventKeys:
        """Of these rows; of all when None. InputError when a column is missing."""
        return cls(_core.event_keys(_columns(events, _KEY_COLUMNS), EVENT_KEYS, rows))

    def take(self, rows: I64) -> EventKeys:
        """Of these of its rows."""
        return EventKeys(self._keys.take(rows, axis=1))

    def join(self, others: Sequence[EventKeys]) -> EventKeys:
        """Those of this and the others, one after another."""
        return EventKeys(np.concatenate([self._keys, *(other._keys for other in others)], axis=1))

    def __getitem__(self, name: str) -> U64:
        keys: U64 = self._keys[_KEY_PLACES[name]]
        return keys


class AttemptColumns:
    """Columns of attempts, which are these rows, and what the primitives knew of each before it.

    Raises InputError when a column is missing.
    """

    def __init__(self, events: pa.RecordBatch, rows: I64) -> None:
        events = _columns(events, _ATTEMPT_COLUMNS)
        self.count = len(rows)
        own = _core.attempt_columns(events, rows)
        self._direct: dict[str, F64] = dict(zip(_core.ATTEMPT_COLUMNS, own, strict=True))
        self.diverted = self._holds("diverted")
        self.withheld = self._holds("caller_withheld")
        self.identified = self._holds("identified")
        self.has_callee = self._holds("has_callee")
        self.message = self._holds("is_message")
        self.neighbour = self._holds("neighbour")
        self.callee_number, self.caller_number = self._direct["callee_number"], self._direct["caller_number"]
        self.young: Mask = self.identified
        age_s = np.abs(_values(column(events, "passport_iat_age_s"), rows, 0.0).astype(np.float64))
        time_us = _values(column(events, "time_us"), rows, 0).astype(np.float64)
        angle = (time_us % (DAY_S * 1e6)) * (2.0 * np.pi / (DAY_S * 1e6))
        # Of one attempt these three are read by spit_core::attempt: cosines of another library differ in the
        # last bit, and then training would not give the model that is shipped (tests/property).
        self._direct |= {
            "passport_age_s": np.fmin(np.nan_to_num(age_s, nan=0.0), HOUR_S),
            "hour_cos": np.cos(angle),
            "hour_sin": np.sin(angle),
        }
        self._known: dict[str, F64] = {}

    def _holds(self, name: str) -> Mask:
        return np.asarray(self._direct[name] == 1.0, dtype=np.bool_)

    def learn(self, known: Mapping[str, F64]) -> None:
        """Adds what a primitive answered, by name."""
        self._known.update(known)

    def learn_attempts(self, caller_attempts: F64) -> None:
        """The caller's attempts before this one, decayed over 1 day: who is young."""
        self.young = self.identified & (caller_attempts < YOUNG_ATTEMPTS)

    def value(self, name: str) -> F64:
        """A column of the attempt, or what a primitive answered."""
        found = self._direct.get(name)
        return self._known[name] if found is None else found

    def matrix(self, names: Sequence[str]) -> F64:
        """These columns, float64 [attempts, names]."""
        return np.column_stack([self.value(name) for name in names])

    def longer_ago(self, age: str, limit_s: float) -> Mask:
        """Not within the limit, or never."""
        within: Mask = self.value(age) <= limit_s
        return ~within

    def new_contact(self, limit_s: float) -> Mask:
        """A known caller who had not called the callee within the limit."""
        return self.longer_ago("contact_age_s", limit_s) & self.identified & self.has_callee

    def redial(self) -> Mask:
        return ~self.longer_ago("contact_age_s", TEN_MINUTES_S)

    def reciprocal(self) -> Mask:
        return np.isfinite(self.value("contact_reverse_age_s"))

    def talked_before(self) -> Mask:
        return np.isfinite(self.value("talk_age_s"))

    def sequential(self, last: str) -> Mask:
        """The callee's number lies 1 to 3 beside the one dialled before."""
        step = np.abs(self.callee_number - self.value(last))
        return (step >= 1.0) & (step <= 3.0)

    def same_block(self, last: str) -> Mask:
        """Another number than the one dialled before, but of the same 10,000."""
        number, previous = self.callee_number, self.value(last)
        same: Mask = (number != previous) & (np.floor(number / 1e4) == np.floor(previous / 1e4))
        return same

    def near_caller(self, last: str) -> Mask:
        """Another caller's number than the one before, and close to it."""
        step = np.abs(self.caller_number - self.value(last))
        return (step >= 1.0) & (step <= NEAR_NUMBERS)

    def gap_s(self, age: str) -> F64:
        """Seconds since the attempt before, within 1 day; 0 where there was none."""
        return np.where(self.has_gap(age), np.fmin(self.value(age), DAY_S), 0.0)

    def has_gap(self, age: str) -> Mask:
        return np.isfinite(self.value(age))

    def log_gap(self, age: str) -> F64:
        """ln(1 + gap): one second more or less says nothing about a person, but much about a machine."""
        return np.log1p(self.gap_s(age))

    def new_peer_caller(self, limit_s: float) -> Mask:
        """A known caller who had not come from this peer within the limit."""
        return self.longer_ago("peer_caller_age_s", limit_s) & self.identified

    def new_peer_callee(self, limit_s: float) -> Mask:
        """A callee whom this peer had not called within the limit."""
        return self.longer_ago("peer_callee_age_s", limit_s) & self.has_callee


class EndColumns:
    """Columns of ends, which are these rows. Raises InputError when a column is missing.

    Not counted, but for the call being over: incomplete calls (the capture stopped), redirections (RFC 6076
    leaves 3xx out of every ratio) and rejections by an intermediary (RFC 8688), which would make a blocked
    caller look worse forever.
    """

    def __init__(self, events: pa.RecordBatch, rows: I64) -> None:
        ends = _columns(events, _END_COLUMNS).take(pa.array(rows))
        self.count = len(rows)
        self.diverted: Mask = _known(column(ends, "diverted_by"))
        self._outcome = outcome_codes(ends)
        self.counted: Mask = self._outcome >= 0
        for outcome in _NOT_COUNTED:
            self.counted &= self._outcome != _OUTCOME_CODES[outcome]
        self.counted &= _numpy(column(ends, "final_status"), 0) != _INTERMEDIARY_REJECTED
        talk_s = _seconds(column(ends, "duration_s"), DAY_S)
        censored = _mask(column(ends, "duration_censored"))
        self.timed: Mask = self.outcome(Outcome.ANSWERED) & np.isfinite(talk_s) & ~censored
        self.talk_s: F64 = np.where(self.timed, talk_s, 0.0)
        self.short: Mask = self.timed & (self.talk_s <= SHORT_S)
        self.ring_s: F64 = _seconds(column(ends, "ring_time_s"), HOUR_S)
        self.pdd_s: F64 = _seconds(column(ends, "pdd_s"), HOUR_S)
        self.callee_hung_up: Mask = self.timed & _equals(column(ends, "hangup_by"), "callee")
        times = (_numpy(column(ends, name), 0).astype(np.int64) for name in ("time_us", "start_time_us"))
        end_us, start_us = times
        self.call_s: F64 = np.clip((end_us - start_us) / 1e6, 0.0, None)
        self.young: Mask = np.zeros(self.count, np.bool_)
        self.talked_before: Mask = np.zeros(self.count, np.bool_)

    def learn_attempts(self, identified: Mask, caller_attempts: F64) -> None:
        """The caller's attempts, decayed over 1 day: whose calls are a young caller's."""
        self.young = identified & (caller_attempts < _YOUNG_ATTEMPTS_AT_END)

    def learn_talks(self, talk_age_s: F64) -> None:
        """Seconds since caller and callee last talked before this call, NaN where they had not."""
        self.talked_before = np.isfinite(talk_age_s)

    def outcome(self, *outcomes: Outcome) -> Mask:
        found = np.zeros(self.count, np.bool_)
        for outcome in outcomes:
            found |= self._outcome == _OUTCOME_CODES[outcome]
        return found & self.counted

    def talked(self) -> Mask:
        """Longer than a short call: these two have something to do with each other."""
        return self.timed & ~self.short

    def rang(self, outcome: Outcome) -> Mask:
        return self.outcome(outcome) & np.isfinite(self.ring_s)

    def one_ring(self) -> Mask:
        return self.rang(Outcome.CANCELLED) & (self.ring_s <= SHORT_S)

    def rang_out(self) -> Mask:
        """It rang for longer than one ring, and nobody picked up before the network or the caller gave up."""
        return (self.rang(Outcome.CANCELLED) & (self.ring_s > SHORT_S)) | self.rang(Outcome.NO_ANSWER)

    def ring_of(self, rang: Mask) -> F64:
        return np.where(rang, self.ring_s, 0.0)

    def closed(self) -> F64:
        """What is left of the +1 that the call's attempt added: exactly this is taken away."""
        return -np.exp(-self.call_s / OPEN_WINDOW_S)
