"""Servers: approvals, identities, notifications, schedules, watched events, and the history of audits.

Tables are added, and columns that may be empty or have a default: a process of the version before, which was at work
when this ran, goes on reading and writing its own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.String(27)
_ORGANIZATION_ID = sa.String(34)
_ACCOUNT_ID = sa.String(12)
_ID = sa.String(64)


def upgrade() -> None:
    _extend_windows()
    _extend_jobs_and_audits()
    _create_audit_statuses()
    _create_account_revisions()
    _create_identities()
    _create_factors()
    _create_notifications()
    _create_schedule_runs()
    _create_window_events()
    _create_failed_attempts()
    _create_kept_answers()
    _create_sign_in_starts()


def _extend_windows() -> None:
    for column in (
        sa.Column("requested_by_kind", sa.String(32), nullable=False, server_default="self_asserted"),
        sa.Column("approvals_needed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("approvals", sa.Text, nullable=False, server_default="[]"),
        sa.Column("lapses_at", _TIME),
        sa.Column("activated_by", sa.Text),
        sa.Column("closed_by", sa.Text),
        sa.Column("is_emergency", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("review_due_at", _TIME),
        sa.Column("reviewed_by", sa.Text),
        sa.Column("is_drill", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("watched_by", sa.Text),
        sa.Column("failed_closings", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_closing_at", _TIME),
        sa.Column("rereads_done", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_reread_at", _TIME),
    ):
        op.add_column("recovery_windows", column)
    op.create_index("ix_recovery_windows_next_reread_at", "recovery_windows", ["organization_id", "next_reread_at"])


def _extend_jobs_and_audits() -> None:
    op.add_column("jobs", sa.Column("created_by_kind", sa.String(32), nullable=False, server_default="self_asserted"))
    op.add_column("jobs", sa.Column("outcome", sa.Text))
    op.add_column("jobs", sa.Column("attempts", sa.Integer, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("next_attempt_at", _TIME))
    op.add_column("jobs", sa.Column("fencing_token", sa.Integer, nullable=False, server_default="0"))
    op.create_index("ix_jobs_state", "jobs", ["organization_id", "state"])
    op.add_column("audits", sa.Column("endpoint", sa.Text))
    op.add_column("audits", sa.Column("is_complete", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("audits", sa.Column("requested_by", sa.Text))


def _create_audit_statuses() -> None:
    op.create_table(
        "audit_statuses",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("account_id", _ACCOUNT_ID, nullable=False),
        sa.Column("audit_id", _ID, nullable=False),
        sa.Column("ended_at", _TIME, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(32)),
        sa.Column("detail", sa.Text),
        sa.Column("summary", sa.Text),
        sa.Column("credentials", sa.Text),
        sa.Column("observed_at", _TIME),
        sa.Column("session_access_key_id", sa.String(128)),
        sa.PrimaryKeyConstraint("organization_id", "account_id", "audit_id", name="pk_audit_statuses"),
    )
    op.create_index("ix_audit_statuses_audit_id", "audit_statuses", ["organization_id", "audit_id"])


def _create_account_revisions() -> None:
    op.create_table(
        "account_revisions",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("inventory", sa.BigInteger, nullable=False),
        sa.Column("statuses", sa.BigInteger, nullable=False),
        sa.Column("windows", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name="pk_account_revisions"),
    )


def _create_identities() -> None:
    op.create_table(
        "identities",
        sa.Column("identity_id", _ID, nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("folded_name", sa.Text, nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("proof_hash", sa.Text, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME),
        sa.Column("disabled_at", _TIME),
        sa.Column("last_used_at", _TIME),
        sa.Column("signs_in_by", sa.String(16), nullable=False, server_default="password"),
        sa.Column("permissions", sa.Text),
        sa.Column("organizational_units", sa.Text),
        sa.PrimaryKeyConstraint("identity_id", name="pk_identities"),
        sa.UniqueConstraint("organization_id", "folded_name", name="uq_identities_organization_id"),
    )
    op.create_index("ix_identities_proof_hash", "identities", ["proof_hash"])
    op.create_table(
        "sign_ins",
        sa.Column("token_hash", _ID, nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("identity_id", _ID, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("session_id", _ID, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("last_used_at", _TIME, nullable=False),
        sa.Column("factor_at", _TIME),
        sa.Column("address", sa.Text),
        sa.Column("user_agent", sa.Text),
        sa.PrimaryKeyConstraint("token_hash", name="pk_sign_ins"),
        sa.UniqueConstraint("session_id", name="uq_sign_ins_session_id"),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.identity_id"], name="fk_sign_ins_identity_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_sign_ins_identity_id", "sign_ins", ["identity_id"])


def _create_factors() -> None:
    op.create_table(
        "factors",
        sa.Column("factor_id", _ID, nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("identity_id", _ID, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("confirmed_at", _TIME),
        sa.Column("last_used_at", _TIME),
        sa.Column("sealed_seed", sa.Text),
        sa.Column("last_step", sa.Integer),
        sa.Column("credential_id", sa.Text),
        sa.Column("public_key", sa.Text),
        sa.Column("sign_count", sa.BigInteger),
        sa.PrimaryKeyConstraint("factor_id", name="pk_factors"),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.identity_id"], name="fk_factors_identity_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("organization_id", "credential_id", name="uq_factors_organization_id"),
    )
    op.create_index("ix_factors_identity_id", "factors", ["identity_id"])
    op.create_table(
        "factor_challenges",
        sa.Column("challenge_hash", _ID, nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("session_id", _ID, nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("challenge_hash", name="pk_factor_challenges"),
    )
    op.create_table(
        "first_administrator_links",
        sa.Column("token_hash", _ID, nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_first_administrator_links"),
    )
    op.create_table(
        "key_checks",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("check_value", _ID, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name="pk_key_checks"),
    )


def _create_notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("notification_id", _ID, nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("deduplication_key", sa.Text),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("notification_id", name="pk_notifications"),
        sa.UniqueConstraint("organization_id", "deduplication_key", name="uq_notifications_organization_id"),
    )
    op.create_table(
        "deliveries",
        sa.Column("notification_id", _ID, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", _TIME),
        sa.Column("claimed_until", _TIME),
        sa.Column("delivered_at", _TIME),
        sa.Column("failure", sa.Text),
        sa.PrimaryKeyConstraint("notification_id", "target", name="pk_deliveries"),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notifications.notification_id"],
            name="fk_deliveries_notification_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_deliveries_next_attempt_at", "deliveries", ["organization_id", "state", "next_attempt_at"])


def _create_schedule_runs() -> None:
    op.create_table(
        "schedule_runs",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("schedule_id", _ID, nullable=False),
        sa.Column("last_run_at", _TIME, nullable=False),
        sa.Column("claimed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "schedule_id", name="pk_schedule_runs"),
    )


def _create_window_events() -> None:
    op.create_table(
        "window_events",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("event_id", _ID, nullable=False),
        sa.Column("window_id", _ID),
        sa.Column("account_id", _ACCOUNT_ID, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("verdict", sa.String(32), nullable=False),
        sa.Column("explanation", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.Column("has_mfa", sa.Boolean),
        sa.PrimaryKeyConstraint("organization_id", "event_id", name="pk_window_events"),
    )
    op.create_index("ix_window_events_window_id", "window_events", ["organization_id", "window_id"])
    op.create_index("ix_window_events_account_id", "window_events", ["organization_id", "account_id", "at"])


def _create_failed_attempts() -> None:
    op.create_table(
        "failed_attempts",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("attempt_id", _ID, nullable=False),
        sa.Column("key_hash", _ID, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "attempt_id", "key_hash", name="pk_failed_attempts"),
    )
    op.create_index("ix_failed_attempts_key_hash", "failed_attempts", ["organization_id", "key_hash", "ends_at"])
    op.create_index("ix_failed_attempts_ends_at", "failed_attempts", ["organization_id", "ends_at"])


def _create_kept_answers() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("key_hash", _ID, nullable=False),
        sa.Column("fingerprint", _ID, nullable=False),
        sa.Column("claimed_by", _ID, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("media_type", sa.Text),
        sa.Column("body", sa.Text),
        sa.PrimaryKeyConstraint("organization_id", "key_hash", name="pk_kept_answers"),
    )
    op.create_index("ix_kept_answers_ends_at", "kept_answers", ["organization_id", "ends_at"])


def _create_sign_in_starts() -> None:
    op.create_table(
        "sign_in_starts",
        sa.Column("organization_id", _ORGANIZATION_ID, nullable=False),
        sa.Column("secret_hash", _ID, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("return_to", sa.Text, nullable=False),
        sa.Column("session_id", _ID),
        sa.PrimaryKeyConstraint("organization_id", "secret_hash", name="pk_sign_in_starts"),
    )
    op.create_index("ix_sign_in_starts_ends_at", "sign_in_starts", ["organization_id", "ends_at"])
