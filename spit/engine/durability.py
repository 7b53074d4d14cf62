"""The journal beside a saved state: replayed at the start, made short by every save, told of on /metrics."""

from __future__ import annotations

import logging
from pathlib import Path

from spit.engine.engine import Engine
from spit.export.prometheus import Sample
from spit.storage.journal import Journal, Position

JOURNAL = "journal"

_log = logging.getLogger("spit.journal")


def open_journal(engine: Engine, directory: Path, position: Position, *, always: bool) -> Journal:
    """Count what was accepted after ``position``, and keep what comes from now on; says what it found.

    ``directory``: of the saved state. Raises ConfigError where another process writes there.
    """
    journal = Journal(directory / JOURNAL, always=always)
    journal.lock()
    events = engine.replay(journal, position)
    found = journal.counters()
    for line in journal.unreadable():
        _log.error("a part of the journal cannot be read, its events are lost: %s", line)
    if found["damaged_bytes"]:
        _log.error("%d bytes of the journal are damaged, their events are lost", found["damaged_bytes"])
    if found["torn_bytes"]:
        _log.warning("%d bytes were being written when it stopped: never accepted", found["torn_bytes"])
    if events:
        _log.info("journal: %d events that were accepted after the state was saved are counted", events)
    journal.start()
    engine.journal = journal
    return journal


def save_with_journal(
    engine: Engine, directory: Path, *, saved_at_us: int | None = None, tracker: bytes | None = None
) -> None:
    """Save the engine; what the state holds leaves the journal. Raises OSError."""
    if engine.journal is not None:
        engine.journal.rotate()
    position = engine.save(directory, saved_at_us=saved_at_us, tracker=tracker)
    if engine.journal is not None:
        engine.journal.release(position)


def journal_samples(journal: Journal) -> list[Sample]:
    """For /metrics."""
    found = journal.counters()
    counted = (
        ("entries", "requests kept in the journal"),
        ("events", "call events kept in the journal"),
        ("bytes", "bytes written to the journal"),
        ("syncs", "times the journal was synced, each for all requests that waited"),
        ("failures", "times the journal could not be written or synced"),
        ("events_refused", "call events refused because they could not be kept"),
        ("notes_lost", "attempts counted by a question that could not be kept"),
        ("torn_bytes", "bytes at the end of segments that were never accepted, found at the start"),
        ("damaged_bytes", "bytes of damaged entries, found at the start"),
    )
    return [
        *(Sample(f"spit_journal_{name}_total", "counter", words, found[name]) for name, words in counted),
        Sample("spit_journal_segments", "gauge", "files of the journal", journal.segments()),
        Sample(
            "spit_journal_failing",
            "gauge",
            "1 while events cannot be kept and are refused",
            journal.failing(),
        ),
    ]
