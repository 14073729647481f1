"""A CloudFormation template of the shipped roles, guardrails and alarms, as YAML or JSON.

One template for every account: conditions on ``AWS::AccountId`` decide what is made where, so that it can be a stack in
the management account and in the roles' account, and a StackSet everywhere else. Nothing is attached, and no alarm
rings, until a parameter names where.

CloudFormation has no resource for the features, trusted access or a delegated administrator of IAM; ``rootkeeper
enable`` and the Terraform code do these. Source: AWS CloudFormation resource reference.
"""

from __future__ import annotations

import json

import yaml

from rootkeeper.domain.shipped_policies.alarms import EVERY_EVENT_STATE, METRIC_NAMESPACE, AlarmKind, Receiver
from rootkeeper.domain.shipped_policies.bundle import PolicyBundle
from rootkeeper.domain.shipped_policies.guardrails import GuardrailKind
from rootkeeper.reports.code_templates import load_code_template

_GUARDRAIL_PARAMETERS = {
    GuardrailKind.DENY_LONG_TERM_ROOT: "DenyLongTermRootTargets",
    GuardrailKind.CAP_DELEGATED_ADMINISTRATOR: "CapTargets",
}
_RECEIVER_PARAMETERS = {Receiver.QUEUE: "MatchingQueueArn", Receiver.TOPIC: "AlarmTopicArn"}
_RULE_CONDITIONS = {
    AlarmKind.LONG_TERM_ROOT: "HasAlarmTopicArn",
    AlarmKind.STRANGE_CALLER: "PagesOnCallers",
    AlarmKind.KNOWN_ROLE: "MatchesCallers",
    AlarmKind.ROOT_SESSION: "HasMatchingQueueArn",
}


def render_cloudformation_yaml(bundle: PolicyBundle) -> str:
    """The template with a head of comments; the same bundle gives the same text."""
    organization = bundle.ground.organization
    return load_code_template("cloudformation.yaml.jinja").render(
        bundle=bundle,
        callers=sorted({organization.management_account_id, bundle.role_account_id, *bundle.ground.delegate_ids}),
        every_event_state=EVERY_EVENT_STATE,
        guardrail_parameters=_GUARDRAIL_PARAMETERS,
        metric_namespace=METRIC_NAMESPACE,
        organization=organization,
        Receiver=Receiver,
        receiver_parameters=_RECEIVER_PARAMETERS,
        rule_conditions=_RULE_CONDITIONS,
        target_parameters=[_GUARDRAIL_PARAMETERS[guardrail.kind] for guardrail in bundle.guardrails],
    )


def render_cloudformation_json(bundle: PolicyBundle) -> str:
    """The same template; JSON has no comments."""
    return json.dumps(yaml.safe_load(render_cloudformation_yaml(bundle)), indent=2) + "\n"
