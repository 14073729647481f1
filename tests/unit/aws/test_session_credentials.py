from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from threading import Barrier

import pytest
from botocore.exceptions import MissingDependencyException

from rootkeeper.aws.clients import AwsClients, GatewayOptions
from rootkeeper.aws.credentials import NoRootSessionError, RootSessionCredentials, root_session_entered
from rootkeeper.aws.errors import FailedCall, translate
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import AwsCredentialsError
from rootkeeper.installation import describe_installing
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from tests.fakes.aws_server import FakeAwsServer, answer_xml
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent

ACCOUNT = AccountId("222233334444")
CREDENTIALS = RootSessionCredentials("ASIAIOSFODNN7EXAMPLE", "canary-secret", "canary-token")

CALLS: dict[str, Callable[[AwsClients], object]] = {
    "GetCallerIdentity": lambda clients: clients.root_sts.read("GetCallerIdentity"),
    "GetAccountSummary": lambda clients: clients.root_iam.read("GetAccountSummary"),
    "ListAccessKeys": lambda clients: list(clients.root_iam.list_all("ListAccessKeys", "AccessKeyMetadata")),
    "DeleteLoginProfile": lambda clients: clients.root_iam_changing.change(
        "DeleteLoginProfile", make_intent(clients.clock, Action.LOGIN_PROFILE_DELETE, ACCOUNT), clients.clock
    ),
    "DeleteAccessKey": lambda clients: clients.root_iam_changing.change(
        "DeleteAccessKey",
        make_intent(clients.clock, Action.ACCESS_KEY_DELETE, ACCOUNT),
        clients.clock,
        AccessKeyId="AKIAIOSFODNN7EXAMPLE",
    ),
}


@pytest.mark.parametrize("operation", CALLS)
def test_outside_a_root_session_a_root_client_raises_and_no_request_leaves(
    operation: str, clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    with pytest.raises(NoRootSessionError):
        CALLS[operation](clients)
    assert aws_server.received == []


def test_credentials_of_profile_and_environment_are_never_a_root_client_s(
    aws_server: FakeAwsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(
        "[profile operator]\naws_access_key_id = AKIAI44QH8DHBEXAMPLE\naws_secret_access_key = example\n"
        f"endpoint_url = {aws_server.url}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_BEARER_TOKEN_IAM", "canary-token")
    clients = AwsClients(GatewayOptions(profile="operator"), FakeClock())
    for call in CALLS.values():
        with pytest.raises(NoRootSessionError):
            call(clients)
    assert aws_server.received == []


def test_a_root_client_signs_with_the_session_entered(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetCallerIdentity", answer_xml("GetCallerIdentity", "<Arn>x</Arn>"))
    with root_session_entered(CREDENTIALS):
        clients.root_sts.read("GetCallerIdentity")
    with pytest.raises(NoRootSessionError):
        clients.root_sts.read("GetCallerIdentity")
    (received,) = aws_server.received
    assert received.access_key_id == CREDENTIALS.access_key_id
    assert received.headers["x-amz-security-token"] == CREDENTIALS.session_token


def test_the_operator_s_clients_never_sign_with_a_root_session(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetCallerIdentity", answer_xml("GetCallerIdentity", "<Arn>x</Arn>"))
    with root_session_entered(CREDENTIALS):
        clients.sts.read("GetCallerIdentity")
    assert aws_server.received[0].access_key_id == "AKIAIOSFODNN7EXAMPLE"


def test_threads_do_not_see_each_other_s_sessions(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetAccessKeyLastUsed", answer_xml("GetAccessKeyLastUsed", "<UserName>x</UserName>"))
    workers = 8
    together = Barrier(workers)

    def call_as(number: int) -> None:
        key_id = f"ASIAEXAMPLE{number:09d}"
        together.wait(timeout=60)
        for _ in range(6):
            with root_session_entered(RootSessionCredentials(key_id, "example", "example")):
                clients.root_iam.read("GetAccessKeyLastUsed", AccessKeyId=key_id)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(call_as, range(workers)))
    assert len(aws_server.received) == workers * 6
    for request in aws_server.received:
        assert f"AccessKeyId={request.access_key_id}" in request.parameters


def test_a_session_within_a_session_gives_way_to_the_outer_one(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetCallerIdentity", answer_xml("GetCallerIdentity", "<Arn>x</Arn>"))
    inner = RootSessionCredentials("ASIAI44QH8DHBEXAMPLE", "example", "example")
    with root_session_entered(CREDENTIALS):
        with root_session_entered(inner):
            clients.root_sts.read("GetCallerIdentity")
        clients.root_sts.read("GetCallerIdentity")
    assert [request.access_key_id for request in aws_server.received] == [
        inner.access_key_id,
        CREDENTIALS.access_key_id,
    ]


def test_p08_credentials_show_no_secret_and_cannot_be_carried_off() -> None:
    assert "canary" not in repr(CREDENTIALS) + str(CREDENTIALS)
    for carry_off in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="can't be pickled or copied"):
            carry_off(CREDENTIALS)


@pytest.mark.skipif(find_spec("awscrt") is not None, reason="awscrt is installed here, so nothing is missing")
def test_a_profile_of_aws_login_names_the_command_that_installs_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile work]\nlogin_session = arn:aws:iam::111122223333:user/ana\nregion = us-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with pytest.raises(AwsCredentialsError, match="The profile work signs in with `aws login`") as caught:
        AwsClients(GatewayOptions(profile="work"), FakeClock()).sts.read("GetCallerIdentity")
    assert render_hint(caught.value.hint) == f"Install it: {describe_installing('crt')}"


def test_a_signature_that_needs_the_package_names_the_call_and_not_the_profile() -> None:
    missing = MissingDependencyException(msg="This operation requires an additional dependency.")
    error = translate(missing, FailedCall(operation="s3:GetObject", host="", profile="work"))
    assert error.message == (
        "s3:GetObject must be signed with Signature Version 4a, which needs the package awscrt. It isn't installed."
    )
    assert render_hint(error.hint) == f"Install it: {describe_installing('crt')}"
