from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from rootkeeper import __version__
from rootkeeper.aws.clients import AwsClients, GatewayOptions, ServiceCalls
from rootkeeper.aws.credentials import NoRootSessionError, RootSessionCredentials, root_session_entered
from rootkeeper.aws.pacing import STS_RATE
from rootkeeper.aws.quota_states import FIRST_PART
from rootkeeper.errors import AwsCredentialsError, AwsUnclearError, InputError
from rootkeeper.ledger.rules import Action
from tests.fakes.aws_server import FakeAwsServer, Reply, answer_xml, error_json, error_xml
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent
from tests.unit.aws.unlock_sessions import answer_buckets

IDENTITY = answer_xml("GetCallerIdentity", "<Arn>arn:aws:iam::111122223333:user/operator</Arn>")
ROOT_SESSION = RootSessionCredentials("ASIAIOSFODNN7EXAMPLE", "example", "example")


def client_of(calls: ServiceCalls) -> Any:
    """The botocore client, of which the stubs know too little."""
    return calls._client.get()


def all_calls(clients: AwsClients) -> dict[str, ServiceCalls]:
    return {name: value for name, value in vars(clients).items() if isinstance(value, ServiceCalls)}


@pytest.fixture
def config_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    return path


def test_every_client_keeps_as_many_connections_as_calls_are_in_flight(clients: AwsClients) -> None:
    assert len(all_calls(clients)) == 12
    for calls in all_calls(clients).values():
        assert client_of(calls).meta.config.max_pool_connections == 16


