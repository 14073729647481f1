"""Settings that were changed in the console."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, String, Text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "changed_settings",
        Column("organization_id", String(34), primary_key=True, autoincrement=False),
        Column("name", String(64), primary_key=True, autoincrement=False),
        Column("value", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("changed_by", Text, nullable=False),
        Column("changed_at", String(27), nullable=False),
    )
