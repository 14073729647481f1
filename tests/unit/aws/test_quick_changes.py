"""Deleting calls by the short way are those of botocore, sent once, with the intent checked last of all."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

import pytest
from botocore import xform_name

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.departures import departing
from rootkeeper.aws.options import GatewayOptions
from rootkeeper.aws.quick_changes import QuickChanges
from rootkeeper.aws.session_credentials import NoRootSessionError, RootSessionCredentials, root_session_entered
from rootkeeper.domain.ledger import Action, Intent
from rootkeeper.domain.organizations import AccountId
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsError,
    AwsNotFoundError,
    AwsRejectedError,
    AwsThrottledError,
    AwsUnclearError,
    AwsUnreachableError,
    LockLostError,
)
from tests.fakes.aws_server import FakeAwsServer, Received, Reply, answer_xml, error_xml
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent
from tests.unit.aws.unclear_replies import TOO_LATE, UNCLEAR

SESSION = RootSessionCredentials("ASIAIOSFODNN7EXAMPLE", "secret-of-the-session", "token-of-the-session")
ACCOUNT = AccountId("222233334444")
SDK_REQUEST = "amz-sdk-request"
"""The header by which botocore counts its attempts; the short way hasn't got it."""
CHANGES = {
    "DeactivateMFADevice": {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/Root-Account_MFA+1=,.@device"},
    "DeleteAccessKey": {"AccessKeyId": "AKIAI44QH8DHBEXAMPLE"},
    "DeleteLoginProfile": {},
    "DeleteSigningCertificate": {"CertificateId": "TA7SMP42TDN5Z26OBPJE7EXAMPLE"},
}
Change = Callable[[str, dict[str, str]], object]


@pytest.fixture
def intent(clock: FakeClock) -> Intent:
    return make_intent(clock, Action.ACCESS_KEY_DELETE, ACCOUNT)


@pytest.fixture
def change(clients: AwsClients, intent: Intent) -> Change:
    """Makes a changing call in a root session, on a valid intent."""

    def perform(operation: str, parameters: dict[str, str]) -> object:
        with root_session_entered(SESSION):
            return clients.root_iam_changing.change(operation, intent, clients.clock, target=ACCOUNT, **parameters)

    return perform


def send_by_botocore(clients: AwsClients, intent: Intent, operation: str, parameters: dict[str, str]) -> None:
    send = getattr(clients.root_iam_changing._client, xform_name(operation))
    with root_session_entered(SESSION), departing(intent, clients.clock):
        send(**parameters)


def template_url(clients: AwsClients, operation: str) -> str:
    """Where it was signed for."""
    quick = clients.root_iam_changing._quick_changes
    assert isinstance(quick, QuickChanges)
    return quick._templates[operation].url


def went_by_botocore(request: Received) -> bool:
    return SDK_REQUEST in request.headers


@pytest.mark.parametrize("operation", CHANGES)
def test_both_ways_send_the_same(
    operation: str, change: Change, clients: AwsClients, aws_server: FakeAwsServer, intent: Intent
) -> None:
    aws_server.answer(operation, answer_xml(operation))
    change(operation, CHANGES[operation])
    send_by_botocore(clients, intent, operation, CHANGES[operation])
    short, long = aws_server.received
    assert [went_by_botocore(request) for request in (short, long)] == [False, True]
    assert short.parameters == long.parameters
    assert parse_qs(short.parameters).keys() == {"Action", "Version", *CHANGES[operation]}
    assert template_url(clients, operation) == aws_server.url + "/"
    for name in ("content-type", "host", "user-agent", "x-amz-security-token", "content-length"):
        assert short.headers[name].split(" md/")[0] == long.headers[name].split(" md/")[0], name
    assert short.access_key_id == SESSION.access_key_id


def test_a_second_change_is_about_its_own_target(change: Change, aws_server: FakeAwsServer) -> None:
    aws_server.answer("DeleteAccessKey", answer_xml("DeleteAccessKey"))
    keys = ["AKIAI44QH8DHBEXAMPL1", "AKIAI44QH8DHBEXAMPL2"]
    for key in keys:
        change("DeleteAccessKey", {"AccessKeyId": key})
    assert [parse_qs(one.parameters)["AccessKeyId"] for one in aws_server.received] == [[key] for key in keys]


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("DeactivateMFADevice", {"SerialNumber": "GAHT 12345678&x"}),
        ("DeleteAccessKey", {"AccessKeyId": "AKIAI44QH8DHBEXAMPLE", "UserName": "ana"}),
        ("DeleteLoginProfile", {"UserName": "ana"}),
        ("CreateLoginProfile", {}),
    ],
)
def test_what_is_not_quite_as_expected_is_left_to_botocore_untried(
    operation: str, parameters: dict[str, str], clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    quick = clients.root_iam_changing._quick_changes
    assert isinstance(quick, QuickChanges)
    with root_session_entered(SESSION):
        assert quick.find_answer(operation, parameters, pytest.fail) is None
    assert aws_server.received == []


def test_where_a_proxy_stands_changes_are_left_to_botocore(
    operator_environment: None, aws_server: FakeAwsServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://iam.example")
    monkeypatch.setenv("HTTP_PROXY", aws_server.url)
    quick = AwsClients(GatewayOptions(), clock).root_iam_changing._quick_changes
    assert isinstance(quick, QuickChanges)
    with root_session_entered(SESSION):
        assert quick.find_answer("DeleteLoginProfile", {}, pytest.fail) is None


def test_where_the_endpoint_rules_name_another_host_than_the_client_changes_are_left_to_botocore(
    operator_environment: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dual-stack FIPS endpoints: the client's own URL has a host that doesn't exist."""
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    clients = AwsClients(GatewayOptions(region="us-east-1"), clock)
    quick = clients.root_iam_changing._quick_changes
    assert isinstance(quick, QuickChanges)
    with root_session_entered(SESSION):
        assert quick.find_answer("DeleteLoginProfile", {}, pytest.fail) is None
    assert template_url(clients, "DeleteLoginProfile") == "https://iam-fips.global.api.aws/"


def test_outside_a_root_session_nothing_is_sent(clients: AwsClients, aws_server: FakeAwsServer, intent: Intent) -> None:
    aws_server.answer("DeleteLoginProfile", answer_xml("DeleteLoginProfile"))
    with pytest.raises(NoRootSessionError):
        clients.root_iam_changing.change("DeleteLoginProfile", intent, clients.clock, target=ACCOUNT)
    assert aws_server.received == []


@pytest.mark.parametrize("reply", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_p04_a_change_without_a_clear_answer_is_unclear_and_sent_once(
    reply: Reply, change: Change, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("DeleteAccessKey", reply, answer_xml("DeleteAccessKey"))
    with pytest.raises(AwsUnclearError):
        change("DeleteAccessKey", CHANGES["DeleteAccessKey"])
    assert [went_by_botocore(request) for request in aws_server.received] == [False]


def test_p04_a_change_that_is_answered_too_late_is_unclear_and_sent_once(
    impatient_clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock, intent: Intent
) -> None:
    aws_server.answer("DeleteAccessKey", TOO_LATE, answer_xml("DeleteAccessKey"))
    with root_session_entered(SESSION), pytest.raises(AwsUnclearError):
        impatient_clients.root_iam_changing.change(
            "DeleteAccessKey", intent, clock, target=ACCOUNT, **CHANGES["DeleteAccessKey"]
        )
    aws_server.wait_for(1)
    assert [went_by_botocore(request) for request in aws_server.received] == [False]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (error_xml("Throttling"), AwsThrottledError),
        (error_xml("AccessDenied", 403), AwsAccessDeniedError),
        (error_xml("NoSuchEntity", 404), AwsNotFoundError),
        (error_xml("ExpiredToken", 403), AwsCredentialsError),
        (error_xml("EntityTemporarilyUnmodifiable", 409), AwsRejectedError),
    ],
)
def test_a_refused_change_is_sent_once_and_told_as_what_it_is(
    reply: Reply, error: type[AwsError], change: Change, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("DeleteLoginProfile", reply)
    with pytest.raises(error) as raised:
        change("DeleteLoginProfile", {})
    assert raised.value.request_id
    assert len(aws_server.received) == 1


def test_a_change_that_could_not_be_sent_is_not_unclear(
    operator_environment: None, clock: FakeClock, intent: Intent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    nowhere = AwsClients(GatewayOptions(), clock)
    with root_session_entered(SESSION), pytest.raises(AwsUnreachableError, match=r"127\.0\.0\.1:1"):
        nowhere.root_iam_changing.change("DeleteLoginProfile", intent, clock, target=ACCOUNT)


def test_p03_an_intent_that_has_run_out_keeps_the_change_back(
    change: Change, clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("DeleteLoginProfile", answer_xml("DeleteLoginProfile"))
    change("DeleteLoginProfile", {})
    clock.sleep(61)
    with pytest.raises(LockLostError):
        change("DeleteLoginProfile", {})
    assert len(aws_server.received) == 1


def test_building_a_call_passes_no_gate(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock, intent: Intent
) -> None:
    quick = clients.root_iam_changing._quick_changes
    assert isinstance(quick, QuickChanges)
    with root_session_entered(SESSION), departing(intent, clock) as departure:
        for operation in CHANGES:
            quick._take_template(operation)
    assert not departure.has_left
    assert aws_server.received == []
