"""Checks, drills and the runbook of the failsafe as JSON, and who can open root."""

from __future__ import annotations

from typing import Literal, TypeAlias

from typing_extensions import TypedDict

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.failsafe.breakglass_rules import AccessPath, RootSessionCaller
from rootkeeper.failsafe.breakglass_service import BreakGlassReport
from rootkeeper.failsafe.rules import Check, Drill, count_checks
from rootkeeper.failsafe.runbook import RunbookStep
from rootkeeper.failsafe.service import FailsafeReport
from rootkeeper.organization.records import ConfirmationRecord
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.shapes import (
    AccountNumber,
    Answer,
    Count,
    JsonRecord,
    Moment,
    Ordinal,
    OrganizationId,
    fill_record,
    filled_from,
    record,
    record_for,
    record_of,
)
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


@record_of(Check, renamed={"name": "check"}, before={"account_id": "check"})
class CheckRecord(JsonRecord):
    """One check."""

    account_id: AccountNumber | None
    """``null`` where it concerns no single account."""
    check: str
    evidence: str
    """What was found, or why it can't be known: ``needs CALLER`` where another caller could read it."""
    hint: str | None
    """What to do next."""


class BreakglassCheckRecord(CheckRecord):
    """One check."""

    check: BreakglassCheckName


@record_for(TaskPolicy, AccessVerdict)
class OpenerTasksRecord(JsonRecord):
    """Whether the principal's policies allow each task."""


@record_of(RootSessionCaller, renamed={"is_complete": "people_complete"}, before={"conditions": "people"})
class OpenerRecord(JsonRecord):
    """A principal whose policies can allow root sessions."""

    tasks: OpenerTasksRecord
    conditions: list[str]
    """Condition keys that an answer depends on, or policies that couldn't be read."""


@record_of(AccessPath)
class WayInRecord(JsonRecord):
    """A way to a root session that needs no identity provider."""


CheckCounts = TypedDict(
    "CheckCounts",
    {"checks": Count, "fail": Count, "not_applicable": Count, "pass": Count, "unknown": Count},
)
"""How many checks have each verdict. Written so because of its fields' names."""
record(CheckCounts)


@filled_from(
    organization_id="inventory.organization.organization_id",
    management_account_id="inventory.organization.management_account_id",
    endpoint="endpoint.label",
    caller_arn="caller.arn",
)
@record
class ChecksHead(Answer):
    """Checks of one organization: where, when and by whom they were made."""

    organization_id: OrganizationId
    management_account_id: AccountNumber
    endpoint: str
    """``AWS``, or ``SANDBOX host:port``."""
    caller_arn: str
    observed_at: Moment
    summary: CheckCounts


@filled_from(ways_in="access_paths")
@record
class BreakglassHead(ChecksHead):
    """Who could open root today, and the way in without Identity Center."""

    openers: list[OpenerRecord]
    """Principals whose policies allow root sessions, or may, as far as this caller can read."""
    ways_in: list[WayInRecord]
    """Ways to a root session that need no identity provider."""


@record
class BreakglassDocument(BreakglassHead):
    """Who could open root today, and the way in without Identity Center."""

    checks: list[BreakglassCheckRecord]


class CheckHint(JsonRecord):
    """Code and facts with which a client words the hint itself."""

    hint_code: str | None
    """Identifies the hint; ``null`` without one, and of a hint that needs no other words."""
    hint_facts: dict[str, str]
    """Identifiers that the hint is about."""


class WordedBreakglassCheck(BreakglassCheckRecord, CheckHint):
    """One check, with what a client needs to word the hint itself."""


@record
class BreakglassOutcome(BreakglassHead):
    """The result of a job that reads who could open root."""

    checks: list[WordedBreakglassCheck]


@record_of(Drill, before={"alarm": "recorded_by", "device": "recorded_by"})
class DrillRecord(JsonRecord):
    """A drill of the failsafe."""


@record
class FailsafeDrillsDocument(Answer):
    """A drill, recorded."""

    drills: list[DrillRecord]


@record
class FailsafeAttestationsDocument(Answer):
    """An attestation, recorded."""

    attestations: list[ConfirmationRecord]


@record_of(RunbookStep, before={"step": "title"})
class RunbookStepRecord(JsonRecord):
    """One step of the runbook."""

    step: Ordinal


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


class FailsafeCheckRecord(CheckRecord):
    """One check."""

    check: FailsafeCheckName


@record
class FailsafeHead(ChecksHead):
    """Failsafes, held to their requirements."""

    failsafe_account_ids: list[AccountNumber]
    """The delegated administrator accounts for IAM."""


@record
class FailsafeDocument(FailsafeHead):
    """Failsafes, held to their requirements."""

    checks: list[FailsafeCheckRecord]


class WordedFailsafeCheck(FailsafeCheckRecord, CheckHint):
    """One check, with what a client needs to word the hint itself."""


@record
class FailsafeOutcome(FailsafeHead):
    """The result of a job that checks the failsafes."""

    checks: list[WordedFailsafeCheck]


def failsafe_to_record(report: FailsafeReport) -> FailsafeOutcome:
    """Render the checks for a job's outcome."""
    return fill_record(
        FailsafeOutcome,
        report,
        failsafe_account_ids=[account.account_id for account in report.failsafes],
        summary=count_checks(report.checks),
    )


def breakglass_to_record(report: BreakGlassReport) -> BreakglassOutcome:
    """Render the report for a job's outcome."""
    return fill_record(BreakglassOutcome, report, openers=list_openers(report), summary=count_checks(report.checks))


def list_openers(report: BreakGlassReport) -> list[OpenerRecord]:
    """List the principals whose policies allow root sessions, or may."""
    return [
        fill_record(
            OpenerRecord,
            caller,
            tasks={task.value: permission.verdict.value for task, permission in caller.tasks.items()},
        )
        for caller in report.root_session_callers
    ]
