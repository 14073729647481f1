"""A CloudFormation template of the shipped roles, guardrails and alarms, as YAML or JSON.

One template for every account: conditions on ``AWS::AccountId`` decide what is made where, so that it can be a stack in
the management account and in the roles' account, and a StackSet everywhere else. Nothing is attached, and no alarm
rings, until a parameter names where.

CloudFormation has no resource for the features, trusted access or a delegated administrator of IAM; ``rootkeeper
enable`` and the Terraform code do these. Source: AWS CloudFormation resource reference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from rootkeeper.domain.shipped_policies.alarms import EVERY_EVENT_STATE, METRIC_NAMESPACE, Alarm, AlarmKind, Receiver
from rootkeeper.domain.shipped_policies.bundle import PolicyBundle
from rootkeeper.domain.shipped_policies.documents import make_document
from rootkeeper.domain.shipped_policies.guardrails import Guardrail, GuardrailKind
from rootkeeper.domain.shipped_policies.roles import CallerRole

Json = dict[str, Any]

_WIDTH = 120

_PARAMETERS: Json = {
    "HomeRegion": {
        "Type": "String",
        "Default": "us-east-1",
        "Description": "Roles and guardrails are global: they are made by the stack in this Region alone.",
    },
    "DenyLongTermRootTargets": {
        "Type": "CommaDelimitedList",
        "Default": "",
        "Description": "Ids of the root, units or accounts where long-term root is denied. Begin with one test unit.",
    },
    "CapTargets": {
        "Type": "CommaDelimitedList",
        "Default": "",
        "Description": "Ids of the accounts whose root sessions are capped: the delegated administrator.",
    },
    "AlarmTopicArn": {
        "Type": "String",
        "Default": "",
        "Description": "SNS topic in this Region that wakes somebody. Its policy must let events.amazonaws.com publish,"
        f" and the roles {Receiver.TOPIC.role_name} of the other accounts.",
    },
    "MatchingQueueArn": {
        "Type": "String",
        "Default": "",
        "Description": "SQS queue in this Region for records to be matched with the ledger. Its policy must let"
        f" events.amazonaws.com send, and the roles {Receiver.QUEUE.role_name} of the other accounts.",
    },
    "TrailLogGroupName": {
        "Type": "String",
        "Default": "",
        "Description": "Log group of the organization trail, in the account that has it. Metric filters go there.",
    },
}

_GUARDRAIL_PARAMETERS = {
    GuardrailKind.DENY_LONG_TERM_ROOT: "DenyLongTermRootTargets",
    GuardrailKind.CAP_DELEGATED_ADMINISTRATOR: "CapTargets",
}

_RECEIVER_PARAMETERS = {Receiver.QUEUE: "MatchingQueueArn", Receiver.TOPIC: "AlarmTopicArn"}

_IN_CALLER_ACCOUNTS = frozenset({AlarmKind.STRANGE_CALLER, AlarmKind.KNOWN_ROLE})


def render_cloudformation_yaml(bundle: PolicyBundle) -> str:
    """The template with a head of comments; the same bundle gives the same text."""
    body = yaml.dump(make_template(bundle), Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True)
    return f"{_render_head(bundle)}{body}"


def render_cloudformation_json(bundle: PolicyBundle) -> str:
    return json.dumps(make_template(bundle), indent=2) + "\n"


def make_template(bundle: PolicyBundle) -> Json:
    """The template as data."""
    organization_id = bundle.ground.organization.organization_id
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Rootkeeper: caller roles, guardrails and alarms for the organization {organization_id}",
        "Parameters": _choose_parameters(bundle),
        "Conditions": _make_conditions(bundle),
        "Resources": {
            **{f"{_pascal(role.role.value)}Role": _make_role(role) for role in bundle.roles},
            **{_pascal(guardrail.kind.value): _make_guardrail(guardrail) for guardrail in bundle.guardrails},
            **{_delivery_role(receiver): _make_delivery_role(receiver) for receiver in Receiver},
            **_make_alarms(bundle),
        },
        "Outputs": {
            f"{_pascal(role.role.value)}RoleArn": {
                "Condition": "MakesRoles",
                "Description": f"For the setting aws.roles.{role.role.value} of a Rootkeeper server",
                "Value": {"Fn::GetAtt": [f"{_pascal(role.role.value)}Role", "Arn"]},
            }
            for role in bundle.roles
        },
    }


def _choose_parameters(bundle: PolicyBundle) -> Json:
    """All but those of guardrails that weren't made."""
    made = {guardrail.kind for guardrail in bundle.guardrails}
    idle = {parameter for kind, parameter in _GUARDRAIL_PARAMETERS.items() if kind not in made}
    return {name: parameter for name, parameter in _PARAMETERS.items() if name not in idle}


