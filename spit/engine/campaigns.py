"""The suspicious callers and what each shares with others: what campaigns are grouped from.

A caller is watched from its first suspicious attempt: labelled spam, or by itself like spam while the caller
was young. A number that is used once or twice never comes to a label of its own.
Streaming: bounded by callers, evicted by event time, independent of how events are cut into batches.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spit.engine.callers import I8, SPAM_RANK
from spit.errors import InputError
from spit.model.evidence import Mask
from spit.records import Outcome

#: Attempts of each caller that are looked at; later ones are only counted.
MAX_TIMES = 64
#: Values kept of each tie of a caller, and of its Call-IDs and addresses.
MAX_VALUES = 8
#: Numbers that differ in their last four digits are of one block, 7 digits are the shortest number.
_BLOCK_DIGITS, _SHORTEST_NUMBER = 4, 7
#: Rotated numbers make fewer calls than this (95 % of the campaigns seen by honeypots: under 27).
MANY_CALLS = 30
#: Ended calls that say how a caller behaves.
_LEAST_ENDED = 2
_STEP = 3
#: Ringing that is given up within this is one ring.
_ONE_RING_S = 6.0
#: Talk below this is a hang-up, not a recording that was played to its end.
_LEAST_TALK_S = 3.0

_COLUMNS = [
    "time_us", "call_id", "caller", "callee", "source_ip", "user_agent", "fingerprint", "origid",
]  # fmt: skip

_END_COLUMNS = ["caller", "outcome", "ring_time_s", "duration_s", "duration_censored"]
#: Says nothing of the caller: the capture stopped, or nobody was asked.
_NO_OUTCOME = (None, Outcome.INCOMPLETE, Outcome.REDIRECTED)

STATE_SCHEMA = pa.schema([pa.field("member", pa.string(), nullable=False)])


@dataclass(slots=True)
class Member:
    """A watched caller. Ties hold the values seen on its suspicious attempts, in the order seen."""

    caller: str
    attempts_before: int  # attempts before it was watched
    first_us: int
    last_us: int
    attempts: int = 0  # since it is watched
    rank: int = 0
    score: float = 0.0
    flagged_us: int | None = None
    times_us: list[int] = field(default_factory=list)
    ties: dict[str, list[str]] = field(default_factory=dict)
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
        """Note values of ties, each once, at most MAX_VALUES of a kind."""
        for kind, value in ties:
            if value is not None:
                _append(self.ties.setdefault(kind, []), value)


class CampaignTable:
    """At most ``max_members`` callers; when full, those seen least recently leave first. Not thread-safe."""

    def __init__(self, *, max_members: int = 50_000) -> None:
        self._max = max_members
        self._members: dict[str, Member] = {}
        self._evicted = 0

    def update(
        self,
        attempts: pa.RecordBatch,
        ranks: I8,
        scores: np.ndarray,
        numbers: np.ndarray,
        first_seen_us: np.ndarray,
        suspicious: Mask,
        established: Sequence[str | None],
    ) -> None:
        """Count n attempts (records.EVENT_SCHEMA), in order.

        ``numbers``: int64[n], the caller's attempts so far, this one included; ``first_seen_us``: of it;
        ``suspicious``: attempts from which on a caller is watched;
        ``established``: the tie of each attempt whose campaign the evidence has established.
        """
        callers = attempts["caller"].to_pylist()
        rows = [
            row
            for row, (caller, marked) in enumerate(zip(callers, suspicious.tolist(), strict=True))
            if caller is not None and (marked or caller in self._members)
        ]
        # A caller whose first suspicious attempt is in this batch is watched from that row on.
        watched = attempts.select(_COLUMNS).take(pa.array(rows, pa.int64()))
        for row, event in zip(rows, watched.to_pylist(), strict=True):
            member = self._members.get(event["caller"])
            if member is None:
                if not suspicious[row]:
                    continue
                member = Member(
                    event["caller"], int(numbers[row]) - 1, int(first_seen_us[row]), event["time_us"]
                )
                self._members[member.caller] = member
            self._count(member, event, int(ranks[row]), float(scores[row]), marked=bool(suspicious[row]))
            if established[row] == "callee_block":  # else it is only a town that everybody calls
                member.add_ties([("callee_block", _block(event["callee"]))])
        if len(self._members) > self._max:
            self._evict()

    def learn_outcomes(self, events: pa.RecordBatch) -> None:
        """Learn from ``end`` events how the calls of watched callers went."""
        if not self._members:
            return
        ends = events.select(_END_COLUMNS).filter(pc.equal(events["event"], "end"))
        columns = (ends[name].to_pylist() for name in _END_COLUMNS)
        for caller, outcome, ring_s, talk_s, censored in zip(*columns, strict=True):
            member = None if caller is None else self._members.get(caller)
            if member is None or outcome in _NO_OUTCOME:
                continue
            member.ended += 1
            member.not_found += outcome == Outcome.NOT_FOUND
            member.one_ring += outcome == Outcome.CANCELLED and ring_s is not None and ring_s <= _ONE_RING_S
            if talk_s is not None and not censored and talk_s >= _LEAST_TALK_S:
                # Recordings end all at the same second.
                member.add_ties([("talk", f"{talk_s:.0f} s")])

    def members(self) -> list[Member]:
        """All watched callers, in the order of their first attempts."""
        return sorted(self._members.values(), key=lambda member: (member.first_us, member.caller))

    def counters(self) -> dict[str, int]:
        """Callers watched and evicted."""
        return {"campaign_callers": len(self._members), "campaign_callers_evicted": self._evicted}

    def state(self) -> pa.RecordBatch:
        """Everything that ``restore`` needs."""
        rows = [json.dumps(asdict(member)) for member in self._members.values()]
        return pa.record_batch([pa.array(rows, pa.string())], schema=STATE_SCHEMA)

    def restore(self, state: pa.RecordBatch) -> None:
        """Replace all by a saved state. Raises InputError when it is none."""
        try:
            members = [Member(**json.loads(row)) for row in state["member"].to_pylist()]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"campaign state: expected watched callers, found: {error}") from None
        self._members = {member.caller: member for member in members}
        self._evicted = 0
        if len(self._members) > self._max:
            self._evict()

    def _count(self, member: Member, event: dict[str, Any], rank: int, score: float, *, marked: bool) -> None:
        time_us: int = event["time_us"]
        member.attempts += 1
        member.last_us = max(member.last_us, time_us)
        member.rank, member.score = max(member.rank, rank), max(member.score, score)
        if rank == SPAM_RANK and member.flagged_us is None:
            member.flagged_us = time_us
        if (
            len(member.times_us) == MAX_TIMES
        ):  # enough is known of it; nearly all spam comes from such callers
            return
        member.times_us.append(time_us)
        number = _number(_text(event["callee"]))
        if number is not None and member.last_callee is not None:
            member.steps += 1 <= abs(number - member.last_callee) <= _STEP
        member.last_callee = number if number is not None else member.last_callee
        _append(member.source_ips, _text(event["source_ip"]))
        if marked:
            _append(member.call_ids, _text(event["call_id"]))
            member.add_ties(ties_of(event))

    def _evict(self) -> None:
        # A sixteenth more than needed, so that the sort is paid once per many callers.
        surplus = len(self._members) - self._max + self._max // 16
        oldest = sorted(self._members.values(), key=lambda member: member.last_us)[:surplus]
        for member in oldest:
            del self._members[member.caller]
        self._evicted += len(oldest)


def ties_of(event: dict[str, object]) -> list[tuple[str, str | None]]:
    """What one attempt may share with others of its campaign: kind and value."""
    source, fingerprint = _text(event["source_ip"]), _text(event["fingerprint"])
    return [
        ("peer", None if source is None else f"{source} / {_text(event['user_agent']) or fingerprint}"),
        ("fingerprint", fingerprint),
        ("origid", _text(event["origid"])),
        ("caller_block", _block(_text(event["caller"]))),
    ]


def _block(identity: str | None) -> str | None:
    return None if identity is None or _number(identity) is None else identity[:-_BLOCK_DIGITS]


def _number(identity: str | None) -> int | None:
    digits = "" if identity is None else identity.removeprefix("+")
    is_number = digits.isascii() and digits.isdecimal() and len(digits) >= _SHORTEST_NUMBER
    return int(digits) if is_number else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _append(values: list[str], value: str | None) -> None:
    if value is not None and value not in values and len(values) < MAX_VALUES:
        values.append(value)
