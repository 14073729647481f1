from __future__ import annotations

from typing import Any

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.session_credentials import NoRootSessionError
from rootkeeper.errors import InputError
from tests.fakes.aws_server import FakeAwsServer
from tests.unit.aws.unlock_sessions import answer_buckets


def config_of(clients: AwsClients, service: str, *, changing: bool) -> Any:
    return clients.regional_root.get(service, "us-east-1", changing=changing)._client.meta.config


@pytest.mark.parametrize("service", ["s3", "sqs"])
def test_changing_clients_send_once_and_reading_ones_try_again(regional_clients: AwsClients, service: str) -> None:
    assert config_of(regional_clients, service, changing=True).retries["total_max_attempts"] == 1
    assert config_of(regional_clients, service, changing=False).retries["total_max_attempts"] > 1


def test_a_client_is_made_once_for_each_region(regional_clients: AwsClients) -> None:
    get = regional_clients.regional_root.get
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
        regional_clients.regional_root.get(service, "ap-south-1").read(operation)
    assert aws_server.received == []


def test_no_changing_call_leaves_without_the_receipt_of_an_intent(regional_clients: AwsClients) -> None:
    with pytest.raises(RuntimeError):
        regional_clients.regional_root.get("sqs", "us-east-1", changing=True).read("ListQueues")


def test_a_region_that_cannot_be_one_is_refused(regional_clients: AwsClients) -> None:
    with pytest.raises(InputError, match="can't be asked in"):
        regional_clients.regional_root.get("s3", "us east/1")
