"""Migrations of the control database (Alembic), run by ``spit.storage.control.open_control``."""
