"""Routes of exceptions: accounts that deletion skips, each with an owner, a reason and an end."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from rootkeeper.access.rules import Permission
from rootkeeper.errors import Hint, NotFoundError
from rootkeeper.exceptions.rules import ExceptionRecord, exception_to_record
from rootkeeper.organization.accounts import parse_account_id
from rootkeeper.organization.selection import NamedAccount, find_account
from rootkeeper.server.accounts import require_listed
from rootkeeper.server.documents import change, read, remove
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.limits import require_account_access
from rootkeeper.server.parameters import (
    After,
    Body,
    Limit,
    Name,
    NamedAccountText,
    Text,
    Time,
    cut_page,
    show_example,
    show_one,
    show_page,
)
from rootkeeper.shapes import CountedPage, JsonAnswer, ShortText, record


@record
class ExceptionPage(CountedPage):
    """Exceptions, those in force first."""

    exceptions: list[ExceptionRecord]


class ExceptionAnswer(ExceptionRecord, JsonAnswer):
    """An exception."""


class ExceptionBody(Body):
    """An exception."""

    model_config = show_example(
        {
            "account": "payments",
            "owner": "Ana",
            "reason": "Its vendor signs in as root until the move in March.",
            "until": "2027-03-31T23:59:59Z",
        }
    )

    account: NamedAccountText
    owner: Annotated[ShortText, Field(description="The person who is responsible for the exception.")]
    reason: Text
    until: Time


def list_exceptions(services: Served, identity: Identified, limit: Limit = 100, after: After = None) -> dict[str, Any]:
    """List the exceptions, those in force first."""
    now = services.clock.now()
    with services.act_as(identity.to_actor(), None) as acting:
        found = acting.exceptions.list_exceptions()
    page, following = cut_page(found, lambda exception: exception.account_id, after, limit)
    return show_page(
        "exceptions", [exception_to_record(exception, now) for exception in page], following, total=len(found)
    )


def add_exception(services: Served, identity: Identified, body: ExceptionBody) -> dict[str, Any]:
    """Let deletion skip an account until a time; replaces an earlier exception of the account."""
    inventory = require_listed(services)
    account = find_account(NamedAccount(body.account), inventory.accounts)
    require_account_access(services, identity, [account.account_id])
    with services.act_as(identity.to_actor(), None) as acting:
        exception = acting.exceptions.prepare(
            account, inventory, owner=body.owner, reason=body.reason, until=body.until
        )
        kept = acting.exceptions.add(exception)
    return show_one(exception_to_record(kept, services.clock.now()))


def remove_exception(services: Served, identity: Identified, account_id: Name) -> dict[str, Any]:
    """End an account's exception now, and show it as it was."""
    wanted = parse_account_id(account_id)
    require_account_access(services, identity, [wanted])
    with services.act_as(identity.to_actor(), None) as acting:
        if not any(exception.account_id == wanted for exception in acting.exceptions.list_exceptions()):
            raise NotFoundError(
                f"Account {wanted} has no exception.", hint=Hint("List the exceptions.", "exception.list")
            )
        removed = acting.exceptions.remove(wanted)
    return show_one(exception_to_record(removed, services.clock.now()))


ROWS = (
    read("/exceptions", Permission.EXCEPTIONS_READ, list_exceptions, ExceptionPage),
    change("/exceptions", Permission.EXCEPTIONS_KEEP, add_exception, ExceptionAnswer),
    remove("/exceptions/{account_id}", Permission.EXCEPTIONS_KEEP, remove_exception, ExceptionAnswer),
)
