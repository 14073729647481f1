from __future__ import annotations

import copy
import logging
import pickle
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.root_sessions import AwsRootSession, AwsRootSessions, require_intent_covers
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.errors import (
    AwsCredentialsError,
    AwsRejectedError,
    AwsUnclearError,
    AwsUnreachableError,
    IdentityMismatchError,
    RootkeeperError,
)
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from tests.fakes.aws_server import CUT, FakeAwsServer, Reply, answer_xml, error_xml
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent
from tests.unit.aws.unclear_replies import TOO_LATE, UNCLEAR

ACCOUNT = AccountId("222233334444")
ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"
SESSION_KEY = "ASIAIOSFODNN7EXAMPLE"
CANARIES = ("canary-secret-access-key", "canary-session-token")
CREDENTIALS = (
    f"<Credentials><AccessKeyId>{SESSION_KEY}</AccessKeyId><SecretAccessKey>{CANARIES[0]}</SecretAccessKey>"
    f"<SessionToken>{CANARIES[1]}</SessionToken><Expiration>2026-01-15T09:15:00Z</Expiration></Credentials>"
)


def identity(arn: str) -> Reply:
    return answer_xml("GetCallerIdentity", f"<Arn>{arn}</Arn><Account>{ACCOUNT}</Account>")


@pytest.fixture
def sessions(clients: AwsClients, aws_server: FakeAwsServer) -> AwsRootSessions:
    aws_server.answer("AssumeRoot", answer_xml("AssumeRoot", CREDENTIALS))
    aws_server.answer("GetCallerIdentity", identity(ROOT_ARN))
    return AwsRootSessions(clients)


def open_session(sessions: AwsRootSessions, task_policy: TaskPolicy = TaskPolicy.AUDIT) -> AwsRootSession:
    receipt = make_intent(sessions._clients.clock, Action.ROOT_SESSION_OPEN, ACCOUNT)
    return sessions.open(ACCOUNT, task_policy, receipt)


# Opening.


@pytest.mark.parametrize("task_policy", TaskPolicy)
def test_p09_a_session_is_asked_for_with_its_task_policy_and_900_seconds(
    task_policy: TaskPolicy, sessions: AwsRootSessions, aws_server: FakeAwsServer
) -> None:
    session = open_session(sessions, task_policy)
    parameters = parse_qs(aws_server.received[0].parameters)
    assert parameters["TargetPrincipal"] == [ACCOUNT]
    assert parameters["TaskPolicyArn.arn"] == [f"arn:aws:iam::aws:policy/root-task/{task_policy}"]
    assert parameters["DurationSeconds"] == ["900"]
    assert session.access_key_id == SESSION_KEY
    assert session.expires_at == datetime(2026, 1, 15, 9, 15, tzinfo=UTC)


