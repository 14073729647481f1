from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest

from rootkeeper.aws.clients import AwsClients, GatewayOptions
from rootkeeper.aws.credentials import RootSessionCredentials, root_session_entered
from rootkeeper.aws.pacing import STS_RATE
from rootkeeper.aws.quota_states import FIRST_PART
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsError,
    AwsRejectedError,
    AwsThrottledError,
    AwsUnclearError,
    AwsUnreachableError,
    LockLostError,
)
from rootkeeper.ledger.rules import Action, Intent
from tests.fakes.aws_server import CUT, REQUEST_ID, FakeAwsServer, Reply, answer_xml, error_json, error_xml
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent
from tests.unit.aws.unclear_replies import TOO_LATE, UNCLEAR

IDENTITY = answer_xml("GetCallerIdentity", "<Arn>arn:aws:iam::111122223333:user/operator</Arn>")
ASSUME_ROOT: dict[str, Any] = {
    "TargetPrincipal": "222233334444",
    "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"},
}


SESSION = RootSessionCredentials("ASIAIOSFODNN7EXAMPLE", "example-secret", "example-token")


@pytest.fixture
def receipt(clock: FakeClock) -> Intent:
    return make_intent(clock, Action.TRUSTED_ACCESS_ENABLE)


def enable(clients: AwsClients, receipt: Intent) -> None:
    clients.organizations_changing.change(
        "EnableAWSServiceAccess", receipt, clients.clock, ServicePrincipal="iam.amazonaws.com"
    )


def switch(clients: AwsClients, receipt: Intent) -> None:
    clients.iam_changing.change("EnableOrganizationsRootSessions", receipt, clients.clock)


# Reading.


