"""What asking for a job of each kind takes, and whether whoever asked may still have it done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from rootkeeper.domain.access import Identity, Permission
from rootkeeper.domain.jobs import Job, JobKind
from rootkeeper.errors import PermissionDeniedError

ASKING: Mapping[JobKind, Permission] = MappingProxyType(
    {
        JobKind.AUDIT: Permission.ACCOUNTS_AUDIT,
        JobKind.DELETION: Permission.ROOT_CREDENTIALS_DELETE,
        JobKind.DRIFT_CHECK: Permission.ACCOUNTS_AUDIT,
        JobKind.LEDGER_VERIFICATION: Permission.LEDGER_VERIFY,
        JobKind.PLAN: Permission.ROOT_CREDENTIALS_DELETE,
        JobKind.PREFLIGHT: Permission.PREFLIGHTS_RUN,
        JobKind.UNLOCK: Permission.POLICIES_UNLOCK,
    }
)


def require_job_permission(identity: Identity, kind: JobKind) -> None:
    """:raises PermissionDeniedError: if it doesn't have the permission."""
    permission = ASKING.get(kind)
    if permission is None:
        raise PermissionDeniedError(f"A job of kind {kind.value} isn't taken up by anybody's word.")
    identity.require_permission(permission)


def require_still_permitted(identity: Identity, job: Job, now: datetime) -> None:
    """Check that whoever asked for a job may still have it done when it is its turn.

    :raises PermissionDeniedError: if it was disabled, has expired, or its role permits it no more.
    """
    if not identity.is_usable(now):
        what = "was disabled" if identity.disabled_at is not None else "has expired"
        raise PermissionDeniedError(
            f"{identity.name}, who asked for job {job.job_id}, {what}; nothing was done in that name.",
            hint="Ask for it anew, as somebody who may.",
        )
    require_job_permission(identity, job.kind)