def test_opening_is_tried_again_since_an_unused_session_acts_on_nothing(
    sessions: AwsRootSessions, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("AssumeRoot", CUT, answer_xml("AssumeRoot", CREDENTIALS))
    assert open_session(sessions).access_key_id == SESSION_KEY
    assert aws_server.operations == ["AssumeRoot"] * 2


@pytest.mark.parametrize("missing", ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"])
def test_half_of_a_session_is_none(missing: str, sessions: AwsRootSessions, aws_server: FakeAwsServer) -> None:
    aws_server.answer("AssumeRoot", answer_xml("AssumeRoot", CREDENTIALS.replace(missing, "Other")))
    with pytest.raises(AwsUnreachableError, match=missing):
        open_session(sessions)


def test_the_global_endpoint_s_answer_leads_to_a_regional_one(
    sessions: AwsRootSessions, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("AssumeRoot", error_xml("InvalidAction", 400, "Unknown Operation"))
    with pytest.raises(AwsRejectedError) as raised:
        open_session(sessions)
    assert raised.value.hint is not None
    assert "Regional" in raised.value.hint


def test_an_intent_covers_what_it_names() -> None:
    clock = FakeClock()
    require_intent_covers(make_intent(clock, Action.ROOT_SESSION_OPEN, ACCOUNT), ACCOUNT, TaskPolicy.DELETE)
    require_intent_covers(make_intent(clock, Action.ACCOUNTS_AUDIT), ACCOUNT, TaskPolicy.AUDIT)
    batch = make_intent(clock, Action.ACCOUNTS_AUDIT, parameters={"account_ids": ["333344445555"]})
    for receipt, task_policy in (
        (batch, TaskPolicy.AUDIT),
        (make_intent(clock, Action.ACCOUNTS_AUDIT), TaskPolicy.DELETE),
        (make_intent(clock, Action.ROOT_SESSION_OPEN), TaskPolicy.AUDIT),
        (make_intent(clock, Action.LOGIN_PROFILE_DELETE, ACCOUNT), TaskPolicy.DELETE),
    ):
        with pytest.raises(ValueError, match=r"intent|audit sessions only"):
            require_intent_covers(receipt, ACCOUNT, task_policy)


# Identity.


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:user/operator",
        f"arn:aws:iam::{ACCOUNT}:user/root",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/root/session",
        f"arn:aws-cn:iam::{ACCOUNT}:root",
        "",
    ],
)
def test_p12_a_session_of_another_principal_changes_nothing(
    arn: str, sessions: AwsRootSessions, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("GetCallerIdentity", identity(arn))
    session = open_session(sessions, TaskPolicy.DELETE)
    with pytest.raises(IdentityMismatchError):
        session.require_identity()
    with pytest.raises(ValueError, match="identity"):
        session.delete_login_profile(make_intent(clock, Action.LOGIN_PROFILE_DELETE, ACCOUNT))
    assert aws_server.operations == ["AssumeRoot", "GetCallerIdentity"]


def test_the_identity_is_asked_for_with_the_session_s_own_key(
    sessions: AwsRootSessions, aws_server: FakeAwsServer
) -> None:
    open_session(sessions).require_identity()
    assert [request.access_key_id for request in aws_server.received] == ["AKIAIOSFODNN7EXAMPLE", SESSION_KEY]


# Calls in the session.


def test_no_call_names_a_user_and_a_login_profile_is_created_without_a_password(
    sessions: AwsRootSessions, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    created = "<LoginProfile><CreateDate>2026-01-15T09:00:00Z</CreateDate></LoginProfile>"
    aws_server.answer("CreateLoginProfile", answer_xml("CreateLoginProfile", created))
    for operation in ("DeleteLoginProfile", "DeleteAccessKey", "DeleteSigningCertificate", "DeactivateMFADevice"):
        aws_server.answer(operation, answer_xml(operation))
    session = open_session(sessions, TaskPolicy.DELETE)
    session.require_identity()
    session.create_login_profile(make_intent(clock, Action.LOGIN_PROFILE_CREATE, ACCOUNT))
    session.delete_login_profile(make_intent(clock, Action.LOGIN_PROFILE_DELETE, ACCOUNT))
    session.delete_access_key("AKIAI44QH8DHBEXAMPLE", make_intent(clock, Action.ACCESS_KEY_DELETE, ACCOUNT))
    session.delete_signing_certificate(
        "TA7SMP42TDN5Z26OBPJE7EXAMPLE", make_intent(clock, Action.SIGNING_CERTIFICATE_DELETE, ACCOUNT)
    )
    session.deactivate_mfa_device("GAHT12345678", make_intent(clock, Action.MFA_DEVICE_DEACTIVATE, ACCOUNT))
    sent = [request for request in aws_server.received if request.operation not in ("AssumeRoot", "GetCallerIdentity")]
    assert len(sent) == 5
    for request in sent:
        assert request.access_key_id == SESSION_KEY
        assert not parse_qs(request.parameters).keys() & {"UserName", "Password", "PasswordResetRequired"}


def test_a_creation_that_does_not_say_what_it_created_is_unclear(
    sessions: AwsRootSessions, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("CreateLoginProfile", answer_xml("CreateLoginProfile", "<Other/>"))
    session = open_session(sessions, TaskPolicy.CREATE_PASSWORD)
    session.require_identity()
    with pytest.raises(AwsUnclearError, match="has no login profile"):
        session.create_login_profile(make_intent(clock, Action.LOGIN_PROFILE_CREATE, ACCOUNT))


@pytest.mark.parametrize(
    ("operation", "read"),
    [
        ("ListAccessKeys", AwsRootSession.list_access_keys),
        ("ListSigningCertificates", AwsRootSession.list_signing_certificates),
        ("ListMFADevices", AwsRootSession.list_mfa_devices),
        ("GetAccountSummary", AwsRootSession.read_summary),
        ("GetLoginProfile", AwsRootSession.find_login_profile),
    ],
)
def test_p06_an_answer_without_its_content_is_not_taken_for_nothing_found(
    operation: str, read: Callable[[AwsRootSession], object], sessions: AwsRootSessions, aws_server: FakeAwsServer
) -> None:
    aws_server.answer(operation, answer_xml(operation, "<IsTruncated>false</IsTruncated>"))
    with pytest.raises(AwsUnreachableError):
        read(open_session(sessions))


@pytest.mark.parametrize("reply", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_p04_a_deletion_without_a_clear_answer_is_unclear_and_sent_once(
    reply: Reply, sessions: AwsRootSessions, aws_server: FakeAwsServer
) -> None:
    session = open_session(sessions, TaskPolicy.DELETE)
    session.require_identity()
    aws_server.answer("DeleteAccessKey", reply, answer_xml("DeleteAccessKey"))
    with pytest.raises(AwsUnclearError):
        session.delete_access_key(
            "AKIAI44QH8DHBEXAMPLE", make_intent(sessions._clients.clock, Action.ACCESS_KEY_DELETE, ACCOUNT)
        )
    assert aws_server.operations.count("DeleteAccessKey") == 1


def test_p04_a_deletion_that_is_answered_too_late_is_unclear_and_sent_once(
    impatient_clients: AwsClients, sessions: AwsRootSessions, aws_server: FakeAwsServer
) -> None:
    session = open_session(AwsRootSessions(impatient_clients), TaskPolicy.DELETE)
    session.require_identity()
    aws_server.answer("DeleteLoginProfile", TOO_LATE, answer_xml("DeleteLoginProfile"))
    with pytest.raises(AwsUnclearError):
        session.delete_login_profile(make_intent(impatient_clients.clock, Action.LOGIN_PROFILE_DELETE, ACCOUNT))
    aws_server.wait_for(3)
    assert aws_server.operations == ["AssumeRoot", "GetCallerIdentity", "DeleteLoginProfile"]


def test_an_expired_session_is_reported_as_such(sessions: AwsRootSessions, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetAccountSummary", error_xml("ExpiredToken", 403, "The security token is expired"))
    with pytest.raises(AwsCredentialsError) as raised:
        open_session(sessions).read_summary()
    assert raised.value.aws_code == "ExpiredToken"


# Secrets.


def test_p08_a_session_shows_no_secret_and_cannot_be_carried_off(sessions: AwsRootSessions) -> None:
    session = open_session(sessions)
    shown = repr(session) + str(session)
    assert SESSION_KEY in shown
    assert not [canary for canary in CANARIES if canary in shown]
    for carry_off in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="can't be pickled or copied"):
            carry_off(session)


@pytest.mark.parametrize(
    "reply",
    [
        CUT,
        error_xml("SignatureDoesNotMatch", 403, f"x-amz-security-token:{CANARIES[1]} {CANARIES[0]}"),
        error_xml("ExpiredToken", 403, "The security token included in the request is expired"),
        Reply(body=f"<html>{CANARIES[1]}</html>"),
        Reply(400, f"garbage {CANARIES[1]}"),
        Reply(500, f"<html><body>{CANARIES[1]}</body></html>"),
    ],
)
def test_p08_no_error_in_a_session_holds_its_secrets(
    reply: Reply,
    sessions: AwsRootSessions,
    aws_server: FakeAwsServer,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    aws_server.answer("DeleteLoginProfile", reply)
    session = open_session(sessions, TaskPolicy.DELETE)
    session.require_identity()
    with caplog.at_level(logging.INFO), pytest.raises(RootkeeperError) as raised:
        session.delete_login_profile(make_intent(clock, Action.LOGIN_PROFILE_DELETE, ACCOUNT))
    error = raised.value
    shown = [str(error), repr(error), repr(vars(error)), caplog.text, "".join(traceback.format_exception(error))]
    assert not [canary for canary in CANARIES for text in shown if canary in text]
