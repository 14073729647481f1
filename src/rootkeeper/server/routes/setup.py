"""Routes of the set-up of root access management, of the policies for it, and of a demo's story.

If a server has roles for its work, none of them may change the set-up. AWS then denies the change, and the command line
with credentials of the management account can make it.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from typing_extensions import TypedDict

from rootkeeper.access.rules import Permission
from rootkeeper.aws.rules import AwsWork
from rootkeeper.demo.story import StoryAnswer, describe_story
from rootkeeper.errors import NotFoundError
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId, Feature, Inventory, Setup, parse_account_id
from rootkeeper.references import require_bucket_place
from rootkeeper.server.accounts import SetupCache
from rootkeeper.server.documents import change, read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import Body, Filter, Filters, log_remarks, show_example, show_one, show_page
from rootkeeper.server.turns import RouteLoad
from rootkeeper.setup.records import DoneStepRecord, PlannedStepRecord, list_planned_steps
from rootkeeper.setup.service import StepOutcome
from rootkeeper.shapes import (
    AccountNumber,
    Answer,
    JsonAnswer,
    JsonRecord,
    Page,
    ShortText,
    fill_record,
    record,
    record_of,
)
from rootkeeper.shipped_policies.bundle import PolicyInputs
from rootkeeper.shipped_policies.infrastructure_code import list_policy_texts
from rootkeeper.shipped_policies.records import PolicyTextsDocument, describe_bundle


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


def describe_setup(setup: Setup, inventory: Inventory | None) -> SetupStateRecord:
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
    return show_one(describe_setup(report.setup, services.inventory_store.find_last()))


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
            "setup": describe_setup(changed.setup, services.inventory_store.find_last()),
        }
    )


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