def test_changing_clients_send_once_and_reading_clients_try_again(
    clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, calls in all_calls(clients).items():
        attempts = client_of(calls).meta.config.retries["total_max_attempts"]
        assert attempts == (1 if name.endswith("changing") else 8), name


def test_p04_settings_of_the_environment_do_not_add_attempts(
    operator_environment: None, monkeypatch: pytest.MonkeyPatch, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "9")
    monkeypatch.setenv("AWS_RETRY_MODE", "adaptive")
    clients = AwsClients(GatewayOptions(), clock)
    aws_server.answer("EnableOrganizationsRootSessions", error_xml("ServiceUnavailable", 503))
    with pytest.raises(AwsUnclearError):
        clients.iam_changing.change("EnableOrganizationsRootSessions", make_intent(clock, Action.FEATURE_ENABLE), clock)
    assert len(aws_server.received) == 1


def test_calls_say_who_makes_them(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetCallerIdentity", IDENTITY)
    clients.sts.read("GetCallerIdentity")
    with root_session_entered(ROOT_SESSION):
        clients.root_sts.read("GetCallerIdentity")
    for request in aws_server.received:
        assert f"rootkeeper/{__version__}" in request.headers["user-agent"]


def test_every_attempt_takes_a_token_retries_included(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("ListRoots", error_json("ServiceException", 503), error_json("x", 503), Reply(body="{}"))
    clients.organizations.read("ListRoots")
    assert aws_server.operations == ["ListRoots"] * 3
    assert clock.slept == [pytest.approx(1 / (0.8 * FIRST_PART), rel=0.15)] * 2  # four fifths of a burst of 2 are 1


def test_the_operator_s_sts_calls_are_paced_together_and_those_of_root_sessions_are_not(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("GetCallerIdentity", IDENTITY)
    for _ in range(STS_RATE.share(0.8).burst):
        clients.pacer.take("sts", "AssumeRoot")
    assert clock.slept == []
    with root_session_entered(ROOT_SESSION):
        clients.root_sts.read("GetCallerIdentity")
    assert clock.slept == []
    clients.sts.read("GetCallerIdentity")
    assert clock.slept == [pytest.approx(1 / (STS_RATE.per_second * 0.8 * FIRST_PART), rel=0.02)]


def test_endpoint_and_region_of_a_profile_hold_for_root_clients_too(
    config_file: Path, operator_environment: None, clock: FakeClock
) -> None:
    config_file.write_text(
        "[profile ops]\nregion = eu-west-1\nservices = local\n"
        "[services local]\nsts =\n  endpoint_url = http://127.0.0.1:4001\niam =\n  endpoint_url = http://127.0.0.1:4002\n"
    )
    clients = AwsClients(GatewayOptions(profile="ops"), clock)
    assert clients.sts.url == clients.root_sts.url == "http://127.0.0.1:4001"
    assert clients.iam.url == clients.root_iam.url == clients.root_iam_changing.url == "http://127.0.0.1:4002"
    assert clients.organizations.url == "https://organizations.us-east-1.amazonaws.com"
    assert clients.region == "eu-west-1"
    assert clients.endpoint.label == "SANDBOX 127.0.0.1:4002"


def test_the_ca_bundle_and_proxies_of_the_operator_hold_for_root_clients_too(
    operator_environment: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    clients = AwsClients(GatewayOptions(), clock)
    for calls in all_calls(clients).values():
        http_session = client_of(calls)._endpoint.http_session
        assert http_session._verify == str(bundle)
        assert http_session._proxy_config.proxy_url_for("https://iam.amazonaws.com") == "http://127.0.0.1:3128"


@pytest.mark.parametrize(
    ("region", "partition"), [("us-east-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")]
)
def test_the_partition_follows_from_the_region(
    region: str, partition: str, operator_environment: None, clock: FakeClock
) -> None:
    clients = AwsClients(GatewayOptions(region=region), clock)
    assert clients.partition == partition
    assert clients.endpoint.label == "AWS"


# What can't be used.


def test_an_unknown_profile_is_named_with_a_hint(config_file: Path, clock: FakeClock) -> None:
    config_file.write_text("[default]\n")
    with pytest.raises(InputError, match="nosuch") as raised:
        AwsClients(GatewayOptions(profile="nosuch"), clock)
    assert raised.value.hint


def test_an_unknown_profile_of_the_environment_is_named_too(
    config_file: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_file.write_text("[default]\n")
    monkeypatch.setenv("AWS_PROFILE", "nosuch")
    with pytest.raises(InputError, match="nosuch"):
        AwsClients(GatewayOptions(), clock)


def test_an_unreadable_configuration_file_is_one_clear_error(config_file: Path, clock: FakeClock) -> None:
    config_file.write_text("[profile\nnot an ini file")
    with pytest.raises(InputError, match="AWS settings can't be used"):
        AwsClients(GatewayOptions(), clock)


@pytest.mark.parametrize("url", ["127.0.0.1:4599", "nonsense", "http://"])
def test_an_endpoint_that_is_no_url_is_one_clear_error(
    url: str, operator_environment: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(InputError, match="AWS settings can't be used") as raised:
        AwsClients(GatewayOptions(), clock)
    assert raised.value.hint


def test_half_of_a_key_is_a_matter_of_credentials(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    with pytest.raises(AwsCredentialsError, match="incomplete") as raised:
        AwsClients(GatewayOptions(), clock)
    assert raised.value.hint


def test_without_credentials_the_first_call_says_so(
    aws_server: FakeAwsServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    clients = AwsClients(GatewayOptions(), clock)
    with pytest.raises(AwsCredentialsError, match="no AWS credentials") as raised:
        clients.sts.read("GetCallerIdentity")
    assert raised.value.hint
    assert aws_server.received == []


def test_credentials_of_the_environment_that_have_expired_say_so(
    aws_server: FakeAwsServer, operator_environment: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z")
    clients = AwsClients(GatewayOptions(), clock)
    with pytest.raises(AwsCredentialsError, match="expired") as raised:
        clients.sts.read("GetCallerIdentity")
    assert raised.value.hint
    assert aws_server.received == []


def config_of(clients: AwsClients, service: str, *, changing: bool) -> Any:
    return clients.regional_root_calls(service, "us-east-1", changing=changing)._client.get().meta.config


@pytest.mark.parametrize("service", ["s3", "sqs"])
def test_changing_clients_send_once_and_reading_ones_try_again(regional_clients: AwsClients, service: str) -> None:
    assert config_of(regional_clients, service, changing=True).retries["total_max_attempts"] == 1
    assert config_of(regional_clients, service, changing=False).retries["total_max_attempts"] > 1


def test_a_client_is_made_once_for_each_region(regional_clients: AwsClients) -> None:
    get = regional_clients.regional_root_calls
    assert get("s3", "us-east-1") is get("s3", "us-east-1")
    assert get("s3", "us-east-1") is not get("s3", "eu-west-1")
    assert get("s3", "us-east-1") is not get("s3", "us-east-1", changing=True)


@pytest.mark.parametrize(("service", "operation"), [("s3", "ListBuckets"), ("sqs", "ListQueues")])
def test_without_a_root_session_nothing_is_sent_though_the_operator_has_credentials(
    regional_clients: AwsClients,
    operator_environment: None,
    aws_server: FakeAwsServer,
    service: str,
    operation: str,
) -> None:
    aws_server.answer(operation, answer_buckets())
    with pytest.raises(NoRootSessionError):
        regional_clients.regional_root_calls(service, "ap-south-1").read(operation)
    assert aws_server.received == []


def test_no_changing_call_leaves_without_the_receipt_of_an_intent(regional_clients: AwsClients) -> None:
    with pytest.raises(RuntimeError):
        regional_clients.regional_root_calls("sqs", "us-east-1", changing=True).read("ListQueues")


def test_one_thread_at_a_time_creates_clients(
    operator_environment: None, aws_server: FakeAwsServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Botocore's sessions aren't safe in many threads: two that first use one lose a component of it (KeyError)."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    clients = AwsClients(GatewayOptions(), clock)
    create, guard, overlaps = Session.create_client, threading.Lock(), list[str]()

    def watched(session: Session, service: str, **options: Any) -> Any:
        if not guard.acquire(blocking=False):
            overlaps.append(service)
            return create(session, service, **options)
        try:
            time.sleep(0.05)
            return create(session, service, **options)
        finally:
            guard.release()

    monkeypatch.setattr(Session, "create_client", watched)
    ways: tuple[Callable[[], object], ...] = (
        lambda: clients.root_iam.url,
        lambda: clients.regional_root_calls("s3", "us-east-1"),
        lambda: clients.operator_calls_in("sqs", "eu-west-1"),
        lambda: clients.create_template_client("iam", in_root_session=True),
    )
    with ThreadPoolExecutor(len(ways)) as threads:
        for begun in [threads.submit(way) for way in ways]:
            begun.result()
    assert overlaps == []


def test_a_region_that_cannot_be_one_is_refused(regional_clients: AwsClients) -> None:
    with pytest.raises(InputError, match="be used in"):
        regional_clients.regional_root_calls("s3", "us east/1")


def test_more_than_the_published_rates_is_for_a_sandbox_only(
    operator_environment: None, monkeypatch: pytest.MonkeyPatch, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    with pytest.raises(InputError, match=r"aws\.api_share is above 100"):
        AwsClients(GatewayOptions(api_share=1.01), clock)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    assert AwsClients(GatewayOptions(api_share=1.01), clock).endpoint.is_sandbox
