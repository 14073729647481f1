"""Routes of recovery windows.

A window is named by its own id, or by an account's id, which means the account's latest window. Opening and closing are
answered after a re-read; they continue to their end also if the client leaves.
"""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from starlette.responses import JSONResponse

from rootkeeper.access.rules import Identity, Permission
from rootkeeper.aws.rules import AwsWork
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.errors import AccountBusyError, Hint, InputError
from rootkeeper.evidence.windows import WindowReportAnswer, render_window_markdown, report_to_record
from rootkeeper.organization.accounts import Inventory, parse_account_id
from rootkeeper.organization.selection import NamedAccount, find_account
from rootkeeper.organization.statuses import KIND_ORDER
from rootkeeper.server.documents import change, read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.limits import require_window_access
from rootkeeper.server.parameters import (
    After,
    Body,
    Limit,
    Name,
    NamedAccountText,
    Text,
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
    Count,
    CountedPage,
    JsonRecord,
    ShortText,
    fill_record,
    record,
    record_for,
    record_of,
)
from rootkeeper.values import parse_duration
from rootkeeper.windows.approvals import ApprovalTerms
from rootkeeper.windows.checks import RecoveryRequest
from rootkeeper.windows.credentials import OF_SERVER
from rootkeeper.windows.records import WindowAnswer, WindowBackgroundAnswer, WindowRecord, current_window_to_record
from rootkeeper.windows.rules import (
    LONGEST_DURATION,
    CloseResult,
    OpeningResult,
    OpenOutcome,
    RecoveryWindow,
    WindowState,
)


@record
class WindowPage(CountedPage):
    """Windows, the newest first."""

    windows: list[WindowRecord]


@record_of(OpeningResult, without={"window", "error"})
class WindowOpenedAnswer(WindowAnswer):
    """A window, and the result of its opening."""

    outcome: OpenOutcome


@record_of(CloseResult, without={"window"})
class WindowClosedAnswer(WindowAnswer):
    """A window, and the result of its closing."""

    is_closed: bool


@record_for(KIND_ORDER, bool)
class KindsPresent(JsonRecord):
    """The four kinds of root user credentials."""


@record
class WindowCheckAnswer(Answer):
    """The requirements of a request; nothing was requested."""

    account_id: AccountNumber
    name: str
    email: str
    duration_seconds: Count
    approvals_needed: Count
    present: KindsPresent
    """The credentials that the account has already."""
    remarks: list[str]


_SECOND = timedelta(seconds=1)
_Seconds = Annotated[int | None, Field(ge=1, le=int(LONGEST_DURATION.total_seconds()))]
_Length = Annotated[ShortText | None, Field(description="Such as 45m or 4h, instead of the seconds.", examples=["4h"])]


class LengthBody(Body):
    """A duration, in either of two forms."""

    duration_seconds: _Seconds = None
    duration: _Length = None

    def find_seconds(self) -> int | None:
        """:raises InputError: if both forms are given, or the duration is invalid."""
        if self.duration is None:
            return self.duration_seconds
        if self.duration_seconds is not None:
            raise InputError("The duration is given twice.", hint="Give duration or duration_seconds.")
        length = parse_duration(self.duration, option="duration", shortest=_SECOND, longest=LONGEST_DURATION)
        return int(length.total_seconds())


class WindowBody(LengthBody):
    """A request for a window."""

    model_config = show_example(
        {"account": "payments", "reason": "The invoice can't be seen", "ticket": "INC-1234", "duration": "2h"}
    )

    account: NamedAccountText
    reason: Text
    ticket: ShortText | None = None
    is_drill: bool = False
    is_emergency: bool = False
    governs_login: bool = False
    """Whether it governs the root login that the account has already, instead of allowing password recovery."""


class ApprovalBody(LengthBody):
    """The terms that an approver has seen; if the window's terms differ, the approval is refused."""

    account_id: ShortText | None = None


class ReasonBody(Body):
    """A reason."""

    reason: Text


class CancelBody(Body):
    """An optional reason."""

    reason: Text | None = None


