"""Renders the shipped roles, guardrails and alarms as CloudFormation and Terraform code, and lists every text to copy.

A template writes only plain words itself, such as an account id or a role's name. Everything else goes through a filter
that quotes it for its language, so that no text from outside becomes code; a template that forgets the filter fails.

The same CloudFormation template serves every account and Region: conditions select a stack's resources. It attaches
no guardrail until a parameter names the target. Topic and queue are in a single Region of the roles' account; rules
in all other Regions forward to it, because EventBridge delivers to a topic or a queue of its own Region alone.
CloudFormation has no resource for the features, trusted access or a delegated administrator of IAM; Terraform has.

The Terraform code creates the features only if they were missing when the organization was read, and the delegated
administrator only if a variable says so. It doesn't create trusted access: the only resource for it that provider 5
knows is ``aws_organizations_organization``, and its ``aws_service_access_principals`` is the complete list. A second
configuration would switch off trusted access for every other service.

Source: AWS CloudFormation resource reference; Terraform documentation, "Configuration syntax" and "Strings and
templates"; Terraform AWS provider 5.100, iam_organizations_features, organizations_delegated_administrator,
organizations_policy, cloudwatch_event_rule, cloudwatch_log_metric_filter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from itertools import groupby
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined, Template

from rootkeeper.aws.resources import EVERY_EVENT_STATE
from rootkeeper.organization.accounts import IAM_SERVICE_PRINCIPAL, Feature, get_iam_region
from rootkeeper.shipped_policies.bundle import METRIC_NAMESPACE, PolicyBundle, Receiver
from rootkeeper.shipped_policies.documents import render_document
from rootkeeper.shipped_policies.records import PolicyForm, PolicyTextRecord, alarms_to_records
from rootkeeper.shipped_policies.rules import GuardrailKind

_PLAIN_WORD = re.compile(r"[\w.:/-]* *", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_INDENT = "  "
_YAML_WIDTH = 120


class _Code(str):
    """Text that a filter has written, so that it can't break out of its place."""

    __slots__ = ()


def load_code_template(name: str) -> Template:
    """The template ``name``, such as ``terraform.tf.jinja``; it writes a file's text."""
    return code_environment().from_string((resources.files(__package__) / "templates" / name).read_text("utf-8"))


@cache
def code_environment() -> Environment:
    """Jinja with the filters ``hcl`` and ``yaml`` for values, and ``comment`` for a text in a single comment line."""
    environment = Environment(
        autoescape=False,  # noqa: S701 - it would escape for HTML; _ensure_code refuses text that no filter has quoted
        undefined=StrictUndefined,
        finalize=_ensure_code,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "comment": lambda text: _Code(" ".join(text.split())),
        "hcl": lambda value, indent=0: _Code(render_hcl(value, " " * indent)),
        "pascal": lambda text: "".join(word.capitalize() for word in text.split("-")),
        "snake": lambda text: text.replace("-", "_"),
        "yaml": lambda mapping, indent: _Code(render_yaml(mapping, indent)),
    }
    return environment


def _ensure_code(value: Any) -> Any:
    """:raises ValueError: if a template is about to write a text that no filter has quoted."""
    if isinstance(value, str) and not isinstance(value, _Code) and not _PLAIN_WORD.fullmatch(value):
        raise ValueError(f"{value!r} isn't quoted")
    return value


def render_yaml(mapping: Mapping[str, Any], indent: int) -> str:
    """The lines of ``mapping``; all but the first are indented by ``indent`` columns."""
    text = yaml.dump(mapping, Dumper=_Dumper, sort_keys=False, width=_YAML_WIDTH - indent)
    return text.rstrip("\n").replace("\n", f"\n{' ' * indent}")


class _Dumper(yaml.SafeDumper):
    """Writes each value out, so that no reader has to follow anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the writer asks about each value
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - lists too
        super().increase_indent(flow, indentless=False)


def render_hcl(value: Any, indent: str = "") -> str:
    """A value of Terraform's language; all lines but the first are indented by ``indent``."""
    inner = indent + _INDENT
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, Mapping):
        return "\n".join(["{", *_render_pairs(value.items(), inner), f"{indent}}}"]) if value else "{}"
    if isinstance(value, list | tuple):
        texts = [render_hcl(item, inner) for item in value]
        if len(texts) <= 1 and not any("\n" in text for text in texts):
            return f"[{', '.join(texts)}]"
        return "\n".join(["[", *(f"{inner}{text}," for text in texts), f"{indent}]"])
    return json.dumps(value)


def _render_pairs(pairs: Iterable[tuple[str, Any]], indent: str) -> Iterator[str]:
    """``name = value`` lines; consecutive values without a line break are aligned, as ``terraform fmt`` does."""
    rendered = [
        (name if _IDENTIFIER.fullmatch(name) else _quote(name), render_hcl(value, indent)) for name, value in pairs
    ]
    for is_multiline, run in groupby(rendered, key=lambda pair: "\n" in pair[1]):
        aligned = list(run)
        width = 0 if is_multiline else max(len(name) for name, _ in aligned)
        for name, text in aligned:
            yield f"{indent}{name:<{width}} = {text}"


