"""Campaigns, a row each: watched callers grouped by what ties them, for ``spit score --by campaign``."""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from spit.engine.callers import LABELS, MAX_CALL_IDS, MAX_SOURCE_IPS, SUSPECT_RANK
from spit.engine.campaign_likeness import NOTHING_USUAL
from spit.engine.campaign_links import linked
from spit.engine.campaigns import Background, Member
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
#: Blocks that differ in these last digits are neighbours.
_NEAR_DIGITS = 2
#: Ties that start a group, and what a campaign of it is called; the first is preferred among equals.
_NAMES = {
    "origid": "origid {}",
    "peer": "peer {}",
    "caller_block": "numbers {}xxxx",
    "callee": "calls to {}",
    "callee_block": "calls to {}xxxx",
    "fingerprint": "fingerprint {}",
}
_WORDS = {
    "origid": "signed by the same origin {}",
    "peer": "sent by the same address and equipment: {}",
    "caller_block": "callers of one number block: {}",
    "callee": "calls to one number: {}",
    "callee_block": "calls into one number block: {}",
    "fingerprint": "the same equipment (fingerprint {})",
    "talk": "answered calls of equal length: {}",
}
ReasonsOf = Callable[[Sequence[str]], list[tuple[Reason, ...]]]


@dataclass(slots=True)
class Campaign:
    """Callers that belong together. ``kind`` and ``value``: the tie that most of them share."""

    kind: str
    value: str
    behaviour: str  # empty while unknown
    members: list[Member]
    first_caller: str = ""  # where another campaign has the same tie and behaviour

    @property
    def name(self) -> str:
        """What it is called, the same from run to run while that tie is the strongest."""
        alone = "caller {}" if len(self.members) == 1 else "numbers such as {}"
        name = _NAMES.get(self.kind, alone).format(self.value)
        if self.behaviour and self.kind in _NAMES:
            name = f"{name} ({self.behaviour})"
        return f"{name}, first {self.first_caller}" if self.first_caller else name

    def ties(self) -> list[str]:
        """What ties them, in words."""
        if len(self.members) < 2:
            return []
        words = [self._in_numbers()]
        for kind, text in _WORDS.items():
            counts = _counts(self.members, kind)
            shared = [value for value, count in counts.items() if count >= _NAMED_SHARE * len(self.members)]
            shared.sort(key=lambda value: (-counts[value], value))
            if shared:
                digits = "xxxx" if kind.endswith("_block") else ""
                told = [f"{v}{digits} ({counts[v]} of {len(self.members)})" for v in shared[:3]]
                words.append(text.format(", ".join(told)))
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

    def _in_numbers(self) -> str:
        """How many call, for how long, and whom."""
        looked_at = sum(len(member.times_us) for member in self.members)
        strangers = sum(member.strangers for member in self.members)
        sources = len({ip for member in self.members for ip in member.source_ips})
        hours = (max(m.last_us for m in self.members) - min(m.first_us for m in self.members)) / 3.6e9
        return (
            f"{len(self.members)} numbers within {hours:.1f} hours, from {sources} addresses, "
            f"{100 * strangers / max(1, looked_at):.0f} % of the calls to people they had not called before"
        )

    def _is_neighbourly(self) -> bool:
        near = sum(
            any(
                block[:-2] in {other[:-2] for other in member.ties.get("callee_block", ())}
                for block in blocks
            )
            for member in self.members
            if (blocks := member.ties.get("caller_block"))
        )
        return len(self.members) > 1 and near >= _NAMED_SHARE * len(self.members)


def group(members: Sequence[Member], background: Background = NOTHING_USUAL) -> list[Campaign]:
    """Campaigns of the watched callers: those that are alike in most of what campaigns share.

    ``background``: callers that show what is usual, and so ties nobody.
    A caller like no other is a campaign of its own, where it is suspect or spam at all.
    """
    campaigns = []
    for positions in linked(members, background):
        held = [members[at] for at in positions]
        if len(held) > 1 or held[0].rank >= SUSPECT_RANK:
            campaigns.append(Campaign(*_named_by(held), _behaviour(held), held))
    names = Counter(campaign.name for campaign in campaigns)
    for campaign in campaigns:
        if names[campaign.name] > 1:
            campaign.first_caller = _first_caller(campaign.members)
    return campaigns


def campaign_rows(campaigns: Sequence[Campaign], *, reasons_of: ReasonsOf, model: str) -> pa.RecordBatch:
    """One row per campaign (CAMPAIGN_SCHEMA), labels and scores falling. ``reasons_of``: of these callers."""
    rows: list[dict[str, Any]] = []
    for campaign in campaigns:
        members = sorted(campaign.members, key=lambda member: (-member.rank, -member.score, member.first_us))
        rows.append(
            {
                "campaign": campaign.name,
                "label": LABELS[max(members[0].rank, SUSPECT_RANK)].value,
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


def _named_by(members: Sequence[Member]) -> tuple[str, str]:
    """Kind and value of the tie that most callers share; the first caller where half of them share none.

    Whom they call names a campaign last: in a small network everybody calls into the same blocks.
    """
    counts = [(kind, _counts(members, kind)) for kind in _NAMES]
    found = [(kind, max(held, key=lambda value: (held[value], value))) for kind, held in counts if held]
    shared = {tie: _counts(members, tie[0])[tie[1]] for tie in found}
    common = [tie for tie in found if shared[tie] >= _NAMED_SHARE * len(members)]
    if len(members) > 1 and common:
        return max(common, key=lambda tie: (tie[0] != "callee_block", shared[tie]))
    return "caller", _first_caller(members)


def _first_caller(members: Sequence[Member]) -> str:
    return min(members, key=lambda member: (member.first_us, member.caller)).caller


def _behaviour(members: Sequence[Member]) -> str:
    """How most of them call, empty where that is unknown or differs."""
    words: dict[str, int] = defaultdict(int)
    for member in members:
        words[member.behaviour() or ""] += 1
    word = max(words, key=lambda one: (words[one], one))
    return word if words[word] >= _NAMED_SHARE * len(members) else ""


def _counts(members: Sequence[Member], kind: str) -> dict[str, int]:
    """How many callers have each value of a tie."""
    counts: dict[str, int] = defaultdict(int)
    for member in members:
        for value in _values(member, kind):
            counts[value] += 1
    return counts


def _values(member: Member, kind: str) -> Iterable[str]:
    if kind == "callee":
        return {f"+{number}" for number in member.callees if number > 0}
    return member.ties.get(kind, ())


def _first(members: Sequence[Member], name: str, limit: int) -> list[str]:
    """The first values of all members together, each once."""
    values = dict.fromkeys(value for member in members for value in getattr(member, name))
    return list(values)[:limit]
