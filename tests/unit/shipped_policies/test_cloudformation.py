"""The CloudFormation template is one that AWS takes, holds what is shipped, and attaches nothing by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from rootkeeper.organization.accounts import ServiceControlPolicies, Setup
from rootkeeper.shipped_policies.bundle import PolicyBundle, PolicyInputs
from rootkeeper.shipped_policies.infrastructure_code import render_cloudformation_json, render_cloudformation_yaml
from tests.unit.shipped_policies.bundles import (
    COMPLETE,
    DELEGATE,
    MANAGEMENT,
    NOTHING_ON,
    SCP_ENABLED,
    SERVER,
    SESSIONS,
    UNKNOWN,
    UNREADABLE,
    make,
)

MEMBER = "333344445555"

CASES = {
    "complete": (COMPLETE, None),
    "nothing is on": (NOTHING_ON, None),
    "a server": (COMPLETE, SERVER),
    "unknown": (UNKNOWN, UNREADABLE),
}
QUICK = {"a server"}
"""The quick suite lets cfn-lint look at this one, which has the most in it."""


def make_template(bundle: PolicyBundle) -> dict[str, Any]:
    template: dict[str, Any] = yaml.safe_load(render_cloudformation_yaml(bundle))
    return template


def resources_of(kind: str, template: dict[str, Any]) -> list[dict[str, Any]]:
    return [resource for resource in template["Resources"].values() if resource["Type"] == kind]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.long) for name in CASES]
)
def test_cfn_lint_finds_nothing_to_say(name: str) -> None:
    # Each worker that collects would import it, with sympy.
    from cfnlint.api import lint  # type: ignore[import-untyped]  # cfn-lint ships no types
    from cfnlint.config import ManualArgs  # type: ignore[import-untyped]  # cfn-lint ships no types

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
    assert {role["Properties"]["RoleName"]: role["Properties"]["MaxSessionDuration"] for role in roles} == SESSIONS
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
    assert made.pop("rootkeeper-topic-delivery") == "MakesDeliveryRoles"
    assert made.pop("rootkeeper-queue-delivery") == "MakesDeliveryRoles"
    assert made.pop("rootkeeper-region-forwarding") == "IsHomeRegion"
    assert set(made.values()) == {"MakesRoles"}


def test_rules_get_reading_events_too_since_an_audit_makes_no_others() -> None:
    rules = resources_of("AWS::Events::Rule", make_template(make()))
    assert len(rules) == 4
    assert {rule["Properties"]["State"] for rule in rules} == {"ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}


def place(account_id: str, region: str, **parameters: str) -> dict[str, str]:
    """What CloudFormation gives to a stack."""
    defaults = {
        "HomeRegion": "us-east-1",
        "MakeGuardrails": "true",
        "TrailAccountId": DELEGATE,
        "TrailLogGroupName": "",
    }
    return defaults | {"AWS::AccountId": account_id, "AWS::Partition": "aws", "AWS::Region": region} | parameters


def list_targets(template: dict[str, Any], given: dict[str, str]) -> dict[str, list[tuple[str, str | None]]]:
    """Each rule's targets and their roles in one stack; without the rules that it doesn't make."""
    rules = (
        rule
        for rule in resources_of("AWS::Events::Rule", template)
        if "Condition" not in rule or evaluate({"Condition": rule["Condition"]}, template, given)
    )
    return {
        rule["Properties"]["Name"]: [
            (evaluate(target["Arn"], template, given), evaluate(target.get("RoleArn"), template, given))
            for target in evaluate(rule["Properties"]["Targets"], template, given)
        ]
        for rule in rules
    }


TOPIC = f"arn:aws:sns:us-east-1:{DELEGATE}:rootkeeper-alarms"
QUEUE = f"arn:aws:sqs:us-east-1:{DELEGATE}:rootkeeper-root-events"


def test_the_queue_gets_every_record_and_the_topic_what_a_person_must_see_at_once() -> None:
    assert list_targets(make_template(make()), place(DELEGATE, "us-east-1")) == {
        "rootkeeper-long-term-root": [(TOPIC, None), (QUEUE, None)],
        "rootkeeper-strange-caller": [(TOPIC, None), (QUEUE, None)],
        "rootkeeper-known-role": [(QUEUE, None)],
        "rootkeeper-root-session": [(QUEUE, None)],
    }
    alarms = resources_of("AWS::CloudWatch::Alarm", make_template(make()))
    assert [alarm["Properties"]["AlarmName"] for alarm in alarms] == [
        "rootkeeper-long-term-root",
        "rootkeeper-strange-caller",
    ]


@pytest.mark.parametrize("account_id", [MANAGEMENT, DELEGATE, MEMBER])
def test_every_other_region_of_every_account_forwards_to_the_home_region(account_id: str) -> None:
    template, given = make_template(make()), place(account_id, "eu-north-1")
    home = f"arn:aws:events:us-east-1:{account_id}:event-bus/default"
    role = f"arn:aws:iam::{account_id}:role/rootkeeper-region-forwarding"
    targets = list_targets(template, given)
    assert set(map(str, targets.values())) == {str([(home, role)])}
    of_callers = {"rootkeeper-strange-caller", "rootkeeper-known-role"}
    assert of_callers <= set(targets) if account_id in {MANAGEMENT, DELEGATE} else not of_callers & set(targets)
    forwarding = template["Resources"]["ForwardingRole"]
    (statement,) = forwarding["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "events:PutEvents"
    assert evaluate(statement["Resource"], template, given) == home
    made_in = [evaluate({"Condition": forwarding["Condition"]}, template, place(account_id, "us-east-1"))]
    made_in.append(evaluate({"Condition": forwarding["Condition"]}, template, given))
    assert made_in == [True, False]


def test_a_rule_of_another_account_reaches_topic_and_queue_with_the_roles_that_they_allow() -> None:
    """EventBridge delivers to another account with a role alone, and to its own account may fail with one."""
    template, given = make_template(make()), place(MANAGEMENT, "us-east-1")
    assert list_targets(template, given)["rootkeeper-strange-caller"] == [
        (TOPIC, "the role made here"),
        (QUEUE, "the role made here"),
    ]
    for kind, name, arn in (("SNS::Topic", "topic", TOPIC), ("SQS::Queue", "queue", QUEUE)):
        role = template["Resources"][f"{name.capitalize()}DeliveryRole"]["Properties"]
        (statement,) = role["Policies"][0]["PolicyDocument"]["Statement"]
        assert evaluate(statement["Resource"], template, given) == arn
        (policy,) = resources_of(f"AWS::{kind}Policy", template)
        own, others = policy["Properties"]["PolicyDocument"]["Statement"][:2]
        assert own["Principal"] == {"Service": "events.amazonaws.com"}
        assert others["Condition"]["StringEquals"] == {"aws:PrincipalOrgID": "o-exampleorgid"}
        allowed = evaluate(others["Condition"]["ArnLike"]["aws:PrincipalArn"], template, given)
        assert allowed == f"arn:aws:iam::*:role/{role['RoleName']}"


def test_topic_and_queue_are_made_with_the_roles() -> None:
    template = make_template(make())
    for kind in ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy"):
        assert [resource["Condition"] for resource in resources_of(kind, template)] == ["MakesRoles"]


def test_metric_filters_are_made_once_by_the_account_of_the_trail() -> None:
    template = make_template(make())
    condition = {"Condition": "MakesMetricFilters"}
    group = {"TrailLogGroupName": "trail"}
    assert evaluate(condition, template, place(DELEGATE, "us-east-1", **group)) is True
    assert not evaluate(condition, template, place(DELEGATE, "us-east-1"))
    assert not evaluate(condition, template, place(DELEGATE, "eu-north-1", **group))
    assert not evaluate(condition, template, place(MANAGEMENT, "us-east-1", **group))


@pytest.mark.parametrize(
    ("scp", "is_made"),
    [(SCP_ENABLED, True), (ServiceControlPolicies("r-exam", is_enabled=False), False), (None, False)],
)
def test_guardrails_are_made_only_where_their_type_is_known_to_be_enabled(
    scp: ServiceControlPolicies | None, is_made: bool
) -> None:
    template = make_template(make(scp=scp))
    default = template["Parameters"]["MakeGuardrails"]["Default"]
    given = place(MANAGEMENT, "us-east-1", MakeGuardrails=default)
    assert evaluate({"Condition": "MakesGuardrails"}, template, given) is is_made
    assert evaluate({"Condition": "MakesGuardrails"}, template, given | {"MakeGuardrails": "true"}) is True


def test_the_head_says_which_capability_it_needs_and_the_order_of_stacks() -> None:
    text = render_cloudformation_yaml(make())
    head = text.partition("AWSTemplateFormatVersion")[0]
    assert "--capabilities CAPABILITY_NAMED_IAM" in head
    steps = ["1. A StackSet", "2. The management account, which a service-managed StackSet never reaches", "3. ", "4. "]
    positions = [head.index(f"# {step}") for step in steps]
    assert positions == sorted(positions)
    assert head.count("# Not covered: ") == 3
    assert "CAPABILITY_NAMED_IAM" in make_template(make())["Description"]


def test_in_govcloud_the_home_region_is_the_one_of_its_iam() -> None:
    assert make_template(make(partition="aws-us-gov"))["Parameters"]["HomeRegion"]["Default"] == "us-gov-west-1"


def evaluate(value: Any, template: dict[str, Any], given: dict[str, str]) -> Any:
    """A value of the template as CloudFormation would have it, as far as the rules need."""
    if not isinstance(value, dict) or "Arn" in value:
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
        return re.sub(r"\$\{([\w:]+)\}", lambda match: given[match[1]], arguments)
    first, *rest = [evaluate(one, template, given) for one in arguments]
    if function == "Fn::Join":
        return first.join(evaluate(one, template, given) for one in rest[0])
    results: dict[str, Callable[[], Any]] = {
        "Fn::And": lambda: first and all(rest),
        "Fn::Or": lambda: first or any(rest),
        "Fn::Equals": lambda: first == rest[0],
        "Fn::Not": lambda: not first,
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
        "AWS::SNS::Topic",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
    }


def test_text_from_outside_stays_in_its_comment() -> None:
    text = render_cloudformation_yaml(make(UNKNOWN, UNREADABLE))
    assert all(line.startswith("#") for line in text.splitlines() if "evil" in line)
    assert "evil" in text


def test_roles_in_the_management_account_need_one_condition_less() -> None:
    template = make_template(make(NOTHING_ON, PolicyInputs()))
    assert template["Conditions"]["OpensRootSessions"] == {"Fn::Equals": [{"Ref": "AWS::AccountId"}, MANAGEMENT]}