def _make_conditions(bundle: PolicyBundle) -> Json:
    management_id = bundle.ground.organization.management_account_id
    callers = sorted({management_id, bundle.role_account_id, *bundle.ground.delegate_ids})
    optional = [name for name, parameter in _choose_parameters(bundle).items() if parameter["Default"] == ""]
    given = {name: {"Fn::Not": [{"Fn::Equals": [_joined(name), ""]}]} for name in optional}
    is_caller = [{"Fn::Equals": [{"Ref": "AWS::AccountId"}, account_id]} for account_id in callers]
    return {
        "IsManagementAccount": {"Fn::Equals": [{"Ref": "AWS::AccountId"}, management_id]},
        "IsRoleAccount": {"Fn::Equals": [{"Ref": "AWS::AccountId"}, bundle.role_account_id]},
        "IsHomeRegion": {"Fn::Equals": [{"Ref": "AWS::Region"}, {"Ref": "HomeRegion"}]},
        "OpensRootSessions": {"Fn::Or": is_caller} if len(is_caller) > 1 else is_caller[0],
        **{f"Has{name}": condition for name, condition in given.items()},
        "MakesGuardrails": _both("IsManagementAccount", "IsHomeRegion"),
        "MakesRoles": _both("IsRoleAccount", "IsHomeRegion"),
        "PagesOnCallers": _both("OpensRootSessions", "HasAlarmTopicArn"),
        "MatchesCallers": _both("OpensRootSessions", "HasMatchingQueueArn"),
        "AlarmsOnMetrics": _both("HasTrailLogGroupName", "HasAlarmTopicArn"),
        **{_elsewhere(receiver): _is_elsewhere(receiver) for receiver in Receiver},
        **{_makes_delivery(receiver): _both("IsHomeRegion", _elsewhere(receiver)) for receiver in Receiver},
    }


def _delivery_role(receiver: Receiver) -> str:
    return f"{_pascal(receiver.value)}DeliveryRole"


def _makes_delivery(receiver: Receiver) -> str:
    return f"Makes{_delivery_role(receiver)}"


def _elsewhere(receiver: Receiver) -> str:
    return f"{_pascal(receiver.value)}IsElsewhere"


def _is_elsewhere(receiver: Receiver) -> Json:
    """Whether the receiver is in another account than the stack."""
    is_here = {"Fn::Equals": [_part_of_arn(receiver, 4), {"Ref": "AWS::AccountId"}]}
    return {"Fn::And": [{"Condition": f"Has{_RECEIVER_PARAMETERS[receiver]}"}, {"Fn::Not": [is_here]}]}


def _part_of_arn(receiver: Receiver, index: int) -> Json:
    """An ARN that isn't given has that part, too: conditions are evaluated whether it is given or not."""
    padded = {"Fn::Join": ["", [{"Ref": _RECEIVER_PARAMETERS[receiver]}, ":::::"]]}
    return {"Fn::Select": [index, {"Fn::Split": [":", padded]}]}


def _joined(parameter: str) -> Json:
    is_list = _PARAMETERS[parameter]["Type"] == "CommaDelimitedList"
    return {"Fn::Join": ["", {"Ref": parameter}]} if is_list else {"Ref": parameter}


def _both(first: str, second: str) -> Json:
    return {"Fn::And": [{"Condition": first}, {"Condition": second}]}


def _make_role(role: CallerRole) -> Json:
    return {
        "Type": "AWS::IAM::Role",
        "Condition": "MakesRoles",
        "Properties": {
            "RoleName": role.name,
            "Description": role.description,
            "MaxSessionDuration": 3600,
            "AssumeRolePolicyDocument": role.trust_policy,
            "Policies": [{"PolicyName": role.name, "PolicyDocument": role.permission_policy}],
        },
    }


def _make_delivery_role(receiver: Receiver) -> Json:
    """One for all Regions: the stack in each of them may be given another receiver of the same name."""
    service = receiver.sending_action.partition(":")[0]
    parts = {"Account": _part_of_arn(receiver, 4), "Name": _part_of_arn(receiver, 5)}
    allowed = {
        "Effect": "Allow",
        "Action": receiver.sending_action,
        "Resource": {"Fn::Sub": [f"arn:${{AWS::Partition}}:{service}:*:${{Account}}:${{Name}}", parts]},
    }
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    return {
        "Type": "AWS::IAM::Role",
        "Condition": _makes_delivery(receiver),
        "Properties": {
            "RoleName": receiver.role_name,
            "Description": f"Sends what the rules of Rootkeeper pick to the {receiver.value} in another account",
            "AssumeRolePolicyDocument": make_document([trusted]),
            "Policies": [{"PolicyName": receiver.role_name, "PolicyDocument": make_document([allowed])}],
        },
    }


