from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.organizations import AwsOrganizationReader
from rootkeeper.aws.times import measure_offset, parse_date
from rootkeeper.errors import (
    AwsCredentialsError,
    AwsRejectedError,
    AwsUnreachableError,
    OrganizationIncompleteError,
)
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from tests.fakes.aws_server import FakeAwsServer, answer_xml, error_json, error_xml
from tests.fakes.clock import FakeClock

ACCOUNT = AccountId("222233334444")


@pytest.fixture
def reader(clients: AwsClients) -> AwsOrganizationReader:
    return AwsOrganizationReader(clients)


def describe(account_id: str = ACCOUNT, **members: object) -> dict[str, object]:
    paths = [f"o-exampleorgid/r-exam/{account_id}/"]
    return {"Id": account_id, "Name": "name", "Email": "a@example.com", "Paths": paths, **members}


def page(*accounts: dict[str, object], token: str | None = None) -> str:
    return json.dumps({"Accounts": accounts, "NextToken": token})


def list_accounts(reader: AwsOrganizationReader) -> list[Account]:
    return [account for page in reader.list_account_pages() for account in page]


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({"State": "ACTIVE", "Status": "SUSPENDED"}, AccountState.ACTIVE),
        ({"State": "CLOSED", "Status": "SUSPENDED"}, AccountState.CLOSED),
        ({"State": "PENDING_ACTIVATION"}, AccountState.PENDING_ACTIVATION),
        ({"Status": "ACTIVE"}, AccountState.ACTIVE),
        ({"State": None, "Status": "PENDING_CLOSURE"}, AccountState.PENDING_CLOSURE),
        ({}, AccountState.UNKNOWN),
        ({"State": "HIBERNATING"}, AccountState.UNKNOWN),
        ({"State": "HIBERNATING", "Status": "ACTIVE"}, AccountState.UNKNOWN),
    ],
)
def test_state_is_read_before_status_and_a_strange_word_is_unknown(
    members: dict[str, Any], state: AccountState, reader: AwsOrganizationReader, aws_server: FakeAwsServer
) -> None:
    aws_server.answer_json("ListAccounts", page(describe(**members)))
    assert [account.state for account in list_accounts(reader)] == [state]
    aws_server.answer_json("DescribeAccount", json.dumps({"Account": describe(**members)}))
    assert reader.find_account_state(ACCOUNT) is state


def test_pages_of_twenty_are_asked_for_and_empty_ones_do_not_end_the_list(
    reader: AwsOrganizationReader, aws_server: FakeAwsServer
) -> None:
    aws_server.answer_json("ListAccounts", page(token="a"), page(describe(), token="b"), page())
    assert [len(page) for page in reader.list_account_pages()] == [0, 1, 0]
    assert all('"MaxResults": 20' in request.parameters for request in aws_server.received)
    assert '"NextToken": "b"' in aws_server.received[2].parameters


@pytest.mark.parametrize(
    "bodies",
    [
        ["{}"],
        ['{"Accounts": null}'],
        [page(describe(), token="a"), page(describe("333344445555"), token="a")],
        [page(describe(), token="a"), page(token="b"), page(token="a")],
        [page(describe(), token="")],
        [page(describe(), token="a"), "{}"],
        [page({"Name": "no id"})],
        ["garbage"],
        ["<html/>"],
    ],
)
def test_p13_a_listing_that_is_cut_off_or_malformed_is_an_error(
    bodies: list[str], reader: AwsOrganizationReader, aws_server: FakeAwsServer
) -> None:
    aws_server.answer_json("ListAccounts", *bodies)
    with pytest.raises(OrganizationIncompleteError) as raised:
        list_accounts(reader)
    assert raised.value.hint


def test_names_are_kept_as_they_are(reader: AwsOrganizationReader, aws_server: FakeAwsServer) -> None:
    hostile = "\x1b[31m<script>=cmd|' /C calc'!A0"
    aws_server.answer_json("ListAccounts", page(describe(Name=hostile, JoinedTimestamp=1709294400.5)))
    (account,) = list_accounts(reader)
    assert account.name == hostile
    assert account.joined_at is not None
    assert account.joined_at.isoformat() == "2024-03-01T12:00:00.500000+00:00"


@pytest.mark.parametrize(
    ("paths", "ou_ids"),
    [
        ([f"o-exampleorgid/r-exam/{ACCOUNT}/"], ("r-exam",)),
        ([f"o-exampleorgid/r-exam/ou-a/ou-b/{ACCOUNT}/"], ("r-exam", "ou-a", "ou-b")),
        (["o-exampleorgid/r-exam/999999999999/", f"o-exampleorgid/r-exam/ou-a/{ACCOUNT}/"], ("r-exam", "ou-a")),
        ([f"o-exampleorgid/{ACCOUNT}/"], ()),
        (["o-exampleorgid/r-exam/999999999999/"], ()),
        ([], ()),
        (None, ()),
    ],
)
def test_the_place_comes_from_the_account_s_own_path(
    paths: list[str] | None, ou_ids: tuple[str, ...], reader: AwsOrganizationReader, aws_server: FakeAwsServer
) -> None:
    aws_server.answer_json("ListAccounts", page(describe(Paths=paths)))
    (account,) = list_accounts(reader)
    assert (account.ou_ids, account.ou_path) == (ou_ids, "")


