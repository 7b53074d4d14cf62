"""The control database: lists, API keys, audit log. SQLite by a path, PostgreSQL by a URL."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, SQLAlchemyError

from spit.errors import ControlError
from spit.storage.schema import control_version, metadata

#: How long a statement waits for another process that writes, or for a server that is away.
BUSY_TIMEOUT_S = 5
_STATEMENT_TIMEOUT_MS = 60_000
#: Names the lock under which PostgreSQL is migrated; any number that nothing else takes.
_MIGRATION_LOCK = 0x5350_4954
_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION_TABLE = "alembic_version"
_WRITES = "spit_writes"
_EXPECTED = "a path, sqlite:///PATH or postgresql://USER@HOST/DATABASE"


class ControlDatabase:
    """Connections to one database. Thread-safe. ``place`` names it without its password."""

    def __init__(self, engine: Engine, place: str, file: Path | None = None) -> None:
        self._engine = engine
        self._file = file
        self.place = place

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in a transaction that sees one state. Raises ControlError."""
        with self._translated(), self._engine.connect() as connection:
            if self._file is None:  # SQLite's transactions always see one state
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[tuple[Connection, int]]:
        """A connection in a transaction, and the version that its changes have; on disk when the block ends.

        Writers wait for each other, so versions are in the order of the commits. Raises ControlError.
        """
        with self._translated(), self._engine.connect() as connection:
            connection = connection.execution_options(**{_WRITES: True})
            with connection.begin():
                count_up = sa.update(control_version).values(version=control_version.c.version + 1)
                version = connection.execute(count_up.returning(control_version.c.version)).scalar_one()
                yield connection, int(version)

    def version(self) -> int:
        """The version of the last change. Raises ControlError."""
        with self.reading() as connection:
            return int(connection.execute(sa.select(control_version.c.version)).scalar_one())

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            raise ControlError(f"control database {self.place}: {_reason(error, self._engine.url)}") from None

    def prepare(self) -> None:
        """Bring the database to this version's tables, under a lock. Raises ControlError."""
        with self._translated(), self._engine.connect() as connection:
            connection = connection.execution_options(**{_WRITES: True})
            with connection.begin():
                if self._file is None:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
                else:
                    self._check_pages(connection)
                _migrate(connection, self.place)
                _check_tables(connection, self.place)

    def _check_pages(self, connection: Connection) -> None:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if found != "ok":
            raise ControlError(f"control database {self.place}: it is damaged: {found}")


def open_control(url: str) -> ControlDatabase:
    """The control database at ``url``, migrated: a path, ``sqlite:///PATH``, ``postgresql://USER@HOST/NAME``.

    Raises ControlError when it cannot be opened, is newer than this version, or is damaged.
    """
    parsed = _parse(url)
    if parsed.drivername == "sqlite":
        path = Path(parsed.database or "").absolute()
        place = str(path)
        _make_file(path)
        engine = _sqlite(path)
        database = ControlDatabase(engine, place, path)
    else:
        place = parsed.set(drivername="postgresql").render_as_string(hide_password=True)
        database = ControlDatabase(_postgresql(parsed, place), place)
    try:
        database.prepare()
    except BaseException:
        database.close()
        raise
    return database


def _parse(url: str) -> URL:
    if "://" not in url:
        return URL.create("sqlite", database=url)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Not shown: it may hold a password.
        raise ControlError(f"storage.url: expected {_EXPECTED}, found a URL that cannot be read") from None
    if "password" in parsed.query:
        raise ControlError("storage.url: expected a password as USER:PASSWORD@HOST, found it as a parameter")
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "sqlite" or parsed.database in (None, "", ":memory:"):
        found = parsed.render_as_string(hide_password=True)
        raise ControlError(f"storage.url: expected {_EXPECTED}, found {found}")
    return parsed


