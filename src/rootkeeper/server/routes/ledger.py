"""Routes of the ledger, and of the evidence report, with the same bytes as the command ``report`` writes."""

from __future__ import annotations

import json
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query
from pydantic import AwareDatetime
from starlette.responses import Response

from rootkeeper.access.rules import Permission
from rootkeeper.evidence.rules import DEFAULT_STALE_AFTER, Period, end_second
from rootkeeper.jobs.records import JobAnswer
from rootkeeper.jobs.rules import JobKind
from rootkeeper.ledger.rules import Action, Result, render_entry
from rootkeeper.ledger.store import LedgerFilter
from rootkeeper.organization.accounts import parse_account_id
from rootkeeper.reports.formats import FORMATS, get_format, list_names
from rootkeeper.server.answers.jobs import EntryPage
from rootkeeper.server.documents import Row, change, read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import Filter, Limit, show_page
from rootkeeper.server.request_path import PREFIX
from rootkeeper.server.routes.jobs import take_in

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
    limit: Limit = 100,
) -> dict[str, Any]:
    """List entries, the newest first: of one account, by one actor, of some actions or results."""
    wanted = LedgerFilter(
        account_id=None if account_id is None else parse_account_id(account_id),
        actor=actor,
        actions=frozenset(action or ()),
        results=frozenset(result or ()),
    )
    found = services.ledger_reader.list_latest(wanted, before=before, limit=limit + 1)
    page = found[:limit]
    following = str(page[-1].sequence) if len(found) > limit else None
    return show_page("entries", [json.loads(render_entry(entry)) for entry in page], following)


def verify_ledger(services: Served, identity: Identified) -> dict[str, Any]:
    """Verify the whole ledger with its mirror and anchor, as a job; its outcome is the result."""
    return take_in(services, identity, JobKind.LEDGER_VERIFICATION, {})


LEDGER_ROWS = (
    read("/ledger", Permission.LEDGER_READ, list_entries, EntryPage),
    read("/ledger/latest", Permission.LEDGER_READ, list_latest, EntryPage),
    change("/ledger/verifications", Permission.LEDGER_VERIFY, verify_ledger, JobAnswer, HTTPStatus.ACCEPTED),
)

_LONGEST_DAYS = 3650


def make_report(
    services: Served,
    identity: Identified,
    start: Annotated[
        AwareDatetime, Query(alias="from", description="The start of the period.", examples=["2026-01-01T00:00:00Z"])
    ],
    end: Annotated[AwareDatetime | None, Query(alias="to", description="The end of the period. Default: now.")] = None,
    report_format: Annotated[str, Query(alias="format", json_schema_extra={"enum": list(list_names())})] = "html",
    stale_after_days: Annotated[
        int,
        Query(
            ge=1, le=_LONGEST_DAYS, description="A reading older than this at the end of the period counts as unknown."
        ),
    ] = DEFAULT_STALE_AFTER.days,
) -> Response:
    """Write the evidence of a period as a file: root user credentials, windows, deletions, the set-up, the ledger.

    Makes no AWS call; accounts that weren't read in the period are unknown. The whole ledger is verified.
    """
    chosen = get_format(report_format)
    last = end_second(services.clock.now()) if end is None else end
    with services.act_as(identity.to_actor(), None) as acting:
        evidence = acting.evidence_compiler(services.organization_id).compile(
            Period(start, last, timedelta(days=stale_after_days))
        )
    name = f"rootkeeper-{start:%Y%m%d}-{last:%Y%m%d}{chosen.suffix}"
    # The name consists of digits, so that no outside text gets into a header.
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(b"".join(chosen.render(evidence)), media_type=chosen.media_type, headers=headers)


REPORTS_ROWS = (
    Row(
        "GET",
        f"{PREFIX}/reports",
        Permission.REPORTS_READ,
        make_report,
        response_class=Response,
        media_types=tuple(dict.fromkeys(one.media_type for one in FORMATS)),
    ),
)
