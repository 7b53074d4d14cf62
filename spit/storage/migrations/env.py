"""How Alembic reaches the database: over the connection that it is given, which holds the lock."""

from __future__ import annotations

from alembic import context

from spit.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # both databases undo DDL; Alembic believes it of PostgreSQL alone
)
context.run_migrations()
