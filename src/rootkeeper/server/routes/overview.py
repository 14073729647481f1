"""Routes of the overview: what needs attention, the picture of all accounts, and the last 90 days."""

from __future__ import annotations

from collections import Counter
from typing import Any

from starlette.requests import Request
from typing_extensions import TypedDict

from rootkeeper.access.rules import Permission
from rootkeeper.history import rules as history
from rootkeeper.history.records import ChangeCounts, KeptAuditRecord, difference_summary, kept_audit_record
from rootkeeper.history.rules import list_trend
from rootkeeper.jobs.rules import JobKind
from rootkeeper.organization.accounts import Feature
from rootkeeper.organization.records import RootLoginsLeftRecord, StatusCounts
from rootkeeper.organization.statuses import AccountRole, AccountStatus, CredentialKind
from rootkeeper.server.accounts import AccountsCache, AuditComparisonCache, SetupCache
from rootkeeper.server.documents import read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import show_one
from rootkeeper.server.picture import PictureCache
from rootkeeper.server.routes.setup import SetupStateRecord, describe_setup
from rootkeeper.server.turns import RouteLoad
from rootkeeper.shapes import (
    AccountNumber,
    Answer,
    Count,
    JsonRecord,
    Moment,
    fill_record,
    filled_from,
    record,
    record_of,
)
from rootkeeper.windows.approvals import waits_for_person
from rootkeeper.windows.records import WindowRecord, current_window_to_record
from rootkeeper.windows.rules import OWING_STATES, WindowState
from rootkeeper.worker import health


@filled_from(detail="message")
class SetupProblem(JsonRecord):
    """Why the set-up couldn't be read."""

    code: str
    """Such as ``aws.credentials`` or ``aws.unreachable``."""
    detail: str
    hint: str | None


@record
class MissingPart(TypedDict):
    """A missing part, why it is needed, and how to fix it."""

    what: str
    why: str
    action: str


@record
class WindowOverview(TypedDict):
    """Recovery windows."""

    by_state: dict[WindowState, Count]
    open: list[WindowRecord]
    """Windows that must still be closed."""
    waiting: list[WindowRecord]
    """Windows that wait for a person: for an approval, to be opened, or for a review."""


@record
class AuditDifferences(ChangeCounts):
    """The changes between the last two audits of the whole organization."""

    older: KeptAuditRecord
    newer: KeptAuditRecord


@record
class FailsafeState(TypedDict):
    """A delegated administrator's root login."""

    account_id: AccountNumber
    name: str
    is_in_order: bool | None
    """``null`` while it wasn't read."""
    detail: str | None
    """Its faults."""


@record_of(health.LedgerState)
class LedgerStateRecord(JsonRecord):
    """Whether the ledger is intact, as this server verifies it again and again."""

    verified_at: Moment | None
    """``null`` before the first round without a problem."""


@record
class OverviewAnswer(Answer):
    """The facts that need attention first."""

    organization_id: str
    management_account_id: AccountNumber | None
    endpoint: str
    is_sandbox: bool
    setup: SetupStateRecord | None
    """``null`` while it can't be read from AWS."""
    setup_problem: SetupProblem | None
    missing: list[MissingPart]
    root_logins_left_to_secure: RootLoginsLeftRecord
    summary: StatusCounts
    windows: WindowOverview
    drift: AuditDifferences | None
    """``null`` while there aren't two audits."""
    last_audit: KeptAuditRecord | None
    last_complete_audit: KeptAuditRecord | None
    """The last audit of the whole organization."""
    ledger: LedgerStateRecord
    failsafe: list[FailsafeState]


@record_of(history.TrendDay)
class TrendDay(JsonRecord):
    """A day, in UTC."""

    day: str
    """Such as ``2026-01-15``."""


@record
class UnitPicture(TypedDict):
    """The accounts directly in an organizational unit."""

    ou_id: str | None
    """``null`` for accounts whose unit isn't known."""
    path: str
    """Names from the organization's root down."""
    summary: StatusCounts
    safe_to_delete: Count


@record
class DeletionPicture(TypedDict):
    """The member accounts with the status ``present``, as a deletion would find them."""

    safe: Count
    """Read in detail, not used within ``recently_used_days``, without an exception."""
    used: Count
    unread: Count
    """Their last use isn't known: not read, not lately, or AWS shows none, as of certificates."""
    exception: Count


@record
class KindPicture(TypedDict):
    """The accounts that have a kind of credentials, by the age of the oldest of them."""

    kind: CredentialKind
    accounts: Count
    ages: list[Count]
    """One more than ``age_days``: younger than the first, and so on; the last are as old as its last or older."""
    unread: Count
    """Accounts of which the age wasn't read."""


@record
class PictureAnswer(Answer):
    """All accounts, counted as the accounts page counts them."""

    summary: StatusCounts
    root_logins_left_to_secure: RootLoginsLeftRecord
    kept_in_order: Count
    """Accounts with credentials that aren't left to secure, because they are failsafes in order."""
    kept_unsecured: Count
    """Accounts that are left to secure beside those with credentials: the management account, or an empty failsafe."""
    units: list[UnitPicture]
    """In the order of the tree."""
    deletion: DeletionPicture
    recently_used_days: Count
    age_days: list[Count]
    """The limits between the groups of ages."""
    credentials: list[KindPicture]


@record
class TrendAnswer(Answer):
    """How root logins and recovery windows developed, the oldest day first."""

    days: list[TrendDay]


