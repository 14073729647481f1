"""Saved views of the console, and how many accounts an audit left as they were known or unknown.

Existing tables and columns are left as they are: databases made between two releases have them, and call themselves
version 1.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Integer, String, Text, inspect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_views",
        Column("organization_id", String(34), primary_key=True, autoincrement=False),
        Column("identity_id", String(64), primary_key=True, autoincrement=False),
        Column("name", String(256), primary_key=True, autoincrement=False),
        Column("address", Text, nullable=False),
        Column("saved_at", String(27), nullable=False),
        if_not_exists=True,
    )
    present = {column["name"] for column in inspect(op.get_bind()).get_columns("audits")}
    for name in ("left_known", "left_unknown"):
        if name not in present:
            op.add_column("audits", Column(name, Integer))
