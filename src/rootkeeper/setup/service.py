"""Reads, enables and disables root access management.

A change is first a plan: data that a dry run shows. Each step is a change of its own. A step that isn't proven stops
the later steps, because they depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.acting import Acting
from rootkeeper.aws.organizations import OrganizationReader
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsError,
    AwsRejectedError,
    Hint,
    TargetRefusedError,
    WindowConflictError,
)
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.organization.accounts import (
    AccountId,
    AccountState,
    Caller,
    Endpoint,
    Feature,
    Organization,
    Setup,
    find_credentials_obstacle,
    find_session_obstacle,
)
from rootkeeper.organization.progress import Progress
from rootkeeper.setup.changes import REREAD_PAUSES_SECONDS, SetupStep, SetupStepChange, find_satisfied, read_known_setup
from rootkeeper.windows.rules import OWING_STATES
from rootkeeper.windows.store import RecoveryWindowStore


class StepOutcome(StrEnum):
    """The outcome of a step."""

    CHANGED = "changed"
    """Done, and the re-read shows it."""
    UNNEEDED = "unneeded"
    """Already so when its turn came; no call was made."""
    FAILED = "failed"
    """Refused, or the re-read shows that it isn't done."""
    UNKNOWN = "unknown"
    """The re-read couldn't show whether it is done."""
    SKIPPED = "skipped"
    """Not tried, because an earlier step isn't proven."""


@dataclass(frozen=True, slots=True)
class SetupStepResult:
    """A step of a plan, and its outcome."""

    step: SetupStep
    outcome: StepOutcome
    explanation: str
    """A sentence for a person."""
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class SetupSteps:
    """Executes steps in order."""

    acting: Acting

    progress: Progress

    def take(self, steps: tuple[SetupStep, ...]) -> tuple[tuple[SetupStepResult, ...], Setup]:
        """Execute each step that is still needed, until a step isn't proven; skip the rest. Return the last reading.

        :raises LedgerUnavailableError: if an intent can't be recorded; its call wasn't made.
        """
        setup = read_known_setup(self.acting.aws)
        results: list[SetupStepResult] = []
        for step in steps:
            if results and results[-1].outcome in {StepOutcome.FAILED, StepOutcome.UNKNOWN, StepOutcome.SKIPPED}:
                results.append(SetupStepResult(step, StepOutcome.SKIPPED, f"{step.title}: not tried."))
            elif find_satisfied(step, setup):
                results.append(SetupStepResult(step, StepOutcome.UNNEEDED, f"{step.satisfied_title}."))
            else:
                result, setup = self._take(step, setup)
                results.append(result)
            self.progress.remark(results[-1].explanation)
        return tuple(results), setup

    def _take(self, step: SetupStep, setup: Setup) -> tuple[SetupStepResult, Setup]:
        change = SetupStepChange(step, self.acting.aws, REREAD_PAUSES_SECONDS, administration=self.acting.aws)
        try:
            made = ChangeRunner(self.acting.ledger, self.acting.clock).make(change)
        except AwsError as error:
            return SetupStepResult(step, StepOutcome.FAILED, f"{step.title}: {error.message}", error.hint), setup
        hint: str | None = None
        if made.result is Result.UNKNOWN:
            hint = Hint("Read the set-up again; it shows what can't be read, and why.", "setup.status")
        return SetupStepResult(step, _OUTCOMES[made.result], made.explanation, hint), made.shown or setup


_OUTCOMES = {
    Result.DONE: StepOutcome.CHANGED,
    Result.FAILED: StepOutcome.FAILED,
    Result.UNKNOWN: StepOutcome.UNKNOWN,
}

NO_FAILSAFE = Hint(
    "The organization has no failsafe. Register a delegated administrator for IAM.", "setup.register_failsafe"
)
_FEATURE_WORDS = {Feature.ROOT_CREDENTIALS_MANAGEMENT: "credentials", Feature.ROOT_SESSIONS: "sessions"}


