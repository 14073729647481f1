"""The tables as SQLAlchemy sees them, and how times, structures and dataclasses are written into columns.

Every table has an organization id. Times are texts of the same form, so that every database sorts them alike and a hash
over them stays the same; structures are JSON texts. Nothing here is specific to SQLite or PostgreSQL. Of secrets, only
hashes are kept, or texts that were encrypted with a key that isn't in the database.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

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
    Row,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from rootkeeper.shapes import list_field_names, parse_facts, to_plain_value
from rootkeeper.values import render_time

_FactsType = TypeVar("_FactsType")

SCHEMA_VERSION = "0007"
"""The newest migration under ``migrations/versions``; versions are numbers of four digits."""


class DamagedValueError(SQLAlchemyError, ValueError):
    """A column has a text that Rootkeeper can't have written."""


class UtcTime(TypeDecorator[datetime]):
    """An aware time as text, always UTC with microseconds."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - as SQLAlchemy calls it
        return None if value is None else render_time(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as SQLAlchemy calls it
        try:
            return None if value is None else datetime.fromisoformat(value)
        except (ValueError, TypeError) as error:
            raise DamagedValueError("a time in it is damaged") from error


class JsonText(TypeDecorator[Any]):
    """A structure as JSON text; ``None`` is NULL."""

    impl = Text()
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - as SQLAlchemy calls it
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002 - as SQLAlchemy calls it
        try:
            return None if value is None else json.loads(value)
        except (ValueError, TypeError) as error:
            raise DamagedValueError("a JSON text in it is damaged") from error


def to_row(facts: Any) -> dict[str, Any]:
    """Turn a dataclass into the values of its columns; nested values become JSON, with exact times."""
    found = ((name, getattr(facts, name)) for name in list_field_names(facts))
    return {name: value if isinstance(value, datetime) else to_plain_value(value, render_time) for name, value in found}


def parse_row(kind: type[_FactsType], row: Row[Any]) -> _FactsType:
    """Make the dataclass from its row; columns that aren't fields are ignored."""
    return parse_facts(kind, row._asdict())


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
"""Also of hashes: SHA-256 in hexadecimal."""
_WORD = String(32)
_SHORT_WORD = String(16)

_Kind: TypeAlias = TypeEngine[Any] | type[TypeEngine[Any]]


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(name, metadata, *items)


def _key(**kinds: _Kind) -> tuple[Column[Any], ...]:
    """Make the columns of the primary key; the database generates none of their values."""
    return tuple(Column(name, kind, primary_key=True, autoincrement=False) for name, kind in kinds.items())


def _required(**kinds: _Kind) -> tuple[Column[Any], ...]:
    return tuple(Column(name, kind, nullable=False) for name, kind in kinds.items())


def _optional(**kinds: _Kind) -> tuple[Column[Any], ...]:
    return tuple(Column(name, kind) for name, kind in kinds.items())


ledger_head = _table(
    "ledger_head",
    *_key(head_id=Integer),
    *_required(organization_id=_ORGANIZATION, sequence=Integer, entry_hash=_ID),
    CheckConstraint("head_id = 1", name="single"),
)
"""A single row: the last entry. Every append reads and replaces it in its own transaction."""

