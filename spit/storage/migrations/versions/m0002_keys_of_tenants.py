"""A key may be a tenant's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keys that are there are no tenant's."""
    op.add_column("api_keys", sa.Column("tenant", sa.String(64), nullable=False, server_default=""))