def test_children_of_a_unit_are_listed_to_the_end(reader: AwsOrganizationReader, aws_server: FakeAwsServer) -> None:
    aws_server.answer_json("ListRoots", '{"Roots": [{"Id": "r-exam", "Name": "Root"}]}')
    aws_server.answer_json(
        "ListOrganizationalUnitsForParent",
        '{"OrganizationalUnits": [{"Id": "ou-a", "Name": "A"}], "NextToken": "more"}',
        '{"OrganizationalUnits": [{"Id": "ou-b", "Name": "B"}]}',
    )
    found = (*reader.list_roots(), *reader.list_child_units("r-exam"))
    assert [(unit.ou_id, unit.parent_id) for unit in found] == [
        ("r-exam", None),
        ("ou-a", "r-exam"),
        ("ou-b", "r-exam"),
    ]


def test_accounts_of_a_unit_are_listed_to_the_end(reader: AwsOrganizationReader, aws_server: FakeAwsServer) -> None:
    aws_server.answer_json(
        "ListAccountsForParent", page(describe(), token="a"), page(token="b"), page(describe("333344445555"))
    )
    assert reader.list_account_ids_of("r-exam") == (ACCOUNT, "333344445555")


def test_units_without_their_list_are_an_error(reader: AwsOrganizationReader, aws_server: FakeAwsServer) -> None:
    aws_server.answer_json("ListOrganizationalUnitsForParent", "{}")
    with pytest.raises(AwsUnreachableError):
        reader.list_child_units("r-exam")


@pytest.mark.parametrize(
    ("arn", "partition"),
    [
        ("arn:aws:iam::111122223333:user/operator", "aws"),
        ("arn:aws:iam::111122223333:root", "aws"),
        ("arn:aws-us-gov:sts::111122223333:assumed-role/Admin/me", "aws-us-gov"),
        ("arn:aws-cn:iam::111122223333:user/operator", "aws-cn"),
    ],
)
def test_the_caller_s_partition_comes_from_its_arn(
    arn: str, partition: str, reader: AwsOrganizationReader, aws_server: FakeAwsServer
) -> None:
    members = f"<Arn>{arn}</Arn><Account>111122223333</Account><UserId>x</UserId>"
    aws_server.answer("GetCallerIdentity", answer_xml("GetCallerIdentity", members))
    caller = reader.read_caller()
    assert (caller.arn, caller.partition, caller.account_id) == (arn, partition, "111122223333")


def test_the_organization_s_partition_comes_from_its_arn(
    reader: AwsOrganizationReader, aws_server: FakeAwsServer
) -> None:
    organization = {
        "Id": "o-exampleorgid",
        "Arn": "arn:aws-us-gov:organizations::111122223333:organization/o-exampleorgid",
        "FeatureSet": "CONSOLIDATED_BILLING",
        "MasterAccountId": "111122223333",
    }
    aws_server.answer_json("DescribeOrganization", json.dumps({"Organization": organization}))
    found = reader.read_organization()
    assert found.partition == "aws-us-gov"
    assert not found.has_all_features


def test_an_account_outside_of_an_organization_says_so(
    reader: AwsOrganizationReader, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("DescribeOrganization", error_json("AWSOrganizationsNotInUseException"))
    with pytest.raises(AwsRejectedError) as raised:
        reader.read_organization()
    assert raised.value.aws_code == "AWSOrganizationsNotInUseException"
    assert raised.value.hint


def test_tags_are_read_to_the_end(reader: AwsOrganizationReader, aws_server: FakeAwsServer) -> None:
    aws_server.answer_json(
        "ListTagsForResource",
        '{"Tags": [{"Key": "env", "Value": "prod"}], "NextToken": "a"}',
        '{"Tags": [{"Key": "owner", "Value": ""}]}',
    )
    assert reader.read_tags(ACCOUNT) == {"env": "prod", "owner": ""}


def test_an_answer_about_another_account_is_not_believed(
    reader: AwsOrganizationReader, aws_server: FakeAwsServer
) -> None:
    aws_server.answer_json("DescribeAccount", json.dumps({"Account": describe("999999999999", State="ACTIVE")}))
    assert not reader.has_account(ACCOUNT)


NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("header", [None, "", "yesterday", "2026-01-15T12:00:00Z"])
def test_what_is_no_date_is_no_time(header: str | None) -> None:
    assert parse_date(header) is None


@pytest.mark.parametrize("header", ["Thu, 15 Jan 2026 12:00:00 GMT", "Thu, 15 Jan 2026 13:00:00 +0100"])
def test_a_date_header_is_read_in_utc(header: str) -> None:
    assert parse_date(header) == NOON


def test_a_clock_so_far_behind_that_aws_refuses_its_signatures_is_measured_by_the_refusal(
    reader: AwsOrganizationReader, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("GetCallerIdentity", error_xml("SignatureDoesNotMatch", 403))
    clock.jump((datetime.now(UTC) - clock.now()).total_seconds() - 86_400)
    offset = reader.find_clock_offset()
    assert offset is not None
    assert offset.total_seconds() == pytest.approx(-86_400, abs=60)
    clock.jump(86_400)
    with pytest.raises(AwsCredentialsError):
        reader.find_clock_offset()


@pytest.mark.parametrize(
    ("began_seconds", "took_seconds", "offset_seconds"),
    [
        (0, 1, 0),
        (0.9, 0.05, 0),
        (-20, 30, 0),
        (-31, 30, -1),
        (301, 0, 300),
        (-300, 0.5, -299.5),
    ],
)
def test_what_lies_within_the_call_is_no_offset(
    began_seconds: float, took_seconds: float, offset_seconds: float
) -> None:
    began_at = NOON + timedelta(seconds=began_seconds)
    offset = measure_offset(NOON, began_at, timedelta(seconds=took_seconds))
    assert offset.total_seconds() == pytest.approx(offset_seconds)
