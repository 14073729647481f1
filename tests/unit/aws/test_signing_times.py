"""On a machine whose clock is wrong, calls are signed with AWS's time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import botocore.auth
import pytest

from rootkeeper.aws.clients import AwsClients, GatewayOptions
from rootkeeper.aws.times import LatestClock
from rootkeeper.errors import AwsCredentialsError, LockLostError
from rootkeeper.ledger.rules import Action
from tests.fakes.aws_server import FakeAwsServer, Reply, answer_xml, error_xml
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent

OPERATION = "EnableOrganizationsRootSessions"
DONE = answer_xml(OPERATION, "<OrganizationId>o-exampleorgid</OrganizationId>")
REFUSALS = {
    "SignatureDoesNotMatch": "Signature expired: 20261201T120000Z is now earlier than 20261202T114500Z",
    "RequestTimeTooSkewed": "The difference between the request time and the current time is too large.",
    "InvalidSignatureException": "Signature not yet current",
}


@pytest.fixture(params=[-3650, -1, 1, 365])
def days(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


@pytest.fixture
def wrong_clients(
    days: int,
    aws_server: FakeAwsServer,
    operator_environment: None,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> AwsClients:
    """Of a machine whose clock is so many days off."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    wrong = timedelta(days=days)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: datetime.now(UTC).replace(tzinfo=None) + wrong)
    clock.jump((datetime.now(UTC) + wrong - clock.now()).total_seconds())
    return AwsClients(GatewayOptions(concurrency=4), clock)


def switch(clients: AwsClients) -> None:
    receipt = make_intent(clients.clock, Action.FEATURE_ENABLE)
    clients.iam_changing.change(OPERATION, receipt, clients.clock)


def list_skews(server: FakeAwsServer) -> list[timedelta]:
    """How far the time of each signature was from the true time, in whole days."""
    texts = [request.headers["x-amz-date"] for request in server.received]
    signed = [datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for text in texts]
    return [timedelta(days=round((at - datetime.now(UTC)) / timedelta(days=1))) for at in signed]


@pytest.mark.parametrize("code", REFUSALS)
def test_p11_a_call_refused_for_its_time_is_sent_once_more_with_awss_time(
    code: str, days: int, wrong_clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer(OPERATION, error_xml(code, 403, REFUSALS[code]), DONE)
    switch(wrong_clients)
    assert list_skews(aws_server) == [timedelta(days=days), timedelta(0)]
    switch(wrong_clients)
    assert list_skews(aws_server)[2:] == [timedelta(0)], "and the next call is signed with it at once"


def test_p04_a_call_refused_again_is_not_sent_a_third_time(
    wrong_clients: AwsClients, aws_server: FakeAwsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LatestClock, "find_aws_time", lambda _: None)  # as if AWS's time were never believed
    monkeypatch.setattr(LatestClock, "now", lambda _: datetime.now(UTC))
    refusal = error_xml("SignatureDoesNotMatch", 403)
    aws_server.answer(OPERATION, refusal, refusal, error_xml("AccessDenied", 403))
    with pytest.raises(AwsCredentialsError):
        switch(wrong_clients)
    assert len(aws_server.received) == 2


def test_p01_it_is_sent_again_only_while_its_intent_is_valid(
    wrong_clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LatestClock, "learn", lambda *_: clock.advance(3600))
    monkeypatch.setattr(LatestClock, "now", lambda _: datetime.now(UTC))
    aws_server.answer(OPERATION, error_xml("RequestTimeTooSkewed", 403), DONE)
    with pytest.raises(LockLostError):
        switch(wrong_clients)
    assert len(aws_server.received) == 1


@pytest.mark.parametrize("days", [0], indirect=True)
@pytest.mark.parametrize("reply", [error_xml("SignatureDoesNotMatch", 403), error_xml("AccessDenied", 403)])
def test_p04_a_refusal_for_another_reason_is_final(
    reply: Reply, wrong_clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer(OPERATION, reply, DONE)
    with pytest.raises(Exception, match=OPERATION):
        switch(wrong_clients)
    assert len(aws_server.received) == 1


@pytest.fixture
def role_clients(
    tmp_path: Path, aws_server: FakeAwsServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AwsClients:
    """Clients with credentials that ended a day ago by this machine's clock."""
    process, config = tmp_path / "credentials.json", tmp_path / "config"
    ends_at = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    keys = {"AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "example-secret", "SessionToken": "example"}
    process.write_text(json.dumps({"Version": 1, "Expiration": ends_at, **keys}))
    config.write_text(f"[default]\ncredential_process = cat {process}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    return AwsClients(GatewayOptions(concurrency=4), clock)


def test_p11_credentials_of_a_role_end_by_awss_time(role_clients: AwsClients, clock: FakeClock) -> None:
    assert role_clients.find_operator().token == "example", "before AWS's time is known"
    role_clients.latest_clock.learn(datetime.now(UTC) - timedelta(days=2), clock.monotonic())
    assert role_clients.find_operator().token == "example"
    role_clients.latest_clock.learn(datetime.now(UTC), clock.monotonic())
    with pytest.raises(RuntimeError, match="still expired"):
        role_clients.find_operator()
