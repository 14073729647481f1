"""Checks, drills and the runbook of the failsafe as JSON, and who can open root."""

from __future__ import annotations

from typing import Literal, TypeAlias

from typing_extensions import TypedDict

from rootkeeper.failsafe.breakglass import RootSessionCallerKind
from rootkeeper.failsafe.rules import AlarmObservation, CheckVerdict, DrillOutcome, SignInDevice
from rootkeeper.failsafe.runbook import CommandLineKind
from rootkeeper.organization.records import ConfirmationRecord
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.shapes import AccountNumber, Answer, Count, Moment, Ordinal, OrganizationId, record
from rootkeeper.windows.records import ListedWindowRecord

BreakglassCheckName: TypeAlias = Literal[
    "approvers",
    "delegated_administrators",
    "drill",
    "iam_identities",
    "management_access_keys",
    "management_last_use",
    "management_mfa",
    "management_signing_certificates",
    "permission_sets",
    "root_mailboxes",
    "way_in",
]
FailsafeCheckName: TypeAlias = Literal[
    "access_keys",
    "alarm",
    "delegated_administrator",
    "drill",
    "failsafe",
    "hardware_mfa",
    "mailbox",
    "mfa_devices",
    "password",
    "policies",
    "recovery_window",
    "signing_certificates",
]


@record
class BreakglassCheckRecord(TypedDict):
    """One check."""

    account_id: AccountNumber | None
    """``null`` where it concerns no single account."""
    check: BreakglassCheckName
    verdict: CheckVerdict
    evidence: str
    """What was found, or why it can't be known: ``needs CALLER`` where another caller could read it."""
    hint: str | None
    """What to do next."""


@record
class OpenerTasksRecord(TypedDict):
    """Whether the principal's policies allow each task."""

    IAMAuditRootUserCredentials: AccessVerdict
    IAMCreateRootUserPassword: AccessVerdict
    IAMDeleteRootUserCredentials: AccessVerdict
    S3UnlockBucketPolicy: AccessVerdict
    SQSUnlockQueuePolicy: AccessVerdict


@record
class OpenerRecord(TypedDict):
    """A principal whose policies can allow root sessions."""

    account_id: AccountNumber
    kind: RootSessionCallerKind
    name: str
    arn: str
    """Of the user, the role or the permission set."""
    tasks: OpenerTasksRecord
    conditions: list[str]
    """Condition keys that an answer depends on, or policies that couldn't be read."""
    people: list[str]
    """Who can use it: the holders of a permission set, the trusted principals of a role; empty for a user."""
    people_complete: bool
    """Whether ``people`` is complete."""


@record
class WayInRecord(TypedDict):
    """A way to a root session that needs no identity provider."""

    account_id: AccountNumber
    name: str
    """``root user``, or ``IAM user NAME``."""
    verdict: CheckVerdict
    evidence: str


CheckCounts = TypedDict(
    "CheckCounts",
    {"checks": Count, "fail": Count, "not_applicable": Count, "pass": Count, "unknown": Count},
)
"""How many checks have each verdict. Written so because of its fields' names."""
record(CheckCounts)


@record
class BreakglassDocument(Answer):
    """Who could open root today, and the way in without Identity Center."""

    organization_id: OrganizationId
    management_account_id: AccountNumber
    endpoint: str
    """``AWS``, or ``SANDBOX host:port``."""
    caller_arn: str
    observed_at: Moment
    checks: list[BreakglassCheckRecord]
    openers: list[OpenerRecord]
    """Principals whose policies allow root sessions, or may, as far as this caller can read."""
    ways_in: list[WayInRecord]
    """Ways to a root session that need no identity provider."""
    summary: CheckCounts


@record
class DrillRecord(TypedDict):
    """A drill of the failsafe."""

    account_id: AccountNumber
    held_at: Moment
    held_by: str
    outcome: DrillOutcome
    alarm: AlarmObservation | None
    """``null`` if the alarm wasn't checked."""
    device: SignInDevice | None
    """``null`` if it wasn't recorded."""
    recorded_by: str
    """Who recorded it: self-asserted."""
    recorded_at: Moment


@record
class FailsafeDrillsDocument(Answer):
    """A drill, recorded."""

    drills: list[DrillRecord]


@record
class FailsafeAttestationsDocument(Answer):
    """An attestation, recorded."""

    attestations: list[ConfirmationRecord]


@record
class RunbookStepRecord(TypedDict):
    """One step of the runbook."""

    step: Ordinal
    title: str
    text: str
    terminal: CommandLineKind | None
    """Where the commands are typed; ``null`` where none are."""
    commands: list[str]
    """Lines of bash."""


@record
class FailsafeRunbookDocument(Answer):
    """The failsafe's runbook."""

    organization_id: OrganizationId
    management_account_id: AccountNumber
    failsafe_account_id: AccountNumber
    steps: list[RunbookStepRecord]


@record
class FailsafeSetUpDocument(Answer):
    """A failsafe's root login, set up."""

    account_id: AccountNumber
    outcome: Literal["already_kept", "close_failed", "closed", "kept"]
    """``kept`` and ``already_kept``: a re-read shows that the login is in order.

    ``closed``: it wasn't completed, and all its credentials were deleted.
    """
    missing: list[str]
    """What was still missing when it was closed."""
    window: ListedWindowRecord | None
    """The recovery window; ``null`` where nothing was opened."""


@record
class FailsafeCheckRecord(TypedDict):
    """One check."""

    account_id: AccountNumber | None
    """``null`` where it concerns no single account."""
    check: FailsafeCheckName
    verdict: CheckVerdict
    evidence: str
    """What was found, or why it can't be known: ``needs CALLER`` where another caller could read it."""
    hint: str | None
    """What to do next."""


@record
class FailsafeDocument(Answer):
    """Failsafes, held to what is wanted of them."""

    organization_id: OrganizationId
    management_account_id: AccountNumber
    endpoint: str
    """``AWS``, or ``SANDBOX host:port``."""
    caller_arn: str
    observed_at: Moment
    failsafe_account_ids: list[AccountNumber]
    """The delegated administrator accounts for IAM."""
    checks: list[FailsafeCheckRecord]
    summary: CheckCounts