def _quote(text: str) -> str:
    """A string in which nothing is evaluated."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


_GUARDRAIL_PARAMETERS = {
    GuardrailKind.DENY_LONG_TERM_ROOT: "DenyLongTermRootTargets",
    GuardrailKind.CAP_DELEGATED_ADMINISTRATOR: "CapTargets",
}

TOPIC_NAME, QUEUE_NAME = "rootkeeper-alarms", "rootkeeper-root-events"
FORWARDING_ROLE_NAME = "rootkeeper-region-forwarding"
"""Of the role that sends from another Region to the home Region of the same account."""


def render_cloudformation_yaml(bundle: PolicyBundle) -> str:
    """The template with a head of comments; the same bundle gives the same text."""
    organization = bundle.ground.organization
    names = {Receiver.TOPIC: f"sns:${{HomeRegion}}:{bundle.role_account_id}:{TOPIC_NAME}"}
    names[Receiver.QUEUE] = f"sqs:${{HomeRegion}}:{bundle.role_account_id}:{QUEUE_NAME}"
    return load_code_template("cloudformation.yaml.jinja").render(
        bundle=bundle,
        callers=list(bundle.caller_account_ids),
        every_event_state=EVERY_EVENT_STATE,
        forwarding_role_name=FORWARDING_ROLE_NAME,
        guardrail_parameters=_GUARDRAIL_PARAMETERS,
        home_bus_arn=_Code("arn:${AWS::Partition}:events:${HomeRegion}:${AWS::AccountId}:event-bus/default"),
        home_region=get_iam_region(organization.partition),
        metric_namespace=METRIC_NAMESPACE,
        organization=organization,
        queue_name=QUEUE_NAME,
        Receiver=Receiver,
        receiver_arns={receiver: _Code(f"arn:${{AWS::Partition}}:{name}") for receiver, name in names.items()},
        topic_name=TOPIC_NAME,
        target_parameters=[_GUARDRAIL_PARAMETERS[guardrail.kind] for guardrail in bundle.guardrails],
    )


def render_cloudformation_json(bundle: PolicyBundle) -> str:
    """The same template; JSON has no comments."""
    return json.dumps(yaml.safe_load(render_cloudformation_yaml(bundle)), indent=2) + "\n"


def render_terraform(bundle: PolicyBundle) -> str:
    """Render a single file, a root configuration; the same bundle gives the same text."""
    setup = bundle.ground.setup
    lacks_features = setup.features is not None and not setup.features >= set(Feature)
    # Where root sessions are opened, by the name of the provider; the roles' account only if it is another account.
    management_id = bundle.ground.organization.management_account_id
    others = {} if bundle.role_account_id == management_id else {"roles": bundle.role_account_id}
    return load_code_template("terraform.tf.jinja").render(
        accounts={"management": management_id, **others},
        bundle=bundle,
        every_event_state=EVERY_EVENT_STATE,
        features=[feature.value for feature in sorted(Feature)],
        iam_service_principal=IAM_SERVICE_PRINCIPAL,
        is_trusted_access_off=setup.trusted_access is False,
        manages_features=lacks_features and setup.trusted_access is not False,
        metric_namespace=METRIC_NAMESPACE,
        organization=bundle.ground.organization,
        Receiver=Receiver,
        receiver_variables={Receiver.QUEUE: "var.matching_queue_arn", Receiver.TOPIC: "var.alarm_topic_arn"},
        target_variables={
            GuardrailKind.DENY_LONG_TERM_ROOT: "deny_long_term_root_targets",
            GuardrailKind.CAP_DELEGATED_ADMINISTRATOR: "cap_targets",
        },
    )


def list_policy_texts(bundle: PolicyBundle) -> list[PolicyTextRecord]:
    """List the two policies of each role, then guardrails, templates, Terraform code and alarms.

    The texts are those that the ``policies`` commands print.
    """
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
    contents = "roles, guardrails and alarms"
    yield {
        "file_name": "rootkeeper.yaml",
        "title": "CloudFormation template, YAML",
        "description": f"One template of {contents}. Its first lines have the order of the stacks.",
        "form": PolicyForm.CLOUDFORMATION,
        "role": None,
        "language": "yaml",
        "content": render_cloudformation_yaml(bundle),
    }
    yield {
        "file_name": "rootkeeper.template.json",
        "title": "CloudFormation template, JSON",
        "description": f"The same template of {contents}, without its comments.",
        "form": PolicyForm.CLOUDFORMATION,
        "role": None,
        "language": "json",
        "content": render_cloudformation_json(bundle),
    }
    yield {
        "file_name": "rootkeeper.tf",
        "title": "Terraform configuration",
        "description": f"The set-up, {contents}. Comments show how to import what exists.",
        "form": PolicyForm.TERRAFORM,
        "role": None,
        "language": "hcl",
        "content": render_terraform(bundle),
    }
    yield {
        "file_name": "rootkeeper-alarms.json",
        "title": "Alarms",
        "description": "A CloudWatch metric filter and an EventBridge pattern for each alarm.",
        "form": PolicyForm.ALARMS,
        "role": None,
        "language": "json",
        "content": json.dumps(alarms_to_records(bundle), indent=2, ensure_ascii=False) + "\n",
    }