class CallerRole(StrEnum):
    """The role of the caller's account in the organization."""

    MANAGEMENT = "management"
    DELEGATED_ADMINISTRATOR = "delegated_administrator"
    MEMBER = "member"
    """A member that is no delegated administrator for IAM."""
    UNKNOWN = "unknown"
    """A member, and the delegated administrators couldn't be read."""


@dataclass(frozen=True, slots=True)
class MissingPart:
    """A missing part of the set-up."""

    what: str
    fix: Hint
    """How to add it; the command line words it as the command."""


@dataclass(frozen=True, slots=True)
class SetupReport:
    """The set-up, and who reads it."""

    endpoint: Endpoint
    caller: Caller
    caller_role: CallerRole
    organization: Organization
    setup: Setup
    missing: tuple[MissingPart, ...]
    """Known to be missing; ``setup.unknown`` has the parts that couldn't be read."""

    @property
    def is_complete(self) -> bool:
        features = list_features(self.organization.partition)
        return bool(features) and self.setup.is_complete(features) and not self.setup.unknown


@dataclass(frozen=True, slots=True)
class SetupReader:
    """Reads the set-up; changes nothing and opens no root session."""

    reader: OrganizationReader

    def read(self) -> SetupReport:
        """Read caller, organization and set-up: five reading calls.

        :raises AwsError: if the caller or the organization can't be read; any other part is then unknown.
        """
        caller = self.reader.read_caller()
        organization = self.reader.read_organization()
        setup = self.reader.read_setup()
        return SetupReport(
            endpoint=self.reader.endpoint,
            caller=caller,
            caller_role=_find_caller_role(caller, organization, setup),
            organization=organization,
            setup=setup,
            missing=_list_missing(organization, setup),
        )


@dataclass(frozen=True, slots=True)
class SetupPlan:
    """A planned change of the set-up."""

    report: SetupReport
    """The current set-up, with organization, caller and endpoint."""
    steps: tuple[SetupStep, ...]
    """In order; empty if there is nothing to do."""
    unneeded: tuple[str, ...]
    """A sentence for each requested part that is already as requested."""
    remarks: tuple[str, ...]
    """Facts that the person must know before confirming."""


@dataclass(frozen=True, slots=True)
class SetupChange:
    """The outcome of a plan."""

    plan: SetupPlan
    results: tuple[SetupStepResult, ...]
    setup: Setup
    """As re-read at the end."""
    closing_remarks: tuple[str, ...]
    """Remarks about the parts that remain, and about the next steps."""

    @property
    def is_proven(self) -> bool:
        """Whether every step is changed or unneeded; if not, the exit status is 4."""
        return all(result.outcome in {StepOutcome.CHANGED, StepOutcome.UNNEEDED} for result in self.results)


class SetupEnabler(SetupSteps):
    """Enables trusted access, the features and the delegated administrator, from the management account only."""

    __slots__ = ()

    def plan(
        self, features: frozenset[Feature] = frozenset(Feature), delegated_administrator: AccountId | None = None
    ) -> SetupPlan:
        """Plan the missing parts. Reads, and changes nothing; this is also the dry run.

        :raises AwsAccessDeniedError: if the caller isn't in the management account; no mutating call was made.
        :raises AwsRejectedError: if the organization or its partition has no root access management.
        :raises TargetRefusedError: if the delegate isn't an ACTIVE member account of the organization.
        """
        report = SetupReader(self.acting.aws).read()
        _require_management(report, "enable root access management")
        _require_possible(report.organization.partition, features)
        if not report.organization.has_all_features:
            raise AwsRejectedError(
                f"The organization {report.organization.organization_id} has consolidated billing only. "
                "Nothing was changed.",
                hint="Root access management needs all features: aws organizations enable-all-features",
            )
        if delegated_administrator is not None:
            self._require_delegable(delegated_administrator, report.organization)
        steps = [SetupStep(Action.TRUSTED_ACCESS_ENABLE)]
        steps += [SetupStep(Action.FEATURE_ENABLE, feature=feature) for feature in Feature if feature in features]
        if delegated_administrator is not None:
            steps.append(SetupStep(Action.DELEGATED_ADMINISTRATOR_REGISTER, account_id=delegated_administrator))
        return _plan(report, steps, remarks=())

    def apply(self, plan: SetupPlan) -> SetupChange:
        """Execute the plan's steps as ``take`` does; stops at the first that isn't proven."""
        results, setup = self.take(plan.steps)
        return SetupChange(plan, results, setup, (NO_FAILSAFE,) if setup.delegated_administrators == () else ())

    def _require_delegable(self, account_id: AccountId, organization: Organization) -> None:
        if account_id == organization.management_account_id:
            raise TargetRefusedError(
                f"{account_id} is the management account, which can't be a delegated administrator.",
                hint="Name a member account, preferably a separate security account.",
            )
        state = self.acting.aws.find_account_state(account_id)
        if state is None:
            raise TargetRefusedError(
                f"{account_id} isn't an account of the organization {organization.organization_id}.",
                hint=Hint("Name one of its accounts.", "setup.list_accounts"),
            )
        if state is not AccountState.ACTIVE:
            raise TargetRefusedError(
                f"{account_id} is {state}. A delegated administrator must be ACTIVE.",
                hint="Name another member account, preferably a separate security account.",
            )