def list_windows(
    services: Served,
    unfinished: bool = False,
    account_id: Annotated[str | None, Query(max_length=12)] = None,
    state: Annotated[list[WindowState] | None, Query(max_length=20)] = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """List recovery windows, the newest first."""
    wanted = None if account_id is None else parse_account_id(account_id)
    found = [
        window
        for window in services.windows.list_windows(unfinished_only=unfinished)
        if (not state or window.state in state) and wanted in (None, window.account_id)
    ]
    page, following = cut_page(found, lambda window: window.window_id, after, limit)
    return show_page("windows", [_record(services, window) for window in page], following, total=len(found))


def show_window(services: Served, window_id: Name) -> dict[str, Any]:
    """Show a window."""
    return show_one(_record(services, services.windows.get(window_id)))


def show_report(services: Served, identity: Identified, window_id: Name) -> dict[str, Any]:
    """Show the report of a window or drill: actions by person, length of each step, events, alerts and re-reads."""
    with services.act_as(identity.to_actor(), None) as acting:
        report = acting.window_reporter.report(window_id)
    return show_one({**report_to_record(report), "markdown": render_window_markdown(report)})


def show_background(services: Served, identity: Identified, window_id: Name) -> dict[str, Any]:
    """Show what is needed to judge a request: its check, earlier windows, and who else can approve it."""
    with services.act_as(identity.to_actor(), None) as acting:
        background = acting.window_background_reader.read(window_id, identity)
    return show_one(fill_record(WindowBackgroundAnswer, background))


def request_window(services: Served, identity: Identified, body: WindowBody) -> dict[str, Any]:
    """Request a window. If it needs no approval, it is APPROVED at once; this doesn't open it."""
    with services.act_as(identity.to_actor(), AwsWork.RECOVER) as acting:
        inventory = acting.inventory_reader.read_recent(log_remarks())
        window = acting.window_request_service.request(
            inventory,
            _make_request(services, identity, body, inventory),
            is_drill=body.is_drill,
            is_emergency=body.is_emergency,
        )
    return show_one(_record(services, window))


def check_request(services: Served, identity: Identified, body: WindowBody) -> dict[str, Any]:
    """Check a request for a window, with an audit session, without making the request.

    A failed check is the same problem that the request itself would get.
    """
    with services.act_as(identity.to_actor(), AwsWork.RECOVER) as acting:
        inventory = acting.inventory_reader.read_recent(log_remarks())
        request = _make_request(services, identity, body, inventory)
        plan = acting.window_request_service.plan(inventory, request, is_emergency=body.is_emergency)
    account = request.account
    return show_one(
        {
            "account_id": account.account_id,
            "name": account.name,
            "email": account.email,
            "duration_seconds": request.duration_seconds,
            "approvals_needed": services.settings_in_force.windows.approvals,
            "present": {
                "password": plan.existing.has_password,
                "access_keys": plan.existing.has_access_keys,
                "signing_certificates": plan.existing.has_signing_certificates,
                "mfa_devices": plan.existing.has_mfa_devices,
            },
            "remarks": list(plan.remarks),
        }
    )


def approve_window(
    services: Served, identity: Identified, window_id: Name, body: ApprovalBody | None = None
) -> dict[str, Any]:
    """Approve a window. Its requester can't; each person's approval counts once."""
    require_window_access(services, identity, window_id)
    account_id = None if body is None or body.account_id is None else parse_account_id(body.account_id)
    terms = ApprovalTerms(account_id, None if body is None else body.find_seconds())
    with services.act_as(identity.to_actor(), None) as acting:
        return show_one(_record(services, acting.window_decision_service.approve(window_id, terms)))


def deny_window(services: Served, identity: Identified, window_id: Name, body: ReasonBody) -> dict[str, Any]:
    """Deny a window, or withdraw an approval that isn't used yet."""
    require_window_access(services, identity, window_id)
    with services.act_as(identity.to_actor(), None) as acting:
        return show_one(_record(services, acting.window_decision_service.deny(window_id, body.reason)))


def cancel_window(
    services: Served, identity: Identified, window_id: Name, body: CancelBody | None = None
) -> dict[str, Any]:
    """Cancel a request before the window is opened."""
    require_window_access(services, identity, window_id)
    reason = (body.reason if body else None) or ""
    with services.act_as(identity.to_actor(), None) as acting:
        return show_one(_record(services, acting.window_decision_service.cancel(window_id, reason)))


def extend_window(services: Served, identity: Identified, window_id: Name, body: LengthBody) -> dict[str, Any]:
    """Approve the extension of an open window; it is extended once enough people approve the same duration."""
    require_window_access(services, identity, window_id)
    seconds = body.find_seconds()
    if seconds is None:
        raise InputError("The extension has no duration.", hint="Give duration or duration_seconds.")
    with services.act_as(identity.to_actor(), AwsWork.RECOVER) as acting:
        return show_one(_record(services, acting.window_decision_service.extend(window_id, seconds)))


def review_window(services: Served, identity: Identified, window_id: Name) -> dict[str, Any]:
    """Confirm, as a second person, that an emergency window was reviewed."""
    require_window_access(services, identity, window_id)
    with services.act_as(identity.to_actor(), None) as acting:
        return show_one(_record(services, acting.window_decision_service.review(window_id)))


def activate_window(services: Served, identity: Identified, window_id: Name) -> dict[str, Any]:
    """Open a window: AWS allows password recovery from now on until its end."""
    require_window_access(services, identity, window_id)
    with services.act_as(identity.to_actor(), AwsWork.RECOVER) as acting:
        opening = acting.window_activator.activate(window_id)
    window_id = opening.window.window_id
    if opening.outcome is OpenOutcome.CANCELLED and opening.error is not None:
        raise opening.error
    # If the outcome is unknown, the answer has the window, which must close.
    if opening.outcome not in (OpenOutcome.OPEN, OpenOutcome.UNKNOWN):
        raise AccountBusyError(
            opening.explanation, hint=Hint(f"See window {window_id} for its state.", "window.show", window_id=window_id)
        )
    return _show_result(WindowOpenedAnswer, services, opening)


def close_window(services: Served, identity: Identified, window_id: Name) -> dict[str, Any] | JSONResponse:
    """Close a window now: delete every root user credential of its account, and prove it by a re-read.

    Status 202 means that the window isn't recorded as closed yet. The server tries again.
    """
    require_window_access(services, identity, window_id)
    window = services.windows.get(window_id)
    with services.act_as(identity.to_actor(), AwsWork.RECOVER) as acting:
        closing = acting.window_closer(log_remarks()).close(window)
    answer = _show_result(WindowClosedAnswer, services, closing)
    return answer if closing.is_closed else JSONResponse(answer, HTTPStatus.ACCEPTED)


def _make_request(
    services: ServerRuntime, identity: Identity, body: WindowBody, inventory: Inventory
) -> RecoveryRequest:
    account = find_account(NamedAccount(body.account), inventory.accounts)
    identity.require_account_access(account.account_id, account)
    seconds = body.find_seconds() or int(services.settings_in_force.windows.default_length.total_seconds())
    return RecoveryRequest(
        account, body.reason, body.ticket, seconds, governs_login=body.governs_login, credentials=OF_SERVER
    )


def _show_result(
    shape: type[JsonRecord], services: ServerRuntime, result: OpeningResult | CloseResult
) -> dict[str, Any]:
    return fill_record(shape, result, **show_one(_record(services, result.window)))


def _record(services: ServerRuntime, window: RecoveryWindow) -> dict[str, Any]:
    return dict(current_window_to_record(window, services.clock.now()))


ROWS = (
    read("/windows", Permission.WINDOWS_READ, list_windows, WindowPage),
    read("/windows/{window_id}", Permission.WINDOWS_READ, show_window, WindowAnswer),
    read("/windows/{window_id}/background", Permission.WINDOWS_READ, show_background, WindowBackgroundAnswer),
    read("/windows/{window_id}/report", Permission.WINDOWS_READ, show_report, WindowReportAnswer, load=RouteLoad.HEAVY),
    change(
        "/windows", Permission.WINDOWS_REQUEST, request_window, WindowAnswer, HTTPStatus.CREATED, load=RouteLoad.AWS
    ),
    change("/windows/check", Permission.WINDOWS_REQUEST, check_request, WindowCheckAnswer, load=RouteLoad.AWS),
    change(
        "/windows/{window_id}/approve",
        Permission.WINDOWS_APPROVE,
        approve_window,
        WindowAnswer,
        needs_fresh_factor=True,
    ),
    change("/windows/{window_id}/deny", Permission.WINDOWS_DENY, deny_window, WindowAnswer),
    change("/windows/{window_id}/cancel", Permission.WINDOWS_REQUEST, cancel_window, WindowAnswer),
    change(
        "/windows/{window_id}/activate",
        Permission.WINDOWS_ACTIVATE,
        activate_window,
        WindowOpenedAnswer,
        needs_fresh_factor=True,
        load=RouteLoad.AWS_CHANGE,
    ),
    change(
        "/windows/{window_id}/extend",
        Permission.WINDOWS_EXTEND,
        extend_window,
        WindowAnswer,
        needs_fresh_factor=True,
        load=RouteLoad.AWS_CHANGE,
    ),
    change(
        "/windows/{window_id}/close",
        Permission.WINDOWS_CLOSE,
        close_window,
        WindowClosedAnswer,
        load=RouteLoad.AWS_CHANGE,
        further_statuses=(HTTPStatus.ACCEPTED,),
    ),
    change("/windows/{window_id}/review", Permission.WINDOWS_REVIEW, review_window, WindowAnswer),
)
