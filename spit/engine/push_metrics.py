"""What became of changes of verdict as metrics: ``spit_verdict_feed_*`` and ``spit_push_*``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spit.export.prometheus import Sample

#: As docs/counters.md tells them.
FEED_MEANINGS = {
    "changes": "changes of verdict of a caller",
    "renewals": "verdicts that stayed and were confirmed, so that they hold for longer",
    "changes_dropped": "changes that left the history of `verdicts.history` changes, oldest first",
    "changes_left_out": "changes left out because 10,000 waited; found when their callers call again",
    "callers_evicted": "verdicts let go, longest unconfirmed first, because `verdicts.max_callers` are held",
    "callers_unlistable": (
        "attempts left out because no list can name their callers: too long, or with blanks and such"
    ),
    "failures": "chunks of attempts whose changes could not be found or explained; the log tells why",
}
FEED_LEVELS = {
    "callers": "callers of whom something is said now",
    "callers_enforced": "callers for whom an action is enforced now; 0 in monitor mode",
}
PUSH_MEANINGS = {
    "written": "entries of callers written or renewed",
    "removed": "entries of callers taken away",
    "told": "changes published on the channel",
    "deliveries": "webhook deliveries that were taken",
    "changes": "changes of verdict in them",
    "failures": "times the other side did not answer or did not take what was sent",
    "resyncs": "times everything enforced was written anew, at the start included",
    "queue_dropped": "changes dropped, oldest first, because `max_queue` waited",
    "tells_dropped": "changes not published because the other side was away",
    "changes_rejected": "changes that the receiver refused for good",
    "changes_given_up": "changes given up after 10 answers that said failure",
}
PUSH_LEVELS = {
    "waiting": "changes that wait to be pushed",
    "up": "1 while the other side takes what is pushed, 0 while it does not",
}
FILE_MEANINGS = {
    "writes": "times the block list was written",
    "failures": "times the block list could not be written",
}


@dataclass(frozen=True, slots=True)
class PushState:
    """One receiver: ``kind`` and ``target`` are its labels."""

    kind: str
    target: str
    counters: Mapping[str, int]
    levels: Mapping[str, int]


def push_samples(
    feed_counters: Mapping[str, int],
    feed_levels: Mapping[str, int],
    receivers: Sequence[PushState],
    file_counters: Mapping[str, int],
) -> list[Sample]:
    """Samples of one name follow each other."""
    found = [
        *(
            Sample(f"spit_verdict_feed_{name}_total", "counter", FEED_MEANINGS[name], count)
            for name, count in feed_counters.items()
        ),
        *(
            Sample(f"spit_verdict_feed_{name}", "gauge", FEED_LEVELS[name], count)
            for name, count in feed_levels.items()
        ),
    ]
    for name, meaning in PUSH_MEANINGS.items():
        found += [
            Sample(f"spit_push_{name}_total", "counter", meaning, one.counters[name], _labels(one))
            for one in receivers
            if name in one.counters
        ]
    for name, meaning in PUSH_LEVELS.items():
        found += [
            Sample(f"spit_push_{name}", "gauge", meaning, one.levels[name], _labels(one)) for one in receivers
        ]
    return found + [
        Sample(f"spit_blocklist_file_{name}_total", "counter", FILE_MEANINGS[name], count)
        for name, count in file_counters.items()
    ]


def _labels(one: PushState) -> tuple[tuple[str, str], ...]:
    return (("kind", one.kind), ("target", one.target))
