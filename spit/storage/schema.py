"""The tables of the control database. A change here needs a migration beside it (migrations/versions)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

#: SQLite counts up only a column that is an INTEGER by name.
_ID = BigInteger().with_variant(Integer, "sqlite")

list_entries = Table(
    "list_entries",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("pattern", String(256), nullable=False),
    Column("callee", String(256), nullable=False),
    Column("expires_at_us", BigInteger),
    Column("reason", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("callback_delay_s", Integer),
    Column("callback_window_s", Integer),
    UniqueConstraint("kind", "tenant", "pattern", "callee", name="list_entries_key"),
    sqlite_autoincrement=True,  # an id that was removed is never another entry's
)

#: Only appended to: triggers refuse everything else.
audit = Table(
    "audit",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("version", BigInteger, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(16), nullable=False),
    Column("object", String(16), nullable=False),
    Column("object_id", String(64), nullable=False),
    Column("before", Text),  # JSON; null: it was not there
    Column("after", Text),  # JSON; null: it is gone
    Index("audit_version", "version"),
    Index("audit_object", "object", "object_id"),
    sqlite_autoincrement=True,
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("last4", String(4), nullable=False),
    Column("scopes", Text, nullable=False),  # separated by blanks
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger),
    Column("revoked_at_us", BigInteger),
    Column("tenant", String(64), nullable=False, server_default=""),  # "": of no tenant, of all
)

#: One row: counts up with every change, so that other processes see that there was one.
control_version = Table(
    "control_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)
