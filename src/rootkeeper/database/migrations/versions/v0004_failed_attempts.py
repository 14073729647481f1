"""Failed attempts to read an account, beside the reading that they don't replace, and how many an audit left unread."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Integer, Text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account_statuses", Column("failed_attempt", Text))
    op.add_column("audit_statuses", Column("failed_attempt", Text))
    op.add_column("audits", Column("left_unread", Integer))
