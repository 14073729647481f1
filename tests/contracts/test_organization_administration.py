"""The contract of OrganizationAdministration."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper.errors import (
    AwsAlreadyExistsError,
    AwsNotFoundError,
    AwsRejectedError,
    AwsThrottledError,
    AwsUnclearError,
    LockLostError,
)
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId, Feature
from tests.contracts.subjects import FOREIGN, MANAGEMENT, MEMBER, SECURITY, Subject, intent
from tests.fakes.intents import make_intent


def change(subject: Subject, action: Action, *, feature: Feature | None = None) -> None:
    subject.organization.change_setup(action, intent(subject, action), feature=feature)


def register(subject: Subject, account_id: AccountId) -> None:
    action = Action.DELEGATED_ADMINISTRATOR_REGISTER
    subject.organization.change_setup(action, intent(subject, action, account_id), account_id=account_id)


def deregister(subject: Subject, account_id: AccountId) -> None:
    action = Action.DELEGATED_ADMINISTRATOR_DEREGISTER
    subject.organization.change_setup(action, intent(subject, action, account_id), account_id=account_id)


def test_a_feature_is_switched(subject: Subject) -> None:
    change(subject, Action.FEATURE_DISABLE, feature=Feature.ROOT_SESSIONS)
    assert subject.true_features() == {Feature.ROOT_CREDENTIALS_MANAGEMENT}
    change(subject, Action.FEATURE_ENABLE, feature=Feature.ROOT_SESSIONS)
    assert subject.true_features() == set(Feature)


def test_switching_a_feature_on_twice_is_no_error(subject: Subject) -> None:
    for _ in range(2):
        change(subject, Action.FEATURE_ENABLE, feature=Feature.ROOT_CREDENTIALS_MANAGEMENT)
        assert subject.true_features() == set(Feature)


def test_a_feature_cannot_be_switched_while_trusted_access_is_off_and_is_kept(subject: Subject) -> None:
    change(subject, Action.TRUSTED_ACCESS_DISABLE)
    with pytest.raises(AwsRejectedError) as raised:
        change(subject, Action.FEATURE_ENABLE, feature=Feature.ROOT_SESSIONS)
    assert raised.value.aws_code == "ServiceAccessNotEnabledException"
    change(subject, Action.TRUSTED_ACCESS_ENABLE)
    assert subject.organization.read_setup().features == frozenset(Feature)


def test_a_delegated_administrator_is_registered_and_deregistered(subject: Subject) -> None:
    register(subject, SECURITY)
    assert subject.organization.read_setup().delegated_administrators == (SECURITY,)
    deregister(subject, SECURITY)
    assert subject.organization.read_setup().delegated_administrators == ()


def test_registering_twice_is_distinguished(subject: Subject) -> None:
    register(subject, SECURITY)
    with pytest.raises(AwsAlreadyExistsError):
        register(subject, SECURITY)


def test_deregistering_what_is_not_registered_is_distinguished(subject: Subject) -> None:
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
        change(subject, Action.TRUSTED_ACCESS_DISABLE)
    assert raised.value.aws_code == "ConstraintViolationException"
    assert subject.organization.read_setup().trusted_access is True


CHANGES: list[tuple[str, Action, dict[str, Any]]] = [
    ("EnableAWSServiceAccess", Action.TRUSTED_ACCESS_ENABLE, {}),
    ("DisableAWSServiceAccess", Action.TRUSTED_ACCESS_DISABLE, {}),
    ("EnableOrganizationsRootSessions", Action.FEATURE_ENABLE, {"feature": Feature.ROOT_SESSIONS}),
    (
        "DisableOrganizationsRootCredentialsManagement",
        Action.FEATURE_DISABLE,
        {"feature": Feature.ROOT_CREDENTIALS_MANAGEMENT},
    ),
    ("RegisterDelegatedAdministrator", Action.DELEGATED_ADMINISTRATOR_REGISTER, {"account_id": SECURITY}),
]


@pytest.mark.parametrize(("operation", "action", "target"), CHANGES, ids=[one[0] for one in CHANGES])
class TestEveryChange:
    """What holds for each of them."""

    def test_it_is_sent_once_even_when_its_answer_is_lost(
        self, subject: Subject, operation: str, action: Action, target: dict[str, Any]
    ) -> None:
        subject.cut_off(operation)
        with pytest.raises(AwsUnclearError):
            subject.organization.change_setup(action, intent(subject, action, target.get("account_id")), **target)
        assert [made for made, _ in subject.operations()] == [operation]

    def test_a_throttled_one_is_sent_once_and_says_so(
        self, subject: Subject, operation: str, action: Action, target: dict[str, Any]
    ) -> None:
        subject.throttle(operation)
        with pytest.raises(AwsThrottledError):
            subject.organization.change_setup(action, intent(subject, action, target.get("account_id")), **target)
        assert [made for made, _ in subject.operations()] == [operation]

    def test_it_does_not_leave_without_a_valid_intent_of_its_own(
        self, subject: Subject, operation: str, action: Action, target: dict[str, Any]
    ) -> None:
        account_id = target.get("account_id")
        expired = make_intent(subject.clock, action, account_id, valid_seconds=0)
        with pytest.raises(LockLostError):
            subject.organization.change_setup(action, expired, **target)
        for other in (intent(subject, Action.ACCESS_KEY_DELETE, account_id), intent(subject, action, FOREIGN)):
            with pytest.raises(ValueError, match="intent"):
                subject.organization.change_setup(action, other, **target)
        assert subject.operations() == []