@dataclass(frozen=True, slots=True)
class SetupDisabler(SetupSteps):
    """Disables the features, then delegated administrators and trusted access."""

    def plan(self, features: frozenset[Feature] = frozenset(Feature), *, trusted_access: bool = False) -> SetupPlan:
        """Plan the parts to disable.

        With ``trusted_access`` the delegated administrators are deregistered first, because AWS requires that.

        :raises WindowConflictError: if a recovery window must still be closed.
        :raises AwsAccessDeniedError: if the caller isn't in the management account or, for features only, in a
            delegated administrator account.
        """
        report = SetupReader(self.acting.aws).read()
        if trusted_access:
            _require_management(report, "switch trusted access off")
        elif report.caller_role not in {CallerRole.MANAGEMENT, CallerRole.DELEGATED_ADMINISTRATOR}:
            raise _refuse_caller(report, "disable features", "the management account or a delegated administrator")
        self._require_no_window()
        steps: list[SetupStep] = []
        remarks = [
            "Root user credentials that were deleted stay deleted. While this is off, none can be deleted or recovered."
        ]
        if report.setup.trusted_access is not False:
            steps += [SetupStep(Action.FEATURE_DISABLE, feature=feature) for feature in Feature if feature in features]
        if trusted_access:
            deregister = Action.DELEGATED_ADMINISTRATOR_DEREGISTER
            delegates = report.setup.delegated_administrators or ()
            steps += [SetupStep(deregister, account_id=account_id) for account_id in delegates]
            steps.append(SetupStep(Action.TRUSTED_ACCESS_DISABLE))
            remarks.append("Without a delegated administrator there is no failsafe.")
        return _plan(report, steps, tuple(remarks))

    def apply(self, plan: SetupPlan) -> SetupChange:
        """Execute the plan's steps, and report the parts that remain.

        :raises WindowConflictError: if a recovery window was opened since the plan.
        """
        self._require_no_window()
        results, setup = self.take(plan.steps)
        return SetupChange(plan, results, setup, _describe_remains(setup))

    def _require_no_window(self) -> None:
        unfinished = self.acting.get_store(RecoveryWindowStore).list_windows(unfinished_only=True)
        owing = [window for window in unfinished if window.state in OWING_STATES]
        if owing:
            named = ", ".join(f"{window.window_id} ({window.account_id}, {window.state})" for window in owing)
            raise WindowConflictError(
                f"Recovery windows must be closed first, which needs root access management: {named}.",
                hint=Hint("Close the recovery windows.", "setup.close_windows"),
            )


def _find_caller_role(caller: Caller, organization: Organization, setup: Setup) -> CallerRole:
    if caller.account_id == organization.management_account_id:
        return CallerRole.MANAGEMENT
    if setup.delegated_administrators is None:
        return CallerRole.UNKNOWN
    is_delegate = caller.account_id in setup.delegated_administrators
    return CallerRole.DELEGATED_ADMINISTRATOR if is_delegate else CallerRole.MEMBER


