"""The tables of the first version, and the empty head of the ledger.

Written out in full: a change of ``schema.py`` doesn't change the tables that this step makes.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

_ORGANIZATION = String(34)
_ACCOUNT = String(12)
_ID = String(64)
_WORD = String(32)
_SHORT_WORD = String(16)

_Kind: TypeAlias = TypeEngine[Any] | type[TypeEngine[Any]]


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(name, metadata, *items)


def _key(**kinds: _Kind) -> tuple[Column[Any], ...]:
    return tuple(Column(name, kind, primary_key=True, autoincrement=False) for name, kind in kinds.items())


def _required(**kinds: _Kind) -> tuple[Column[Any], ...]:
    return tuple(Column(name, kind, nullable=False) for name, kind in kinds.items())


def _optional(**kinds: _Kind) -> tuple[Column[Any], ...]:
    return tuple(Column(name, kind) for name, kind in kinds.items())


_table(
    "ledger_head",
    *_key(head_id=Integer),
    *_required(organization_id=_ORGANIZATION, sequence=Integer, entry_hash=_ID),
    CheckConstraint("head_id = 1", name="single"),
)

_table(
    "ledger_entries",
    *_key(sequence=Integer),
    *_required(at=String(27), organization_id=_ORGANIZATION, endpoint=Text, actor=Text, actor_kind=_WORD),
    *_optional(caller_arn=Text),
    *_required(action=_ID),
    *_optional(account_id=_ACCOUNT),
    *_required(parameters=Text, phase=_SHORT_WORD, owner_id=_ID),
    Column("intent_sequence", Integer, unique=True),
    *_optional(result=_SHORT_WORD),
    *_required(previous_hash=_ID, entry_hash=_ID),
    Index("ix_ledger_entries_account_id", "account_id", "sequence"),
)

_table(
    "open_intents",
    *_key(sequence=Integer),
    *_required(organization_id=_ORGANIZATION, owner_id=_ID),
)

_table(
    "ledger_copies",
    *_key(copy_name=_SHORT_WORD, machine=_ID),
    *_required(organization_id=_ORGANIZATION, began_at=String(27)),
)

_table(
    "merged_spills",
    *_key(spill_id=_ID),
    *_required(organization_id=_ORGANIZATION, merged_at=String(27), entries=Integer),
)

_table(
    "owners",
    *_key(owner_id=_ID),
    *_required(organization_id=_ORGANIZATION, host=Text, boot_id=Text, process_id=Integer, process_started=Text),
    *_required(user_name=Text, registered_at=String(27), lease_until=String(27)),
)

_table(
    "account_locks",
    *_key(organization_id=_ORGANIZATION, account_id=_ACCOUNT),
    *_optional(owner_id=_ID),
    *_required(fencing_token=Integer, purpose=Text, taken_at=String(27)),
)

_table(
    "recovery_windows",
    *_key(window_id=_ID),
    *_required(organization_id=_ORGANIZATION, account_id=_ACCOUNT),
    *_optional(unfinished_account_id=_ACCOUNT),
    *_required(state=_WORD, reason=Text),
    *_optional(ticket=Text),
    *_required(requested_by=Text, requested_at=String(27), duration_seconds=Integer, approved_by=Text),
    *_optional(opened_at=String(27), expires_at=String(27), closed_at=String(27), failure=Text),
    Column("requested_by_kind", _WORD, nullable=False, server_default="self_asserted"),
    Column("approvals_needed", Integer, nullable=False, server_default="0"),
    Column("approvals", Text, nullable=False, server_default="[]"),
    *_optional(lapses_at=String(27), activated_by=Text, closed_by=Text),
    Column("is_emergency", Boolean, nullable=False, server_default=false()),
    *_optional(review_due_at=String(27), reviewed_by=Text),
    Column("is_drill", Boolean, nullable=False, server_default=false()),
    *_optional(watched_by=Text),
    Column("failed_closings", Integer, nullable=False, server_default="0"),
    *_optional(next_closing_at=String(27)),
    Column("rereads_done", Integer, nullable=False, server_default="0"),
    *_optional(next_reread_at=String(27)),
    UniqueConstraint("organization_id", "unfinished_account_id"),
    Index("ix_recovery_windows_account_id", "organization_id", "account_id"),
    Index("ix_recovery_windows_next_reread_at", "organization_id", "next_reread_at"),
)

_table(
    "inventories",
    *_key(organization_id=_ORGANIZATION),
    *_required(management_account_id=_ACCOUNT, has_all_features=Boolean, partition=_WORD, listed_at=String(27)),
    *_optional(delegated_administrator_ids=Text, named_at=String(27), endpoint=Text),
)

_table(
    "inventory_accounts",
    *_key(organization_id=_ORGANIZATION, account_id=_ACCOUNT),
    *_required(position=Integer, name=Text, email=Text, state=_WORD, ou_ids=Text, ou_path=Text),
    *_optional(joined_at=String(27), tags=Text),
    ForeignKeyConstraint(["organization_id"], ["inventories.organization_id"], ondelete="CASCADE"),
)

_table(
    "inventory_organizational_units",
    *_key(organization_id=_ORGANIZATION, ou_id=String(68)),
    *_required(position=Integer, name=Text),
    *_optional(parent_id=String(68)),
    ForeignKeyConstraint(["organization_id"], ["inventories.organization_id"], ondelete="CASCADE"),
)

_table(
    "account_statuses",
    *_key(organization_id=_ORGANIZATION, account_id=_ACCOUNT),
    *_required(account=Text, role=_WORD, status=_WORD),
    *_optional(reason=_WORD, detail=Text, summary=Text, credentials=Text, observed_at=String(27)),
    *_optional(session_access_key_id=String(128)),
    Column("is_confirmed", Boolean, nullable=False, server_default=false()),
)

_table(
    "account_revisions",
    *_key(organization_id=_ORGANIZATION),
    *_required(inventory=BigInteger, statuses=BigInteger, windows=BigInteger),
)

_table(
    "audits",
    *_key(audit_id=_ID),
    *_required(organization_id=_ORGANIZATION, started_at=String(27), ended_at=String(27), summary=Text),
    *_optional(endpoint=Text),
    Column("is_complete", Boolean, nullable=False, server_default=false()),
    *_optional(requested_by=Text),
    Index("ix_audits_organization_id", "organization_id", "ended_at"),
)

_table(
    "audit_statuses",
    *_key(organization_id=_ORGANIZATION, account_id=_ACCOUNT, audit_id=_ID),
    *_required(ended_at=String(27), account=Text, role=_WORD, status=_WORD),
    *_optional(reason=_WORD, detail=Text, summary=Text, credentials=Text, observed_at=String(27)),
    *_optional(session_access_key_id=String(128)),
    Column("is_confirmed", Boolean, nullable=False, server_default=false()),
    Index("ix_audit_statuses_audit_id", "organization_id", "audit_id"),
)

_table(
    "deletion_exceptions",
    *_key(organization_id=_ORGANIZATION, account_id=_ACCOUNT),
    *_required(owner=Text, reason=Text, until=String(27), added_by=Text, added_at=String(27)),
)

_table(
    "email_attestations",
    *_key(organization_id=_ORGANIZATION, address=String(320)),
    *_required(attested_by=Text, until=String(27), recorded_by=Text, recorded_at=String(27)),
)

_table(
    "failsafe_confirmations",
    *_key(organization_id=_ORGANIZATION, account_id=_ACCOUNT, claim=_SHORT_WORD, basis=_SHORT_WORD),
    *_key(recorded_at=String(27)),
    *_required(owner=Text, reason=Text, until=String(27), recorded_by=Text, endpoint=Text),
)

_table(
    "jobs",
    *_key(job_id=_ID),
    *_required(organization_id=_ORGANIZATION, kind=_WORD, state=_WORD, endpoint=Text, created_by=Text),
    *_required(created_at=String(27), updated_at=String(27)),
    *_optional(ended_at=String(27)),
    *_required(owner_id=_ID, parameters=Text, progress=Text),
    *_optional(document=Text, remark=Text),
    Column("created_by_kind", _WORD, nullable=False, server_default="self_asserted"),
    *_optional(outcome=Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    *_optional(next_attempt_at=String(27)),
    Column("fencing_token", Integer, nullable=False, server_default="0"),
    Index("ix_jobs_organization_id", "organization_id", "created_at"),
    Index("ix_jobs_state", "organization_id", "state"),
)

_table(
    "job_accounts",
    *_key(job_id=_ID, account_id=_ACCOUNT),
    *_required(organization_id=_ORGANIZATION, result=Text),
    ForeignKeyConstraint(["job_id"], ["jobs.job_id"], ondelete="CASCADE"),
)

_table(
    "accepted_setups",
    *_key(organization_id=_ORGANIZATION, ledger_sequence=Integer),
    *_required(accepted_at=String(27), accepted_by=Text, state=Text),
)

_table(
    "setup_readings",
    *_key(organization_id=_ORGANIZATION, read_on=String(10)),
    *_required(read_at=String(27), state=Text),
)

_table(
    "quota_states",
    *_key(organization_id=_ORGANIZATION, quota=String(255)),
    *_required(tokens=Float, debt_seconds=Float, counted_at=Float, per_second=Float, throttled_at=Float),
    *_required(accepted_per_second=Float, accepted_at=Float),
)

_table(
    "notifications",
    *_key(notification_id=_ID),
    *_required(organization_id=_ORGANIZATION),
    *_optional(deduplication_key=Text),
    *_required(content=Text, created_at=String(27)),
    UniqueConstraint("organization_id", "deduplication_key"),
)

_table(
    "deliveries",
    *_key(notification_id=_ID, target=Text),
    *_required(organization_id=_ORGANIZATION, state=_SHORT_WORD, attempts=Integer),
    *_optional(next_attempt_at=String(27), claimed_until=String(27), delivered_at=String(27), failure=Text),
    ForeignKeyConstraint(["notification_id"], ["notifications.notification_id"], ondelete="CASCADE"),
    Index("ix_deliveries_next_attempt_at", "organization_id", "state", "next_attempt_at"),
)

_table(
    "schedule_runs",
    *_key(organization_id=_ORGANIZATION, schedule_id=_ID),
    *_required(last_run_at=String(27), claimed_at=String(27)),
)

_table(
    "window_events",
    *_key(organization_id=_ORGANIZATION, event_id=_ID),
    *_optional(window_id=_ID),
    *_required(account_id=_ACCOUNT, at=String(27), name=Text, verdict=_WORD, explanation=Text, recorded_at=String(27)),
    *_optional(has_mfa=Boolean),
    Index("ix_window_events_window_id", "organization_id", "window_id"),
    Index("ix_window_events_account_id", "organization_id", "account_id", "at"),
)

_table(
    "kept_answers",
    *_key(organization_id=_ORGANIZATION, key_hash=_ID),
    *_required(fingerprint=_ID, claimed_by=_ID, ends_at=String(27)),
    *_optional(status=Integer, media_type=Text, body=Text),
    Index("ix_kept_answers_ends_at", "organization_id", "ends_at"),
)

_table(
    "identities",
    *_key(identity_id=_ID),
    *_required(organization_id=_ORGANIZATION, kind=_SHORT_WORD, name=Text, folded_name=Text, role=_WORD),
    *_required(proof_hash=Text, created_by=Text, created_at=String(27)),
    *_optional(expires_at=String(27), disabled_at=String(27), last_used_at=String(27)),
    Column("signs_in_by", _SHORT_WORD, nullable=False, server_default="password"),
    *_optional(permissions=Text, organizational_units=Text),
    UniqueConstraint("organization_id", "folded_name"),
    Index("ix_identities_proof_hash", "proof_hash"),
)

_table(
    "sign_ins",
    *_key(token_hash=_ID),
    *_required(
        organization_id=_ORGANIZATION, identity_id=_ID, created_at=String(27), expires_at=String(27), session_id=_ID
    ),
    *_required(kind=_SHORT_WORD, last_used_at=String(27)),
    *_optional(factor_at=String(27), address=Text, user_agent=Text),
    ForeignKeyConstraint(["identity_id"], ["identities.identity_id"], ondelete="CASCADE"),
    UniqueConstraint("session_id"),
    Index("ix_sign_ins_identity_id", "identity_id"),
)

_table(
    "factors",
    *_key(factor_id=_ID),
    *_required(organization_id=_ORGANIZATION, identity_id=_ID, kind=_SHORT_WORD),
    *_optional(name=Text),
    *_required(created_at=String(27)),
    *_optional(
        confirmed_at=String(27), last_used_at=String(27), sealed_seed=Text, last_step=Integer, credential_id=Text
    ),
    *_optional(public_key=Text, sign_count=BigInteger),
    ForeignKeyConstraint(["identity_id"], ["identities.identity_id"], ondelete="CASCADE"),
    UniqueConstraint("organization_id", "credential_id"),
    Index("ix_factors_identity_id", "identity_id"),
)

_table(
    "factor_challenges",
    *_key(challenge_hash=_ID),
    *_required(organization_id=_ORGANIZATION, session_id=_ID, purpose=_SHORT_WORD, ends_at=String(27)),
)

_table(
    "first_administrator_links",
    *_key(token_hash=_ID),
    *_required(organization_id=_ORGANIZATION, ends_at=String(27)),
)

_table(
    "key_checks",
    *_key(organization_id=_ORGANIZATION),
    *_required(check_value=_ID),
)

_table(
    "failed_attempts",
    *_key(organization_id=_ORGANIZATION, attempt_id=_ID, key_hash=_ID),
    *_required(ends_at=String(27)),
    Index("ix_failed_attempts_key_hash", "organization_id", "key_hash", "ends_at"),
    Index("ix_failed_attempts_ends_at", "organization_id", "ends_at"),
)

_table(
    "sign_in_starts",
    *_key(organization_id=_ORGANIZATION, secret_hash=_ID),
    *_required(started_at=String(27), ends_at=String(27), return_to=Text),
    *_optional(session_id=_ID),
    Index("ix_sign_in_starts_ends_at", "organization_id", "ends_at"),
)


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    first = {"head_id": 1, "organization_id": "", "sequence": 0, "entry_hash": "0" * 64}
    op.bulk_insert(metadata.tables["ledger_head"], [first])
