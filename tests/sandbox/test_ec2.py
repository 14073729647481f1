"""EC2's one operation, DescribeRegions, in EC2's own protocol."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.wire import Keys, Wire, open_instance

ADMIN = "member-admin"


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire(open_instance())


def read(wire: Wire, **parameters: Any) -> list[str]:
    answered = wire.call(ADMIN, "ec2", "DescribeRegions", **parameters)
    assert answered.status == 200, answered.body
    return [region["RegionName"] for region in answered.body["Regions"]]


def test_the_regions_that_are_on_are_described_and_with_all_the_others_too(wire: Wire) -> None:
    enabled, everything = read(wire), read(wire, AllRegions=True)
    assert len(enabled) == 17
    assert "af-south-1" not in enabled
    assert set(enabled) < set(everything)
    first = wire.call(ADMIN, "ec2", "DescribeRegions", RegionNames=["eu-west-1"]).body["Regions"]
    assert first == [
        {"RegionName": "eu-west-1", "Endpoint": "ec2.eu-west-1.amazonaws.com", "OptInStatus": "opt-in-not-required"}
    ]


def test_names_and_filters_choose(wire: Wire) -> None:
    assert read(wire, RegionNames=["eu-west-1", "af-south-1"]) == ["eu-west-1", "af-south-1"]
    europe = [{"Name": "region-name", "Values": ["eu-w*", "us-east-?"]}]
    assert read(wire, Filters=europe) == ["eu-west-1", "eu-west-2", "eu-west-3", "us-east-1", "us-east-2"]
    both = [*europe, {"Name": "endpoint", "Values": ["ec2.us-*"]}]
    assert read(wire, Filters=both) == ["us-east-1", "us-east-2"]
    off = [{"Name": "opt-in-status", "Values": ["not-opted-in"]}]
    assert read(wire, Filters=off) == []
    assert len(read(wire, Filters=off, AllRegions=True)) == 17


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({"RegionNames": ["eu-nowhere-1"]}, 400, "InvalidParameterValue"),
        ({"Filters": [{"Name": "colour", "Values": ["red"]}]}, 400, "InvalidParameterValue"),
        ({"DryRun": True}, 412, "DryRunOperation"),
    ],
)
def test_what_can_not_be_described_is_refused(wire: Wire, parameters: dict[str, Any], status: int, code: str) -> None:
    answered = wire.call(ADMIN, "ec2", "DescribeRegions", **parameters)
    assert (answered.status, answered.code) == (status, code)


def test_it_needs_a_permission_and_refusals_are_in_ec2s_words(wire: Wire) -> None:
    answered = wire.call("observer", "ec2", "DescribeRegions")
    assert (answered.status, answered.code) == (403, "UnauthorizedOperation")
    assert answered.message == (
        "You are not authorized to perform this operation. User: arn:aws:iam::111122223333:user/observer is not"
        " authorized to perform: ec2:DescribeRegions because no identity-based policy allows the"
        " ec2:DescribeRegions action"
    )
    unknown = wire.call(Keys("AKIAIOSFODNN7EXAMPLE", "x"), "ec2", "DescribeRegions")
    assert (unknown.status, unknown.code) == (401, "AuthFailure")


def test_its_other_operations_are_not_served(wire: Wire) -> None:
    answered = wire.call(ADMIN, "ec2", "DescribeVpcs")
    assert (answered.status, answered.code) == (400, "InvalidAction")
    assert answered.message == "The sandbox does not serve ec2:DescribeVpcs."
    assert wire.last_record()["service"] == "ec2"
