"""The audit log: who changed what, when, from what to what. It is only appended to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from spit.storage.control import ControlDatabase
from spit.storage.schema import audit


@dataclass(frozen=True, slots=True)
class Change:
    """One change. ``before`` None: it was made; ``after`` None: it was removed."""

    action: str
    object: str
    object_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """A change as it was written down. ``version``: that of the database with it."""

    id: int
    version: int
    time_us: int
    actor: str
    change: Change


def write_changes(
    connection: Connection, changes: Sequence[Change], *, version: int, time_us: int, actor: str
) -> None:
    """Append them, in the transaction that makes them."""
    rows = [
        {
            "version": version,
            "time_us": time_us,
            "actor": actor,
            "action": change.action,
            "object": change.object,
            "object_id": change.object_id,
            "before": None if change.before is None else _json(change.before),
            "after": None if change.after is None else _json(change.after),
        }
        for change in changes
    ]
    if rows:
        connection.execute(sa.insert(audit), rows)


class AuditLog:
    """Reads the log."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    def find(
        self,
        *,
        object_: str = "",
        object_id: str = "",
        actor: str = "",
        before_id: int | None = None,
        limit: int = 100,
    ) -> list[AuditRecord]:
        """The newest first; "" is any. ``before_id``: older than that one. Raises ControlError."""
        query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
        for column, wanted in (("object", object_), ("object_id", object_id), ("actor", actor)):
            if wanted:
                query = query.where(audit.c[column] == wanted)
        if before_id is not None:
            query = query.where(audit.c.id < before_id)
        with self._database.reading() as connection:
            return [read_record(row) for row in connection.execute(query).mappings()]


def read_record(row: Any) -> AuditRecord:
    """A row of the table."""
    before, after = (None if row[name] is None else json.loads(row[name]) for name in ("before", "after"))
    change = Change(row["action"], row["object"], row["object_id"], before, after)
    return AuditRecord(row["id"], row["version"], row["time_us"], row["actor"], change)


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)
