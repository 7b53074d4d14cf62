"""List entries in the control database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from spit.lists import ListEntry, ListKind
from spit.storage.audit import Change, read_record, write_changes
from spit.storage.control import ControlDatabase
from spit.storage.list_queries import EntryExistsError, Filter, History, ImportCount, ListChanges
from spit.storage.schema import audit, list_entries

#: What the audit log calls an entry.
OBJECT = "list_entry"
_CHUNK = 500
#: More changes than these are read as a whole.
MAX_CHANGES = 5_000
_KINDS = {kind.value: kind for kind in ListKind}
_COLUMNS = tuple(field.name for field in fields(ListEntry) if field.name != "id")


class ListStore:
    """Entries by id. Every change is in the audit log, in the same transaction. Raises ControlError."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    def create(self, entry: ListEntry, *, actor: str, time_us: int) -> ListEntry:
        """Keep a new entry, made now. Raises EntryExistsError."""
        entry = replace(entry, created_at_us=time_us)
        with self._database.writing() as (connection, version):
            self._refuse_second(connection, entry)
            made = connection.execute(sa.insert(list_entries).values(_values(entry)))
            entry = replace(entry, id=int((made.inserted_primary_key or [0])[0]))
            self._note(connection, [_change("create", None, entry)], version, time_us, actor)
        return entry

    def change(
        self, entry_id: int, entry: ListEntry, *, actor: str, time_us: int, of_tenant: str | None = None
    ) -> ListEntry | None:
        """Put ``entry`` in the place of another, whose age it keeps; None where there is none.

        ``of_tenant``: as for ``get``. Raises EntryExistsError.
        """
        with self._database.writing() as (connection, version):
            old = _get(connection, entry_id, of_tenant)
            if old is None:
                return None
            entry = replace(entry, id=entry_id, created_at_us=old.created_at_us)
            if entry == old:
                return entry
            self._refuse_second(connection, entry)
            connection.execute(
                sa.update(list_entries).where(list_entries.c.id == entry_id).values(_values(entry))
            )
            self._note(connection, [_change("change", old, entry)], version, time_us, actor)
        return entry

    def remove(
        self, entry_id: int, *, actor: str, time_us: int, of_tenant: str | None = None
    ) -> ListEntry | None:
        """The entry that is gone now; None where there was none. ``of_tenant``: as for ``get``."""
        with self._database.writing() as (connection, version):
            old = _get(connection, entry_id, of_tenant)
            if old is not None:
                connection.execute(sa.delete(list_entries).where(list_entries.c.id == entry_id))
                self._note(connection, [_change("remove", old, None)], version, time_us, actor)
        return old

    def get(self, entry_id: int, *, of_tenant: str | None = None) -> ListEntry | None:
        """One entry. ``of_tenant``: those of others are not there; None: of whomever."""
        with self._database.reading() as connection:
            return _get(connection, entry_id, of_tenant)

    def find(self, wanted: Filter, *, after_id: int = 0, limit: int = 100) -> list[ListEntry]:
        """Entries by id, from after ``after_id`` on."""
        query = (
            sa.select(list_entries)
            .where(list_entries.c.id > after_id, *_conditions(wanted))
            .order_by(list_entries.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [_entry(row) for row in connection.execute(query)]

    def import_entries(self, entries: Sequence[ListEntry], *, actor: str, time_us: int) -> ImportCount:
        """Keep all of them or none; one whose kind, tenant, pattern and callee are there takes its place."""
        with self._database.writing() as (connection, version):
            known = {one.key: one for one in _entries(connection, list_entries.select())}
            changes, added, changed = [], [], 0
            for entry in entries:
                old = known.get(entry.key)
                if old is None:
                    added.append(replace(entry, created_at_us=entry.created_at_us or time_us))
                    continue
                new = replace(entry, id=old.id, created_at_us=old.created_at_us)
                if new != old:
                    changed += 1
                    connection.execute(
                        sa.update(list_entries).where(list_entries.c.id == old.id).values(_values(new))
                    )
                    changes.append(_change("import", old, new))
            changes += [_change("import", None, one) for one in _insert(connection, added)]
            self._note(connection, changes, version, time_us, actor)
        return ImportCount(len(added), changed, len(entries) - len(added) - changed)

    def read_all(self, pause: Callable[[], None] = lambda: None) -> tuple[History, list[ListEntry]]:
        """Up to where it was read, and every entry. ``pause`` is called now and then: others wait."""
        with self._database.reading() as connection:
            history = _history(connection)
            entries = []
            for one in _entries(connection, sa.select(list_entries).order_by(list_entries.c.id)):
                entries.append(one)
                if len(entries) % _CHUNK == 0:
                    pause()
        return history, entries

    def changes_since(self, known: History) -> ListChanges | None:
        """What the audit log says; None where it is too much, or this is not the database that was read."""
        query = (
            sa.select(audit)
            .where(audit.c.id > known.audit_id, audit.c.object == OBJECT)
            .order_by(audit.c.id)
            .limit(MAX_CHANGES + 1)
        )
        with self._database.reading() as connection:
            history = _history(connection)
            # A backup that was put in place has another past.
            if history.version < known.version or _history(connection, known.audit_id) != known:
                return None
            rows = connection.execute(query).mappings().all()
        if len(rows) > MAX_CHANGES:
            return None
        last: dict[int, ListEntry | None] = {}
        for record in map(read_record, rows):
            after = record.change.after
            last[int(record.change.object_id)] = None if after is None else _of_record(after)
        return ListChanges(
            history,
            tuple(entry for entry in last.values() if entry is not None),
            tuple(entry_id for entry_id, entry in last.items() if entry is None),
        )

    def export(self, wanted: Filter) -> Iterator[ListEntry]:
        """All entries by id, read page by page: a slow reader holds no transaction open."""
        after_id = 0
        while page := self.find(wanted, after_id=after_id, limit=_CHUNK):
            yield from page
            after_id = page[-1].id

    def _refuse_second(self, connection: Connection, entry: ListEntry) -> None:
        same = sa.select(list_entries.c.id).where(
            *(list_entries.c[name] == value for name, value in zip(_KEY, entry.key, strict=True)),
            list_entries.c.id != entry.id,
        )
        found = connection.execute(same).scalar()
        if found is not None:
            raise EntryExistsError(int(found))

    def _note(
        self, connection: Connection, changes: Sequence[Change], version: int, time_us: int, actor: str
    ) -> None:
        write_changes(connection, changes, version=version, time_us=time_us, actor=actor)


_KEY = ("kind", "tenant", "pattern", "callee")


def _insert(connection: Connection, entries: Sequence[ListEntry]) -> Iterator[ListEntry]:
    """The entries with their ids."""
    by_key = {entry.key: entry for entry in entries}
    if by_key:
        made = sa.insert(list_entries).returning(list_entries.c.id, *(list_entries.c[name] for name in _KEY))
        for entry_id, *key in connection.execute(made, [_values(entry) for entry in entries]):
            yield replace(by_key[tuple(key)], id=entry_id)


def _history(connection: Connection, audit_id: int | None = None) -> History:
    """As of now, or as of that change (its version 0 and nothing where there is none)."""
    query = sa.select(audit.c.version, audit.c.id, audit.c.time_us, audit.c.object_id)
    if audit_id is None:
        query = query.order_by(audit.c.id.desc()).limit(1)
    else:
        query = query.where(audit.c.id == audit_id)
    row = connection.execute(query).first()
    return History(0, 0, 0, "") if row is None else History(*row)


def _get(connection: Connection, entry_id: int, of_tenant: str | None) -> ListEntry | None:
    query = sa.select(list_entries).where(list_entries.c.id == entry_id)
    if of_tenant is not None:
        query = query.where(list_entries.c.tenant == of_tenant)
    row = connection.execute(query).first()
    return None if row is None else _entry(row)


def _entries(connection: Connection, query: sa.Select[Any]) -> Iterator[ListEntry]:
    # Of the statement, not of the connection: there it would hold for the writes that follow.
    for row in connection.execute(query.execution_options(yield_per=_CHUNK)):
        yield _entry(row)


def _conditions(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    columns = list_entries.c
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.kind:
        conditions.append(columns.kind == wanted.kind)
    if wanted.tenant is not None:
        conditions.append(columns.tenant == wanted.tenant)
    if wanted.pattern:
        conditions.append(columns.pattern == wanted.pattern)
    if wanted.callee is not None:
        conditions.append(columns.callee == wanted.callee)
    if wanted.active_at_us is not None:
        conditions.append(
            sa.or_(columns.expires_at_us.is_(None), columns.expires_at_us > wanted.active_at_us)
        )
    return conditions


def _values(entry: ListEntry) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in _COLUMNS}
    values["kind"] = entry.kind.value
    return values


def _entry(row: Any) -> ListEntry:
    # A hundred thousand of them are read at a start: no mapping for each.
    entry_id, kind, tenant, pattern, callee, expires_at_us, reason, author, created_at_us, delay, window = row
    return ListEntry(
        id=entry_id,
        kind=_KINDS[kind],
        tenant=tenant,
        pattern=pattern,
        callee=callee,
        expires_at_us=expires_at_us,
        reason=reason,
        author=author,
        created_at_us=created_at_us,
        callback_delay_s=delay,
        callback_window_s=window,
    )


def _change(action: str, before: ListEntry | None, after: ListEntry | None) -> Change:
    entry_id = (after or before or ListEntry(kind=ListKind.BLOCK, pattern="")).id
    return Change(action, OBJECT, str(entry_id), _record(before), _record(after))


def _record(entry: ListEntry | None) -> dict[str, Any] | None:
    """An entry as the audit log holds it: what is not set is left out."""
    if entry is None:
        return None
    return {"id": entry.id} | {
        name: value for name, value in _values(entry).items() if value not in (None, "")
    }


def _of_record(values: dict[str, Any]) -> ListEntry:
    known = {field.name for field in fields(ListEntry)}
    return ListEntry(
        **{name: value for name, value in values.items() if name in known}
        | {"kind": ListKind(values["kind"])}
    )
