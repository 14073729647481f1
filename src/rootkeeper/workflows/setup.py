"""Root access management's set-up: what is on, and the plans that change it.

A change is a plan first: data that can be shown, and that a dry run shows without obeying. ``setup_steps`` obeys it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.domain.ledger import Action
from rootkeeper.domain.organizations import AccountId, AccountState, Caller, Endpoint, Organization
from rootkeeper.domain.setup import Feature, Setup
from rootkeeper.domain.windows import OWING_STATES
from rootkeeper.errors import AwsAccessDeniedError, AwsRejectedError, TargetRefusedError, WindowConflictError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.organizations import OrganizationAdministration, OrganizationReader
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.setup_steps import SetupStep, SetupStepResult, SetupSteps, StepOutcome, find_satisfied

NO_FAILSAFE = "No failsafe. Next: rootkeeper enable --delegated-administrator ID"

_FEATURE_WORDS = {Feature.ROOT_CREDENTIALS_MANAGEMENT: "credentials", Feature.ROOT_SESSIONS: "sessions"}


class CallerRole(StrEnum):
    """What the caller's account is in the organization."""

    MANAGEMENT = "management"
    DELEGATED_ADMINISTRATOR = "delegated_administrator"
    MEMBER = "member"
    """A member that is no delegated administrator for IAM."""
    UNKNOWN = "unknown"
    """A member, and the delegated administrators couldn't be read."""


@dataclass(frozen=True, slots=True)
class MissingPart:
    """One part of the set-up that isn't there."""

    what: str
    command: str
    """The command that mends it."""


@dataclass(frozen=True, slots=True)
class SetupReport:
    """What ``rootkeeper status`` shows."""

    endpoint: Endpoint
    caller: Caller
    caller_role: CallerRole
    organization: Organization
    setup: Setup
    missing: tuple[MissingPart, ...]
    """Known to be missing; what couldn't be read stands in ``setup.unknown``."""

    @property
    def is_complete(self) -> bool:
        """Whether every part was read and is there."""
        return self.setup.is_complete and not self.setup.unknown


