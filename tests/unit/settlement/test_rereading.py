"""Re-reading an account in one session of each task, without ever taking a refusal for an answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rootkeeper.aws.rules import ResourceKind, TaskPolicy
from rootkeeper.changes.credentials import CredentialRemoval
from rootkeeper.changes.removal_rules import PlannedCall
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.changes.sessions import AccountSessions
from rootkeeper.errors import AwsAccessDeniedError
from rootkeeper.ledger.rules import Result
from rootkeeper.organization.accounts import AccountId, Feature
from rootkeeper.organization.statuses import CredentialKind, LoginProfile
from rootkeeper.windows.changes import RecoveryAllowance
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization
from tests.fakes.root_users import root_user_with_everything

ACCOUNT = AccountId("222233334444")
KEY = PlannedCall(CredentialKind.ACCESS_KEYS, "AKIAIOSFODNN7EXAMPLE")
PASSWORD = PlannedCall(CredentialKind.PASSWORD, None)


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT, root_user=root_user_with_everything())
    return fake


@pytest.fixture
def sessions(organization: FakeOrganization) -> Iterator[AccountSessions]:
    operator = Operator(organization, FakeDatabase(organization.clock))
    with operator.locks.hold(ACCOUNT, "settling") as lock:
        yield AccountSessions(organization, operator.ledger, operator.clock, ACCOUNT, lock)


@pytest.fixture
def runner(sessions: AccountSessions) -> ChangeRunner:
    return ChangeRunner.in_account(sessions)


@pytest.mark.parametrize(
    ("kind", "present", "absent"),
    [
        (CredentialKind.ACCESS_KEYS, "AKIAIOSFODNN7EXAMPLE", "AKIAEXAMPLEGONE00000"),
        (CredentialKind.SIGNING_CERTIFICATES, "TA7SMP42TDN5Z26OBPJE7EXAMPLE", "GONE"),
        (CredentialKind.MFA_DEVICES, "GAHT12345678", "GONE"),
    ],
)
def test_a_credential_is_found_by_its_own_id(
    runner: ChangeRunner, sessions: AccountSessions, kind: CredentialKind, present: str, absent: str
) -> None:
    for target, result in ((present, Result.FAILED), (absent, Result.DONE)):
        removal = CredentialRemoval(sessions, PlannedCall(kind, target))
        assert runner.watch(removal, None).evaluation.result is result


def test_a_refused_session_is_asked_for_once(
    runner: ChangeRunner, sessions: AccountSessions, organization: FakeOrganization
) -> None:
    organization.fail("AssumeRoot")
    for call in (KEY, PASSWORD):
        reread = runner.watch(CredentialRemoval(sessions, call), None)
        assert reread.shown is None
        assert reread.evaluation.result is None
    assert organization.operations(ACCOUNT).count("AssumeRoot") == 1


def test_a_login_profile_that_appears_late_is_still_found(
    runner: ChangeRunner, sessions: AccountSessions, organization: FakeOrganization
) -> None:
    organization.root_users[ACCOUNT].login_profile = None

    def act_late(operation: str, _: AccountId | None) -> None:
        if operation == "GetLoginProfile" and organization.operations(ACCOUNT).count("GetLoginProfile") == 1:
            organization.root_users[ACCOUNT].login_profile = LoginProfile(START, None)

    organization.before_each_call(act_late)
    reread = runner.watch(RecoveryAllowance(sessions, START, observed_in=TaskPolicy.AUDIT), None)
    assert reread.shown == LoginProfile(START, None)
    assert reread.evaluation.result is Result.DONE


def test_a_refusal_of_one_task_is_none_of_the_other(
    runner: ChangeRunner, sessions: AccountSessions, organization: FakeOrganization
) -> None:
    organization.features.discard(Feature.ROOT_SESSIONS)
    with pytest.raises(AwsAccessDeniedError, match="Root sessions feature"):
        sessions.get(ResourceKind.QUEUE.task_policy)
    assert runner.watch(CredentialRemoval(sessions, PASSWORD), None).evaluation.result is Result.FAILED
