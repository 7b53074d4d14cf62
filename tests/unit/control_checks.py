"""What holds of a control database, on whatever engine: run on SQLite here, on PostgreSQL by the e2e tests.

Each check gets the URL of an empty database.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest
import sqlalchemy as sa

from spit.engine.control_data import ControlData
from spit.errors import ControlError
from spit.lists import ListEntry, ListKind
from spit.policy.lists import Lists
from spit.storage.audit import AuditLog
from spit.storage.control import ControlDatabase, open_control
from spit.storage.keys import KeyStore
from spit.storage.list_queries import EntryExistsError, Filter, ImportCount
from spit.storage.lists import ListStore
from spit.storage.schema import audit

NOW_US = 1_700_000_000_000_000
NOW = NOW_US / 1e6


def entry(pattern: str, kind: str = "block", **values: object) -> ListEntry:
    return ListEntry(kind=ListKind(kind), pattern=pattern, **values)  # type: ignore[arg-type]


def add(store: ListStore, *entries: ListEntry) -> list[ListEntry]:
    return [store.create(one, actor="anna", time_us=NOW_US) for one in entries]


def kind_of(lists: Lists, caller: str) -> ListKind | None:
    return lists.index.match("", caller, None, NOW_US).kind


def check_an_entry_is_kept_changed_and_removed_and_each_is_in_the_audit_log(url: str) -> None:
    with closing(open_control(url)) as database:
        store = ListStore(database)
        full = entry(
            "+1202*",
            "grey",
            tenant="a",
            callee="+4930",
            expires_at_us=NOW_US + 1,
            reason="wéird, \"quoted\"; 100 % 'odd'",
            author="bert",
            callback_delay_s=5,
            callback_window_s=50,
        )
        (made,) = add(store, full)
        assert made == replace(full, id=made.id, created_at_us=NOW_US)
        assert store.get(made.id) == made
        changed = store.change(made.id, entry("+1303"), actor="carl", time_us=NOW_US + 5)
        assert changed == entry("+1303", id=made.id, created_at_us=NOW_US)
        assert store.get(made.id) == changed
        assert store.change(made.id, entry("+1303"), actor="carl", time_us=NOW_US + 6) == changed
        assert store.remove(made.id, actor="dora", time_us=NOW_US + 7) == changed
        assert store.get(made.id) is None
        assert store.remove(made.id, actor="dora", time_us=NOW_US + 8) is None
        assert store.change(made.id, full, actor="dora", time_us=NOW_US + 9) is None
        records = AuditLog(database).find()
        assert [(one.actor, one.time_us - NOW_US, one.change.action) for one in records] == [
            ("dora", 7, "remove"),
            ("carl", 5, "change"),
            ("anna", 0, "create"),
        ]
        assert records[2].change.before is None
        assert (records[2].change.after or {})["reason"] == full.reason
        assert records[1].change.before == records[2].change.after
        assert records[0].change.before == records[1].change.after
        assert records[0].change.after is None


def check_there_is_one_entry_of_each_kind_tenant_pattern_and_callee(url: str) -> None:
    with closing(open_control(url)) as database:
        store = ListStore(database)
        first, second = add(store, entry("+1"), entry("+1", tenant="a"))
        add(store, entry("+1", callee="+2"), entry("+1", "allow"))
        version = database.version()
        with pytest.raises(EntryExistsError) as caught:
            add(store, entry("+1", reason="again"))
        assert caught.value.entry_id == first.id
        with pytest.raises(EntryExistsError):
            store.change(second.id, entry("+1"), actor="anna", time_us=NOW_US)
        assert len(AuditLog(database).find()) == 4
        assert database.version() == version


def check_filters_and_pages(url: str) -> None:
    with closing(open_control(url)) as database:
        store = ListStore(database)
        kept = add(
            store,
            entry("+1"),
            entry("+2", "allow"),
            entry("+3", tenant="a"),
            entry("+4", callee="+9"),
            entry("+5", expires_at_us=NOW_US),
        )

        def found(**wanted: object) -> list[str]:
            return [one.pattern for one in store.find(Filter(**wanted))]  # type: ignore[arg-type]

        assert found() == ["+1", "+2", "+3", "+4", "+5"]
        assert found(kind="allow") == ["+2"]
        assert found(tenant="") == ["+1", "+2", "+4", "+5"]
        assert found(tenant="a") == ["+3"]
        assert found(callee="+9") == ["+4"]
        assert found(pattern="+5") == ["+5"]
        assert found(active_at_us=NOW_US) == ["+1", "+2", "+3", "+4"]
        page = store.find(Filter(), after_id=kept[1].id, limit=2)
        assert [one.pattern for one in page] == ["+3", "+4"]
        assert list(store.export(Filter(kind="block"))) == [kept[0], *kept[2:]]


def check_an_import_adds_changes_and_leaves_what_is_the_same(url: str) -> None:
    with closing(open_control(url)) as database:
        store = ListStore(database)
        old, same = add(store, entry("+1"), entry("+2"))
        many = [entry(f"+3{n:05}") for n in range(1_500)]
        count = store.import_entries(
            [entry("+1", reason="new"), entry("+2"), *many], actor="file", time_us=NOW_US + 9
        )
        assert count == ImportCount(added=1_500, changed=1, unchanged=1)
        history, entries = store.read_all()
        assert history.version == database.version()
        assert len(entries) == 1_502
        assert store.get(old.id) == replace(old, reason="new")
        assert store.get(same.id) == same
        records = AuditLog(database).find(actor="file", limit=2_000)
        assert len(records) == 1_501
        assert {one.version for one in records} == {history.version}
        by_id = {one.id: one for one in entries}
        for record in records:
            assert by_id[int(record.change.object_id)].pattern == (record.change.after or {})["pattern"]


def check_what_changed_since_a_version_is_what_a_whole_reading_finds(url: str) -> None:
    with closing(open_control(url)) as database:
        store = ListStore(database)
        first, second, third = add(store, entry("+1"), entry("+2"), entry("+3"))
        before, known = store.read_all()
        store.change(first.id, entry("+1", reason="x"), actor="anna", time_us=NOW_US)
        store.remove(second.id, actor="anna", time_us=NOW_US)
        (fourth,) = add(store, entry("+4"))
        store.remove(fourth.id, actor="anna", time_us=NOW_US)
        KeyStore(database).create("k", ["score"], actor="anna", time_us=NOW_US)
        changes = store.changes_since(before)
        assert changes is not None
        now = {one.id: one for one in known if one.id not in changes.removed}
        now |= {one.id: one for one in changes.changed}
        history, entries = store.read_all()
        assert changes.history == history
        assert sorted(now.values(), key=lambda one: one.id) == entries
        assert third in entries
        again = store.changes_since(history)
        assert again is not None
        assert (again.changed, again.removed, again.history) == ((), (), history)
        for other in ({"version": 9}, {"time_us": 1}, {"audit_id": 99}, {"object_id": "7"}):
            assert store.changes_since(replace(history, **other)) is None


def check_the_audit_log_refuses_to_be_altered(url: str) -> None:
    with closing(open_control(url)) as database:
        add(ListStore(database), entry("+1"))
        for statement in (sa.delete(audit), sa.update(audit).values(actor="nobody")):
            with pytest.raises(ControlError, match="only appended to"), database.writing() as (connection, _):
                connection.execute(statement)
        (record,) = AuditLog(database).find()
        assert record.actor == "anna"


def check_a_change_that_fails_leaves_nothing(url: str) -> None:
    with closing(open_control(url)) as database:
        store = ListStore(database)
        version = database.version()
        too_long = entry("+2", callback_delay_s=2**70)
        with pytest.raises((ControlError, OverflowError)):
            store.import_entries([entry("+1"), too_long], actor="anna", time_us=NOW_US)
        assert store.find(Filter()) == []
        assert AuditLog(database).find() == []
        assert database.version() == version


def check_writers_wait_for_each_other(url: str) -> None:
    with closing(open_control(url)) as one, closing(open_control(url)) as other:

        def write(database: ControlDatabase, name: str) -> None:
            store = ListStore(database)
            for n in range(10):
                store.create(entry(f"{name}{n}"), actor=name, time_us=NOW_US)

        threads = [
            threading.Thread(target=write, args=(database, f"+{n}"))
            for n, database in enumerate([one, other, one, other])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        records = AuditLog(one).find()
        assert len(records) == 40
        assert sorted({record.version for record in records}) == list(range(1, 41))


def check_keys(url: str) -> None:
    with closing(open_control(url)) as database:
        store = KeyStore(database)
        told, key = store.create(
            "edge", ["read", "score"], actor="anna", time_us=NOW_US, expires_at_us=NOW_US + 10
        )
        assert key.last4 == told[-4:]
        principal = store.verify(told, NOW)
        assert principal is not None
        assert (principal.id, principal.name, principal.scopes) == (
            key.id,
            "edge",
            frozenset({"score", "read"}),
        )
        assert store.list() == [key]
        assert store.verify(told, NOW + 1e-5) is None
        with database.reading() as connection:
            everything = str(connection.execute(sa.text("SELECT * FROM api_keys")).all())
            everything += str(connection.execute(sa.text("SELECT * FROM audit")).all())
        assert told.split("_", 2)[2][:-4] not in everything
        assert store.revoke(key.id, actor="bert", time_us=NOW_US + 3) == replace(
            key, revoked_at_us=NOW_US + 3
        )
        assert store.verify(told, NOW) is None
        again = store.revoke(key.id, actor="bert", time_us=NOW_US + 4)
        assert again is not None
        assert again.revoked_at_us == NOW_US + 3
        assert store.revoke("000000000000", actor="bert", time_us=NOW_US) is None
        assert [one.change.action for one in AuditLog(database).find(object_="api_key")] == [
            "revoke",
            "create",
        ]


def check_a_service_follows_what_another_process_changes(url: str) -> None:
    lists = Lists()
    control = ControlData(open_control(url), lists, poll_s=60, clock=lambda: NOW_US)
    with closing(control), closing(open_control(url)) as elsewhere:
        store = ListStore(elsewhere)
        (made,) = add(store, entry("+1"))
        told, key = KeyStore(elsewhere).create("k", ["score"], actor="anna", time_us=NOW_US)
        assert kind_of(lists, "+1") is None
        control.refresh()
        assert kind_of(lists, "+1") == "block"
        assert control.ring.verify(told, NOW) is not None
        store.change(made.id, entry("+1", "allow"), actor="anna", time_us=NOW_US)
        KeyStore(elsewhere).revoke(key.id, actor="anna", time_us=NOW_US)
        store.import_entries([entry(f"+2{n:04}") for n in range(20)], actor="anna", time_us=NOW_US)
        control.refresh()
        assert kind_of(lists, "+1") == "allow"
        assert kind_of(lists, "+20007") == "block"
        assert control.ring.verify(told, NOW) is None
        assert len(lists.index) == 21


def check_a_key_of_a_tenant(url: str) -> None:
    with closing(open_control(url)) as database:
        store = KeyStore(database)
        told, key = store.create("k", ["lists", "score"], actor="anna", time_us=NOW_US, tenant="acme")
        principal = store.verify(told, NOW)
        assert principal is not None
        assert (key.tenant, principal.tenant) == ("acme", "acme")
        assert [one.tenant for one in store.list()] == ["acme"]
        (record,) = AuditLog(database).find()
        assert record.change.after is not None
        assert record.change.after["tenant"] == "acme"
        for scopes, tenant, words in (
            (["read"], "acme", "among feedback, lists, score for the key of a tenant, found read"),
            (["score", "admin"], "acme", "found admin"),
            (["score"], "a b", "expected a tenant of up to 64 letters"),
        ):
            with pytest.raises(ValueError, match=words):
                store.create("k", scopes, actor="anna", time_us=NOW_US, tenant=tenant)


def check_keys_of_before_are_no_tenants(url: str) -> None:
    with closing(open_control(url)) as database:
        told, _ = KeyStore(database).create("k", ["admin"], actor="anna", time_us=NOW_US)
        add(ListStore(database), entry("+1"))
        with database.writing() as (connection, _version):  # as the version before left it
            connection.execute(sa.text("ALTER TABLE api_keys DROP COLUMN tenant"))
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    with closing(open_control(url)) as database:
        principal = KeyStore(database).verify(told, NOW)
        assert principal is not None
        assert (principal.tenant, principal.scopes) == ("", frozenset({"admin"}))
        assert len(ListStore(database).find(Filter())) == 1


CHECKS: list[Callable[[str], None]] = [
    check for name, check in sorted(globals().items()) if name.startswith("check_") and callable(check)
]