@dataclass(frozen=True, slots=True)
class SetupReader:
    """Reads the set-up; changes nothing and opens no root session."""

    reader: OrganizationReader

    def read(self) -> SetupReport:
        """Caller, organization and set-up: five reading calls.

        :raises AwsError: if the caller or the organization can't be read; what else can't be read is told as unknown.
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
    """What a change of the set-up will do."""

    report: SetupReport
    """The set-up as it is, with organization, caller and endpoint."""
    steps: tuple[SetupStep, ...]
    """In order; empty if there is nothing to do."""
    unneeded: tuple[str, ...]
    """One sentence for each thing asked for that is so already."""
    remarks: tuple[str, ...]
    """What the person should know before saying yes."""


@dataclass(frozen=True, slots=True)
class SetupChange:
    """What came of a plan."""

    plan: SetupPlan
    results: tuple[SetupStepResult, ...]
    setup: Setup
    """As re-read at the end."""
    closing_remarks: tuple[str, ...]
    """What remains, and what comes next, such as ``No failsafe. Next: rootkeeper enable …``."""

    @property
    def is_proven(self) -> bool:
        """Whether every step is changed or unneeded; if not, the exit status is 4."""
        return all(result.outcome in {StepOutcome.CHANGED, StepOutcome.UNNEEDED} for result in self.results)


@dataclass(frozen=True, slots=True)
class SetupEnabler:
    """Switches trusted access, the features and the delegated administrator on; only the management account may."""

    reader: OrganizationReader
    administration: OrganizationAdministration
    ledger: Ledger
    clock: Clock
    progress: Progress

    def plan(
        self,
        features: frozenset[Feature] = frozenset(Feature),
        delegated_administrator: AccountId | None = None,
    ) -> SetupPlan:
        """Only what is missing. Reads, and changes nothing: this is also the dry run.

        :raises AwsAccessDeniedError: if the caller isn't in the management account; no mutating call was made.
        :raises AwsRejectedError: if the organization or its partition has no root access management.
        :raises TargetRefusedError: if the delegate isn't an ACTIVE member account of the organization.
        """
        report = SetupReader(self.reader).read()
        _require_management(report, "enable root access management")
        _require_available(report)
        if delegated_administrator is not None:
            self._require_delegable(delegated_administrator, report.organization)
        wanted = _list_enabling(features, delegated_administrator)
        return _plan(report, wanted, remarks=())

    def apply(self, plan: SetupPlan) -> SetupChange:
        """Take the plan's steps, each intent → call → re-read → outcome; stops at the first that isn't proven.

        A plan without steps is fine: it makes no mutating call and tells what comes next.

        :raises LedgerUnavailableError: if an intent can't be recorded; its call wasn't made.
        """
        taken = SetupSteps(self.reader, self.administration, self.ledger, self.clock, self.progress).take(plan.steps)
        remarks = (NO_FAILSAFE,) if taken.setup.delegated_administrators == () else ()
        return SetupChange(plan, taken.results, taken.setup, remarks)

    def _require_delegable(self, account_id: AccountId, organization: Organization) -> None:
        if account_id == organization.management_account_id:
            raise TargetRefusedError(
                f"{account_id} is the management account, which can't be a delegated administrator.",
                hint="Name a member account, best a security account of its own.",
            )
        state = self.reader.find_account_state(account_id)
        if state is None:
            raise TargetRefusedError(
                f"{account_id} isn't an account of the organization {organization.organization_id}.",
                hint="`rootkeeper audit --all` lists its accounts.",
            )
        if state is not AccountState.ACTIVE:
            raise TargetRefusedError(
                f"{account_id} is {state}; a delegated administrator must be ACTIVE.",
                hint="Name another member account, best a security account of its own.",
            )


@dataclass(frozen=True, slots=True)
class SetupDisabler:
    """The way back: features, then delegated administrators and trusted access."""

    reader: OrganizationReader
    administration: OrganizationAdministration
    ledger: Ledger
    windows: RecoveryWindows
    clock: Clock
    progress: Progress

    def plan(self, features: frozenset[Feature] = frozenset(Feature), *, trusted_access: bool = False) -> SetupPlan:
        """What is on and shall go. With ``trusted_access`` the delegated administrators are deregistered before it,
        since AWS keeps it while there is one.

        :raises WindowConflictError: if a recovery window owes its closing.
        :raises AwsAccessDeniedError: if the caller may not: features belong to the management account and delegated
            administrators, the rest to the management account alone.
        """
        report = SetupReader(self.reader).read()
        if trusted_access:
            _require_management(report, "switch trusted access off")
        elif report.caller_role not in {CallerRole.MANAGEMENT, CallerRole.DELEGATED_ADMINISTRATOR}:
            raise _refuse_caller(report, "disable features", "the management account or a delegated administrator")
        self._require_no_window()
        return _plan(report, _list_disabling(report.setup, features, trusted_access), _list_warnings(trusted_access))

    def apply(self, plan: SetupPlan) -> SetupChange:
        """As ``Enabling.apply``; says what remains.

        :raises WindowConflictError: if a recovery window was opened since the plan.
        """
        self._require_no_window()
        taken = SetupSteps(self.reader, self.administration, self.ledger, self.clock, self.progress).take(plan.steps)
        return SetupChange(plan, taken.results, taken.setup, _describe_remains(taken.setup))

    def _require_no_window(self) -> None:
        owing = [window for window in self.windows.list_windows(unfinished_only=True) if window.state in OWING_STATES]
        if owing:
            named = ", ".join(f"{window.window_id} ({window.account_id}, {window.state})" for window in owing)
            raise WindowConflictError(
                f"Recovery windows owe their closing, which needs root access management: {named}.",
                hint="Close them first: rootkeeper windows close WINDOW_ID",
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
    if not organization.has_all_features:
        missing.append(MissingPart("All features of the organization", "aws organizations enable-all-features"))
    if setup.trusted_access is False:
        missing.append(MissingPart("Trusted access for iam.amazonaws.com", "rootkeeper enable"))
    if setup.features is not None:
        missing.extend(
            MissingPart(f"The feature {feature}", f"rootkeeper enable --feature {_FEATURE_WORDS[feature]}")
            for feature in Feature
            if feature not in setup.features
        )
    if setup.delegated_administrators == ():
        missing.append(
            MissingPart("A delegated administrator (failsafe)", "rootkeeper enable --delegated-administrator ID")
        )
    return tuple(missing)


def _require_management(report: SetupReport, deed: str) -> None:
    if report.caller_role is not CallerRole.MANAGEMENT:
        raise _refuse_caller(report, deed, "the management account")


def _refuse_caller(report: SetupReport, deed: str, who: str) -> AwsAccessDeniedError:
    return AwsAccessDeniedError(
        f"Only {who} may {deed}; the caller is {report.caller.arn}. Nothing was changed.",
        hint=f"Use credentials of the management account {report.organization.management_account_id}.",
    )


def _require_available(report: SetupReport) -> None:
    if report.organization.partition == "aws-cn":
        raise AwsRejectedError("The partition aws-cn has no root access management. Nothing was changed.")
    if not report.organization.has_all_features:
        raise AwsRejectedError(
            f"The organization {report.organization.organization_id} has consolidated billing only. "
            "Nothing was changed.",
            hint="Root access management needs all features: aws organizations enable-all-features",
        )


def _list_enabling(features: frozenset[Feature], delegate: AccountId | None) -> tuple[SetupStep, ...]:
    steps = [SetupStep(Action.TRUSTED_ACCESS_ENABLE)]
    steps += [SetupStep(Action.FEATURE_ENABLE, feature=feature) for feature in Feature if feature in features]
    if delegate is not None:
        steps.append(SetupStep(Action.DELEGATED_ADMINISTRATOR_REGISTER, account_id=delegate))
    return tuple(steps)


def _list_disabling(setup: Setup, features: frozenset[Feature], trusted_access: bool) -> tuple[SetupStep, ...]:
    steps: list[SetupStep] = []
    if setup.trusted_access is not False:
        steps += [SetupStep(Action.FEATURE_DISABLE, feature=feature) for feature in Feature if feature in features]
    if trusted_access:
        steps += [
            SetupStep(Action.DELEGATED_ADMINISTRATOR_DEREGISTER, account_id=account_id)
            for account_id in setup.delegated_administrators or ()
        ]
        steps.append(SetupStep(Action.TRUSTED_ACCESS_DISABLE))
    return tuple(steps)


def _plan(report: SetupReport, wanted: tuple[SetupStep, ...], remarks: tuple[str, ...]) -> SetupPlan:
    """Steps whose end isn't there yet, or can't be read."""
    satisfied = [step for step in wanted if find_satisfied(step, report.setup)]
    unneeded = [step.satisfied_title for step in satisfied]
    if report.setup.trusted_access is False and not any(step.action is Action.TRUSTED_ACCESS_ENABLE for step in wanted):
        unneeded.append("Trusted access is off: AWS keeps the features' flags, and nobody can use or change them.")
    return SetupPlan(
        report=report,
        steps=tuple(step for step in wanted if step not in satisfied),
        unneeded=tuple(dict.fromkeys(unneeded)),
        remarks=remarks,
    )


def _list_warnings(trusted_access: bool) -> tuple[str, ...]:
    warnings = [
        "Root user credentials that were deleted stay deleted; none can be deleted or recovered while this is off."
    ]
    if trusted_access:
        warnings.append("Without a delegated administrator there is no failsafe.")
    return tuple(warnings)


def _describe_remains(setup: Setup) -> tuple[str, ...]:
    remains: list[str] = ["Root user credentials that were deleted stay deleted."]
    if setup.trusted_access is False:
        remains.append("AWS keeps the features' flags: they are as before once trusted access is on again.")
    if setup.features:
        remains.append(f"Still on: {', '.join(sorted(setup.features))}.")
    if setup.trusted_access:
        remains.append("Trusted access is still on. To switch it off: rootkeeper disable --trusted-access")
    if setup.delegated_administrators:
        remains.append(f"Still delegated administrators: {', '.join(setup.delegated_administrators)}.")
    remains.append("Root sessions that are open already last for up to 15 minutes.")
    return tuple(remains)
