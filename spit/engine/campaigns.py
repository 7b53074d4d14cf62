"""The suspicious callers and what each shares with others: what campaigns are grouped from.

A caller is watched from its first suspicious attempt: labelled suspect or spam, or by itself more likely spam
than not. A number that is used once or twice never comes to a label of its own.
Streaming: bounded by callers, evicted by event time, independent of how events are cut into batches.
"""

from __future__ import annotations

import bisect
import json
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from spit._core import Attempts, CallerSet, Events
from spit.engine.callers import I8, SPAM_RANK
from spit.errors import InputError
from spit.model.evidence import I64, U64, Mask
from spit.records import Outcome

#: An attempt's own log-odds from which its caller is watched: as likely spam as not.
WATCHED_LOG_ODDS = 0.0
#: Attempts of each caller that are looked at, and ends; later ones are only counted.
MAX_TIMES = 64
#: Callers that show what is usual, whoever they are: a sample by the hash of the caller, every fourth first.
MAX_SAMPLED, _FIRST_STRIDE = 250, 4
#: Attempts of a sampled caller that are looked at.
_MAX_SAMPLED_ATTEMPTS = 16
#: Values kept of each tie of a caller, and of its Call-IDs and addresses.
MAX_VALUES = 8
#: Numbers that differ in their last four digits are of one block, 7 digits are the shortest number.
_BLOCK_DIGITS, _SHORTEST_NUMBER = 4, 7
#: E.164 has 15 digits, a prefix adds some; 18 fit 63 bits.
_LONGEST_NUMBER = 18
_BLOCK = 10**_BLOCK_DIGITS
#: Rotated numbers make fewer calls than this (95 % of the campaigns seen by honeypots: under 27).
MANY_CALLS = 30
#: Ended calls that say how a caller behaves.
_LEAST_ENDED = 2
_STEP = 3
#: Ringing that is given up within this is one ring.
_ONE_RING_S = 6.0
#: Talk below this is a hang-up, not a recording that was played to its end.
_LEAST_TALK_S = 3.0

#: Edges, in seconds, of the classes of talk and of ringing.
_TALK_EDGES_S = (3.0, 6.0, 12.0, 25.0, 60.0, 180.0)
_RING_EDGES_S = (3.0, 6.0, 12.0, 22.0)


class _Attempt(NamedTuple):
    """What is looked at of an attempt: columns of records.EVENT_SCHEMA."""

    caller: str
    time_us: int
    call_id: str | None
    callee: str | None
    source_ip: str | None
    user_agent: str | None
    fingerprint: str | None
    origid: str | None
    attestation: str | None
    method: str


class _End(NamedTuple):
    """The same of an end."""

    caller: str
    outcome: str | None
    ring_time_s: float | None
    duration_s: float | None
    duration_censored: bool | None
    hangup_by: str | None


#: Says nothing of the caller: the capture stopped, or nobody was asked.
_NO_OUTCOME = (None, Outcome.INCOMPLETE, Outcome.REDIRECTED)

#: Callers encoded at a time for a saved state: questions wait until they are in a column.
_MEMBERS_AT_ONCE = 256
_Row = TypeVar("_Row", _Attempt, _End)

STATE_SCHEMA = pa.schema([pa.field("member", pa.string(), nullable=False)])