def _list_missing(organization: Organization, setup: Setup) -> tuple[MissingPart, ...]:
    missing: list[MissingPart] = []
    text = "Switch it on in the set-up."
    if not organization.has_all_features:
        fix = Hint("Run: aws organizations enable-all-features", "setup.enable_all_features")
        missing.append(MissingPart("All features of the organization", fix))
    if setup.trusted_access is False:
        fix = Hint(text, "setup.enable_trusted_access")
        missing.append(MissingPart("Trusted access for iam.amazonaws.com", fix))
    for feature in list_features(organization.partition):
        if setup.features is not None and feature not in setup.features:
            fix = Hint(text, "setup.enable_feature", feature=_FEATURE_WORDS[feature])
            missing.append(MissingPart(f"The feature {feature}", fix))
    if setup.delegated_administrators == ():
        fix = Hint(text, "setup.enable_delegate")
        missing.append(MissingPart("A delegated administrator (failsafe)", fix))
    return tuple(missing)


def list_features(partition: str) -> tuple[Feature, ...]:
    """List the features that can be enabled in a partition."""
    obstacles = {
        Feature.ROOT_CREDENTIALS_MANAGEMENT: find_credentials_obstacle(partition),
        Feature.ROOT_SESSIONS: find_session_obstacle(partition),
    }
    return tuple(feature for feature in Feature if obstacles[feature] is None)


def _require_possible(partition: str, features: frozenset[Feature]) -> None:
    """:raises AwsRejectedError: if the partition lacks one of the features."""
    possible = list_features(partition)
    if not possible:
        raise AwsRejectedError(f"The partition {partition} has no root access management. Nothing was changed.")
    lacking = features - set(possible)
    if lacking:
        raise AwsRejectedError(
            f"{find_credentials_obstacle(partition)} The feature {', '.join(sorted(lacking))} can't be enabled. Nothing"
            " was changed.",
            hint=Hint("Enable root sessions alone; they unlock buckets and queues.", "setup.enable_sessions"),
        )


def _require_management(report: SetupReport, action: str) -> None:
    if report.caller_role is not CallerRole.MANAGEMENT:
        raise _refuse_caller(report, action, "the management account")


def _refuse_caller(report: SetupReport, action: str, accounts: str) -> AwsAccessDeniedError:
    return AwsAccessDeniedError(
        f"Only {accounts} can {action}. The caller is {report.caller.arn}. Nothing was changed.",
        hint=f"Use credentials of the management account {report.organization.management_account_id}.",
    )


def _plan(report: SetupReport, wanted: Sequence[SetupStep], remarks: tuple[str, ...]) -> SetupPlan:
    """Plan the steps with a result that doesn't exist yet, or can't be read."""
    satisfied = [step for step in wanted if find_satisfied(step, report.setup)]
    unneeded = [step.satisfied_title for step in satisfied]
    if report.setup.trusted_access is False and not any(step.action is Action.TRUSTED_ACCESS_ENABLE for step in wanted):
        unneeded.append("Trusted access is off. AWS keeps the features' flags, but they can't be used or changed.")
    return SetupPlan(
        report=report,
        steps=tuple(step for step in wanted if step not in satisfied),
        unneeded=tuple(dict.fromkeys(unneeded)),
        remarks=remarks,
    )


def _describe_remains(setup: Setup) -> tuple[str, ...]:
    remains: list[str] = ["Root user credentials that were deleted stay deleted."]
    if setup.trusted_access is False:
        remains.append("AWS keeps the features' flags. They count again when trusted access is on again.")
    if setup.features:
        remains.append(f"Still on: {', '.join(sorted(setup.features))}.")
    if setup.trusted_access:
        remains.append(Hint("Trusted access is still on.", "setup.trusted_access_on"))
    if setup.delegated_administrators:
        remains.append(f"Still delegated administrators: {', '.join(setup.delegated_administrators)}.")
    remains.append("Open root sessions last for up to 15 minutes.")
    return tuple(remains)
