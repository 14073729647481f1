"""Root e-mail addresses, attestations and changes of an address as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from typing_extensions import TypedDict

from rootkeeper.changes.rules import ChangeResult
from rootkeeper.ledger.rules import Result
from rootkeeper.organization.accounts import Account
from rootkeeper.root_emails.rules import EmailAttestation, EmailReread, EmailRules, EmailUpdateSnapshot, RootEmail
from rootkeeper.root_emails.service import EmailChangePlan
from rootkeeper.shapes import (
    AccountNumber,
    Answer,
    Count,
    JsonRecord,
    Moment,
    OrganizationId,
    fill_record,
    filled_from,
    record,
    record_of,
)


@record_of(EmailRules)
class EmailRulesRecord(JsonRecord):
    """The settings that addresses are checked against."""

    approved_pattern: str | None


@record_of(
    RootEmail,
    inside={"account": Account},
    without=("ou_ids", "joined_at", "tags"),
    renamed={"group_basis": "group"},
    before={"ou_path": "state"},
)
class EmailRecord(JsonRecord):
    """The root e-mail address of an account, and the verdict on it."""

    email: str | None
    """``None`` where AWS returns none."""
    ou_path: str


def email_to_record(found: RootEmail) -> EmailRecord:
    return fill_record(EmailRecord, found, email=found.account.email or None)


def rules_to_record(rules: EmailRules) -> EmailRulesRecord:
    pattern = rules.approved_pattern.pattern if rules.approved_pattern else None
    return fill_record(EmailRulesRecord, rules, approved_pattern=pattern)


EmailCounts = TypedDict(
    "EmailCounts",
    {"accounts": Count, "fail": Count, "not_applicable": Count, "pass": Count, "unknown": Count},
)
"""How many addresses have each verdict. Written so because of its fields' names."""
record(EmailCounts)


@filled_from(
    organization_id="inventory.organization.organization_id",
    endpoint="endpoint.label",
    listed_at="inventory.listed_at",
)
@record
class EmailsDocument(Answer):
    """Root e-mail addresses."""

    organization_id: OrganizationId
    endpoint: str
    """``AWS``, or ``SANDBOX host:port``."""
    source: Literal["organizations:ListAccounts"]
    """Where the addresses come from; AWS may show a changed address hours later."""
    listed_at: Moment
    rules: EmailRulesRecord
    """The settings that addresses are checked against."""
    accounts: list[EmailRecord]
    summary: EmailCounts


@record_of(EmailAttestation)
class AttestationRecord(JsonRecord):
    """A person's statement that a group reads an address."""


@record
class EmailAttestationsDocument(Answer):
    """Attestations of root e-mail addresses."""

    attestations: list[AttestationRecord]


UNNEEDED = "The account already has this root e-mail address. Nothing was done."

EmailChangeOutcome: TypeAlias = Literal["changed", "failed", "not_proven", "started", "unneeded"]


@filled_from(
    account_id="account.account_id", name="account.name", email_before="current_email", email="request.address"
)
class EmailChangeRecord(JsonRecord):
    """The result of a change of a root e-mail address."""

    account_id: AccountNumber
    name: str
    email_before: str
    """The address before, as read with account:GetPrimaryEmail."""
    email: str
    """The new address."""
    outcome: EmailChangeOutcome
    """``changed``: a re-read shows it.

    ``started``: AWS waits for the one-time password. ``not_proven``: AWS accepted it, or may have, and doesn't show it
    yet.
    """
    explanation: str


def change_to_record(plan: EmailChangePlan, outcome: EmailChangeOutcome, explanation: str) -> EmailChangeRecord:
    return fill_record(EmailChangeRecord, plan, outcome=outcome, explanation=explanation)


def start_to_record(plan: EmailChangePlan, start: ChangeResult[EmailUpdateSnapshot]) -> EmailChangeRecord:
    return change_to_record(plan, "failed" if start.result is Result.FAILED else "started", start.explanation)


def acceptance_to_record(plan: EmailChangePlan, acceptance: ChangeResult[EmailReread]) -> EmailChangeRecord:
    return change_to_record(plan, _ACCEPTED[acceptance.result], acceptance.explanation)


_ACCEPTED: Mapping[Result, EmailChangeOutcome] = {
    Result.DONE: "changed",
    Result.FAILED: "failed",
    Result.UNKNOWN: "not_proven",
}


@record
class EmailChangesDocument(Answer):
    """The results of changes of root e-mail addresses."""

    changes: list[EmailChangeRecord]
