"""Everything that somebody looks at first, in one answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request

from rootkeeper.api.account_pages import AccountsCache
from rootkeeper.api.answers.setup import OverviewAnswer
from rootkeeper.api.guarding import Identified, Served
from rootkeeper.api.overviews import AuditComparisonCache, SetupCache, SetupSnapshot
from rootkeeper.api.parameters import show_one
from rootkeeper.api.route_tables import read
from rootkeeper.api.services import ServerServices
from rootkeeper.api.setup_records import missing_to_records, setup_to_record
from rootkeeper.domain.access import Permission
from rootkeeper.domain.organizations import Inventory
from rootkeeper.domain.statuses import AccountRole, AccountStatus
from rootkeeper.domain.window_records import window_to_record
from rootkeeper.domain.windows import OWING_STATES
from rootkeeper.workflows.history import ComparedAudits
from rootkeeper.workflows.history_records import difference_summary, kept_audit_record


def show_overview(request: Request, services: Served, identity: Identified) -> dict[str, Any]:
    """Show what is on and what is missing, root logins left to secure, open windows, and what changed.

    The set-up is asked of AWS, at most each half minute; while AWS can't be asked ``setup`` is ``null``, and
    ``setup_problem`` says why.
    """
    pages: AccountsCache = request.app.state.account_pages
    readings: SetupCache = request.app.state.setup_readings
    comparisons: AuditComparisonCache = request.app.state.audit_comparisons
    known = pages.take(services, goes_on=False)
    look = readings.take(services, identity.to_actor())
    with services.act_as(identity.to_actor(), None) as acting:
        compared = comparisons.take(services, acting)
    last = services.history.list_audits(limit=1)
    return show_one(
        {
            "organization_id": services.organization_id,
            "management_account_id": _find_management(look, known.inventory),
            "endpoint": services.endpoint.label,
            "is_sandbox": services.endpoint.is_sandbox,
            **_describe_setup(look, known.inventory),
            "root_logins_left": known.left_to_secure,
            "summary": known.summary,
            "windows": _describe_windows(services),
            "drift": None if compared is None else _describe_drift(compared),
            "last_audit": kept_audit_record(last[0]) if last else None,
            "failsafe": list(_list_failsafes(look, known.statuses)),
        }
    )


def _find_management(look: SetupSnapshot, inventory: Inventory | None) -> str | None:
    if look.report is not None:
        return look.report.organization.management_account_id
    return None if inventory is None else inventory.organization.management_account_id


def _describe_setup(look: SetupSnapshot, inventory: Inventory | None) -> dict[str, Any]:
    failure = look.failure
    return {
        "setup": None if look.report is None else setup_to_record(look.report.setup, inventory),
        "setup_problem": None if failure is None else {"detail": failure.message, "hint": failure.hint},
        "missing": [] if look.report is None else missing_to_records(look.report),
    }


def _describe_windows(services: ServerServices) -> dict[str, Any]:
    now, found = services.clock.now(), services.windows.list_windows()
    open_ones = [window for window in found if window.state in OWING_STATES]
    return {
        "by_state": dict(Counter(window.state.value for window in found)),
        "open": [window_to_record(window, now) for window in open_ones],
    }


def _describe_drift(compared: ComparedAudits) -> dict[str, Any]:
    return {
        **difference_summary(compared.difference),
        "older": kept_audit_record(compared.older),
        "newer": kept_audit_record(compared.newer),
    }


def _list_failsafes(look: SetupSnapshot, statuses: Iterable[AccountStatus]) -> Iterable[dict[str, Any]]:
    """The delegated administrators as AWS names them now, or as they were listed last."""
    delegates = None if look.report is None else look.report.setup.delegated_administrators
    for status in statuses:
        is_failsafe = (
            status.role is AccountRole.FAILSAFE if delegates is None else status.account.account_id in delegates
        )
        if is_failsafe:
            yield {
                "account_id": status.account.account_id,
                "name": status.account.name,
                "is_in_order": None if status.summary is None else status.is_in_order,
                "detail": _explain(status),
            }


def _explain(status: AccountStatus) -> str | None:
    """What a person should know of it; ``None`` if it is guarded as it should be."""
    found = status.summary
    if found is None:
        return status.detail or "It wasn't read yet: run an audit."
    lacks = [
        text
        for is_so, text in (
            (not found.has_password, "it has no password, so that it is no way in yet"),
            (not found.has_mfa_devices, "it has no MFA device"),
            (found.has_access_keys, "it has access keys"),
            (found.has_signing_certificates, "it has signing certificates"),
        )
        if is_so
    ]
    if not lacks:
        return None
    text = "; ".join(lacks)
    return f"{text[0].upper()}{text[1:]}. See: rootkeeper failsafe check"


ROWS = (read("/overview", Permission.SETUP_READ, show_overview, OverviewAnswer),)
