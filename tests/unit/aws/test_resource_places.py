from __future__ import annotations

import json

import pytest

from rootkeeper.aws.clients import AwsClients, GatewayOptions
from rootkeeper.aws.resources import AwsResourcePlaces
from rootkeeper.aws.rules import ResourceKind
from rootkeeper.errors import AwsAccessDeniedError, AwsUnreachableError, InputError
from rootkeeper.organization.accounts import AccountId
from tests.fakes.aws_server import FakeAwsServer, Reply
from tests.fakes.clock import FakeClock

MEMBER = AccountId("222233334444")


@pytest.fixture
def places(regional_clients: AwsClients) -> AwsResourcePlaces:
    return AwsResourcePlaces(regional_clients)


@pytest.mark.parametrize("kind", ResourceKind)
def test_one_endpoint_for_everything_is_one_place(places: AwsResourcePlaces, kind: ResourceKind) -> None:
    places.require_same_place(kind)


@pytest.mark.parametrize(
    ("variable", "kind"), [("AWS_ENDPOINT_URL_S3", ResourceKind.BUCKET), ("AWS_ENDPOINT_URL_SQS", ResourceKind.QUEUE)]
)
def test_credentials_of_aws_never_go_to_another_server(
    operator_environment: None, monkeypatch: pytest.MonkeyPatch, variable: str, kind: ResourceKind
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:9000")
    places = AwsResourcePlaces(AwsClients(GatewayOptions(), FakeClock()))
    with pytest.raises(InputError, match=r"127\.0\.0\.1:9000, all others to AWS") as raised:
        places.require_same_place(kind)
    assert variable in (raised.value.hint or "")


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_aws_itself_is_one_place(operator_environment: None, region: str) -> None:
    places = AwsResourcePlaces(AwsClients(GatewayOptions(region=region), FakeClock()))
    for kind in ResourceKind:
        places.require_same_place(kind)


def test_known_regions_are_those_of_the_partition(places: AwsResourcePlaces) -> None:
    known = places.list_known_regions(ResourceKind.QUEUE)
    assert {"us-east-1", "eu-central-1", "ap-east-1"} <= set(known)
    assert not [region for region in known if region.startswith(("cn-", "us-gov-"))]


def test_enabled_regions_are_read_to_the_end(places: AwsResourcePlaces, aws_server: FakeAwsServer) -> None:
    def answer(region: str, **more: str) -> Reply:
        row = {"RegionName": region, "RegionOptStatus": "ENABLED"}
        return Reply(body=json.dumps({"Regions": [row], **more}))

    aws_server.answer("ListRegions", answer("us-east-1", NextToken="more"), answer("eu-south-1"))
    assert places.list_enabled_regions(MEMBER) == ("eu-south-1", "us-east-1")
    asked = json.loads(aws_server.received[0].parameters)
    assert asked["AccountId"] == MEMBER
    assert asked["RegionOptStatusContains"] == ["ENABLED", "ENABLED_BY_DEFAULT"]
    aws_server.answer("ListRegions", answer("us-east-1"))
    places.list_enabled_regions(None)
    assert "AccountId" not in json.loads(aws_server.received[-1].parameters)


def test_no_region_at_all_is_no_answer(places: AwsResourcePlaces, aws_server: FakeAwsServer) -> None:
    aws_server.answer("ListRegions", Reply(body=json.dumps({"Regions": []})))
    with pytest.raises(AwsUnreachableError, match="no enabled Region"):
        places.list_enabled_regions(MEMBER)


def test_a_denial_is_reported(places: AwsResourcePlaces, aws_server: FakeAwsServer) -> None:
    denial = Reply(403, '{"message": "no"}', headers=(("x-amzn-ErrorType", "AccessDeniedException"),))
    aws_server.answer("ListRegions", denial)
    with pytest.raises(AwsAccessDeniedError):
        places.list_enabled_regions(MEMBER)
