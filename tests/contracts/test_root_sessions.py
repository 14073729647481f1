"""The contract of RootSessions and RootSession."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rootkeeper.aws.root_sessions import RootSession
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsAlreadyExistsError,
    AwsCredentialsError,
    AwsNotFoundError,
    AwsThrottledError,
    AwsUnclearError,
    DenialCause,
    LockLostError,
    RootAccessOffError,
)
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import Feature
from rootkeeper.organization.statuses import RootCredentialsSummary
from tests.contracts.subjects import BLOCKED, FOREIGN, MANAGEMENT, MEMBER, SUSPENDED, Subject, intent, open_session
from tests.fakes.intents import make_intent
from tests.fakes.root_users import root_user_with_everything

LAST_USED = datetime(2025, 11, 3, 8, 30, tzinfo=UTC)
CERTIFICATE = "TA7SMP42TDN5Z26OBPJE7EXAMPLE"
KEY = "AKIAIOSFODNN7EXAMPLE"
VIRTUAL_MFA = "arn:aws:iam::111122223333:mfa/root-account-mfa-device"
HARDWARE_MFA = "GAHT12345678"

DELETIONS: list[tuple[str, Action, Callable[[RootSession, Intent], None]]] = [
    ("DeleteAccessKey", Action.ACCESS_KEY_DELETE, lambda on, it: on.delete_access_key(KEY, it)),
    (
        "DeleteSigningCertificate",
        Action.SIGNING_CERTIFICATE_DELETE,
        lambda on, it: on.delete_signing_certificate(CERTIFICATE, it),
    ),
    ("DeleteLoginProfile", Action.LOGIN_PROFILE_DELETE, lambda on, it: on.delete_login_profile(it)),
    (
        "DeactivateMFADevice",
        Action.MFA_DEVICE_DEACTIVATE,
        lambda on, it: on.deactivate_mfa_device(HARDWARE_MFA, it),
    ),
]
each_deletion = pytest.mark.parametrize(
    ("operation", "action", "delete"), DELETIONS, ids=[deletion[0] for deletion in DELETIONS]
)


@pytest.fixture
def with_everything(subject: Subject) -> Subject:
    subject.give(MEMBER, root_user_with_everything(LAST_USED))
    return subject


def operations_in(subject: Subject) -> list[str]:
    return [operation for operation, _ in subject.operations()]


# Opening.


def test_a_session_lasts_at_most_900_seconds_and_names_its_key(subject: Subject) -> None:
    session = open_session(subject, TaskPolicy.AUDIT)
    assert session.account_id == MEMBER
    assert session.task_policy is TaskPolicy.AUDIT
    assert session.access_key_id.startswith("ASIA")
    assert session.expires_at.tzinfo is not None
    assert subject.operations()[0] == ("AssumeRoot", MEMBER)


@pytest.mark.parametrize("account_id", [MANAGEMENT, SUSPENDED, FOREIGN])
def test_the_management_account_and_accounts_that_are_not_active_are_refused(subject: Subject, account_id: str) -> None:
    with pytest.raises(AwsAccessDeniedError) as raised:
        open_session(subject, TaskPolicy.AUDIT, account_id)  # type: ignore[arg-type]  # parametrized as text
    assert raised.value.aws_code == "AccessDenied"
    assert raised.value.operation == "sts:AssumeRoot"


@pytest.mark.parametrize(
    ("feature_left", "allowed"),
    [
        (Feature.ROOT_CREDENTIALS_MANAGEMENT, {TaskPolicy.AUDIT, TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE}),
        (Feature.ROOT_SESSIONS, {TaskPolicy.UNLOCK_BUCKET, TaskPolicy.UNLOCK_QUEUE}),
    ],
)
def test_each_task_needs_its_feature(subject: Subject, feature_left: Feature, allowed: set[TaskPolicy]) -> None:
    (other,) = set(Feature) - {feature_left}
    action = Action.FEATURE_DISABLE
    subject.organization.change_setup(action, intent(subject, action), feature=other)
    for task_policy in TaskPolicy:
        if task_policy in allowed:
            open_session(subject, task_policy)
        else:
            with pytest.raises(RootAccessOffError, match="feature is not enabled for your AWS Organization"):
                open_session(subject, task_policy)


def test_nothing_opens_while_trusted_access_is_off(subject: Subject) -> None:
    action = Action.TRUSTED_ACCESS_DISABLE
    subject.organization.change_setup(action, intent(subject, action))
    with pytest.raises(RootAccessOffError, match="Service not enabled for AWS Organizations"):
        open_session(subject, TaskPolicy.AUDIT)


def test_a_session_opens_only_on_a_valid_intent_of_its_own(subject: Subject) -> None:
    expired = make_intent(subject.clock, Action.ROOT_SESSION_OPEN, MEMBER, valid_seconds=0)
    expired_batch = make_intent(subject.clock, Action.ACCOUNTS_AUDIT, valid_seconds=0)
    for receipt in (expired, expired_batch):
        with pytest.raises(LockLostError):
            subject.organization.open(MEMBER, TaskPolicy.AUDIT, receipt)
    for receipt in (
        intent(subject, Action.ROOT_SESSION_OPEN, BLOCKED),
        intent(subject, Action.ACCESS_KEY_DELETE, MEMBER),
        make_intent(subject.clock, Action.ACCOUNTS_AUDIT, parameters={"account_ids": [BLOCKED]}),
    ):
        with pytest.raises(ValueError, match="intent"):
            subject.organization.open(MEMBER, TaskPolicy.AUDIT, receipt)
    assert subject.operations() == []


def test_a_batch_s_audit_intent_opens_audit_sessions_only(subject: Subject) -> None:
    batch = make_intent(subject.clock, Action.ACCOUNTS_AUDIT, parameters={"account_ids": [MEMBER]})
    assert subject.organization.open(MEMBER, TaskPolicy.AUDIT, batch).account_id == MEMBER
    with pytest.raises(ValueError, match="audit sessions only"):
        subject.organization.open(MEMBER, TaskPolicy.DELETE, batch)


# Reading.


def test_the_summary_is_the_truth(with_everything: Subject) -> None:
    session = open_session(with_everything, TaskPolicy.AUDIT)
    assert session.read_summary() == with_everything.truth(MEMBER) == RootCredentialsSummary(True, True, True, True)


def test_a_clean_account_is_read_as_empty_in_every_kind(subject: Subject) -> None:
    session = open_session(subject, TaskPolicy.AUDIT)
    assert session.read_summary().is_empty
    assert session.read_credentials().summary.is_empty
    assert session.find_login_profile() is None


def test_details_are_read_with_kinds_ages_and_last_use(with_everything: Subject) -> None:
    expected = root_user_with_everything(LAST_USED)
    found = open_session(with_everything, TaskPolicy.AUDIT).read_credentials()
    assert found.account_id == MEMBER
    assert found.login_profile is not None
    assert found.login_profile.last_used_at == LAST_USED
    assert [replace(key, last_used_service=None, last_used_region=None) for key in found.access_keys] == (
        expected.access_keys
    )
    assert list(found.signing_certificates) == expected.signing_certificates
    assert list(found.mfa_devices) == expected.mfa_devices


def test_the_short_lists_do_not_read_last_use(with_everything: Subject) -> None:
    session = open_session(with_everything, TaskPolicy.AUDIT)
    assert [key.last_used_at for key in session.list_access_keys()] == [None, None]
    assert "GetAccessKeyLastUsed" not in operations_in(with_everything)


def test_a_password_that_was_never_used_has_no_last_use(subject: Subject) -> None:
    subject.give(MEMBER, root_user_with_everything(None))
    found = open_session(subject, TaskPolicy.AUDIT).read_credentials()
    assert found.login_profile is not None
    assert found.login_profile.last_used_at is None
    assert found.access_keys[0].last_used_at is None


@pytest.mark.parametrize("task_policy", [TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE])
def test_only_an_audit_session_reads_the_summary(subject: Subject, task_policy: TaskPolicy) -> None:
    with pytest.raises(AwsAccessDeniedError):
        open_session(subject, task_policy).read_summary()


def test_a_deletion_session_reads_the_details(with_everything: Subject) -> None:
    found = open_session(with_everything, TaskPolicy.DELETE).read_credentials()
    assert found.summary == RootCredentialsSummary(True, True, True, True)


def test_a_blocked_account_says_which_policy_blocks_it(subject: Subject) -> None:
    session = open_session(subject, TaskPolicy.AUDIT, BLOCKED)
    for read in (session.read_summary, session.read_credentials, session.find_login_profile, session.list_mfa_devices):
        with pytest.raises(AwsAccessDeniedError) as raised:
            read()
        assert raised.value.denied_by is DenialCause.SERVICE_CONTROL_POLICY
        assert raised.value.policy_id is not None
        assert raised.value.policy_id.startswith("p-")


def test_a_session_ends(subject: Subject) -> None:
    session = open_session(subject, TaskPolicy.AUDIT)
    subject.advance(901)
    with pytest.raises(AwsCredentialsError):
        session.read_summary()


# Changing.


@each_deletion
def test_a_deletion_removes_its_kind_and_a_second_one_finds_nothing(
    with_everything: Subject, operation: str, action: Action, delete: Callable[[RootSession, Intent], None]
) -> None:
    session = open_session(with_everything, TaskPolicy.DELETE)
    assert session.request_id
    before, receipt = session.read_credentials(), intent(with_everything, action, MEMBER)
    delete(session, receipt)
    assert session.read_credentials() != before
    (request_id,) = receipt.request_ids
    assert request_id != session.request_id
    with pytest.raises(AwsNotFoundError):
        delete(session, intent(with_everything, action, MEMBER))


def test_all_deletions_leave_nothing(with_everything: Subject) -> None:
    session = open_session(with_everything, TaskPolicy.DELETE)
    found = session.read_credentials()
    for key in found.access_keys:
        session.delete_access_key(key.access_key_id, intent(with_everything, Action.ACCESS_KEY_DELETE, MEMBER))
    session.delete_signing_certificate(CERTIFICATE, intent(with_everything, Action.SIGNING_CERTIFICATE_DELETE, MEMBER))
    session.delete_login_profile(intent(with_everything, Action.LOGIN_PROFILE_DELETE, MEMBER))
    for device in (HARDWARE_MFA, VIRTUAL_MFA):
        session.deactivate_mfa_device(device, intent(with_everything, Action.MFA_DEVICE_DEACTIVATE, MEMBER))
    assert with_everything.truth(MEMBER).is_empty
    assert open_session(with_everything, TaskPolicy.AUDIT).read_summary().is_empty


def test_recovery_is_allowed_once(subject: Subject) -> None:
    session = open_session(subject, TaskPolicy.CREATE_PASSWORD)
    created = session.create_login_profile(intent(subject, Action.LOGIN_PROFILE_CREATE, MEMBER))
    found = session.find_login_profile()
    assert found is not None
    assert found.created_at == created.created_at
    assert subject.truth(MEMBER).has_password
    with pytest.raises(AwsAlreadyExistsError):
        session.create_login_profile(intent(subject, Action.LOGIN_PROFILE_CREATE, MEMBER))


@each_deletion
def test_an_audit_session_changes_nothing(
    with_everything: Subject, operation: str, action: Action, delete: Callable[[RootSession, Intent], None]
) -> None:
    session = open_session(with_everything, TaskPolicy.AUDIT)
    with pytest.raises(AwsAccessDeniedError) as raised:
        delete(session, intent(with_everything, action, MEMBER))
    assert raised.value.denied_by is DenialCause.SESSION_POLICY
    assert with_everything.truth(MEMBER) == RootCredentialsSummary(True, True, True, True)


@each_deletion
def test_p04_a_change_whose_answer_is_lost_is_unclear_and_not_sent_again(
    with_everything: Subject, operation: str, action: Action, delete: Callable[[RootSession, Intent], None]
) -> None:
    session = open_session(with_everything, TaskPolicy.DELETE)
    before = session.read_credentials()
    with_everything.cut_off(operation)
    with pytest.raises(AwsUnclearError):
        delete(session, intent(with_everything, action, MEMBER))
    assert operations_in(with_everything).count(operation) == 1
    assert session.read_credentials() != before


def test_p04_a_creation_whose_answer_is_lost_is_unclear_and_not_sent_again(subject: Subject) -> None:
    session = open_session(subject, TaskPolicy.CREATE_PASSWORD)
    subject.cut_off("CreateLoginProfile")
    with pytest.raises(AwsUnclearError):
        session.create_login_profile(intent(subject, Action.LOGIN_PROFILE_CREATE, MEMBER))
    assert operations_in(subject).count("CreateLoginProfile") == 1
    assert session.find_login_profile() is not None


@each_deletion
def test_a_lie_is_believed_by_the_call_and_shown_by_a_re_read(
    with_everything: Subject, operation: str, action: Action, delete: Callable[[RootSession, Intent], None]
) -> None:
    session = open_session(with_everything, TaskPolicy.DELETE)
    before = session.read_credentials()
    with_everything.lie(operation)
    delete(session, intent(with_everything, action, MEMBER))
    assert replace(session.read_credentials(), observed_at=before.observed_at) == before


@each_deletion
def test_a_throttled_change_says_that_nothing_happened(
    with_everything: Subject, operation: str, action: Action, delete: Callable[[RootSession, Intent], None]
) -> None:
    session = open_session(with_everything, TaskPolicy.DELETE)
    with_everything.throttle(operation)
    with pytest.raises(AwsThrottledError):
        delete(session, intent(with_everything, action, MEMBER))
    assert operations_in(with_everything).count(operation) == 1
    assert with_everything.truth(MEMBER) == RootCredentialsSummary(True, True, True, True)


@each_deletion
def test_a_change_does_not_leave_without_a_valid_intent_of_its_own(
    with_everything: Subject, operation: str, action: Action, delete: Callable[[RootSession, Intent], None]
) -> None:
    session = open_session(with_everything, TaskPolicy.DELETE)
    with pytest.raises(LockLostError):
        delete(session, make_intent(with_everything.clock, action, MEMBER, valid_seconds=0))
    with pytest.raises(ValueError, match="intent"):
        delete(session, intent(with_everything, action, BLOCKED))
    with pytest.raises(ValueError, match="intent"):
        delete(session, intent(with_everything, Action.ROOT_SESSION_OPEN, MEMBER))
    assert operation not in operations_in(with_everything)


@each_deletion
def test_p12_a_change_does_not_leave_before_the_identity_was_checked(
    with_everything: Subject, operation: str, action: Action, delete: Callable[[RootSession, Intent], None]
) -> None:
    opening = intent(with_everything, Action.ROOT_SESSION_OPEN, MEMBER)
    session = with_everything.organization.open(MEMBER, TaskPolicy.DELETE, opening)
    with pytest.raises(ValueError, match="identity"):
        delete(session, intent(with_everything, action, MEMBER))
    assert operations_in(with_everything) == ["AssumeRoot"]
