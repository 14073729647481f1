"""Every shipped policy as text that can be copied, in each of its forms. Changes nothing.

The texts are those that the ``policies`` commands print.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from rootkeeper.shipped_policies.bundle import PolicyBundle
from rootkeeper.shipped_policies.documents import render_document
from rootkeeper.shipped_policies.infrastructure_code import (
    render_cloudformation_json,
    render_cloudformation_yaml,
    render_terraform,
)
from rootkeeper.shipped_policies.records import PolicyForm, PolicyTextRecord, alarms_to_records

_STEM = "rootkeeper"


def list_policy_texts(bundle: PolicyBundle) -> list[PolicyTextRecord]:
    """List the two policies of each role, then guardrails, templates, Terraform code and alarms."""
    return [*_list_roles(bundle), *_list_guardrails(bundle), *_list_code(bundle)]


def _list_roles(bundle: PolicyBundle) -> Iterator[PolicyTextRecord]:
    for role in (*bundle.roles, bundle.set_up_role):
        yield {
            "file_name": f"{role.name}-permissions.json",
            "title": f"{role.name}: permissions",
            "description": f"{role.description}.",
            "form": PolicyForm.PERMISSIONS,
            "role": role.role,
            "language": "json",
            "content": render_document(role.permission_policy),
        }
        yield {
            "file_name": f"{role.name}-trust.json",
            "title": f"{role.name}: trust",
            "description": f"Who can assume {bundle.arn_of(role)}. Set its MaxSessionDuration to "
            f"{role.max_session_seconds} seconds.",
            "form": PolicyForm.TRUST,
            "role": role.role,
            "language": "json",
            "content": render_document(role.trust_policy),
        }


def _list_guardrails(bundle: PolicyBundle) -> Iterator[PolicyTextRecord]:
    for guardrail in bundle.guardrails:
        name = guardrail.kind.policy_name
        yield {
            "file_name": f"{name}.json",
            "title": name,
            "description": f"{guardrail.description}. Attach it to: {', '.join(guardrail.attach_to)}.",
            "form": PolicyForm.SCP,
            "role": None,
            "language": "json",
            "content": render_document(guardrail.content),
        }


def _list_code(bundle: PolicyBundle) -> Iterator[PolicyTextRecord]:
    what = "roles, guardrails and alarms"
    yield {
        "file_name": f"{_STEM}.yaml",
        "title": "CloudFormation template, YAML",
        "description": f"One template of {what}. Its first lines have the order of the stacks.",
        "form": PolicyForm.CLOUDFORMATION,
        "role": None,
        "language": "yaml",
        "content": render_cloudformation_yaml(bundle),
    }
    yield {
        "file_name": f"{_STEM}.template.json",
        "title": "CloudFormation template, JSON",
        "description": f"The same template of {what}, without its comments.",
        "form": PolicyForm.CLOUDFORMATION,
        "role": None,
        "language": "json",
        "content": render_cloudformation_json(bundle),
    }
    yield {
        "file_name": f"{_STEM}.tf",
        "title": "Terraform configuration",
        "description": f"The set-up, {what}. Comments show how to import what exists.",
        "form": PolicyForm.TERRAFORM,
        "role": None,
        "language": "hcl",
        "content": render_terraform(bundle),
    }
    yield {
        "file_name": f"{_STEM}-alarms.json",
        "title": "Alarms",
        "description": "A CloudWatch metric filter and an EventBridge pattern for each alarm.",
        "form": PolicyForm.ALARMS,
        "role": None,
        "language": "json",
        "content": json.dumps(alarms_to_records(bundle), indent=2, ensure_ascii=False) + "\n",
    }
