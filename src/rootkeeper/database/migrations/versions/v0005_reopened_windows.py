"""What happened to a recovery window after its closing: a re-read that is owed, and credentials that were found."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, String, inspect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    present = {column["name"] for column in inspect(op.get_bind()).get_columns("recovery_windows")}
    for name in ("reread_owed_at", "first_closed_at", "reopened_at"):
        if name not in present:
            op.add_column("recovery_windows", Column(name, String(27)))
