"""The result of an audit job as JSON."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from rootkeeper.organization.records import AuditedAccountRecord, CredentialDetails, StatusCounts
from rootkeeper.setup.records import AuditDriftRecord
from rootkeeper.shapes import AccountNumber, Answer, Count, Endpoint, Moment, OrganizationId, record


@record
class FinishedAudit(Answer):
    """Of an audit; what it found is kept under its job's id."""

    caller_arn: str
    endpoint: str
    started_at: Moment
    ended_at: Moment
    listed_at: Moment
    is_inventory_complete: bool
    """Whether the accounts were listed to their end in this audit."""
    drift: AuditDriftRecord


@record
class AuditedInventoryRecord(TypedDict):
    """The list of accounts that was audited."""

    listed_at: Moment
    is_complete: bool
    """Whether this audit listed all accounts.

    If not, it is the list of ``listed_at`` with the changes that this audit read.
    """


@record
class ListedAuditedAccountRecord(AuditedAccountRecord):
    """The same; with ``--details`` each credential is listed."""

    details: NotRequired[CredentialDetails | None]
    """Only under --details; ``null`` where nothing was there or nothing could be read."""


@record
class AuditDocument(Answer):
    """Audit."""

    organization_id: OrganizationId
    management_account_id: AccountNumber
    endpoint: Endpoint
    caller_arn: str
    """The AWS principal whose credentials were used."""
    observed_at: Moment
    inventory: AuditedInventoryRecord
    """The list of accounts that was audited."""
    accounts: list[ListedAuditedAccountRecord]
    summary: StatusCounts
    """How many accounts have each status."""
    root_logins_left_to_secure: Count
    """Accounts ``present`` or ``recovery_open``, and kept root logins that aren't in order."""
    drift: AuditDriftRecord
    """How the set-up differs from the accepted one; it doesn't change the exit status."""