@dataclass(slots=True)
class Member:
    """A watched caller. ``ties``: by kind, the values seen, in that order, and at how many attempts.

    ``outcomes``, ``forms``: how often calls ended so (``_outcome``), and were so made (``_form``).
    """

    caller: str
    attempts_before: int  # attempts before it was watched
    first_us: int
    last_us: int
    attempts: int = 0  # since it is watched
    rank: int = 0
    score: float = 0.0
    flagged_us: int | None = None
    # Eight bytes each: of a caller who is known well, these two are most of what is held.
    times_us: array[int] = field(default_factory=lambda: array("q"))
    callees: array[int] = field(default_factory=lambda: array("q"))  # numbers; else a checksum, negative
    ties: dict[str, dict[str, int]] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    forms: dict[str, int] = field(default_factory=dict)
    strangers: int = 0  # attempts to people it had not called before
    neighbours: int = 0  # attempts to numbers of its own block
    call_ids: list[str] = field(default_factory=list)
    source_ips: list[str] = field(default_factory=list)
    ended: int = 0
    one_ring: int = 0
    not_found: int = 0
    steps: int = 0  # numbers dialled that lie 1 to 3 beside the one before
    last_callee: int | None = None

    def behaviour(self) -> str | None:
        """One word for how it calls, None while too little is known. Two campaigns may share a trunk."""
        known = self.ended >= _LEAST_ENDED
        if known and self.one_ring > self.ended / 2:
            return "one ring"
        if self.attempts_before + self.attempts > MANY_CALLS:
            return "many calls"
        if self.steps > min(self.attempts, MAX_TIMES) / 2:
            return "numbers in sequence"
        if not known:
            return None
        return "numbers that do not exist" if self.not_found > self.ended / 2 else "talk"

    def add_ties(self, ties: Iterable[tuple[str, str | None]]) -> None:
        """Count values of ties, at most MAX_VALUES of a kind."""
        for kind, value in ties:
            if value is not None:
                held = self.ties.setdefault(kind, {})
                if value in held or len(held) < MAX_VALUES:
                    held[value] = held.get(value, 0) + 1

    def add_outcome(self, how: str) -> None:
        """Count the end of a call."""
        self.ended += 1
        if self.ended <= MAX_TIMES:
            self.outcomes[how] = self.outcomes.get(how, 0) + 1


_FIELDS = tuple(one.name for one in fields(Member))


def _document(member: Member) -> dict[str, Any]:
    """Its fields as they are, to be encoded at once: a copy of each takes ten times as long."""
    document = {name: getattr(member, name) for name in _FIELDS}
    return document | {"times_us": member.times_us.tolist(), "callees": member.callees.tolist()}


@dataclass(frozen=True, slots=True)
class Background:
    """A sample of the callers that are not watched, each of which stands for ``weight`` of them."""

    members: Sequence[Member] = ()
    weight: int = 1


