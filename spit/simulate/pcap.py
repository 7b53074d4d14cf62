"""SIP messages in packets, written as pcap with scapy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spit.errors import MissingExtraError
from spit.simulate.dialogue import messages
from spit.simulate.frames import Framer
from spit.simulate.plan import Plan

LINKTYPE_ETHERNET = 1
_PROGRESS_EVERY = 2_000


def write_capture(plan: Plan, path: Path, progress: Callable[[int], None] | None = None) -> int:
    """Writes the plan's packets to ``path`` (pcap, µs) and returns how many there are.

    ``progress`` is called now and then with the packets written so far. Raises MissingExtraError when scapy
    is not installed, OSError when the file cannot be written.
    """
    try:
        from scapy.utils import RawPcapWriter
    except ImportError:
        raise MissingExtraError("simulate", "simulate", "scapy") from None

    framer = Framer()
    written = 0
    with path.open("wb") as file:
        # RawPcapWriter takes bytes: building a scapy packet per message would be ten times slower.
        writer = RawPcapWriter(file, linktype=LINKTYPE_ETHERNET, sync=False)
        writer.write_header(None)
        for message in messages(plan):
            seconds, microseconds = divmod(message.time_us, 1_000_000)
            for frame in framer.frames(message):
                writer.write_packet(frame, sec=seconds, usec=microseconds)
                written += 1
                if progress is not None and written % _PROGRESS_EVERY == 0:
                    progress(written)
        writer.flush()
    if progress is not None:
        progress(written)
    return written
