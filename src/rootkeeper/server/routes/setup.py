"""Routes of the set-up of root access management, of the overview, and of a demo's guided story.

If a server has roles for its work, none of them may change the set-up. AWS then denies the change, and the command line
with credentials of the management account can make it.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request

from rootkeeper.access.rules import Permission
from rootkeeper.aws.rules import AwsWork
from rootkeeper.errors import NotFoundError
from rootkeeper.history.records import difference_summary, kept_audit_record
from rootkeeper.history.rules import list_trend
from rootkeeper.organization.accounts import AccountId, Feature, parse_account_id
from rootkeeper.organization.statuses import AccountRole, AccountStatus
from rootkeeper.server.accounts import (
    AccountsCache,
    AuditComparisonCache,
    SetupCache,
    change_to_record,
    features_to_records,
    missing_to_records,
    plan_to_record,
    setup_to_record,
)
from rootkeeper.server.answers.setup import (
    FeaturePage,
    OverviewAnswer,
    SetupAnswer,
    SetupChangeAnswer,
    SetupPlanAnswer,
    StoryAnswer,
    TrendAnswer,
    TrendDay,
)
from rootkeeper.server.documents import change, read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import Body, log_remarks, show_example, show_one, show_page
from rootkeeper.server.story import evaluate_story, read_story_state
from rootkeeper.shapes import ShortText, fill_record
from rootkeeper.windows.approvals import waits_for_person
from rootkeeper.windows.records import current_window_to_record
from rootkeeper.windows.rules import OWING_STATES


class SetupBody(Body):
    """The parts to turn on, besides trusted access; parts that are on already stay on."""

    model_config = show_example(
        {"features": ["RootCredentialsManagement", "RootSessions"], "delegated_administrator": "222233334444"}
    )

    features: Annotated[tuple[Feature, ...], Field(max_length=10)] = tuple(Feature)
    delegated_administrator: Annotated[ShortText | None, Field(description="The id of a member account.")] = None

    def find_delegate(self) -> AccountId | None:
        """:raises InputError: if it isn't an account id."""
        return None if self.delegated_administrator is None else parse_account_id(self.delegated_administrator)


def show_setup(services: Served, identity: Identified) -> dict[str, Any]:
    """Show what of root access management is on, read from AWS now."""
    with services.act_as(identity.to_actor(), AwsWork.AUDIT) as acting:
        report = acting.setup_reader.read()
    return show_one(setup_to_record(report.setup, services.inventory_store.find_last()))


def list_features(services: Served, identity: Identified) -> dict[str, Any]:
    """List the two features of root access management, read from AWS now."""
    with services.act_as(identity.to_actor(), AwsWork.AUDIT) as acting:
        report = acting.setup_reader.read()
    return show_page("features", features_to_records(report.setup), None)


def plan_setup(services: Served, identity: Identified, body: SetupBody) -> dict[str, Any]:
    """Show what a change of the set-up would do, without a change."""
    delegate = body.find_delegate()
    with services.act_as(identity.to_actor(), AwsWork.AUDIT) as acting:
        plan = acting.setup_enabler(log_remarks()).plan(frozenset(body.features), delegate)
    return show_one(plan_to_record(plan))


def change_setup(request: Request, services: Served, identity: Identified, body: SetupBody) -> dict[str, Any]:
    """Turn on what is missing: trusted access, features, delegated administrator; a re-read proves each."""
    readings: SetupCache = request.app.state.setup_readings
    delegate = body.find_delegate()
    with services.act_as(identity.to_actor(), AwsWork.AUDIT) as acting:
        setup_enabler = acting.setup_enabler(log_remarks())
        try:
            changed = setup_enabler.apply(setup_enabler.plan(frozenset(body.features), delegate))
        finally:
            readings.forget()
    return show_one(change_to_record(changed, services.inventory_store.find_last()))


SETUP_ROWS = (
    read("/setup", Permission.SETUP_READ, show_setup, SetupAnswer),
    read("/features", Permission.SETUP_READ, list_features, FeaturePage),
    change("/setup/plan", Permission.SETUP_CHANGE, plan_setup, SetupPlanAnswer),
    change("/setup", Permission.SETUP_CHANGE, change_setup, SetupChangeAnswer, needs_fresh_factor=True),
)


def show_overview(request: Request, services: Served, identity: Identified) -> dict[str, Any]:
    """Show what is on and what is missing, root logins left to secure, open windows, and what changed.

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
    last, report, failure = services.history.list_audits(limit=1), look.report, look.failure
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
            "setup": None if report is None else setup_to_record(report.setup, known.inventory),
            "setup_problem": None if failure is None else {"detail": failure.message, "hint": failure.hint},
            "missing": [] if report is None else missing_to_records(report),
            "root_logins_left_to_secure": known.left_to_secure,
            "summary": known.summary,
            "windows": {
                "by_state": dict(Counter(window.state.value for window in windows)),
                "open": [current_window_to_record(one, now) for one in windows if one.state in OWING_STATES],
                "waiting": [current_window_to_record(one, now) for one in windows if waits_for_person(one, now)],
            },
            "drift": None
            if compared is None
            else {
                **difference_summary(compared.difference),
                "older": kept_audit_record(compared.older),
                "newer": kept_audit_record(compared.newer),
            },
            "last_audit": kept_audit_record(last[0]) if last else None,
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
    """Describe what is wrong with a failsafe; ``None`` if nothing is."""
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


def show_trend(services: Served) -> dict[str, Any]:
    """Show root logins left to secure and opened windows of each of the last 90 days."""
    opened = [one.opened_at for one in services.windows.list_windows() if one.opened_at is not None]
    days = list_trend(services.history.list_audits(), opened, services.clock.now())
    return show_one({"days": [fill_record(TrendDay, one, day=one.day.isoformat()) for one in days]})


OVERVIEW_ROWS = (
    read("/overview", Permission.SETUP_READ, show_overview, OverviewAnswer),
    read("/overview/trend", Permission.HISTORY_READ, show_trend, TrendAnswer),
)


def show_story(services: Served) -> dict[str, Any]:
    """Show the guided story. Only the server of a demo has one."""
    if not services.has_story:
        raise NotFoundError("This server has no guided story.", hint="Only the server of a demo has one.")
    steps = evaluate_story(read_story_state(services.endpoint))
    return show_one({"people_url": services.endpoint.people_url, "steps": steps})


STORY_ROWS = (read("/story", Permission.ACCOUNTS_READ, show_story, StoryAnswer),)
