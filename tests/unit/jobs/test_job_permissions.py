"""What asking for a job takes, and who may still have one done."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole
from rootkeeper.errors import PermissionDeniedError
from rootkeeper.jobs.rules import (
    REQUEST_PERMISSIONS,
    Job,
    JobKind,
    JobState,
    require_job_permission,
    require_still_permitted,
)

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
ANA = Identity("u-1", IdentityKind.USER, "ana", ServerRole.OPERATOR, "admin", NOW)


def make_job(kind: JobKind) -> Job:
    return Job(
        job_id="j-1",
        organization_id="o-exampleorgid",
        endpoint="AWS",
        kind=kind,
        state=JobState.QUEUED,
        created_by="ana",
        created_at=NOW,
        updated_at=NOW,
        parameters={},
    )


def test_every_kind_of_job_takes_a_permission() -> None:
    assert set(REQUEST_PERMISSIONS) == set(JobKind)


def test_an_auditor_may_audit_and_not_delete() -> None:
    auditor = replace(ANA, role=ServerRole.AUDITOR)
    require_job_permission(auditor, JobKind.AUDIT)
    with pytest.raises(PermissionDeniedError, match="auditor"):
        require_job_permission(auditor, JobKind.DELETION)


def test_a_user_who_may_still_have_it_done_isnt_kept_from_it() -> None:
    require_still_permitted(ANA, make_job(JobKind.DELETION), NOW)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (replace(ANA, disabled_at=NOW), "was disabled"),
        (replace(ANA, expires_at=NOW - timedelta(seconds=1)), "has expired"),
        (replace(ANA, role=ServerRole.VIEWER), "doesn't permit"),
    ],
)
def test_a_user_who_lost_the_permission_is_shown_why(changed: Identity, why: str) -> None:
    with pytest.raises(PermissionDeniedError, match=why):
        require_still_permitted(changed, make_job(JobKind.DELETION), NOW)
