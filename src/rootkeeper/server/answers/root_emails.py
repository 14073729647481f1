"""Root e-mail addresses, and attestations of them."""

from __future__ import annotations

from typing import Literal

from rootkeeper.root_emails.records import AttestationRecord, EmailCounts, EmailRecord, EmailRulesRecord
from rootkeeper.shapes import Answer, CountedPage, Endpoint, Moment, OrganizationId, record


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
