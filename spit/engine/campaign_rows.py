"""Campaigns, a row each: watched callers grouped by what ties them, for ``spit score --by campaign``."""

from __future__ import annotations

import bisect
import heapq
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from spit.engine.callers import LABELS, MAX_CALL_IDS, MAX_SOURCE_IPS
from spit.engine.campaigns import Member
from spit.engine.scored import REASONS_TYPE, reason_row
from spit.records import Reason

#: ``spit score --by campaign``, in this order. Times in epoch seconds.
CAMPAIGN_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("campaign", pa.string()),
        pa.field("label", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("ties", pa.list_(pa.string())),
        pa.field("callers", pa.int64()),
        pa.field("caller_examples", pa.list_(pa.string())),
        pa.field("attempts", pa.int64()),
        pa.field("flagged_at_attempt", pa.int64()),
        pa.field("first_seen", pa.float64()),
        pa.field("last_seen", pa.float64()),
        pa.field("source_ips", pa.list_(pa.string())),
        pa.field("reasons", REASONS_TYPE),
        pa.field("call_ids", pa.list_(pa.string())),
        pa.field("model", pa.string()),
    ]
)
MAX_EXAMPLES = 5

#: A tie that so many of a campaign's callers have is named.
_NAMED_SHARE = 0.5
#: Two groups are one campaign when their callers share so much of what they were not grouped by.
_MERGED_SHARE = 0.34
#: Blocks that differ in these last digits are neighbours.
_NEAR_DIGITS = 2
#: Ties that start a group, and what a campaign of it is called; the first is preferred among equals.
_NAMES = {
    "origid": "origid {}",
    "peer": "peer {}",
    "caller_block": "numbers {}xxxx",
    "callee_block": "calls to {}xxxx",
    "fingerprint": "fingerprint {}",
}
_WORDS = {
    "origid": "signed by the same origin {}",
    "peer": "sent by the same address and equipment: {}",
    "caller_block": "callers of one number block: {}xxxx",
    "callee_block": "calls into one number block: {}xxxx",
    "fingerprint": "the same equipment (fingerprint {})",
    "talk": "answered calls of equal length: {}",
}
#: Ties by which two groups are found to be one; a fingerprint alone may be a common telephone's.
_MERGING = ("caller_block", "callee_block", "talk", "origid")

_MANY = "many calls"

ReasonsOf = Callable[[Sequence[str]], list[tuple[Reason, ...]]]


@dataclass(slots=True)
class Campaign:
    """Callers that belong together. ``kind`` and ``value``: the tie that most of them share."""

    kind: str
    value: str
    behaviour: str  # empty while unknown
    members: list[Member]

    @property
    def name(self) -> str:
        """What it is called, the same from run to run while that tie is the strongest."""
        name = _NAMES.get(self.kind, "caller {}").format(self.value)
        return f"{name} ({self.behaviour})" if self.behaviour and self.kind in _NAMES else name

    def ties(self) -> list[str]:
        """What ties them, in words."""
        words = []
        for kind, text in _WORDS.items():
            counts = _counts(self.members, kind)
            shared = [value for value, count in counts.items() if count >= _NAMED_SHARE * len(self.members)]
            if shared and len(self.members) > 1:
                words.append(text.format(", ".join(sorted(shared)[:3])))
        if self._is_neighbourly():
            words.append("caller numbers of the same block as the numbers they call (neighbour spoofing)")
        return words

    def flagged_at_attempt(self) -> int | None:
        """How many attempts the campaign had made when the first was labelled spam; None if never."""
        flagged_us = min((m.flagged_us for m in self.members if m.flagged_us is not None), default=None)
        if flagged_us is None:
            return None
        return sum(
            member.attempts_before + bisect.bisect_right(member.times_us, flagged_us)
            for member in self.members
            if member.times_us[0] <= flagged_us
        )

    def _is_neighbourly(self) -> bool:
        near = sum(
            any(
                block[:-2] in {other[:-2] for other in member.ties.get("callee_block", [])}
                for block in blocks
            )
            for member in self.members
            if (blocks := member.ties.get("caller_block", []))
        )
        return len(self.members) > 1 and near >= _NAMED_SHARE * len(self.members)


