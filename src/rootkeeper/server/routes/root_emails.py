"""Routes of root e-mail addresses: the list with verdicts, and attestations that a group reads an address."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import AwareDatetime, Field
from starlette.requests import Request

from rootkeeper.access.rules import Permission
from rootkeeper.root_emails.records import AttestationRecord, email_to_record, rules_to_record
from rootkeeper.root_emails.rules import EmailVerdict, RootEmail, count_verdicts
from rootkeeper.root_emails.service import SOURCE, explain_limits, read_evaluator
from rootkeeper.server.accounts import AccountsCache
from rootkeeper.server.answers.root_emails import EmailAttestationAnswer, EmailPage
from rootkeeper.server.documents import change, read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import After, Body, Filter, Limit, cut_page, show_example, show_one, show_page
from rootkeeper.shapes import ShortText, fill_record
from rootkeeper.values import json_time


class EmailAttestationBody(Body):
    """A person's statement that a group reads an address."""

    model_config = show_example({"address": "aws@example.com", "attested_by": "Ana", "until": "2027-03-31T23:59:59Z"})

    address: Annotated[ShortText, Field(description="A root e-mail address, in use or planned.")]
    attested_by: Annotated[ShortText, Field(description="The person who attests it.")]
    until: Annotated[AwareDatetime, Field(description="When it ends.")]


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
    rules = services.settings.emails.to_rules()
    evaluated: tuple[RootEmail, ...] = ()
    if inventory is not None:
        evaluator = read_evaluator(services.email_attestations, rules, services.clock.now())
        evaluated = evaluator.evaluate_all(inventory)
    wanted, text = frozenset(verdict or EmailVerdict), (q or "").casefold()
    found = [one for one in evaluated if one.verdict in wanted and _matches(one, text)]
    page, following = cut_page(found, lambda one: one.account.account_id, after, limit)
    return show_page(
        "accounts",
        [email_to_record(one) for one in page],
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
    return any(text in one.casefold() for one in (account.account_id, account.name, account.email))


def attest_root_email(services: Served, identity: Identified, body: EmailAttestationBody) -> dict[str, Any]:
    """Attest that a group reads an address, until a time; replaces an earlier attestation of the address."""
    with services.act_as(identity.to_actor(), None) as acting:
        attesting = acting.email_attestation_service
        attestation = attesting.prepare(body.address, attested_by=body.attested_by, until=body.until)
        attesting.attest(attestation)
    return show_one(fill_record(AttestationRecord, attestation))


ROWS = (
    read("/root-emails", Permission.ROOT_EMAILS_READ, list_root_emails, EmailPage),
    change("/root-emails/attestations", Permission.ROOT_EMAILS_ATTEST, attest_root_email, EmailAttestationAnswer),
)
