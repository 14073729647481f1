"""Routes of root e-mail addresses: the list with verdicts, attestations that a group reads an address, and changes.

A change has two calls: the start, after which AWS sends a one-time password to the new address, and the acceptance,
which returns it. Both check the whole request again. An override of the rules is left to the command line.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field, StringConstraints
from starlette.requests import Request

from rootkeeper.access.rules import Identity, Permission
from rootkeeper.aws.rules import AwsWork
from rootkeeper.composition.serving import ActorUseCases
from rootkeeper.errors import Hint, InputError
from rootkeeper.organization.selection import NamedAccount, find_account
from rootkeeper.root_emails.records import (
    UNNEEDED,
    AttestationRecord,
    EmailChangeRecord,
    EmailCounts,
    EmailRecord,
    EmailRulesRecord,
    acceptance_to_record,
    change_to_record,
    email_to_record,
    rules_to_record,
    start_to_record,
)
from rootkeeper.root_emails.rules import (
    EMAIL_PARAMETER,
    EmailChangeRequest,
    EmailVerdict,
    RootEmail,
    count_verdicts,
    parse_one_time_password,
)
from rootkeeper.root_emails.service import SOURCE, EmailChangePlan, explain_limits
from rootkeeper.root_emails.statements import read_evaluator, read_rules
from rootkeeper.server.accounts import AccountsCache, require_listed
from rootkeeper.server.documents import change, read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import (
    After,
    Body,
    Filter,
    Limit,
    NamedAccountText,
    Text,
    Time,
    cut_page,
    log_remarks,
    show_example,
    show_one,
    show_page,
)
from rootkeeper.server.turns import RouteLoad
from rootkeeper.shapes import (
    AccountNumber,
    Answer,
    CountedPage,
    Endpoint,
    JsonAnswer,
    Moment,
    OrganizationId,
    ShortText,
    fill_record,
    record,
)
from rootkeeper.values import json_time


@record
class EmailPage(CountedPage):
    """Root e-mail addresses, as the last listing of the organization has them."""

    organization_id: OrganizationId
    endpoint: Endpoint
    source: Literal["organizations:ListAccounts"]
    """Where the addresses come from; AWS may show a changed address hours later."""
    listed_at: Moment | None
    """``null`` if the organization was never listed."""
    rules: EmailRulesRecord
    summary: EmailCounts
    """Of all accounts, also those that the filters leave out."""
    remarks: list[str]
    """Why a rule can't be applied."""
    accounts: list[EmailRecord]


class EmailAttestationAnswer(AttestationRecord, JsonAnswer):
    """A recorded attestation."""


@record
class EmailApprovalAnswer(Answer):
    """A recorded approval of a change of a root e-mail address."""

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
    """Facts that a person must know before confirming."""


class EmailChangeAnswer(EmailChangeRecord, JsonAnswer):
    """The result of a step of a change of a root e-mail address."""


class EmailAttestationBody(Body):
    """A person's statement that a group reads an address."""

    model_config = show_example({"address": "aws@example.com", "attested_by": "Ana", "until": "2027-03-31T23:59:59Z"})

    address: Annotated[ShortText, Field(description="A root e-mail address, in use or planned.")]
    attested_by: Annotated[ShortText, Field(description="The person who attests it.")]
    until: Annotated[Time, Field(description="When it ends.")]


