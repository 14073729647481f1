from __future__ import annotations

from dataclasses import replace

import pytest

from rootkeeper.aws.clients import GatewayOptions
from rootkeeper.aws.gateway import MOST_GATEWAYS, GatewayPool
from rootkeeper.aws.rules import AwsWork
from rootkeeper.errors import AwsCredentialsError, SettingsError
from tests.fakes.aws_server import FakeAwsServer, answer_xml, error_xml
from tests.fakes.clock import FakeClock
from tests.unit.aws.conftest import OPERATOR_KEY
from tests.unit.aws.test_assumed_roles import answer_role

ROLES = {work: f"arn:aws:iam::111122223333:role/rootkeeper-{work.value}" for work in AwsWork}
IDENTITY = answer_xml("GetCallerIdentity", "<Account>111122223333</Account><Arn>arn:aws:iam::1:user/x</Arn>")
OPTIONS = GatewayOptions(concurrency=4)


@pytest.fixture(autouse=True)
def _environment(operator_environment: None, aws_server: FakeAwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    aws_server.answer("GetCallerIdentity", IDENTITY)
    aws_server.answer("AssumeRole", answer_role())


@pytest.fixture
def gateway_pool(clock: FakeClock, _environment: None) -> GatewayPool:
    return GatewayPool(OPTIONS, ROLES, clock)


def test_each_work_assumes_its_own_role_in_the_person_s_name(
    gateway_pool: GatewayPool, aws_server: FakeAwsServer
) -> None:
    for work in AwsWork:
        gateway_pool.gateway(work, "ana").read_caller()
    assumed = [one.parameters for one in aws_server.received if one.operation == "AssumeRole"]
    assert [f"rootkeeper-{work.value}&" in sent for work, sent in zip(AwsWork, assumed, strict=True)] == [True] * 5
    assert all("SourceIdentity=ana&" in f"{sent}&" for sent in assumed)


def test_the_external_id_is_sent_with_each_role_and_never_without_one(
    gateway_pool: GatewayPool, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    gateway_pool.gateway(AwsWork.AUDIT, "ana").read_caller()
    pool = GatewayPool(replace(OPTIONS, external_id="customer-17"), ROLES, clock)
    pool.gateway(AwsWork.AUDIT, "ana").read_caller()
    without, with_id = (one.parameters for one in aws_server.received if one.operation == "AssumeRole")
    assert "ExternalId" not in without
    assert "ExternalId=customer-17&" in f"{with_id}&"


def test_calls_are_signed_by_the_role_and_only_the_role_is_assumed_by_the_start(
    gateway_pool: GatewayPool, aws_server: FakeAwsServer
) -> None:
    gateway_pool.gateway(AwsWork.AUDIT, "ana").read_caller()
    assert [(one.operation, one.access_key_id) for one in aws_server.received] == [
        ("AssumeRole", OPERATOR_KEY),
        ("GetCallerIdentity", "ASIAEXAMPLE1"),
    ]


def test_a_person_s_gateway_is_made_once_and_makes_no_call(
    gateway_pool: GatewayPool, aws_server: FakeAwsServer
) -> None:
    assert gateway_pool.gateway(AwsWork.AUDIT, "ana") is gateway_pool.gateway(AwsWork.AUDIT, "ana")
    assert gateway_pool.gateway(AwsWork.AUDIT, "ana") is not gateway_pool.gateway(AwsWork.AUDIT, "ben")
    assert gateway_pool.gateway(AwsWork.AUDIT, "ana") is not gateway_pool.gateway(AwsWork.DELETE, "ana")
    assert aws_server.received == []


def test_many_persons_do_not_fill_the_memory_and_the_server_is_not_forgotten(gateway_pool: GatewayPool) -> None:
    server = gateway_pool.gateway(AwsWork.RECOVER)
    for number in range(MOST_GATEWAYS + 10):
        gateway_pool.gateway(AwsWork.AUDIT, f"person-{number}")
    assert len(gateway_pool._gateways) == MOST_GATEWAYS == len(gateway_pool._credentials)
    assert gateway_pool.gateway(AwsWork.RECOVER) is server


def test_without_roles_the_starting_credentials_do_all_work(clock: FakeClock, aws_server: FakeAwsServer) -> None:
    gateway_pool = GatewayPool(OPTIONS, dict.fromkeys(AwsWork, ""), clock)
    gateway_pool.gateway(AwsWork.DELETE, "ana").read_caller()
    assert aws_server.operations == ["GetCallerIdentity"]
    assert any("No roles are configured" in warning for warning in gateway_pool.list_warnings())


def test_some_roles_without_the_others_are_refused_and_the_missing_ones_named(clock: FakeClock) -> None:
    given = {AwsWork.AUDIT: ROLES[AwsWork.AUDIT], AwsWork.RECOVER: ROLES[AwsWork.RECOVER], AwsWork.UNLOCK: " "}
    with pytest.raises(SettingsError, match=r"aws\.roles\.delete, aws\.roles\.report, aws\.roles\.unlock"):
        GatewayPool(OPTIONS, given, clock)


def test_a_static_key_is_warned_of(gateway_pool: GatewayPool) -> None:
    assert [warning for warning in gateway_pool.list_warnings() if "static access key" in warning]


@pytest.mark.parametrize(
    ("expiry", "said"), [("2099-01-01T00:00:00Z", "aren't renewed"), (None, "It can't be read when")]
)
def test_session_credentials_that_end_are_warned_of(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch, expiry: str | None, said: str
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "example-token")
    if expiry is not None:
        monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", expiry)
    gateway_pool = GatewayPool(OPTIONS, ROLES, clock)
    assert [warning for warning in gateway_pool.list_warnings() if said in warning]
    assert not [warning for warning in gateway_pool.list_warnings() if "static access key" in warning]


def test_without_any_credentials_the_error_says_so(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AwsCredentialsError):
        GatewayPool(OPTIONS, ROLES, clock).list_warnings()


def test_the_check_tries_the_start_and_assumes_each_role_again(
    gateway_pool: GatewayPool, aws_server: FakeAwsServer
) -> None:
    assert gateway_pool.renew().is_sound
    assert aws_server.operations == ["GetCallerIdentity", *["AssumeRole"] * 5]
    gateway_pool.renew()
    assert len(aws_server.operations) == 12


def test_the_check_names_what_fails_and_continues_with_the_rest(
    gateway_pool: GatewayPool, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("AssumeRole", answer_role(), error_xml("AccessDenied", 403), answer_role())
    check = gateway_pool.renew()
    assert [failure.work for failure in check.failures] == [AwsWork.DELETE]
    assert "rootkeeper-delete" in check.failures[0].reason
    assert not check.is_sound


def test_the_check_names_starting_credentials_that_have_ended(
    gateway_pool: GatewayPool, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("GetCallerIdentity", error_xml("ExpiredToken", 403))
    assert [failure.work for failure in gateway_pool.renew().failures] == [None]


def test_the_check_without_roles_tries_the_start_alone(clock: FakeClock, aws_server: FakeAwsServer) -> None:
    assert GatewayPool(OPTIONS, {}, clock).renew().is_sound
    assert aws_server.operations == ["GetCallerIdentity"]