class CampaignTable:
    """At most ``max_members`` callers; when full, those seen least recently leave first. Not thread-safe.

    Beside them a sample of all callers: those whose key is a multiple of a power of two, which doubles when
    they become too many. It is the same whatever the cut, and never larger than MAX_SAMPLED.
    """

    def __init__(self, *, max_members: int = 50_000) -> None:
        self._max = max_members
        self._members: dict[str, Member] = {}
        self._evicted = 0
        self._sampled: dict[str, tuple[int, Member]] = {}
        self._stride = _FIRST_STRIDE
        #: The callers of both, to find the few rows that are theirs.
        self._callers = CallerSet()

    def update(
        self,
        events: Events,
        attempts: Attempts,
        rows: I64,
        ends: I64,
        keys: U64,
        ranks: I8,
        scores: np.ndarray,
        numbers: np.ndarray,
        first_seen_us: np.ndarray,
        suspicious: Mask,
        strangers: Mask,
    ) -> None:
        """Count attempts and ends, ``rows`` and ``ends`` of ``events`` (records.EVENT_SCHEMA), in order.

        Of the n attempts: ``keys``: uint64[n] of their callers, 0 where nobody is named; ``numbers``:
        int64[n], the caller's attempts so far, this one included; ``first_seen_us``: of it; ``suspicious``:
        attempts from which on a caller is watched; ``strangers``: attempts to people whom the caller had not
        called before.
        """
        # The stride is a power of two.
        sampled = (keys & np.uint64(self._stride - 1) == 0) & (keys != 0) & (numbers <= _MAX_SAMPLED_ATTEMPTS)
        # Among them those of callers that are watched only from some row of this batch on.
        found, ended = self._callers.find(attempts, suspicious | sampled, ends)
        if not len(found) and not len(ended):
            return
        stride = self._stride
        outcomes = zip(ended.tolist(), _read(_End, events, ended), strict=True)
        outcome = next(outcomes, None)
        seen = zip(found.tolist(), rows[found].tolist(), _read(_Attempt, events, rows[found]), strict=True)
        for place, row, event in seen:
            while outcome is not None and outcome[0] < row:
                self._learn_outcome(outcome[1])
                outcome = next(outcomes, None)
            if sampled[place]:
                number, stranger = int(numbers[place]), bool(strangers[place])
                self._sample(int(keys[place]), event, number, stranger=stranger)
            member = self._members.get(event.caller)
            if member is None:
                if not suspicious[place]:
                    continue
                member = Member(
                    event.caller, int(numbers[place]) - 1, int(first_seen_us[place]), event.time_us
                )
                self._members[member.caller] = member
            self._count(
                member,
                event,
                int(ranks[place]),
                float(scores[place]),
                marked=bool(suspicious[place]),
                stranger=bool(strangers[place]),
            )
        while outcome is not None:
            self._learn_outcome(outcome[1])
            outcome = next(outcomes, None)
        if len(self._members) > self._max:
            self._evict()
            self._index()
        elif self._stride != stride:
            self._index()

    def _learn_outcome(self, end: _End) -> None:
        """Learn how a call went, where its caller is watched by now."""
        outcome, ring_s, talk_s = end.outcome, end.ring_time_s, end.duration_s
        if outcome in _NO_OUTCOME:
            return
        member, sampled = self._members.get(end.caller), self._sampled.get(end.caller)
        how = _outcome(outcome, ring_s, talk_s, end.hangup_by)
        if sampled is not None:
            sampled[1].add_outcome(how)
        if member is None:
            return
        member.add_outcome(how)
        member.not_found += outcome == Outcome.NOT_FOUND
        member.one_ring += outcome == Outcome.CANCELLED and ring_s is not None and ring_s <= _ONE_RING_S
        if talk_s is not None and not end.duration_censored and talk_s >= _LEAST_TALK_S:
            # Recordings end all at the same second.
            member.add_ties([("talk", f"{talk_s:.0f} s")])

    def members(self) -> list[Member]:
        """All watched callers, in the order of their first attempts."""
        return sorted(self._members.values(), key=lambda member: (member.first_us, member.caller))

    def background(self) -> Background:
        """What is usual: the sampled callers that are not watched."""
        others = (member for _, member in self._sampled.values() if member.caller not in self._members)
        return Background(sorted(others, key=lambda member: member.caller), self._stride)

    def counters(self) -> dict[str, int]:
        """Callers watched and evicted."""
        return {"campaign_callers": len(self._members), "campaign_callers_evicted": self._evicted}

    def state(self) -> pa.RecordBatch:
        """Everything that ``restore`` needs."""
        documents: Iterator[dict[str, Any]] = chain(
            map(_document, self._members.values()),
            ({**_document(member), "sampled": [key, self._stride]} for key, member in self._sampled.values()),
        )
        encoded = map(json.dumps, documents)
        parts = []
        while part := list(islice(encoded, _MEMBERS_AT_ONCE)):
            parts.append(pa.array(part, pa.string()))
        column = pa.chunked_array(parts, pa.string()).combine_chunks()
        return pa.record_batch([column], schema=STATE_SCHEMA)

    def restore(self, state: pa.RecordBatch) -> None:
        """Replace all by a saved state. Raises InputError when it is none."""
        members: dict[str, Member] = {}
        sample: dict[str, tuple[int, Member]] = {}
        stride = _FIRST_STRIDE
        try:
            for row in state["member"].to_pylist():
                document = json.loads(row)
                sampled = document.pop("sampled", None)
                document["times_us"] = array("q", document["times_us"])
                document["callees"] = array("q", document["callees"])
                member = Member(**document)
                # Earlier states named the values of a tie without counting them.
                member.ties = {kind: _counted(values) for kind, values in member.ties.items()}
                if sampled is None:
                    members[member.caller] = member
                else:
                    key, stride = map(int, sampled)
                    sample[member.caller] = key, member
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise InputError(f"campaign state: expected watched callers, found: {error}") from None
        self._members, self._sampled, self._stride, self._evicted = members, sample, stride, 0
        if len(self._members) > self._max:
            self._evict()
        self._index()

    def _index(self) -> None:
        """Callers anew, once some have left."""
        self._callers = CallerSet([*self._members, *self._sampled])

    def _sample(self, key: int, event: _Attempt, number: int, *, stranger: bool) -> None:
        """Count an attempt of a sampled caller; a batch may be older than the last doubling."""
        if key % self._stride:
            return
        caller = event.caller
        if caller not in self._sampled:
            self._sampled[caller] = key, Member(caller, number - 1, event.time_us, event.time_us)
        self._count(self._sampled[caller][1], event, 0, 0.0, marked=False, stranger=stranger)
        while len(self._sampled) > MAX_SAMPLED:
            self._stride *= 2
            kept = {name: held for name, held in self._sampled.items() if held[0] % self._stride == 0}
            self._sampled = kept

    def _count(
        self, member: Member, event: _Attempt, rank: int, score: float, *, marked: bool, stranger: bool
    ) -> None:
        time_us = event.time_us
        member.attempts += 1
        member.last_us = max(member.last_us, time_us)
        member.rank, member.score = max(member.rank, rank), max(member.score, score)
        if rank == SPAM_RANK and member.flagged_us is None:
            member.flagged_us = time_us
        if len(member.times_us) == MAX_TIMES:  # enough is known of it; nearly all spam is of such callers
            return
        member.times_us.append(time_us)
        callee, own = event.callee or None, _number(event.caller)
        number = _number(callee)
        if number is not None:
            if member.last_callee is not None:
                member.steps += 1 <= abs(number - member.last_callee) <= _STEP
            member.last_callee = number
            member.neighbours += own is not None and number // _BLOCK == own // _BLOCK
        if callee is not None:
            member.callees.append(-zlib.crc32(callee.encode()) if number is None else number)
        form = _form(event.method, callee)
        member.forms[form] = member.forms.get(form, 0) + 1
        member.strangers += stranger
        _append(member.source_ips, event.source_ip)
        member.add_ties(_ties_of(event))
        if marked:
            _append(member.call_ids, event.call_id)

    def _evict(self) -> None:
        # A sixteenth more than needed, so that the sort is paid once per many callers.
        surplus = len(self._members) - self._max + self._max // 16
        oldest = sorted(self._members.values(), key=lambda member: member.last_us)[:surplus]
        for member in oldest:
            del self._members[member.caller]
        self._evicted += len(oldest)


