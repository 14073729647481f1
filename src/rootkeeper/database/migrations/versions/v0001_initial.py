"""The tables as ``schema`` defines them, and the empty head of the ledger.

Nothing is released yet, so no older database has to be kept. Before a second migration is added, write the tables of
this one out: it must keep making what it made.
"""

from __future__ import annotations

from alembic import op

from rootkeeper.database import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    schema.metadata.create_all(op.get_bind())
    op.bulk_insert(schema.ledger_head, [{"head_id": 1, "organization_id": "", "sequence": 0, "entry_hash": "0" * 64}])