def list_root_emails(
    request: Request,
    services: Served,
    verdict: Annotated[list[EmailVerdict] | None, Query(max_length=len(EmailVerdict))] = None,
    q: Filter = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """List the root e-mail addresses of the last listing, checked against the settings. Makes no AWS call.

    ``q`` is a part of an address, an account's id or its name.
    """
    pages: AccountsCache = request.app.state.account_pages
    inventory = pages.take(services, is_later_page=after is not None).inventory
    rules = read_rules(services.settings_in_force.emails)
    evaluated: tuple[RootEmail, ...] = ()
    if inventory is not None:
        evaluator = read_evaluator(services.email_attestations, rules, services.clock.now())
        evaluated = evaluator.evaluate_all(inventory)
    wanted, text = frozenset(verdict or EmailVerdict), (q or "").casefold()
    found = [email for email in evaluated if email.verdict in wanted and _matches(email, text)]
    page, following = cut_page(found, lambda email: email.account.account_id, after, limit)
    return show_page(
        "accounts",
        [email_to_record(email) for email in page],
        following,
        organization_id=services.organization_id,
        endpoint=services.endpoint.label,
        source=SOURCE,
        listed_at=None if inventory is None else json_time(inventory.listed_at),
        rules=rules_to_record(rules),
        summary=count_verdicts(evaluated),
        remarks=[] if inventory is None else list(explain_limits(rules, inventory)),
        total=len(found),
    )


def _matches(found: RootEmail, text: str) -> bool:
    account = found.account
    return any(text in value.casefold() for value in (account.account_id, account.name, account.email))


def attest_root_email(services: Served, identity: Identified, body: EmailAttestationBody) -> dict[str, Any]:
    """Attest that a group reads an address, until a time; replaces an earlier attestation of the address."""
    with services.act_as(identity.to_actor(), None) as acting:
        attesting = acting.email_attestation_service
        attestation = attesting.prepare(body.address, attested_by=body.attested_by, until=body.until)
        attesting.attest(attestation)
    return show_one(fill_record(AttestationRecord, attestation))


class EmailApprovalBody(Body):
    """An account and the address that it may get."""

    model_config = show_example(
        {"account": "payments", "address": "aws+payments@example.com", "reason": "Ben has left; CHG-12."}
    )

    account: NamedAccountText
    address: Annotated[ShortText, Field(description="The new root e-mail address.")]
    reason: Text


class EmailChangeBody(EmailApprovalBody):
    """A change of a root e-mail address."""

    ticket: ShortText | None = None
    restart: Annotated[bool, Field(description="Send another one-time password; the previous one becomes invalid.")] = (
        False
    )


class EmailAcceptanceBody(EmailApprovalBody):
    """The one-time password of a started change."""

    model_config = show_example(
        {"account": "payments", "address": "aws+payments@example.com", "reason": "Ben has left.", "otp": "A1B2C3"}
    )

    ticket: ShortText | None = None
    otp: Annotated[
        str,
        StringConstraints(min_length=1, max_length=64),
        Field(description="The one-time password that AWS sent to the new address."),
    ]


def approve_email_change(services: Served, identity: Identified, body: EmailApprovalBody) -> dict[str, Any]:
    """Approve that an account gets a new root e-mail address; another person makes the change.

    An approval counts for this account and address only, for one change, and as long as an approval of a recovery
    window.
    """
    account = find_account(NamedAccount(body.account), require_listed(services).accounts)
    identity.require_account_access(account.account_id, account)
    with services.act_as(identity.to_actor(), None) as acting:
        entry = acting.email_approval_service.approve(account, body.address, body.reason)
    return show_one(
        {
            "account_id": account.account_id,
            "name": account.name,
            "email": str(entry.parameters[EMAIL_PARAMETER]),
            "reason": body.reason,
            "approved_by": identity.name,
            "approved_at": json_time(entry.at),
            "expires_at": json_time(entry.at + services.settings_in_force.windows.approval_valid),
        }
    )


def plan_email_change(services: Served, identity: Identified, body: EmailChangeBody) -> dict[str, Any]:
    """Check a change of a root e-mail address without making it. Reads the account's address from AWS."""
    with services.act_as(identity.to_actor(), AwsWork.RECOVER) as acting:
        plan = _plan(identity, acting, body, restarts=body.restart)
    return show_one(
        {
            "organization_id": services.organization_id,
            "endpoint": plan.endpoint.label,
            "caller_arn": plan.caller.arn,
            "account_id": plan.account.account_id,
            "name": plan.account.name,
            "email_before": plan.current_email,
            "email": plan.request.address,
            "is_unneeded": plan.is_unneeded,
            "started_at": json_time(plan.started.started_at) if plan.started else None,
            "approved_by": list(plan.approved_by),
            "remarks": list(plan.remarks),
        }
    )


def start_email_change(services: Served, identity: Identified, body: EmailChangeBody) -> dict[str, Any]:
    """Have AWS send a one-time password to the new address. A change that is already started isn't started again."""
    with services.act_as(identity.to_actor(), AwsWork.RECOVER) as acting:
        plan = _plan(identity, acting, body, restarts=body.restart)
        if plan.is_unneeded:
            return show_one(change_to_record(plan, "unneeded", UNNEEDED))
        if plan.started is not None:
            return show_one(change_to_record(plan, "started", "AWS waits for the one-time password."))
        return show_one(start_to_record(plan, acting.email_change_executor.start(plan)))


def accept_email_change(services: Served, identity: Identified, body: EmailAcceptanceBody) -> dict[str, Any]:
    """Return the one-time password of a started change to AWS; a re-read proves the new address.

    The one-time password is neither logged nor kept. A repeat of the request isn't answered from a kept answer.
    """
    with services.act_as(identity.to_actor(), AwsWork.RECOVER) as acting:
        plan = _plan(identity, acting, body, restarts=False)
        if plan.is_unneeded:
            return show_one(change_to_record(plan, "unneeded", UNNEEDED))
        if plan.started is None:
            raise InputError(
                f"The ledger has no started change of {plan.account.account_id} to {plan.request.address}.",
                hint=Hint("Start the change. AWS then sends a one-time password.", "emails.start"),
            )
        step = acting.email_change_executor.accept(plan, parse_one_time_password(body.otp))
    return show_one(acceptance_to_record(plan, step))


def _plan(
    identity: Identity, acting: ActorUseCases, body: EmailChangeBody | EmailAcceptanceBody, *, restarts: bool
) -> EmailChangePlan:
    inventory = acting.inventory_reader.read_recent(log_remarks())
    account = find_account(NamedAccount(body.account), inventory.accounts)
    identity.require_account_access(account.account_id, account)
    request = EmailChangeRequest(body.address, body.reason, body.ticket, restarts=restarts)
    return acting.email_change_planner.plan(inventory, account, request)


ROWS = (
    read("/root-emails", Permission.ROOT_EMAILS_READ, list_root_emails, EmailPage, load=RouteLoad.HEAVY),
    change("/root-emails/attestations", Permission.ROOT_EMAILS_ATTEST, attest_root_email, EmailAttestationAnswer),
    change(
        "/root-emails/approvals",
        Permission.ROOT_EMAILS_APPROVE,
        approve_email_change,
        EmailApprovalAnswer,
        needs_fresh_factor=True,
    ),
    change(
        "/root-emails/changes/plan",
        Permission.ROOT_EMAILS_CHANGE,
        plan_email_change,
        EmailChangePlanAnswer,
        load=RouteLoad.AWS,
    ),
    change(
        "/root-emails/changes",
        Permission.ROOT_EMAILS_CHANGE,
        start_email_change,
        EmailChangeAnswer,
        needs_fresh_factor=True,
        load=RouteLoad.AWS_CHANGE,
    ),
    change(
        "/one-time-passwords",
        Permission.ROOT_EMAILS_CHANGE,
        accept_email_change,
        EmailChangeAnswer,
        needs_fresh_factor=True,
        load=RouteLoad.AWS_CHANGE,
    ),
)