def _make_file(path: Path) -> None:
    """An empty file that only its owner reads, where there is none. Raises ControlError."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise ControlError(f"control database {path}: cannot be made: {error.strerror or error}") from None
    os.close(descriptor)


def _sqlite(path: Path) -> Engine:
    # mode=rw: a file that was removed while it is in use must be missed, not made anew and empty.
    address = f"file:{quote(str(path))}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            _use_wal(connection)
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
        except BaseException:
            connection.close()
            raise
        return connection

    # The driver's own BEGIN comes too late (isolation_level=None switches it off): see ``begin``.
    engine = sa.create_engine(
        URL.create("sqlite", database=str(path)),
        creator=connect,
        poolclass=sa.QueuePool,
        pool_size=5,
        max_overflow=5,
        pool_timeout=BUSY_TIMEOUT_S,
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE: a transaction that reads first and writes then would be refused, not made to wait.
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    @event.listens_for(engine, "connect")
    def note_file(_connection: object, record: Any) -> None:
        record.info["file"] = _identity(path)

    @event.listens_for(engine, "checkout")
    def check_file(_connection: object, record: Any, _proxy: object) -> None:
        # Without this, a removed file would go on taking changes that nobody finds again.
        if record.info.get("file") != _identity(path):
            raise DisconnectionError("the file was removed or replaced")

    return engine


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; the busy timeout does not cover the switch itself."""
    until_s = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            with closing(connection.execute("PRAGMA journal_mode=WAL")):
                return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until_s:
                raise
            time.sleep(0.01)


def _identity(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def _postgresql(url: URL, place: str) -> Engine:
    try:
        return sa.create_engine(
            url,
            pool_size=5,
            max_overflow=5,
            pool_timeout=BUSY_TIMEOUT_S,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": BUSY_TIMEOUT_S,
                "application_name": "spit",
                "options": f"-c statement_timeout={_STATEMENT_TIMEOUT_MS}",
            },
        )
    except ImportError:
        raise ControlError(
            f"control database {place}: PostgreSQL needs the package psycopg: pip install 'spit[storage]'"
        ) from None


def _migrate(connection: Connection, place: str) -> None:
    """Run the migrations that are missing, in the transaction of ``connection``."""
    known = {path.name[1:5] for path in _MIGRATIONS.glob("versions/m[0-9]*.py")}
    tables = set(sa.inspect(connection).get_table_names())
    found: set[str] = set()
    if _VERSION_TABLE in tables:
        found = set(connection.exec_driver_sql(f"SELECT version_num FROM {_VERSION_TABLE}").scalars())  # noqa: S608
    if unknown := found - known:
        raise ControlError(
            f"control database {place}: expected a version up to {max(known)}, found "
            f"{', '.join(sorted(unknown))}: a newer version of spit made it"
        )
    if tables and not found:
        raise ControlError(
            f"control database {place}: expected tables of spit or an empty database, found "
            f"{', '.join(sorted(tables))}"
        )
    if found == {max(known)}:
        return
    from alembic import command  # half a second that most starts do not need
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check_tables(connection: Connection, place: str) -> None:
    """Raises ControlError when a table or a column is not there."""
    inspector = sa.inspect(connection)
    found = set(inspector.get_table_names())
    for table in metadata.sorted_tables:
        columns = {one["name"] for one in inspector.get_columns(table.name)} if table.name in found else set()
        if missing := {column.name for column in table.columns} - columns:
            raise ControlError(
                f"control database {place}: it is damaged: table {table.name} lacks "
                f"{', '.join(sorted(missing))}"
            )
    if connection.execute(sa.select(sa.func.count()).select_from(control_version)).scalar_one() != 1:
        raise ControlError(f"control database {place}: it is damaged: table control_version lacks its row")


def _reason(error: Exception, url: URL) -> str:
    """One line of what the database or its driver says, without the password."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    text = " ".join(str(cause).split()) or type(cause).__name__
    if isinstance(url.password, str) and url.password:
        text = text.replace(url.password, "***").replace(quote(url.password, safe=""), "***")
    return text[:500]
