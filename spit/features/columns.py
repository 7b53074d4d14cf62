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
#: The last digits of a number within its block of 10,000.
_BLOCK_DIGITS = 4
_SALTS = {"caller": 1, "callee": 2, "source": 3, "peer": 4, "block": 5, "origid": 6}
_PAIR_SALTS = {"contact": 16, "peer_caller": 17, "peer_callee": 18}
_ATTESTATIONS = pa.array(["C", "B", "A"])
_OUTCOMES = pa.array([str(outcome) for outcome in Outcome])
_OUTCOME_CODES = {outcome: code for code, outcome in enumerate(Outcome)}
_NOT_COUNTED = (Outcome.INCOMPLETE, Outcome.REDIRECTED)
_INTERMEDIARY_REJECTED = 608  # RFC 8688: our own block, or another network's, is not the callee's word


def _numpy(array: pa.Array, null: object) -> npt.NDArray[np.generic]:
    filled: npt.NDArray[np.generic] = array.fill_null(null).to_numpy(zero_copy_only=False)
    return filled


def _mask(array: pa.Array) -> Mask:
    return _numpy(array, False).astype(np.bool_, copy=False)


def _equals(array: pa.Array, text: str) -> Mask:
    return _mask(pc.equal(array, text))


def _only(array: pa.Array, keep: Mask) -> pa.Array:
    return pc.if_else(pa.array(keep), array, pa.scalar(None, array.type))


def _seconds(array: pa.Array, limit_s: float) -> F64:
    """Seconds within 0 to ``limit_s``, NaN where null: one absurd value must not fill a sum for days."""
    return np.clip(_numpy(array, np.nan).astype(np.float64, copy=False), 0.0, limit_s)


def column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """The column; InputError when the batch has none."""
    at = batch.schema.get_field_index(name)
    if at < 0:
        raise InputError(f"events: expected a column {name}, found {', '.join(batch.schema.names)}")
    return batch.column(at)


_ATTEMPT_COLUMNS = (
    *("method", "caller", "callee", "caller_uri", "asserted_identity", "attestation", "diverted_by"),
)
_END_COLUMNS = ("outcome", "ring_time_s", "duration_s", "duration_censored", "hangup_by", "diverted_by")


def _pick(events: pa.RecordBatch, names: Sequence[str], rows: I64) -> pa.RecordBatch:
    """These columns of these rows. InputError when a column is missing."""
    return pa.record_batch([column(events, name) for name in names], names=list(names)).take(pa.array(rows))


def pick_attempts(events: pa.RecordBatch, rows: I64) -> pa.RecordBatch:
    """What AttemptColumns needs of these rows."""
    return _pick(events, _ATTEMPT_COLUMNS, rows)


def pick_ends(events: pa.RecordBatch, rows: I64) -> pa.RecordBatch:
    """What EndColumns needs of these rows."""
    return _pick(events, _END_COLUMNS, rows)


def select_events(events: pa.RecordBatch) -> tuple[Mask, Mask]:
    """Which rows are attempts, and which are ends that say how a call went.

    Not counted: incomplete calls (the capture stopped), redirections (RFC 6076 leaves 3xx out of every
    ratio) and rejections by an intermediary (RFC 8688), which would make a blocked caller look worse forever.
    """
    kind = column(events, "event")
    code = outcome_codes(events)
    ends = _equals(kind, EventKind.END) & (code >= 0)
    for outcome in _NOT_COUNTED:
        ends &= code != _OUTCOME_CODES[outcome]
    ends &= _numpy(column(events, "final_status"), 0) != _INTERMEDIARY_REJECTED
    return _equals(kind, EventKind.ATTEMPT), ends


def outcome_codes(events: pa.RecordBatch) -> I64:
    """The position of each row's outcome in ``Outcome``, -1 where there is none."""
    found = pc.index_in(column(events, "outcome"), value_set=_OUTCOMES)
    return _numpy(found, -1).astype(np.int64)


