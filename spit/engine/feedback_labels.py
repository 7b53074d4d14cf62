"""From reports to labels: several independent voices about one caller, none of them for ever.

* One reporter has one voice about a call, and at most ``REPORTS_PER_DAY`` voices a day.
* Reports about one caller that follow each other within a day are one *episode*. Its reported calls become
  spam when at least ``MIN_REPORTERS`` reporters say so and they hold ``MIN_SHARE`` of the weight.
* A reporter whom others contradict loses weight, everywhere; who has lost half of it is no reporter any more.
* A call to a decoy is spam by itself.
* An appeal turns the reported calls of the seven days before it into ham, but no call to a decoy: that one
  was dialled by a machine, perhaps under a stolen number.

Labels are of calls, never of numbers: whoever's number was spoofed has no label for the calls before and
after.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import pyarrow as pa

from spit.errors import InputError

REPORT_COLUMNS = ("label", "call_id", "caller", "kind", "reporter_hash", "time", "weight")
LABEL_SCHEMA = pa.schema(
    [
        pa.field("call_id", pa.string()),
        pa.field("caller", pa.string()),
        pa.field("label", pa.string()),
        pa.field("weight", pa.float64()),
        pa.field("reporters", pa.int64()),
    ]
)

MIN_REPORTERS = 3
MIN_SHARE = 2 / 3
REPORTS_PER_DAY = 10
_EPISODE_GAP_S = 86_400.0
_APPEAL_S = 7 * 86_400.0
_DAY_S = 86_400.0
#: Below this a reporter is contradicted more than it is confirmed.
_LEAST_TRUST = 0.5
_ROUNDS = 5


@dataclass(slots=True)
class _Voice:
    spam: bool
    call_id: str
    caller: str
    kind: str
    reporter: str
    time_s: float
    weight: float
    episode: int = -1


def resolve_reports(reports: pa.Table, *, where: str = "feedback") -> pa.Table:
    """Labels of calls (LABEL_SCHEMA) from reports (REPORT_COLUMNS). Raises InputError.

    The order of the reports does not matter; ``weight`` of a label is 0 to 1.
    """
    voices = _limited(_read(reports, where))
    decoys = {voice.call_id: voice.caller for voice in voices if voice.kind == "decoy"}
    appeals = [voice for voice in voices if voice.kind == "appeal"]
    said = [voice for voice in voices if voice.kind not in ("decoy", "appeal")]
    episodes = _episodes(said)
    trust = _trust(episodes)

    labels: dict[str, tuple[str, str, float, int]] = {
        call_id: (caller, "spam", 1.0, 1) for call_id, caller in decoys.items()
    }
    for voices_of in episodes:
        weight = _weights(voices_of, trust)
        spam = {reporter: w for (reporter, is_spam), w in weight.items() if is_spam}
        ham = {reporter: w for (reporter, is_spam), w in weight.items() if not is_spam}
        for label, mine, others in (("spam", spam, ham), ("ham", ham, spam)):
            total = sum(mine.values())
            if len(mine) < MIN_REPORTERS or total < MIN_SHARE * (total + sum(others.values())):
                continue
            for voice in voices_of:
                if voice.spam == (label == "spam") and voice.call_id not in labels:
                    strength = min(1.0, total / MIN_REPORTERS)
                    labels[voice.call_id] = (voice.caller, label, strength, len(mine))
    for appeal in appeals:
        for voice in said:
            within = 0.0 <= appeal.time_s - voice.time_s <= _APPEAL_S
            if voice.caller == appeal.caller and within and voice.call_id not in decoys:
                labels[voice.call_id] = (voice.caller, "ham", 1.0, 1)
    rows = [
        {"call_id": call_id, "caller": caller, "label": label, "weight": weight, "reporters": count}
        for call_id, (caller, label, weight, count) in sorted(labels.items())
        if call_id
    ]
    return pa.Table.from_pylist(rows, schema=LABEL_SCHEMA)


def _read(reports: pa.Table, where: str) -> list[_Voice]:
    missing = [name for name in REPORT_COLUMNS if name not in reports.column_names]
    if missing:
        raise InputError(f"{where}: expected the columns of a feedback store, found none named {missing[0]}")
    voices = []
    columns = [reports[name].to_pylist() for name in REPORT_COLUMNS]
    for at, (label, call_id, caller, kind, reporter, time, weight) in enumerate(zip(*columns, strict=True)):
        try:
            time_s, weight_ = float(time), float(weight)
            sound = math.isfinite(time_s) and 0.0 <= weight_ <= 1.0 and label in ("spam", "ham")
        except (TypeError, ValueError):
            sound = False
        if not sound:
            raise InputError(
                f"{where}: row {at + 1}: expected label spam or ham, a time and a weight from 0 to 1, "
                f"found {label!r}, {time!r} and {weight!r}"
            )
        names = (str(call_id or ""), str(caller or ""), str(kind or ""), str(reporter or ""))
        voices.append(_Voice(label == "spam", *names, time_s, weight_))
    return sorted(voices, key=lambda voice: (voice.time_s, voice.call_id, voice.reporter))


def _limited(voices: list[_Voice]) -> list[_Voice]:
    """The last word of each reporter on each call, and no more than the limit of each day."""
    last = {(voice.reporter, voice.call_id, voice.kind == "appeal"): voice for voice in voices}
    counts: defaultdict[tuple[str, int], int] = defaultdict(int)
    kept = []
    for voice in sorted(last.values(), key=lambda v: (v.time_s, v.call_id, v.reporter)):
        day = (voice.reporter, int(voice.time_s // _DAY_S))
        counts[day] += 1
        if voice.kind == "decoy" or counts[day] <= REPORTS_PER_DAY:
            kept.append(voice)
    return kept


def _episodes(voices: list[_Voice]) -> list[list[_Voice]]:
    """The voices about one caller, cut where a day passed without any."""
    episodes: list[list[_Voice]] = []
    latest: dict[str, int] = {}
    for voice in voices:  # in time order
        at = latest.get(voice.caller)
        if at is None or voice.time_s - episodes[at][-1].time_s > _EPISODE_GAP_S:
            at = latest[voice.caller] = len(episodes)
            episodes.append([])
        episodes[at].append(voice)
    return episodes


def _weights(voices: list[_Voice], trust: dict[str, float]) -> dict[tuple[str, bool], float]:
    """The weight of each trusted reporter on each side: many calls reported are one voice."""
    weights: dict[tuple[str, bool], float] = {}
    for voice in voices:
        trusted = trust.get(voice.reporter, 1.0)
        if trusted >= _LEAST_TRUST:
            side = (voice.reporter, voice.spam)
            weights[side] = max(weights.get(side, 0.0), trusted * voice.weight)
    return weights


def _trust(episodes: list[list[_Voice]]) -> dict[str, float]:
    """Per reporter 0 to 1: how far others who spoke about the same callers confirm it.

    Each reporter is compared with the weight of all *others* of an episode, so that nobody confirms itself.
    """
    trust: dict[str, float] = {}
    for _ in range(_ROUNDS):
        agreed: defaultdict[str, float] = defaultdict(float)
        opposed: defaultdict[str, float] = defaultdict(float)
        for voices in episodes:
            weights = _weights(voices, trust)
            totals = {side: sum(w for (_, s), w in weights.items() if s == side) for side in (True, False)}
            for reporter, spam in {(voice.reporter, voice.spam) for voice in voices}:
                mine = weights.get((reporter, spam), 0.0)
                same, other = totals[spam] - mine, totals[not spam] - weights.get((reporter, not spam), 0.0)
                if same + other >= 2.0:  # one other voice is no majority
                    agreed[reporter] += same / (same + other)
                    opposed[reporter] += other / (same + other)
        trust = {
            reporter: (1.0 + agreed[reporter]) / (1.0 + agreed[reporter] + opposed[reporter])
            for reporter in {*agreed, *opposed}
        }
    return trust