ledger_entries = _table(
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
"""All columns are plain texts, so that a tampered row can still be read and reported."""

open_intents = _table(
    "open_intents",
    *_key(sequence=Integer),
    *_required(organization_id=_ORGANIZATION, owner_id=_ID),
)
"""Intents without an outcome: an index into the ledger, so that orphans are found quickly."""

ledger_copies = _table(
    "ledger_copies",
    *_key(copy_name=_SHORT_WORD, machine=_ID),
    *_required(organization_id=_ORGANIZATION, began_at=String(27)),
)
"""Copies of the ledger that were begun and so must be there. Files beside a server belong to its machine; the machine
is empty for a copy that all share.
"""

merged_spills = _table(
    "merged_spills",
    *_key(spill_id=_ID),
    *_required(organization_id=_ORGANIZATION, merged_at=UtcTime, entries=Integer),
)

owners = _table(
    "owners",
    *_key(owner_id=_ID),
    *_required(organization_id=_ORGANIZATION, host=Text, boot_id=Text, process_id=Integer, process_started=Text),
    *_required(user_name=Text, registered_at=UtcTime, lease_until=UtcTime),
)
"""Processes that act. If a process serves several organizations, the organization id is empty."""

account_locks = _table(
    "account_locks",
    *_key(organization_id=_ORGANIZATION, account_id=_ACCOUNT),
    *_optional(owner_id=_ID),
    *_required(fencing_token=Integer, purpose=Text, taken_at=UtcTime),
)
"""A free lock keeps its row, without an owner, so that its token always grows."""

recovery_windows = _table(
    "recovery_windows",
    *_key(window_id=_ID),
    *_required(organization_id=_ORGANIZATION, account_id=_ACCOUNT),
    *_optional(unfinished_account_id=_ACCOUNT),
    *_required(state=_WORD, reason=Text),
    *_optional(ticket=Text),
    *_required(requested_by=Text, requested_at=UtcTime, duration_seconds=Integer, approved_by=JsonText),
    *_optional(opened_at=UtcTime, expires_at=UtcTime, closed_at=UtcTime, failure=Text),
    Column("requested_by_kind", _WORD, nullable=False, server_default="self_asserted"),
    Column("approvals_needed", Integer, nullable=False, server_default="0"),
    Column("approvals", JsonText, nullable=False, server_default="[]"),
    *_optional(lapses_at=UtcTime, activated_by=Text, closed_by=Text),
    Column("is_emergency", Boolean, nullable=False, server_default=false()),
    *_optional(review_due_at=UtcTime, reviewed_by=Text),
    Column("is_drill", Boolean, nullable=False, server_default=false()),
    *_optional(watched_by=Text),
    Column("failed_closings", Integer, nullable=False, server_default="0"),
    *_optional(next_closing_at=UtcTime),
    Column("rereads_done", Integer, nullable=False, server_default="0"),
    *_optional(next_reread_at=UtcTime, reread_owed_at=UtcTime, first_closed_at=UtcTime, reopened_at=UtcTime),
    UniqueConstraint("organization_id", "unfinished_account_id"),
    Index("ix_recovery_windows_account_id", "organization_id", "account_id"),
    Index("ix_recovery_windows_next_reread_at", "organization_id", "next_reread_at"),
)
"""``unfinished_account_id`` is empty after a window's end, so that an account has at most one unfinished window."""

inventories = _table(
    "inventories",
    *_key(organization_id=_ORGANIZATION),
    *_required(management_account_id=_ACCOUNT, has_all_features=Boolean, partition=_WORD, listed_at=UtcTime),
    *_optional(delegated_administrator_ids=JsonText, named_at=UtcTime, endpoint=Text),
)

inventory_accounts = _table(
    "inventory_accounts",
    *_key(organization_id=_ORGANIZATION, account_id=_ACCOUNT),
    *_required(position=Integer, name=Text, email=Text, state=_WORD, ou_ids=JsonText, ou_path=Text),
    *_optional(joined_at=UtcTime, tags=JsonText),
    ForeignKeyConstraint(["organization_id"], ["inventories.organization_id"], ondelete="CASCADE"),
)

inventory_organizational_units = _table(
    "inventory_organizational_units",
    *_key(organization_id=_ORGANIZATION, ou_id=String(68)),
    *_required(position=Integer, name=Text),
    *_optional(parent_id=String(68)),
    ForeignKeyConstraint(["organization_id"], ["inventories.organization_id"], ondelete="CASCADE"),
)

account_statuses = _table(
    "account_statuses",
    *_key(organization_id=_ORGANIZATION, account_id=_ACCOUNT),
    *_required(account=JsonText, role=_WORD, status=_WORD),
    *_optional(reason=_WORD, detail=Text, summary=JsonText, credentials=JsonText, observed_at=UtcTime),
    *_optional(session_access_key_id=String(128), failed_attempt=JsonText, earlier_details=JsonText),
    Column("is_confirmed", Boolean, nullable=False, server_default=false()),
)

account_revisions = _table(
    "account_revisions",
    *_key(organization_id=_ORGANIZATION),
    *_required(inventory=BigInteger, statuses=BigInteger, windows=BigInteger),
)
"""How often inventory, statuses and recovery windows were changed: with the same numbers, nothing need be read."""

audits = _table(
    "audits",
    *_key(audit_id=_ID),
    *_required(organization_id=_ORGANIZATION, started_at=UtcTime, ended_at=UtcTime, summary=JsonText),
    *_optional(endpoint=Text),
    Column("is_complete", Boolean, nullable=False, server_default=false()),
    *_optional(requested_by=Text, left_known=Integer, left_unknown=Integer, left_unread=Integer),
    Index("ix_audits_organization_id", "organization_id", "ended_at"),
)

audit_statuses = _table(
    "audit_statuses",
    *_key(organization_id=_ORGANIZATION, account_id=_ACCOUNT, audit_id=_ID),
    *_required(ended_at=UtcTime, account=JsonText, role=_WORD, status=_WORD),
    *_optional(reason=_WORD, detail=Text, summary=JsonText, credentials=JsonText, observed_at=UtcTime),
    *_optional(session_access_key_id=String(128), failed_attempt=JsonText, earlier_details=JsonText),
    Column("is_confirmed", Boolean, nullable=False, server_default=false()),
    Index("ix_audit_statuses_audit_id", "organization_id", "audit_id"),
)
"""The result of each audit in each account; ``ended_at`` is the audit's."""

deletion_exceptions = _table(
    "deletion_exceptions",
    *_key(organization_id=_ORGANIZATION, account_id=_ACCOUNT),
    *_required(owner=Text, reason=Text, until=UtcTime, added_by=Text, added_at=UtcTime),
)

saved_views = _table(
    "saved_views",
    *_key(organization_id=_ORGANIZATION, identity_id=_ID, name=String(256)),
    *_required(address=Text, saved_at=UtcTime),
)

changed_settings = _table(
    "changed_settings",
    *_key(organization_id=_ORGANIZATION, name=_ID),
    *_required(value=JsonText, reason=Text, changed_by=Text, changed_at=UtcTime),
)
"""A setting is here only while the console has changed it."""

email_attestations = _table(
    "email_attestations",
    *_key(organization_id=_ORGANIZATION, address=String(320)),
    *_required(attested_by=Text, until=UtcTime, recorded_by=Text, recorded_at=UtcTime),
)

failsafe_confirmations = _table(
    "failsafe_confirmations",
    *_key(organization_id=_ORGANIZATION, account_id=_ACCOUNT, claim=_SHORT_WORD, basis=_SHORT_WORD),
    *_key(recorded_at=UtcTime),
    *_required(owner=Text, reason=Text, until=UtcTime, recorded_by=Text, endpoint=Text),
)
"""Every confirmation, because a report of an earlier period needs those of then."""

jobs = _table(
    "jobs",
    *_key(job_id=_ID),
    *_required(organization_id=_ORGANIZATION, kind=_WORD, state=_WORD, endpoint=Text, created_by=Text),
    *_required(created_at=UtcTime, updated_at=UtcTime),
    *_optional(ended_at=UtcTime),
    *_required(owner_id=_ID, parameters=JsonText, progress=JsonText),
    *_optional(document=Text, remark=Text),
    Column("created_by_kind", _WORD, nullable=False, server_default="self_asserted"),
    *_optional(outcome=Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    *_optional(next_attempt_at=UtcTime),
    Column("fencing_token", Integer, nullable=False, server_default="0"),
    Index("ix_jobs_organization_id", "organization_id", "created_at"),
    Index("ix_jobs_state", "organization_id", "state"),
)
"""``document`` is the exact work, such as a plan file, and ``outcome`` its result, such as a preflight's matrix. Both
are long, and lists of jobs leave them out.
"""

job_accounts = _table(
    "job_accounts",
    *_key(job_id=_ID, account_id=_ACCOUNT),
    *_required(organization_id=_ORGANIZATION, result=JsonText),
    ForeignKeyConstraint(["job_id"], ["jobs.job_id"], ondelete="CASCADE"),
)
"""The result of a job in each account, which a resumed job doesn't repeat."""

accepted_setups = _table(
    "accepted_setups",
    *_key(organization_id=_ORGANIZATION, ledger_sequence=Integer),
    *_required(accepted_at=UtcTime, accepted_by=Text, state=JsonText),
)
"""Every accepted set-up; the set-up with the highest sequence is valid."""

setup_readings = _table(
    "setup_readings",
    *_key(organization_id=_ORGANIZATION, read_on=String(10)),
    *_required(read_at=UtcTime, state=JsonText),
)
"""The last reading of the set-up on each day (UTC), so that a report on a past period still finds a reading."""

quota_states = _table(
    "quota_states",
    *_key(organization_id=_ORGANIZATION, quota=String(255)),
    *_required(tokens=Float, debt_seconds=Float, counted_at=Float, per_second=Float, throttled_at=Float),
    *_required(accepted_per_second=Float, accepted_at=Float),
)
"""Token buckets that processes share. Their times are seconds since 1970, because they are only subtracted."""

notifications = _table(
    "notifications",
    *_key(notification_id=_ID),
    *_required(organization_id=_ORGANIZATION),
    *_optional(deduplication_key=Text),
    *_required(content=JsonText, created_at=UtcTime),
    UniqueConstraint("organization_id", "deduplication_key"),
)

deliveries = _table(
    "deliveries",
    *_key(notification_id=_ID, target=Text),
    *_required(organization_id=_ORGANIZATION, state=_SHORT_WORD, attempts=Integer),
    *_optional(next_attempt_at=UtcTime, claimed_until=UtcTime, delivered_at=UtcTime, failure=Text),
    ForeignKeyConstraint(["notification_id"], ["notifications.notification_id"], ondelete="CASCADE"),
    Index("ix_deliveries_next_attempt_at", "organization_id", "state", "next_attempt_at"),
)
"""A target is stored by its name, because its address contains a token."""

schedule_runs = _table(
    "schedule_runs",
    *_key(organization_id=_ORGANIZATION, schedule_id=_ID),
    *_required(last_run_at=UtcTime, claimed_at=UtcTime),
)

window_events = _table(
    "window_events",
    *_key(organization_id=_ORGANIZATION, event_id=_ID),
    *_optional(window_id=_ID),
    *_required(account_id=_ACCOUNT, at=UtcTime, name=Text, verdict=_WORD, explanation=Text, recorded_at=UtcTime),
    *_optional(has_mfa=Boolean),
    Index("ix_window_events_window_id", "organization_id", "window_id"),
    Index("ix_window_events_account_id", "organization_id", "account_id", "at"),
)
"""Root events of CloudTrail as they were classified, each once; ``has_mfa`` is of a successful sign-in."""

kept_answers = _table(
    "kept_answers",
    *_key(organization_id=_ORGANIZATION, key_hash=_ID),
    *_required(fingerprint=_ID, claimed_by=_ID, ends_at=UtcTime),
    *_optional(status=Integer, media_type=Text, body=Text),
    Index("ix_kept_answers_ends_at", "organization_id", "ends_at"),
)
"""Answers to requests with an Idempotency-Key. Without a status, the owner that claimed it hasn't answered yet. A body
with a secret is never stored.
"""

identities = _table(
    "identities",
    *_key(identity_id=_ID),
    *_required(organization_id=_ORGANIZATION, kind=_SHORT_WORD, name=Text, folded_name=Text, role=_WORD),
    *_required(proof_hash=Text, created_by=Text, created_at=UtcTime),
    *_optional(expires_at=UtcTime, disabled_at=UtcTime, last_used_at=UtcTime),
    Column("signs_in_by", _SHORT_WORD, nullable=False, server_default="password"),
    *_optional(permissions=JsonText, organizational_units=JsonText, provider_groups=JsonText),
    UniqueConstraint("organization_id", "folded_name"),
    Index("ix_identities_proof_hash", "proof_hash"),
)
"""``proof_hash``: SHA-256 of a token, which is random; argon2 of a password, which isn't; for a user who sets the
password with a link, the end and the SHA-256 of the link; for a user of an identity provider, SHA-256 of the provider
and its subject. ``permissions`` and ``organizational_units`` are a token's limits; NULL for none.
``provider_groups``: of a user of the front of several organizations, the groups that tables of organizations name; NULL
for none.
"""

sign_ins = _table(
    "sign_ins",
    *_key(token_hash=_ID),
    *_required(organization_id=_ORGANIZATION, identity_id=_ID, created_at=UtcTime, expires_at=UtcTime, session_id=_ID),
    *_required(kind=_SHORT_WORD, last_used_at=UtcTime),
    *_optional(factor_at=UtcTime, address=Text, user_agent=Text),
    ForeignKeyConstraint(["identity_id"], ["identities.identity_id"], ondelete="CASCADE"),
    UniqueConstraint("session_id"),
    Index("ix_sign_ins_identity_id", "identity_id"),
)
"""``token_hash``: of the secret in a browser's cookie or in a bearer token; it changes with each second factor.
The token against forged requests is derived from the secret, and stored nowhere.
"""

factors = _table(
    "factors",
    *_key(factor_id=_ID),
    *_required(organization_id=_ORGANIZATION, identity_id=_ID, kind=_SHORT_WORD),
    *_optional(name=Text),
    *_required(created_at=UtcTime),
    *_optional(confirmed_at=UtcTime, last_used_at=UtcTime, sealed_seed=Text, last_step=Integer, credential_id=Text),
    *_optional(public_key=Text, sign_count=BigInteger),
    ForeignKeyConstraint(["identity_id"], ["identities.identity_id"], ondelete="CASCADE"),
    UniqueConstraint("organization_id", "credential_id"),
    Index("ix_factors_identity_id", "identity_id"),
)
"""Second factors. ``sealed_seed`` is the seed of an authenticator app, encrypted with a key that isn't in the
database; a passkey's public key isn't secret.
"""

factor_challenges = _table(
    "factor_challenges",
    *_key(challenge_hash=_ID),
    *_required(organization_id=_ORGANIZATION, session_id=_ID, purpose=_SHORT_WORD, ends_at=UtcTime),
)
"""Pending challenges of passkeys."""

first_administrator_links = _table(
    "first_administrator_links",
    *_key(token_hash=_ID),
    *_required(organization_id=_ORGANIZATION, ends_at=UtcTime),
)

key_checks = _table(
    "key_checks",
    *_key(organization_id=_ORGANIZATION),
    *_required(check_value=_ID),
)
"""Shows a server whether the factors were encrypted with its key file; it reveals nothing about the key."""

failed_attempts = _table(
    "failed_attempts",
    *_key(organization_id=_ORGANIZATION, attempt_id=_ID, key_hash=_ID),
    *_required(ends_at=UtcTime),
    Index("ix_failed_attempts_key_hash", "organization_id", "key_hash", "ends_at"),
    Index("ix_failed_attempts_ends_at", "organization_id", "ends_at"),
)
"""Recent failures, such as of sign-ins. Names and addresses are hashes, because people type passwords there too."""

sign_in_starts = _table(
    "sign_in_starts",
    *_key(organization_id=_ORGANIZATION, secret_hash=_ID),
    *_required(started_at=UtcTime, ends_at=UtcTime, return_to=Text),
    *_optional(session_id=_ID),
    Index("ix_sign_in_starts_ends_at", "organization_id", "ends_at"),
)
"""Sign-ins that began at an identity provider; the browser's cookie proves that it is the same browser."""
