"""The CloudFormation template is one that AWS takes, holds what is shipped, and attaches nothing by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from cfnlint.api import lint  # type: ignore[import-untyped]  # cfn-lint ships no types
from cfnlint.config import ManualArgs  # type: ignore[import-untyped]  # cfn-lint ships no types

from rootkeeper.organization.accounts import Setup
from rootkeeper.shipped_policies.bundle import PolicyBundle, PolicyInputs
from rootkeeper.shipped_policies.infrastructure_code import render_cloudformation_json, render_cloudformation_yaml
from tests.unit.shipped_policies.bundles import (
    COMPLETE,
    DELEGATE,
    MANAGEMENT,
    NOTHING_ON,
    SERVER,
    UNKNOWN,
    UNREADABLE,
    make,
)

CASES = {
    "complete": (COMPLETE, None),
    "nothing is on": (NOTHING_ON, None),
    "a server": (COMPLETE, SERVER),
    "unknown": (UNKNOWN, UNREADABLE),
}


def make_template(bundle: PolicyBundle) -> dict[str, Any]:
    template: dict[str, Any] = yaml.safe_load(render_cloudformation_yaml(bundle))
    return template


def resources_of(kind: str, template: dict[str, Any]) -> list[dict[str, Any]]:
    return [resource for resource in template["Resources"].values() if resource["Type"] == kind]


@pytest.mark.parametrize("name", CASES)
def test_cfn_lint_finds_nothing_to_say(name: str) -> None:
    setup, wishes = CASES[name]
    text = render_cloudformation_yaml(make(setup, wishes))
    found = lint(text, config=ManualArgs(regions=["us-east-1", "eu-central-1"], include_checks=["W"]))
    assert [f"{match.rule.id}: {match.message}" for match in found] == []


@pytest.mark.parametrize("name", CASES)
def test_yaml_and_json_say_the_same(name: str) -> None:
    bundle = make(*CASES[name])
    template = json.loads(render_cloudformation_json(bundle))
    assert yaml.safe_load(render_cloudformation_yaml(bundle)) == template


def test_the_same_bundle_gives_the_same_text() -> None:
    assert render_cloudformation_yaml(make()) == render_cloudformation_yaml(make())


def test_the_roles_are_the_shipped_ones() -> None:
    bundle = make()
    roles = [
        role for role in resources_of("AWS::IAM::Role", make_template(bundle)) if role["Condition"] == "MakesRoles"
    ]
    assert [role["Properties"]["Policies"][0]["PolicyDocument"] for role in roles] == [
        role.permission_policy for role in bundle.roles
    ]
    assert [role["Properties"]["AssumeRolePolicyDocument"] for role in roles] == [
        role.trust_policy for role in bundle.roles
    ]


def test_guardrails_are_attached_to_nothing_until_a_parameter_says_where() -> None:
    template = make_template(make())
    for policy in resources_of("AWS::Organizations::Policy", template):
        condition, given, otherwise = policy["Properties"]["TargetIds"]["Fn::If"]
        assert otherwise == {"Ref": "AWS::NoValue"}
        assert template["Parameters"][given["Ref"]]["Default"] == ""
        assert condition in template["Conditions"]


def test_guardrails_belong_to_the_management_account_and_roles_to_theirs() -> None:
    template = make_template(make())
    conditions = json.dumps(template["Conditions"])
    assert MANAGEMENT in conditions
    assert DELEGATE in conditions
    assert {policy["Condition"] for policy in resources_of("AWS::Organizations::Policy", template)} == {
        "MakesGuardrails"
    }
    made = {role["Properties"]["RoleName"]: role["Condition"] for role in resources_of("AWS::IAM::Role", template)}
    assert made.pop("rootkeeper-topic-delivery") == "MakesTopicDeliveryRole"
    assert made.pop("rootkeeper-queue-delivery") == "MakesQueueDeliveryRole"
    assert set(made.values()) == {"MakesRoles"}


def test_rules_get_reading_events_too_since_an_audit_makes_no_others() -> None:
    rules = resources_of("AWS::Events::Rule", make_template(make()))
    assert len(rules) == 4
    assert {rule["Properties"]["State"] for rule in rules} == {"ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}


def test_what_may_be_ours_goes_to_the_queue_and_wakes_nobody() -> None:
    template = make_template(make())
    targets = {
        rule["Properties"]["Name"]: rule["Properties"]["Targets"][0]["Arn"]["Ref"]
        for rule in resources_of("AWS::Events::Rule", template)
    }
    assert targets == {
        "rootkeeper-long-term-root": "AlarmTopicArn",
        "rootkeeper-strange-caller": "AlarmTopicArn",
        "rootkeeper-known-role": "MatchingQueueArn",
        "rootkeeper-root-session": "MatchingQueueArn",
    }
    alarms = resources_of("AWS::CloudWatch::Alarm", template)
    assert [alarm["Properties"]["AlarmName"] for alarm in alarms] == [
        "rootkeeper-long-term-root",
        "rootkeeper-strange-caller",
    ]


@pytest.mark.parametrize(
    ("owner", "region", "role_arn"),
    [
        (None, "us-east-1", None),
        (DELEGATE, "us-east-1", None),
        (MANAGEMENT, "us-east-1", "the role made here"),
        (MANAGEMENT, "eu-central-1", f"arn:aws:iam::{DELEGATE}:role/rootkeeper-topic-delivery"),
    ],
)
def test_a_rule_reaches_a_topic_in_another_account_with_a_role_and_one_in_its_own_without(
    owner: str | None, region: str, role_arn: str | None
) -> None:
    """EventBridge delivers to another account with a role alone, and to its own account may fail with one."""
    template = make_template(make())
    given = {
        "AWS::AccountId": DELEGATE,
        "AWS::Partition": "aws",
        "AWS::Region": region,
        "HomeRegion": "us-east-1",
        "AlarmTopicArn": f"arn:aws:sns:{region}:{owner}:alarms" if owner else "",
    }
    rule = template["Resources"]["LongTermRootRule"]["Properties"]
    assert evaluate(rule["Targets"][0]["RoleArn"], template, given) == role_arn
    role = template["Resources"]["TopicDeliveryRole"]
    assert evaluate({"Condition": role["Condition"]}, template, given) is (role_arn == "the role made here")
    if owner is not None:
        (statement,) = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        assert evaluate(statement["Resource"], template, given) == f"arn:aws:sns:*:{owner}:alarms"


def evaluate(value: Any, template: dict[str, Any], given: dict[str, str]) -> Any:
    """A value of the template as CloudFormation would have it, as far as the rules need."""
    if not isinstance(value, dict):
        return value
    ((function, arguments),) = value.items()
    if function == "Ref":
        return given.get(arguments)
    if function == "Condition":
        return evaluate(template["Conditions"][arguments], template, given)
    if function == "Fn::If":
        name, then, otherwise = arguments
        return evaluate(then if evaluate({"Condition": name}, template, given) else otherwise, template, given)
    if function == "Fn::GetAtt":
        return "the role made here"
    if function == "Fn::Sub":
        text, more = arguments if isinstance(arguments, list) else (arguments, {})
        known = given | {name: evaluate(one, template, given) for name, one in more.items()}
        return re.sub(r"\$\{([\w:]+)\}", lambda match: known[match[1]], text)
    first, *rest = [evaluate(one, template, given) for one in arguments]
    if function == "Fn::Join":
        return first.join(evaluate(one, template, given) for one in rest[0])
    results: dict[str, Callable[[], Any]] = {
        "Fn::And": lambda: first and all(rest),
        "Fn::Equals": lambda: first == rest[0],
        "Fn::Not": lambda: not first,
        "Fn::Select": lambda: rest[0][first],
        "Fn::Split": lambda: rest[0].split(first),
    }
    return results[function]()


@pytest.mark.parametrize("setup", [COMPLETE, NOTHING_ON])
def test_it_switches_nothing_on(setup: Setup) -> None:
    kinds = {resource["Type"] for resource in make_template(make(setup))["Resources"].values()}
    assert kinds == {
        "AWS::CloudWatch::Alarm",
        "AWS::Events::Rule",
        "AWS::IAM::Role",
        "AWS::Logs::MetricFilter",
        "AWS::Organizations::Policy",
    }


def test_text_from_outside_stays_in_its_comment() -> None:
    text = render_cloudformation_yaml(make(UNKNOWN, UNREADABLE))
    assert all(line.startswith("#") for line in text.splitlines() if "evil" in line)
    assert "evil" in text


def test_roles_in_the_management_account_need_one_condition_less() -> None:
    template = make_template(make(NOTHING_ON, PolicyInputs()))
    assert template["Conditions"]["OpensRootSessions"] == {"Fn::Equals": [{"Ref": "AWS::AccountId"}, MANAGEMENT]}
