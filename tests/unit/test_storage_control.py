"""The control database on SQLite: what holds of it, how it is opened, and what is said when it cannot be."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from control_checks import CHECKS, NOW_US, add, entry, kind_of

from spit.engine.control_data import ControlData
from spit.errors import ControlError
from spit.policy.lists import Lists
from spit.storage import lists as stored_lists
from spit.storage.control import open_control
from spit.storage.list_queries import History
from spit.storage.lists import ListStore
from spit.storage.schema import metadata


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_on_sqlite(check: Callable[[str], None], tmp_path: Path) -> None:
    check(str(tmp_path / "control.db"))


def test_the_migrations_make_the_tables_of_the_schema(tmp_path: Path) -> None:
    open_control(str(tmp_path / "c.db")).close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'c.db'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_every_commit_is_synced_and_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    with closing(open_control(f"sqlite:///{path}")) as database, database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5_000
        assert path.stat().st_mode & 0o777 == 0o600


def refusal(url: str) -> str:
    with pytest.raises(ControlError) as caught:
        open_control(url)
    return str(caught.value)


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no database, it is a text of some length" * 20)
    assert "file is not a database" in refusal(str(tmp_path / "text"))
    assert "No such file or directory" in refusal(str(tmp_path / "none" / "c.db"))
    assert "unable to open" in refusal(str(tmp_path))
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE invoices (id)")
    assert "expected tables of spit or an empty database, found invoices" in refusal(
        str(tmp_path / "other.db")
    )


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    open_control(str(path)).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    assert "expected a version up to 0002, found 9999: a newer version of spit made it" in refusal(str(path))
    assert path.read_bytes() == before


def test_a_damaged_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    with closing(open_control(str(path))) as database:
        ListStore(database).import_entries(
            [entry(f"+1{n:06}", reason="x" * 100) for n in range(2_000)], actor="anna", time_us=NOW_US
        )
    data = bytearray(path.read_bytes())
    data[8_192:60_000] = b"\xa5" * (60_000 - 8_192)
    path.write_bytes(data)
    assert str(path) in refusal(str(path))


@pytest.mark.parametrize("table", ["list_entries", "control_version"])
def test_a_missing_table_is_said(table: str, tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    open_control(str(path)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"DROP TABLE {table}")
    assert f"it is damaged: table {table} lacks" in refusal(str(path))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://anna:s3cret@127.0.0.1:1/spit",
        "postgresql://anna:s3%2Fcret@127.0.0.1:1/spit",
        "postgresql://anna@127.0.0.1:1/spit?password=s3cret",
        "mysql://anna:s3cret@h/d",
        "postgresql://anna:s3cret@h:port/d",
        "sqlite://",
    ],
)
def test_no_message_holds_a_password(url: str) -> None:
    message = refusal(url)
    assert "cret" not in message
    assert "127.0.0.1" in message or "storage.url: expected" in message


def test_while_the_file_is_gone_the_last_lists_stay_and_nothing_is_accepted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, away = tmp_path / "c.db", tmp_path / "away.db"
    lists = Lists()
    with closing(ControlData(open_control(str(path)), lists, poll_s=60, clock=lambda: NOW_US)) as control:
        add(control.entries, entry("+1"))
        control.refresh()
        path.rename(away)
        caplog.set_level(logging.INFO)
        for _ in range(2):
            control.refresh()
        assert kind_of(lists, "+1") == "block"
        warning = control.warning()
        assert warning is not None
        assert "2023-11-14T22:13:20Z" in warning
        assert str(path) not in warning
        samples = {sample.name: sample.value for sample in control.samples()}
        assert (samples["spit_control_database_up"], samples["spit_control_failures_total"]) == (0, 2)
        with pytest.raises(ControlError, match="unable to open"):
            add(control.entries, entry("+2"))
        away.rename(path)
        control.refresh()
        assert control.warning() is None
        add(control.entries, entry("+2"))
    said = [record.getMessage() for record in caplog.records if record.name == "spit.control"]
    assert len(said) == 2
    assert "unable to open database file; lists and keys stay as they were" in said[0]
    assert said[1] == "the control database is back"


def test_a_backup_that_was_put_in_place_is_read_as_a_whole(tmp_path: Path) -> None:
    path, backup = tmp_path / "c.db", tmp_path / "backup.db"
    lists = Lists()
    with closing(open_control(str(backup))) as database:
        add(ListStore(database), entry("+9"))
    with closing(ControlData(open_control(str(path)), lists, poll_s=60, clock=lambda: NOW_US)) as control:
        add(control.entries, entry("+1"), entry("+2"), entry("+3"))
        control.refresh()
        backup.rename(path)
        (tmp_path / "c.db-wal").unlink(missing_ok=True)
        (tmp_path / "c.db-shm").unlink(missing_ok=True)
        control.refresh()
        assert kind_of(lists, "+1") is None
        assert kind_of(lists, "+9") == "block"


def test_more_changes_than_are_worth_following_are_read_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_lists, "MAX_CHANGES", 3)
    lists = Lists()
    url = str(tmp_path / "c.db")
    with closing(ControlData(open_control(url), lists, poll_s=60, clock=lambda: NOW_US)) as control:
        add(control.entries, *(entry(f"+{n}") for n in range(5)))
        assert control.entries.changes_since(History(0, 0, 0, "")) is None
        control.refresh()
        assert len(lists.index) == 5


def test_a_thread_follows_the_database(tmp_path: Path) -> None:
    lists = Lists()
    url = str(tmp_path / "c.db")
    ticks = iter(range(10**9))
    seen = threading.Event()

    def clock() -> int:
        # Asked at the end of each look at the database.
        if len(lists.index):
            seen.set()
        return next(ticks)

    control = ControlData(open_control(url), lists, poll_s=0.05, clock=clock)
    control.start()
    with closing(control), closing(open_control(url)) as elsewhere:
        add(ListStore(elsewhere), entry("+1"))
        assert seen.wait(30)
    assert kind_of(lists, "+1") == "block"
