"""The tables as SQLAlchemy sees them, and how times and structures are written into columns.

Every table has an organization id. Times are texts of one form, so that every database sorts them alike and a hash over
them stays the same; structures are JSON texts. Nothing here is specific to one database. Of secrets, only hashes are
kept, or what was encrypted with a key that isn't in the database.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

from rootkeeper.values import render_time

SCHEMA_VERSION = "0001"
"""The newest migration under ``migrations/versions``; versions are numbers of four digits."""


class UtcTime(TypeDecorator[datetime]):
    """An aware time as text, always UTC with microseconds."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - as SQLAlchemy calls it
        return None if value is None else render_time(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as SQLAlchemy calls it
        return None if value is None else datetime.fromisoformat(value)


class JsonText(TypeDecorator[Any]):
    """A structure as JSON text; ``None`` is NULL."""

    impl = Text()
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - as SQLAlchemy calls it
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002 - as SQLAlchemy calls it
        return None if value is None else json.loads(value)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("head_id", Integer, primary_key=True, autoincrement=False),
    Column("organization_id", String(34), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("entry_hash", String(64), nullable=False),
    CheckConstraint("head_id = 1", name="single"),
)
"""One row: the last entry. Every append reads and replaces it in its own transaction."""

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", String(27), nullable=False),
    Column("organization_id", String(34), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("actor_kind", String(32), nullable=False),
    Column("caller_arn", Text),
    Column("action", String(64), nullable=False),
    Column("account_id", String(12)),
    Column("parameters", Text, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("owner_id", String(64), nullable=False),
    Column("intent_sequence", Integer, unique=True),
    Column("result", String(16)),
    Column("previous_hash", String(64), nullable=False),
    Column("entry_hash", String(64), nullable=False),
    Index("ix_ledger_entries_account_id", "account_id", "sequence"),
)
"""All columns are plain texts, so that a tampered row can still be read and reported."""

open_intents = Table(
    "open_intents",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("organization_id", String(34), nullable=False),
    Column("owner_id", String(64), nullable=False),
)
"""Intents without an outcome: an index into the ledger, so that orphans are found quickly."""

merged_spills = Table(
    "merged_spills",
    metadata,
    Column("spill_id", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("merged_at", UtcTime, nullable=False),
    Column("entries", Integer, nullable=False),
)

owners = Table(
    "owners",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("host", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("process_id", Integer, nullable=False),
    Column("process_started", Text, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("registered_at", UtcTime, nullable=False),
    Column("lease_until", UtcTime, nullable=False),
)
"""Processes that act. If one serves several organizations, the organization id is empty."""

account_locks = Table(
    "account_locks",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("account_id", String(12), primary_key=True),
    Column("owner_id", String(64)),
    Column("fencing_token", Integer, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("taken_at", UtcTime, nullable=False),
)
"""A free lock keeps its row, without an owner, so that its token always grows."""

recovery_windows = Table(
    "recovery_windows",
    metadata,
    Column("window_id", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("account_id", String(12), nullable=False),
    Column("unfinished_account_id", String(12)),
    Column("state", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("ticket", Text),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("duration_seconds", Integer, nullable=False),
    Column("approved_by", JsonText, nullable=False),
    Column("opened_at", UtcTime),
    Column("expires_at", UtcTime),
    Column("closed_at", UtcTime),
    Column("failure", Text),
    Column("requested_by_kind", String(32), nullable=False, server_default="self_asserted"),
    Column("approvals_needed", Integer, nullable=False, server_default="0"),
    Column("approvals", JsonText, nullable=False, server_default="[]"),
    Column("lapses_at", UtcTime),
    Column("activated_by", Text),
    Column("closed_by", Text),
    Column("is_emergency", Boolean, nullable=False, server_default=false()),
    Column("review_due_at", UtcTime),
    Column("reviewed_by", Text),
    Column("is_drill", Boolean, nullable=False, server_default=false()),
    Column("watched_by", Text),
    Column("failed_closings", Integer, nullable=False, server_default="0"),
    Column("next_closing_at", UtcTime),
    Column("rereads_done", Integer, nullable=False, server_default="0"),
    Column("next_reread_at", UtcTime),
    UniqueConstraint("organization_id", "unfinished_account_id"),
    Index("ix_recovery_windows_account_id", "organization_id", "account_id"),
    Index("ix_recovery_windows_next_reread_at", "organization_id", "next_reread_at"),
)
"""``unfinished_account_id`` is empty after the end of a window, so that an account has at most one unfinished one."""

inventories = Table(
    "inventories",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("management_account_id", String(12), nullable=False),
    Column("has_all_features", Boolean, nullable=False),
    Column("partition", String(32), nullable=False),
    Column("listed_at", UtcTime, nullable=False),
    Column("delegated_administrator_ids", JsonText),
    Column("named_at", UtcTime),
    Column("endpoint", Text),
)

inventory_accounts = Table(
    "inventory_accounts",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("account_id", String(12), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("state", String(32), nullable=False),
    Column("ou_ids", JsonText, nullable=False),
    Column("ou_path", Text, nullable=False),
    Column("joined_at", UtcTime),
    Column("tags", JsonText),
    ForeignKeyConstraint(["organization_id"], ["inventories.organization_id"], ondelete="CASCADE"),
)

inventory_organizational_units = Table(
    "inventory_organizational_units",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("ou_id", String(68), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("parent_id", String(68)),
    ForeignKeyConstraint(["organization_id"], ["inventories.organization_id"], ondelete="CASCADE"),
)

account_statuses = Table(
    "account_statuses",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("account_id", String(12), primary_key=True),
    Column("account", JsonText, nullable=False),
    Column("role", String(32), nullable=False),
    Column("status", String(32), nullable=False),
    Column("reason", String(32)),
    Column("detail", Text),
    Column("summary", JsonText),
    Column("credentials", JsonText),
    Column("observed_at", UtcTime),
    Column("session_access_key_id", String(128)),
)

account_revisions = Table(
    "account_revisions",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("inventory", BigInteger, nullable=False),
    Column("statuses", BigInteger, nullable=False),
    Column("windows", BigInteger, nullable=False),
)
"""How often inventory, statuses and recovery windows were changed: with the same numbers, nothing need be read."""

audits = Table(
    "audits",
    metadata,
    Column("audit_id", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime, nullable=False),
    Column("summary", JsonText, nullable=False),
    Column("endpoint", Text),
    Column("is_complete", Boolean, nullable=False, server_default=false()),
    Column("requested_by", Text),
    Index("ix_audits_organization_id", "organization_id", "ended_at"),
)

audit_statuses = Table(
    "audit_statuses",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("account_id", String(12), primary_key=True),
    Column("audit_id", String(64), primary_key=True),
    Column("ended_at", UtcTime, nullable=False),
    Column("account", JsonText, nullable=False),
    Column("role", String(32), nullable=False),
    Column("status", String(32), nullable=False),
    Column("reason", String(32)),
    Column("detail", Text),
    Column("summary", JsonText),
    Column("credentials", JsonText),
    Column("observed_at", UtcTime),
    Column("session_access_key_id", String(128)),
    Index("ix_audit_statuses_audit_id", "organization_id", "audit_id"),
)
"""What each audit found in each account; ``ended_at`` is the audit's."""

deletion_exceptions = Table(
    "deletion_exceptions",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("account_id", String(12), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("added_at", UtcTime, nullable=False),
)

email_attestations = Table(
    "email_attestations",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("address", String(320), primary_key=True),
    Column("attested_by", Text, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("state", String(32), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("owner_id", String(64), nullable=False),
    Column("parameters", JsonText, nullable=False),
    Column("progress", JsonText, nullable=False),
    Column("document", Text),
    Column("remark", Text),
    Column("created_by_kind", String(32), nullable=False, server_default="self_asserted"),
    Column("outcome", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", UtcTime),
    Column("fencing_token", Integer, nullable=False, server_default="0"),
    Index("ix_jobs_organization_id", "organization_id", "created_at"),
    Index("ix_jobs_state", "organization_id", "state"),
)
"""``document`` is the exact work, such as a plan file, and ``outcome`` its result, such as a preflight's matrix. Both
are long, and lists of jobs leave them out.
"""

job_accounts = Table(
    "job_accounts",
    metadata,
    Column("job_id", String(64), primary_key=True),
    Column("account_id", String(12), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("result", JsonText, nullable=False),
    ForeignKeyConstraint(["job_id"], ["jobs.job_id"], ondelete="CASCADE"),
)
"""What a job has done with each account, which a resumed job doesn't repeat."""

accepted_setups = Table(
    "accepted_setups",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("ledger_sequence", Integer, primary_key=True, autoincrement=False),
    Column("accepted_at", UtcTime, nullable=False),
    Column("accepted_by", Text, nullable=False),
    Column("state", JsonText, nullable=False),
)
"""Every accepted set-up; the one with the highest sequence is valid."""

setup_readings = Table(
    "setup_readings",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("read_on", String(10), primary_key=True),
    Column("read_at", UtcTime, nullable=False),
    Column("state", JsonText, nullable=False),
)
"""The last reading of the set-up on each day (UTC), so that a report on a past period still finds one."""

quota_states = Table(
    "quota_states",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("quota", String(255), primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("counted_at", Float, nullable=False),
    Column("pace", Float, nullable=False),
    Column("throttled_at", Float, nullable=False),
)
"""Token buckets that processes share. Their times are seconds since 1970, because they are only subtracted."""

notifications = Table(
    "notifications",
    metadata,
    Column("notification_id", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("deduplication_key", Text),
    Column("content", JsonText, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("organization_id", "deduplication_key"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("notification_id", String(64), primary_key=True),
    Column("target", Text, primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcTime),
    Column("claimed_until", UtcTime),
    Column("delivered_at", UtcTime),
    Column("failure", Text),
    ForeignKeyConstraint(["notification_id"], ["notifications.notification_id"], ondelete="CASCADE"),
    Index("ix_deliveries_next_attempt_at", "organization_id", "state", "next_attempt_at"),
)
"""A target is stored by its name, because its address contains a token."""

schedule_runs = Table(
    "schedule_runs",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("schedule_id", String(64), primary_key=True),
    Column("last_run_at", UtcTime, nullable=False),
    Column("claimed_at", UtcTime, nullable=False),
)

window_events = Table(
    "window_events",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("event_id", String(64), primary_key=True),
    Column("window_id", String(64)),
    Column("account_id", String(12), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("name", Text, nullable=False),
    Column("verdict", String(32), nullable=False),
    Column("explanation", Text, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    Column("has_mfa", Boolean),
    Index("ix_window_events_window_id", "organization_id", "window_id"),
    Index("ix_window_events_account_id", "organization_id", "account_id", "at"),
)
"""Root events of CloudTrail as they were classified, each once; ``has_mfa`` is of a successful sign-in."""

kept_answers = Table(
    "kept_answers",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("key_hash", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("claimed_by", String(64), nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("status", Integer),
    Column("media_type", Text),
    Column("body", Text),
    Index("ix_kept_answers_ends_at", "organization_id", "ends_at"),
)
"""Answers to requests with an Idempotency-Key. Without a status, the owner that claimed it hasn't answered yet. A body
with a secret is never stored.
"""

identities = Table(
    "identities",
    metadata,
    Column("identity_id", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("folded_name", Text, nullable=False),
    Column("role", String(32), nullable=False),
    Column("proof_hash", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("disabled_at", UtcTime),
    Column("last_used_at", UtcTime),
    Column("signs_in_by", String(16), nullable=False, server_default="password"),
    Column("permissions", JsonText),
    Column("organizational_units", JsonText),
    UniqueConstraint("organization_id", "folded_name"),
    Index("ix_identities_proof_hash", "proof_hash"),
)
"""``proof_hash``: SHA-256 of a token, which is random; argon2 of a password, which isn't; for a user of an identity
provider, SHA-256 of the provider and its subject. ``permissions`` and ``organizational_units`` are a
token's limits; NULL for none.
"""

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("identity_id", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("session_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("last_used_at", UtcTime, nullable=False),
    Column("factor_at", UtcTime),
    Column("address", Text),
    Column("user_agent", Text),
    ForeignKeyConstraint(["identity_id"], ["identities.identity_id"], ondelete="CASCADE"),
    UniqueConstraint("session_id"),
    Index("ix_sign_ins_identity_id", "identity_id"),
)
"""``token_hash``: of the secret in a browser's cookie or in a bearer token; it changes with each second factor.
The token against forged requests is derived from the secret, and stored nowhere.
"""

factors = Table(
    "factors",
    metadata,
    Column("factor_id", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("identity_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("name", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("confirmed_at", UtcTime),
    Column("last_used_at", UtcTime),
    Column("sealed_seed", Text),
    Column("last_step", Integer),
    Column("credential_id", Text),
    Column("public_key", Text),
    Column("sign_count", BigInteger),
    ForeignKeyConstraint(["identity_id"], ["identities.identity_id"], ondelete="CASCADE"),
    UniqueConstraint("organization_id", "credential_id"),
    Index("ix_factors_identity_id", "identity_id"),
)
"""Second factors. ``sealed_seed`` is the seed of an authenticator app, encrypted with a key that isn't in the
database; a passkey's public key isn't secret.
"""

factor_challenges = Table(
    "factor_challenges",
    metadata,
    Column("challenge_hash", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("session_id", String(64), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("ends_at", UtcTime, nullable=False),
)
"""Pending challenges of passkeys."""

first_administrator_links = Table(
    "first_administrator_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("ends_at", UtcTime, nullable=False),
)

key_checks = Table(
    "key_checks",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("check_value", String(64), nullable=False),
)
"""Shows a server whether its key file is the one that encrypted the factors; it reveals nothing about the key."""

failed_attempts = Table(
    "failed_attempts",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("attempt_id", String(64), primary_key=True),
    Column("key_hash", String(64), primary_key=True),
    Column("ends_at", UtcTime, nullable=False),
    Index("ix_failed_attempts_key_hash", "organization_id", "key_hash", "ends_at"),
    Index("ix_failed_attempts_ends_at", "organization_id", "ends_at"),
)
"""Recent failures, such as of sign-ins. Names and addresses are hashes, because people type passwords there too."""

sign_in_starts = Table(
    "sign_in_starts",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("secret_hash", String(64), primary_key=True),
    Column("started_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("return_to", Text, nullable=False),
    Column("session_id", String(64)),
    Index("ix_sign_in_starts_ends_at", "organization_id", "ends_at"),
)
"""Sign-ins that began at an identity provider; the browser's cookie proves that it is the same browser."""
