"""The details of an earlier detailed audit, beside a later reading that has none."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text, inspect

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("account_statuses", "audit_statuses"):
        if "earlier_details" not in {column["name"] for column in inspect(op.get_bind()).get_columns(table)}:
            op.add_column(table, Column("earlier_details", Text))
