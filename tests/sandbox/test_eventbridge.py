"""Rules of EventBridge that are kept and shown; and CloudTrail's trails, of which there are none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rootkeeper_sandbox.authorization.authorizer import find_denial
from rootkeeper_sandbox.exchange import ServiceError
from rootkeeper_sandbox.services.registry import SERVICES
from tests.sandbox.calling import Stage

PATTERN = json.dumps({"detail": {"userIdentity": {"type": ["Root"]}}})
ARN = "arn:aws:events:us-east-1:111122223333:rule/root"
QUEUE = {"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:111122223333:root-events"}
EVERY_EVENT = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
TEAM = [{"Key": "team", "Value": "security"}]


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    given = {"EventPattern": PATTERN, "State": EVERY_EVENT, "Description": "Root", "Tags": TEAM}
    assert ask(stage, "PutRule", Name="root", **given) == {"RuleArn": ARN}
    return stage


def ask(stage: Stage, operation: str, **parameters: Any) -> dict[str, Any]:
    return stage.call("management-admin", "events", operation, **parameters)


def refusal(stage: Stage, operation: str, **parameters: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        ask(stage, operation, **parameters)
    return caught.value.code


def test_a_rule_is_described_as_it_was_put(stage: Stage) -> None:
    assert ask(stage, "DescribeRule", Name="root", EventBusName="default") == {
        "Name": "root",
        "Arn": ARN,
        "EventPattern": PATTERN,
        "State": EVERY_EVENT,
        "Description": "Root",
        "EventBusName": "default",
        "CreatedBy": "111122223333",
    }


def test_a_rule_that_is_put_again_keeps_targets_and_tags(stage: Stage) -> None:
    ask(stage, "PutTargets", Rule="root", Targets=[QUEUE])
    ask(stage, "PutRule", Name="root", ScheduleExpression="rate(1 day)")
    described = ask(stage, "DescribeRule", Name="root")
    assert (described["State"], described.get("EventPattern"), described.get("Description")) == ("ENABLED", None, None)
    assert ask(stage, "ListTargetsByRule", Rule="root") == {"Targets": [QUEUE]}
    assert ask(stage, "ListTagsForResource", ResourceARN=ARN) == {"Tags": TEAM}


def test_targets_are_replaced_by_id_limited_and_removed(stage: Stage) -> None:
    ask(stage, "PutTargets", Rule="root", Targets=[QUEUE, {"Id": "other", "Arn": QUEUE["Arn"]}])
    other = {"Id": "other", "Arn": f"{QUEUE['Arn']}-2"}
    assert ask(stage, "PutTargets", Rule="root", Targets=[other])["FailedEntryCount"] == 0
    first = ask(stage, "ListTargetsByRule", Rule="root", Limit=1)
    rest = ask(stage, "ListTargetsByRule", Rule="root", Limit=1, NextToken=first["NextToken"])
    assert first["Targets"] + rest["Targets"] == [QUEUE, other]
    more = [{"Id": str(number), "Arn": QUEUE["Arn"]} for number in range(4)]
    assert refusal(stage, "PutTargets", Rule="root", Targets=more) == "LimitExceededException"
    removed = ask(stage, "RemoveTargets", Rule="root", Ids=["queue", "unknown"])
    assert [entry["TargetId"] for entry in removed["FailedEntries"]] == ["unknown"]


def test_a_rule_with_targets_is_not_deleted(stage: Stage) -> None:
    ask(stage, "PutTargets", Rule="root", Targets=[QUEUE])
    assert refusal(stage, "DeleteRule", Name="root") == "ValidationException"
    ask(stage, "RemoveTargets", Rule="root", Ids=["queue"])
    ask(stage, "DeleteRule", Name="root")
    assert refusal(stage, "DescribeRule", Name="root") == "ResourceNotFoundException"
    assert ask(stage, "DeleteRule", Name="root") == {}


def test_rules_are_listed_by_prefix_in_their_account_and_region(stage: Stage) -> None:
    ask(stage, "PutRule", Name="other", EventPattern=PATTERN)
    assert [rule["Name"] for rule in ask(stage, "ListRules")["Rules"]] == ["other", "root"]
    assert [rule["Name"] for rule in ask(stage, "ListRules", NamePrefix="ro")["Rules"]] == ["root"]
    assert stage.call("member-admin", "events", "ListRules") == {"Rules": []}


def test_an_account_has_300_rules_at_most_and_can_replace_one_then(stage: Stage) -> None:
    for number in range(299):
        ask(stage, "PutRule", Name=f"rule-{number}", EventPattern=PATTERN)
    assert refusal(stage, "PutRule", Name="more", EventPattern=PATTERN) == "LimitExceededException"
    assert ask(stage, "PutRule", Name="root", EventPattern=PATTERN) == {"RuleArn": ARN}


def test_a_rule_is_disabled_and_enabled(stage: Stage) -> None:
    ask(stage, "DisableRule", Name="root")
    assert ask(stage, "DescribeRule", Name="root")["State"] == "DISABLED"
    ask(stage, "EnableRule", Name="root")
    assert ask(stage, "DescribeRule", Name="root")["State"] == "ENABLED"


def test_tags_come_and_go(stage: Stage) -> None:
    ask(stage, "TagResource", ResourceARN=ARN, Tags=[{"Key": "stage", "Value": "test"}])
    ask(stage, "UntagResource", ResourceARN=ARN, TagKeys=["team", "unknown"])
    assert ask(stage, "ListTagsForResource", ResourceARN=ARN) == {"Tags": [{"Key": "stage", "Value": "test"}]}
    with pytest.raises(ServiceError) as caught:
        stage.call("member-admin", "events", "ListTagsForResource", ResourceARN=ARN)
    assert caught.value.code == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "ValidationException"),
        ({"EventPattern": "Root"}, "InvalidEventPatternException"),
        ({"EventPattern": "[]"}, "InvalidEventPatternException"),
        ({"EventPattern": PATTERN, "EventBusName": "partner"}, "ResourceNotFoundException"),
    ],
)
def test_rules_that_cannot_be_are_refused(stage: Stage, given: dict[str, str], code: str) -> None:
    assert refusal(stage, "PutRule", Name="new", **given) == code


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("events", "PutRule", {"Name": "root", "EventPattern": PATTERN}),
        ("events", "ListTargetsByRule", {"Rule": "root"}),
        ("events", "ListTagsForResource", {"ResourceARN": ARN}),
        ("events", "ListRules", {}),
        ("cloudtrail", "DescribeTrails", {}),
        ("cloudtrail", "ListTrails", {}),
    ],
)
def test_each_needs_its_own_permission(stage: Stage, service: str, operation: str, parameters: dict[str, Any]) -> None:
    served = SERVICES[service][operation]
    assert served.action == f"{service}:{operation}"
    call = stage.make_call("observer", service, operation, **parameters)
    assert find_denial(call, served, served.action) is not None
    if service == "events":
        assert served.resource(call) in (ARN, ARN.replace("root", "*"))


def test_there_are_no_trails(stage: Stage) -> None:
    assert stage.call("management-admin", "cloudtrail", "DescribeTrails") == {"trailList": []}
    assert stage.call("management-admin", "cloudtrail", "ListTrails") == {"Trails": []}
