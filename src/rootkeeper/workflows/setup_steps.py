"""The steps that change root access management's set-up, and how they are taken.

Each step is intent → call → re-read → outcome. What the re-read doesn't show isn't done, whatever AWS answered; a step
that isn't proven stops the ones after it, since they build on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.domain.ledger import Action, Intent, JsonValue, Result
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.setup import Feature, Setup
from rootkeeper.errors import AwsError, AwsUnclearError, LockLostError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.organizations import OrganizationAdministration, OrganizationReader
from rootkeeper.ports.progress import Progress

REREAD_PAUSES_SECONDS = (0, 1, 2)
"""Before each re-read: AWS is eventually consistent, and a re-read right after a call may not show it yet."""


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One call that changes the set-up."""

    action: Action
    feature: Feature | None = None
    account_id: AccountId | None = None
    """The delegated administrator."""

    @property
    def title(self) -> str:
        """Such as ``Enable the feature RootSessions``."""
        return _TITLES[self.action].format(self.feature or self.account_id)

    @property
    def satisfied_title(self) -> str:
        """Such as ``The feature RootSessions is already on``."""
        return _SATISFIED_TITLES[self.action].format(self.feature or self.account_id)


class StepOutcome(StrEnum):
    """What came of a step."""

    CHANGED = "changed"
    """Done, and the re-read shows it."""
    UNNEEDED = "unneeded"
    """It was so already when its turn came; no call was made."""
    FAILED = "failed"
    """Refused, or the re-read shows that it isn't done."""
    UNKNOWN = "unknown"
    """The re-read couldn't show whether it is done."""
    SKIPPED = "skipped"
    """Not tried, since a step before it failed."""


@dataclass(frozen=True, slots=True)
class SetupStepResult:
    """One step of a plan, and what came of it."""

    step: SetupStep
    outcome: StepOutcome
    explanation: str
    """One sentence for a person."""
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class SetupStepsReport:
    """What came of all steps."""

    results: tuple[SetupStepResult, ...]
    setup: Setup
    """As read last."""


@dataclass(frozen=True, slots=True)
class SetupSteps:
    """Takes steps, in order."""

    reader: OrganizationReader
    administration: OrganizationAdministration
    ledger: Ledger
    clock: Clock
    progress: Progress

    def take(self, steps: tuple[SetupStep, ...]) -> SetupStepsReport:
        """Take each step that is still needed when its turn comes; after one that isn't proven the rest is skipped.

        :raises LedgerUnavailableError: if an intent can't be recorded; its call wasn't made.
        """
        setup = self._read_setup()
        results: list[SetupStepResult] = []
        for step in steps:
            if results and results[-1].outcome in {StepOutcome.FAILED, StepOutcome.UNKNOWN, StepOutcome.SKIPPED}:
                results.append(SetupStepResult(step, StepOutcome.SKIPPED, f"{step.title}: not tried."))
            elif find_satisfied(step, setup):
                results.append(SetupStepResult(step, StepOutcome.UNNEEDED, f"{step.satisfied_title}."))
            else:
                result, setup = self._take(step)
                results.append(result)
            self.progress.remark(results[-1].explanation)
        return SetupStepsReport(tuple(results), setup)

    def _take(self, step: SetupStep) -> tuple[SetupStepResult, Setup]:
        intent = self.ledger.append_intent(step.action, account_id=step.account_id, parameters=_describe(step))
        error: AwsError | None = None
        try:
            _CALLS[step.action](self.administration, step, intent)
        except LockLostError:
            self.ledger.append_outcome(intent, Result.FAILED, {"error": "not sent"})
            raise
        except AwsError as caught:
            error = caught
        setup = self._reread(step)
        result = _evaluate(step, find_satisfied(step, setup), error)
        self.ledger.append_outcome(intent, _RESULTS[result.outcome], _describe_outcome(result, error))
        return result, setup

    def _reread(self, step: SetupStep) -> Setup:
        setup = Setup(None, None, None)
        for pause in REREAD_PAUSES_SECONDS:
            if pause:
                self.clock.sleep(pause)
            setup = self._read_setup()
            if find_satisfied(step, setup):
                break
        return setup

    def _read_setup(self) -> Setup:
        try:
            return self.reader.read_setup()
        except AwsError as error:
            return Setup(None, None, None, unknown=(error.message,))


