"""What is asked of the kept list entries, and what is answered. Needs no database."""

from __future__ import annotations

from dataclasses import dataclass

from spit.lists import ListEntry


class EntryExistsError(Exception):
    """There is an entry of this kind, tenant, pattern and callee."""

    def __init__(self, entry_id: int) -> None:
        super().__init__(f"entry {entry_id} is of the same kind, tenant, pattern and callee")
        self.entry_id = entry_id


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries; "" and None are any. ``active_at_us``: not expired then."""

    kind: str = ""
    tenant: str | None = None
    pattern: str = ""
    callee: str | None = None
    active_at_us: int | None = None


@dataclass(frozen=True, slots=True)
class ImportCount:
    """What an import did."""

    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class History:
    """Up to where a database was read: its version, and the last change before it, which never changes."""

    version: int
    audit_id: int
    time_us: int
    object_id: str


@dataclass(frozen=True, slots=True)
class ListChanges:
    """What is different since a reading: entries made or changed, ids removed."""

    history: History
    changed: tuple[ListEntry, ...]
    removed: tuple[int, ...]