def _make_guardrail(guardrail: Guardrail) -> Json:
    parameter = _GUARDRAIL_PARAMETERS[guardrail.kind]
    return {
        "Type": "AWS::Organizations::Policy",
        "Condition": "MakesGuardrails",
        "Properties": {
            "Name": guardrail.kind.policy_name,
            "Description": guardrail.description,
            "Type": "SERVICE_CONTROL_POLICY",
            "Content": guardrail.content,
            "TargetIds": {"Fn::If": [f"Has{parameter}", {"Ref": parameter}, {"Ref": "AWS::NoValue"}]},
        },
    }


def _make_alarms(bundle: PolicyBundle) -> Json:
    resources: Json = {}
    for alarm in bundle.alarms:
        resources[f"{alarm.metric_name}Rule"] = _make_rule(alarm)
        resources[f"{alarm.metric_name}MetricFilter"] = _make_metric_filter(alarm)
        if not alarm.needs_matching:
            resources[f"{alarm.metric_name}Alarm"] = _make_metric_alarm(alarm)
    return resources


def _make_rule(alarm: Alarm) -> Json:
    receiver = alarm.receiver
    parameter = _RECEIVER_PARAMETERS[receiver]
    in_callers = "MatchesCallers" if alarm.needs_matching else "PagesOnCallers"
    return {
        "Type": "AWS::Events::Rule",
        "Condition": in_callers if alarm.kind in _IN_CALLER_ACCOUNTS else f"Has{parameter}",
        "Properties": {
            "Name": alarm.name,
            "Description": alarm.description,
            "State": EVERY_EVENT_STATE,
            "EventPattern": _plain(alarm.event_pattern),
            "Targets": [
                {
                    "Id": alarm.name,
                    "Arn": {"Ref": parameter},
                    "RoleArn": _choose_delivery(receiver),
                }
            ],
        },
    }


def _choose_delivery(receiver: Receiver) -> Json:
    """The ARN of the role made here, or else in HomeRegion; none within the account."""
    made_here = {"Fn::GetAtt": [_delivery_role(receiver), "Arn"]}
    made_there = {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{receiver.role_name}"}
    elsewhere = {"Fn::If": [_elsewhere(receiver), made_there, {"Ref": "AWS::NoValue"}]}
    return {"Fn::If": [_makes_delivery(receiver), made_here, elsewhere]}


def _make_metric_filter(alarm: Alarm) -> Json:
    transformation = {"MetricNamespace": METRIC_NAMESPACE, "MetricName": alarm.metric_name, "MetricValue": "1"}
    return {
        "Type": "AWS::Logs::MetricFilter",
        "Condition": "HasTrailLogGroupName",
        "Properties": {
            "FilterName": alarm.name,
            "LogGroupName": {"Ref": "TrailLogGroupName"},
            "FilterPattern": alarm.metric_filter,
            "MetricTransformations": [{**transformation, "DefaultValue": 0}],
        },
    }


def _make_metric_alarm(alarm: Alarm) -> Json:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Condition": "AlarmsOnMetrics",
        "Properties": {
            "AlarmName": alarm.name,
            "AlarmDescription": alarm.description,
            "Namespace": METRIC_NAMESPACE,
            "MetricName": alarm.metric_name,
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{"Ref": "AlarmTopicArn"}],
        },
    }


def _render_head(bundle: PolicyBundle) -> str:
    organization = bundle.ground.organization
    lines = [
        f"Rootkeeper for the organization {organization.organization_id}: caller roles, guardrails and alarms.",
        "",
        f"In the management account {organization.management_account_id}: the guardrails.",
        f"In the account {bundle.role_account_id}: the roles.",
        "In every account, as a StackSet: the rules on root activity, in us-east-1, where root sign-ins are recorded,",
        "and in every Region with buckets or queues. Topic and queue must be in the rule's Region; in another account",
        "they are reached with the roles rootkeeper-…-delivery, which the stack in HomeRegion makes.",
        "With TrailLogGroupName in the account of the organization trail: metric filters that see every account.",
        "",
        "It switches nothing on: CloudFormation has no resource for trusted access, the features or the delegated",
        "administrator of IAM. Use rootkeeper enable, or rootkeeper policies terraform.",
        "Two alarms wake somebody. The records of the other two must be matched with the ledger first:",
        "rootkeeper policies alarms --judge FILE.",
        *(f"Note: {' '.join(remark.split())}" for remark in bundle.remarks),
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _pascal(words: str) -> str:
    return "".join(word.capitalize() for word in words.split("-"))


def _plain(value: Any) -> Any:
    """Any mapping as a dict, which is what the writers take."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


class _Dumper(yaml.SafeDumper):
    """Writes each value out, so that no reader has to follow anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the writer asks about each value
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - lists too
        super().increase_indent(flow, indentless=False)