class EventKeys:
    """The keys of each event: caller, callee, source, peer, block and origid, and pairs of them."""

    def __init__(self, events: pa.RecordBatch) -> None:
        caller = column(events, "caller")
        withheld = _core.withheld(caller)
        caller = _only(caller, ~withheld) if withheld.any() else caller
        source, fingerprint = column(events, "source_ip"), column(events, "fingerprint")
        peer = pc.binary_join_element_wise(source, fingerprint, "|")
        self._texts = {
            "caller": caller,
            "callee": column(events, "callee"),
            "source": source,
            "peer": peer,
            "block": caller,
            "origid": column(events, "origid"),
        }

    def single(self, name: str) -> U64:
        """64-bit keys; 0 where there is none."""
        if name == "block":
            return _core.hash_blocks(self._texts[name], digits=_BLOCK_DIGITS, salt=_SALTS[name])
        return _core.hash_keys(self._texts[name], _SALTS[name])

    def pair(self, name: str) -> U64:
        """64-bit keys of ordered pairs; ``contact_reverse`` is the contact the other way round."""
        caller, callee, peer = (self._texts[part] for part in ("caller", "callee", "peer"))
        first, second, salt = {
            "contact": (caller, callee, "contact"),
            "contact_reverse": (callee, caller, "contact"),
            "peer_caller": (peer, caller, "peer_caller"),
            "peer_callee": (peer, callee, "peer_callee"),
        }[name]
        return _core.hash_pairs(first, second, _PAIR_SALTS[salt])


class AttemptColumns:
    """Columns of attempts, and what the Last and Pairs primitives knew of each before it."""

    def __init__(self, attempts: pa.RecordBatch) -> None:
        caller = column(attempts, "caller")
        uri = column(attempts, "caller_uri")
        self.count = attempts.num_rows
        self.diverted: Mask = _mask(pc.is_valid(column(attempts, "diverted_by")))
        has_caller, named_nobody = _mask(pc.is_valid(caller)), _core.withheld(caller)
        self.withheld: Mask = ~has_caller | named_nobody | _core.withheld(uri, uris=True)
        self.identified: Mask = has_caller & ~named_nobody
        self.has_callee: Mask = _mask(pc.is_valid(column(attempts, "callee")))
        self.callee_number: F64 = _core.numbers(column(attempts, "callee"))
        attestation = pc.index_in(column(attempts, "attestation"), value_set=_ATTESTATIONS)
        self._direct: dict[str, F64] = {
            "attestation_level": _numpy(attestation, -1).astype(np.float64) + 1.0,
            "asserted_differs": _core.asserted_differs(column(attempts, "asserted_identity"), uri).astype(
                np.float64
            ),
            "caller_withheld": self.withheld.astype(np.float64),
            "diverted": self.diverted.astype(np.float64),
            "callee_is_number": np.isfinite(self.callee_number).astype(np.float64),
            "is_message": _equals(column(attempts, "method"), "MESSAGE").astype(np.float64),
        }
        self._known: dict[str, F64] = {}

    def learn(self, known: Mapping[str, F64]) -> None:
        """Adds what a primitive answered, by name."""
        self._known.update(known)

    def value(self, name: str) -> F64:
        """A column of the attempt, or what a primitive answered."""
        found = self._direct.get(name)
        return self._known[name] if found is None else found

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

    def sequential(self, last: str) -> Mask:
        """The callee's number lies 1 to 3 beside the one dialled before."""
        step = np.abs(self.callee_number - self.value(last))
        return (step >= 1.0) & (step <= 3.0)

    def same_block(self, last: str) -> Mask:
        """Another number than the one dialled before, but of the same 10,000."""
        number, previous = self.callee_number, self.value(last)
        same: Mask = (number != previous) & (np.floor(number / 1e4) == np.floor(previous / 1e4))
        return same

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
    """Columns of ends that say how a call went."""

    def __init__(self, ends: pa.RecordBatch) -> None:
        self.count = ends.num_rows
        self.diverted: Mask = _mask(pc.is_valid(column(ends, "diverted_by")))
        self._outcome = outcome_codes(ends)
        talk_s = _seconds(column(ends, "duration_s"), DAY_S)
        censored = _mask(column(ends, "duration_censored"))
        self.timed: Mask = self.outcome(Outcome.ANSWERED) & np.isfinite(talk_s) & ~censored
        self.talk_s: F64 = np.where(self.timed, talk_s, 0.0)
        self.ring_s: F64 = _seconds(column(ends, "ring_time_s"), HOUR_S)
        self.callee_hung_up: Mask = self.timed & _equals(column(ends, "hangup_by"), "callee")

    def outcome(self, *outcomes: Outcome) -> Mask:
        found = np.zeros(self.count, np.bool_)
        for outcome in outcomes:
            found |= self._outcome == _OUTCOME_CODES[outcome]
        return found

    def rang_and_cancelled(self) -> Mask:
        return self.outcome(Outcome.CANCELLED) & np.isfinite(self.ring_s)

    def one_ring(self) -> Mask:
        return self.rang_and_cancelled() & (self.ring_s <= SHORT_S)

    def cancelled_ring_s(self) -> F64:
        return np.where(self.rang_and_cancelled(), self.ring_s, 0.0)
