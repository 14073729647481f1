"""Steps of the set-up as changes: which answers a re-read follows, and what it means."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rootkeeper.changes.rules import Change, Evaluation
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsAlreadyExistsError,
    AwsError,
    AwsNotFoundError,
    AwsUnreachableError,
)
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.organization.accounts import AccountId, Feature
from rootkeeper.setup.changes import SetupStep, SetupStepChange, restore_setup_change
from tests.fakes.clock import FakeClock
from tests.fakes.organization import FakeOrganization
from tests.fakes.stores import InMemoryLedger

DELEGATE = AccountId("222233334444")
ENABLE = SetupStep(Action.FEATURE_ENABLE, Feature.ROOT_SESSIONS)
REGISTER = SetupStep(Action.DELEGATED_ADMINISTRATOR_REGISTER, account_id=DELEGATE)
DEREGISTER = SetupStep(Action.DELEGATED_ADMINISTRATOR_DEREGISTER, account_id=DELEGATE)


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(DELEGATE, "security")
    fake.features = set()
    return fake


@pytest.fixture
def ledger(organization: FakeOrganization) -> InMemoryLedger:
    return InMemoryLedger(organization.clock)


@pytest.fixture
def runner(organization: FakeOrganization, ledger: InMemoryLedger) -> ChangeRunner:
    return ChangeRunner(ledger, organization.clock)


def send_failing(
    organization: FakeOrganization, runner: ChangeRunner, step: SetupStep, error: AwsError
) -> tuple[Result, str]:
    operation = {DEREGISTER: "Deregister", REGISTER: "Register"}.get(step, "EnableOrganizationsRootSessions")
    organization.fail(operation + ("DelegatedAdministrator" if step.account_id else ""), error)
    made = runner.make(SetupStepChange(step, organization, (1.0, 2.0), administration=organization))
    return made.result, made.explanation


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (DEREGISTER, AwsNotFoundError("not registered")),
        (REGISTER, AwsAlreadyExistsError("already registered")),
        (ENABLE, AwsUnreachableError("no answer")),
    ],
)
def test_an_answer_that_proves_nothing_is_followed_by_a_reread(
    organization: FakeOrganization, runner: ChangeRunner, step: SetupStep, error: AwsError
) -> None:
    if step is DEREGISTER:
        organization.delegated_administrators = [DELEGATE]
    assert send_failing(organization, runner, step, error) == (
        Result.FAILED,
        f"{step.title}: {error.message}, but the re-read doesn't show it.",
    )
    assert organization.clock.slept == [1.0, 2.0]
    organization.delegated_administrators = [DELEGATE] if step is REGISTER else []
    organization.features = {Feature.ROOT_SESSIONS}
    assert send_failing(organization, runner, step, error)[0] is Result.DONE


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (REGISTER, AwsNotFoundError("no such account")),
        (DEREGISTER, AwsAlreadyExistsError("exists")),
        (ENABLE, AwsAccessDeniedError("denied")),
    ],
)
def test_a_refusal_is_recorded_and_raised_without_a_reread(
    organization: FakeOrganization, runner: ChangeRunner, ledger: InMemoryLedger, step: SetupStep, error: AwsError
) -> None:
    with pytest.raises(type(error)):
        send_failing(organization, runner, step, error)
    assert len(organization.operations()) == 1
    assert ledger.results_of(step.action) == [Result.FAILED]


def watch(organization: FakeOrganization, ledger: InMemoryLedger, step: SetupStep) -> Evaluation:
    """Leave the intent of a process that died, and re-read its change."""
    parameters = SetupStepChange(step, organization, administration=organization).parameters
    ledger.append_intent(step.action, account_id=step.account_id, parameters=parameters)
    change = restore_setup_change(ledger.entries[-1], organization)
    assert change.step == step
    return ChangeRunner(ledger, organization.clock).watch(change, None).evaluation


def leave_on(organization: FakeOrganization) -> None:
    organization.features = {Feature.ROOT_SESSIONS}


def leave_off(_: FakeOrganization) -> None:
    """Change nothing."""


def deny(organization: FakeOrganization) -> None:
    organization.fail("ListOrganizationsFeatures", AwsAccessDeniedError("Denied."))


def cut_off(organization: FakeOrganization) -> None:
    organization.fail("ListOrganizationsFeatures", AwsUnreachableError("No answer."))


@pytest.mark.parametrize(
    ("prepare", "result", "explanation"),
    [
        (leave_on, Result.DONE, "Done, as a re-read shows."),
        (leave_off, Result.FAILED, "Not done, as a re-read shows."),
        (deny, None, "Denied."),
        (cut_off, None, "No answer."),
    ],
)
def test_p06_a_step_of_a_dead_process_is_decided_by_one_reading_and_stays_open_without_it(
    organization: FakeOrganization,
    ledger: InMemoryLedger,
    prepare: Callable[[FakeOrganization], None],
    result: Result | None,
    explanation: str,
) -> None:
    prepare(organization)
    found = watch(organization, ledger, ENABLE)
    assert (found.result, found.explanation) == (result, explanation)
    assert organization.clock.slept == []


def test_a_feature_stays_open_while_aws_doesnt_show_it(organization: FakeOrganization, ledger: InMemoryLedger) -> None:
    organization.trusted_access = False
    found = watch(organization, ledger, ENABLE)
    assert (found.result, found.explanation) == (None, "AWS doesn't show it while trusted access is off.")


def test_p04_a_step_of_a_dead_process_can_only_be_observed(
    organization: FakeOrganization, ledger: InMemoryLedger
) -> None:
    ledger.append_intent(ENABLE.action, parameters={"feature": "RootSessions"})
    assert not isinstance(restore_setup_change(ledger.entries[-1], organization), Change)
