"""The contract of OrganizationAdministration."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rootkeeper.errors import (
    AwsAlreadyExistsError,
    AwsNotFoundError,
    AwsRejectedError,
    AwsThrottledError,
    AwsUnclearError,
    LockLostError,
)
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import AccountId, Feature
from tests.contracts.subjects import FOREIGN, MANAGEMENT, MEMBER, SECURITY, AnyOrganization, Subject, intent
from tests.fakes.intents import make_intent


def register(subject: Subject, account_id: AccountId) -> None:
    receipt = intent(subject, Action.DELEGATED_ADMINISTRATOR_REGISTER, account_id)
    subject.organization.register_delegated_administrator(account_id, receipt)


def deregister(subject: Subject, account_id: AccountId) -> None:
    receipt = intent(subject, Action.DELEGATED_ADMINISTRATOR_DEREGISTER, account_id)
    subject.organization.deregister_delegated_administrator(account_id, receipt)


def test_a_feature_is_switched_and_the_answer_is_what_is_on_afterwards(subject: Subject) -> None:
    off = subject.organization.disable_feature(Feature.ROOT_SESSIONS, intent(subject, Action.FEATURE_DISABLE))
    assert off == {Feature.ROOT_CREDENTIALS_MANAGEMENT} == subject.true_features()
    on = subject.organization.enable_feature(Feature.ROOT_SESSIONS, intent(subject, Action.FEATURE_ENABLE))
    assert on == set(Feature) == subject.true_features()


def test_switching_a_feature_on_twice_is_no_error(subject: Subject) -> None:
    for _ in range(2):
        on = subject.organization.enable_feature(
            Feature.ROOT_CREDENTIALS_MANAGEMENT, intent(subject, Action.FEATURE_ENABLE)
        )
        assert on == set(Feature)


def test_a_feature_cannot_be_switched_while_trusted_access_is_off_and_is_kept(subject: Subject) -> None:
    organization = subject.organization
    organization.disable_trusted_access(intent(subject, Action.TRUSTED_ACCESS_DISABLE))
    with pytest.raises(AwsRejectedError) as raised:
        organization.enable_feature(Feature.ROOT_SESSIONS, intent(subject, Action.FEATURE_ENABLE))
    assert raised.value.aws_code == "ServiceAccessNotEnabledException"
    organization.enable_trusted_access(intent(subject, Action.TRUSTED_ACCESS_ENABLE))
    assert organization.read_setup().features == frozenset(Feature)


def test_a_delegated_administrator_is_registered_and_deregistered(subject: Subject) -> None:
    register(subject, SECURITY)
    assert subject.organization.read_setup().delegated_administrators == (SECURITY,)
    deregister(subject, SECURITY)
    assert subject.organization.read_setup().delegated_administrators == ()


def test_registering_twice_is_told_apart(subject: Subject) -> None:
    register(subject, SECURITY)
    with pytest.raises(AwsAlreadyExistsError):
        register(subject, SECURITY)


def test_deregistering_what_is_not_registered_is_told_apart(subject: Subject) -> None:
    with pytest.raises(AwsNotFoundError):
        deregister(subject, MEMBER)


def test_an_unknown_account_cannot_be_registered(subject: Subject) -> None:
    with pytest.raises(AwsNotFoundError):
        register(subject, FOREIGN)


def test_the_management_account_cannot_be_registered(subject: Subject) -> None:
    with pytest.raises(AwsRejectedError) as raised:
        register(subject, MANAGEMENT)
    assert raised.value.aws_code == "ConstraintViolationException"


def test_trusted_access_stays_while_a_delegated_administrator_is_registered(subject: Subject) -> None:
    register(subject, SECURITY)
    with pytest.raises(AwsRejectedError) as raised:
        subject.organization.disable_trusted_access(intent(subject, Action.TRUSTED_ACCESS_DISABLE))
    assert raised.value.aws_code == "ConstraintViolationException"
    assert subject.organization.read_setup().trusted_access is True


CHANGES: list[tuple[str, Action, AccountId | None, Callable[[AnyOrganization, Intent], object]]] = [
    ("EnableAWSServiceAccess", Action.TRUSTED_ACCESS_ENABLE, None, lambda on, it: on.enable_trusted_access(it)),
    ("DisableAWSServiceAccess", Action.TRUSTED_ACCESS_DISABLE, None, lambda on, it: on.disable_trusted_access(it)),
    (
        "EnableOrganizationsRootSessions",
        Action.FEATURE_ENABLE,
        None,
        lambda on, it: on.enable_feature(Feature.ROOT_SESSIONS, it),
    ),
    (
        "DisableOrganizationsRootCredentialsManagement",
        Action.FEATURE_DISABLE,
        None,
        lambda on, it: on.disable_feature(Feature.ROOT_CREDENTIALS_MANAGEMENT, it),
    ),
    (
        "RegisterDelegatedAdministrator",
        Action.DELEGATED_ADMINISTRATOR_REGISTER,
        SECURITY,
        lambda on, it: on.register_delegated_administrator(SECURITY, it),
    ),
]


@pytest.mark.parametrize(("operation", "action", "account_id", "change"), CHANGES, ids=[one[0] for one in CHANGES])
class TestEveryChange:
    """What holds for each of them."""

    def test_it_is_sent_once_even_when_its_answer_is_lost(
        self,
        subject: Subject,
        operation: str,
        action: Action,
        account_id: AccountId | None,
        change: Callable[[AnyOrganization, Intent], object],
    ) -> None:
        subject.cut_off(operation)
        with pytest.raises(AwsUnclearError):
            change(subject.organization, intent(subject, action, account_id))
        assert [made for made, _ in subject.operations()] == [operation]

    def test_a_throttled_one_is_sent_once_and_says_so(
        self,
        subject: Subject,
        operation: str,
        action: Action,
        account_id: AccountId | None,
        change: Callable[[AnyOrganization, Intent], object],
    ) -> None:
        subject.throttle(operation)
        with pytest.raises(AwsThrottledError):
            change(subject.organization, intent(subject, action, account_id))
        assert [made for made, _ in subject.operations()] == [operation]

    def test_it_does_not_leave_without_a_valid_intent_of_its_own(
        self,
        subject: Subject,
        operation: str,
        action: Action,
        account_id: AccountId | None,
        change: Callable[[AnyOrganization, Intent], object],
    ) -> None:
        with pytest.raises(LockLostError):
            change(subject.organization, make_intent(subject.clock, action, account_id, valid_seconds=0))
        with pytest.raises(ValueError, match="intent"):
            change(subject.organization, intent(subject, Action.ACCESS_KEY_DELETE, account_id))
        with pytest.raises(ValueError, match="intent"):
            change(subject.organization, intent(subject, action, FOREIGN))
        assert subject.operations() == []
