"""Routes of the ledger."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query

from rootkeeper.access.rules import Permission
from rootkeeper.jobs.records import JobAnswer
from rootkeeper.jobs.rules import JobKind
from rootkeeper.ledger.records import LedgerEntryRecord
from rootkeeper.ledger.rules import Action, Result, render_entry
from rootkeeper.ledger.store import LedgerFilter
from rootkeeper.organization.accounts import parse_account_id
from rootkeeper.server.documents import change, read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import Filter, Limit, show_page
from rootkeeper.server.routes.jobs import take_in
from rootkeeper.shapes import Page, record


@record
class EntryPage(Page):
    """Entries."""

    entries: list[LedgerEntryRecord]


_LARGEST_SEQUENCE = 2**31 - 1


def list_entries(
    services: Served,
    after: Annotated[int, Query(ge=0, le=_LARGEST_SEQUENCE, description="Only entries after this one.")] = 0,
    account_id: Annotated[str | None, Query(max_length=12)] = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """List entries as they were hashed, the oldest first."""
    wanted = None if account_id is None else parse_account_id(account_id)
    found = list(services.ledger_reader.list_entries(since_sequence=after, account_id=wanted, limit=limit + 1))
    page = found[:limit]
    following = str(page[-1].sequence) if len(found) > limit else None
    return show_page("entries", [json.loads(render_entry(entry)) for entry in page], following)


def list_latest(
    services: Served,
    before: Annotated[
        int | None, Query(ge=1, le=_LARGEST_SEQUENCE, description="``next`` of the previous page.")
    ] = None,
    account_id: Annotated[str | None, Query(max_length=12)] = None,
    actor: Filter = None,
    action: Annotated[list[Action] | None, Query(max_length=len(Action))] = None,
    result: Annotated[list[Result] | None, Query(max_length=len(Result))] = None,
    reference: Annotated[
        str | None, Query(max_length=64, description="The id of a window, job or plan that the entries belong to.")
    ] = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """List entries, the newest first: of one account, actor, window, job or plan, of some actions or results."""
    wanted = LedgerFilter(
        account_id=None if account_id is None else parse_account_id(account_id),
        actor=actor,
        actions=frozenset(action or ()),
        results=frozenset(result or ()),
        reference=reference,
    )
    found = services.ledger_reader.list_latest(wanted, before=before, limit=limit + 1)
    page = found[:limit]
    following = str(page[-1].sequence) if len(found) > limit else None
    return show_page("entries", [json.loads(render_entry(entry)) for entry in page], following)


def verify_ledger(services: Served, identity: Identified) -> dict[str, Any]:
    """Verify the whole ledger with its mirror and anchor, as a job; its outcome is the result."""
    return take_in(services, identity, JobKind.LEDGER_VERIFICATION, {})


ROWS = (
    read("/ledger", Permission.LEDGER_READ, list_entries, EntryPage),
    read("/ledger/latest", Permission.LEDGER_READ, list_latest, EntryPage),
    change("/ledger/verifications", Permission.LEDGER_VERIFY, verify_ledger, JobAnswer, HTTPStatus.ACCEPTED),
)
