"""Root e-mail addresses, attestations and changes of an address as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from typing_extensions import TypedDict

from rootkeeper.changes.rules import ChangeResult
from rootkeeper.ledger.rules import Result
from rootkeeper.organization.accounts import AccountState
from rootkeeper.organization.statuses import AccountRole
from rootkeeper.root_emails.rules import (
    EmailAttestation,
    EmailReason,
    EmailReread,
    EmailRules,
    EmailUpdateSnapshot,
    EmailVerdict,
    GroupBasis,
    RootEmail,
)
from rootkeeper.root_emails.service import EmailChangePlan
from rootkeeper.shapes import (
    AccountNumber,
    Answer,
    Count,
    JsonRecord,
    Moment,
    OrganizationId,
    fill_record,
    record,
    record_of,
)


@record
class EmailRulesRecord(TypedDict):
    """The settings that addresses are checked against."""

    allowed_domains: list[str]
    approved_pattern: str | None
    groups: list[str]


@record
class EmailRecord(TypedDict):
    """The root e-mail address of an account, and the verdict on it."""

    account_id: AccountNumber
    name: str
    email: str | None
    """``null`` where AWS returns none."""
    ou_path: str
    state: AccountState
    role: AccountRole
    verdict: EmailVerdict
    reasons: list[EmailReason]
    """Why it doesn't pass."""
    group: GroupBasis | None
    """Why the address counts as read by a group."""
    attested_by: str | None
    """Of the newest attestation, even if it has ended."""
    attested_until: Moment | None
    shared_with: list[AccountNumber]
    """Other accounts with the same address."""


def email_to_record(found: RootEmail) -> EmailRecord:
    account = found.account
    return fill_record(
        EmailRecord,
        found,
        account_id=account.account_id,
        name=account.name,
        email=account.email or None,
        ou_path=account.ou_path,
        state=account.state.value,
        group=found.group_basis.value if found.group_basis else None,
    )


def rules_to_record(rules: EmailRules) -> EmailRulesRecord:
    return {
        "allowed_domains": sorted(rules.allowed_domains),
        "approved_pattern": rules.approved_pattern.pattern if rules.approved_pattern else None,
        "groups": sorted(rules.groups),
    }


EmailCounts = TypedDict(
    "EmailCounts",
    {"accounts": Count, "fail": Count, "not_applicable": Count, "pass": Count, "unknown": Count},
)
"""How many addresses have each verdict. Written so because of its fields' names."""
record(EmailCounts)


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


@record
class EmailChangeRecord(TypedDict):
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
    account = plan.account
    return {
        "account_id": account.account_id,
        "name": account.name,
        "email_before": plan.current_email,
        "email": plan.request.address,
        "outcome": outcome,
        "explanation": explanation,
    }


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
