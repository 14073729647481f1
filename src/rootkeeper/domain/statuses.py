"""The status of an account's root user credentials: the same words everywhere.

An unknown is never shown as good: only four kinds read without error and found empty are ``not_present``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rootkeeper.domain.organizations import Account
from rootkeeper.domain.root_credentials import RootCredentials, RootCredentialsSummary


class Status(StrEnum):
    """Status of an account's root user credentials."""

    NOT_APPLICABLE = "not_applicable"
    NOT_PRESENT = "not_present"
    PRESENT = "present"
    RECOVERY_OPEN = "recovery_open"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a status is ``unknown`` or ``not_applicable``."""

    ACCESS_DENIED = "access_denied"
    BLOCKED_BY_POLICY = "blocked_by_policy"
    ERROR = "error"
    MANAGEMENT_ACCOUNT = "management_account"
    NEVER_READ = "never_read"
    NOT_ACTIVE = "not_active"
    PARTITION = "partition"
    STALE = "stale"
    THROTTLED = "throttled"


class Role(StrEnum):
    """An account's part in the organization."""

    FAILSAFE = "failsafe"
    """A delegated administrator for IAM; its root login is kept on purpose."""
    MANAGEMENT = "management"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """What is known of one account's root user credentials."""

    account: Account
    role: Role
    status: Status
    reason: Reason | None = None
    detail: str | None = None
    """One sentence for a person: the error, the policy that blocks, the account's state."""
    summary: RootCredentialsSummary | None = None
    """``None`` where not read."""
    credentials: RootCredentials | None = None
    """Kinds, ages and last use, where read in detail."""
    observed_at: datetime | None = None
    session_access_key_id: str | None = None
    """Of the root session that read it: what CloudTrail shows of it in the account."""