def group(members: Sequence[Member]) -> list[Campaign]:
    """Campaigns of the watched callers: the tie that most callers share makes the first, and so on.

    Then groups that share numbers, callees, talk lengths or origin beyond chance are joined: a campaign
    spread over many trunks. A caller without any tie is a campaign of its own.
    """
    rest = {member.caller: member for member in members}
    campaigns: list[Campaign] = []
    holders = _holders(members)
    # Callers that go to one group leave the others, so sizes only fall: what is on top is looked at again.
    preference = {kind: at for at, kind in enumerate(_NAMES)}
    heap = [(-len(callers), preference[tie[0]], *tie) for tie, callers in holders.items()]
    heapq.heapify(heap)
    while heap:
        size, rank, kind, value, behaviour = heapq.heappop(heap)
        left = [caller for caller in sorted(holders[kind, value, behaviour]) if caller in rest]
        if len(left) < 2:
            continue
        if len(left) < -size:
            heapq.heappush(heap, (-len(left), rank, kind, value, behaviour))
            continue
        campaigns.append(Campaign(kind, value, behaviour, [rest.pop(caller) for caller in left]))
    campaigns.extend(
        Campaign("caller", member.caller, member.behaviour() or "", [member]) for member in rest.values()
    )
    return _merged(campaigns)


def campaign_rows(campaigns: Sequence[Campaign], *, reasons_of: ReasonsOf, model: str) -> pa.RecordBatch:
    """One row per campaign (CAMPAIGN_SCHEMA), labels and scores falling. ``reasons_of``: of these callers."""
    rows: list[dict[str, Any]] = []
    for campaign in campaigns:
        members = sorted(campaign.members, key=lambda member: (-member.rank, -member.score, member.first_us))
        rows.append(
            {
                "campaign": campaign.name,
                "label": LABELS[members[0].rank].value,
                "score": max(member.score for member in members),
                "ties": campaign.ties(),
                "callers": len(members),
                "caller_examples": [member.caller for member in members[:MAX_EXAMPLES]],
                "attempts": sum(member.attempts_before + member.attempts for member in members),
                "flagged_at_attempt": campaign.flagged_at_attempt(),
                "first_seen": min(member.first_us for member in members) / 1e6,
                "last_seen": max(member.last_us for member in members) / 1e6,
                "source_ips": _first(members, "source_ips", MAX_SOURCE_IPS),
                "reasons": [reason_row(r) for r in reasons_of([member.caller for member in members[:1]])[0]],
                "call_ids": _first(members, "call_ids", MAX_CALL_IDS),
                "model": model,
            }
        )
    ranks = {label.value: rank for rank, label in enumerate(LABELS)}
    rows.sort(key=lambda row: (-ranks[row["label"]], -row["score"], row["campaign"]))
    return pa.RecordBatch.from_pylist(rows, schema=CAMPAIGN_SCHEMA)


def _holders(members: Sequence[Member]) -> dict[tuple[str, str, str], list[str]]:
    """The callers of each tie and behaviour; one of unknown behaviour goes with each that the tie has."""
    known: dict[tuple[str, str], set[str]] = defaultdict(set)
    for member in members:
        for kind in _NAMES:
            for value in member.ties.get(kind, []):
                behaviour = member.behaviour()
                known[kind, value] |= set() if behaviour is None else {behaviour}
    holders: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for member in members:
        behaviour = member.behaviour()
        for kind in _NAMES:
            for value in member.ties.get(kind, []):
                joins = {behaviour} if behaviour else (known[kind, value] - {_MANY}) or {""}
                # Who makes many calls under one number does not rotate, and shares trunks with everybody.
                for one in joins - {_MANY}:
                    holders[kind, value, one].append(member.caller)
    return holders


def _merged(campaigns: list[Campaign]) -> list[Campaign]:
    """The larger ones take in those that share enough with them, the largest first."""
    result: list[Campaign] = []
    for campaign in sorted(campaigns, key=lambda one: -len(one.members)):
        for larger in result:
            if _are_one(larger, campaign):
                larger.members.extend(campaign.members)
                break
        else:
            result.append(campaign)
    return result


def _are_one(one: Campaign, other: Campaign) -> bool:
    """A share of the smaller one's callers has, of two kinds of tie, values that are common in the larger.

    One kind alone is chance: two campaigns may call the same town, or talk for the same half minute.
    """
    if other.behaviour != one.behaviour or one.behaviour == _MANY:
        return False
    alike = 0
    for kind in (*_MERGING, "fingerprint"):
        common = _counts(one.members, kind)
        usual = {value for value, count in common.items() if count >= _MERGED_SHARE * len(one.members)}
        shared = sum(bool(usual & set(member.ties.get(kind, []))) for member in other.members)
        alike += shared >= _MERGED_SHARE * len(other.members) and shared > 0
    return alike >= 2


def _counts(members: Sequence[Member], kind: str) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for member in members:
        for value in member.ties.get(kind, []):
            counts[value] += 1
    return counts


def _first(members: Sequence[Member], name: str, limit: int) -> list[str]:
    """The first values of all members together, each once."""
    values = dict.fromkeys(value for member in members for value in getattr(member, name))
    return list(values)[:limit]
