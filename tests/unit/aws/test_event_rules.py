from __future__ import annotations

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.resources import AwsEventRules
from rootkeeper.errors import AwsAccessDeniedError, AwsUnreachableError, InputError
from tests.fakes.aws_server import FakeAwsServer, error_json


@pytest.fixture
def rules(regional_clients: AwsClients) -> AwsEventRules:
    return AwsEventRules(regional_clients)


def test_the_state_of_a_rule_is_read_in_its_region(rules: AwsEventRules, aws_server: FakeAwsServer) -> None:
    aws_server.answer_json("DescribeRule", '{"Name": "rootkeeper-strange-caller", "State": "DISABLED"}')
    assert rules.read_rule_state("rootkeeper-strange-caller", "eu-north-1") == "DISABLED"


def test_a_rule_that_isnt_there_has_no_state(rules: AwsEventRules, aws_server: FakeAwsServer) -> None:
    aws_server.answer("DescribeRule", error_json("ResourceNotFoundException"))
    assert rules.read_rule_state("rootkeeper-strange-caller", "eu-north-1") is None


def test_a_denial_is_an_error_and_no_state(rules: AwsEventRules, aws_server: FakeAwsServer) -> None:
    aws_server.answer("DescribeRule", error_json("AccessDeniedException"))
    with pytest.raises(AwsAccessDeniedError):
        rules.read_rule_state("rootkeeper-strange-caller", "eu-north-1")


def test_an_answer_without_a_state_is_no_state(rules: AwsEventRules, aws_server: FakeAwsServer) -> None:
    aws_server.answer_json("DescribeRule", '{"Name": "rootkeeper-strange-caller"}')
    with pytest.raises(AwsUnreachableError, match="lacks State"):
        rules.read_rule_state("rootkeeper-strange-caller", "eu-north-1")


def test_nothing_is_sent_to_aws_while_all_other_calls_go_to_a_sandbox(clients: AwsClients) -> None:
    with pytest.raises(InputError, match=r"would go to events\.eu-north-1\.amazonaws\.com:443, all others to SANDBOX"):
        AwsEventRules(clients).read_rule_state("rootkeeper-strange-caller", "eu-north-1")
