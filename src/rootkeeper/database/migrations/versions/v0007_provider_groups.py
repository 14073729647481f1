"""The groups of a person at the identity provider, which give roles in the organizations of a server."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text, inspect

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "provider_groups" not in {column["name"] for column in inspect(op.get_bind()).get_columns("identities")}:
        op.add_column("identities", Column("provider_groups", Text))