_WHYS: tuple[tuple[str, str], ...] = (
    ("All features", "An organization with consolidated billing only has no root access management."),
    ("Trusted access", "IAM needs trusted access to act in member accounts."),
    (
        f"The feature {Feature.ROOT_CREDENTIALS_MANAGEMENT}",
        "It is needed to see, delete and recover root user credentials of member accounts from one place.",
    ),
    (
        f"The feature {Feature.ROOT_SESSIONS}",
        "Without it, only the root user's password helps when a bucket or queue policy denies access to everyone.",
    ),
    (
        "A delegated administrator",
        (
            "Without one, everything here needs the management account, and there is no access when the identity "
            "provider fails."
        ),
    ),
)
"""Why each part is needed, by the beginning of its name."""


def show_overview(request: Request, services: Served, identity: Identified) -> dict[str, Any]:
    """Show the parts that are on or missing, root logins left to secure, open windows, and changes.

    The set-up is read from AWS at most every half minute. If it can't be read, ``setup`` is ``null`` and
    ``setup_problem`` says why.
    """
    pages: AccountsCache = request.app.state.account_pages
    readings: SetupCache = request.app.state.setup_readings
    comparisons: AuditComparisonCache = request.app.state.audit_comparisons
    known = pages.take(services, is_later_page=False)
    look = readings.take(services, identity.to_actor())
    with services.act_as(identity.to_actor(), None) as acting:
        compared = comparisons.take(services, acting)
    last, complete = (services.history.list_audits(limit=1, only_complete=only) for only in (False, True))
    report, failure = look.report, look.failure
    known_as = report or known.inventory
    windows, now = services.windows.list_windows(), services.clock.now()
    # The delegated administrators as read from AWS now, or as last listed.
    delegates = None if report is None else report.setup.delegated_administrators
    failsafes = [
        status
        for status in known.statuses
        if (status.role is AccountRole.FAILSAFE if delegates is None else status.account.account_id in delegates)
    ]
    return show_one(
        {
            "organization_id": services.organization_id,
            "management_account_id": None if known_as is None else known_as.organization.management_account_id,
            "endpoint": services.endpoint.label,
            "is_sandbox": services.endpoint.is_sandbox,
            "setup": None if report is None else describe_setup(report.setup, known.inventory),
            "setup_problem": None if failure is None else fill_record(SetupProblem, failure),
            "missing": [
                {
                    "what": part.what,
                    "why": next((why for begin, why in _WHYS if part.what.startswith(begin)), ""),
                    "action": str(part.fix),
                }
                for part in (() if report is None else report.missing)
            ],
            "root_logins_left_to_secure": known.left_to_secure,
            "summary": known.summary,
            "windows": {
                "by_state": dict(Counter(window.state.value for window in windows)),
                "open": [current_window_to_record(window, now) for window in windows if window.state in OWING_STATES],
                "waiting": [
                    current_window_to_record(window, now) for window in windows if waits_for_person(window, now)
                ],
            },
            "drift": None
            if compared is None
            else {
                **difference_summary(compared.difference),
                "older": kept_audit_record(compared.older),
                "newer": kept_audit_record(compared.newer),
            },
            "last_audit": kept_audit_record(last[0]) if last else None,
            "last_complete_audit": kept_audit_record(complete[0]) if complete else None,
            "ledger": fill_record(LedgerStateRecord, services.ledger_state),
            "failsafe": [
                {
                    "account_id": status.account.account_id,
                    "name": status.account.name,
                    "is_in_order": None if status.summary is None else status.is_in_order,
                    "detail": _explain(status),
                }
                for status in failsafes
            ],
        }
    )


def _explain(status: AccountStatus) -> str | None:
    """Describe the faults of a failsafe; ``None`` if it has none."""
    found = status.summary
    if found is None:
        return status.detail or "It hasn't been read yet. Run an audit."
    lacks = [
        text
        for is_so, text in (
            (not found.has_password, "it has no password, so it gives no access yet"),
            (not found.has_mfa_devices, "it has no MFA device"),
            (found.has_access_keys, "it has access keys"),
            (found.has_signing_certificates, "it has signing certificates"),
            (not status.is_confirmed, "it isn't confirmed as a failsafe"),
        )
        if is_so
    ]
    if not lacks:
        return None
    text = "; ".join(lacks)
    return f"{text[0].upper()}{text[1:]}. Check the failsafe."


def show_picture(request: Request, services: Served, identity: Identified) -> dict[str, Any]:
    """Count all accounts by unit and status, by kind and age of credentials, and for a deletion."""
    pages: AccountsCache = request.app.state.account_pages
    pictures: PictureCache = request.app.state.pictures
    with services.act_as(identity.to_actor(), None) as acting:
        exceptions = acting.exceptions.list_exceptions()
    return show_one(pictures.take(services, pages, exceptions))


_MOST_DELETIONS = 1_000
"""The newest that the trend looks through."""


def show_trend(services: Served) -> dict[str, Any]:
    """Show root logins left to secure, opened windows and deletions of each of the last 90 days."""
    opened = [window.opened_at for window in services.windows.list_windows() if window.opened_at is not None]
    deletions = services.jobs.list_jobs(kinds=(JobKind.DELETION,), limit=_MOST_DELETIONS)
    deleted = [job.ended_at or job.updated_at for job in deletions if job.progress.done]
    days = list_trend(services.history.list_audits(), opened, deleted, services.clock.now())
    return show_one({"days": [fill_record(TrendDay, trend_day, day=trend_day.day.isoformat()) for trend_day in days]})


ROWS = (
    read("/overview", Permission.SETUP_READ, show_overview, OverviewAnswer),
    read("/overview/accounts", Permission.ACCOUNTS_READ, show_picture, PictureAnswer, load=RouteLoad.HEAVY),
    read("/overview/trend", Permission.HISTORY_READ, show_trend, TrendAnswer, load=RouteLoad.HEAVY),
)