def _read(kind: type[_Row], events: Events, rows: I64) -> list[_Row]:
    """These rows."""
    return [kind._make(row) for row in events.rows(kind._fields, rows)]


def _ties_of(event: _Attempt) -> tuple[tuple[str, str | None], ...]:
    """What one attempt may share with others of its campaign: kind and value."""
    source, fingerprint = event.source_ip or None, event.fingerprint or None
    return (
        ("source", source),
        ("attestation", event.attestation or "none"),
        ("callee_block", _block(event.callee)),
        ("peer", None if source is None else f"{source} / {event.user_agent or fingerprint}"),
        ("fingerprint", fingerprint),
        ("origid", event.origid or None),
        ("caller_block", _block(event.caller)),
    )


def _form(method: str, callee: str | None) -> str:
    """A text message, a call to an extension, or a call."""
    if method == "MESSAGE":
        return "message"
    is_extension = callee is not None and len(callee) < _SHORTEST_NUMBER and callee.isdecimal()
    return "extension" if is_extension else "call"


def _outcome(outcome: str, ring_s: float | None, talk_s: float | None, hangup_by: str | None) -> str:
    """How a call ended, in classes of talk and ringing."""
    if outcome == Outcome.ANSWERED and talk_s is not None:
        return f"talk {bisect.bisect(_TALK_EDGES_S, talk_s)} {'callee' if hangup_by == 'callee' else ''}"
    if outcome in (Outcome.CANCELLED, Outcome.NO_ANSWER):
        return f"ring {bisect.bisect(_RING_EDGES_S, ring_s or 0.0)}"
    return outcome


def _block(identity: str | None) -> str | None:
    return None if identity is None or _number(identity) is None else identity[:-_BLOCK_DIGITS]


def _number(identity: str | None) -> int | None:
    digits = "" if identity is None else identity.removeprefix("+")
    is_number = digits.isascii() and digits.isdecimal() and _SHORTEST_NUMBER <= len(digits) <= _LONGEST_NUMBER
    return int(digits) if is_number else None


def _counted(values: dict[str, int] | list[str]) -> dict[str, int]:
    return dict.fromkeys(values, 1) if isinstance(values, list) else values


def _append(values: list[str], value: str | None) -> None:
    if value and value not in values and len(values) < MAX_VALUES:
        values.append(value)
