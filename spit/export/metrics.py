"""What became of the events as metrics: ``spit_export_NAME_total`` and the levels of the spool."""

from __future__ import annotations

from collections.abc import Mapping

from spit.export.prometheus import Sample

#: As docs/counters.md tells them.
MEANINGS = {
    "events_unsendable": "events left out because their time is no time",
    "events_unspooled": "events lost because the spool could not be written",
    "spool_batches_dropped": "batches dropped, oldest first, because the spool was full",
    "spool_events_dropped": "events in the batches dropped",
    "batches_rejected": "batches that a scorer refused for good, kept in the folder `rejected`",
    "events_rejected": "events in the batches rejected",
    "batches_sent": "batches that a scorer took",
    "events_sent": "events in the batches sent",
    "bytes_sent": "bytes of the batches sent, compressed",
    "batches_repeated": "batches that a scorer had already, sent again because its answer was lost",
    "send_failures": "requests that failed: no answer, or a status that says try again",
    "failovers": "changes from one scorer to another",
}
LEVELS = {
    "spool_batches": "batches that wait in the spool",
    "spool_events": "events that wait in the spool",
    "spool_bytes": "bytes that wait in the spool",
}


def export_samples(counters: Mapping[str, int], levels: Mapping[str, int]) -> list[Sample]:
    """A sample per counter and level; each name is in ``MEANINGS`` or ``LEVELS``."""
    return [
        *(
            Sample(f"spit_export_{name}_total", "counter", MEANINGS[name], count)
            for name, count in counters.items()
        ),
        *(Sample(f"spit_export_{name}", "gauge", LEVELS[name], count) for name, count in levels.items()),
    ]
