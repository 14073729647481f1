"""The steps that change the set-up, and the results that a re-read of the set-up gives.

Only the re-read proves a step, not AWS's answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rootkeeper.aws.organizations import OrganizationAdministration, OrganizationReader
from rootkeeper.changes.rules import Answer, Change, Evaluation, ObservedChange
from rootkeeper.errors import AwsAlreadyExistsError, AwsError, AwsNotFoundError, RootkeeperError
from rootkeeper.ledger.rules import Action, Intent, LedgerEntry, Result
from rootkeeper.organization.accounts import AccountId, Feature, Setup
from rootkeeper.values import JsonValue


@dataclass(frozen=True, slots=True)
class SetupStep:
    """A call that changes the set-up."""

    action: Action
    feature: Feature | None = None
    account_id: AccountId | None = None
    """The delegated administrator."""

    @property
    def title(self) -> str:
        """Such as ``Enable the feature RootSessions``."""
        return _TITLES[self.action][0].format(self.feature or self.account_id)

    @property
    def satisfied_title(self) -> str:
        """Such as ``The feature RootSessions is already on``."""
        return _TITLES[self.action][1].format(self.feature or self.account_id)

    @property
    def switches_on(self) -> bool:
        return self.action in _SWITCHING_ON


_SWITCHING_ON = frozenset(
    {Action.TRUSTED_ACCESS_ENABLE, Action.FEATURE_ENABLE, Action.DELEGATED_ADMINISTRATOR_REGISTER}
)

_TITLES = {
    Action.TRUSTED_ACCESS_ENABLE: ("Enable trusted access for iam.amazonaws.com", "Trusted access is already on"),
    Action.TRUSTED_ACCESS_DISABLE: ("Disable trusted access for iam.amazonaws.com", "Trusted access is already off"),
    Action.FEATURE_ENABLE: ("Enable the feature {}", "The feature {} is already on"),
    Action.FEATURE_DISABLE: ("Disable the feature {}", "The feature {} is already off"),
    Action.DELEGATED_ADMINISTRATOR_REGISTER: (
        "Register {} as delegated administrator",
        "{} is already a delegated administrator",
    ),
    Action.DELEGATED_ADMINISTRATOR_DEREGISTER: (
        "Deregister the delegated administrator {}",
        "{} is no delegated administrator any more",
    ),
}


def find_satisfied(step: SetupStep, setup: Setup) -> bool | None:
    """Whether the set-up already has the step's result; ``None`` if that part couldn't be read."""
    match step.action:
        case Action.TRUSTED_ACCESS_ENABLE | Action.TRUSTED_ACCESS_DISABLE:
            is_on = setup.trusted_access
        case Action.FEATURE_ENABLE | Action.FEATURE_DISABLE:
            is_on = None if setup.features is None else step.feature in setup.features
        case _:
            delegates = setup.delegated_administrators
            is_on = None if delegates is None else step.account_id in delegates
    return None if is_on is None else is_on is step.switches_on


def read_known_setup(reader: OrganizationReader) -> Setup:
    """Read the set-up. If AWS refuses that as a whole, every part is unknown for that reason."""
    try:
        return reader.read_setup()
    except AwsError as error:
        return Setup(None, None, None, unknown=(error.message,))


REREAD_PAUSES_SECONDS = (1.0, 2.0)
"""After a call: AWS is eventually consistent, so the first re-read may not show it yet."""


@dataclass(frozen=True, slots=True)
class RecordedSetupStep(ObservedChange[Setup]):
    """A step by its effect."""

    step: SetupStep
    reader: OrganizationReader
    pauses_seconds: tuple[float, ...] = ()

    @property
    def action(self) -> Action:
        return self.step.action

    @property
    def account_id(self) -> AccountId | None:
        return self.step.account_id

    def observe(self) -> Setup:
        """Read all parts; a failure is among the unknown parts, because AWS refuses each part on its own."""
        return read_known_setup(self.reader)

    def evaluate(self, shown: Setup, answer: Answer | None) -> Evaluation:
        satisfied = find_satisfied(self.step, shown)
        if answer is None:
            if satisfied is None:
                return Evaluation(None, " ".join(shown.unknown) or "AWS doesn't show it while trusted access is off.")
            if satisfied:
                return Evaluation(Result.DONE, "Done, as a re-read shows.")
            return Evaluation(Result.FAILED, "Not done, as a re-read shows.")
        title = self.step.title
        if satisfied is None:
            return Evaluation(None, f"{title}: sent, but the set-up can't be re-read.", is_settled=False)
        if satisfied:
            return Evaluation(Result.DONE, f"{title}: done, and the re-read shows it.")
        said = answer.error.message if answer.error else "AWS answered success"
        return Evaluation(Result.FAILED, f"{title}: {said}, but the re-read doesn't show it.", is_settled=False)

    def evaluate_unread(self, error: RootkeeperError, answer: Answer | None) -> Evaluation:
        return self.evaluate(Setup(None, None, None, unknown=(error.message,)), answer)


@dataclass(frozen=True, slots=True)
class SetupStepChange(RecordedSetupStep, Change[Setup]):
    """A step that is taken."""

    administration: OrganizationAdministration = field(kw_only=True)

    @property
    def parameters(self) -> Mapping[str, JsonValue]:
        return {"feature": str(self.step.feature)} if self.step.feature else {}

    def send(self, intent: Intent) -> None:
        self.administration.change_setup(
            self.action, intent, feature=self.step.feature, account_id=self.step.account_id
        )

    def may_have_acted(self, error: AwsError) -> bool:
        """That the set-up is already as wanted is an answer like success: only the re-read proves it."""
        already = AwsAlreadyExistsError if self.step.switches_on else AwsNotFoundError
        return isinstance(error, already) or Change.may_have_acted(self, error)


def restore_setup_change(entry: LedgerEntry, reader: OrganizationReader) -> RecordedSetupStep:
    """Rebuild the change of a dead process from its intent. It is observed once."""
    feature = entry.parameters.get("feature")
    step = SetupStep(entry.action, Feature(feature) if isinstance(feature, str) else None, entry.account_id)
    return RecordedSetupStep(step, reader)
