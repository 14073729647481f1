"""Reading an account again, in one session, without ever taking a refusal for an answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rootkeeper.aws.rules import ResourceKind
from rootkeeper.errors import AwsAccessDeniedError
from rootkeeper.organization.accounts import AccountId, Feature
from rootkeeper.organization.statuses import CredentialKind, LoginProfile
from rootkeeper.settlement.service import AccountRereader
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization
from tests.fakes.root_users import root_user_with_everything

ACCOUNT = AccountId("222233334444")


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT, root_user=root_user_with_everything())
    return fake


@pytest.fixture
def rereading(organization: FakeOrganization) -> Iterator[AccountRereader]:
    operator = Operator(organization, FakeDatabase(organization.clock))
    with operator.locks.hold(ACCOUNT, "settling") as lock:
        yield AccountRereader(organization, organization, operator.ledger, operator.clock, ACCOUNT, lock)


@pytest.mark.parametrize(
    ("kind", "present", "absent"),
    [
        (CredentialKind.ACCESS_KEYS, "AKIAIOSFODNN7EXAMPLE", "AKIAEXAMPLEGONE00000"),
        (CredentialKind.SIGNING_CERTIFICATES, "TA7SMP42TDN5Z26OBPJE7EXAMPLE", "GONE"),
        (CredentialKind.MFA_DEVICES, "GAHT12345678", "GONE"),
        (CredentialKind.PASSWORD, None, "GONE"),
    ],
)
def test_a_credential_is_found_by_its_own_id(
    rereading: AccountRereader, kind: CredentialKind, present: str | None, absent: str
) -> None:
    assert rereading.find_present(kind, present) is True
    assert rereading.find_present(kind, absent) is False


def test_each_kind_is_read_once(rereading: AccountRereader, organization: FakeOrganization) -> None:
    for _ in range(3):
        rereading.find_present(CredentialKind.ACCESS_KEYS, "AKIAIOSFODNN7EXAMPLE")

    assert organization.operations(ACCOUNT).count("ListAccessKeys") == 1


def test_a_refused_session_is_asked_for_once(rereading: AccountRereader, organization: FakeOrganization) -> None:
    organization.fail("AssumeRoot")

    assert rereading.find_present(CredentialKind.ACCESS_KEYS, "AKIAIOSFODNN7EXAMPLE") is None
    assert rereading.find_present(CredentialKind.PASSWORD, None) is None
    assert not rereading.find_login_profile().was_read
    assert rereading.failure
    assert organization.operations(ACCOUNT).count("AssumeRoot") == 1


def test_a_login_profile_that_appears_late_is_still_found(
    rereading: AccountRereader, organization: FakeOrganization
) -> None:
    organization.root_users[ACCOUNT].login_profile = None

    def act_late(operation: str, _: AccountId | None) -> None:
        if operation == "GetLoginProfile" and organization.operations(ACCOUNT).count("GetLoginProfile") == 1:
            organization.root_users[ACCOUNT].login_profile = LoginProfile(START, None)

    organization.before_each_call(act_late)

    assert rereading.find_login_profile().login_profile == LoginProfile(START, None)


def test_a_policy_is_read_in_an_unlock_session_and_one_that_is_gone_is_none(
    rereading: AccountRereader, organization: FakeOrganization
) -> None:
    bucket = organization.resources.add(ResourceKind.BUCKET, ACCOUNT, "locked", "{}")
    assert rereading.find_policy(bucket) == "{}"
    del organization.resources.policies[bucket]
    assert rereading.find_policy(bucket) is None
    assert organization.operations(ACCOUNT).count("AssumeRoot") == 1


def test_a_refusal_of_one_task_is_none_of_the_other(rereading: AccountRereader, organization: FakeOrganization) -> None:
    queue = organization.resources.add(ResourceKind.QUEUE, ACCOUNT, "locked", "{}")
    organization.features.discard(Feature.ROOT_SESSIONS)
    with pytest.raises(AwsAccessDeniedError, match="Root sessions feature"):
        rereading.find_policy(queue)
    assert rereading.find_present(CredentialKind.PASSWORD, None) is True