def find_satisfied(step: SetupStep, setup: Setup) -> bool | None:
    """Whether the set-up is as the step wants it; ``None`` if that part couldn't be read."""
    match step.action:
        case Action.TRUSTED_ACCESS_ENABLE | Action.TRUSTED_ACCESS_DISABLE:
            is_on = setup.trusted_access
        case Action.FEATURE_ENABLE | Action.FEATURE_DISABLE:
            is_on = None if setup.features is None else step.feature in setup.features
        case _:
            delegates = setup.delegated_administrators
            is_on = None if delegates is None else step.account_id in delegates
    return None if is_on is None else is_on is (step.action in _SWITCHING_ON)


def _evaluate(step: SetupStep, satisfied: bool | None, error: AwsError | None) -> SetupStepResult:
    if satisfied:
        return SetupStepResult(step, StepOutcome.CHANGED, f"{step.title}: done, and the re-read shows it.")
    if error is not None and not isinstance(error, AwsUnclearError):
        return SetupStepResult(step, StepOutcome.FAILED, f"{step.title}: {error.message}", error.hint)
    if satisfied is None:
        return SetupStepResult(
            step,
            StepOutcome.UNKNOWN,
            f"{step.title}: sent, but what came of it can't be read.",
            "`rootkeeper status` says what can't be read, and why.",
        )
    said = error.message if error else "AWS answered success"
    return SetupStepResult(step, StepOutcome.FAILED, f"{step.title}: {said}, but the re-read doesn't show it.")


def _describe(step: SetupStep) -> Mapping[str, JsonValue]:
    return {"feature": str(step.feature)} if step.feature else {}


def _describe_outcome(result: SetupStepResult, error: AwsError | None) -> Mapping[str, JsonValue]:
    details: dict[str, JsonValue] = {"explanation": result.explanation}
    if error is not None:
        details |= {"error": error.code, "aws_code": error.aws_code, "request_id": error.request_id}
    return details


def _enable_feature(administration: OrganizationAdministration, step: SetupStep, intent: Intent) -> None:
    if step.feature is not None:
        administration.enable_feature(step.feature, intent)


def _disable_feature(administration: OrganizationAdministration, step: SetupStep, intent: Intent) -> None:
    if step.feature is not None:
        administration.disable_feature(step.feature, intent)


def _register(administration: OrganizationAdministration, step: SetupStep, intent: Intent) -> None:
    if step.account_id is not None:
        administration.register_delegated_administrator(step.account_id, intent)


def _deregister(administration: OrganizationAdministration, step: SetupStep, intent: Intent) -> None:
    if step.account_id is not None:
        administration.deregister_delegated_administrator(step.account_id, intent)


_CALLS: Mapping[Action, Callable[[OrganizationAdministration, SetupStep, Intent], None]] = {
    Action.TRUSTED_ACCESS_ENABLE: lambda administration, _, intent: administration.enable_trusted_access(intent),
    Action.TRUSTED_ACCESS_DISABLE: lambda administration, _, intent: administration.disable_trusted_access(intent),
    Action.FEATURE_ENABLE: _enable_feature,
    Action.FEATURE_DISABLE: _disable_feature,
    Action.DELEGATED_ADMINISTRATOR_REGISTER: _register,
    Action.DELEGATED_ADMINISTRATOR_DEREGISTER: _deregister,
}

_SWITCHING_ON = frozenset(
    {Action.TRUSTED_ACCESS_ENABLE, Action.FEATURE_ENABLE, Action.DELEGATED_ADMINISTRATOR_REGISTER}
)

_RESULTS = {
    StepOutcome.CHANGED: Result.DONE,
    StepOutcome.FAILED: Result.FAILED,
    StepOutcome.UNKNOWN: Result.UNKNOWN,
}

_TITLES = {
    Action.TRUSTED_ACCESS_ENABLE: "Enable trusted access for iam.amazonaws.com",
    Action.TRUSTED_ACCESS_DISABLE: "Disable trusted access for iam.amazonaws.com",
    Action.FEATURE_ENABLE: "Enable the feature {}",
    Action.FEATURE_DISABLE: "Disable the feature {}",
    Action.DELEGATED_ADMINISTRATOR_REGISTER: "Register {} as delegated administrator",
    Action.DELEGATED_ADMINISTRATOR_DEREGISTER: "Deregister the delegated administrator {}",
}

_SATISFIED_TITLES = {
    Action.TRUSTED_ACCESS_ENABLE: "Trusted access is already on",
    Action.TRUSTED_ACCESS_DISABLE: "Trusted access is already off",
    Action.FEATURE_ENABLE: "The feature {} is already on",
    Action.FEATURE_DISABLE: "The feature {} is already off",
    Action.DELEGATED_ADMINISTRATOR_REGISTER: "{} is already a delegated administrator",
    Action.DELEGATED_ADMINISTRATOR_DEREGISTER: "{} is no delegated administrator any more",
}
