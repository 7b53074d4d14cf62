"""The counters of a live capture as metrics: ``spit_capture_NAME_total`` with what each means."""

from __future__ import annotations

from collections.abc import Mapping

from spit.export.prometheus import Sample

#: As docs/counters.md tells them; a counter that is not named here points there.
MEANINGS = {
    "kernel_received": (
        "packets of the interfaces that passed the kernel's filter; without `ring_dropped` they are `packets`"
    ),
    "kernel_dropped": (
        "packets that the network card or the kernel had no room for before a ring (`drop` in "
        "`/proc/net/dev`), and datagrams that the HEP collector's socket had no room for"
    ),
    "ring_dropped": (
        "packets that found their ring full: a worker was too slow (more `workers`, a larger `ring_mib`)"
    ),
    "ring_freezes": "times a ring was full",
    "interface_errors": (
        "times an interface told of an error, such as that it went down; capture goes on when it is up again"
    ),
    "queue_dropped": ("messages shed, oldest first, because tracking and what reads its rows were too slow"),
    "hep_connections": "HEP connections accepted",
    "hep_connections_refused": "HEP connections refused because 256 were open",
    "hep_connections_cut": (
        "HEP connections cut off: no HEP, a packet that did not come within 30 s, silent for "
        "10 minutes, or ended within a packet"
    ),
    "excluded": "with `--decoder scapy`: packets of the agent's own connections",
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
