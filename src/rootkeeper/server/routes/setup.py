"""Routes of the set-up of root access management, of the policies for it, of the overview, and of a demo's story.

If a server has roles for its work, none of them may change the set-up. AWS then denies the change, and the command line
with credentials of the management account can make it.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from typing_extensions import TypedDict

from rootkeeper.access.rules import Permission
from rootkeeper.aws.rules import AwsWork
from rootkeeper.demo.story import StoryAnswer, describe_story
from rootkeeper.errors import NotFoundError
from rootkeeper.history import rules as history
from rootkeeper.history.records import ChangeCounts, KeptAuditRecord, difference_summary, kept_audit_record
from rootkeeper.history.rules import list_trend
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId, Feature, Inventory, Setup, parse_account_id
from rootkeeper.organization.records import RootLoginsLeftRecord, StatusCounts
from rootkeeper.organization.statuses import AccountRole, AccountStatus
from rootkeeper.references import require_bucket_place
from rootkeeper.server.accounts import AccountsCache, AuditComparisonCache, SetupCache
from rootkeeper.server.documents import change, read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import Body, Filter, Filters, log_remarks, show_example, show_one, show_page
from rootkeeper.server.turns import RouteLoad
from rootkeeper.setup.records import DoneStepRecord, PlannedStepRecord, list_planned_steps
from rootkeeper.setup.service import StepOutcome
from rootkeeper.shapes import (
    AccountNumber,
    Answer,
    Count,
    JsonAnswer,
    JsonRecord,
    Page,
    ShortText,
    fill_record,
    filled_from,
    record,
    record_of,
)
from rootkeeper.shipped_policies.bundle import PolicyInputs
from rootkeeper.shipped_policies.infrastructure_code import list_policy_texts
from rootkeeper.shipped_policies.records import PolicyTextsDocument, describe_bundle
from rootkeeper.windows.approvals import waits_for_person
from rootkeeper.windows.records import WindowRecord, current_window_to_record
from rootkeeper.windows.rules import OWING_STATES, WindowState


@record
class DelegatedAdministrator(TypedDict):
    """A member account that may use root access management."""

    account_id: AccountNumber
    name: str | None
    """``null`` while it wasn't listed."""


@record_of(Setup)
class SetupStateRecord(JsonRecord):
    """The parts that are on; ``null`` for parts that couldn't be read."""

    delegated_administrators: list[DelegatedAdministrator] | None


class SetupAnswer(SetupStateRecord, JsonAnswer):
    """The set-up."""


@record
class FeatureState(TypedDict):
    """Whether a feature is on."""

    name: Feature
    is_on: bool | None
    """``null`` where it couldn't be read."""


@record
class FeaturePage(Page):
    """Both features."""

    features: list[FeatureState]


@record
class SetupPlanAnswer(Answer):
    """The plan of a change."""

    steps: list[PlannedStepRecord]
    unneeded: list[str]
    """Parts already set up."""
    remarks: list[str]


@record
class SetupChangeAnswer(Answer):
    """The results of a change."""

    steps: list[DoneStepRecord]
    unneeded: list[str]
    """Parts that were already set up."""
    remarks: list[str]
    is_proven: bool
    """Whether a re-read shows everything as requested."""
    setup: SetupStateRecord


@filled_from(detail="message")
class SetupProblem(JsonRecord):
    """Why the set-up couldn't be read."""

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


@record
class OverviewAnswer(Answer):
    """The facts that need attention first."""

    organization_id: str
    management_account_id: AccountNumber | None
    endpoint: str
    is_sandbox: bool
    setup: SetupStateRecord | None
    """``null`` while AWS can't be reached."""
    setup_problem: SetupProblem | None
    missing: list[MissingPart]
    root_logins_left_to_secure: RootLoginsLeftRecord
    summary: StatusCounts
    windows: WindowOverview
    drift: AuditDifferences | None
    """``null`` while there aren't two audits."""
    last_audit: KeptAuditRecord | None
    failsafe: list[FailsafeState]


@record_of(history.TrendDay)
class TrendDay(JsonRecord):
    """A day, in UTC."""

    day: str
    """Such as ``2026-01-15``."""


@record
class TrendAnswer(Answer):
    """How root logins and recovery windows developed, the oldest day first."""

    days: list[TrendDay]


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


def _describe_setup(setup: Setup, inventory: Inventory | None) -> SetupStateRecord:
    """:param inventory: for the delegated administrators' names."""
    delegates = setup.delegated_administrators
    names = {} if inventory is None else {account.account_id: account.name for account in inventory.accounts}
    return fill_record(
        SetupStateRecord,
        setup,
        features=_list_features(setup),
        delegated_administrators=(
            None
            if delegates is None
            else [{"account_id": account_id, "name": names.get(account_id)} for account_id in delegates]
        ),
    )


def _list_features(setup: Setup) -> list[str] | None:
    """List the features that are on: none while trusted access is off, even if AWS keeps their flags."""
    if setup.trusted_access is False:
        return []
    return None if setup.features is None else sorted(feature.value for feature in setup.features)


def show_setup(services: Served, identity: Identified) -> dict[str, Any]:
    """Show the parts of root access management that are on, read from AWS now."""
    with services.act_as(identity.to_actor(), AwsWork.AUDIT) as acting:
        report = acting.setup_reader.read()
    return show_one(_describe_setup(report.setup, services.inventory_store.find_last()))


