"""Routes of emergency access: the verdict, the runbook, and the set-up of a failsafe's root login.

The set-up is a recovery window: it is requested here, approved and opened as every window, and ends by keeping the
login. If a server has roles for its work, none of them may create a failsafe's root login. AWS then refuses the
opening, and the command line with credentials of the management account can do it.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field

from rootkeeper.access.rules import Identity, Permission
from rootkeeper.aws.rules import AwsWork
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.errors import WindowConflictError
from rootkeeper.failsafe.confirmations import KnownFailsafes, describe_failsafes
from rootkeeper.failsafe.readiness import CheckedFailsafes, evaluate_emergency_access, parse_checked
from rootkeeper.failsafe.records import FailsafeRunbookDocument, RunbookStepRecord
from rootkeeper.failsafe.rules import CheckVerdict
from rootkeeper.failsafe.runbook import RunbookFacts, write_runbook
from rootkeeper.failsafe.set_up import require_failsafe
from rootkeeper.jobs.rules import JobKind
from rootkeeper.organization.accounts import Inventory
from rootkeeper.organization.selection import NamedAccount, find_account
from rootkeeper.server.accounts import require_listed
from rootkeeper.server.documents import change, read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.limits import require_window_access
from rootkeeper.server.parameters import Name, Text, log_remarks, show_example, show_one
from rootkeeper.server.routes.failsafe import list_recorded_drills
from rootkeeper.server.routes.windows import LengthBody
from rootkeeper.server.turns import RouteLoad
from rootkeeper.shapes import AccountNumber, Answer, Count, JsonRecord, Moment, ShortText, fill_record, record
from rootkeeper.windows.checks import RecoveryRequest
from rootkeeper.windows.credentials import OF_SERVER
from rootkeeper.windows.records import WindowAnswer, current_window_to_record

_CHECKS_SEARCHED = 20
"""How many of the latest checks are searched for one with a result."""


@record
class WindowPeopleRecord(JsonRecord):
    """The users and tokens that may do each step of a recovery window today."""

    request: list[str]
    approve: list[str]
    open: list[str]


@record
class EmergencyAccessAnswer(Answer):
    """Whether emergency access is in order, without a call to AWS."""

    verdict: CheckVerdict
    """``pass``: each failsafe passed its last check, in the last week, and its drill is recent."""
    reasons: list[str]
    """Why it isn't; empty if it is."""
    checked_at: Moment | None
    """When the failsafes were checked last; ``null`` if never."""
    approvals_needed: Count
    """Of a recovery window."""
    people: WindowPeopleRecord | None
    """``null`` for those who neither request nor approve windows."""


@record
class FailsafeSetUpCheckAnswer(Answer):
    """The requirements of a set-up; nothing was requested."""

    account_id: AccountNumber
    name: str
    email: str
    is_complete: bool
    """Whether the account has a complete root login already, so that there is nothing to set up."""
    duration_seconds: Count
    approvals_needed: Count
    remarks: list[str]


class LoginKeptAnswer(WindowAnswer):
    """A window whose login is kept."""

    explanation: str


class FailsafeSetUpBody(LengthBody):
    """A set-up of a failsafe's root login."""

    model_config = show_example({"reason": "Set up the failsafe's root login", "ticket": "OPS-77", "duration": "4h"})

    reason: Text
    ticket: Annotated[ShortText | None, Field(description="The ticket or change number.")] = None


def show_emergency_access(services: Served, identity: Identified) -> dict[str, Any]:
    """Show whether emergency access is in order, and who may request, approve and open windows. Makes no AWS call."""
    verdict = evaluate_emergency_access(_describe_known(services), _find_checked(services), services.clock.now())
    takes_part = identity.may(Permission.WINDOWS_APPROVE) or identity.may(Permission.WINDOWS_REQUEST)
    return show_one(
        fill_record(
            EmergencyAccessAnswer,
            verdict,
            approvals_needed=services.settings_in_force.windows.approvals,
            people=_list_people(services, identity) if takes_part else None,
        )
    )


def show_runbook(services: Served, account_id: Name) -> dict[str, Any]:
    """Show the runbook of a failsafe as of the last listing: steps that need only the AWS CLI. Makes no AWS call."""
    inventory = require_listed(services)
    account = find_account(NamedAccount(account_id), inventory.accounts)
    require_failsafe(account, inventory)
    organization = inventory.organization
    facts = RunbookFacts(
        organization_id=organization.organization_id,
        management_account_id=organization.management_account_id,
        failsafe=account,
        partition=organization.partition,
        region=services.aws.region,
        endpoint_url=services.endpoint.people_url,
    )
    steps = [fill_record(RunbookStepRecord, step, step=number) for number, step in enumerate(write_runbook(facts), 1)]
    return show_one(
        {
            "organization_id": organization.organization_id,
            "management_account_id": organization.management_account_id,
            "failsafe_account_id": account.account_id,
            "steps": steps,
        }
    )


