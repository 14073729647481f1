"""The short way for reading calls of root sessions: plain answers come by it, anything else by botocore."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.options import GatewayOptions
from rootkeeper.aws.pacing import Pacer
from rootkeeper.aws.quick_reads import OpenGates, QuickReads
from rootkeeper.aws.root_sessions import AwsRootSession, AwsRootSessions, assume_root_parameters
from rootkeeper.aws.session_credentials import NoRootSessionError, RootSessionCredentials, root_session_entered
from rootkeeper.domain.ledger import Action, Intent
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.errors import AwsAccessDeniedError, AwsNotFoundError, LockLostError
from rootkeeper.ports.clock import Clock
from tests.fakes.aws_server import CUT, FakeAwsServer, Reply, answer_xml, error_xml
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent
from tests.unit.aws.conftest import OPERATOR_KEY

SESSION = RootSessionCredentials("ASIAIOSFODNN7EXAMPLE", "secret-of-the-session", "token-of-the-session")
KEYS = (
    "<AccessKeyMetadata><member><AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId><Status>Active</Status>"
    "<CreateDate>2019-01-01T00:00:00Z</CreateDate></member></AccessKeyMetadata><IsTruncated>false</IsTruncated>"
)
ACCOUNTS = (AccountId("222233334444"), AccountId("333344445555"))
OPENED = answer_xml(
    "AssumeRoot",
    "<Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>"
    "<SessionToken>token</SessionToken><Expiration>2026-01-15T09:15:00Z</Expiration></Credentials>",
)
LISTED = answer_xml("ListAccessKeys", KEYS)
SDK_REQUEST = "amz-sdk-request"
"""The header by which botocore counts its attempts; the short way hasn't got it."""


def read(clients: AwsClients, operation: str = "ListAccessKeys", **parameters: object) -> dict[str, Any]:
    with root_session_entered(SESSION):
        return dict(clients.root_iam.read(operation, target="222233334444", **parameters))


def went_by_botocore(server: FakeAwsServer) -> list[bool]:
    return [SDK_REQUEST in request.headers for request in server.received]