def list_features(services: Served, identity: Identified) -> dict[str, Any]:
    """List the two features of root access management, read from AWS now."""
    with services.act_as(identity.to_actor(), AwsWork.AUDIT) as acting:
        on = _list_features(acting.setup_reader.read().setup)
    features = [{"name": feature.value, "is_on": None if on is None else feature.value in on} for feature in Feature]
    return show_page("features", features, None)


def plan_setup(services: Served, identity: Identified, body: SetupBody) -> dict[str, Any]:
    """Show the effects of a change of the set-up, without making it."""
    delegate = body.find_delegate()
    with services.act_as(identity.to_actor(), AwsWork.AUDIT) as acting:
        plan = acting.setup_enabler(log_remarks()).plan(frozenset(body.features), delegate)
    return show_one({"steps": list_planned_steps(plan), "unneeded": list(plan.unneeded), "remarks": list(plan.remarks)})


def change_setup(request: Request, services: Served, identity: Identified, body: SetupBody) -> dict[str, Any]:
    """Turn on the missing parts: trusted access, features, delegated administrator; a re-read proves each."""
    readings: SetupCache = request.app.state.setup_readings
    delegate = body.find_delegate()
    with services.act_as(identity.to_actor(), AwsWork.AUDIT) as acting:
        setup_enabler = acting.setup_enabler(log_remarks())
        try:
            changed = setup_enabler.apply(setup_enabler.plan(frozenset(body.features), delegate))
        finally:
            readings.forget()
    is_registered = any(
        result.step.action is Action.DELEGATED_ADMINISTRATOR_REGISTER and result.outcome is StepOutcome.CHANGED
        for result in changed.results
    )
    # Roles of accounts come from the last listing.
    remarks = ["The next audit shows the account as failsafe."] if is_registered else []
    steps = [
        fill_record(DoneStepRecord, result, detail=" ".join(text for text in (result.explanation, result.hint) if text))
        for result in changed.results
    ]
    return show_one(
        {
            "steps": steps,
            "unneeded": list(changed.plan.unneeded),
            "remarks": [*changed.closing_remarks, *remarks],
            "is_proven": changed.is_proven,
            "setup": _describe_setup(changed.setup, services.inventory_store.find_last()),
        }
    )


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
            "setup": None if report is None else _describe_setup(report.setup, known.inventory),
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


def show_trend(services: Served) -> dict[str, Any]:
    """Show root logins left to secure and opened windows of each of the last 90 days."""
    opened = [window.opened_at for window in services.windows.list_windows() if window.opened_at is not None]
    days = list_trend(services.history.list_audits(), opened, services.clock.now())
    return show_one({"days": [fill_record(TrendDay, trend_day, day=trend_day.day.isoformat()) for trend_day in days]})


def show_story(services: Served) -> StoryAnswer:
    """Show the guided story. Only the server of a demo has a story."""
    if not services.has_story:
        raise NotFoundError("This server has no guided story.", hint="Only the server of a demo has one.")
    return describe_story(services.endpoint)


def list_policies(
    services: Served,
    identity: Identified,
    trusted_principal: Filters = None,
    server_role_arn: Filter = None,
    report_bucket: Annotated[ShortText | None, Query(description="``s3://BUCKET/PREFIX`` of reports.")] = None,
) -> dict[str, Any]:
    """Make the shipped policies for this organization, as text in each form; AWS is read now, and nothing changes.

    The parameters are the same as for the ``rootkeeper policies`` commands.
    """
    inputs = PolicyInputs(
        trusted_principals=tuple(trusted_principal or ()),
        server_role=server_role_arn,
        report_place=None if report_bucket is None else require_bucket_place(report_bucket),
    )
    with services.act_as(identity.to_actor(), AwsWork.AUDIT) as acting:
        bundle = acting.policy_bundle_builder.make(inputs)
    return show_one(
        {
            **describe_bundle(bundle),
            "remarks": list(bundle.remarks),
            "documents": list_policy_texts(bundle),
            "not_covered": list(bundle.not_covered),
        }
    )


ROWS = (
    read("/overview", Permission.SETUP_READ, show_overview, OverviewAnswer),
    read("/overview/trend", Permission.HISTORY_READ, show_trend, TrendAnswer, load=RouteLoad.HEAVY),
    read("/setup", Permission.SETUP_READ, show_setup, SetupAnswer, load=RouteLoad.AWS),
    read("/features", Permission.SETUP_READ, list_features, FeaturePage, load=RouteLoad.AWS),
    change("/setup/plan", Permission.SETUP_CHANGE, plan_setup, SetupPlanAnswer, load=RouteLoad.AWS),
    change(
        "/setup",
        Permission.SETUP_CHANGE,
        change_setup,
        SetupChangeAnswer,
        needs_fresh_factor=True,
        load=RouteLoad.AWS_CHANGE,
    ),
)

STORY_ROWS = (read("/story", Permission.ACCOUNTS_READ, show_story, StoryAnswer),)

POLICIES_ROWS = (read("/policies", Permission.SETUP_READ, list_policies, PolicyTextsDocument, load=RouteLoad.AWS),)
