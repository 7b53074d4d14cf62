"""The counters of a live capture as metrics: ``spit_capture_NAME_total`` with what each means."""

from __future__ import annotations

from collections.abc import Mapping

from spit.export.prometheus import Sample

#: As docs/counters.md tells them; a counter that is not named here points there.
MEANINGS = {
    "kernel_received": "packets that the kernel saw for the capture's sockets",
    "kernel_dropped": "packets that the kernel dropped because a ring or socket buffer was full",
    "ring_dropped": "packets dropped between the ring and the decoder",
    "queue_dropped": "messages dropped, oldest first, because the queue to the tracker was full",
    "excluded": "packets of the agent's own connections, never decoded",
    "events": "call events taken from the capture",
    "packets": "frames read",
    "bytes": "bytes captured of them",
    "messages": "SIP messages",
    "attempts": "attempts found",
    "calls_ended": "calls ended, tracking given up included",
}


def capture_samples(counters: Mapping[str, int], *, capturing: bool) -> list[Sample]:
    """A sample per counter, and whether it captures."""
    return [
        Sample("spit_capture_up", "gauge", "1 while the capture runs, 0 when it has stopped", int(capturing)),
        *(
            Sample(
                f"spit_capture_{name}_total",
                "counter",
                MEANINGS.get(name, f"counter {name} of the decoder, see docs/counters.md"),
                count,
            )
            for name, count in counters.items()
        ),
    ]
