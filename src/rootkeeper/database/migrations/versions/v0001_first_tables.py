"""The first tables: ledger, owners and locks, windows, inventory, statuses, audits, exceptions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.String(27)
_ORGANIZATION_ID = sa.String(34)
_ACCOUNT_ID = sa.String(12)


def upgrade() -> None:
    _create_ledger()
    _create_locks()
    _create_windows()
    _create_inventory()
    _create_results()


def _create_ledger() -> None:
    head = op.create_table(
        "ledger_head",
        sa.Column("head_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("entry_hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("head_id", name="pk_ledger_head"),
        sa.CheckConstraint("head_id = 1", name="ck_ledger_head_single"),
    )
    op.bulk_insert(head, [{"head_id": 1, "organization_id": "", "sequence": 0, "entry_hash": "0" * 64}])
    op.create_table(
        "ledger_entries",
        sa.Column("sequence", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("actor_kind", sa.String(32), nullable=False),
        sa.Column("caller_arn", sa.Text),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("account_id", _ACCOUNT_ID),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("intent_sequence", sa.Integer),
        sa.Column("result", sa.String(16)),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("entry_hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_ledger_entries"),
        sa.UniqueConstraint("intent_sequence", name="uq_ledger_entries_intent_sequence"),
    )
    op.create_index("ix_ledger_entries_account_id", "ledger_entries", ["account_id", "sequence"])
    op.create_table(
        "open_intents",
        sa.Column("sequence", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_open_intents"),
    )
    op.create_table(
        "merged_spills",
        sa.Column("spill_id", sa.String(64), nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("merged_at", _TIME, nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("spill_id", name="pk_merged_spills"),
    )


def _create_locks() -> None:
    op.create_table(
        "owners",
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("boot_id", sa.Text, nullable=False),
        sa.Column("process_id", sa.Integer, nullable=False),
        sa.Column("process_started", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("registered_at", _TIME, nullable=False),
        sa.Column("lease_until", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", name="pk_owners"),
    )
    op.create_table(
        "account_locks",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("account_id", _ACCOUNT_ID, nullable=False),
        sa.Column("owner_id", sa.String(64)),
        sa.Column("fencing_token", sa.Integer, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("taken_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "account_id", name="pk_account_locks"),
    )


def _create_windows() -> None:
    op.create_table(
        "recovery_windows",
        sa.Column("window_id", sa.String(64), nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("account_id", _ACCOUNT_ID, nullable=False),
        sa.Column("unfinished_account_id", _ACCOUNT_ID),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("ticket", sa.Text),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("requested_at", _TIME, nullable=False),
        sa.Column("duration_seconds", sa.Integer, nullable=False),
        sa.Column("approved_by", sa.Text, nullable=False),
        sa.Column("opened_at", _TIME),
        sa.Column("expires_at", _TIME),
        sa.Column("closed_at", _TIME),
        sa.Column("failure", sa.Text),
        sa.PrimaryKeyConstraint("window_id", name="pk_recovery_windows"),
        sa.UniqueConstraint("organization_id", "unfinished_account_id", name="uq_recovery_windows_organization_id"),
    )
    op.create_index("ix_recovery_windows_account_id", "recovery_windows", ["organization_id", "account_id"])


def _create_inventory() -> None:
    op.create_table(
        "inventories",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("management_account_id", _ACCOUNT_ID, nullable=False),
        sa.Column("has_all_features", sa.Boolean, nullable=False),
        sa.Column("partition", sa.String(32), nullable=False),
        sa.Column("listed_at", _TIME, nullable=False),
        sa.Column("delegated_administrator_ids", sa.Text),
        sa.PrimaryKeyConstraint("organization_id", name="pk_inventories"),
    )
    op.create_table(
        "inventory_accounts",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("account_id", _ACCOUNT_ID, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("ou_ids", sa.Text, nullable=False),
        sa.Column("ou_path", sa.Text, nullable=False),
        sa.Column("joined_at", _TIME),
        sa.Column("tags", sa.Text),
        sa.PrimaryKeyConstraint("organization_id", "account_id", name="pk_inventory_accounts"),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["inventories.organization_id"],
            name="fk_inventory_accounts_organization_id",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "inventory_organizational_units",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("ou_id", sa.String(68), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("parent_id", sa.String(68)),
        sa.PrimaryKeyConstraint("organization_id", "ou_id", name="pk_inventory_organizational_units"),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["inventories.organization_id"],
            name="fk_inventory_organizational_units_organization_id",
            ondelete="CASCADE",
        ),
    )


def _create_results() -> None:
    op.create_table(
        "account_statuses",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("account_id", _ACCOUNT_ID, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(32)),
        sa.Column("detail", sa.Text),
        sa.Column("summary", sa.Text),
        sa.Column("credentials", sa.Text),
        sa.Column("observed_at", _TIME),
        sa.Column("session_access_key_id", sa.String(128)),
        sa.PrimaryKeyConstraint("organization_id", "account_id", name="pk_account_statuses"),
    )
    op.create_table(
        "audits",
        sa.Column("audit_id", sa.String(64), nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name="pk_audits"),
    )
    op.create_index("ix_audits_organization_id", "audits", ["organization_id", "ended_at"])
    op.create_table(
        "deletion_exceptions",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("account_id", _ACCOUNT_ID, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("added_by", sa.Text, nullable=False),
        sa.Column("added_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "account_id", name="pk_deletion_exceptions"),
    )
