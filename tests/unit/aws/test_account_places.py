from __future__ import annotations

import json

import pytest

from rootkeeper.aws.account_places import AccountPlaces
from rootkeeper.aws.clients import AwsClients
from rootkeeper.domain.organizations import AccountId, OrganizationalUnit
from rootkeeper.errors import OrganizationIncompleteError
from tests.fakes.aws_server import FakeAwsServer, Reply

ACCOUNT = AccountId("222233334444")
UNITS = {
    unit.ou_id: unit
    for unit in (
        OrganizationalUnit("r-exam", "Root", None),
        OrganizationalUnit("ou-exam-workload", "Workloads", "r-exam"),
        OrganizationalUnit("ou-exam-prod", "Prod", "ou-exam-workload"),
    )
}


@pytest.fixture
def places(clients: AwsClients) -> AccountPlaces:
    return AccountPlaces(UNITS, clients.organizations)


def test_paths_tell_the_place_without_a_call(places: AccountPlaces, aws_server: FakeAwsServer) -> None:
    found = places.find(ACCOUNT, [f"o-exampleorgid/r-exam/ou-exam-workload/ou-exam-prod/{ACCOUNT}/"])
    assert found == ("r-exam", "ou-exam-workload", "ou-exam-prod")
    assert places.describe(found) == "Root/Workloads/Prod"
    assert aws_server.received == []


@pytest.mark.parametrize(
    "paths", [None, [], [""], ["garbage"], ["o-exampleorgid/r-exam/999999999999/"], [f"{ACCOUNT}/"]]
)
def test_without_a_path_every_unit_is_asked_once(
    paths: list[str] | None, places: AccountPlaces, aws_server: FakeAwsServer
) -> None:
    other = {"Accounts": [{"Id": "333344445555"}]}
    aws_server.answer_json(
        "ListAccountsForParent",
        json.dumps(other),
        json.dumps({"Accounts": []}),
        json.dumps({"Accounts": [], "NextToken": "more"}),
        json.dumps({"Accounts": [{"Id": ACCOUNT}]}),
    )
    assert places.find(ACCOUNT, paths) == ("r-exam", "ou-exam-workload", "ou-exam-prod")
    assert places.find(AccountId("333344445555"), paths) == ("r-exam",)
    assert len(aws_server.received) == 4


def test_an_account_that_no_unit_holds_makes_the_listing_incomplete(
    places: AccountPlaces, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("ListAccountsForParent", Reply(body='{"Accounts": []}'))
    with pytest.raises(OrganizationIncompleteError, match=ACCOUNT):
        places.find(ACCOUNT, None)


def test_a_unit_newer_than_the_tree_appears_by_its_id(places: AccountPlaces) -> None:
    found = places.find(ACCOUNT, [f"o-exampleorgid/r-exam/ou-exam-new/{ACCOUNT}/"])
    assert places.describe(found) == "Root/ou-exam-new"
