"""Jobs that can be resumed, and what guardrails and evidence remember."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIME = sa.String(27)
_ORGANIZATION_ID = sa.String(34)
_ACCOUNT_ID = sa.String(12)


def upgrade() -> None:
    _create_jobs()


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("progress", sa.Text, nullable=False),
        sa.Column("remark", sa.Text),
        sa.PrimaryKeyConstraint("job_id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_organization_id", "jobs", ["organization_id", "created_at"])
    op.create_table(
        "job_accounts",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("account_id", _ACCOUNT_ID, nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "account_id", name="pk_job_accounts"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.job_id"], name="fk_job_accounts_job_id", ondelete="CASCADE"),
    )
