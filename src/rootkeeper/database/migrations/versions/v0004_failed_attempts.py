"""Failed attempts to read an account, beside the reading that they don't replace, and how many an audit left unread."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Integer, Text, inspect

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    added = (
        ("account_statuses", Column("failed_attempt", Text)),
        ("audit_statuses", Column("failed_attempt", Text)),
        ("audits", Column("left_unread", Integer)),
    )
    for table, column in added:
        if column.name not in {present["name"] for present in inspect(op.get_bind()).get_columns(table)}:
            op.add_column(table, column)