@pytest.mark.parametrize(
    "first",
    [
        CUT,
        error_xml("Throttling"),
        error_xml("ServiceUnavailable", 503),
        Reply(502, "<html><body/></html>", request_id=""),
    ],
)
def test_a_reading_call_is_tried_again(first: Reply, clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetCallerIdentity", first, IDENTITY)
    assert clients.sts.read("GetCallerIdentity")["Arn"].endswith("operator")
    assert aws_server.operations == ["GetCallerIdentity"] * 2


UNREADABLE = [
    Reply(),
    Reply(body="garbage"),
    Reply(body="{}"),
    Reply(body="<html/>"),
    Reply(403, "<html><body>Proxy</body></html>", request_id=""),
    Reply(407, "<html/>", request_id=""),
    Reply(302, ""),
    Reply(404, "<ErrorResponse><Error/></ErrorResponse>"),
    answer_xml("GetLoginProfile", "<LoginProfile><CreateDate>yesterday</CreateDate></LoginProfile>"),
]


@pytest.mark.parametrize("reply", UNREADABLE)
def test_an_answer_that_is_not_aws_s_is_none(reply: Reply, clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("ListOrganizationsFeatures", reply)
    with pytest.raises(AwsUnreachableError) as raised:
        list(clients.iam.list_all("ListOrganizationsFeatures", "EnabledFeatures"))
    assert raised.value.operation == "iam:ListOrganizationsFeatures"
    assert raised.value.hint


@pytest.mark.parametrize("body", ["", "garbage", "[]", "null", '"x"', "{}", "<html/>", '{"Accounts": null}'])
def test_json_that_is_not_aws_s_is_no_answer(body: str, clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer_json("ListAccounts", body)
    with pytest.raises(AwsUnreachableError):
        list(clients.organizations.list_all("ListAccounts", "Accounts"))


def test_pages_are_read_to_the_end_even_when_some_are_empty(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer_json(
        "ListRoots",
        '{"Roots": [], "NextToken": "a"}',
        '{"Roots": [{"Id": "r-1"}], "NextToken": "b"}',
        '{"Roots": []}',
    )
    assert [root["Id"] for root in clients.organizations.list_all("ListRoots", "Roots")] == ["r-1"]
    assert ['"NextToken": "b"' in request.parameters for request in aws_server.received] == [False, False, True]


def test_markers_of_iam_are_followed(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    key = "<member><AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId></member>"
    page = f"<AccessKeyMetadata>{key}</AccessKeyMetadata>"
    aws_server.answer(
        "ListAccessKeys",
        answer_xml("ListAccessKeys", page + "<IsTruncated>true</IsTruncated><Marker>next</Marker>"),
        answer_xml("ListAccessKeys", page + "<IsTruncated>false</IsTruncated>"),
    )
    assert len(list(clients.iam.list_all("ListAccessKeys", "AccessKeyMetadata"))) == 2
    assert parse_qs(aws_server.received[1].parameters)["Marker"] == ["next"]


@pytest.mark.parametrize(
    "bodies",
    [
        ['{"Roots": [], "NextToken": "a"}', '{"Roots": [], "NextToken": "a"}'],
        ['{"Roots": [], "NextToken": "a"}', '{"Roots": [], "NextToken": "b"}', '{"Roots": [], "NextToken": "a"}'],
        ['{"Roots": [], "NextToken": ""}'],
        ['{"Roots": [], "NextToken": "a"}', "{}"],
    ],
)
def test_pages_that_do_not_end_or_lack_their_list_are_an_error(
    bodies: list[str], clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer_json("ListRoots", *bodies)
    with pytest.raises(AwsUnreachableError, match="is incomplete"):
        list(clients.organizations.list_all("ListRoots", "Roots"))


def test_a_cut_off_list_of_iam_is_an_error(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("ListMFADevices", answer_xml("ListMFADevices", "<MFADevices/><IsTruncated>true</IsTruncated>"))
    with pytest.raises(AwsUnreachableError, match="is incomplete"):
        list(clients.iam.list_all("ListMFADevices", "MFADevices"))


def test_a_throttled_change_of_the_set_up_says_so_and_is_sent_once(
    clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("EnableAWSServiceAccess", error_json("TooManyRequestsException"))
    with pytest.raises(AwsThrottledError):
        enable(clients, make_intent(clients.clock, Action.TRUSTED_ACCESS_ENABLE))
    assert aws_server.operations == ["EnableAWSServiceAccess"]


# Changing.


def test_a_changing_call_is_sent_and_answered(clients: AwsClients, aws_server: FakeAwsServer, receipt: Intent) -> None:
    aws_server.answer_json("EnableAWSServiceAccess", "{}")
    enable(clients, receipt)
    assert aws_server.operations == ["EnableAWSServiceAccess"]


@pytest.mark.parametrize("reply", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_p04_a_change_without_a_clear_answer_is_unclear_and_sent_once(
    reply: Reply, clients: AwsClients, aws_server: FakeAwsServer, receipt: Intent
) -> None:
    aws_server.answer("EnableOrganizationsRootSessions", reply)
    with pytest.raises(AwsUnclearError):
        switch(clients, receipt)
    assert aws_server.operations == ["EnableOrganizationsRootSessions"]


def test_p04_a_change_that_is_answered_too_late_is_unclear_and_sent_once(
    impatient_clients: AwsClients, aws_server: FakeAwsServer, receipt: Intent
) -> None:
    aws_server.answer("EnableOrganizationsRootSessions", TOO_LATE)
    with pytest.raises(AwsUnclearError):
        switch(impatient_clients, receipt)
    aws_server.wait_for(1)
    assert aws_server.operations == ["EnableOrganizationsRootSessions"]


@pytest.mark.parametrize("reply", [Reply(body="<html/>", request_id=""), Reply(body="{}", request_id="")])
def test_a_change_answered_by_something_that_is_not_aws_is_unclear(
    reply: Reply, clients: AwsClients, aws_server: FakeAwsServer, receipt: Intent
) -> None:
    aws_server.answer("EnableAWSServiceAccess", reply)
    with pytest.raises(AwsUnclearError):
        enable(clients, receipt)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (error_xml("Throttling"), AwsThrottledError),
        (error_xml("RequestLimitExceeded", 503), AwsThrottledError),
        (error_xml("AccessDenied", 403), AwsAccessDeniedError),
        (error_xml("EntityTemporarilyUnmodifiable", 409), AwsRejectedError),
        (error_xml("ConcurrentModification", 409), AwsRejectedError),
    ],
)
def test_a_refused_change_says_that_nothing_happened_and_is_sent_once(
    reply: Reply, error: type[AwsError], clients: AwsClients, aws_server: FakeAwsServer, receipt: Intent
) -> None:
    aws_server.answer("EnableOrganizationsRootSessions", reply)
    with pytest.raises(error) as raised:
        switch(clients, receipt)
    assert raised.value.request_id == REQUEST_ID
    assert receipt.request_ids == [REQUEST_ID]
    assert len(aws_server.received) == 1


def test_the_receipt_of_a_change_has_awss_request_id(
    clients: AwsClients, aws_server: FakeAwsServer, receipt: Intent
) -> None:
    aws_server.answer_json("EnableAWSServiceAccess", "{}")
    enable(clients, receipt)
    assert receipt.request_ids == [REQUEST_ID]


def test_a_change_that_could_not_be_sent_is_not_unclear(
    operator_environment: None, clock: FakeClock, receipt: Intent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    nowhere = AwsClients(GatewayOptions(), clock)
    with pytest.raises(AwsUnreachableError, match=r"127\.0\.0\.1:1") as raised:
        switch(nowhere, receipt)
    assert raised.value.hint


def test_the_lease_is_looked_at_after_the_wait_for_a_token(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer_json("EnableAWSServiceAccess", "{}")
    enable(clients, make_intent(clock, Action.TRUSTED_ACCESS_ENABLE))
    with pytest.raises(LockLostError):
        enable(clients, make_intent(clock, Action.TRUSTED_ACCESS_ENABLE, valid_seconds=1))
    assert clock.slept == [pytest.approx(1.25 / FIRST_PART, rel=0.02)]
    assert len(aws_server.received) == 1


def test_p01_a_lease_that_runs_out_while_assume_root_waits_for_a_token_keeps_it_back(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    for _ in range(STS_RATE.share(0.8).burst):
        clients.pacer.take("sts", "AssumeRoot")
    receipt = make_intent(clock, Action.ROOT_SESSION_OPEN, valid_seconds=0.001)
    with pytest.raises(LockLostError):
        clients.sts.read_on_intent("AssumeRoot", receipt, clock, target="222233334444", **ASSUME_ROOT)
    assert clock.slept == [pytest.approx(1 / (STS_RATE.per_second * 0.8 * FIRST_PART), rel=0.02)]
    assert aws_server.received == []


def test_a_privileged_reading_call_is_tried_again_only_while_its_intent_is_valid(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("AssumeRoot", error_xml("Throttling"))
    receipt = make_intent(clock, Action.ROOT_SESSION_OPEN)
    spent = 0

    def let_the_lease_run_out(**_: object) -> None:
        nonlocal spent
        spent += 1
        clock.advance(40)

    events = clients.sts._client.get().meta.events
    events.register("response-received.sts", let_the_lease_run_out)
    try:
        with pytest.raises(LockLostError):
            clients.sts.read_on_intent("AssumeRoot", receipt, clock, target="222233334444", **ASSUME_ROOT)
    finally:
        events.unregister("response-received.sts", let_the_lease_run_out)
    assert aws_server.operations == ["AssumeRoot"] * 2
    assert spent == 3


def test_p01_no_privileged_call_leaves_without_an_intent(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    for calls, operation, parameters in (
        (clients.iam_changing, "EnableOrganizationsRootSessions", {}),
        (clients.root_iam_changing, "DeleteLoginProfile", {}),
        (clients.organizations_changing, "EnableAWSServiceAccess", {"ServicePrincipal": "iam.amazonaws.com"}),
        (clients.sts, "AssumeRoot", ASSUME_ROOT),
    ):
        with root_session_entered(SESSION), pytest.raises(RuntimeError, match="without the receipt"):
            calls.read(operation, **parameters)
    assert aws_server.received == []
