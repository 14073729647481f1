"""Routes of past events: audits, the history of accounts, and the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias

from fastapi import Query

from rootkeeper.access.rules import Permission
from rootkeeper.errors import InputError
from rootkeeper.evidence.rules import Period, require_period
from rootkeeper.history.records import (
    ComparisonAnswer,
    HistoryAnswer,
    KeptAuditRecord,
    comparison_record,
    kept_audit_record,
)
from rootkeeper.jobs.records import JobAnswer
from rootkeeper.jobs.rules import JobKind
from rootkeeper.ledger.records import LedgerEntryRecord
from rootkeeper.ledger.rules import Action, LedgerEntry, Result, render_entry
from rootkeeper.ledger.store import LedgerFilter
from rootkeeper.organization.accounts import parse_account_id
from rootkeeper.organization.records import DetailedAccountRecord, stored_account_to_record
from rootkeeper.organization.statuses import FailOn
from rootkeeper.server.bodies import SELECTION_BYTES
from rootkeeper.server.documents import change, read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import After, Filter, Limit, Name, Time, cut_page, show_one, show_page
from rootkeeper.server.routes.jobs import AuditBody, take_in
from rootkeeper.server.turns import RouteLoad
from rootkeeper.shapes import CountedPage, JsonAnswer, Page, fill_record, record


@record
class AuditPage(CountedPage):
    """Audits, the newest first."""

    audits: list[KeptAuditRecord]


class AuditAnswer(KeptAuditRecord, JsonAnswer):
    """An audit with a part of its findings."""

    next: str | None
    """``after`` of the next page; ``None`` on the last page."""
    accounts: list[DetailedAccountRecord]


def run_audit(services: Served, identity: Identified, body: AuditBody) -> dict[str, Any]:
    """Audit accounts, as a job."""
    return take_in(services, identity, JobKind.AUDIT, body.to_parameters())


def list_audits(services: Served, limit: Limit = 100, after: After = None) -> dict[str, Any]:
    """List the stored audits, the newest first."""
    found = services.history.list_audits()
    page, following = cut_page(found, lambda audit: audit.audit_id, after, limit)
    return show_page("audits", [kept_audit_record(audit) for audit in page], following, total=len(found))


def show_audit(services: Served, audit_id: Name, limit: Limit = 100, after: After = None) -> dict[str, Any]:
    """Show a stored audit and its results."""
    audit = services.history.get(audit_id)
    found = services.history.list_page(audit_id, after or "", limit + 1)
    page, following = cut_page(found, lambda status: status.account.account_id, None, limit)
    records = [stored_account_to_record(status, details=True) for status in page]
    return show_page("accounts", records, following, **kept_audit_record(audit))


def compare_audits(
    services: Served, identity: Identified, older: Filter = None, newer: Filter = None
) -> dict[str, Any]:
    """Show the changes between two stored audits, by default the last two of the whole organization.

    Each is named by its id or a time; a time means the last audit of the whole organization that had ended by then.
    """
    with services.act_as(identity.to_actor(), None) as acting:
        reading = acting.history_reader(services.organization_id)
        compared = reading.compare(older, newer, _parse_moment)
    worse = [condition.value for condition in FailOn if compared.difference.is_worse(frozenset({condition}))]
    return show_one({**comparison_record(compared, services.organization_id), "worse": worse})


def show_history(services: Served, identity: Identified, account_id: Name) -> dict[str, Any]:
    """Show an account's history: audits, ledger entries, windows and root events, the oldest first."""
    with services.act_as(identity.to_actor(), None) as acting:
        history = acting.history_reader(services.organization_id).read_account(account_id)
    return show_one(fill_record(HistoryAnswer, history, organization_id=services.organization_id))


def _parse_moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"{text!r} is neither an audit nor a time.",
            hint="Give an audit's id, or a time such as 2026-12-31T18:00:00Z.",
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


@record
class EntryPage(Page):
    """Entries."""

    entries: list[LedgerEntryRecord]


@record
class LatestEntryPage(CountedPage):
    """Entries, the newest first."""

    entries: list[LedgerEntryRecord]


_LARGEST_SEQUENCE = 2**31 - 1

EntriesFrom: TypeAlias = Annotated[Time | None, Query(alias="from", description="Only entries from this time on.")]
EntriesTo: TypeAlias = Annotated[Time | None, Query(alias="to", description="Only entries until this time.")]


def list_entries(
    services: Served,
    after: Annotated[int, Query(ge=0, le=_LARGEST_SEQUENCE, description="Only entries after this one.")] = 0,
    account_id: Annotated[str | None, Query(max_length=12)] = None,
    start: EntriesFrom = None,
    end: EntriesTo = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """List entries as they were hashed, the oldest first."""
    _require_order(start, end)
    wanted = None if account_id is None else parse_account_id(account_id)
    found = services.ledger_reader.list_entries(
        since_sequence=after, account_id=wanted, start=start, end=end, limit=limit + 1
    )
    return _show_entries(list(found), limit)


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
    start: EntriesFrom = None,
    end: EntriesTo = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """List entries, the newest first: of a period, account, actor, window, job or plan, of some actions or results."""
    _require_order(start, end)
    wanted = LedgerFilter(
        account_id=None if account_id is None else parse_account_id(account_id),
        actor=actor,
        actions=frozenset(action or ()),
        results=frozenset(result or ()),
        reference=reference,
        start=start,
        end=end,
    )
    found = services.ledger_reader.list_latest(wanted, before=before, limit=limit + 1)
    return _show_entries(found, limit, total=services.ledger_reader.count_entries(wanted))


def _require_order(start: datetime | None, end: datetime | None) -> None:
    """:raises InputError: if the end isn't after the start."""
    if start is not None and end is not None:
        require_period(Period(start, end))


def _show_entries(found: Sequence[LedgerEntry], limit: int, **head: int) -> dict[str, Any]:
    page, following = cut_page(found, lambda entry: str(entry.sequence), None, limit)
    return show_page("entries", [json.loads(render_entry(entry)) for entry in page], following, **head)


def verify_ledger(services: Served, identity: Identified) -> dict[str, Any]:
    """Verify the whole ledger with its mirror and anchor, as a job; its outcome is the result."""
    return take_in(services, identity, JobKind.LEDGER_VERIFICATION, {})


ROWS = (
    change(
        "/audits", Permission.ACCOUNTS_AUDIT, run_audit, JobAnswer, HTTPStatus.ACCEPTED, largest_bytes=SELECTION_BYTES
    ),
    read("/audits", Permission.HISTORY_READ, list_audits, AuditPage),
    read("/audits/diff", Permission.HISTORY_READ, compare_audits, ComparisonAnswer, load=RouteLoad.HEAVY),
    read("/audits/{audit_id}", Permission.HISTORY_READ, show_audit, AuditAnswer, load=RouteLoad.HEAVY),
    read("/history/{account_id}", Permission.HISTORY_READ, show_history, HistoryAnswer, load=RouteLoad.HEAVY),
)

LEDGER_ROWS = (
    read("/ledger", Permission.LEDGER_READ, list_entries, EntryPage, load=RouteLoad.HEAVY),
    read("/ledger/latest", Permission.LEDGER_READ, list_latest, LatestEntryPage, load=RouteLoad.HEAVY),
    change("/ledger/verifications", Permission.LEDGER_VERIFY, verify_ledger, JobAnswer, HTTPStatus.ACCEPTED),
)
