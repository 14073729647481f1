"""The set-up of root access management: what is on, what a change would do, and the change.

A server whose work is shared among roles has none that may change it: there AWS refuses, and the command line of the
management account does it.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request

from rootkeeper.api.answers.setup import FeaturePage, SetupAnswer, SetupChangeAnswer, SetupPlanAnswer
from rootkeeper.api.guarding import Identified, Served
from rootkeeper.api.overviews import SetupCache
from rootkeeper.api.parameters import Body, ShortText, show_example, show_one, show_page
from rootkeeper.api.quiet_progress import QuietProgress
from rootkeeper.api.route_tables import change, read
from rootkeeper.api.setup_records import change_to_record, features_to_records, plan_to_record, setup_to_record
from rootkeeper.domain.access import Permission
from rootkeeper.domain.aws_roles import AwsWork
from rootkeeper.domain.organizations import AccountId, parse_account_id
from rootkeeper.domain.setup import Feature


class SetupBody(Body):
    """What shall be on; trusted access always, and what is on already stays."""

    model_config = show_example(
        {"features": ["RootCredentialsManagement", "RootSessions"], "delegated_administrator": "222233334444"}
    )

    features: Annotated[tuple[Feature, ...], Field(max_length=10)] = tuple(Feature)
    delegated_administrator: Annotated[ShortText | None, Field(description="A member account's id.")] = None

    def find_delegate(self) -> AccountId | None:
        """:raises InputError: if it isn't an account's id."""
        return None if self.delegated_administrator is None else parse_account_id(self.delegated_administrator)


def show_setup(services: Served, identity: Identified) -> dict[str, Any]:
    """Show what of root access management is on, as AWS says now."""
    with services.act_as(identity.to_actor(), AwsWork.AUDIT) as acting:
        report = acting.setup_reader.read()
    return show_one(setup_to_record(report.setup, services.inventory_store.find_last()))


def list_features(services: Served, identity: Identified) -> dict[str, Any]:
    """List the two features of root access management, as AWS says now."""
    with services.act_as(identity.to_actor(), AwsWork.AUDIT) as acting:
        report = acting.setup_reader.read()
    return show_page("features", features_to_records(report.setup), None)


def plan_setup(services: Served, identity: Identified, body: SetupBody) -> dict[str, Any]:
    """Show what a change of the set-up would do; nothing is changed."""
    delegate = body.find_delegate()
    with services.act_as(identity.to_actor(), AwsWork.AUDIT) as acting:
        plan = acting.setup_enabler(QuietProgress()).plan(frozenset(body.features), delegate)
    return show_one(plan_to_record(plan))


def change_setup(request: Request, services: Served, identity: Identified, body: SetupBody) -> dict[str, Any]:
    """Switch on what is missing: trusted access, the features, the delegated administrator; each shown by a re-read."""
    readings: SetupCache = request.app.state.setup_readings
    delegate = body.find_delegate()
    with services.act_as(identity.to_actor(), AwsWork.AUDIT) as acting:
        setup_enabler = acting.setup_enabler(QuietProgress())
        try:
            changed = setup_enabler.apply(setup_enabler.plan(frozenset(body.features), delegate))
        finally:
            readings.forget()
    return show_one(change_to_record(changed, services.inventory_store.find_last()))


ROWS = (
    read("/setup", Permission.SETUP_READ, show_setup, SetupAnswer),
    read("/features", Permission.SETUP_READ, list_features, FeaturePage),
    change("/setup/plan", Permission.SETUP_CHANGE, plan_setup, SetupPlanAnswer),
    change("/setup", Permission.SETUP_CHANGE, change_setup, SetupChangeAnswer, needs_fresh_factor=True),
)
