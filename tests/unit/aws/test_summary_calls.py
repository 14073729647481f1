from __future__ import annotations

import queue

import pytest

from rootkeeper.aws.clients import AwsClients, GatewayOptions
from rootkeeper.aws.quota_states import FIRST_PART, MOST_LOWERED
from rootkeeper.aws.summaries import SummaryAnswer, SummaryRequest, SummaryTemplates, open_reader
from rootkeeper.errors import (
    AwsCredentialsError,
    AwsRejectedError,
    AwsThrottledError,
    AwsUnreachableError,
    RootkeeperError,
)
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from tests.fakes.aws_server import CUT, FakeAwsServer, Reply, answer_xml, error_xml
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent
from tests.unit.aws.unclear_replies import TOO_LATE

MEMBER = AccountId("222233334444")
CREDENTIALS = (
    "<Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>session-secret</SecretAccessKey>"
    "<SessionToken>session-token</SessionToken><Expiration>2026-01-15T09:15:00Z</Expiration></Credentials>"
)
SESSION = answer_xml("AssumeRoot", CREDENTIALS)
COUNTS = "".join(
    f"<entry><key>{key}</key><value>{value}</value></entry>"
    for key, value in (
        ("AccountPasswordPresent", 1),
        ("AccountAccessKeysPresent", 0),
        ("AccountSigningCertificatesPresent", 0),
        ("AccountMFAEnabled", 1),
    )
)
SUMMARY = answer_xml("GetAccountSummary", f"<SummaryMap>{COUNTS}</SummaryMap>")


def read(clients: AwsClients, clock: FakeClock, *, count: int = 1) -> list[SummaryAnswer]:
    answers: queue.SimpleQueue[SummaryAnswer] = queue.SimpleQueue()
    with open_reader(clients, 4) as reader:
        for _ in range(count):
            reader.submit(SummaryRequest(MEMBER, make_intent(clock, Action.ACCOUNTS_AUDIT)), answers.put)
        return [answers.get(timeout=60) for _ in range(count)]


def test_the_first_call_is_the_operator_s_and_the_second_the_session_s(
    operator_clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("AssumeRoot", SESSION)
    aws_server.answer("GetAccountSummary", SUMMARY)
    (answer,) = read(operator_clients, clock)
    assert answer.summary is not None
    assert (answer.summary.has_password, answer.summary.has_access_keys) == (True, False)
    assert [request.access_key_id for request in aws_server.received] == [
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
    ]
    assert aws_server.received[1].headers["x-amz-security-token"] == "session-token"
    assert "UserName" not in aws_server.received[1].parameters


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (error_xml("Throttling"), AwsThrottledError),
        (error_xml("InternalFailure", 500), AwsUnreachableError),
        (error_xml("ServiceUnavailable", 503), AwsUnreachableError),
        (error_xml("ExpiredToken", 403), AwsCredentialsError),
        (error_xml("Nonsense"), AwsRejectedError),
        (CUT, AwsUnreachableError),
        (Reply(body="<html>"), AwsUnreachableError),
        (Reply(body="{}"), AwsUnreachableError),
        (Reply(502, "<html>Bad gateway</html>"), AwsUnreachableError),
        (answer_xml("AssumeRoot"), AwsUnreachableError),
        (answer_xml("AssumeRoot", "<Credentials><AccessKeyId>ASIA</AccessKeyId></Credentials>"), AwsUnreachableError),
    ],
)
def test_what_goes_wrong_is_reported_as_elsewhere_and_no_call_is_sent_twice(
    reply: Reply,
    error: type[RootkeeperError],
    operator_clients: AwsClients,
    aws_server: FakeAwsServer,
    clock: FakeClock,
) -> None:
    aws_server.answer("AssumeRoot", reply)
    (answer,) = read(operator_clients, clock)
    assert type(answer.error) is error
    assert answer.session is None
    assert aws_server.operations == ["AssumeRoot"]


def test_an_answer_that_comes_too_late_is_none_and_no_call_is_sent_twice(
    impatient_clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("AssumeRoot", TOO_LATE)
    (answer,) = read(impatient_clients, clock)
    aws_server.wait_for(1)
    assert type(answer.error) is AwsUnreachableError
    assert answer.session is None
    assert aws_server.operations == ["AssumeRoot"]


@pytest.mark.parametrize(
    "reply", [answer_xml("GetAccountSummary"), answer_xml("GetAccountSummary", "<SummaryMap/>"), Reply(body="")]
)
def test_p06_a_summary_that_lacks_something_is_no_summary(
    reply: Reply, operator_clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("AssumeRoot", SESSION)
    aws_server.answer("GetAccountSummary", reply)
    (answer,) = read(operator_clients, clock)
    assert answer.summary is None
    assert isinstance(answer.error, AwsUnreachableError)
    assert answer.session is not None


def test_p15_a_throttle_lowers_the_pace_of_assume_root(
    operator_clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("AssumeRoot", error_xml("Throttling"))
    read(operator_clients, clock)
    wait = operator_clients.pacer.bucket_of("sts", "AssumeRoot").find_drawn()
    assert wait == pytest.approx(1 / (600 * 0.8 * FIRST_PART * MOST_LOWERED), rel=0.02)


def test_p15_every_attempt_takes_a_token(
    operator_clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("AssumeRoot", error_xml("AccessDenied", 403))
    bucket = operator_clients.pacer.bucket_of("sts", "AssumeRoot")
    for _ in range(int(600 * 0.8) - 2):
        bucket.take()
    read(operator_clients, clock, count=2)
    assert bucket.find_drawn() == pytest.approx(1 / (480 * FIRST_PART), rel=0.02)


def test_p08_no_secret_shows_in_an_answer(
    operator_clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("AssumeRoot", SESSION)
    aws_server.answer("GetAccountSummary", error_xml("AccessDenied", 403))
    (answer,) = read(operator_clients, clock)
    assert "session-secret" not in repr(answer)
    assert "session-token" not in repr(answer)


def test_without_credentials_there_are_no_templates(
    monkeypatch: pytest.MonkeyPatch, clock: FakeClock, aws_server: FakeAwsServer
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    clients = AwsClients(GatewayOptions(), clock)
    with pytest.raises(AwsCredentialsError):
        SummaryTemplates(clients)
    assert aws_server.received == []
