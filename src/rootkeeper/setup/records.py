"""Differences between the accepted and the current set-up, as JSON."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import Caller
from rootkeeper.organization.records import RootLoginsLeftRecord
from rootkeeper.setup.rules import AcceptedSetup, Difference, SetupDrift
from rootkeeper.setup.service import StepOutcome
from rootkeeper.shapes import AccountNumber, Answer, Endpoint, JsonRecord, Moment, OrganizationId, record, record_of


@record_of(Difference)
class DifferenceRecord(JsonRecord):
    """A part of the set-up that differs from the accepted set-up."""


@record
class DriftRecord(Answer):
    """Of a check of the set-up."""

    accepted_at: Moment | None
    """``null`` if none was ever accepted: then nothing is compared."""
    accepted_by: str | None
    differences: list[DifferenceRecord]
    unknown: list[str]
    """A sentence for each part that couldn't be compared."""


@record_of(AcceptedSetup, without=("state",))
class AcceptedSetupRecord(JsonRecord):
    """The set-up that is compared with."""


@record_of(SetupDrift)
class AuditDriftRecord(JsonRecord):
    """How the set-up differed during an audit."""

    accepted: AcceptedSetupRecord | None
    """``null`` if none was ever accepted: then nothing is compared."""


@record
class PlannedStepRecord(TypedDict):
    """A step that a change will take."""

    action: Action
    what: str
    outcome: Literal["planned"]
    detail: str


@record
class DoneStepRecord(TypedDict):
    """The result of a step."""

    action: Action
    what: str
    outcome: StepOutcome
    detail: str


@record_of(Caller)
class CallerRecord(JsonRecord):
    """The AWS principal of the command."""

    role: str


@record
class FeaturesRecord(TypedDict):
    """Whether each feature is on; ``null`` where it couldn't be read."""

    root_credentials_management: bool | None
    root_sessions: bool | None


@record
class MissingPartRecord(TypedDict):
    """A missing part of the set-up."""

    what: str
    command: str
    """The command that adds it."""


@record
class RuleCoverageRecord(TypedDict):
    """Where the rule ``rootkeeper-strange-caller`` watches in the caller's account."""

    account_id: AccountNumber
    covered: list[str]
    """Regions with the rule."""
    uncovered: list[str]
    """Regions without it, or where it doesn't get every event."""
    unread: list[str]
    """Regions that weren't asked, because the first Region doesn't show the rule."""
    unknown: list[str]
    """A sentence for each reading that failed."""
    other_account_ids: list[AccountNumber]
    """Further accounts that may open root sessions; this caller can't see their rules."""


@record
class StatusDocument(Answer):
    """Set-up."""

    organization_id: OrganizationId
    management_account_id: AccountNumber
    endpoint: Endpoint
    caller: CallerRecord
    trusted_access: bool | None
    """``null`` where it couldn't be read."""
    features: FeaturesRecord
    delegated_administrators: list[AccountNumber] | None
    """``null`` where it couldn't be read."""
    complete: bool
    missing: list[MissingPartRecord]
    unknown: list[str]
    """A sentence for each part that couldn't be read."""
    root_logins_left_to_secure: RootLoginsLeftRecord
    """By the last reading of each account."""
    drift: AuditDriftRecord
    """The differences from the accepted set-up."""
    strange_caller_rules: RuleCoverageRecord | None
    """``null`` if the caller's account can't open root sessions."""


@record
class SetupChangeDocument(Answer):
    """Result of a change of the set-up."""

    organization_id: OrganizationId
    endpoint: Endpoint
    caller_arn: str
    """The AWS principal of the credentials that were used."""
    steps: list[DoneStepRecord]
    trusted_access: bool | None
    features: FeaturesRecord
    delegated_administrators: list[AccountNumber] | None
    remarks: list[str]


@record
class SetupPlanDocument(Answer):
    """The plan of a change of the set-up."""

    organization_id: OrganizationId
    endpoint: Endpoint
    caller_arn: str
    """The AWS principal of the credentials that were used."""
    steps: list[PlannedStepRecord]
    unneeded: list[str]
    """Parts that need no change."""
    remarks: list[str]