def check_set_up(services: Served, identity: Identified, account_id: Name, body: FailsafeSetUpBody) -> dict[str, Any]:
    """Check the set-up of a failsafe's root login, with an audit session, without requesting it."""
    with services.act_as(identity.to_actor(), AwsWork.RECOVER) as acting:
        inventory = acting.inventory_reader.read_recent(log_remarks())
        request = _make_request(services, identity, account_id, body, inventory)
        plan = acting.failsafe_set_up_service.plan(inventory, request)
    return show_one(
        {
            "account_id": request.account.account_id,
            "name": request.account.name,
            "email": request.account.email,
            "is_complete": plan is None,
            "duration_seconds": request.duration_seconds,
            "approvals_needed": services.settings_in_force.windows.approvals,
            "remarks": [] if plan is None else list(plan.remarks),
        }
    )


def request_set_up(services: Served, identity: Identified, account_id: Name, body: FailsafeSetUpBody) -> dict[str, Any]:
    """Request the recovery window that sets up a failsafe's root login. This doesn't open it."""
    with services.act_as(identity.to_actor(), AwsWork.RECOVER) as acting:
        inventory = acting.inventory_reader.read_recent(log_remarks())
        request = _make_request(services, identity, account_id, body, inventory)
        window = acting.failsafe_set_up_service.request(inventory, request)
    return show_one(current_window_to_record(window, services.clock.now()))


def keep_login(services: Served, identity: Identified, window_id: Name) -> dict[str, Any]:
    """Keep the root login of a failsafe's set-up, if a re-read shows that it is complete; the window ends."""
    require_window_access(services, identity, window_id)
    window = services.windows.get(window_id)
    with services.act_as(identity.to_actor(), AwsWork.RECOVER) as acting:
        keeping = acting.failsafe_login_keeper(log_remarks()).keep(window)
    if not keeping.is_kept:
        is_incomplete = keeping.progress is not None and not keeping.progress.is_complete
        step = "Complete the login as root user" if is_incomplete else "Resolve the cause"
        raise WindowConflictError(
            keeping.explanation, hint=f"{step}, then try again. At the window's end the login is deleted."
        )
    kept = current_window_to_record(keeping.window, services.clock.now())
    return show_one({**kept, "explanation": keeping.explanation})


def _describe_known(services: ServerRuntime) -> KnownFailsafes:
    confirmations = services.confirmations.list_confirmations(in_sandbox=services.endpoint.is_sandbox)
    inventory = services.inventory_store.find_last()
    return describe_failsafes(inventory, list_recorded_drills(services), confirmations, services.clock.now())


def _find_checked(services: ServerRuntime) -> CheckedFailsafes | None:
    for job in services.jobs.list_jobs(kinds=(JobKind.FAILSAFE_CHECK,), limit=_CHECKS_SEARCHED):
        outcome = services.jobs.find_outcome(job.job_id)
        if outcome is not None and (checked := parse_checked(json.loads(outcome))) is not None:
            return checked
    return None


def _list_people(services: ServerRuntime, identity: Identity) -> dict[str, list[str]]:
    with services.act_as(identity.to_actor(), None) as acting:
        people = acting.window_people.read(None, services.clock.now())
    permissions = {
        "request": Permission.WINDOWS_REQUEST,
        "approve": Permission.WINDOWS_APPROVE,
        "open": Permission.WINDOWS_ACTIVATE,
    }
    return {step: list(people.list_allowed(permission)) for step, permission in permissions.items()}


def _make_request(
    services: ServerRuntime, identity: Identity, account_id: str, body: FailsafeSetUpBody, inventory: Inventory
) -> RecoveryRequest:
    account = find_account(NamedAccount(account_id), inventory.accounts)
    identity.require_account_access(account.account_id, account)
    seconds = body.find_seconds() or int(services.settings_in_force.windows.default_length.total_seconds())
    return RecoveryRequest(account, body.reason, body.ticket, seconds, keeps_login=True, credentials=OF_SERVER)


ROWS = (
    read("/emergency-access", Permission.FAILSAFE_READ, show_emergency_access, EmergencyAccessAnswer),
    read("/failsafes/{account_id}/runbook", Permission.FAILSAFE_READ, show_runbook, FailsafeRunbookDocument),
    change(
        "/failsafes/{account_id}/set-up/check",
        Permission.WINDOWS_REQUEST,
        check_set_up,
        FailsafeSetUpCheckAnswer,
        load=RouteLoad.AWS,
    ),
    change(
        "/failsafes/{account_id}/set-up",
        Permission.WINDOWS_REQUEST,
        request_set_up,
        WindowAnswer,
        HTTPStatus.CREATED,
        load=RouteLoad.AWS,
    ),
    change(
        "/windows/{window_id}/keep-login",
        Permission.WINDOWS_ACTIVATE,
        keep_login,
        LoginKeptAnswer,
        needs_fresh_factor=True,
        load=RouteLoad.AWS_CHANGE,
    ),
)
