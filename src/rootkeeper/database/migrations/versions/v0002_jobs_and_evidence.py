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
    _create_quota_states()
    _extend_inventories()
    _create_setups()
    _create_email_attestations()


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
        sa.Column("document", sa.Text),
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


def _create_setups() -> None:
    op.create_table(
        "accepted_setups",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("ledger_sequence", sa.Integer, nullable=False),
        sa.Column("accepted_at", _TIME, nullable=False),
        sa.Column("accepted_by", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "ledger_sequence", name="pk_accepted_setups"),
    )
    op.create_table(
        "setup_readings",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("read_on", sa.String(10), nullable=False),
        sa.Column("read_at", _TIME, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "read_on", name="pk_setup_readings"),
    )


def _create_email_attestations() -> None:
    op.create_table(
        "email_attestations",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("address", sa.String(320), nullable=False),
        sa.Column("attested_by", sa.Text, nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "address", name="pk_email_attestations"),
    )


def _create_quota_states() -> None:
    op.create_table(
        "quota_states",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("quota", sa.String(255), nullable=False),
        sa.Column("tokens", sa.Float, nullable=False),
        sa.Column("counted_at", sa.Float, nullable=False),
        sa.Column("pace", sa.Float, nullable=False),
        sa.Column("throttled_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "quota", name="pk_quota_states"),
    )


def _extend_inventories() -> None:
    op.add_column("inventories", sa.Column("named_at", _TIME))
    op.add_column("inventories", sa.Column("endpoint", sa.Text))
