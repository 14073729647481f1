"""Root e-mail addresses, attestations of them, and their changes."""

from __future__ import annotations

from typing import Literal

from rootkeeper.root_emails.records import (
    AttestationRecord,
    EmailChangeRecord,
    EmailCounts,
    EmailRecord,
    EmailRulesRecord,
)
from rootkeeper.shapes import AccountNumber, Answer, CountedPage, Endpoint, Moment, OrganizationId, record


@record
class EmailPage(CountedPage):
    """Root e-mail addresses, as the last listing of the organization has them."""

    organization_id: OrganizationId
    endpoint: Endpoint
    source: Literal["organizations:ListAccounts"]
    """Where the addresses come from; AWS may show a changed one hours later."""
    listed_at: Moment | None
    """``null`` if the organization was never listed."""
    rules: EmailRulesRecord
    summary: EmailCounts
    """Of all accounts, also those that the filters leave out."""
    remarks: list[str]
    """Why a rule can't be applied."""
    accounts: list[EmailRecord]


@record
class EmailAttestationAnswer(AttestationRecord, Answer):
    """One attestation, recorded."""


@record
class EmailApprovalAnswer(Answer):
    """One approval of a change of a root e-mail address, recorded."""

    account_id: AccountNumber
    name: str
    email: str
    """The new address."""
    reason: str
    approved_by: str
    approved_at: Moment
    expires_at: Moment
    """From then on it doesn't count."""


@record
class EmailChangePlanAnswer(Answer):
    """A change of a root e-mail address that passed every check; nothing was changed."""

    organization_id: OrganizationId
    endpoint: Endpoint
    caller_arn: str
    account_id: AccountNumber
    name: str
    email_before: str
    """The address now, as read with account:GetPrimaryEmail."""
    email: str
    """The new address."""
    is_unneeded: bool
    """Whether the account has the address already."""
    started_at: Moment | None
    """When an earlier request made AWS send a one-time password that can still be accepted; ``null``: none did."""
    approved_by: list[str]
    """The people whose approvals count. Empty only if the settings need none."""
    remarks: list[str]
    """What a person must know before confirming."""


@record
class EmailChangeAnswer(EmailChangeRecord, Answer):
    """The result of a step of a change of a root e-mail address."""