def test_a_plain_answer_comes_by_the_short_way_signed_by_the_session(
    clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("ListAccessKeys", LISTED)
    assert read(clients)["AccessKeyMetadata"][0]["AccessKeyId"] == "AKIAIOSFODNN7EXAMPLE"
    (request,) = aws_server.received
    assert went_by_botocore(aws_server) == [False]
    assert f"Credential={SESSION.access_key_id}/" in request.headers["authorization"]
    assert request.headers["x-amz-security-token"] == SESSION.session_token
    assert "rootkeeper/" in request.headers["user-agent"]


def test_both_ways_answer_the_same(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("ListAccessKeys", LISTED)
    short, long = read(clients), read(clients, MaxItems=100)
    assert went_by_botocore(aws_server) == [False, True]
    assert short["AccessKeyMetadata"] == long["AccessKeyMetadata"]
    assert short["ResponseMetadata"]["RequestId"] == long["ResponseMetadata"]["RequestId"]


def test_where_the_endpoint_rules_name_another_host_than_the_client_reads_are_left_to_botocore(
    operator_environment: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    made = AwsClients(GatewayOptions(region="us-east-1"), clock).root_iam._quick
    assert isinstance(made, QuickReads)
    quick = replace(made, gates=ShutGates())
    with root_session_entered(SESSION):
        assert quick.find_answer("ListAccessKeys", {}) is None


def test_without_a_session_nothing_is_sent(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("ListAccessKeys", LISTED)
    with pytest.raises(NoRootSessionError):
        clients.root_iam.read("ListAccessKeys")
    assert aws_server.received == []


@pytest.mark.parametrize(
    ("code", "status", "error"), [("NoSuchEntity", 404, AwsNotFoundError), ("AccessDenied", 403, AwsAccessDeniedError)]
)
def test_what_a_retry_would_not_change_is_asked_once(
    code: str, status: int, error: type[Exception], clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("GetLoginProfile", error_xml(code, status))
    with pytest.raises(error):
        read(clients, "GetLoginProfile")
    assert went_by_botocore(aws_server) == [False]


@pytest.mark.parametrize(
    "first",
    [
        CUT,
        error_xml("Throttling"),
        error_xml("ServiceUnavailable", 503),
        Reply(502, "<html><body/></html>", request_id=""),
        Reply(body="garbage"),
    ],
)
def test_after_anything_else_botocore_makes_the_call(
    first: Reply, clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("ListAccessKeys", first, LISTED)
    assert len(read(clients)["AccessKeyMetadata"]) == 1
    assert went_by_botocore(aws_server) == [False, True]


def test_what_changes_something_never_goes_the_way_of_reads(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    quick = clients.root_iam._quick
    assert isinstance(quick, QuickReads)
    with root_session_entered(SESSION):
        assert quick.find_answer("DeleteLoginProfile", {}) is None
    assert aws_server.received == []
    assert clients.root_iam_changing._quick is None
    assert clients.iam._quick is None


def test_the_one_parameter_that_differs_is_put_in(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    used = "<AccessKeyLastUsed><ServiceName>N/A</ServiceName><Region>N/A</Region></AccessKeyLastUsed>"
    aws_server.answer("GetAccessKeyLastUsed", answer_xml("GetAccessKeyLastUsed", used))
    keys = ("AKIAIOSFODNN7EXAMPL1", "AKIAIOSFODNN7EXAMPL2")
    for access_key_id in keys:
        read(clients, "GetAccessKeyLastUsed", AccessKeyId=access_key_id)
    asked = [parse_qs(request.parameters)["AccessKeyId"] for request in aws_server.received]
    assert asked == [[access_key_id] for access_key_id in keys]
    assert went_by_botocore(aws_server) == [False, False]


# AssumeRoot, signed by the operator.


def open_session(clients: AwsClients, account_id: AccountId, policy: TaskPolicy = TaskPolicy.AUDIT) -> AwsRootSession:
    intent = make_intent(clients.clock, Action.ROOT_SESSION_OPEN, account_id)
    return AwsRootSessions(clients).open(account_id, policy, intent)


def test_sessions_are_opened_by_the_short_way_each_on_its_account_with_its_policy(
    clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("AssumeRoot", OPENED)
    wanted = [(ACCOUNTS[0], TaskPolicy.AUDIT), (ACCOUNTS[1], TaskPolicy.AUDIT), (ACCOUNTS[1], TaskPolicy.DELETE)]
    for account_id, policy in wanted:
        assert open_session(clients, account_id, policy).expires_at == datetime(2026, 1, 15, 9, 15, tzinfo=UTC)
    asked = [parse_qs(request.parameters) for request in aws_server.received]
    assert [(one["TargetPrincipal"][0], one["TaskPolicyArn.arn"][0].rpartition("/")[2]) for one in asked] == wanted
    assert went_by_botocore(aws_server) == [False] * 3
    assert {request.access_key_id for request in aws_server.received} == {OPERATOR_KEY}


def test_p01_nothing_leaves_the_short_way_without_a_valid_intent(
    clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("AssumeRoot", OPENED)
    open_session(clients, ACCOUNTS[0])
    late = make_intent(clients.clock, Action.ROOT_SESSION_OPEN, ACCOUNTS[0])
    clients.pacer = PacerThatTakesItsTime(clients.clock, late)
    with pytest.raises(LockLostError):
        AwsRootSessions(clients).open(ACCOUNTS[0], TaskPolicy.AUDIT, late)
    parameters = assume_root_parameters(ACCOUNTS[0], TaskPolicy.AUDIT, "aws")
    with pytest.raises(RuntimeError, match="without the receipt of its intent"):
        clients.sts.read("AssumeRoot", target=ACCOUNTS[0], **parameters)
    assert len(aws_server.received) == 1


def test_a_throttle_on_the_short_way_slows_the_quota_down_and_the_call_is_tried_again(
    clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    clients.pacer = pacer = CountingPacer(clients.clock)
    aws_server.answer("AssumeRoot", error_xml("Throttling"), OPENED)
    open_session(clients, ACCOUNTS[0])
    assert went_by_botocore(aws_server) == [False, True]
    assert pacer.slowed == [("sts", "AssumeRoot")]
    assert pacer.taken >= 2


class ShutGates(OpenGates):
    """Nothing may be sent, nor a token be taken for it."""

    def pass_before_signing(self, operation: str) -> None:
        pytest.fail(f"{operation} was about to be sent")


class CountingPacer(Pacer):
    """Notes what is asked of it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, 1)
        self.taken = 0
        self.slowed: list[tuple[str, str]] = []

    def take(self, service: str, operation: str) -> None:
        self.taken += 1
        super().take(service, operation)

    def slow_down(self, service: str, operation: str) -> None:
        self.slowed.append((service, operation))
        super().slow_down(service, operation)


class PacerThatTakesItsTime(Pacer):
    """Has no token before the intent's validity is over."""

    def __init__(self, clock: Clock, intent: Intent) -> None:
        super().__init__(clock, 1)
        self._waiting = intent.valid_until - clock.monotonic() + 1
        self._patient = clock

    def take(self, service: str, operation: str) -> None:
        self._patient.sleep(self._waiting)
